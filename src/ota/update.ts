// SPDX-License-Identifier: Apache-2.0
/**
 * Firmware update: from a job of the cloud to an image that runs, or that never will.
 *
 * | stage    | what happens                                                       | survives a reset as        |
 * |----------|--------------------------------------------------------------------|----------------------------|
 * | boot     | finds out what this boot is                                        |                            |
 * | trial    | what is new shows that it is healthy, or is left                   | `trial`                    |
 * | head     | the first block is fetched, and the manifest in it verified        | nothing was written yet    |
 * | plan     | whole, or patch by patch that fits what is installed               |                            |
 * | wait     | for what the program's policy wants                                |                            |
 * | receive  | component after component goes to its slot and is read back        | `receiving`, and progress  |
 * | install  | the boot loader is told                                            | `ready`                    |
 * | restart  | the cloud is told, and the device restarts                         | `ready`                    |
 *
 * Pure but for the host's flash, storage and boot loader. Nothing before `receive` writes to a slot, nothing before
 * `install` changes what boots, and success is told by what is new, once it is healthy.
 */
import { backoffDelay, type Backoff } from "../base/backoff.js";
import type { Closer } from "../base/closer.js";
import { toDeviceError, type DeviceError } from "../base/error.js";
import type { Firmware } from "../base/firmware.js";
import { inRange } from "../base/range.js";
import { decodeHex, encodeHex } from "../bytes/hex.js";
import { randomWord } from "../bytes/random.js";
import { wordAt } from "../bytes/word.js";
import type { Host } from "../host.js";
import type { Job, JobDetails } from "../operations/jobs.js";
import type { DeviceFacts } from "./admission.js";
import { reasonOf, UpdateError, type FailureReason } from "./failure.js";
import type { Manifest, ReleaseKey } from "./manifest.js";
import { readOffer, type Offer } from "./offer.js";
import { Plan } from "./plan.js";
import { batteryWait, budgetWait, checkPolicy, windowWait, type UpdatePolicy, type WaitReason } from "./policy.js";
import { Receiver } from "./receiver.js";
import {
	emptyRecord, tagOf, UpdateStore, type InstalledComponent, type Progress, type Transaction, type UpdateRecord,
} from "./record.js";
import { ReleaseHead, type ReleaseOwner } from "./release.js";
import { Slots } from "./slots.js";
import { BLOCK_LENGTH, type Source } from "./source.js";
import { Found, Trial } from "./trial.js";
import { compareVersions } from "./version.js";

const Stage = Object.freeze({
	BOOT: 0, TRIAL: 1, IDLE: 2, HEAD: 3, PLAN: 4, WAIT: 5, RECEIVE: 6, INSTALL: 7, RESTART: 8,
});
type Stage = (typeof Stage)[keyof typeof Stage];

export interface UpdateOptions {
	readonly policy?: UpdatePolicy | undefined;
	/** ms within which what is new must be healthy, from its boot on, at most 110,000. Default: 90,000. */
	readonly healthTimeout?: number | undefined;
}

/** A release that is offered to the program. */
export interface Release {
	readonly version: string;
	/** Bytes that are to be fetched for it. */
	readonly size: number;
}

/** What an update asks of the device around it. Callbacks run from `expire`, but for `onTurn`. */
export interface UpdateOwner {
	readonly host: Host;
	readonly firmware: Firmware;
	readonly keys: readonly ReleaseKey[];
	/** What staged roll-outs draw lots with. */
	readonly id: string;
	/** From anywhere: `deadline` moved. */
	onTurn(): void;
	/** @throws DeviceError as `Source.open`, and for what is no place that a release can be fetched from */
	openSource(offer: Offer): Source;
	/** Percent that the battery has; `undefined` where there is none. */
	battery(): number | undefined;
	/** Only with a policy of consent: nothing is fetched until `accept`. */
	onUpdateOffer(release: Release): void;
	/** @param received of `total` bytes of what is to be installed */
	onUpdateProgress(received: number, total: number): void;
	/** The device restarts now, into what is new. */
	onUpdateRestart(version: string): void;
	/** @param reason absent for success */
	onUpdateEnd(version: string, reason: FailureReason | undefined): void;
	onFault(error: DeviceError): void;
}

