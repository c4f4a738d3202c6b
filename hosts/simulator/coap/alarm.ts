// SPDX-License-Identifier: Apache-2.0
/** The one timer that a CoAP server needs, on whatever clock it is served by. */
import { Alarm, type AlarmClock, type AlarmOwner } from "../../../src/base/alarm.js";
import type { CoAPServer } from "./server.js";

export class CoAPAlarm implements AlarmOwner {
	readonly #server: CoAPServer;
	readonly #clock: AlarmClock;
	readonly #alarm: Alarm;
	readonly #unwatch: () => void;

	constructor(server: CoAPServer, clock: AlarmClock) {
		this.#server = server;
		this.#clock = clock;
		this.#alarm = new Alarm(clock, this);
		this.#unwatch = server.watch(() => { this.arm(); });
		this.arm();
	}

	expire(): void {
		this.#server.expire(this.#clock.time.now());
		this.arm();
	}

	/** To be called when the server was given something. */
	arm(): void {
		this.#alarm.set(this.#server.deadline);
	}

	stop(): void {
		this.#unwatch();
		this.#alarm.set(Infinity);
	}
}
