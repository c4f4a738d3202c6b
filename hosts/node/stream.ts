// SPDX-License-Identifier: Apache-2.0
/**
 * A `Stream` over a Node socket: what `TCP`, `TLS` and `WebSocket` have in common.
 *
 * Node's own streams queue without limit and emit from inside calls; a device does neither. So this class keeps
 * a send window and a receive window of the size that lwIP has on an ESP32-S3: a program that ignores the counts
 * fails on the laptop as it would on the chip. What the socket has to say is put together in `#announce`, which
 * runs from the event loop, so no callback ever finds a call into this object on the stack.
 *
 * Memory: SEND_WINDOW bytes to send; RECEIVE_WINDOW received, and for TLS the rest of the records that Node had
 * decrypted when the window filled (it cannot be paused inside them).
 */
import type { OnReadOpts } from "node:net";
import { DeviceError } from "../../src/base/error.js";
import type { Stream, StreamCallbacks } from "../../src/host.js";
import { checkBytes, checkCallback } from "./check.js";

/** lwIP's maximum segment size for Ethernet; Node reads at most this much at once. */
export const SEGMENT = 1436;
/** `CONFIG_LWIP_TCP_SND_BUF_DEFAULT` of an ESP32-S3: four segments. */
export const SEND_WINDOW = 4 * SEGMENT;
/** When this much waits unread the socket is paused, and the peer's window closes in turn. */
export const RECEIVE_WINDOW = 4 * SEGMENT;
/** How long a closed stream may take to hand its last bytes to a peer that is slow to read them. */
const LINGER = 2_000;

/** What of a socket is used here. */
export interface Carrier {
	write(bytes: Uint8Array, done: () => void): unknown;
	pause(): unknown;
	resume(): unknown;
	/** Ends when what was written is sent. */
	destroySoon(): void;
	destroy(): unknown;
	on(event: "error", listener: (error: NodeJS.ErrnoException) => void): unknown;
	on(event: "end" | "close", listener: () => void): unknown;
	once(event: "close", listener: () => void): unknown;
}

export interface SocketPlan {
	/**
	 * Opens the socket; `onread` must reach Node with the options of the connection. Calls `connected` from the event
	 * loop when the stream may be used; received bytes say so too.
	 */
	open(onread: OnReadOpts, connected: () => void): Carrier;
	/** What a failure of the socket means to the program. */
	explain(error: NodeJS.ErrnoException, connected: boolean): DeviceError;
}

export class SocketStream implements Stream {
	readonly #socket: Carrier;
	readonly #onReadable: StreamCallbacks["onReadable"];
	readonly #onWritable: StreamCallbacks["onWritable"];
	readonly #onError: StreamCallbacks["onError"];
	readonly #chunks: Uint8Array[] = [];
	#available = 0;
	/** Bytes that the kernel has not taken yet. */
	#queued = 0;
	/** The room last reported; -1 before the connection stands. */
	#room = -1;
	#connected = false;
	#readableDue = false;
	#writableDue = false;
	#announceDue = false;
	#error: DeviceError | undefined;
	/** The program was told of the error. */
	#isOver = false;
	#closed = false;
	#paused = false;
	/** Inside a call into the socket: some deliver from there. */
	#calling = false;

