// SPDX-License-Identifier: Apache-2.0
/**
 * What goes out on a stream: whole messages in bytes, in order, but that signals overtake what was not begun.
 *
 * They are encoded when they are queued, so that nothing of theirs is borrowed and one that is cancelled leaves no
 * trace.
 * Memory: `QUEUE_MAXIMUM` messages of `QUEUE_LENGTH` bytes in all, or a single one that is longer; and few signals.
 */
import { NOTHING } from "./message.js";
import type { Form } from "./frame.js";

/** Messages that wait. */
export const QUEUE_MAXIMUM = 32;
/** Their bytes, but that one always finds room. */
export const QUEUE_LENGTH = 16_384;
/** Signals that wait: a peer that asks for more does not read. */
export const SIGNAL_MAXIMUM = 8;

interface Departure {
	readonly handle: number;
	readonly bytes: Uint8Array;
}

export class Departures {
	readonly #form: Form;
	readonly #signals: Uint8Array[] = [];
	#queue: Departure[] = [];
	#length = 0;
	/** What is on its way, and how much of it is gone. */
	#current: Uint8Array = NOTHING;
	#written = 0;

	constructor(form: Form) {
		this.#form = form;
	}

	get isEmpty(): boolean {
		return this.#current === NOTHING && this.#signals.length === 0 && this.#queue.length === 0;
	}

	/** @returns false when there is no room */
	signal(bytes: Uint8Array): boolean {
		if (this.#signals.length === SIGNAL_MAXIMUM) return false;
		this.#signals.push(bytes);
		return true;
	}

	hasRoomFor(length: number): boolean {
		const count = this.#queue.length;
		return count === 0 || count < QUEUE_MAXIMUM && this.#length + length <= QUEUE_LENGTH;
	}

	/** Where there is room for it. */
	push(handle: number, bytes: Uint8Array): void {
		this.#queue.push({ handle, bytes });
		this.#length += bytes.byteLength;
	}

	cancel(handle: number): void {
		this.#queue = this.#queue.filter(departure => departure.handle !== handle);
		this.#length = this.#queue.reduce((length, { bytes }) => length + bytes.byteLength, 0);
	}

	/** Drops all but what is begun, which the peer would take what follows for the rest of. */
	drop(): void {
		if (this.#written === 0) this.#current = NOTHING;
		this.#signals.length = this.#queue.length = this.#length = 0;
	}

	/**
	 * Writes as much as fits; of a WebSocket's messages one, if it fits whole, because it goes out in one write.
	 * @returns bytes written from index 0
	 */
	write(target: Uint8Array, limit: number): number {
		const isWhole = this.#form === "websocket";
		let count = 0;
		while (count < limit && this.begin()) {
			const written = this.#written;
			const left = this.#current.byteLength - written;
			const room = limit - count;
			if (left > room) {
				if (isWhole) break;
				target.set(this.#current.subarray(written, written + room), count);
				this.#written = written + room;
				return limit;
			}
			target.set(written === 0 ? this.#current : this.#current.subarray(written), count);
			count += left;
			this.#current = NOTHING;
			this.#written = 0;
			if (isWhole) break;
		}
		return count;
	}

	/** @returns false when there is nothing to write */
	private begin(): boolean {
		if (this.#current !== NOTHING) return true;
		const signal = this.#signals.shift();
		if (signal === undefined) {
			const departure = this.#queue.shift();
			if (departure === undefined) return false;
			this.#current = departure.bytes;
			this.#length -= departure.bytes.byteLength;
		} else this.#current = signal;
		return true;
	}
}
