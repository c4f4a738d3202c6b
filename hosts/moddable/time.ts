// SPDX-License-Identifier: Apache-2.0
/** Timers and clocks of the device. */
import Timer from "timer";
import platform from "moddable:moorline/platform";
import type { Clocks, Timers } from "../../src/host.js";

/** An ESP32 boots in 1970; a clock that shows a time before this software was written was never set. */
const EARLIEST = Date.UTC(2024, 0, 1);

export const timer: Timers = Object.freeze({
	set: (callback: () => void, delay: number) => Timer.set(callback, delay),
	repeat: (callback: () => void, interval: number) => Timer.repeat(callback, interval),
	clear: (handle: object | undefined) => Timer.clear(handle),
});

export const time: Clocks = Object.freeze({
	now: () => platform.now(),
	wall(): number | undefined {
		const now = Date.now();
		return now < EARLIEST ? undefined : now;
	},
});
