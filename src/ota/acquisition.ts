// SPDX-License-Identifier: Apache-2.0
/**
 * One release on its way to the device, from an offer until all of it is in its slots and the device may restart.
 *
 * | stage    | what happens                                                       | survives a reset as        |
 * |----------|--------------------------------------------------------------------|----------------------------|
 * | head     | the first block is fetched, and the manifest in it verified        | nothing was written yet    |
 * | plan     | whole, or patch by patch that fits what is installed               |                            |
 * | wait     | for what the program's policy wants                                |                            |
 * | receive  | component after component goes to its slot and is read back        | `receiving`, and progress  |
 * | hold     | for an hour at which the device may restart                        |                            |
 */
import { backoffDelay, type Backoff } from "../base/backoff.js";
import type { Closer } from "../base/closer.js";
import { toDeviceError, type DeviceError } from "../base/error.js";
import type { Firmware } from "../base/firmware.js";
import { decodeHex, encodeHex } from "../bytes/hex.js";
import { randomWord } from "../bytes/random.js";
import type { Host } from "../host.js";
import type { Job } from "../operations/jobs.js";
import type { DeviceFacts } from "./admission.js";
import { malformed, UpdateError } from "./failure.js";
import type { Manifest, ReleaseKey } from "./manifest.js";
import type { Offer } from "./offer.js";
import { Plan } from "./plan.js";
import { batteryWait, budgetWait, lot, windowWait, type UpdatePolicy, type WaitReason } from "./policy.js";
import { Receiver } from "./receiver.js";
import {
	tagOf, type InstalledComponent, type PreviousImage, type Progress, type UpdateRecord, type UpdateStore,
} from "./record.js";
import { ReleaseHead, type ReleaseOwner } from "./release.js";
import type { Slots } from "./slots.js";
import { BLOCK_LENGTH, type Source } from "./source.js";
import { compareVersions } from "./version.js";
import type { Words } from "./words.js";

const Stage = Object.freeze({ HEAD: 0, PLAN: 1, WAIT: 2, RECEIVE: 3, HOLD: 4 });
type Stage = (typeof Stage)[keyof typeof Stage];

/** A release that is offered to the program. */
export interface Release {
	readonly version: string;
	/** Bytes that are to be fetched for it. */
	readonly size: number;
}

/** What it asks of the device around it. */
export interface AcquisitionOwner {
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
	onFault(error: DeviceError): void;
}

export interface AcquisitionOptions {
	readonly policy: UpdatePolicy;
	readonly record: UpdateRecord;
	readonly store: UpdateStore;
	readonly slots: Slots;
	readonly words: Words;
	readonly job: Job;
	readonly offer: Offer;
}

/** ms between two words to the cloud of how far it is: clouds count them. */
const REPORT_INTERVAL = 10_000;
/** ms between two looks at what is waited for. */
const POLICY_INTERVAL = 60_000;
const RETRY: Backoff = Object.freeze({ base: 2_000, cap: 300_000 });
/** Attempts in a row without a single block. */
const ATTEMPTS_MAXIMUM = 20;
const WORD = 2 ** 32;
const EMPTY_PROGRESS: Progress = Object.freeze({
	tag: 0, component: 0, blocks: 0, patchOffset: 0, contentOffset: 0, spent: 0, since: 0,
});

export class Acquisition implements ReleaseOwner {
	readonly #owner: AcquisitionOwner;
	readonly #options: AcquisitionOptions;
	#stage: Stage = Stage.HEAD;
	#due = 0;
	#accepted = false;
	#waiting: WaitReason | undefined;
	#head: ReleaseHead | undefined;
	/** What it found: the release. As it came, too, until that is in the storage. */
	#manifest: Manifest | undefined;
	/** What is left of it from then on: its version, and the bytes of its content. */
	#version = "";
	#total = 0;
	#identity = "";
	#signed: Uint8Array | undefined;
	#source: Source | undefined;
	#opened: Closer | undefined;
	#plan: Plan | undefined;
	#receiver: Receiver | undefined;
	/** How far it is, and what was spent in this period. */
	#progress: Progress = EMPTY_PROGRESS;
	#attempts = 0;
	#delay = 0;
	#reportAt = 0;

