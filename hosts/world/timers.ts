// SPDX-License-Identifier: Apache-2.0
/** Timers of one party, on virtual time. */
import { DeviceError } from "../../src/base/error.js";
import type { TimerHandle, Timers } from "../../src/host.js";
import { checkCallback } from "./address.js";
import type { Clock } from "./clock.js";
import type { Log } from "./log.js";
import type { Party } from "./party.js";
import { Task } from "./queue.js";

const DELAY_MAXIMUM = 0x7fff_ffff;

/** The `host.timer` of one party. */
export function createTimers(clock: Clock, log: Log, party: Party): Timers {
	const start = (callback: () => void, delay: number, repeat: boolean): TimerHandle => {
		party.check();
		checkCallback("callback", callback, true);
		const least = repeat ? 1 : 0;
		if (!(delay >= least && delay <= DELAY_MAXIMUM)) {
			throw new DeviceError("argument", `a timer takes from ${least} to ${DELAY_MAXIMUM} ms, not ${String(delay)}`);
		}
		const task = new Task(() => {
			if (repeat && party.alive) clock.schedule(task, delay);
			log.add("timer", party.id, delay);
			party.enter(callback, undefined);
		});
		clock.schedule(task, delay);
		return task;
	};
	return Object.freeze({
		set: (callback: () => void, delay: number) => start(callback, delay, false),
		repeat: (callback: () => void, interval: number) => start(callback, interval, true),
		clear(handle: TimerHandle | undefined) {
			party.check();
			if (handle === undefined) return;
			if (!(handle instanceof Task)) throw new DeviceError("argument", "not a timer of this host");
			clock.cancel(handle);
		},
	});
}
