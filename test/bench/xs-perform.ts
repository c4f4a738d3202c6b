// SPDX-License-Identifier: Apache-2.0
/**
 * Runs on XS: handles messages of every kind in turn, and tells what each kind allocated. Before and after each kind it
 * calls `native.resetPeaks`, at which a profiler takes its figures.
 */
import { Figure, native } from "../../hosts/xs/native.js";

/** Rounds before the measurement, in which whatever is made once is made. */
const WARM_UP = 4;

/** @param make gives what handles so many messages */
export function perform<Task extends { count: number }>(tasks: readonly Task[], make: (task: Task) => (count: number) => void): void {
	for (const task of tasks) {
		const run = make(task);
		run(WARM_UP);
		native.collect();
		native.collector(false);
		const slots = native.figure(Figure.slotsAllocated);
		const chunks = native.figure(Figure.chunksAllocated);
		native.resetPeaks();
		run(task.count);
		native.resetPeaks();
		const bytes = (native.figure(Figure.slotsAllocated) - slots) * native.figure(Figure.slotBytes)
			+ native.figure(Figure.chunksAllocated) - chunks;
		native.trace(String(bytes));
		native.collector(true);
	}
}
