// SPDX-License-Identifier: Apache-2.0
/**
 * One timer for whoever has deadlines: moved when something is due earlier, left alone when it is due later.
 *
 * One that rings too early finds nothing to do, which costs less than moving it at every message.
 */
import type { Clocks, TimerHandle, Timers } from "../host.js";

/** Of a host, what an alarm needs. */
export interface AlarmClock {
	readonly timer: Pick<Timers, "set" | "clear">;
	readonly time: Pick<Clocks, "now">;
}

/** Who has the deadlines. An object, because a closure of its own would take eleven slots more. */
export interface AlarmOwner {
	/** Does what is due. */
	expire(): void;
}

/** The longest delay that timers take. */
const DELAY_MAXIMUM = 2 ** 31 - 1;

export class Alarm {
	readonly #clock: AlarmClock;
	/** Made once: a closure takes eleven slots. */
	readonly #onTimer: () => void;
	#handle: TimerHandle | undefined;
	/** When it rings, monotonic ms; `Infinity` for never. */
	at = Infinity;

	/** @param owner is told at the deadline or before it, and then sets the alarm again */
	constructor(clock: AlarmClock, owner: AlarmOwner) {
		this.#clock = clock;
		this.#onTimer = () => {
			this.#handle = undefined;
			this.at = Infinity;
			owner.expire();
		};
	}

	/** Rings at `deadline` (monotonic ms) at the latest; `Infinity` silences it. */
	set(deadline: number): void {
		if (deadline >= this.at && deadline !== Infinity) return;
		const { timer, time } = this.#clock;
		timer.clear(this.#handle);
		this.#handle = undefined;
		this.at = deadline;
		if (deadline === Infinity) return;
		const delay = Math.ceil(deadline - time.now());
		this.#handle = timer.set(this.#onTimer, Math.min(Math.max(0, delay), DELAY_MAXIMUM));
	}
}
