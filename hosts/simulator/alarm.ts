// SPDX-License-Identifier: Apache-2.0
/** The one timer that a broker needs, or a CoAP server, on whatever clock it is served by. */
import { Alarm, type AlarmClock, type AlarmOwner } from "../../src/base/alarm.js";
import type { Task } from "./broker/agenda.js";

/** A task that tells when its deadline has become earlier. */
interface Watched extends Task {
	/** @returns ends it */
	watch(onEarlier: () => void): () => void;
}

export class TaskAlarm implements AlarmOwner {
	readonly #task: Watched;
	readonly #clock: AlarmClock;
	readonly #alarm: Alarm;
	readonly #unwatch: () => void;

	constructor(task: Watched, clock: AlarmClock) {
		this.#task = task;
		this.#clock = clock;
		this.#alarm = new Alarm(clock, this);
		this.#unwatch = task.watch(() => { this.arm(); });
		this.arm();
	}

	expire(): void {
		this.#task.expire(this.#clock.time.now());
		this.arm();
	}

	/** Rings when the task wants it, which says when that has become earlier. To be called when it was given something. */
	arm(): void {
		this.#alarm.set(this.#task.deadline);
	}

	stop(): void {
		this.#unwatch();
		this.#alarm.set(Infinity);
	}
}
