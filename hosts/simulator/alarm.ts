// SPDX-License-Identifier: Apache-2.0
/** The one timer that a broker needs, or a CoAP server, on whatever clock it is served by. */
import { Alarm, type AlarmClock, type AlarmOwner } from "../../src/base/alarm.js";
import type { Task } from "./broker/agenda.js";

/** A task that tells when its deadline has become earlier. */
interface Watched extends Task {
	/** @returns ends it */
	watch(onEarlier: () => void): () => void;
}

export class BrokerAlarm implements AlarmOwner {
	readonly #broker: Watched;
	readonly #clock: AlarmClock;
	readonly #alarm: Alarm;
	readonly #unwatch: () => void;

	constructor(broker: Watched, clock: AlarmClock) {
		this.#broker = broker;
		this.#clock = clock;
		this.#alarm = new Alarm(clock, this);
		this.#unwatch = broker.watch(() => { this.arm(); });
		this.arm();
	}

	expire(): void {
		this.#broker.expire(this.#clock.time.now());
		this.arm();
	}

	/** Rings when the broker wants it; the broker says when that has become earlier. */
	arm(): void {
		this.#alarm.set(this.#broker.deadline);
	}

	stop(): void {
		this.#unwatch();
		this.#alarm.set(Infinity);
	}
}
