// SPDX-License-Identifier: Apache-2.0
/**
 * AWS IoT Jobs: what an operator creates, and what devices ask for and report below `$aws/things/{thing}/jobs/`.
 *
 * Pure. Answers go straight to whoever asked; the two notifications are ordinary messages for those who subscribed.
 */
import { DeviceError } from "../../../../src/base/error.js";
import { Rate } from "../../broker/rate.js";
import { encodeJson, parseJson } from "../../services/json.js";
import { DEVICE_STATUSES, Execution, ExecutionQueue, type ExecutionDescription, type ExecutionStatus, type StatusDetails } from "./executions.js";
import { checkJob, DEFAULT_JOBS_LIMITS, JOB_ID, TIMEOUT_MAXIMUM, type JobOptions, type JobsLimits } from "./job.js";
import { Rejection, Request } from "./request.js";
import type { AwsContext, AwsMessage, AwsService } from "./service.js";

interface Job extends JobOptions {
	/** No retries any more. */
	canceled: boolean;
}

const NEXT = "$next";
const TOKEN_MAXIMUM = 64;
const MINUTE = 60_000;
/** Pairs of statusDetails, and the characters of their keys and values. */
const DETAILS_MAXIMUM = 10;
const DETAIL_KEY = /^[a-zA-Z0-9:_-]{1,128}$/;
const DETAIL_VALUE_MAXIMUM = 1024;
/** Entries of a notification. */
const NOTIFY_MAXIMUM = 10;

export class JobsService implements AwsService {
	/** Runs after each change of an execution, also of what a device said of it. */
	onChanged: ((thing: string, execution: ExecutionDescription) => void) | undefined;
	/** While true every request is answered `InternalError`. */
	failing = false;
	readonly #context: AwsContext;
	readonly #limits: JobsLimits;
	readonly #reads: Rate;
	readonly #writes: Rate;
	readonly #jobs = new Map<string, Job>();
	readonly #queues = new Map<string, ExecutionQueue>();
	/** Those that have changed, and of which nobody has been told. */
	readonly #touched = new Set<Execution>();
	/** Those with a timer. */
	readonly #timed = new Set<Execution>();
	#executionCount = 0;
	/** Not later than the first timer; looked up again when it is due. */
	#deadline = Infinity;
	/** Wall clock less monotonic clock, as operators' calls come without the latter. */
	#offset = 0;

	constructor(context: AwsContext, limits: Partial<JobsLimits> = {}) {
		this.#context = context;
		this.#limits = { ...DEFAULT_JOBS_LIMITS, ...limits };
		this.#reads = new Rate(this.#limits.readsPerSecond);
		this.#writes = new Rate(this.#limits.writesPerSecond);
	}

