// SPDX-License-Identifier: Apache-2.0
/** Timers and clocks of the device. A timer that was not cleared keeps the program alive, as an open socket does. */
import { DeviceError } from "../../src/base/error.js";
import type { Clocks, TimerHandle, Timers } from "../../src/host.js";
import { isIntegerIn } from "./check.js";

/** Node, like Moddable, counts a delay in 32 bits. */
const DELAY_MAXIMUM = 2 ** 31 - 1;

export const timer: Timers = Object.freeze({
	set(callback: () => void, delay: number): TimerHandle {
		checkTimer(callback, delay, 0);
		// A timeout of 0 waits for a millisecond at least, which a device whose work is cut into turns has many of.
		return delay === 0 ? setImmediate(callback) : setTimeout(callback, delay);
	},

	repeat(callback: () => void, interval: number): TimerHandle {
		checkTimer(callback, interval, 1);
		return setInterval(callback, interval);
	},

	clear(handle: TimerHandle | undefined): void {
		clearTimeout(handle as NodeJS.Timeout | undefined);
		clearImmediate(handle as NodeJS.Immediate | undefined);
	},
});

export const time: Clocks = Object.freeze({
	now(): number {
		return Math.floor(performance.now());
	},

	wall(): number {
		return Date.now();
	},
});

function checkTimer(callback: () => void, delay: number, minimum: number): void {
	if (typeof callback !== "function") throw new DeviceError("argument", "the callback of a timer is no function");
	if (!isIntegerIn(delay, minimum, DELAY_MAXIMUM)) {
		throw new DeviceError("argument", `a timer of ${delay} ms; allowed are integers from ${minimum} to ${DELAY_MAXIMUM}`);
	}
}
