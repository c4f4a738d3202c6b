// SPDX-License-Identifier: Apache-2.0
/**
 * Firmware update: from a job of the cloud to an image that runs, or that never will.
 *
 * | stage    | what happens                                                       | survives a reset as        |
 * |----------|--------------------------------------------------------------------|----------------------------|
 * | boot     | finds out what this boot is                                        |                            |
 * | trial    | what is new shows that it is healthy, or is left                   | `trial`                    |
 * | head     | the first block is fetched: the manifest                           | nothing was written yet    |
 * | verify   | its signature, and whether the release is for this device          |                            |
 * | wait     | for what the program's policy wants                                |                            |
 * | base     | what is installed is what a patch begins with                      |                            |
 * | receive  | component after component goes to its slot                         | `receiving`, and progress  |
 * | check    | the slot is read back                                              | `receiving`                |
 * | install  | the boot loader is told, the cloud too, and the device restarts    | `ready`                    |
 *
 * Pure but for the host's flash, storage and boot loader. Nothing before `receive` writes to a slot, nothing before
 * `install` changes what boots, and success is told by what is new, once it is healthy.
 */
import { backoffDelay, type Backoff } from "../base/backoff.js";
import { toDeviceError, type DeviceError } from "../base/error.js";
import type { Firmware } from "../base/firmware.js";
import { inRange } from "../base/range.js";
import { decodeHex, encodeHex } from "../bytes/hex.js";
import { randomWord } from "../bytes/random.js";
import { isAt, wordAt } from "../bytes/word.js";
import type { Closer } from "../base/closer.js";
import type { FlashPartition, Host } from "../host.js";
import type { Job, JobDetails } from "../operations/jobs.js";
import type { DeviceFacts } from "./admission.js";
import { ContentDigest } from "./content.js";
import { reasonOf, UpdateError, type FailureReason } from "./failure.js";
import type { Component, Manifest, Payload, ReleaseKey } from "./manifest.js";
import { readOffer, type Offer } from "./offer.js";
import { checkPolicy, windowWait, type UpdatePolicy, type WaitReason } from "./policy.js";
import { ReleaseHead } from "./release.js";
import {
	emptyRecord, tagOf, UpdateStore, type InstalledComponent, type Progress, type Transaction, type UpdateRecord,
} from "./record.js";
import { BLOCK_LENGTH, type Source } from "./source.js";
import { Transfer, type TransferOwner } from "./transfer.js";
import { Found, Trial } from "./trial.js";
import { compareVersions } from "./version.js";

