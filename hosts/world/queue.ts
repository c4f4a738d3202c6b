// SPDX-License-Identifier: Apache-2.0
/**
 * What is to happen, in the order of time: a binary heap of tasks.
 *
 * A task knows its place in the heap, so that cancelling takes it out at once: a keep-alive timer
 * that is set again at every packet must not leave thousands of dead entries behind. A task may be
 * queued again after it ran, which spares the network one object per segment.
 */
import { DeviceError } from "../../src/base/error.js";

/** Tasks waiting at the same time. More means that something multiplies. */
const TASKS_MAXIMUM = 1_000_000;
const IDLE = -1;

export class Task {
	readonly action: () => void;
	at = 0;
	/** Breaks ties: of two tasks due at the same time, the one queued first runs first. */
	sequence = 0;
	/** Place in the heap, owned by `Queue`. */
	place = IDLE;

	constructor(action: () => void) {
		this.action = action;
	}

	get waiting(): boolean {
		return this.place !== IDLE;
	}
}

export class Queue {
	readonly #heap: Task[] = [];
	#sequence = 0;

	get first(): Task | undefined {
		return this.#heap[0];
	}

	add(task: Task, at: number): void {
		if (task.waiting) throw new DeviceError("internal", "a task was queued twice");
		if (this.#heap.length >= TASKS_MAXIMUM) throw new DeviceError("full", `more than ${TASKS_MAXIMUM} tasks are waiting`);
		task.at = at;
		task.sequence = this.#sequence++;
		this.#heap.push(task);
		this.#rise(task, this.#heap.length - 1);
	}

	/** Removing what does not wait is no error. */
	remove(task: Task): void {
		const place = task.place;
		if (place === IDLE) return;
		task.place = IDLE;
		const last = this.#heap.pop()!;
		if (last === task) return;
		if (place > 0 && before(last, this.#heap[place - 1 >> 1]!)) this.#rise(last, place);
		else this.#sink(last, place);
	}

	#rise(task: Task, place: number): void {
		const heap = this.#heap;
		while (place > 0) {
			const parent = place - 1 >> 1, above = heap[parent]!;
			if (!before(task, above)) break;
			heap[place] = above;
			above.place = place;
			place = parent;
		}
		heap[place] = task;
		task.place = place;
	}

	#sink(task: Task, place: number): void {
		const heap = this.#heap, length = heap.length;
		for (;;) {
			let child = place * 2 + 1;
			if (child >= length) break;
			if (child + 1 < length && before(heap[child + 1]!, heap[child]!)) child++;
			const below = heap[child]!;
			if (!before(below, task)) break;
			heap[place] = below;
			below.place = place;
			place = child;
		}
		heap[place] = task;
		task.place = place;
	}
}

function before(one: Task, other: Task): boolean {
	return one.at < other.at || (one.at === other.at && one.sequence < other.sequence);
}
