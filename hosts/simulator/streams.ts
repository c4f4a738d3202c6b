// SPDX-License-Identifier: Apache-2.0
/**
 * Serves a broker on streams of the SDK's own contract (`src/host.ts`), as the world has them.
 *
 * Pure: the streams, the clock and the timers are handed in. As on sockets, a client that takes nothing is not read from
 * either, so that what waits for it stays within the answers to one read and one message.
 */
import type { Stream, StreamCallbacks, TimerHandle, Timers } from "../../src/host.js";
import { TaskAlarm } from "./alarm.js";
import type { Broker } from "./broker/broker.js";
import type { Caller } from "./broker/client.js";
import type { Connection } from "./broker/connection.js";

export interface StreamServerClock {
	/** Monotonic ms. */
	now(): number;
	readonly timer: Timers;
}

/** Milliseconds that a connection the broker ended may take to send what is left. */
const LINGER = 1_000;

/** The streams of one listener, and the broker's one timer. */
export class StreamServer {
	readonly #broker: Broker;
	readonly #clock: StreamServerClock;
	readonly #alarm: TaskAlarm;
	readonly #ports = new Set<StreamPort>();
	#isClosed = false;

	constructor(broker: Broker, clock: StreamServerClock) {
		this.#broker = broker;
		this.#clock = clock;
		this.#alarm = new TaskAlarm(broker, { timer: clock.timer, time: clock });
	}

	/** Takes a connection that just came in; `accept` makes the stream of it. Does not call `accept` once closed. */
	open(caller: Caller | undefined, accept: (callbacks: StreamCallbacks) => Stream): void {
		if (this.#isClosed) return;
		const port = new StreamPort(this.#clock, accept, () => { this.#alarm.arm(); }, () => { this.#ports.delete(port); });
		this.#ports.add(port);
		port.start(this.#broker, caller);
		this.#alarm.arm();
	}

	/** Ends every connection as a broker does that is killed: no will is published. */
	close(): void {
		this.#isClosed = true;
		this.#alarm.stop();
		for (const port of [...this.#ports]) port.kill();
	}
}

/** One stream and the broker's connection on it. */
class StreamPort {
	readonly #clock: StreamServerClock;
	readonly #stream: Stream;
	readonly #onReceived: () => void;
	readonly #onClosed: () => void;
	readonly #outgoing: Uint8Array[] = [];
	#connection: Connection | undefined;
	/** Bytes that may be read and written now. */
	#readable = 0;
	#room = 0;
	/** The broker has ended the connection; the stream ends when the rest is sent, or when the timer fires. */
	#linger: TimerHandle | undefined;
	#isClosed = false;

	constructor(clock: StreamServerClock, accept: (callbacks: StreamCallbacks) => Stream, onReceived: () => void, onClosed: () => void) {
		this.#clock = clock;
		this.#onReceived = onReceived;
		this.#onClosed = onClosed;
		this.#stream = accept({
			onReadable: count => {
				this.#readable = count;
				this.#read();
			},
			onWritable: count => {
				this.#room = count;
				this.#write();
			},
			onError: () => {
				this.#connection?.lost(clock.now());
				this.#close();
			},
		});
	}

	start(broker: Broker, caller: Caller | undefined): void {
		this.#connection = broker.open({
			send: bytes => {
				this.#outgoing.push(bytes);
				this.#flush();
				return this.#outgoing.length === 0;
			},
			close: () => {
				if (this.#outgoing.length === 0) this.#close();
				else if (!this.#isClosed) this.#linger = this.#clock.timer.set(() => { this.#close(); }, LINGER);
			},
		}, { ...caller, now: this.#clock.now() });
	}

	kill(): void {
		this.#connection?.close("restart", this.#clock.now());
		this.#close();
	}

	#read(): void {
		if (this.#isClosed || this.#readable === 0) return;
		// What comes after the broker ended the connection is nobody's; while answers wait, requests wait, too.
		if (this.#linger !== undefined || this.#outgoing.length > 0) return;
		const bytes = new Uint8Array(this.#readable);
		this.#readable = 0;
		this.#stream.read(bytes);
		this.#connection?.receive(bytes, this.#clock.now());
		this.#onReceived();
	}

	#write(): void {
		const waited = this.#outgoing.length > 0;
		this.#flush();
		if (this.#isClosed || this.#outgoing.length > 0) return;
		if (this.#linger !== undefined) {
			this.#close();
			return;
		}
		if (waited) this.#connection?.drained(this.#clock.now());
		this.#read();
	}

	#flush(): void {
		while (!this.#isClosed && this.#room > 0 && this.#outgoing.length > 0) {
			const first = this.#outgoing[0]!;
			const count = Math.min(this.#room, first.byteLength);
			this.#room = this.#stream.write(first.subarray(0, count));
			if (count === first.byteLength) this.#outgoing.shift();
			else this.#outgoing[0] = first.subarray(count);
		}
	}

	#close(): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		this.#outgoing.length = 0;
		this.#clock.timer.clear(this.#linger);
		this.#stream.close();
		this.#onClosed();
	}
}
