// SPDX-License-Identifier: Apache-2.0
/**
 * The engine's side of the promises that every host keeps: its own host, and servers that the parent
 * opens on request. The shape is `Platform` of test/host.
 */
import { select, SLOTS, wrapImage } from "../../../hosts/boot/index.js";
import { host, running } from "../../../hosts/xs/index.js";
import { native } from "../../../hosts/xs/native.js";
import { pattern } from "../../host/bench.js";
import { decode, encode, type Answer, type Request } from "./protocol.js";

interface Reference { ref: number }

interface ListenerReference extends Reference { address: string; port: number }

interface PeerReference extends Reference { secure?: unknown }

function ascii(text: string): Uint8Array {
	const bytes = new Uint8Array(host.text.byteLength(text));
	host.text.encode(text, bytes, 0);
	return bytes;
}

/** The line to the parent, over the very TCP that is under test. */
class Line {
	#socket = new host.tcp.io({
		address: "127.0.0.1",
		port: Number(native.argument(0)),
		onWritable: (room) => {
			this.#room = room;
			this.#flush();
		},
		onReadable: (count) => this.#receive(count),
		onError: (error) => { throw error; },
	});
	#room = 0;
	#queue: Uint8Array[] = [];
	#text = "";
	#lastId = 0;
	#waiting = new Map<number, { resolve(value: never): void; reject(error: Error): void }>();

	send(on: number, method: string, ...values: unknown[]): void {
		this.#write({ on, method, values });
	}

	call<T>(on: number, method: string, ...values: unknown[]): Promise<T> {
		const id = ++this.#lastId;
		return new Promise((resolve, reject) => {
			this.#waiting.set(id, { resolve, reject });
			this.#write({ id, on, method, values });
		});
	}

	close(): void {
		this.#socket.close();
	}

	#write(request: Request): void {
		this.#queue.push(ascii(encode(request)));
		this.#flush();
	}

	#flush(): void {
		while (this.#room > 0 && this.#queue.length > 0) {
			const bytes = this.#queue[0]!;
			const piece = bytes.subarray(0, this.#room);
			this.#room = this.#socket.write(piece);
			if (piece.byteLength === bytes.byteLength) this.#queue.shift();
			else this.#queue[0] = bytes.subarray(piece.byteLength);
		}
	}

	#receive(count: number): void {
		const bytes = new Uint8Array(count);
		this.#socket.read(bytes);
		const lines = host.text.decode(bytes, 0, count).split("\n");
		lines[0] = this.#text + lines[0];
		this.#text = lines.pop()!;
		for (const line of lines) {
			const { id, value, error } = decode(line, ascii) as Answer;
			const waiting = this.#waiting.get(id)!;
			this.#waiting.delete(id);
			if (error === undefined) waiting.resolve(value as never);
			else waiting.reject(new Error(error));
		}
	}
}

const line = new Line();

class Peer {
	readonly secure: unknown;
	readonly ended: Promise<void>;
	#ref: number;

	constructor({ ref, secure }: PeerReference) {
		this.#ref = ref;
		this.secure = secure;
		this.ended = line.call(ref, "ended");
	}

	send(bytes: Uint8Array): void { line.send(this.#ref, "send", bytes); }
	receive(count: number): Promise<Uint8Array> { return line.call(this.#ref, "receive", count); }
	pause(): void { line.send(this.#ref, "pause"); }
	resume(): void { line.send(this.#ref, "resume"); }
	end(): void { line.send(this.#ref, "end"); }
	reset(): void { line.send(this.#ref, "reset"); }
}

function newListener({ ref, address, port }: ListenerReference): object {
	return {
		address,
		port,
		accept: async () => new Peer(await line.call<PeerReference>(ref, "accept")),
		close: () => line.send(ref, "close"),
	};
}

/** The boot loader's turn; the process stays, as it runs the suite whatever the image says. */
function reboot(): typeof host {
	if (select(running) === undefined) throw new Error("no image could boot");
	return host;
}

function manufacture(): void {
	const partition = running.flash.open({ path: SLOTS[0] });
	partition.write(wrapImage(pattern(100), host.crypto), 0);
	partition.close();
	reboot();
}

export async function makePlatform(): Promise<{ close(): void; [part: string]: unknown }> {
	const { names, certificates, versions } = await line.call<{ names: object; certificates: object; versions: string[] }>(0, "describe");
	manufacture();
	return {
		name: "xs",
		host,
		names,
		partition: "promises",
		wait: <T>(promise: Promise<T>): Promise<T> => promise,
		reboot,
		images: { make: (seed: number) => wrapImage(pattern(10_000, seed), host.crypto) },
		listen: async () => newListener(await line.call(0, "listen")),
		listenWebSocket: async (identity?: object, options: object = {}) => newListener(await line.call(0, "listenWebSocket", identity ?? null, options)),
		closedPort: () => line.call(0, "closedPort"),
		async echo() {
			const { ref, address, port } = await line.call<ListenerReference>(0, "echo");
			return { address, port, close: () => line.send(ref, "close") };
		},
		keys: {
			types: ["P-256", "RSA-2048"],
			verify: (...values: unknown[]) => line.call(0, "verify", ...values),
			makeSignature: (bytes: Uint8Array) => line.call(0, "makeSignature", bytes),
			openRequest: (request: Uint8Array) => line.call(0, "openRequest", request),
		},
		tls: {
			certificates,
			versions,
			listen: async (identity: object, options: object = {}) => newListener(await line.call(0, "listenTLS", identity, options)),
		},
		close: () => line.close(),
	};
}
