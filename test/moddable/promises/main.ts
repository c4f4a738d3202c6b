// SPDX-License-Identifier: Apache-2.0
/**
 * The promises of every host, tried in Moddable's simulator. run.ts bundles this with the suite and a stand-in for
 * `node:assert`; the SDK stays outside, preloaded as on the device.
 */
import host from "moorline/host";
import { Bench, type HostPromise } from "../../host/bench.js";
import type { Certificates, Identity } from "../../host/certificates.js";
import type { Listener, Peer, Platform, TLSServerOptions } from "../../host/platform.js";
import { promises } from "../../host/promises.js";
import type { Answer, Hex, Request, WireIdentity, WireOptions } from "./wire.js";

/** ES2026, which XS has. */
const { fromHex } = Uint8Array as unknown as { fromHex(text: Hex): Uint8Array };
const toHex = (bytes: Uint8Array): Hex => (bytes as Uint8Array & { toHex(): Hex }).toHex();
const NEWLINE = 0x0a;
/** Device time for one promise, ms. */
const TIMEOUT = 60_000;
/** By shape and name, and why: what the simulator cannot do, or a promise that the platform's own sockets do not make. */
const NOT_TRIED: readonly RegExp[] = [
	// Linux buffers megabytes before a window closes; the simulator moves 75 KB a second, and loses what Linux takes half.
	/a peer that does not read closes the window/,
	/reaches a peer that reads it only after the close/,
	// lwIP tells the end only when everything before it was read, and the simulator is made to do the same.
	/is announced before onError and can still be read/,
	/close is allowed inside onError/,
	// The simulator's socket drops them.
	/udp: a datagram may be empty/,
	// The simulator resets by ending, and the suite with it.
	/^images: /,
];

class Service {
	readonly #stream;
	readonly #waiting = new Map<number, { resolve(value: never): void; reject(error: Error): void }>();
	#questions = 0;
	#outgoing = new Uint8Array(0);
	#incoming = new Uint8Array(0);
	#room = 0;

	constructor(port: number) {
		this.#stream = new host.tcp.io({
			address: "127.0.0.1", port, nodelay: true,
			onWritable: count => {
				this.#room = count;
				this.#flush();
			},
			onReadable: count => this.#receive(count),
			onError: error => host.trace(`the service is gone: ${error.message}`),
		});
	}

	ask<T>(request: Request): Promise<T> {
		const id = ++this.#questions;
		this.#outgoing = join(this.#outgoing, encode(`${JSON.stringify({ id, request })}\n`));
		this.#flush();
		return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
	}

	#flush(): void {
		const count = Math.min(this.#room, this.#outgoing.byteLength);
		if (count === 0) return;
		this.#room = this.#stream.write(this.#outgoing.subarray(0, count));
		this.#outgoing = this.#outgoing.slice(count);
	}

	#receive(count: number): void {
		const bytes = new Uint8Array(count);
		this.#stream.read(bytes);
		this.#incoming = join(this.#incoming, bytes);
		for (let end = this.#incoming.indexOf(NEWLINE); end >= 0; end = this.#incoming.indexOf(NEWLINE)) {
			const { id, value, error } = JSON.parse(host.text.decode(this.#incoming, 0, end)) as Answer;
			this.#incoming = this.#incoming.slice(end + 1);
			const { resolve, reject } = this.#waiting.get(id)!;
			this.#waiting.delete(id);
			if (error === undefined) resolve(value as never);
			else reject(new Error(error));
		}
	}
}

function encode(text: string): Uint8Array {
	const bytes = new Uint8Array(host.text.byteLength(text));
	host.text.encode(text, bytes, 0);
	return bytes;
}

function join(one: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
	const both = new Uint8Array(one.byteLength + other.byteLength);
	both.set(one);
	both.set(other, one.byteLength);
	return both;
}

/** Hexadecimal text wherever the certificates have bytes. */
function revive(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(revive);
	if (typeof value === "object" && value !== null) {
		return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, revive(member)]));
	}
	return typeof value === "string" && value.startsWith("30") ? fromHex.call(Uint8Array, value) : value;
}

function toWire({ chain, key }: Identity): WireIdentity {
	return { chain: chain.map(toHex), key: toHex(key) };
}

function optionsTo({ clientAnchor, ...options }: TLSServerOptions = {}): WireOptions {
	return clientAnchor === undefined ? options : { ...options, clientAnchor: toHex(clientAnchor) };
}

class RemotePeer implements Peer {
	readonly ended: Promise<void>;
	readonly #service: Service;
	readonly #peer: number;
	readonly secure: Peer["secure"];

	constructor(service: Service, { peer, secure }: { peer: number; secure?: NonNullable<Peer["secure"]> }) {
		this.#service = service;
		this.#peer = peer;
		this.secure = secure;
		this.ended = service.ask({ op: "ended", peer });
		this.ended.catch(() => {});
	}

