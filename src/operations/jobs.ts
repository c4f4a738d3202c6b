// SPDX-License-Identifier: Apache-2.0
/**
 * Jobs: work that the cloud queues for a device, which does one after the other and says how far it is.
 *
 * 1. After each connect, and whenever the queue may have changed, the cloud is asked for the next job. What it tells
 *    unasked is a hint to ask and nothing more: stale, repeated and reordered hints then do no harm.
 * 2. A job is handed to the program once. After a reset it is handed again, with the details that it last had.
 * 3. How the job ended is said until the cloud has answered, across connections; only then the next one begins.
 * 4. Each update names the version that it was made on. Where the cloud knows a newer one, that is what it is made
 *    on next; where the cloud has ended the job, the program is told that it is canceled.
 *
 * Pure: knows no topics and no clock; a cloud translates between `JobsPort` and its messages.
 */
import { DeviceError, toDeviceError } from "../base/error.js";
import { isObject, type JSONObject } from "../bytes/value.js";
import { FOREIGN_MAXIMUM, Refusal, Service } from "../base/service.js";

/** What became of a job; the last three are the cloud's to say. */
export type JobStatus =
	| "QUEUED" | "IN_PROGRESS" | "SUCCEEDED" | "FAILED" | "REJECTED" | "TIMED_OUT" | "CANCELED" | "REMOVED";

/** Names and values that say how far a job is; clouds allow about ten. */
export type JobDetails = Readonly<Record<string, string>>;

/** What the cloud is told of a job. */
export interface JobUpdate {
	readonly status: JobStatus;
	/** Replaces what the cloud had; absent leaves it. */
	readonly details?: JobDetails | undefined;
	/** Minutes within which the next update must follow, or the cloud gives the job up. */
	readonly stepTimeoutMinutes?: number | undefined;
}

/** A job as the cloud tells of it: nothing about it is known to be right. */
export interface JobRecord {
	readonly id: unknown;
	/** Which execution of the job: one that is tried again has the next. */
	readonly number: unknown;
	readonly version: unknown;
	readonly status: unknown;
	readonly details: unknown;
	readonly document: unknown;
}

/** How a job stands where the cloud refused an update of it. */
export interface JobState {
	readonly status: unknown;
	readonly version: unknown;
}

/** What jobs ask of a cloud. False: there is no room now, ask again later; what throws cannot be said. */
export interface JobsPort {
	/** Asks for the next job, and begins it. */
	next(token: string): boolean;
	/** @param update of `job`, which is at `job.version` */
	update(token: string, job: Job, update: JobUpdate): boolean;
}

/** All but `onTurn` are run from `expire`. */
export interface JobsCallbacks {
	/** From inside of what the program says of a job: `deadline` moved. */
	onTurn?: (() => void) | undefined;
	/** A job to do, now or some time: one at a time. It ends by `succeed`, `fail` or `reject`. */
	onJob(job: Job): void;
	/** The job is over, and not by us: `status` says how. Nothing more can be said about it. */
	onJobCanceled?: ((job: Job) => void) | undefined;
	/** The cloud knows how the job ended. */
	onJobFinished?: ((job: Job) => void) | undefined;
	onError?: ((error: DeviceError) => void) | undefined;
}

export interface JobsOptions {
	/**
	 * Names of the members that job documents and details have: others are left out, as each name stays in the device's
	 * memory until it restarts. Default: any, of which it learns `FOREIGN_MAXIMUM`.
	 */
	members?: readonly string[] | undefined;
	/** Begins every token: different at each boot. */
	prefix?: string | undefined;
}

/** One job that this device does. */
export class Job {
	readonly id: string;
	readonly number: number;
	/** What is to be done, in the program's own words; of foreign member names only those are here that it declared. */
	readonly document: JSONObject;
	version: number;
	/** As the cloud has it. */
	status: JobStatus;
	/** As the cloud has them. */
	details: JobDetails;
	readonly #jobs: Jobs;

