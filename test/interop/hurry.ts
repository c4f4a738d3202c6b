// SPDX-License-Identifier: Apache-2.0
/** Timers that run ten times as fast, for tests in which nothing but time passes. */
import type { TestContext } from "node:test";

/** Real ms between two looks, and how much faster the time goes. Not faster: other processes keep theirs. */
const PACE = 2, FACTOR = 10;

/** Lets the time of this process's timers pass faster until the test ends. */
export function hurry(context: TestContext): void {
	const wait = setTimeout;
	context.mock.timers.enable({ apis: ["setTimeout"] });
	let isOn = true;
	context.after(() => { isOn = false; });
	const step = () => {
		if (!isOn) return;
		context.mock.timers.tick(PACE * FACTOR);
		wait(step, PACE);
	};
	wait(step, PACE);
}
