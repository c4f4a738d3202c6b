// SPDX-License-Identifier: Apache-2.0
/**
 * Updates over the air as jobs: the manifest says what the device shall run, and that is a job as long as it does not.
 *
 * | path                       | method       | message                                                        |
 * |----------------------------|--------------|----------------------------------------------------------------|
 * | `.u/desired`               | GET, observe | the manifest: see `manifest.ts`                                |
 * | `.u/c/<package>`           | POST         | `{"s","r","pkg","v","t"?}`: how far it is                      |
 * | `.u/c/<package>@<version>` | GET, blocks  | the release file                                               |
 *
 * There is one job at most, for the one package that is this device's firmware. Its id is `<package>@<version>`, its
 * number that of the manifest with which it began: a later manifest with the same artifact goes on with it, and begins
 * it anew once it is over. That an artifact is what it should be, its release says, which is signed: the manifest's
 * SHA-256 only tells one artifact from another.
 */
import { toDeviceError } from "../../base/error.js";
import { classOf, Code, codeText, ContentFormat } from "../../coap/constants.js";
import type { Cancelable, RequestOptions, Response } from "../../coap/request.js";
import type { Job, JobRecord, Jobs, JobsPort, JobUpdate } from "../../operations/jobs.js";
import { Refusal } from "../../base/service.js";
import type { Asker, Translation, Watcher } from "../coap.js";
import type { GoliothConnection } from "./connection.js";
import { readDeployment, writeDeployment, type Deployment } from "./deployment.js";
import { findTarget, type Target } from "./manifest.js";
import { isThere, refusalOf } from "./messages.js";
import { isOver, progressOf, State, type Progress } from "./reports.js";

const MANIFEST: RequestOptions = Object.freeze({ code: Code.GET, path: ".u/desired", accept: ContentFormat.CBOR });

export class GoliothJobs implements Translation, JobsPort, Asker, Watcher {
	readonly #connection: GoliothConnection;
	/** The package. */
	readonly #name: string;
	/** The version that runs. */
	readonly #version: string;
	readonly #jobs: Jobs;
	#deployment: Deployment | undefined;
	/** Number of the manifest that was heard of last on this connection; -1 before the first. */
	#sequence = -1;
	#watch: Cancelable | undefined;
	#asked: Cancelable | undefined;
	/** What the request under way says, which may not be all; absent when it asks for the manifest. */
	#said: Progress | undefined;
	#update: JobUpdate | undefined;
	/** State that was said last. */
	#state: number = State.IDLE;

	/** @throws DeviceError `storage` */
	constructor(connection: GoliothConnection, name: string, version: string, jobs: Jobs) {
		this.#connection = connection;
		this.#name = name;
		this.#version = version;
		this.#jobs = jobs;
		this.#deployment = readDeployment(connection.host);
	}

	/** Something was begun, of which the cloud does not know the end. */
	get isBusy(): boolean {
		return this.#deployment !== undefined && !this.#deployment.isOver;
	}

	connected(): void {
		this.#jobs.connected(this);
		this.#watch = this.#connection.watch(MANIFEST, this);
	}

	disconnected(): void {
		this.#watch?.cancel();
		this.#asked?.cancel();
		this.#watch = this.#asked = this.#said = this.#update = undefined;
		this.#sequence = -1;
		this.#jobs.disconnected();
	}

	next(token: string): boolean {
		this.#said = this.#update = undefined;
		return this.ask(token, MANIFEST);
	}

	update(token: string, _: Job, update: JobUpdate): boolean {
		this.#update = update;
		return this.say(token, progressOf(update));
	}

	onUnanswered(): void {
		this.#asked = undefined;
	}

	onAnswer(token: string, response: Response, now: number): void {
		this.#asked = undefined;
		const { code } = response;
		const jobs = this.#jobs;
		if (this.#said !== undefined) return this.onSaid(token, response, now);
		if (!isThere(response)) return jobs.rejected(token, refusalOf(code), codeText(code), undefined, now);
		jobs.next(token, this.recordOf(response));
	}

	/** A hint that there may be another job, as is all that comes unasked. */
	onChange(response: Response): void {
		const before = this.#sequence;
		const target = this.targetIn(response);
		if (before < 0 || before === this.#sequence) return;
		this.#jobs.notified(target && this.jobOf(target));
	}

	private onSaid(token: string, { code }: Response, now: number): void {
		const update = this.#update!;
		if (classOf(code) !== 2) {
			// What cannot be found is not the job, which is ours alone.
			const refusal = refusalOf(code) === Refusal.BUSY ? Refusal.BUSY : Refusal.REFUSED;
			return this.#jobs.rejected(token, refusal, codeText(code), undefined, now);
		}
		this.#state = this.#said!.state;
		const progress = progressOf(update);
		if (progress.state !== this.#state) {
			this.say(token, progress);
			return;
		}
		this.#said = this.#update = undefined;
		if (isOver(update)) this.keep({ ...this.#deployment!, isOver: true });
		this.#jobs.accepted(token);
	}

	/** Says how far it is; that everything is there, which no job says, on the way. */
	private say(token: string, progress: Progress): boolean {
		const { state, reason } = progress;
		const isLoaded = state === State.UPDATING && this.#state === State.DOWNLOADING;
		const said = this.#said = isLoaded ? { state: State.DOWNLOADED, reason } : progress;
		return this.ask(token, this.#connection.reporting(said, this.#deployment?.version));
	}

	private ask(token: string, request: RequestOptions): boolean {
		this.#asked?.cancel();
		this.#asked = this.#connection.ask(token, request, this);
		return this.#asked !== undefined;
	}

	/** The job that the manifest is; from now on it is begun. */
	private recordOf(response: Response): JobRecord | undefined {
		const target = this.targetIn(response);
		const record = target && this.jobOf(target);
		if (record !== undefined && !this.isUnderWay(target!)) this.keep({ ...target!, isOver: false });
		return record;
	}

	private jobOf(target: Target): JobRecord | undefined {
		const { version, sequence } = target;
		const name = `${this.#name}@${version}`;
		let number = sequence;
		if (this.isUnderWay(target)) number = this.#deployment!.sequence;
		else if (version === this.#version || this.#deployment?.sequence === sequence) return undefined;
		return {
			id: name, number, version: 0, status: "IN_PROGRESS", details: undefined,
			document: { update: { stream: name, file: 0 } },
		};
	}

	/** The same artifact as the one that was begun with, and is not over. */
	private isUnderWay({ version, sha256 }: Target): boolean {
		const deployment = this.#deployment;
		return this.isBusy && deployment!.version === version && deployment!.sha256 === sha256;
	}

	private targetIn({ code, payload }: Response): Target | undefined {
		const target = code === Code.NOT_FOUND ? undefined
			: findTarget(this.#connection.host.text, payload, this.#name);
		this.#sequence = target?.sequence ?? 0;
		return target;
	}

	private keep(deployment: Deployment): void {
		this.#deployment = deployment;
		try {
			writeDeployment(this.#connection.host, deployment);
		} catch (error) {
			this.#connection.onRefused(toDeviceError(error, "storage", "what was deployed is not kept"));
		}
	}
}
