// SPDX-License-Identifier: Apache-2.0
/**
 * One stream of the SDK's own contract (`src/host.ts`), as the world has them, with a CoAP server's end on it.
 *
 * As on sockets, a client that takes nothing is not read from either, and let go when notifications pile up.
 */
import type { Stream, StreamCallbacks, TimerHandle, Timers } from "../../../src/host.js";
import type { CoAPConnection, CoAPServer } from "./server.js";

export interface StreamPortOptions {
	readonly server: CoAPServer;
	readonly form: "tcp" | "ws";
	readonly identity: string | undefined;
	now(): number;
	readonly timer: Timers;
	/** Makes the stream of a connection that came in. */
	accept(callbacks: StreamCallbacks): Stream;
	/** The server was given something. */
	onReceived(): void;
	onClosed(): void;
}

/** Milliseconds that a connection the server ended may take to send what is left. */
const LINGER = 1_000;
/** Bytes that wait for one client; with more it is let go. */
const WAITING_MAXIMUM = 2 ** 20;

export class StreamPort {
	readonly #options: StreamPortOptions;
	readonly #stream: Stream;
	readonly #outgoing: Uint8Array[] = [];
	#waiting = 0;
	#connection: CoAPConnection | undefined;
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
		this.#connection?.receive(bytes, this.#options.now());
		this.#options.onReceived();
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
