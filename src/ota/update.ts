// SPDX-License-Identifier: Apache-2.0
/**
 * Firmware update: from a job of the cloud to an image that runs, or that never will.
 *
 * | stage    | what happens                                                       | survives a reset as        |
 * |----------|--------------------------------------------------------------------|----------------------------|
 * | boot     | finds out what this boot is                                        |                            |
 * | trial    | what is new shows that it is healthy, or is left                   | `trial`                    |
 * | idle     | there is no job, or it is done                                     | `ended`, until that is told |
 * | acquire  | the release goes to its slots: see `Acquisition`                   | `receiving`                |
 * | restart  | the boot loader was told, and the cloud is; the device restarts    | `ready`                    |
 *
 * Pure but for the host's flash, storage and boot loader. Nothing before `restart` changes what boots, and success is
 * told by what is new, once it is healthy.
 */
import { DeviceError, toDeviceError } from "../base/error.js";
import { inRange } from "../base/range.js";
import type { Job, JobDetails } from "../operations/jobs.js";
import { Acquisition, type AcquisitionOwner } from "./acquisition.js";
import { reasonOf, UpdateError, type FailureReason } from "./failure.js";
import { readOffer, type Offer } from "./offer.js";
import { checkPolicy, type UpdatePolicy } from "./policy.js";
import {
	emptyRecord, UpdateStore, type InstalledComponent, type PreviousImage, type Transaction, type UpdateRecord,
} from "./record.js";
import { Slots } from "./slots.js";
import { Found, Trial } from "./trial.js";
import { Words } from "./words.js";

const Stage = Object.freeze({ BOOT: 0, TRIAL: 1, IDLE: 2, ACQUIRE: 3, RESTART: 4 });
type Stage = (typeof Stage)[keyof typeof Stage];

export interface UpdateOptions {
	readonly policy?: UpdatePolicy | undefined;
	/** ms within which what is new must be healthy, from its boot on, at most 110,000. Default: 90,000. */
	readonly healthTimeout?: number | undefined;
}

/** What an update asks of the device around it. Callbacks run from `expire`, but for `onTurn`. */
export interface UpdateOwner extends AcquisitionOwner {
	/** The device restarts now, into what is new. */
	onUpdateRestart(version: string): void;
	/** @param reason absent for success */
	onUpdateEnd(version: string, reason: FailureReason | undefined): void;
}

/** ms. */
export const HEALTH_TIMEOUT = 90_000;
export const HEALTH_TIMEOUT_MAXIMUM = 110_000;
/** ms within which the cloud is to have heard that the device restarts; it does so all the same. */
const FAREWELL = 5_000;
const FAREWELL_INTERVAL = 250;
/** ms until what the storage refused is tried again. */
const RETRY = 2_000;
/** Of a rollback that no job asked for. */
const NO_JOB = "";

export class Update {
	readonly #owner: UpdateOwner;
	readonly #policy: UpdatePolicy;
	readonly #words: Words;
	readonly #store: UpdateStore;
	readonly #slots: Slots;
	readonly #trial: Trial;
	#stage: Stage = Stage.BOOT;
	#due = 0;
	#healthy = false;
	#isUnhealthy = false;
	#isRefused = false;
	/** The job that is being done, and what it says. */
	#job: Job | undefined;
	#offer: Offer | undefined;
	#acquisition: Acquisition | undefined;
	/** When the trial, or the farewell, is over: monotonic ms. */
	#until: number;
	#farewell: JobDetails | undefined;

