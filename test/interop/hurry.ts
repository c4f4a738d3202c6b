// SPDX-License-Identifier: Apache-2.0
/** Timers that do not wait, for tests in which nothing but time passes. */
import type { TestContext } from "node:test";

/** Lets the time of this process's timers pass whenever nothing else is to be done; other processes keep theirs. */
export function hurry(context: TestContext): void {
	context.mock.timers.enable({ apis: ["setTimeout"] });
	let isOn = true;
	context.after(() => { isOn = false; });
	const step = () => {
		if (!isOn) return;
		context.mock.timers.tick(20);
		setImmediate(step);
	};
	setImmediate(step);
}