	constructor(jobs: Jobs, id: string, number: number, version: number, record: JobRecord) {
		this.#jobs = jobs;
		this.id = id;
		this.number = number;
		this.version = version;
		this.status = record.status as JobStatus;
		// Made anew: on XS a constant that was preloaded cannot be made JSON of.
		this.details = isObject(record.details) ? record.details as JobDetails : {};
		this.document = isObject(record.document) ? record.document : {};
	}

	/** Says how far it is. Of several that wait, the last one is said. */
	progress(details: JobDetails, { stepTimeoutMinutes }: { stepTimeoutMinutes?: number } = NO_OPTIONS): void {
		this.#jobs.update(this, { status: "IN_PROGRESS", details, stepTimeoutMinutes });
	}

	/** Ends it. What is said after the end, ours or the cloud's, is passed over. */
	succeed(details?: JobDetails): void {
		this.#jobs.update(this, { status: "SUCCEEDED", details });
	}

	fail(details?: JobDetails): void {
		this.#jobs.update(this, { status: "FAILED", details });
	}

	/** It is none for this device, or none that can be done. */
	reject(details?: JobDetails): void {
		this.#jobs.update(this, { status: "REJECTED", details });
	}
}

const NO_OPTIONS = Object.freeze({});

export class Jobs extends Service<JobsPort> {
	/** Names that are declared; they and `spare` others may become properties. */
	readonly names: readonly string[];
	readonly spare: number;
	readonly #callbacks: JobsCallbacks;
	/** From the cloud's answer on, until it knows how the job ended. */
	#job: Job | undefined;
	/** The program was told of it. */
	#told = true;
	/** The queue is as it was when we last asked. */
	#current = false;
	/** What is to be said of the job, and what is being said. */
	#wanted: JobUpdate | undefined;
	#sent: JobUpdate | undefined;
	#canceled: Job | undefined;
	#finished: Job | undefined;
	#refusal: DeviceError | undefined;

	constructor(callbacks: JobsCallbacks, { members, prefix }: JobsOptions = {}) {
		super(prefix);
		this.#callbacks = callbacks;
		this.names = members ?? [];
		this.spare = members === undefined ? FOREIGN_MAXIMUM : 0;
	}

	/** The job that is being done. */
	get job(): Job | undefined {
		return this.#job;
	}

	override connected(port: JobsPort): void {
		this.#current = false;
		super.connected(port);
	}

