// SPDX-License-Identifier: Apache-2.0
/**
 * The cloud's side of jobs: what an operator queues for devices, and what they say of it below `moorline/<id>/jobs/`.
 *
 * | topic      | direction      | message                                                                       |
 * |------------|----------------|-------------------------------------------------------------------------------|
 * | `next`     | to cloud       | `{"token"}`                                                                   |
 * | `update`   | to cloud       | `{"token","id","number","version","status","details"?,"stepTimeoutMinutes"?}` |
 * | `job`      | cloud → device | `{"token"?,"job"?}`; without token: the queue begins with another job now     |
 * | `accepted` | cloud → device | `{"token"}`                                                                   |
 * | `rejected` | cloud → device | `{"token","code","message","job"?}`                                           |
 *
 * The life of a job is that of the simulated AWS, which is asked here in its own words: pure, and its clock is the wall's.
 */
import type { Task } from "../broker/agenda.js";
import type { CloudChannel } from "../channel.js";
import type { ExecutionDescription, ExecutionState, ExecutionStatus, StatusDetails } from "../clouds/aws/executions.js";
import type { JobsLimits } from "../clouds/aws/job.js";
import { JobsService } from "../clouds/aws/jobs.js";
import { encode } from "./formats.js";
import type { JsonObject } from "./json.js";
import { encodeJson, parseJson } from "./json.js";
import type { MannersBook } from "./manners.js";
import { isDeviceId } from "./registry.js";
import { Rejection, type RejectionCode } from "./rejection.js";
import { member, readMessage, tokenOf } from "./request.js";

export interface JobOptions {
	/** 1 to 64 characters of `a-z A-Z 0-9 _ -`. */
	id: string;
	/** What is to be done, in the program's own words. */
	document: JsonObject;
	/** Each gets an execution of its own. */
	devices: readonly string[];
	/** 1 to 10080, counted from when it is in progress. Absent: no limit. */
	timeoutMinutes?: number | undefined;
	/** How often what ended so is queued again; 10 times in all. */
	retry?: { failed?: number | undefined; timedOut?: number | undefined } | undefined;
}

/** One job on one device. */
export interface DeviceJob {
	readonly id: string;
	/** 1, and one more each time that it is tried again. */
	readonly number: number;
	/** Of what is known about it. */
	readonly version: number;
	readonly status: ExecutionStatus;
	readonly details?: StatusDetails | undefined;
	readonly document?: JsonObject | undefined;
}

export interface JobServiceOptions {
	/** The wall clock in ms since 1970. */
	wall: () => number;
	/** How devices want to be spoken to. */
	manners: MannersBook;
	limits?: Partial<JobsLimits> | undefined;
}

const VERBS = Object.freeze(["next", "update"] as const);
type Verb = typeof VERBS[number];

const MESSAGE_MAXIMUM = 32 * 1024;
const TOKEN_MAXIMUM = 64;
const CODES: Readonly<Record<string, RejectionCode>> = Object.freeze({
	ResourceNotFound: 404, VersionMismatch: 409, InvalidStateTransition: 409, TerminalStateReached: 409,
	RequestThrottled: 429, InternalError: 500,
});

/** What the core answers. */
interface Answer {
	readonly topic: string;
	readonly body: {
		readonly execution?: ExecutionDescription;
		readonly executionState?: ExecutionState;
		readonly code?: string;
		readonly message?: string;
	};
}

export class JobService implements Task {
	/** Runs after each change of a job on a device, also of what a device said of it, without its document. */
	onChanged: ((device: string, job: DeviceJob) => void) | undefined;
	/** Told when the deadline has become earlier. */
	onDue: (() => void) | undefined;
	readonly #wall: () => number;
	readonly #manners: MannersBook;
	readonly #core: JobsService;
	readonly #channels: CloudChannel[] = [];
	/** Monotonic ms less wall clock, once known. */
	#offset: number | undefined;
	#answer: Answer | undefined;

	constructor({ wall, manners, limits }: JobServiceOptions) {
		this.#wall = wall;
		this.#manners = manners;
		this.#core = new JobsService({
			wall, hasThing: isDeviceId,
			publish: (topic, payload) => { this.#notify(topic, payload); },
			deliver: (_clientId, topic, payload) => { this.#answer = { topic, body: parseJson(payload) as Answer["body"] }; },
		}, limits);
		this.#core.onChanged = (device, execution) => { this.onChanged?.(device, described(execution)); };
	}

	/** Monotonic ms at which `expire` has something to do; 0: at once, to learn the time. */
	get deadline(): number {
		const { deadline } = this.#core;
		if (deadline === Infinity) return Infinity;
		return this.#offset === undefined ? 0 : deadline + this.#offset;
	}

	expire(now: number): void {
		const wall = this.#wall();
		this.#offset = now - wall;
		this.#core.expire(wall);
	}

