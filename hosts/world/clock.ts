// SPDX-License-Identifier: Apache-2.0
/**
 * Virtual time: a monotonic clock in whole milliseconds, a wall clock that may step or be unset, and
 * everything that waits for its moment.
 *
 * Nothing ever waits in real time: a step takes the next task and makes its time the present.
 */
import { DeviceError } from "../../src/base/error.js";
import { Queue, Task } from "./queue.js";

/** The wall clock of a world that was given none: 2026-01-01 00:00 UTC. */
export const DEFAULT_WALL = 1_767_225_600_000;

export class Clock {
	readonly #queue = new Queue();
	#now = 0;
	/** Wall clock minus monotonic clock. */
	#offset: number | undefined;

	constructor(wall: number | undefined) {
		this.#offset = wall;
	}

	/** Milliseconds since the world began. */
	get now(): number {
		return this.#now;
	}

	/** Milliseconds since 1970 as devices and servers know them; `undefined` while unset. */
	get wall(): number | undefined {
		return this.#offset === undefined ? undefined : this.#now + this.#offset;
	}

	/** Sets the wall clock (`undefined`: nobody knows the date). Timers do not notice. */
	set(wall: number | undefined): void {
		this.#offset = wall === undefined ? undefined : wall - this.#now;
	}

	/** Steps the wall clock by `milliseconds`, back when negative. Timers do not notice. */
	jump(milliseconds: number): void {
		if (this.#offset === undefined) throw new DeviceError("state", "the wall clock is not set, so it cannot jump");
		this.#offset += milliseconds;
	}

	/** When the next task is due, or `Infinity`. */
	get deadline(): number {
		return this.#queue.first?.at ?? Infinity;
	}

	/** Queues `task` to run `delay` ms from now. Fractions round up: a task never runs before its time. */
	schedule(task: Task, delay: number): void {
		this.#queue.add(task, this.#now + Math.max(0, Math.ceil(delay)));
	}

	cancel(task: Task): void {
		this.#queue.remove(task);
	}

	/** Runs `action` once, `delay` ms from now. */
	after(delay: number, action: () => void): Task {
		const task = new Task(action);
		this.schedule(task, delay);
		return task;
	}

	/** Runs the next task, making its time the present. @returns false when nothing waits */
	step(): boolean {
		const task = this.#queue.first;
		if (task === undefined) return false;
		this.#queue.remove(task);
		this.#now = task.at;
		task.action();
		return true;
	}

	/** Moves the present to `time` over an empty stretch; never back, never past a task. */
	skip(time: number): void {
		this.#now = Math.max(this.#now, Math.min(time, this.deadline));
	}
}