	/** For `Job`. */
	update(job: Job, update: JobUpdate): void {
		if (job !== this.#job || isTerminal(this.#wanted?.status) || isTerminal(this.#sent?.status)) return;
		this.#wanted = { ...update, details: update.details ?? this.#wanted?.details };
		this.wake();
		this.#callbacks.onTurn?.();
	}

	/**
	 * The cloud's answer to `next`: the job, which is in progress from now on, or none.
	 * @throws DeviceError `malformed`
	 */
	next(token: string, record: JobRecord | undefined): void {
		if (!this.awaits(token) || this.#sent !== undefined) return;
		if (record === undefined) {
			this.answered();
			if (this.#job !== undefined) this.cancel(this.#job, "CANCELED");
			return;
		}
		const { id, number, version } = record;
		if (typeof id !== "string") throw new DeviceError("malformed", "a job has no id");
		checkNumber(number);
		checkNumber(version);
		this.answered();
		const job = this.#job;
		if (job !== undefined && job.id === id && job.number === number) {
			job.version = version;
			return;
		}
		if (job !== undefined) this.cancel(job, "CANCELED");
		this.#job = new Job(this, id, number, version, record);
		this.#told = false;
	}

	/** The cloud's queue begins with another job than before, or with none. */
	notified(record: JobRecord | undefined): void {
		const job = this.#job;
		if (record === undefined ? job === undefined : job?.id === record.id && job?.number === record.number) return;
		this.#current = false;
		this.wake();
	}

	/** The cloud took an update. */
	accepted(token: string): void {
		const sent = this.#sent;
		if (!this.awaits(token) || sent === undefined) return;
		this.#sent = undefined;
		this.answered();
		const job = this.#job!;
		job.version++;
		if (sent.details !== undefined) job.details = sent.details;
		if (isTerminal(sent.status)) this.finish(job, sent.status);
		else job.status = sent.status;
	}

	/**
	 * The cloud refused a request.
	 * @param refusal one of `Refusal`
	 * @param state of the job, where the cloud said it
	 * @throws DeviceError `malformed`
	 */
	rejected(token: string, refusal: number, message: string, state: JobState | undefined, now: number): void {
		if (!this.awaits(token)) return;
		const sent = this.#sent;
		if (sent === undefined) {
			this.#current = false;
			this.#refusal = refused(message);
			return this.postpone(now);
		}
		if (state !== undefined) checkNumber(state.version);
		const job = this.#job!;
		const status = (state?.status ?? "REMOVED") as JobStatus;
		if (state === undefined ? refusal === Refusal.GONE || refusal === Refusal.STALE : isTerminal(status)) {
			this.#sent = undefined;
			this.#current = false;
			this.answered();
			// The cloud had heard it before, and its answer was lost.
			if (status === sent.status) this.finish(job, status);
			else this.cancel(job, status);
		} else if (refusal === Refusal.REFUSED) {
			this.#sent = undefined;
			this.refuse(sent, message, now);
		} else {
			this.restore();
			if (state === undefined || state.version === job.version) return this.postpone(now);
			job.version = state.version as number;
			this.answered();
		}
	}

	protected override tell(): void {
		const canceled = this.#canceled;
		const finished = this.#finished;
		const refusal = this.#refusal;
		this.#canceled = this.#finished = this.#refusal = undefined;
		const callbacks = this.#callbacks;
		if (refusal !== undefined) callbacks.onError?.(refusal);
		if (canceled !== undefined) callbacks.onJobCanceled?.(canceled);
		if (finished !== undefined) callbacks.onJobFinished?.(finished);
		if (this.#told) return;
		this.#told = true;
		callbacks.onJob(this.#job!);
	}

	protected override ask(port: JobsPort, token: string, now: number): boolean | undefined {
		const wanted = this.#wanted;
		if (wanted !== undefined) return this.say(port, token, wanted, now);
		if (this.#current) return undefined;
		// From here on, so that a hint which overtakes the answer is not lost.
		this.#current = port.next(token);
		return this.#current;
	}

	protected override lost(): void {
		// Without an update under way, what is lost is the answer to what comes next.
		if (this.#sent === undefined) this.#current = false;
		this.restore();
	}

	private say(port: JobsPort, token: string, update: JobUpdate, now: number): boolean | undefined {
		try {
			if (!port.update(token, this.#job!, update)) return false;
		} catch (error) {
			this.#wanted = undefined;
			this.refuse(update, toDeviceError(error, "internal", "update").message, now);
			return undefined;
		}
		this.#sent = update;
		this.#wanted = undefined;
		return true;
	}

	/** An update that cannot be: an end must get through all the same, as no other job begins before. */
	private refuse({ status, details }: JobUpdate, message: string, now: number): void {
		this.#refusal = refused(message);
		if (isTerminal(status)) {
			this.#wanted = { status };
			if (details === undefined) return this.postpone(now);
		}
		this.answered();
	}

	/** What was being said is to be said again, unless there is something newer to say. */
	private restore(): void {
		const sent = this.#sent;
		this.#sent = undefined;
		if (sent === undefined) return;
		this.#wanted = { ...sent, ...this.#wanted, details: this.#wanted?.details ?? sent.details };
	}

	private finish(job: Job, status: JobStatus): void {
		job.status = status;
		this.#finished = job;
		this.#job = this.#wanted = undefined;
		this.#current = false;
	}

	private cancel(job: Job, status: JobStatus): void {
		job.status = status;
		this.#canceled = job;
		this.#job = this.#wanted = undefined;
	}
}

function isTerminal(status: unknown): boolean {
	return status !== undefined && status !== "QUEUED" && status !== "IN_PROGRESS";
}

function refused(message: string): DeviceError {
	return new DeviceError("rejected", `job refused: ${message}`);
}

function checkNumber(value: unknown): asserts value is number {
	if (!Number.isSafeInteger(value)) throw new DeviceError("malformed", "a job's number is no whole number");
}