	get deadline(): number { return this.#deadline; }

	/** @throws DeviceError `argument`, `too-large` for the document, `full`, `state` when there is such a job */
	create(options: JobOptions): void {
		const { jobId, things } = options, document = checkJob(options, this.#limits.documentMaximum);
		const stranger = things.find(thing => !this.#context.hasThing(thing));
		if (stranger !== undefined) throw new DeviceError("argument", `cannot create job ${jobId}: there is no thing ${stranger}`);
		if (this.#jobs.has(jobId)) throw new DeviceError("state", `cannot create job ${jobId}: it exists`);
		if (this.#jobs.size >= this.#limits.jobCountMaximum || this.#executionCount + things.length > this.#limits.executionCountMaximum) {
			throw new DeviceError("full", `cannot create job ${jobId}: no room for it`);
		}
		this.#jobs.set(jobId, { ...options, document, things: [...new Set(things)], canceled: false });
		for (const thing of new Set(things)) {
			this.#change(thing, queue => { this.#enqueue(queue, new Execution(jobId, thing, 1, this.#seconds())); });
		}
	}

	/**
	 * Cancels what is queued and, with `force`, what is in progress.
	 * @param options `thing`: there alone; what is in progress is then an error without `force`
	 * @throws DeviceError `argument` when there is no such job or execution, `state` when it cannot be canceled
	 */
	cancel(jobId: string, options: { force?: boolean; thing?: string } = {}): void {
		const { force = false, thing } = options, job = this.#job(jobId);
		if (thing !== undefined) {
			const execution = this.#queues.get(thing)?.find(jobId);
			if (execution === undefined) throw new DeviceError("argument", `cannot cancel ${jobId}: ${thing} has no such job`);
			if (!execution.isPending || execution.status === "IN_PROGRESS" && !force) {
				throw new DeviceError("state", `cannot cancel ${jobId} on ${thing}: it is ${execution.status}`);
			}
		} else {
			job.canceled = true;
		}
		for (const name of thing === undefined ? job.things : [thing]) {
			this.#change(name, queue => {
				const execution = queue.find(jobId);
				if (execution?.status === "QUEUED" || execution?.status === "IN_PROGRESS" && force) this.#end(queue, execution, "CANCELED");
			});
		}
	}

	/**
	 * Forgets a job and its executions.
	 * @throws DeviceError `argument` when there is no such job, `state` when some of it is pending, unless forced
	 */
	remove(jobId: string, options: { force?: boolean } = {}): void {
		const { things } = this.#job(jobId);
		const isPending = things.some(thing => this.#queues.get(thing)?.find(jobId)?.isPending);
		if (isPending && options.force !== true) throw new DeviceError("state", `cannot remove ${jobId}: some of it is pending`);
		this.#jobs.delete(jobId);
		for (const thing of things) {
			this.#change(thing, queue => {
				for (const execution of queue.all().filter(each => each.jobId === jobId)) {
					this.#timed.delete(execution);
					this.#executionCount--;
				}
				queue.remove(jobId);
			});
		}
	}

	/** All of a thing's executions, those that have ended too. */
	executions(thing: string): ExecutionDescription[] {
		return this.#queues.get(thing)?.all().map(each => this.#describe(each, false)) ?? [];
	}

	/** The newest execution of a job on a thing. */
	execution(thing: string, jobId: string): ExecutionDescription | undefined {
		const execution = this.#queues.get(thing)?.find(jobId);
		return execution && this.#describe(execution, true);
	}

	receive(message: AwsMessage): boolean {
		const { levels, topic, clientId, now } = message;
		if (levels[1] !== "things" || levels[3] !== "jobs" || levels.length < 5) return false;
		this.#offset = this.#context.wall() - now;
		const thing = levels[2]!;
		let clientToken: string | undefined;
		this.#change(thing, queue => {
			try {
				const operation = operationOf(levels.slice(4));
				const request = parse(message.payload);
				clientToken = request.text("clientToken", TOKEN_MAXIMUM);
				this.#admit(thing, operation, now);
				const answer = this.#perform(operation, levels[4]!, queue, request, now);
				this.#deliver(clientId, `${topic}/accepted`, { ...answer, timestamp: this.#seconds(), clientToken });
			} catch (error) {
				if (!(error instanceof Rejection)) throw error;
				const { code, message, members } = error;
				this.#deliver(clientId, `${topic}/rejected`, { code, message, clientToken, timestamp: this.#seconds(), ...members });
			}
		});
		return true;
	}

	expire(now: number): void {
		if (now < this.#deadline) return;
		this.#offset = this.#context.wall() - now;
		for (const execution of [...this.#timed].filter(each => each.deadline <= now)) {
			this.#change(execution.thingName, queue => { this.#end(queue, execution, "TIMED_OUT"); });
		}
		this.#deadline = Math.min(Infinity, ...[...this.#timed].map(each => each.deadline));
	}

	#perform(operation: Operation, jobId: string, queue: ExecutionQueue, request: Request, now: number): object {
		switch (operation) {
		case "pending": return lists(queue, ["inProgressJobs", "queuedJobs"], Infinity, true);
		case "start-next": return this.#startNext(queue, request, now);
		case "describe": return this.#answerDescribe(jobId, queue, request);
		case "update": return this.#update(jobId, queue, request, now);
		}
	}

	#startNext(queue: ExecutionQueue, request: Request, now: number): object {
		const statusDetails = detailsOf(request), stepTimeout = request.integer("stepTimeoutInMinutes", 1, TIMEOUT_MAXIMUM);
		const execution = queue.pending()[0];
		if (execution === undefined) return {};
		// What is in progress stays as it is: the device lost its memory, not the job.
		if (execution.status === "QUEUED") {
			if (statusDetails !== undefined) execution.statusDetails = statusDetails;
			this.#progress(execution, stepTimeout, now);
		}
		return { execution: this.#describe(execution, true) };
	}

	#answerDescribe(jobId: string, queue: ExecutionQueue, request: Request): object {
		const executionNumber = request.integer("executionNumber", 0), withDocument = request.flag("includeJobDocument") ?? true;
		const head = jobId === NEXT ? queue.pending()[0] : undefined;
		if (jobId === NEXT && head === undefined) return {};
		const execution = this.#find(queue, head?.jobId ?? jobId, executionNumber);
		if (!execution.isPending) throw new Rejection("TerminalStateReached", `The execution of ${execution.jobId} has ended`);
		return { execution: this.#describe(execution, withDocument) };
	}

	#update(jobId: string, queue: ExecutionQueue, request: Request, now: number): object {
		const status = request.member("status");
		if (typeof status !== "string" || !DEVICE_STATUSES.includes(status)) throw request.wrong(`status must be one of ${DEVICE_STATUSES.join(", ")}`);
		const statusDetails = detailsOf(request), expectedVersion = request.integer("expectedVersion", 0);
		const executionNumber = request.integer("executionNumber", 0), stepTimeout = request.integer("stepTimeoutInMinutes", -1, TIMEOUT_MAXIMUM);
		const withState = request.flag("includeJobExecutionState"), withDocument = request.flag("includeJobDocument");
		if (stepTimeout === 0) throw request.wrong(`stepTimeoutInMinutes must be -1 or from 1 to ${TIMEOUT_MAXIMUM}`);
		const execution = this.#find(queue, jobId, executionNumber);
		const executionState = execution.state();
		// Before the version: one who lost a race against the end must hear that it is the end.
		if (!execution.isPending) throw new Rejection("InvalidStateTransition", `Cannot update from ${execution.status} to ${status}`, { executionState });
		if (expectedVersion !== undefined && expectedVersion !== execution.versionNumber) {
			throw new Rejection("VersionMismatch", `Expected version ${expectedVersion}, but it is ${execution.versionNumber}`, { executionState });
		}
		const jobDocument = this.#jobs.get(jobId)?.document;
		if (statusDetails !== undefined) execution.statusDetails = statusDetails;
		if (status === "IN_PROGRESS") this.#progress(execution, stepTimeout, now);
		else this.#end(queue, execution, status as ExecutionStatus);
		return { executionState: withState ? execution.state() : undefined, jobDocument: withDocument ? jobDocument : undefined };
	}

	#progress(execution: Execution, stepTimeout: number | undefined, now: number): void {
		const { inProgressTimeoutInMinutes } = this.#job(execution.jobId);
		if (execution.status === "QUEUED" && inProgressTimeoutInMinutes !== undefined) {
			execution.jobDeadline = now + inProgressTimeoutInMinutes * MINUTE;
		}
		if (stepTimeout !== undefined) execution.stepDeadline = stepTimeout < 0 ? Infinity : now + stepTimeout * MINUTE;
		execution.update("IN_PROGRESS", this.#seconds());
		this.#touched.add(execution);
		if (execution.deadline === Infinity) {
			this.#timed.delete(execution);
		} else {
			this.#timed.add(execution);
			this.#deadline = Math.min(this.#deadline, execution.deadline);
		}
	}

	#end(queue: ExecutionQueue, execution: Execution, status: ExecutionStatus): void {
		execution.update(status, this.#seconds());
		this.#touched.add(execution);
		this.#timed.delete(execution);
		const { jobId, thingName, executionNumber } = execution, { retry = {}, canceled } = this.#job(jobId);
		const retries = status === "FAILED" ? retry.failed : status === "TIMED_OUT" ? retry.timedOut : undefined;
		if (canceled || queue.count(jobId, status) > (retries ?? 0) || this.#executionCount >= this.#limits.executionCountMaximum) return;
		this.#enqueue(queue, new Execution(jobId, thingName, executionNumber + 1, this.#seconds()));
	}

	#enqueue(queue: ExecutionQueue, execution: Execution): void {
		queue.add(execution);
		this.#touched.add(execution);
		this.#executionCount++;
	}

	/** Does what changes a thing's queue, and tells whoever subscribed what became of it. */
	#change(thing: string, action: (queue: ExecutionQueue) => void): void {
		const queue = this.#queues.get(thing) ?? new ExecutionQueue();
		const before = queue.pending().map(each => each.identity);
		action(queue);
		const pending = queue.pending(), after = pending.map(each => each.identity), timestamp = this.#seconds();
		if (queue.all().length > 0) this.#queues.set(thing, queue);
		else this.#queues.delete(thing);
		const base = `$aws/things/${thing}/jobs`;
		if (before.length !== after.length || !before.every(identity => after.includes(identity))) {
			this.#context.publish(`${base}/notify`, encodeJson({ timestamp, jobs: lists(queue, ["IN_PROGRESS", "QUEUED"], NOTIFY_MAXIMUM, false) }));
		}
		if (before[0] !== after[0]) {
			const execution = pending[0] && this.#describe(pending[0], true);
			this.#context.publish(`${base}/notify-next`, encodeJson({ timestamp, execution }));
		}
		const touched = [...this.#touched];
		this.#touched.clear();
		for (const execution of touched) this.onChanged?.(thing, this.#describe(execution, false));
	}

	#admit(thing: string, operation: Operation, now: number): void {
		if (this.failing) throw new Rejection("InternalError", "Internal error");
		const limit = operation === "pending" || operation === "describe" ? this.#reads : this.#writes;
		if (!limit.take(now)) throw new Rejection("RequestThrottled", "Too many requests");
		if (!this.#context.hasThing(thing)) throw new Rejection("ResourceNotFound", `There is no thing ${thing}`);
	}

	#find(queue: ExecutionQueue, jobId: string, executionNumber: number | undefined): Execution {
		if (!JOB_ID.test(jobId)) throw new Rejection("InvalidRequest", "The job id is not valid");
		const execution = queue.find(jobId, executionNumber);
		if (execution === undefined) throw new Rejection("ResourceNotFound", `There is no execution of ${jobId}`);
		return execution;
	}

	#describe(execution: Execution, withDocument: boolean): ExecutionDescription {
		const document = withDocument ? this.#jobs.get(execution.jobId)?.document : undefined;
		return execution.describe(document, this.#context.wall() - this.#offset);
	}

	#deliver(clientId: string, topic: string, answer: object): void {
		this.#context.deliver(clientId, topic, encodeJson(answer));
	}

	#job(jobId: string): Job {
		const job = this.#jobs.get(jobId);
		if (job === undefined) throw new DeviceError("argument", `there is no job ${jobId}`);
		return job;
	}

	#seconds(): number {
		return Math.floor(this.#context.wall() / 1000);
	}
}