	constructor(callbacks: StreamCallbacks, plan: SocketPlan) {
		checkCallback("onReadable", callbacks.onReadable);
		checkCallback("onWritable", callbacks.onWritable);
		checkCallback("onError", callbacks.onError);
		this.#onReadable = callbacks.onReadable;
		this.#onWritable = callbacks.onWritable;
		this.#onError = callbacks.onError;

		const socket = plan.open({
			buffer: new Uint8Array(SEGMENT),
			callback: (count, buffer) => this.#receive(buffer.subarray(0, count)),
		}, () => this.#connect());
		this.#socket = socket;
		socket.on("error", error => this.#end(plan.explain(error, this.#connected)));
		socket.on("end", () => this.#end(closedByPeer(this.#connected)));
		socket.on("close", () => this.#end(closedByPeer(this.#connected)));
	}

	read(target: Uint8Array): number {
		this.#checkOpen();
		checkBytes("the target of a read", target);
		const count = target.byteLength;
		if (count === 0 || count > this.#available) {
			throw new DeviceError("argument", `reading ${count} bytes of ${this.#available} available`);
		}
		let filled = 0;
		while (filled < count) {
			const chunk = this.#chunks[0]!;
			const taken = Math.min(chunk.byteLength, count - filled);
			target.set(chunk.subarray(0, taken), filled);
			if (taken === chunk.byteLength) this.#chunks.shift();
			else this.#chunks[0] = chunk.subarray(taken);
			filled += taken;
		}
		this.#available -= count;
		if (this.#paused && this.#hasWindow() && this.#error === undefined) {
			this.#paused = false;
			this.#calling = true;
			this.#socket.resume();
			this.#calling = false;
		}
		return count;
	}

	write(source: Uint8Array): number {
		this.#checkOpen();
		if (this.#room < 0) throw new DeviceError("state", "writing before the stream is connected");
		if (this.#isOver) throw new DeviceError("state", "writing to a stream that is over");
		checkBytes("the source of a write", source);
		const count = source.byteLength;
		if (count > this.#room) throw new DeviceError("full", `writing ${count} bytes into room for ${this.#room}`);
		if (count === 0) return this.#room;
		this.#room -= count;
		// The program cannot know yet; TCP loses such bytes, too.
		if (this.#error !== undefined) return this.#room;
		this.#queued += count;
		this.#calling = true;
		this.#socket.write(Buffer.from(source), () => {
			this.#queued -= count;
			this.#writableDue = true;
			this.#announceSoon();
		});
		this.#calling = false;
		return this.#room;
	}

	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		this.#chunks.length = 0;
		this.#available = 0;
		if (!this.#connected || this.#error !== undefined) {
			this.#socket.destroy();
			return;
		}
		// What was written before goes out first, as lwIP does, so that a last message (MQTT DISCONNECT) arrives.
		const linger = setTimeout(() => this.#socket.destroy(), LINGER);
		this.#socket.once("close", () => clearTimeout(linger));
		this.#socket.destroySoon();
	}

	#checkOpen(): void {
		if (this.#closed) throw new DeviceError("state", "the stream is closed");
	}

	#hasWindow(): boolean {
		return this.#available <= RECEIVE_WINDOW - SEGMENT;
	}

	#connect(): void {
		if (this.#connected) return;
		this.#connected = true;
		this.#writableDue = true;
		this.#announceSoon();
	}

	/** @param bytes lie in the buffer that Node reads into again. @returns whether Node may go on reading */
	#receive(bytes: Uint8Array): boolean {
		if (this.#closed) return true;
		this.#connect();
		this.#chunks.push(bytes);
		this.#available += bytes.byteLength;
		this.#readableDue = true;
		if (this.#calling || this.#announceDue) this.#announceSoon();
		else this.#announce();
		const kept = this.#chunks.length - 1;
		if (kept >= 0) this.#chunks[kept] = this.#chunks[kept]!.slice();
		if (this.#hasWindow()) return true;
		this.#paused = true;
		this.#socket.pause();
		return false;
	}

	#end(error: DeviceError): void {
		if (this.#error !== undefined || this.#closed) return;
		this.#error = error;
		this.#announceSoon();
	}

	#announceSoon(): void {
		if (this.#announceDue || this.#closed) return;
		this.#announceDue = true;
		setImmediate(() => {
			this.#announceDue = false;
			this.#announce();
		});
	}

	/** Any of the callbacks may close the stream, so each looks again. */
	#announce(): void {
		if (this.#writableDue && !this.#closed && this.#error === undefined) {
			this.#writableDue = false;
			this.#room = SEND_WINDOW - this.#queued;
			this.#onWritable?.(this.#room);
		}
		if (this.#readableDue && !this.#closed) {
			this.#readableDue = false;
			if (this.#available > 0) this.#onReadable?.(this.#available);
		}
		if (this.#error === undefined || this.#closed) return;
		this.#isOver = true;
		this.#onError?.(this.#error);
	}
}

function closedByPeer(connected: boolean): DeviceError {
	return new DeviceError("closed", connected ? "the peer closed the connection" : "the peer closed the connection before it stood");
}
