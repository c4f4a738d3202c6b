// SPDX-License-Identifier: Apache-2.0
/** The time and the timers of Node, for the one alarm that a broker needs. */
import { performance } from "node:perf_hooks";
import type { AlarmClock } from "../../src/base/alarm.js";

export const nodeClock: AlarmClock = Object.freeze({
	timer: { set: setTimeout, clear: (handle: object | undefined) => { clearTimeout(handle as NodeJS.Timeout | undefined); } },
	time: performance,
});
