// SPDX-License-Identifier: Apache-2.0
/** Timers and clocks of the device. */
import Timer from "timer";
import platform from "moddable:moorline/platform";
import { DeviceError } from "../../src/base/error.js";
import type { Clocks, TimerHandle, Timers } from "../../src/host.js";
import { isIntegerIn } from "./check.js";

/** An ESP32 boots in 1970; a clock that shows a time before this software was written was never set. */
const EARLIEST = Date.UTC(2024, 0, 1);

/** Moddable counts a delay in 32 bits. */
const DELAY_MAXIMUM = 2 ** 31 - 1;

export const timer: Timers = Object.freeze({
	set(callback: () => void, delay: number): TimerHandle {
		checkTimer(callback, delay, 0);
		return Timer.set(callback, delay);
	},

	repeat(callback: () => void, interval: number): TimerHandle {
		checkTimer(callback, interval, 1);
		return Timer.repeat(callback, interval);
	},

	clear(handle: TimerHandle | undefined): void {
		Timer.clear(handle);
	},
});

export const time: Clocks = Object.freeze({
	now: () => platform.now(),
	wall(): number | undefined {
		const now = Date.now();
		return now < EARLIEST ? undefined : now;
	},
});

function checkTimer(callback: () => void, delay: number, minimum: number): void {
	if (typeof callback !== "function") throw new DeviceError("argument", "the callback of a timer is no function");
	if (!isIntegerIn(delay, minimum, DELAY_MAXIMUM)) throw new DeviceError("argument", `a timer of ${delay} ms`);
}