const Stage = Object.freeze({
	BOOT: 0, TRIAL: 1, IDLE: 2, HEAD: 3, WAIT: 4, BASE: 5, RECEIVE: 6, CHECK: 7, INSTALL: 8, RESTART: 9,
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

export class Update implements TransferOwner {
	readonly #owner: UpdateOwner;
	readonly #policy: UpdatePolicy;
	readonly #healthTimeout: number;
	readonly #store: UpdateStore;
	readonly #trial: Trial;
	#stage: Stage = Stage.BOOT;
	#due = 0;
	#healthy = false;
	/** The job that is being done, and what it says. */
	#job: Job | undefined;
	#offer: Offer | undefined;
	#accepted = false;
	#waiting: WaitReason | undefined;
	#head: ReleaseHead | undefined;
	#source: Source | undefined;
	#opened: Closer | undefined;
	/** By component, how it is to be got; `undefined` for what is there already. */
	#payloads: (Payload | undefined)[] = [];
	/** Of the payloads that are looked at while they are chosen, and of the component that is received. */
	#option = 0;
	#index = 0;
	#transfer: Transfer | undefined;
	#slot: FlashPartition | undefined;
	#base: FlashPartition | undefined;
	#digest: ContentDigest | undefined;
	/** What stands in the slot is from before a reset: if it is not right, it is fetched once more. */
	#isDoubtful = false;
	readonly #progress: Progress = {
		tag: 0, component: 0, blocks: 0, patchOffset: 0, contentOffset: 0, spent: 0, since: 0,
	};
	/** Blocks of the flash are gathered here, read to be compared, and the head is collected. While there is a job. */
	#buffer: Uint8Array | undefined;
	#attempts = 0;
	#delay = 0;
	#reportAt = 0;
	/** When the trial, or the farewell, is over: monotonic ms. */
	#until = 0;
	#farewell: JobDetails | undefined;

	/** @throws DeviceError `argument`, `storage` */
	constructor(owner: UpdateOwner, { policy = {}, healthTimeout = HEALTH_TIMEOUT }: UpdateOptions = {}) {
		checkPolicy(policy);
		this.#healthTimeout = inRange("healthTimeout", healthTimeout, 1_000, HEALTH_TIMEOUT_MAXIMUM);
		this.#owner = owner;
		this.#policy = policy;
		const { host, firmware } = owner;
		const store = this.#store = new UpdateStore(host);
		let record: UpdateRecord | undefined;
		try {
			record = store.load();
		} catch (error) {
			owner.onFault(toDeviceError(error, "storage", "the record of updates"));
		}
		record ??= emptyRecord();
		record.counter = Math.max(record.counter, firmware.counter ?? 0);
		this.#trial = new Trial(host, store, record, firmware.version);
	}

	get deadline(): number {
		return this.#due;
	}

	/** What runs has yet to show that it is healthy. */
	get onTrial(): boolean {
		return this.#stage === Stage.TRIAL;
	}

	/** What a component is now; `undefined` where none is installed, or none that fits this image. */
	component(name: string): InstalledComponent | undefined {
		const { components, transaction } = this.#trial.record;
		const onTrial = transaction?.phase === "trial" ? transaction.components : [];
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
		if (!this.onTrial) return;
		this.#until = 0;
		this.onTurn();
	}

	/** Agrees to what was offered. */
	accept(): void {
		this.#accepted = true;
		this.onTurn();
	}

	refuse(): void {
		if (this.#job !== undefined && this.#stage < Stage.RECEIVE) this.fail(new UpdateError("refused", "refused"));
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
		if (job !== this.#job) return;
		this.#job = undefined;
		const stage = this.#stage;
		if (stage === Stage.BOOT || stage === Stage.TRIAL || stage >= Stage.RESTART) return;
		const version = this.#head?.manifest?.version ?? "";
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
		if (now < this.#due) return;
		this.#due = Infinity;
		try {
			this.step(now);
		} catch (error) {
			// What is no error is the power, which fails.
			if (!(error instanceof Error)) throw error;
			this.fault(error, now);
		}
	}

	/** For transfer, head and all who have news. */
	onTurn(): void {
		this.#due = 0;
		this.#owner.onTurn();
	}

	onSpent(count: number): void {
		const progress = this.#progress;
		progress.spent = Math.min(WORD - 1, progress.spent + count);
	}

	/** For the transfer: what is in the flash is noted after it is there, never before. */
	onBlock(): void {
		const { blocks, patchOffset, contentOffset } = this.#transfer!;
		const progress = this.#progress;
		progress.component = this.#index;
		progress.blocks = blocks;
		progress.patchOffset = patchOffset;
		progress.contentOffset = contentOffset;
		this.#store.saveProgress(progress);
		this.#attempts = this.#delay = 0;
		this.onTurn();
	}

	private step(now: number): void {
		switch (this.#stage) {
			case Stage.BOOT: return this.boot(now);
			case Stage.TRIAL: return this.tryOut(now);
			case Stage.IDLE: return this.begin();
			case Stage.HEAD: return this.fetchHead(now);
			case Stage.BASE: return this.choose();
			case Stage.WAIT: return this.wait(now);
			case Stage.RECEIVE: return this.receive(now);
			case Stage.CHECK: return this.check();
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
				this.#until = this.#healthTimeout;
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
		this.#buffer ??= new Uint8Array(BLOCK_LENGTH);
		this.enter(Stage.HEAD);
	}

	private fetchHead(now: number): void {
		const head = this.#head;
		if (head === undefined) return this.openHead();
		const { failure, manifest } = head;
		if (failure !== undefined) {
			this.#head = undefined;
			return this.fault(failure, now);
		}
		if (manifest === undefined) return;
		this.closeSource();
		this.#payloads = [];
		this.#option = this.#index = 0;
		this.enter(Stage.BASE);
	}

	private openHead(): void {
		const owner = this.#owner;
		const { host, keys } = owner;
		const { record } = this.#trial;
		const { transaction } = record;
		const stored = transaction === undefined ? undefined : this.#store.loadManifest();
		const head = this.#head = new ReleaseHead({
			host, keys, revoked: record.revoked.map(decodeHex),
			onTurn: () => this.onTurn(), facts: (manifest) => this.facts(manifest),
		}, this.#buffer!);
		this.#source = owner.openSource(this.#offer!);
		if (stored === undefined) this.#opened = this.#source.open(0, BLOCK_LENGTH, head);
		else head.take(stored);
	}

	/** A release without an image follows what of its components is installed, not the image. */
	private facts({ components }: Manifest): DeviceFacts {
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

	/** For each component, the first payload that can be used. */
	private choose(): void {
		const { components } = this.#head!.manifest!;
		const component = components[this.#index];
		if (component === undefined) return this.enter(Stage.WAIT);
		this.#due = 0;
		const digest = this.#digest;
		if (digest !== undefined && digest.step()) return;
		const payload = component.payloads[this.#option];
		if (digest !== undefined) {
			this.#digest = undefined;
			this.closeBase();
			if (isSame(digest.finish().digest(), payload!.base!)) return this.chosen(payload);
			this.#option++;
			return;
		}
		if (this.isInstalled(component)) return this.chosen(undefined);
		if (payload === undefined) throw new UpdateError("base", `no payload for the ${component.name} that is installed`);
		if (payload.kind === "full") return this.chosen(payload);
		const base = this.openBase(component);
		if (base === undefined || base.size < payload.baseSize) {
			this.closeBase();
			this.#option++;
			return;
		}
		this.#digest = new ContentDigest(this.#owner.host, base, 0, payload.baseSize, this.#buffer!);
	}

	private chosen(payload: Payload | undefined): void {
		this.#payloads.push(payload);
		this.#option = 0;
		this.#index++;
	}

	/** Waits for what the policy wants, and says so once. */
	private wait(now: number): void {
		const reason = this.reasonToWait();
		if (reason !== undefined) return this.waitFor(reason, now);
		this.prepare();
		this.enter(Stage.RECEIVE);
	}

	private waitFor(reason: WaitReason, now: number): void {
		this.#due = now + POLICY_INTERVAL;
		if (reason === this.#waiting) return;
		this.#waiting = reason;
		this.#job?.progress(this.details("waiting", { for: reason }));
		const { version } = this.#head!.manifest!;
		if (reason === "consent") this.#owner.onUpdateOffer({ version, size: this.cost() });
	}

	private reasonToWait(): WaitReason | undefined {
		const { consent, budget } = this.#policy;
		const { percent } = this.#offer!;
		if (percent < 100 && this.lot() >= percent) return "rollout";
		if (consent && !this.#accepted) return "consent";
		return this.batteryWait() ?? (budget === undefined ? undefined : this.budgetWait(budget));
	}

	private batteryWait(): WaitReason | undefined {
		const { battery } = this.#policy;
		return battery !== undefined && (this.#owner.battery() ?? 100) < battery ? "battery" : undefined;
	}

	private budgetWait({ bytes, period }: { bytes: number; period: number }): WaitReason | undefined {
		const wall = this.#owner.host.time.wall();
		if (wall === undefined) return "clock";
		const progress = this.#store.loadProgress() ?? this.#progress;
		const isOver = wall - progress.since * 1_000 >= period;
		this.#progress.spent = isOver ? 0 : progress.spent;
		this.#progress.since = isOver ? Math.floor(wall / 1_000) % WORD : progress.since;
		return this.cost() > bytes - this.#progress.spent ? "budget" : undefined;
	}

	/** A number from 0 to 99 that this device always draws for this release. */
	private lot(): number {
		const { host, id } = this.#owner;
		const ticket = `${id}/${this.#head!.identity}`;
		const bytes = new Uint8Array(host.text.byteLength(ticket));
		host.text.encode(ticket, bytes, 0);
		const digest = host.crypto.digest("SHA-256");
		digest.update(bytes);
		return wordAt(digest.digest(), 0) % 100;
	}

	/** Bytes that are to be fetched, those that are here already not counted. */
	private cost(): number {
		let cost = 0;
		for (const payload of this.#payloads) cost += payload?.size ?? 0;
		const progress = this.#store.loadProgress();
		const { transaction } = this.#trial.record;
		if (transaction === undefined || progress?.tag !== tagOf(transaction.release)) return cost;
		for (let index = 0; index < progress.component; index++) cost -= this.#payloads[index]?.size ?? 0;
		const payload = this.#payloads[progress.component];
		const got = payload?.kind === "patch" ? progress.patchOffset : progress.blocks * BLOCK_LENGTH;
		return cost - Math.min(payload?.size ?? 0, got);
	}

	/** From here on the slots change: the record says so before they do. */
	private prepare(): void {
		const { signed, identity, manifest } = this.#head!;
		const { version, counter, revoked, components } = manifest!;
		const { record } = this.#trial;
		const progress = this.#progress;
		const before = this.#store.loadProgress();
		const tag = progress.tag = tagOf(identity);
		const isResumed = record.transaction?.release === identity && before?.tag === tag;
		progress.component = isResumed ? before.component : 0;
		progress.blocks = isResumed ? before.blocks : 0;
		progress.patchOffset = isResumed ? before.patchOffset : 0;
		progress.contentOffset = isResumed ? before.contentOffset : 0;
		this.#isDoubtful = isResumed;
		this.#index = progress.component;
		if (isResumed) return;
		const image = components.find(({ kind }) => kind === "image");
		const { id, number } = this.#job!;
		this.#store.saveProgress(progress);
		this.#store.saveManifest(signed!);
		if (image !== undefined) record.previous = undefined;
		record.transaction = {
			phase: "receiving", job: id, number, release: identity, version, counter,
			revoked: revoked.map((key) => encodeHex(key)),
			image: image && { version, counter, size: image.size, digest: encodeHex(image.digest) },
			components: components.filter((each) => each !== image).map((each) => this.installed(each, version)),
			from: this.#owner.firmware.version, isRollback: false, boots: 0, reason: undefined,
		};
		this.#store.save(record);
	}

	private receive(now: number): void {
		const transfer = this.#transfer;
		const { components } = this.#head!.manifest!;
		const component = components[this.#index];
		if (component === undefined) return this.enter(Stage.INSTALL);
		if (transfer === undefined) {
			const payload = this.#payloads[this.#index];
			if (payload === undefined) return this.next();
			return this.open(component, payload);
		}
		if (transfer.failure !== undefined) return this.fault(transfer.failure, now);
		this.report(now);
		if (!transfer.isComplete) return;
		this.closeTransfer();
		this.#digest = new ContentDigest(this.#owner.host, this.#slot!, 0, component.size, this.#buffer!);
		this.enter(Stage.CHECK);
	}

	/** Begins to receive a component, or goes on. */
	private open(component: Component, payload: Payload): void {
		const { host } = this.#owner;
		const slot = this.#slot ??= this.openSlot(component);
		const base = payload.kind === "patch" ? this.openBase(component) : undefined;
		const transfer = this.#transfer = new Transfer(
			{ host, source: this.#source!, component, payload, slot, base, buffer: this.#buffer! }, this,
		);
		const { blocks, patchOffset, contentOffset } = this.#progress;
		transfer.open(blocks, patchOffset, contentOffset);
		if (transfer.isComplete) this.#due = 0;
	}

	/** Reads the slot back: what was written is what was signed. */
	private check(): void {
		const digest = this.#digest!;
		this.#due = 0;
		if (digest.step()) return;
		this.#digest = undefined;
		const component = this.#head!.manifest!.components[this.#index]!;
		if (!isSame(digest.finish().digest(), component.digest)) throw new UpdateError("digest", component.name);
		this.next();
	}

	private next(): void {
		this.closeSlot();
		this.#index++;
		const progress = this.#progress;
		progress.component = this.#index;
		progress.blocks = progress.patchOffset = progress.contentOffset = 0;
		this.#isDoubtful = false;
		this.enter(Stage.RECEIVE);
	}

	private install(now: number): void {
		const reason = windowWait(this.#policy, this.#owner.host.time.wall()) ?? this.batteryWait();
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
		if (this.#isDoubtful && (reason === "block-digest" || reason === "digest" || reason === "patch")) {
			return this.startAgain();
		}
		const isLasting = reason !== undefined || (error as Partial<DeviceError>).code === "storage";
		if (isLasting || ++this.#attempts >= ATTEMPTS_MAXIMUM) {
			return this.fail(isLasting ? error : new UpdateError("unreachable", error.message, error));
		}
		this.#delay = backoffDelay(RETRY, this.#delay, randomWord(this.#owner.host) / WORD);
		this.#due = now + this.#delay;
		this.#owner.onFault(toDeviceError(error, "internal", "update"));
		if (stage === Stage.HEAD) this.closeSource();
		else this.closeTransfer();
		this.#head = stage === Stage.HEAD ? undefined : this.#head;
	}

	/** What was there before a reset is not what it should be: it is fetched once more. */
	private startAgain(): void {
		this.closeTransfer();
		this.#isDoubtful = false;
		const progress = this.#progress;
		progress.blocks = progress.patchOffset = progress.contentOffset = 0;
		this.#store.saveProgress(progress);
		this.enter(Stage.RECEIVE);
	}

	/** The update is over. */
	private fail(error: Error): void {
		const version = this.#head?.manifest?.version ?? "";
		const reason = reasonOf(error, "storage");
		this.release();
		const trial = this.#trial;
		const { transaction } = trial.record;
		const job = this.#job;
		try {
			if (transaction !== undefined) trial.end(transaction, reason);
		} catch (failure) {
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

	private report(now: number): void {
		const total = this.#head!.manifest!.components.reduce((sum, { size }) => sum + size, 0);
		let received = this.#transfer?.position ?? 0;
		for (let index = 0; index < this.#index; index++) received += this.#head!.manifest!.components[index]!.size;
		this.#owner.onUpdateProgress(received, total);
		if (now < this.#reportAt) return;
		this.#reportAt = now + REPORT_INTERVAL;
		const blocks = (bytes: number): number => Math.ceil(bytes / BLOCK_LENGTH);
		this.#job?.progress(this.details("receiving", this.#offer?.isClassic
			? { receive: `${blocks(received)}/${blocks(total)}` } : { received: `${received}/${total}` }));
	}

	private details(update: string, more: JobDetails): JobDetails {
		return { update, version: this.#owner.firmware.version, ...more };
	}

	private isInstalled({ kind, name, digest }: Component): boolean {
		if (kind === "image") return false;
		const installed = this.#trial.record.components.find((each) => each.name === name);
		return installed?.digest === encodeHex(digest);
	}

	/** What `component` will be once it is installed. */
	private installed({ name, size, digest, requires }: Component, version: string): InstalledComponent {
		const before = this.#trial.record.components.find((each) => each.name === name);
		const digits = encodeHex(digest);
		const slot = before === undefined ? 0 : before.digest === digits ? before.slot : 1 - before.slot;
		return { name, slot, version, size, digest: digits, requires };
	}

	private openSlot(component: Component): FlashPartition {
		const isImage = component.kind === "image";
		const { name, slot } = this.installed(component, "");
		return this.openPartition(isImage ? "nextota" : slotName(name, slot), isImage);
	}

	/** What of `component` is installed; `undefined` where that is nothing. */
	private openBase(component: Component): FlashPartition | undefined {
		if (this.#base !== undefined) return this.#base;
		const isImage = component.kind === "image";
		const before = this.#trial.record.components.find(({ name }) => name === component.name);
		if (!isImage && before === undefined) return undefined;
		return this.#base = this.openPartition(isImage ? "running" : slotName(before!.name, before!.slot), isImage);
	}

	private openPartition(path: string, isImage: boolean): FlashPartition {
		const { host } = this.#owner;
		if (isImage && host.images === undefined) throw new UpdateError("component", "this device has one image only");
		try {
			return host.flash.open({ path });
		} catch (error) {
			if (!(error instanceof Error)) throw error;
			throw new UpdateError("component", `no partition ${path}`, error);
		}
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
		this.closeTransfer();
		this.closeSlot();
		this.closeSource();
		this.#head = this.#source = this.#digest = this.#buffer = undefined;
		this.#waiting = undefined;
		this.#payloads = [];
		this.enter(Stage.IDLE);
	}

	private closeSource(): void {
		this.#opened?.close();
		this.#opened = undefined;
	}

	private closeTransfer(): void {
		this.#transfer?.close();
		this.#transfer = undefined;
		this.closeBase();
	}

	private closeBase(): void {
		this.#base?.close();
		this.#base = undefined;
	}

	private closeSlot(): void {
		this.#slot?.close();
		this.#slot = undefined;
	}
}

/** The partition of a component's slot. */
export function slotName(component: string, slot: number): string {
	return `${component}_${slot}`;
}

function isOf({ job, number }: Transaction, { id, number: asked }: Job): boolean {
	return job === id && number === asked;
}

function newer(one: string, other: string): string {
	return one === "" || compareVersions(one, other) < 0 ? other : one;
}

function isSame(digest: Uint8Array, expected: Uint8Array): boolean {
	return digest.byteLength === expected.byteLength && isAt(digest, expected, 0);
}
