// SPDX-License-Identifier: Apache-2.0
/** The one timer that a broker needs, on whatever clock it is served by. */
import { Alarm, type AlarmClock, type AlarmOwner } from "../../src/base/alarm.js";
import type { Broker } from "./broker/broker.js";

export class BrokerAlarm implements AlarmOwner {
	readonly #broker: Broker;
	readonly #clock: AlarmClock;
	readonly #alarm: Alarm;
	readonly #unwatch: () => void;

	constructor(broker: Broker, clock: AlarmClock) {
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
