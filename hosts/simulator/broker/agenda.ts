// SPDX-License-Identifier: Apache-2.0
/** When a broker has something to do next, and who wants to know that this has become earlier. Pure. */

/** Somebody with deadlines of its own who is served by the broker's timer. */
export interface Task {
	/** Monotonic ms at which `expire` has something to do, or `Infinity`. */
	readonly deadline: number;
	expire(now: number): void;
}

export class Agenda {
	readonly #tasks: Task[] = [];
	readonly #watchers = new Set<() => void>();
	#deadline = Infinity;

	get deadline(): number { return this.#tasks.reduce((earliest, { deadline }) => Math.min(earliest, deadline), this.#deadline); }

	/** Where a task's deadline becomes earlier by itself, `changed` must be called. */
	add(task: Task): void {
		this.#tasks.push(task);
		this.changed();
	}

	/** @returns call it to be told no more */
	watch(onEarlier: () => void): () => void {
		this.#watchers.add(onEarlier);
		return () => { this.#watchers.delete(onEarlier); };
	}

	/** Something is due at `at` that may not have been before. */
	due(at: number): void {
		if (at >= this.#deadline) return;
		this.#deadline = at;
		this.changed();
	}

	/** A task's deadline may be earlier now. */
	changed(): void {
		for (const onEarlier of this.#watchers) onEarlier();
	}

	/** Does what tasks have to do. @returns true when what `due` was told of is due, too; it is forgotten then, and told anew */
	expire(now: number): boolean {
		for (const task of this.#tasks) if (task.deadline <= now) task.expire(now);
		if (now < this.#deadline) return false;
		this.#deadline = Infinity;
		return true;
	}
}
