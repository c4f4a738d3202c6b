// SPDX-License-Identifier: Apache-2.0
/**
 * What happened in a world: the last events for the reader of a failure, and a hash over all of them,
 * which is the fingerprint of a run.
 *
 * The ring is filled in place and no object is made per event, because every segment is an event.
 */
import type { Clock } from "./clock.js";
import { Hash } from "./hash.js";

/** Names whose hash is remembered; more are hashed anew each time. */
const NAMES_MAXIMUM = 4096;

export interface WorldEvent {
	/** Monotonic ms of the world. */
	time: number;
	/** What happened, such as `tcp.deliver`. */
	kind: string;
	/** To whom: a device id or an address. */
	id: string;
	/** Bytes, ms or a count, as the kind implies. */
	count: number;
	/** A line of trace, a reason, the other side. */
	text: string;
}

export class Log {
	/** Called with every event; for printing and recording. It must not touch the world. */
	onEvent: ((event: WorldEvent) => void) | undefined;
	readonly #clock: Clock;
	readonly #hash = new Hash();
	readonly #names = new Map<string, number>();
	readonly #limit: number;
	readonly #ring: WorldEvent[] = [];
	#total = 0;

	constructor(clock: Clock, limit: number) {
		this.#clock = clock;
		this.#limit = limit;
	}

	/** Events so far, including those that fell out of the ring. */
	get total(): number {
		return this.#total;
	}

	/** The run so far as 16 hexadecimal digits: the same seed and the same calls give the same. */
	get fingerprint(): string {
		return this.#hash.hex();
	}

	add(kind: string, id: string, count: number, text = ""): void {
		const time = this.#clock.now, ring = this.#ring;
		this.#hash.number(time).number(this.#name(kind)).number(this.#name(id)).number(count);
		if (text !== "") this.#hash.text(text);
		const place = this.#total++ % this.#limit;
		let event = ring[place];
		if (event === undefined) ring[place] = event = { time, kind, id, count, text };
		else {
			event.time = time;
			event.kind = kind;
			event.id = id;
			event.count = count;
			event.text = text;
		}
		this.onEvent?.({ ...event });
	}

	/** The last events, oldest first. */
	tail(limit = this.#limit): WorldEvent[] {
		const count = Math.min(limit, this.#ring.length), events: WorldEvent[] = [];
		for (let back = count; back > 0; back--) events.push({ ...this.#ring[(this.#total - back) % this.#limit]! });
		return events;
	}

	#name(name: string): number {
		const known = this.#names.get(name);
		if (known !== undefined) return known;
		const value = parseInt(new Hash().text(name).hex().slice(0, 8), 16);
		if (this.#names.size < NAMES_MAXIMUM) this.#names.set(name, value);
		return value;
	}
}

export function formatEvent(event: WorldEvent): string {
	return `${String(event.time).padStart(9)} ms  ${event.kind} ${event.id} ${event.count}${event.text === "" ? "" : ` ${event.text}`}`;
}
