// SPDX-License-Identifier: Apache-2.0
/** How far a download is, as a line of a terminal. */

/** Characters of the bar. */
const WIDTH = 40;
/** Percent between two lines where each stays: a log is not to be filled with them. */
const LOG_STEP = 25;

export function bar(percent: number, total: number): string {
	const done = Math.round(percent / 100 * WIDTH);
	return `[${"#".repeat(done)}${"-".repeat(WIDTH - done)}] ${String(percent).padStart(3)} % of ${total.toLocaleString("en")} bytes`;
}

/** Whether it is worth a line that stays. */
export function isTold(percent: number): boolean {
	return percent % LOG_STEP === 0;
}