	constructor(owner: AcquisitionOwner, options: AcquisitionOptions) {
		this.#owner = owner;
		this.#options = options;
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
		return this.#options.record.revoked.map(decodeHex);
	}

	/** "" until it is known. */
	get version(): string {
		return this.#version;
	}

	/** Agrees to what was offered. */
	accept(): void {
		this.#accepted = true;
		this.onTurn();
	}

	/** There is something to do. */
	onTurn(): void {
		this.#due = 0;
		this.#owner.onTurn();
	}

	/** Goes on. @returns true when all is in its slots. @throws UpdateError; DeviceError: see `retry` */
	step(now: number): boolean {
		this.#due = Infinity;
		switch (this.#stage) {
			case Stage.HEAD: this.fetchHead(); break;
			case Stage.PLAN: this.makePlan(); break;
			case Stage.WAIT: this.wait(now); break;
			case Stage.RECEIVE: this.receive(now); break;
			default: return this.hold(now);
		}
		return false;
	}

	/**
	 * What to do after a failure: if another try may help, the next `step` is it.
	 * @returns the failure for good; `undefined` where it goes on. @throws DeviceError `storage`
	 */
	retry(error: Error, now: number): Error | undefined {
		const { reason } = error as Partial<UpdateError>;
		const isWrong = reason === "block-digest" || reason === "digest" || reason === "patch";
		if (isWrong && this.#receiver?.startAgain()) {
			this.enter(Stage.RECEIVE);
			return undefined;
		}
		const { code } = error as Partial<DeviceError>;
		// A job that says what is no place to fetch a release from says it for good.
		if (code === "argument") return malformed(error);
		if (reason !== undefined || code === "storage" || code === "full") return error;
		if (++this.#attempts >= ATTEMPTS_MAXIMUM) return new UpdateError("unreachable", error.message, error);
		this.#delay = backoffDelay(RETRY, this.#delay, randomWord(this.host) / WORD);
		this.#due = now + this.#delay;
		this.#owner.onFault(toDeviceError(error, "internal", "update"));
		this.#receiver?.retry();
		if (this.#stage !== Stage.HEAD) return undefined;
		this.closeSource();
		this.#head = undefined;
		return undefined;
	}

	/** Lets go of all that it takes. */
	close(): void {
		this.#receiver?.close();
		this.#plan?.close();
		this.closeSource();
	}

	/** Goes to a stage, in the next turn. */
	private enter(stage: Stage): void {
		this.#stage = stage;
		this.#due = 0;
	}

	private fetchHead(): void {
		const head = this.#head;
		if (head === undefined) return this.openHead();
		if (head.isDue) head.step();
		const { failure, manifest, identity, signed } = head;
		if (failure === undefined && manifest === undefined) return;
		// It has done its work, and its memory is needed.
		this.#head = undefined;
		if (failure !== undefined) throw failure;
		this.closeSource();
		this.#manifest = manifest;
		this.#version = manifest!.version;
		this.#identity = identity;
		this.#signed = signed;
		this.#plan = new Plan(this.host, this.#options.slots, manifest!.components);
		this.enter(Stage.PLAN);
	}

	private openHead(): void {
		const stored = this.#options.record.transaction === undefined ? undefined : this.#options.store.loadManifest();
		const head = this.#head = new ReleaseHead(this);
		this.#source = this.#owner.openSource(this.#options.offer);
		if (stored === undefined) this.#opened = this.#source.open(0, BLOCK_LENGTH, head);
		else head.take(stored);
	}

	/** A release without an image follows what of its components is installed, not the image. */
	facts({ components }: Manifest): DeviceFacts {
		const { firmware, host } = this.#owner;
		const { record } = this.#options;
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
		// Who agreed to it before a reset is not asked again.
		if (isResumed) this.#accepted = true;
		const cost = this.#plan!.cost(this.#progress);
		const reason = this.reasonToWait(cost);
		if (reason !== undefined) {
			if (reason !== this.#waiting && reason === "consent") {
				this.#owner.onUpdateOffer({ version: this.#version, size: cost });
			}
			return this.waitFor(reason, now);
		}
		this.#waiting = undefined;
		if (isResumed) this.#signed = undefined;
		else this.prepare();
		const { store, slots } = this.#options;
		const { components } = this.#manifest!;
		this.#receiver = new Receiver({
			host: this.host, store, slots, source: this.#source!, components, payloads: this.#plan!.payloads,
			progress: this.#progress,
		}, isResumed);
		this.#total = components.reduce((sum, { size }) => sum + size, 0);
		this.#manifest = this.#plan = undefined;
		this.enter(Stage.RECEIVE);
	}

