// SPDX-License-Identifier: Apache-2.0
/**
 * A host whose network is memory: what a client reads is put there by the benchmark, what it writes is counted.
 * The stream is a class in JavaScript for every client that is measured, and does as little as it can: of what is read
 * it copies the first bytes alone. A native stream copies the others for next to nothing, but `TypedArray.set` of the
 * engine in `@agoric/xsnap` takes 59 instructions for each, where newer engines copy natively.
 */
import { DeviceError } from "../../src/base/error.js";
import type { Host, Resolver, ResolveOptions, Stream, TCPOptions, TimerHandle } from "../../src/host.js";

/** Bytes of a TCP segment on Ethernet: what comes, comes in such pieces. */
export const SEGMENT = 1460;
export const TOPIC = "site/12/line/3/sensor/5/temperature";
export const CONNACK = Uint8Array.of(0x20, 2, 0, 0);

/** Bytes of a segment that are really copied: more than any header with its topic. */
const HEAD = 64;

/** A PUBLISH as a server sends it, in segments. */
export function publishSegments(size: number, qos: number): Uint8Array[] {
	const topic = Array.from(TOPIC, (letter) => letter.charCodeAt(0));
	const head = [0, topic.length, ...topic, ...(qos === 0 ? [] : [0, 7])];
	const digits: number[] = [];
	for (let rest = head.length + size; ; rest >>= 7) {
		digits.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
		if (rest <= 0x7f) break;
	}
	const packet = new Uint8Array(1 + digits.length + head.length + size).fill(0x41);
	packet.set([0x30 | (qos << 1), ...digits, ...head]);
	const segments: Uint8Array[] = [];
	for (let start = 0; start < packet.byteLength; start += SEGMENT) segments.push(packet.slice(start, start + SEGMENT));
	return segments;
}

/** What of a segment is really copied. */
export const headOf = (segment: Uint8Array): Uint8Array => segment.slice(0, HEAD);

/** The answer to a message. */
export function puback(target: Uint8Array, packetId: number): Uint8Array {
	target[0] = 0x40;
	target[1] = 2;
	target[2] = packetId >> 8;
	target[3] = packetId;
	return target;
}

/** What a stream of this network can take at once. */
const ROOM = 5744;

/** The network, of which there is one. */
export class Memory {
	written = 0;
	/** Monotonic ms. */
	now = 0;
	#options!: TCPOptions;
	#head: Uint8Array | undefined;
	#timer: (() => void) | undefined;

	host(real: Host): Host {
		const memory = this;
		class MemoryStream implements Stream {
			constructor(options: TCPOptions) {
				memory.#options = options;
			}

			read(target: Uint8Array): number {
				if (memory.#head !== undefined) target.set(memory.#head);
				memory.#head = undefined;
				return target.byteLength;
			}

			write(source: Uint8Array): number {
				memory.written += source.byteLength;
				return ROOM;
			}

			close(): void {}
		}
		class MemoryResolver implements Resolver {
			resolve(options: ResolveOptions): void {
				memory.#timer = () => options.onResolved(options.host, "127.0.0.1");
			}

			close(): void {}
		}
		const set = (callback: () => void): TimerHandle => {
			memory.#timer = callback;
			return callback;
		};
		return { ...real, tcp: { io: MemoryStream }, dns: { io: MemoryResolver }, timer: { ...real.timer, set, clear() {} }, time: { ...real.time, now: () => this.now } };
	}

	/** Loses the connection. */
	lose(): void {
		this.#options.onError!(new DeviceError("closed", "lost"));
	}

	/** Connects a client that was just made, or whose connection was lost. */
	connect(): void {
		// Beyond every delay before an attempt.
		this.now += 1_000_000;
		this.tick();
		this.tick();
		this.#options.onWritable!(ROOM);
		this.receive(CONNACK, CONNACK.byteLength);
	}

	/** Runs the timer that was set last. */
	tick(): void {
		const timer = this.#timer!;
		this.#timer = undefined;
		timer();
	}

	/** Delivers `length` bytes to the client, which begin with `head`. */
	receive(head: Uint8Array, length: number): void {
		this.#head = head;
		this.#options.onReadable!(length);
	}
}
