// SPDX-License-Identifier: Apache-2.0
/**
 * AWS IoT Jobs: `$aws/things/<thing>/jobs/…`, in JSON.
 *
 * | topic          | direction | message                                                             |
 * |----------------|-----------|---------------------------------------------------------------------|
 * | `notify-next`  | to device | `{"execution"?}`: the head of the queue changed                     |
 * | `start-next`   | to cloud  | `{"clientToken"}`                                                   |
 * | …`/accepted`   | to device | `{"execution"?,"clientToken"}`                                      |
 * | `<job>/update` | to cloud  | `{"status","statusDetails"?,"expectedVersion",…,"clientToken"}`     |
 * | …`/accepted`   | to device | `{"clientToken"}`                                                   |
 * | …`/rejected`   | to device | `{"code","message","executionState"?,"clientToken"}`, of both       |
 *
 * All at QoS 0: what is not answered is said again.
 */
import { DeviceError } from "../../base/error.js";
import { isObject } from "../../bytes/value.js";
import { Vocabulary } from "../../bytes/vocabulary.js";
import type { Job, JobRecord, Jobs, JobsPort, JobUpdate } from "../../operations/jobs.js";
import type { MQTTConnection, Translation } from "../mqtt.js";
import { decodeMessage, refusalOf } from "./messages.js";

/** Members of the messages themselves. */
const NAMES: readonly string[] = Object.freeze([
	"clientToken", "execution", "executionState", "jobId", "executionNumber", "versionNumber", "status",
	"statusDetails", "jobDocument", "code", "message",
]);

export class AwsJobs implements Translation, JobsPort {
	readonly filters: readonly string[];
	readonly #connection: MQTTConnection;
	readonly #prefix: string;
	readonly #jobs: Jobs;
	readonly #vocabulary: Vocabulary;

	constructor(connection: MQTTConnection, thing: string, jobs: Jobs) {
		this.#connection = connection;
		this.#jobs = jobs;
		this.#vocabulary = new Vocabulary([...NAMES, ...jobs.names], jobs.spare);
		const prefix = this.#prefix = `$aws/things/${thing}/jobs/`;
		this.filters = [`${prefix}notify-next`, `${prefix}start-next/+`, `${prefix}+/update/+`];
	}

	connected(): void {
		this.#jobs.connected(this);
	}

	disconnected(): void {
		this.#jobs.disconnected();
	}

	next(token: string): boolean {
		return this.#connection.send(`${this.#prefix}start-next`, JSON.stringify({ clientToken: token }));
	}

	update(token: string, { id, number, version }: Job, update: JobUpdate): boolean {
		return this.#connection.send(`${this.#prefix}${id}/update`, JSON.stringify({
			status: update.status,
			statusDetails: update.details,
			stepTimeoutInMinutes: update.stepTimeoutMinutes,
			expectedVersion: version,
			executionNumber: number,
			clientToken: token,
		}));
	}

	receive(topic: string, bytes: Uint8Array, start: number, end: number): boolean {
		if (!topic.startsWith(this.#prefix)) return false;
		const { host } = this.#connection;
		const message = decodeMessage(host.text, "json", bytes, start, end, this.#vocabulary);
		const { clientToken, execution, executionState: state } = message;
		const jobs = this.#jobs;
		const token = String(clientToken);
		if (topic.endsWith("/notify-next")) {
			jobs.notified(record(execution));
		} else if (topic.endsWith("/rejected")) {
			const current = isObject(state) ? { status: state["status"], version: state["versionNumber"] } : undefined;
			jobs.rejected(token, refusalOf(message["code"]), String(message["message"]), current, host.time.now());
		} else if (topic.endsWith("/start-next/accepted")) {
			jobs.next(token, record(execution));
		} else {
			jobs.accepted(token);
		}
		return true;
	}
}

function record(execution: unknown): JobRecord | undefined {
	if (execution === undefined) return undefined;
	if (!isObject(execution)) throw new DeviceError("malformed", "execution is no object");
	const { jobId, executionNumber, versionNumber, status, statusDetails, jobDocument } = execution;
	return {
		id: jobId, number: executionNumber, version: versionNumber, status, details: statusDetails,
		document: jobDocument,
	};
}
