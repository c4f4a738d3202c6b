// SPDX-License-Identifier: Apache-2.0
/**
 * Jobs on the private cloud over CoAP: `moorline/<device>/jobs`.
 *
 * | resource   | method       | body                                                                                |
 * |------------|--------------|-------------------------------------------------------------------------------------|
 * | it         | GET, Observe | `{"job"?}`, without its document: what the queue begins with                        |
 * | `…/next`   | POST         | answered `{"job"?}`: the next job, which is in progress from then on                |
 * | `…/update` | POST         | `{"id","number","version","status","details"?,"stepTimeoutMinutes"?}`: 4.xx `"job"?` |
 *
 * A job is `{"id","number","version","status","details"?,"document"?}`.
 */
import type { JSONObject } from "../../bytes/value.js";
import { Vocabulary } from "../../bytes/vocabulary.js";
import { Code } from "../../coap/constants.js";
import type { Response } from "../../coap/request.js";
import type { Job, Jobs, JobsPort, JobUpdate } from "../../operations/jobs.js";
import type { PrivateCoAPConnection } from "./coap-connection.js";
import { PrivateResource } from "./coap-resource.js";
import { NAMES, recordOf, updateOf } from "./jobs.js";

export class PrivateCoAPJobs extends PrivateResource implements JobsPort {
	protected readonly vocabulary: Vocabulary;
	readonly #jobs: Jobs;
	/** The request under way is an update. */
	#isUpdate = false;

	constructor(connection: PrivateCoAPConnection, path: string, jobs: Jobs) {
		super(connection, path);
		this.#jobs = jobs;
		this.vocabulary = new Vocabulary([...NAMES, ...jobs.names], jobs.spare);
	}

	connected(): void {
		this.#jobs.connected(this);
		this.watch(this.path);
	}

	override disconnected(): void {
		super.disconnected();
		this.#jobs.disconnected();
	}

	next(token: string): boolean {
		return this.say(token, "next", {}, false);
	}

	update(token: string, job: Job, update: JobUpdate): boolean {
		return this.say(token, "update", updateOf(job, update), true);
	}

	onAnswer(token: string, response: Response, now: number): void {
		const refused = this.refused(response);
		if (refused !== undefined) {
			const { refusal, message, members } = refused;
			this.#jobs.rejected(token, refusal, message, recordOf(members["job"]), now);
		} else if (this.#isUpdate) {
			this.#jobs.accepted(token);
		} else {
			this.#jobs.next(token, recordOf(this.read(response)["job"]));
		}
	}

	onChange(response: Response): void {
		this.#jobs.notified(recordOf(this.read(response)["job"]));
	}

	private say(token: string, operation: string, message: JSONObject, isUpdate: boolean): boolean {
		this.#isUpdate = isUpdate;
		return this.ask(token, this.connection.saying(Code.POST, `${this.path}/${operation}`, message));
	}
}
