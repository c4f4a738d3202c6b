// SPDX-License-Identifier: Apache-2.0
/**
 * Jobs on the private cloud: `moorline/<device>/jobs/…`.
 *
 * | topic      | direction | message                                                                              |
 * |------------|-----------|--------------------------------------------------------------------------------------|
 * | `next`     | to cloud  | `{"token"}`: the next job, which is in progress from then on                         |
 * | `job`      | to device | `{"token"?,"job"?}`: the answer, and without token a hint that the queue has changed |
 * | `update`   | to cloud  | `{"token","id","number","version","status","details"?,"stepTimeoutMinutes"?}`        |
 * | `accepted` | to device | `{"token"}`                                                                          |
 * | `rejected` | to device | `{"token","code","message","job"?}`, of both                                         |
 *
 * A job is `{"id","number","version","status","details"?,"document"?}`.
 */
import { DeviceError } from "../../base/error.js";
import { isObject, type JSONObject } from "../../bytes/value.js";
import { Vocabulary } from "../../bytes/vocabulary.js";
import type { Job, JobRecord, Jobs, JobsPort, JobUpdate } from "../../operations/jobs.js";
import { answerOf } from "../answer.js";
import type { Translation } from "../mqtt.js";
import type { PrivateConnection } from "./connection.js";
import { decode } from "./formats.js";
import { refusalOf } from "./refusal.js";

/** Members of the messages themselves, over CoAP, too. */
export const NAMES: readonly string[] = Object.freeze([
	"token", "job", "id", "number", "version", "status", "details", "document", "code", "message",
]);
const ANSWERS: readonly string[] = Object.freeze(["job", "accepted", "rejected"]);

export class PrivateJobs implements Translation, JobsPort {
	readonly filters: readonly string[];
	readonly #connection: PrivateConnection;
	readonly #prefix: string;
	readonly #jobs: Jobs;
	readonly #vocabulary: Vocabulary;

	constructor(connection: PrivateConnection, prefix: string, jobs: Jobs) {
		this.#connection = connection;
		this.#prefix = prefix;
		this.#jobs = jobs;
		this.#vocabulary = new Vocabulary([...NAMES, ...jobs.names], jobs.spare);
		this.filters = ANSWERS.map((answer) => prefix + answer);
	}

	connected(): void {
		this.#jobs.connected(this);
	}

	disconnected(): void {
		this.#jobs.disconnected();
	}

	next(token: string): boolean {
		return this.#connection.say(`${this.#prefix}next`, { token });
	}

	update(token: string, job: Job, update: JobUpdate): boolean {
		return this.#connection.say(`${this.#prefix}update`, { token, ...updateOf(job, update) });
	}

	receive(topic: string, bytes: Uint8Array, start: number, end: number): boolean {
		const answer = answerOf(topic, this.#prefix, ANSWERS);
		if (answer === "") return false;
		const { host } = this.#connection;
		const { token, job, code, message } = decode(host.text, bytes, start, end, this.#vocabulary);
		const jobs = this.#jobs;
		const of = String(token);
		const known = recordOf(job);
		if (answer === "accepted") {
			jobs.accepted(of);
		} else if (answer === "rejected") {
			jobs.rejected(of, refusalOf(Number(code)), String(message), known, host.time.now());
		} else if (token === undefined) {
			jobs.notified(known);
		} else {
			jobs.next(of, known);
		}
		return true;
	}
}

export function updateOf(
	{ id, number, version }: Job, { status, details, stepTimeoutMinutes }: JobUpdate,
): JSONObject {
	const message: JSONObject = { id, number, version, status };
	if (details !== undefined) message["details"] = { ...details };
	if (stepTimeoutMinutes !== undefined) message["stepTimeoutMinutes"] = stepTimeoutMinutes;
	return message;
}

export function recordOf(job: unknown): JobRecord | undefined {
	if (job === undefined) return undefined;
	if (!isObject(job)) throw new DeviceError("malformed", "job is no object");
	const { id, number, version, status, details, document } = job;
	return { id, number, version, status, details, document };
}