/** ms. */
export const HEALTH_TIMEOUT = 90_000;
export const HEALTH_TIMEOUT_MAXIMUM = 110_000;
/** ms between two words to the cloud of how far it is: clouds count them. */
const REPORT_INTERVAL = 10_000;
/** ms between two looks at what is waited for. */
const POLICY_INTERVAL = 60_000;
/** ms within which the cloud is to have heard that the device restarts; it does so all the same. */
const FAREWELL = 5_000;
const FAREWELL_INTERVAL = 250;
const RETRY: Backoff = Object.freeze({ base: 2_000, cap: 300_000 });
/** Attempts in a row without a single block. */
const ATTEMPTS_MAXIMUM = 20;
const WORD = 2 ** 32;
const EMPTY_PROGRESS: Progress = Object.freeze({
	tag: 0, component: 0, blocks: 0, patchOffset: 0, contentOffset: 0, spent: 0, since: 0,
});

export class Update implements ReleaseOwner {
	readonly #owner: UpdateOwner;
	readonly #policy: UpdatePolicy;
	readonly #store: UpdateStore;
	readonly #trial: Trial;
	#stage: Stage = Stage.BOOT;
	#due = 0;
	#healthy = false;
	#isUnhealthy = false;
	/** The job that is being done, and what it says. */
	#job: Job | undefined;
	#offer: Offer | undefined;
	#accepted = false;
	#waiting: WaitReason | undefined;
	#head: ReleaseHead | undefined;
	/** What it found: the release. As it came, too, until that is in the storage. */
	#manifest: Manifest | undefined;
	#identity = "";
	#signed: Uint8Array | undefined;
	#source: Source | undefined;
	#opened: Closer | undefined;
	#plan: Plan | undefined;
	#receiver: Receiver | undefined;
	readonly #slots: Slots;
	/** Of the update under way, and what was spent in this period. */
	#progress: Progress = EMPTY_PROGRESS;
	#attempts = 0;
	#delay = 0;
	#reportAt = 0;
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
		return this.#receiver?.isDue || this.#head?.isDue ? 0 : this.#due;
	}

	/** For the release's head, as are `keys`, `revoked` and `facts`. */
	get host(): Host {
		return this.#owner.host;
	}

	get keys(): readonly ReleaseKey[] {
		return this.#owner.keys;
	}

	get revoked(): readonly Uint8Array[] {
		return this.#trial.record.revoked.map(decodeHex);
	}

	/** What runs has yet to show that it is healthy. */
	get onTrial(): boolean {
		return this.#stage === Stage.TRIAL;
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
		this.#healthy = true;
		if (this.onTrial) this.onTurn();
	}

	/** What runs is not healthy, as its program says. */
	unhealthy(): void {
		this.#isUnhealthy = true;
		if (this.onTrial) this.onTurn();
	}

	/** Agrees to what was offered. */
	accept(): void {
		this.#accepted = true;
		this.onTurn();
	}

	refuse(): void {
		if (this.#stage > Stage.IDLE && this.#stage < Stage.RECEIVE) this.fail(new UpdateError("refused", "refused"));
	}

	/** A job of the cloud. @returns false when it is about something else */
	take(job: Job): boolean {
		let offer: Offer | undefined;
		try {
			offer = readOffer(job.document);
		} catch (error) {
			job.reject(this.details("failed", { reason: reasonOf(error, "malformed") }));
			return true;
		}
		if (offer === undefined) return false;
		this.#job = job;
		this.#offer = offer;
		this.#accepted = false;
		this.onTurn();
		return true;
	}

	/** The cloud wants it no more. What is being tried is tried to its end all the same. */
	canceled(job: Job): void {
		if (job !== this.#job) return this.finished(job);
		this.#job = undefined;
		const stage = this.#stage;
		if (stage === Stage.BOOT || stage === Stage.TRIAL || stage >= Stage.RESTART) return;
		const version = this.#manifest?.version ?? "";
		this.release();
		const { transaction } = this.#trial.record;
		if (transaction !== undefined) this.forget();
		if (stage !== Stage.IDLE) this.#owner.onUpdateEnd(version, "canceled");
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

	/** There is something to do. */
	onTurn(): void {
		this.#due = 0;
		this.#owner.onTurn();
	}

	private step(now: number): void {
		switch (this.#stage) {
			case Stage.BOOT: return this.boot(now);
			case Stage.TRIAL: return this.tryOut(now);
			case Stage.IDLE: return this.begin();
			case Stage.HEAD: return this.fetchHead(now);
			case Stage.PLAN: return this.makePlan();
			case Stage.WAIT: return this.wait(now);
			case Stage.RECEIVE: return this.receive(now);
			case Stage.INSTALL: return this.install(now);
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
		if (isOf(transaction, job)) job.progress(this.#farewell = this.details("trial", { self_test: "active" }));
	}

	/** Looks at the job, if there is one. */
	private begin(): void {
		const job = this.#job;
		if (job === undefined) return;
		const trial = this.#trial;
		const { transaction } = trial.record;
		if (transaction?.phase === "ended" && isOf(transaction, job)) return this.tell(transaction, job);
		if (transaction !== undefined && !isOf(transaction, job)) this.forget();
		this.#attempts = this.#delay = this.#reportAt = 0;
		if (this.#offer!.isRollback) return this.rollBack(job);
		this.enter(Stage.HEAD);
	}

	private fetchHead(now: number): void {
		const head = this.#head;
		if (head === undefined) return this.openHead();
		if (head.isDue) head.step();
		const { failure, manifest, identity, signed } = head;
		if (failure === undefined && manifest === undefined) return;
		// It has done its work, and its memory is needed.
		this.#head = undefined;
		if (failure !== undefined) return this.fault(failure, now);
		this.closeSource();
		this.#manifest = manifest;
		this.#identity = identity;
		this.#signed = signed;
		this.#plan = new Plan(this.host, this.#slots, manifest!.components);
		this.enter(Stage.PLAN);
	}

	private openHead(): void {
		const stored = this.#trial.record.transaction === undefined ? undefined : this.#store.loadManifest();
		const head = this.#head = new ReleaseHead(this);
		this.#source = this.#owner.openSource(this.#offer!);
		if (stored === undefined) this.#opened = this.#source.open(0, BLOCK_LENGTH, head);
		else head.take(stored);
	}

	/** A release without an image follows what of its components is installed, not the image. */
	facts({ components }: Manifest): DeviceFacts {
		const { firmware, host } = this.#owner;
		const { record } = this.#trial;
		const { product, version, hardware = "", provides = [] } = firmware;
		let former = version;
		if (components.every(({ kind }) => kind !== "image")) {
			const replaced = record.components.filter(({ name }) => components.some((each) => each.name === name));
			former = replaced.reduce((newest, each) => newer(newest, each.version), "");
		}
		return { product, version, former, hardware, provides, counter: record.counter, wall: host.time.wall() };
	}

	private makePlan(): void {
		this.enter(this.#plan!.step() ? Stage.PLAN : Stage.WAIT);
	}

	/** Waits for what the policy wants, and says so once. */
	private wait(now: number): void {
		const isResumed = this.findProgress();
		const cost = this.#plan!.cost(this.#progress);
		const reason = this.reasonToWait(cost);
		if (reason !== undefined) {
			if (reason !== this.#waiting && reason === "consent") {
				this.#owner.onUpdateOffer({ version: this.#manifest!.version, size: cost });
			}
			return this.waitFor(reason, now);
		}
		if (isResumed) this.#signed = undefined;
		else this.prepare();
		const { host } = this.#owner;
		this.#receiver = new Receiver({
			host, store: this.#store, slots: this.#slots, source: this.#source!,
			components: this.#manifest!.components, payloads: this.#plan!.payloads, progress: this.#progress,
		}, isResumed);
		this.#plan = undefined;
		this.enter(Stage.RECEIVE);
	}

	/** Says what is waited for, once, and looks again later. */
	private waitFor(reason: WaitReason, now: number): void {
		this.#due = now + POLICY_INTERVAL;
		if (reason === this.#waiting) return;
		this.#waiting = reason;
		this.#job?.progress(this.details("waiting", { for: reason }));
	}

	private reasonToWait(cost: number): WaitReason | undefined {
		const policy = this.#policy;
		const { percent } = this.#offer!;
		if (percent < 100 && this.lot() >= percent) return "rollout";
		if (policy.consent && !this.#accepted) return "consent";
		return batteryWait(policy, this.#owner.battery())
			?? budgetWait(policy, this.#owner.host.time.wall(), this.#progress, cost);
	}

	/** A number from 0 to 99 that this device always draws for this release. */
	private lot(): number {
		const { host, id } = this.#owner;
		const ticket = `${id}/${this.#identity}`;
		const bytes = new Uint8Array(host.text.byteLength(ticket));
		host.text.encode(ticket, bytes, 0);
		const digest = host.crypto.digest("SHA-256");
		digest.update(bytes);
		return wordAt(digest.digest(), 0) % 100;
	}

	/** Looks how far this release is. @returns whether some of it is here since before a reset */
	private findProgress(): boolean {
		const identity = this.#identity;
		const { transaction } = this.#trial.record;
		const tag = tagOf(identity);
		const before = this.#store.loadProgress();
		const isResumed = transaction?.release === identity && before?.tag === tag;
		const { spent, since } = before ?? EMPTY_PROGRESS;
		this.#progress = isResumed ? before : { ...EMPTY_PROGRESS, tag, spent, since };
		return isResumed;
	}

	/** From here on the slots change: the record says so before they do. */
	private prepare(): void {
		const { version, counter, revoked, components } = this.#manifest!;
		const { record } = this.#trial;
		const image = components.find(({ kind }) => kind === "image");
		const { id, number } = this.#job!;
		this.#store.saveProgress(this.#progress);
		this.#store.saveManifest(this.#signed!);
		if (image !== undefined) record.previous = undefined;
		record.transaction = {
			phase: "receiving", job: id, number, release: this.#identity, version, counter,
			revoked: revoked.map((key) => encodeHex(key)),
			image: image && { version, counter, size: image.size, digest: encodeHex(image.digest) },
			components: components.filter((each) => each !== image).map((each) => this.#slots.planned(each, version)),
			from: this.#owner.firmware.version, isRollback: false, boots: 0, reason: undefined,
		};
		this.#store.save(record);
		this.#signed = undefined;
	}

	private receive(now: number): void {
		const receiver = this.#receiver!;
		const goesOn = receiver.step();
		if (receiver.hasMoved) {
			receiver.hasMoved = false;
			this.#attempts = this.#delay = 0;
			this.report(receiver.received, now);
		}
		if (goesOn === false) this.enter(Stage.INSTALL);
		else if (goesOn) this.#due = 0;
	}

	private install(now: number): void {
		const policy = this.#policy;
		const { host } = this.#owner;
		const reason = windowWait(policy, host.time.wall()) ?? batteryWait(policy, this.#owner.battery());
		if (reason !== undefined) return this.waitFor(reason, now);
		this.#trial.activate();
		this.goodbye(now);
	}

	/** What is to be done before the device restarts: the cloud hears that it will. */
	private goodbye(now: number): void {
		const { version } = this.#trial.record.transaction!;
		this.#farewell = this.details("trial", { self_test: "ready" });
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
		const { host, firmware } = this.#owner;
		const trial = this.#trial;
		const { record } = trial;
		const { previous, image } = record;
		if (previous === undefined || image === undefined || !host.images?.canRevert) {
			throw new UpdateError("no-previous", "there is no image before that could boot");
		}
		if (previous.counter < record.counter) {
			throw new UpdateError("unsafe", `security counter ${previous.counter} of the image before`);
		}
		record.transaction = {
			phase: "ready", job: job.id, number: job.number, release: "", version: previous.version,
			counter: previous.counter, revoked: [], image, components: [], from: firmware.version, isRollback: true,
			boots: 0, reason: undefined,
		};
		trial.activate();
		this.goodbye(host.time.now());
	}

	/** A failure of what is under way: another try, or the end of it. */
	private fault(error: Error, now: number): void {
		const reason = (error as Partial<UpdateError>).reason;
		const stage = this.#stage;
		if (stage === Stage.BOOT || stage === Stage.TRIAL || stage === Stage.RESTART) {
			// The storage failed: the boot loader goes its way without us, and this is tried again until then.
			this.#owner.onFault(toDeviceError(error, "storage", "update"));
			this.#due = now + RETRY.base;
			return;
		}
		const isWrong = reason === "block-digest" || reason === "digest" || reason === "patch";
		if (isWrong && this.#receiver?.startAgain()) return this.enter(Stage.RECEIVE);
		const { code } = error as Partial<DeviceError>;
		const isLasting = reason !== undefined || code === "storage" || code === "full";
		if (isLasting || ++this.#attempts >= ATTEMPTS_MAXIMUM) {
			return this.fail(isLasting ? error : new UpdateError("unreachable", error.message, error));
		}
		this.#delay = backoffDelay(RETRY, this.#delay, randomWord(this.#owner.host) / WORD);
		this.#due = now + this.#delay;
		this.#owner.onFault(toDeviceError(error, "internal", "update"));
		this.#receiver?.retry();
		if (stage !== Stage.HEAD) return;
		this.closeSource();
		this.#head = undefined;
	}

	/** The update is over. */
	private fail(error: Error): void {
		const version = this.#manifest?.version ?? "";
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
		job?.fail(this.details("failed", { reason }));
		this.#owner.onUpdateEnd(version, reason);
	}

	/** Tells the cloud how it ended. */
	private tell({ reason, version, from }: Transaction, job: Job): void {
		if (reason !== undefined) return job.fail(this.details("failed", { reason }));
		job.succeed(this.details("done", this.#offer?.isClassic
			? { reason: `accepted v${version}`, updatedBy: `v${from}` } : {}));
	}

	private report(received: number, now: number): void {
		const total = this.#manifest!.components.reduce((sum, { size }) => sum + size, 0);
		this.#owner.onUpdateProgress(received, total);
		if (now < this.#reportAt) return;
		this.#reportAt = now + REPORT_INTERVAL;
		this.#job?.progress(this.details("receiving", this.#offer?.isClassic
			? { receive: `${blocksOf(received)}/${blocksOf(total)}` } : { received: `${received}/${total}` }));
	}

	private details(update: string, more: JobDetails): JobDetails {
		return { update, version: this.#owner.firmware.version, ...more };
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
		this.#receiver?.close();
		this.#plan?.close();
		this.closeSource();
		this.#receiver = this.#plan = this.#head = this.#source = this.#manifest = this.#signed = undefined;
		this.#waiting = undefined;
		this.enter(Stage.IDLE);
	}

	private closeSource(): void {
		this.#opened?.close();
		this.#opened = undefined;
	}
}

function isOf({ job, number }: Transaction, { id, number: asked }: Job): boolean {
	return job === id && number === asked;
}

function newer(one: string, other: string): string {
	return one === "" || compareVersions(one, other) < 0 ? other : one;
}

function blocksOf(bytes: number): number {
	return Math.ceil(bytes / BLOCK_LENGTH);
}
