// SPDX-License-Identifier: Apache-2.0
/** Runs on XS: stands for Moddable's modules `timer` and `time`. A timer runs when the benchmark says so. */

type Callback = () => void;

/** Those that are due at once. */
export const due: Callback[] = [];

const Timer = {
	set(callback: Callback, delay = 0): object {
		if (delay === 0) due.push(callback);
		return callback;
	},
	repeat: (callback: Callback): object => callback,
	clear(): void {},
	ticks: 0,
	delta: (): number => 0,
};

export default Timer;
