// SPDX-License-Identifier: Apache-2.0
/**
 * One job on one thing: its life cycle, its timers, and its place in the thing's queue.
 *
 * Pure; instants called `…At` are seconds since 1970, deadlines are monotonic ms.
 */
import type { JsonObject } from "../../services/json.js";

export type ExecutionStatus = "QUEUED" | "IN_PROGRESS" | "SUCCEEDED" | "FAILED" | "REJECTED" | "TIMED_OUT" | "CANCELED";
export type StatusDetails = Record<string, string>;

/** What a device may set. */
export const DEVICE_STATUSES: readonly string[] = Object.freeze(["IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED"]);

export interface ExecutionState {
	readonly status: ExecutionStatus;
	readonly statusDetails?: StatusDetails | undefined;
	readonly versionNumber: number;
}

export interface ExecutionSummary {
	readonly jobId: string;
	readonly queuedAt: number;
	readonly startedAt?: number | undefined;
	readonly lastUpdatedAt: number;
	readonly versionNumber: number;
	readonly executionNumber: number;
}

export interface ExecutionDescription extends ExecutionSummary, ExecutionState {
	readonly thingName: string;
	readonly jobDocument?: JsonObject | undefined;
	readonly approximateSecondsBeforeTimedOut?: number | undefined;
}

export class Execution {
	readonly jobId: string;
	readonly thingName: string;
	readonly executionNumber: number;
	readonly queuedAt: number;
	status: ExecutionStatus = "QUEUED";
	statusDetails: StatusDetails | undefined;
	versionNumber = 1;
	/** When the job's own timer ends; a step's cannot outlive it. */
	jobDeadline = Infinity;
	stepDeadline = Infinity;
	#startedAt: number | undefined;
	#lastUpdatedAt: number;

	constructor(jobId: string, thingName: string, executionNumber: number, queuedAt: number) {
		this.jobId = jobId;
		this.thingName = thingName;
		this.executionNumber = executionNumber;
		this.queuedAt = queuedAt;
		this.#lastUpdatedAt = queuedAt;
	}

	get isPending(): boolean { return this.status === "QUEUED" || this.status === "IN_PROGRESS"; }
	/** When it times out; `Infinity` when no timer runs. */
	get deadline(): number { return Math.min(this.jobDeadline, this.stepDeadline); }
	/** Tells it from every other execution of its thing. */
	get identity(): string { return `${this.jobId}#${this.executionNumber}`; }

	/** One more version, in the same or in another status. */
	update(status: ExecutionStatus, at: number): void {
		if (status === "IN_PROGRESS") this.#startedAt ??= at;
		this.status = status;
		this.versionNumber++;
		this.#lastUpdatedAt = at;
		if (!this.isPending) this.jobDeadline = this.stepDeadline = Infinity;
	}

	state(): ExecutionState {
		return { status: this.status, statusDetails: this.#details(), versionNumber: this.versionNumber };
	}

	summary(): ExecutionSummary {
		return {
			jobId: this.jobId, queuedAt: this.queuedAt, startedAt: this.#startedAt, lastUpdatedAt: this.#lastUpdatedAt,
			versionNumber: this.versionNumber, executionNumber: this.executionNumber,
		};
	}

	describe(jobDocument: JsonObject | undefined, now: number): ExecutionDescription {
		const { jobId, ...summary } = this.summary(), left = this.deadline - now;
		return {
			jobId, thingName: this.thingName, ...this.state(), ...summary, jobDocument,
			approximateSecondsBeforeTimedOut: left === Infinity ? undefined : Math.max(0, Math.ceil(left / 1000)),
		};
	}

	#details(): StatusDetails | undefined {
		return this.statusDetails && { ...this.statusDetails };
	}
}

/** The executions of one thing. */
export class ExecutionQueue {
	/** The executions of each job, the newest last. */
	readonly #jobs = new Map<string, Execution[]>();

	add(execution: Execution): void {
		const executions = this.#jobs.get(execution.jobId);
		if (executions === undefined) this.#jobs.set(execution.jobId, [execution]);
		else executions.push(execution);
	}

	/** Forgets a job. */
	remove(jobId: string): void {
		this.#jobs.delete(jobId);
	}

	/** One execution of a job; without a number the newest. */
	find(jobId: string, executionNumber?: number): Execution | undefined {
		return this.#jobs.get(jobId)?.filter(each => executionNumber === undefined || each.executionNumber === executionNumber).at(-1);
	}

	/** How often a job ended like this. */
	count(jobId: string, status: ExecutionStatus): number {
		return this.#jobs.get(jobId)?.filter(each => each.status === status).length ?? 0;
	}

	/** What is to be done, the next first: what is in progress, then what is queued, the older first. */
	pending(): Execution[] {
		const pending = this.all().filter(each => each.isPending);
		// Sorting keeps what is equally old in the order of its creation.
		return pending.sort((left, right) => Number(left.status === "QUEUED") - Number(right.status === "QUEUED") || left.queuedAt - right.queuedAt);
	}

	all(): Execution[] {
		return [...this.#jobs.values()].flat();
	}
}
