// SPDX-License-Identifier: Apache-2.0
/**
 * Serves firmware inside the seeded world, where Node's HTTP does not run: one request a connection.
 *
 * It reads no more of a request than it needs, and is as careless as a server of a test may be.
 */
import type { Stream } from "../../src/host.js";
import { HeadCollector } from "../websocket/head.js";
import { text } from "../world/text.js";
import type { FirmwareFiles, FirmwareAnswer } from "./firmware.js";
import type { WorldLike, WorldTls } from "./in-world.js";

export interface WorldFirmwareOptions {
	/** Default: 10.0.0.1. */
	address?: string | undefined;
	/** Registered in the world's DNS, and in the certificate. Default: firmware.test. */
	name?: string | undefined;
	/** Default: 443. */
	port?: number | undefined;
	/** Absent: TLS with a certificate of the world's authority; false: plain HTTP. */
	tls?: WorldTls | false | undefined;
}

/** Begins to serve at once. `close` stops listening and ends every connection. */
export function serveFirmwareInWorld(firmware: FirmwareFiles, world: WorldLike, options: WorldFirmwareOptions = {}): { close(): void } {
	const { address = "10.0.0.1", name = "firmware.test", port = 443 } = options;
	const tls = options.tls === false ? undefined : options.tls ?? world.authority.issue({ subject: name, names: [name, address] });
	const open = new Set<Exchange>();
	world.network.name(name, address);
	firmware.served(`${tls ? "https" : "http"}://${name}:${port}`);
	const listener = world.network.listen({ address, port, ...(tls ? { tls } : {}) }, incoming => {
		const exchange = new Exchange(firmware, world, () => { open.delete(exchange); });
		open.add(exchange);
		exchange.stream = incoming.accept({
			onReadable: count => { exchange.receive(count); },
			onWritable: room => { exchange.drained(room); },
			onError: () => { exchange.close(); },
		});
	});
	return {
		close() {
			listener.close();
			for (const exchange of [...open]) exchange.close();
		},
	};
}

/** One connection: a request, and its answer. */
class Exchange {
	stream: Stream | undefined;
	readonly #firmware: FirmwareFiles;
	readonly #world: WorldLike;
	readonly #onClosed: () => void;
	readonly #head = new HeadCollector();
	#isAnswered = false;
	#outgoing: Uint8Array = new Uint8Array(0);
	#room = 0;
	/** Bytes that may go out now, of a trickle. */
	#allowance = Infinity;
	#isClosed = false;

	constructor(firmware: FirmwareFiles, world: WorldLike, onClosed: () => void) {
		this.#firmware = firmware;
		this.#world = world;
		this.#onClosed = onClosed;
	}

	receive(count: number): void {
		const bytes = new Uint8Array(count);
		this.stream!.read(bytes);
		for (let at = 0; at < count && !this.#isAnswered; at++) {
			if (this.#head.add(bytes[at]!)) this.#answer();
		}
	}

	drained(room: number): void {
		this.#room = room;
		this.#send();
	}

	close(): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		this.stream?.close();
		this.#onClosed();
	}

	#answer(): void {
		this.#isAnswered = true;
		const { start, fields } = this.#head.parse(text);
		const [method = "", target = ""] = start.split(" ");
		const answer = this.#firmware.answer({ method, target, range: fields.get("range"), ifRange: fields.get("if-range") });
		this.#outgoing = encode(answer, method === "HEAD");
		if (answer.trickle !== undefined) this.#trickle(answer.trickle);
		else this.#send();
	}

	#trickle({ count, interval }: NonNullable<FirmwareAnswer["trickle"]>): void {
		if (this.#isClosed) return;
		this.#allowance = count;
		this.#send();
		this.#world.timer.set(() => { this.#trickle({ count, interval }); }, interval);
	}

	#send(): void {
		while (this.#isAnswered && !this.#isClosed) {
			const count = Math.min(this.#room, this.#allowance, this.#outgoing.byteLength);
			if (count > 0) this.#room = this.stream!.write(this.#outgoing.subarray(0, count));
			this.#allowance -= count;
			this.#outgoing = this.#outgoing.subarray(count);
			if (this.#outgoing.byteLength === 0) this.close();
			else if (count === 0) return;
		}
	}
}

/** Bytes of a chunk: more than a buffer of the device, and no multiple of it. */
const CHUNK = 3_000;

/** All that goes out before the connection is closed. */
function encode(answer: FirmwareAnswer, isHead: boolean): Uint8Array {
	const { status, fields, length, chunked, resetAfter } = answer;
	const body = isHead ? new Uint8Array(0) : answer.body.subarray(0, resetAfter);
	const lines = Object.entries({ ...fields, ...(chunked ? { "Transfer-Encoding": "chunked" } : { "Content-Length": `${length}` }) });
	const pieces = [utf8(`HTTP/1.1 ${status} \r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`)];
	if (!chunked) pieces.push(body);
	for (let at = 0; chunked && at < body.byteLength; at += CHUNK) {
		const chunk = body.subarray(at, at + CHUNK);
		pieces.push(utf8(`${chunk.byteLength.toString(16)}\r\n`), chunk, utf8("\r\n"));
	}
	if (chunked && resetAfter === undefined && !isHead) pieces.push(utf8("0\r\n\r\n"));
	const whole = new Uint8Array(pieces.reduce((sum, { byteLength }) => sum + byteLength, 0));
	pieces.reduce((at, piece) => {
		whole.set(piece, at);
		return at + piece.byteLength;
	}, 0);
	return whole;
}

function utf8(line: string): Uint8Array {
	const bytes = new Uint8Array(text.byteLength(line));
	text.encode(line, bytes, 0);
	return bytes;
}
