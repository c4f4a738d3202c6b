// SPDX-License-Identifier: Apache-2.0
/**
 * What run.ts runs in Moddable's simulator: visits the servers that the storage lists, and says how each visit ended.
 *
 * A visit that connects sends a block that is longer than any window, and wants it back.
 */
import type { DeviceError } from "moorline";
import host from "moorline/host";

interface Visit {
	name: string;
	port: number;
	/** What the certificate must be for. */
	host: string;
	/** Storage keys: the anchors, and the client's chain; its key is `key`. */
	anchors: string[];
	client: string[];
	protocols: string[];
}

const BLOCK = 20_000;
/** How long after its end a stream is watched for what must not come. */
const WATCH = 100;
const TIMEOUT = 10_000;

const domain = host.storage.open({ path: "visits" });
const read = (key: string): Uint8Array => domain.read(key)!;
const plan = read("plan");
const visits: Visit[] = JSON.parse(host.text.decode(plan, 0, plan.byteLength));

function visit({ name, port, host: serverName, anchors, client, protocols }: Visit, onEnd: () => void): void {
	let sent = 0;
	let received = 0;
	let result = "";
	const finish = (text: string): void => {
		result += (result === "" ? "" : ", then ") + text;
		if (result !== text) return;
		host.timer.clear(watchdog);
		stream.close();
		host.timer.set(() => {
			host.trace(`visit ${name} | ${result}`);
			onEnd();
		}, WATCH);
	};
	const stream = new host.tls.io({
		address: "127.0.0.1", port, host: serverName,
		secure: {
			certificates: anchors.map(read), clientCertificates: client.map(read),
			clientKey: client.length > 0 ? read("key") : undefined,
			applicationLayerProtocolNegotiation: protocols,
		},
		onWritable(count) {
			const block = new Uint8Array(Math.min(count, BLOCK - sent));
			for (let index = 0; index < block.byteLength; index++) block[index] = sent + index;
			sent += block.byteLength;
			stream.write(block);
		},
		onReadable(count) {
			const block = new Uint8Array(count);
			stream.read(block);
			if (block.some((byte, index) => byte !== (received + index & 0xff))) return finish("wrong bytes");
			received += count;
			if (received === BLOCK) finish("ok");
		},
		onError: (error: DeviceError) => finish(`${error.code} ${error.detail ?? ""}: ${error.message}`),
	});
	const watchdog = host.timer.set(() => finish("nothing happened"), TIMEOUT);
}

function proceed(): void {
	const next = visits.shift();
	if (next === undefined) host.trace("visits done");
	else visit(next, proceed);
}

proceed();
