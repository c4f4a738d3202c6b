// SPDX-License-Identifier: Apache-2.0
/**
 * The one timer that a broker needs, on whatever clock it is served by.
 */
import type { Broker } from "./broker/broker.js";

export interface AlarmClock<Handle> {
	/** Monotonic ms. */
	now(): number;
	set(callback: () => void, delay: number): Handle;
	clear(handle: Handle): void;
}

/** The longest delay that timers take; an alarm that comes early is harmless. */
const DELAY_MAXIMUM = 2 ** 31 - 1;

export class Alarm<Handle> {
	readonly #broker: Broker;
	readonly #clock: AlarmClock<Handle>;
	#handle: Handle | undefined;
	#at = Infinity;

	constructor(broker: Broker, clock: AlarmClock<Handle>) {
		this.#broker = broker;
		this.#clock = clock;
	}

	/** To be called after whatever may have brought the broker's deadline forward. */
	arm(): void {
		const { deadline } = this.#broker;
		if (deadline >= this.#at) return;
		this.stop();
		this.#at = deadline;
		const delay = Math.min(Math.max(0, Math.ceil(deadline - this.#clock.now())), DELAY_MAXIMUM);
		this.#handle = this.#clock.set(() => {
			this.#handle = undefined;
			this.#at = Infinity;
			this.#broker.expire(this.#clock.now());
			this.arm();
		}, delay);
	}

	stop(): void {
		if (this.#handle !== undefined) this.#clock.clear(this.#handle);
		this.#handle = undefined;
		this.#at = Infinity;
	}
}