type Operation = "pending" | "start-next" | "describe" | "update";

/** @param levels those below `jobs` */
function operationOf(levels: readonly string[]): Operation {
	const [first, second] = levels;
	if (levels.length === 1 && first === "get") return "pending";
	if (levels.length === 1 && first === "start-next") return "start-next";
	if (levels.length === 2 && second === "get") return "describe";
	if (levels.length === 2 && second === "update") return "update";
	throw new Rejection("InvalidTopic", "The topic names no operation of jobs");
}

/** A payload of no bytes asks for nothing in particular. */
function parse(payload: Uint8Array): Request {
	if (payload.byteLength === 0) return new Request({});
	let document: unknown;
	try {
		document = parseJson(payload);
	} catch {
		throw new Rejection("InvalidJson", "The payload is not JSON in UTF-8");
	}
	return new Request(document);
}

function detailsOf(request: Request): StatusDetails | undefined {
	const details = request.texts("statusDetails");
	if (details === undefined) return undefined;
	const pairs = Object.entries(details);
	if (pairs.length > DETAILS_MAXIMUM) throw request.wrong(`statusDetails must have at most ${DETAILS_MAXIMUM} pairs`);
	for (const [key, value] of pairs) {
		if (!DETAIL_KEY.test(key)) throw request.wrong("a key of statusDetails is not valid");
		if (value.length > DETAIL_VALUE_MAXIMUM) throw request.wrong(`a value of statusDetails has more than ${DETAIL_VALUE_MAXIMUM} characters`);
	}
	return details;
}

/** The summaries of what is in progress and of what is queued, under two names; empty ones are left out unless `whole`. */
function lists(queue: ExecutionQueue, names: readonly [string, string], maximum: number, whole: boolean): object {
	const pending = queue.pending().slice(0, maximum), answer: Record<string, object> = {};
	for (const [index, status] of ["IN_PROGRESS", "QUEUED"].entries()) {
		const list = pending.filter(each => each.status === status).map(each => each.summary());
		if (whole || list.length > 0) answer[names[index]!] = list;
	}
	return answer;
}