	/** Serves the devices of one broker. Hints go to every broker attached. */
	attach(channel: CloudChannel): void {
		this.#channels.push(channel);
		for (const verb of VERBS) {
			channel.subscribe(`moorline/+/jobs/${verb}`, (topic, payload, retain) => {
				const id = topic.split("/")[1]!;
				if (retain || !isDeviceId(id)) return;
				this.#receive(channel, id, verb, payload);
				this.onDue?.();
			});
		}
	}

	/** @throws DeviceError `argument`, `too-large` for the document, `full`, `state` when there is such a job */
	create({ id, document, devices, timeoutMinutes, retry }: JobOptions): void {
		this.#core.create({ jobId: id, document, things: devices, inProgressTimeoutInMinutes: timeoutMinutes, retry });
		this.onDue?.();
	}

	/**
	 * Cancels what is queued and, with `force`, what is in progress.
	 * @param options `device`: there alone; what is in progress is then an error without `force`
	 * @throws DeviceError `argument` when there is no such job, `state` when it cannot be canceled
	 */
	cancel(id: string, { force, device }: { force?: boolean; device?: string } = {}): void {
		this.#core.cancel(id, { ...(force === undefined ? {} : { force }), ...(device === undefined ? {} : { thing: device }) });
	}

	/** Forgets a job. @throws DeviceError `argument` when there is none, `state` when some of it is pending, unless forced */
	remove(id: string, options: { force?: boolean } = {}): void { this.#core.remove(id, options); }

	/** All of a device's jobs, those that have ended too. */
	list(device: string): DeviceJob[] { return this.#core.executions(device).map(described); }

	/** The newest try of a job on a device. */
	get(device: string, id: string): DeviceJob | undefined {
		const execution = this.#core.execution(device, id);
		return execution && described(execution);
	}

	/** What a device's queue begins with, without its document. */
	head(device: string): DeviceJob | undefined {
		const jobs = this.list(device), job = jobs.find(({ status }) => status === "IN_PROGRESS") ?? jobs.find(({ status }) => status === "QUEUED");
		return job && { ...job, document: undefined };
	}

	#receive(channel: CloudChannel, id: string, verb: Verb, payload: Uint8Array): void {
		let token: string | undefined;
		try {
			const request = readMessage(payload, MESSAGE_MAXIMUM);
			token = tokenOf(request, TOKEN_MAXIMUM);
			const { topic, body } = verb === "next" ? this.#ask(id, ["start-next"], {}) : this.#askUpdate(id, request);
			if (topic.endsWith("/rejected")) {
				const { code = "", message = "", executionState: state } = body;
				throw new Rejection(CODES[code] ?? 400, message, state && { job: { status: state.status, version: state.versionNumber } });
			}
			if (verb === "next") this.#send(channel, id, "job", { token, job: body.execution && described(body.execution) });
			else this.#send(channel, id, "accepted", { token });
		} catch (error) {
			const rejection = error instanceof Rejection ? error : new Rejection(500, "internal error");
			const { code, message, members } = rejection;
			this.#send(channel, id, "rejected", { token, code, message, ...members });
			if (rejection !== error) throw error;
		}
	}

	#askUpdate(id: string, request: JsonObject): Answer {
		const job = member(request, "id");
		if (typeof job !== "string") throw new Rejection(400, "id is not a string");
		return this.#ask(id, [job, "update"], {
			status: member(request, "status"), statusDetails: member(request, "details"), stepTimeoutInMinutes: member(request, "stepTimeoutMinutes"),
			expectedVersion: member(request, "version"), executionNumber: member(request, "number"),
		});
	}

	/** The core answers before it returns. */
	#ask(id: string, operation: readonly string[], body: object): Answer {
		const levels = ["$aws", "things", id, "jobs", ...operation];
		this.#core.receive({ topic: levels.join("/"), levels, payload: encodeJson(body), clientId: id, now: this.#wall() });
		return this.#answer!;
	}

	#notify(topic: string, payload: Uint8Array): void {
		if (!topic.endsWith("/notify-next")) return;
		const id = topic.split("/")[2]!, { execution } = parseJson(payload) as Answer["body"];
		const job = execution && { ...described(execution), document: undefined };
		for (const channel of this.#channels) this.#send(channel, id, "job", { job });
	}

	#send(channel: CloudChannel, id: string, verb: string, message: object): void {
		channel.publish(`moorline/${id}/jobs/${verb}`, encode(this.#manners.of(id).format, message), { qos: 1 });
	}
}

function described({ jobId, executionNumber, versionNumber, status, statusDetails, jobDocument }: ExecutionDescription): DeviceJob {
	return { id: jobId, number: executionNumber, version: versionNumber, status, details: statusDetails, document: jobDocument };
}
