// SPDX-License-Identifier: Apache-2.0
/** Files of the private cloud over mosquitto, under the access rules of the documentation: in order, and across a cut. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { createHost } from "../../hosts/node/index.js";
import { createAuthority } from "../../hosts/simulator/authority.js";
import { createCloud, IDENTITY_DOMAIN, writeIdentity, type Cloud, type DeviceIdentity } from "../../hosts/simulator/index.js";
import { decode } from "../../hosts/simulator/services/formats.js";
import { packageRoot } from "../../hosts/xs/node/build.js";
import type { Closer } from "../../src/base/closer.js";
import { privateCloud } from "../../src/clouds/private/index.js";
import { Device } from "../../src/device.js";
import { UpdateError } from "../../src/ota/failure.js";
import { BLOCK_LENGTH } from "../../src/ota/source.js";
import { StreamSource } from "../../src/ota/stream-source.js";
import { Cable } from "./cable.js";
import { Mosquitto, needsMosquitto } from "./mosquitto.js";

const OPTIONS = { ...needsMosquitto, timeout: 60_000 };
const DOCUMENT = readFileSync(join(packageRoot, "docs/private-cloud.md"), "utf8");
const NAME = "release-1";
const COUNT = 256;
/** 1 MB. */
const FILE = Uint8Array.from({ length: COUNT * BLOCK_LENGTH }, (_, index) => index * 7 + (index >> 8) + (index >> 16));

function example(pattern: RegExp): string {
	const [, text] = pattern.exec(DOCUMENT) ?? [];
	assert.ok(text !== undefined, `the documentation has no ${String(pattern)}`);
	return text;
}

function startDevice(context: TestContext, identity: DeviceIdentity): { device: Device; connections: () => number; errors: string[] } {
	const path = mkdtempSync(join(tmpdir(), "moorline-files-"));
	context.after(() => rmSync(path, { recursive: true, force: true }));
	const host = createHost({ directory: path });
	const domain = host.storage.open({ path: IDENTITY_DOMAIN });
	writeIdentity(domain, identity);
	domain.close();
	let connections = 0;
	const errors: string[] = [];
	const device = new Device({
		host, cloud: privateCloud({ reconnect: { base: 50, cap: 50 } }),
		onConnected: () => { connections++; },
		onError: (error) => { errors.push(error.message); },
	});
	context.after(() => device.close());
	return { device, connections: () => connections, errors };
}

/** @returns what came, until the end or the failure that it is rejected with */
function read(device: Device, name: string, first: number, end: number, onBlock: (count: number) => void = () => {}): Promise<Uint8Array> {
	const bytes = new Uint8Array((end - first) * BLOCK_LENGTH);
	let position = 0;
	const source = new StreamSource(device, name, 0);
	return new Promise((resolve, reject) => {
		const opened: Closer = source.open(first * BLOCK_LENGTH, end * BLOCK_LENGTH, {
			onBytes(borrowed, start, stop) {
				bytes.set(borrowed.subarray(start, stop), position);
				position += stop - start;
				onBlock(position / BLOCK_LENGTH);
				return true;
			},
			onEnd() {
				opened.close();
				resolve(bytes.subarray(0, position));
			},
			onFailed(error) {
				opened.close();
				reject(error);
			},
		});
	});
}

const reasonOf = (promise: Promise<unknown>): Promise<string> => promise.then(() => "none", (error: unknown) => (error as UpdateError).reason);

async function start(context: TestContext): Promise<{ cloud: Cloud; identity: DeviceIdentity; cable: Cable }> {
	const authority = await createAuthority();
	const server = await authority.issueServer();
	const mosquitto = await Mosquitto.start({
		anchor: authority.certificate, server: { chain: [server.certificate], key: server.key }, access: example(/^```acl\n([\s\S]*?)^```$/m),
	});
	context.after(() => mosquitto.stop());
	const cloud = await createCloud({ authority });
	context.after(() => cloud.close());
	await cloud.bridge({ url: `mqtts://localhost:${mosquitto.port}` });
	const cable = await Cable.lay(context, mosquitto.port);
	return { cloud, cable, identity: await cloud.manufacture("lamp-1", { endpoint: `mqtts://localhost:${cable.port}` }) };
}

test("mosquitto: a file of 1 MB comes in order, across a connection that is cut in the middle, and from the middle on", OPTIONS, async context => {
	const { cloud, identity, cable } = await start(context);
	cloud.files.put("lamp-1", NAME, FILE);
	cloud.files.put("other", "theirs", FILE);
	const { device, connections, errors } = startDevice(context, identity);
	const got = await read(device, NAME, 0, COUNT, count => { if (count === COUNT / 2) cable.cut(); });
	assert.ok(Buffer.from(got).equals(FILE));
	assert.equal(connections(), 2);
	const rest = await read(device, NAME, COUNT - 3, COUNT);
	assert.ok(Buffer.from(rest).equals(FILE.subarray((COUNT - 3) * BLOCK_LENGTH)));

	assert.equal(await reasonOf(read(device, "theirs", 0, 1)), "not-found");
	assert.equal(await reasonOf(read(device, NAME, COUNT, COUNT + 20)), "truncated");
	cloud.files.put("lamp-1", NAME, FILE, { isReplaced: true });
	assert.equal(await reasonOf(read(device, NAME, 0, 1)), "changed");
	assert.deepEqual(errors, []);
});

test("our own broker: the same file, without anything else between", { timeout: 60_000 }, async context => {
	const cloud = await createCloud();
	context.after(() => cloud.close());
	await cloud.serve({ tlsPort: 0 });
	const { device, errors } = startDevice(context, await cloud.manufacture("lamp-1"));
	cloud.files.put("lamp-1", NAME, FILE);
	assert.ok(Buffer.from(await read(device, NAME, 0, COUNT)).equals(FILE));
	assert.deepEqual(errors, []);
});

test("mosquitto: the documentation's example of a block", OPTIONS, async context => {
	const mosquitto = await Mosquitto.start({ plain: true });
	context.after(() => mosquitto.stop());
	const cloud = await createCloud();
	context.after(() => cloud.close());
	await cloud.bridge({ url: `mqtt://127.0.0.1:${mosquitto.plainPort}` });
	cloud.files.put("lamp-1", "image", FILE);
	const script = `mosquitto_rr() { command mosquitto_rr -h 127.0.0.1 -p ${mosquitto.plainPort} "$@"; }\n${example(/^```sh\n(mosquitto_rr [\s\S]*?)^```$/m)}`;
	const child = spawn("sh", ["-ec", script], { stdio: ["ignore", "pipe", "inherit"] });
	context.after(() => child.kill());
	let text = "";
	child.stdout.setEncoding("utf8").on("data", (piece: string) => { text += piece; });
	assert.deepEqual(await once(child, "close"), [0, null]);
	const { token, index, bytes } = decode("cbor", Buffer.from(text.trim(), "hex")) as { token: string; index: number; bytes: Uint8Array };
	assert.deepEqual([token, index, bytes], ["k-1", 0, FILE.slice(0, 256)]);
});