	/** @throws DeviceError `argument`, `storage` */
	constructor(owner: UpdateOwner, { policy = {}, healthTimeout = HEALTH_TIMEOUT }: UpdateOptions = {}) {
		checkPolicy(policy);
		this.#owner = owner;
		this.#policy = policy;
		const { host, firmware } = owner;
		// The clock may count since long before this boot: a restart need not reset it.
		this.#until = host.time.now() + inRange("healthTimeout", healthTimeout, 1_000, HEALTH_TIMEOUT_MAXIMUM);
		this.#words = new Words(firmware.version);
		const store = this.#store = new UpdateStore(host);
		let record: UpdateRecord | undefined;
		try {
			record = store.load();
		} catch (error) {
			owner.onFault(toDeviceError(error, "storage", "the record of updates"));
		}
		record ??= emptyRecord();
		// What is not confirmed yet may be gone at the next boot, and its counter is not in force.
		if (!host.images?.onTrial) record.counter = Math.max(record.counter, firmware.counter ?? 0);
		const trial = this.#trial = new Trial(host, store, record, firmware.version);
		try {
			trial.start();
		} catch (error) {
			if (!(error instanceof Error)) throw error;
			owner.onFault(toDeviceError(error, "storage", "the record of updates"));
		}
		this.#slots = new Slots(host, record);
	}

