// SPDX-License-Identifier: Apache-2.0
/**
 * One stream of the SDK's own contract (`src/host.ts`), as the world has them, with a CoAP server's end on it.
 *
 * As on sockets, a client that takes nothing is not read from either, and let go when notifications pile up.
 */
import type { Stream, StreamCallbacks, TimerHandle, Timers } from "../../../src/host.js";
import { joined } from "./options.js";
import type { CoAPConnection, CoAPServer } from "./server.js";

export interface StreamPortOptions {
	readonly server: CoAPServer;
	readonly form: "tcp" | "ws";
	readonly identity: string | undefined;
	now(): number;
	readonly timer: Timers;
	/** Makes the stream of a connection that came in; of a WebSocket one that says where messages end. */
	accept(callbacks: StreamCallbacks): Stream;
	/** The server was given something. */
	onReceived(): void;
	onClosed(): void;
}

/** Milliseconds that a connection the server ended may take to send what is left. */
const LINGER = 1_000;
/** Bytes that wait for one client, or of a message that it sends; with more it is let go. */
const WAITING_MAXIMUM = 2 ** 20;
/** Bytes in which a WebSocket's stream says how long a piece is, and the bit that says that its message goes on. */
const MARK_LENGTH = 4, GOES_ON = 2 ** 31;
const NOTHING = new Uint8Array(0);

export class StreamPort {
	readonly #options: StreamPortOptions;
	readonly #stream: Stream;
	readonly #outgoing: Uint8Array[] = [];
	#waiting = 0;
	#connection: CoAPConnection | undefined;
	/** Of a WebSocket, what is no whole piece of a message, and no whole message, yet. */
	#pieces: Uint8Array = NOTHING;
	#message: Uint8Array = NOTHING;
	/** Bytes that may be read and written now. */
	#readable = 0;
	#room = 0;
	/** The server has ended the connection; the stream ends when the rest is sent, or when the timer fires. */
	#linger: TimerHandle | undefined;
	#isClosed = false;

	constructor(options: StreamPortOptions) {
		this.#options = options;
		this.#stream = options.accept({
			onReadable: count => {
				this.#readable = count;
				this.#read();
			},
			onWritable: count => {
				this.#room = count;
				this.#flush();
				if (this.#linger !== undefined && this.#outgoing.length === 0) this.close();
				else this.#read();
			},
			onError: () => { this.close(); },
		});
	}

	start(): void {
		const { server, form, identity, timer, now } = this.#options;
		this.#connection = server.connect(form, identity, {
			send: bytes => {
				this.#outgoing.push(bytes);
				this.#waiting += bytes.byteLength;
				this.#flush();
				if (this.#waiting > WAITING_MAXIMUM) this.close();
			},
			close: () => {
				if (this.#outgoing.length === 0) this.close();
				else if (!this.#isClosed) this.#linger = timer.set(() => { this.close(); }, LINGER);
			},
		}, now());
		if (!this.#connection) this.close();
		this.#options.onReceived();
	}

	close(): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		this.#connection?.lost();
		this.#outgoing.length = 0;
		this.#options.timer.clear(this.#linger);
		this.#stream.close();
		this.#options.onClosed();
	}

	#read(): void {
		if (this.#isClosed || this.#readable === 0) return;
		// What comes after the server ended the connection is nobody's; while answers wait, requests wait, too.
		if (this.#linger !== undefined || this.#outgoing.length > 0) return;
		const bytes = new Uint8Array(this.#readable);
		this.#readable = 0;
		this.#stream.read(bytes);
		if (this.#options.form === "tcp") this.#connection?.receive(bytes, this.#options.now());
		else this.#messages(bytes);
		this.#options.onReceived();
	}

	/** Each piece of a message comes behind its length (see `WebSocketOptions.messages`). */
	#messages(bytes: Uint8Array): void {
		this.#pieces = joined(this.#pieces, bytes);
		for (;;) {
			const { byteLength } = this.#pieces;
			if (byteLength < MARK_LENGTH) return;
			const mark = new DataView(this.#pieces.buffer, this.#pieces.byteOffset).getUint32(0), end = MARK_LENGTH + mark % GOES_ON;
			if (end > WAITING_MAXIMUM || this.#message.byteLength > WAITING_MAXIMUM) return this.close();
			if (byteLength < end) return;
			this.#message = joined(this.#message, this.#pieces.subarray(MARK_LENGTH, end));
			this.#pieces = this.#pieces.subarray(end);
			if (mark >= GOES_ON) continue;
			const message = this.#message;
			this.#message = NOTHING;
			this.#connection?.receive(message, this.#options.now());
		}
	}

	#flush(): void {
		while (!this.#isClosed && this.#room > 0 && this.#outgoing.length > 0) {
			const first = this.#outgoing[0]!;
			const count = Math.min(this.#room, first.byteLength);
			// A write is one message of a WebSocket.
			if (this.#options.form === "ws" && count < first.byteLength) return;
			this.#room = this.#stream.write(first.subarray(0, count));
			this.#waiting -= count;
			if (count === first.byteLength) this.#outgoing.shift();
			else this.#outgoing[0] = first.subarray(count);
		}
	}
}