	/** Says what is waited for, once, and looks again later. */
	private waitFor(reason: WaitReason, now: number): void {
		this.#due = now + POLICY_INTERVAL;
		if (reason === this.#waiting) return;
		this.#waiting = reason;
		this.#options.job.progress(this.#options.words.waiting(reason));
	}

	private reasonToWait(cost: number): WaitReason | undefined {
		const policy = this.#options.policy;
		const { percent } = this.#options.offer;
		if (percent < 100 && lot(this.host, `${this.#owner.id}/${this.#identity}`) >= percent) return "rollout";
		if (policy.consent && !this.#accepted) return "consent";
		return batteryWait(policy, this.#owner.battery())
			?? budgetWait(policy, this.host.time.wall(), this.#progress, cost);
	}

	/** Looks how far this release is. @returns whether some of it is here since before a reset */
	private findProgress(): boolean {
		const identity = this.#identity;
		const { transaction } = this.#options.record;
		const tag = tagOf(identity);
		const before = this.#options.store.loadProgress();
		const isResumed = transaction?.release === identity && before?.tag === tag;
		const { spent, since } = before ?? EMPTY_PROGRESS;
		this.#progress = isResumed ? before : { ...EMPTY_PROGRESS, tag, spent, since };
		return isResumed;
	}

	/** From here on the slots change: the record says so before they do. */
	private prepare(): void {
		const { version, counter, revoked, components } = this.#manifest!;
		const { record, slots, store } = this.#options;
		const image = components.find(({ kind }) => kind === "image");
		const { id, number } = this.#options.job;
		store.saveProgress(this.#progress);
		store.saveManifest(this.#signed!);
		const planned = components.filter((each) => each !== image).map((each) => slots.planned(each, version));
		record.previous = image === undefined ? without(record.previous, planned) : undefined;
		record.transaction = {
			phase: "receiving", job: id, number, release: this.#identity, version, counter,
			revoked: revoked.map((key) => encodeHex(key)),
			image: image && { version, counter, size: image.size, digest: encodeHex(image.digest) },
			components: planned,
			from: this.#owner.firmware.version, isRollback: false, boots: 0, reason: undefined,
		};
		store.save(record);
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
		if (goesOn === false) this.enter(Stage.HOLD);
		else if (goesOn) this.#due = 0;
	}

	/** @returns true when the device may restart */
	private hold(now: number): boolean {
		const { policy } = this.#options;
		const reason = windowWait(policy, this.host.time.wall()) ?? batteryWait(policy, this.#owner.battery());
		if (reason === undefined) return true;
		this.waitFor(reason, now);
		return false;
	}

	private report(received: number, now: number): void {
		const total = this.#total;
		this.#owner.onUpdateProgress(received, total);
		if (now < this.#reportAt) return;
		this.#reportAt = now + REPORT_INTERVAL;
		this.#options.job.progress(this.#options.words.receiving(this.#options.offer.isClassic, received, total));
	}

	private closeSource(): void {
		this.#opened?.close();
		this.#opened = undefined;
	}
}

/** `previous`, but for those of its components whose slots `planned` are going to. */
function without(
	previous: PreviousImage | undefined, planned: readonly InstalledComponent[],
): PreviousImage | undefined {
	const isLost = ({ name, slot, digest }: InstalledComponent): boolean => {
		return planned.some((each) => each.name === name && each.slot === slot && each.digest !== digest);
	};
	return previous && { ...previous, components: previous.components.filter((each) => !isLost(each)) };
}

function newer(one: string, other: string): string {
	return one === "" || compareVersions(one, other) < 0 ? other : one;
}