	send(bytes: Uint8Array): void { this.#do({ op: "send", peer: this.#peer, bytes: toHex(bytes) }); }
	async receive(count: number): Promise<Uint8Array> {
		return fromHex.call(Uint8Array, await this.#service.ask<Hex>({ op: "receive", peer: this.#peer, count }));
	}
	pause(): void { this.#do({ op: "pause", peer: this.#peer }); }
	resume(): void { this.#do({ op: "resume", peer: this.#peer }); }
	end(): void { this.#do({ op: "end", peer: this.#peer }); }
	reset(): void { this.#do({ op: "reset", peer: this.#peer }); }

	#do(request: Request): void {
		this.#service.ask(request).catch(() => {});
	}
}

async function listen(service: Service, request: Request): Promise<Listener> {
	const { listener, address, port } = await service.ask<{ listener: number; address: string; port: number }>(request);
	return {
		address, port,
		accept: async () => new RemotePeer(service, await service.ask({ op: "accept", listener })),
		close: () => { service.ask({ op: "unlisten", listener }).catch(() => {}); },
	};
}

async function makePlatform(service: Service): Promise<Platform> {
	return {
		name: "moddable", host,
		wait: promise => promise,
		// A directory is all that a restart would keep, and nothing here keeps more.
		reboot: () => host,
		listen: () => listen(service, { op: "listen" }),
		listenWebSocket: (identity, options) => listen(service, {
			op: "listenWebSocket", options: optionsTo(options), ...(identity === undefined ? {} : { identity: toWire(identity) }),
		}),
		closedPort: () => service.ask({ op: "closedPort" }),
		async echo() {
			const { echo, address, port } = await service.ask<{ echo: number; address: string; port: number }>({ op: "echo" });
			return { address, port, close: () => { service.ask({ op: "unecho", echo }).catch(() => {}); } };
		},
		names: { known: "localhost", address: "127.0.0.1", unknown: `${"x".repeat(64)}.invalid` },
		partition: "session",
		keys: {
			types: ["P-256"],
			verify: (publicKey, bytes, signature) => service.ask({
				op: "verify", publicKey: toHex(publicKey), bytes: toHex(bytes), signature: toHex(signature),
			}),
			async makeSignature(bytes) {
				const { key, signature } = await service.ask<{ key: string; signature: string }>({ op: "makeSignature", bytes: toHex(bytes) });
				return { key: fromHex.call(Uint8Array, key), signature: fromHex.call(Uint8Array, signature) };
			},
			openRequest: bytes => service.ask({ op: "openRequest", bytes: toHex(bytes) }),
		},
		tls: {
			certificates: revive(await service.ask({ op: "certificates" })) as Certificates,
			versions: ["TLSv1.2"],
			listen: (identity, options) => listen(service, { op: "listenTLS", identity: toWire(identity), options: optionsTo(options) }),
		},
	};
}

/** RFC 6979 §A.2.5: the key, and what it makes of "sample" and "test" with SHA-256. */
const RFC6979_KEY = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
const RFC6979_POINT = "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
	+ "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
const RFC6979: Readonly<Record<string, string>> = {
	sample: "3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
		+ "022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
	test: "3045022100f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
		+ "0220019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
};

/** What only this host promises of its signatures: they need no random numbers, and RSA keys that it cannot make sign. */
const makeOwnPromises = (service: Service): readonly HostPromise[] => [{
	name: "an RSA key from elsewhere signs",
	async run({ host: { keys }, platform, tls }) {
		const { key } = tls.certificates.client;
		const publicKey = fromHex.call(Uint8Array, await service.ask<Hex>({ op: "publicKey", key: toHex(key) }));
		const signature = await new Promise<Uint8Array>((onSignature, onError) => {
			keys.sign({ key, bytes: encode("sample"), onSignature, onError });
		});
		if (!await platform.keys.verify(publicKey, encode("sample"), signature)) throw new Error("the signature is wrong");
	},
}, {
	name: "signatures are those of RFC 6979, and wrong numbers are no keys",
	async run({ host: { keys } }) {
		const wrap = (number: string): Uint8Array => fromHex.call(Uint8Array,
			`308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420${number}a14403420004${RFC6979_POINT}`);
		const sign = (key: Uint8Array, bytes: Uint8Array): Promise<Uint8Array> =>
			new Promise((onSignature, onError) => keys.sign({ key, bytes, onSignature, onError }));
		for (const [message, expected] of Object.entries(RFC6979)) {
			const signature = toHex(await sign(wrap(RFC6979_KEY), encode(message)));
			if (signature !== expected) throw new Error(`${message}: ${signature}`);
		}
		const order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
		for (const number of ["0".repeat(64), order, "f".repeat(64)]) {
			const code = await sign(wrap(number), encode("x")).then(() => "signed", (error: { code: string }) => error.code);
			if (code !== "credential") throw new Error(`${number}: ${code}`);
		}
	},
}];

function timeout(): Promise<never> {
	return new Promise((_, reject) => host.timer.set(() => reject(new Error("nothing happened")), TIMEOUT));
}

async function main(): Promise<void> {
	const domain = host.storage.open({ path: "promises" });
	const port = domain.read("port")!;
	const service = new Service(Number(host.text.decode(port, 0, port.byteLength)));
	const platform = await makePlatform(service);
	for (const [shape, list] of Object.entries({ ...promises, "keys of moddable": makeOwnPromises(service) })) {
		for (const { name, run } of list) {
			if (NOT_TRIED.some(pattern => pattern.test(`${shape}: ${name}`))) continue;
			const bench = new Bench(platform);
			let error: string | undefined;
			try {
				await Promise.race([run(bench), timeout()]);
				bench.end();
			} catch (failure) {
				error = failure instanceof Error ? `${failure.message}` : String(failure);
				try { bench.end(); } catch { /* The first failure says more. */ }
			}
			await service.ask({ op: "result", shape, name, ...(error === undefined ? {} : { error }) });
		}
	}
	host.trace("promises tried");
}

main().catch((error: Error) => host.trace(`promises failed: ${error.message}`));