	get deadline(): number {
		return Math.min(this.#due, this.#acquisition?.deadline ?? Infinity);
	}

	/** What runs has yet to show that it is healthy. */
	get onTrial(): boolean {
		if (this.#stage !== Stage.BOOT) return this.#stage === Stage.TRIAL;
		// It was not looked at yet, but programs ask first thing.
		const { isNew, record } = this.#trial;
		return this.#owner.host.images?.onTrial === true || isNew && record.transaction!.image === undefined;
	}

	/** An update is being fetched, or about to be started. */
	get busy(): boolean {
		return this.#stage === Stage.ACQUIRE || this.#stage === Stage.RESTART;
	}

	/** What a component is now; `undefined` where none is installed, or none that fits this image. */
	component(name: string): InstalledComponent | undefined {
		const { isNew, record } = this.#trial;
		const { components, transaction } = record;
		const onTrial = isNew ? transaction!.components : [];
		const found = onTrial.find((each) => each.name === name) ?? components.find((each) => each.name === name);
		return found !== undefined && this.provides(found.requires) ? found : undefined;
	}

	/** What runs is healthy: connected, in sync, or whatever the program calls so. */
	healthy(): void {
		if (this.#healthy) return;
		this.#healthy = true;
		if (this.onTrial) this.onTurn();
	}

	/** What runs is not healthy, as its program says. */
	unhealthy(): void {
		this.#isUnhealthy = true;
		if (this.onTrial) this.onTurn();
	}

	/** Why the device cannot go back to the image before, now; `undefined` when it can. */
	get rollbackHazard(): string | undefined {
		const { transaction } = this.#trial.record;
		if (this.#stage !== Stage.IDLE || transaction !== undefined) return "an update is under way";
		try {
			this.previous();
			return undefined;
		} catch (error) {
			return (error as Error).message;
		}
	}

	/**
	 * Goes back to the image before, and no job is told of it. Does not return.
	 * @throws DeviceError `state` where that cannot be; `storage`
	 */
	rollBackNow(): void {
		const hazard = this.rollbackHazard;
		if (hazard !== undefined) throw new DeviceError("state", hazard);
		this.prepareRollback(NO_JOB, 0);
		this.#owner.host.images!.revert();
	}

	/** Agrees to what was offered. */
	accept(): void {
		this.#acquisition?.accept();
	}

	refuse(): void {
		if (this.#stage !== Stage.ACQUIRE) return;
		this.#isRefused = true;
		this.onTurn();
	}

	/** A job of the cloud. @returns false when it is about something else */
	take(job: Job): boolean {
		let offer: Offer | undefined;
		try {
			offer = readOffer(job.document);
		} catch (error) {
			job.reject(this.#words.failed(reasonOf(error, "malformed")));
			return true;
		}
		if (offer === undefined) return false;
		this.#job = job;
		this.#offer = offer;
		this.onTurn();
		return true;
	}

	/** The cloud wants it no more. What is being tried is tried to its end all the same. */
	canceled(job: Job): void {
		if (job !== this.#job) return this.finished(job);
		this.#job = undefined;
		const acquisition = this.#acquisition;
		if (this.#stage !== Stage.IDLE && acquisition === undefined) return;
		this.release();
		if (this.#trial.record.transaction !== undefined) this.forget();
		if (acquisition !== undefined) this.#owner.onUpdateEnd(acquisition.version, "canceled");
	}

	/** The cloud knows how the job ended. */
	finished(job: Job): void {
		const { transaction } = this.#trial.record;
		if (transaction?.phase === "ended" && isOf(transaction, job)) this.forget();
		if (job === this.#job) this.#job = undefined;
	}

	expire(now: number): void {
		if (now < this.deadline) return;
		this.#due = Infinity;
		try {
			this.step(now);
		} catch (error) {
			// What is no error is the power, which fails.
			if (!(error instanceof Error)) throw error;
			this.fault(error, now);
		}
	}

	private onTurn(): void {
		this.#due = 0;
		this.#owner.onTurn();
	}

	private step(now: number): void {
		switch (this.#stage) {
			case Stage.BOOT: return this.boot(now);
			case Stage.TRIAL: return this.tryOut(now);
			case Stage.IDLE: return this.begin();
			case Stage.ACQUIRE: return this.acquire(now);
			default: return this.restart(now);
		}
	}

	/** Goes to a stage, in the next turn. */
	private enter(stage: Stage): void {
		this.#stage = stage;
		this.#due = 0;
	}

	private boot(now: number): void {
		const trial = this.#trial;
		const found = trial.boot();
		if (found === undefined) return this.enter(Stage.BOOT);
		const { transaction } = trial.record;
		switch (found) {
			case Found.TRIAL: {
				const isMislabelled = transaction?.image !== undefined
					&& transaction.version !== this.#owner.firmware.version;
				if (isMislabelled) return trial.revert("mislabelled");
				return this.enter(Stage.TRIAL);
			}
			case Found.READY:
				trial.activate();
				return this.goodbye(now);
			case Found.ENDED:
				this.#owner.onUpdateEnd(transaction!.version, transaction!.reason);
				if (transaction!.job === NO_JOB) this.forget();
		}
		this.enter(Stage.IDLE);
	}

	private tryOut(now: number): void {
		const trial = this.#trial;
		const { transaction } = trial.record;
		if (this.#isUnhealthy) return trial.revert("unhealthy");
		if (this.#healthy) {
			trial.commit();
			if (transaction !== undefined) this.#owner.onUpdateEnd(transaction.version, undefined);
			return this.enter(Stage.IDLE);
		}
		if (now >= this.#until) return trial.revert("unhealthy");
		this.#due = this.#until;
		const job = this.#job;
		if (job === undefined || transaction === undefined || this.#farewell !== undefined) return;
		if (isOf(transaction, job)) job.progress(this.#farewell = this.#words.trial(this.isClassic, true));
	}

	/** Looks at the job, if there is one. */
	private begin(): void {
		const job = this.#job;
		if (job === undefined) return;
		const { record } = this.#trial;
		const { transaction } = record;
		if (transaction?.phase === "ended" && isOf(transaction, job)) return this.tell(transaction, job);
		if (transaction !== undefined && !isOf(transaction, job)) this.forget();
		const offer = this.#offer!;
		if (offer.isRollback) return this.rollBack(job);
		this.#isRefused = false;
		this.#acquisition = new Acquisition(this.#owner, {
			policy: this.#policy, record, store: this.#store, slots: this.#slots, words: this.#words, job, offer,
		});
		this.#stage = Stage.ACQUIRE;
	}

	private acquire(now: number): void {
		if (this.#isRefused) throw new UpdateError("refused", "the program refused the update");
		if (!this.#acquisition!.step(now)) return;
		this.#trial.activate();
		this.release();
		this.goodbye(now);
	}

	/** What is to be done before the device restarts: the cloud hears that it will. */
	private goodbye(now: number): void {
		const { version } = this.#trial.record.transaction!;
		this.#farewell = this.#words.trial(this.isClassic, false);
		this.#job?.progress(this.#farewell);
		this.#until = now + FAREWELL;
		this.#owner.onUpdateRestart(version);
		this.enter(Stage.RESTART);
	}

	private restart(now: number): void {
		const job = this.#job;
		if (now < this.#until && job !== undefined && job.details !== this.#farewell) {
			this.#due = now + FAREWELL_INTERVAL;
			return;
		}
		const { images, system } = this.#owner.host;
		if (this.#trial.record.transaction!.isRollback) images!.revert();
		else system.restart();
	}

	/** Goes back to the image before, if that is safe. */
	private rollBack(job: Job): void {
		this.prepareRollback(job.id, job.number);
		this.goodbye(this.#owner.host.time.now());
	}

	private prepareRollback(job: string, number: number): void {
		const previous = this.previous();
		const trial = this.#trial;
		const { record } = trial;
		record.transaction = {
			phase: "ready", job, number, release: "", version: previous.version,
			counter: previous.counter, revoked: [], image: record.image, components: previous.components,
			from: this.#owner.firmware.version, isRollback: true, boots: 0, reason: undefined,
		};
		trial.activate();
	}

	/** What the device can go back to. @throws UpdateError `no-previous`, `unsafe` */
	private previous(): PreviousImage {
		const { counter, previous, image } = this.#trial.record;
		if (previous === undefined || image === undefined || !this.#owner.host.images?.canRevert) {
			throw new UpdateError("no-previous", "there is no image before that could boot");
		}
		if (previous.counter < counter) {
			throw new UpdateError("unsafe", `security counter ${previous.counter} of the image before`);
		}
		return previous;
	}

	/** A failure of what is under way: another try, or the end of it. */
	private fault(error: Error, now: number): void {
		const stage = this.#stage;
		if (stage === Stage.BOOT || stage === Stage.TRIAL || stage === Stage.RESTART) {
			// The storage failed: the boot loader goes its way without us, and this is tried again until then.
			this.#owner.onFault(toDeviceError(error, "storage", "update"));
			this.#due = now + RETRY;
			return;
		}
		const acquisition = this.#acquisition;
		if (acquisition === undefined || this.#isRefused) return this.fail(error);
		let failure: Error | undefined;
		try {
			failure = acquisition.retry(error, now);
		} catch (another) {
			if (!(another instanceof Error)) throw another;
			failure = another;
		}
		if (failure !== undefined) this.fail(failure);
	}

	/** The update is over. */
	private fail(error: Error): void {
		const version = this.#acquisition?.version ?? "";
		const reason = reasonOf(error, "storage");
		this.release();
		const trial = this.#trial;
		const { transaction } = trial.record;
		const job = this.#job;
		// Done with: what is left of it is that the cloud hears of its end.
		this.#job = undefined;
		try {
			if (transaction !== undefined) trial.end(transaction, reason);
		} catch (failure) {
			if (!(failure instanceof Error)) throw failure;
			this.#owner.onFault(toDeviceError(failure, "storage", "update"));
		}
		job?.fail(this.#words.failed(reason));
		this.#owner.onUpdateEnd(version, reason);
	}

	/** Tells the cloud how it ended. */
	private tell({ reason, from }: Transaction, job: Job): void {
		if (reason === undefined) job.succeed(this.#words.done(this.isClassic, from));
		else job.fail(this.#words.failed(reason));
	}

	private get isClassic(): boolean {
		return this.#offer?.isClassic ?? false;
	}

	private provides(requires: string): boolean {
		return requires === "" || (this.#owner.firmware.provides ?? []).includes(requires);
	}

	private forget(): void {
		try {
			this.#trial.forget();
		} catch (error) {
			if (!(error instanceof Error)) throw error;
			this.#owner.onFault(toDeviceError(error, "storage", "update"));
		}
	}

	/** Lets go of all that an update takes. */
	private release(): void {
		this.#acquisition?.close();
		this.#acquisition = undefined;
		this.enter(Stage.IDLE);
	}
}

function isOf({ job, number }: Transaction, { id, number: asked }: Job): boolean {
	return job === id && number === asked;
}
