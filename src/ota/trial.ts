// SPDX-License-Identifier: Apache-2.0
/**
 * What becomes of an update once it was verified: it is booted, shows that it is healthy, and is committed; or the
 * device goes back to what ran before.
 *
 * The boot loader and the record cannot change in one step. So nothing is believed of which image runs but what the
 * boot loader says of a trial, and, where that is over, the digest of the image itself.
 */
import type { DeviceError } from "../base/error.js";
import { encodeHex } from "../bytes/hex.js";
import type { FlashPartition, Host } from "../host.js";
import { ContentDigest } from "./content.js";
import { UpdateError, type FailureReason } from "./failure.js";
import type {
	InstalledComponent, InstalledImage, PreviousImage, Transaction, UpdateRecord, UpdateStore,
} from "./record.js";

/** How often components are booted on trial; an image is by the boot loader, once. */
const BOOTS_MAXIMUM = 2;
/**
 * How often anything is where it was the power that failed, which says nothing of what is new; but what takes the power
 * down itself must not be tried for ever.
 */
const POWER_BOOTS_MAXIMUM = 3;

/** What a boot finds. */
export const Found = Object.freeze({
	/** No update waits for this boot. */
	NOTHING: 0,
	/** What is new runs, on trial. */
	TRIAL: 1,
	/** What is new is ready, and the boot loader is to be told. */
	READY: 2,
	/** An update came to its end, well or not: `transaction.reason` says. */
	ENDED: 3,
});

export class Trial {
	readonly record: UpdateRecord;
	readonly #host: Host;
	readonly #store: UpdateStore;
	/** Of the firmware that runs. */
	readonly #version: string;
	/** Which image runs is being found out. */
	#running: FlashPartition | undefined;
	#digest: ContentDigest | undefined;

	constructor(host: Host, store: UpdateStore, record: UpdateRecord, version: string) {
		this.#host = host;
		this.#store = store;
		this.record = record;
		this.#version = version;
	}

	/**
	 * What is new counts as booted from here on: before the program can load any of it, as that may be its end.
	 * @throws DeviceError `storage`: then nothing that is new is used in this boot
	 */
	start(): void {
		const transaction = this.record.transaction;
		const phase = transaction?.phase;
		if (transaction === undefined || transaction.isRollback || phase !== "ready" && phase !== "trial") return;
		if (transaction.image === undefined) this.startComponents(transaction);
		else if (this.#host.images?.onTrial) this.begin(transaction);
	}

	/** What runs, or would be loaded, is what the update under way brought. */
	get isNew(): boolean {
		const transaction = this.record.transaction;
		if (transaction === undefined) return false;
		const { phase, image, version } = transaction;
		if (image === undefined) return phase === "trial";
		if (phase !== "ready" && phase !== "trial") return false;
		return this.#host.images?.onTrial === true || version === this.#version;
	}

	/**
	 * Looks at what this boot is, a slice at a time.
	 * @returns one of `Found`; `undefined` when it is to be called again
	 * @throws DeviceError `storage`
	 */
	boot(): number | undefined {
		const { images } = this.#host;
		const transaction = this.record.transaction;
		if (transaction === undefined) return images?.onTrial ? Found.TRIAL : Found.NOTHING;
		const { phase, image, isRollback } = transaction;
		if (phase === "receiving") return Found.NOTHING;
		if (phase === "ended") return Found.ENDED;
		// Ready, still: that it was booted could not be noted. It is as good as not begun.
		if (image === undefined) return phase === "trial" ? Found.TRIAL : Found.NOTHING;
		if (images?.onTrial && !isRollback) return this.begin(transaction);
		const runs = this.runs(image);
		return runs === undefined ? undefined : this.settle(transaction, runs);
	}

	/** What is new is good: it stays. @throws DeviceError `storage` */
	commit(): void {
		const { record } = this;
		const { image, previous, counter, revoked, components, transaction } = record;
		this.#host.images?.confirm();
		// Ended: it is committed, and was interrupted by an error after that.
		if (transaction === undefined || transaction.phase === "ended") return;
		const isNew = transaction.image !== undefined;
		const before = { ...image ?? { version: transaction.from, counter, size: 0, digest: "" }, components };
		const next: UpdateRecord = {
			counter: Math.max(counter, transaction.counter),
			revoked: union(revoked, transaction.revoked),
			components: replaced(components, transaction.components),
			image: transaction.isRollback ? known(previous) : isNew ? transaction.image : image,
			previous: transaction.isRollback ? undefined : isNew ? before : previous,
			transaction: { ...transaction, phase: "ended", reason: undefined },
		};
		// In this order, as it is tried again where it fails.
		this.#store.save(next);
		Object.assign(record, next);
		this.#store.dropManifest();
	}

	/**
	 * What is new is not good: the device restarts with what it had before. Returns only where it has nothing else.
	 * @throws DeviceError `storage`
	 */
	revert(reason: FailureReason): void {
		const { images, system } = this.#host;
		const transaction = this.record.transaction;
		if (transaction === undefined) {
			if (images?.canRevert) images.revert();
			return system.restart();
		}
		if (transaction.image === undefined) {
			this.end(transaction, reason);
			return system.restart();
		}
		transaction.reason = reason;
		this.#store.save(this.record);
		if (images!.canRevert) images!.revert();
		// On trial, any restart is the end of it.
		system.restart();
	}

	/** Tells the boot loader what to boot next; then a restart is due. @throws UpdateError; DeviceError `storage` */
	activate(): void {
		const transaction = this.record.transaction!;
		const { images } = this.#host;
		transaction.phase = "ready";
		transaction.boots++;
		this.#store.save(this.record);
		if (transaction.isRollback || transaction.image === undefined) return;
		try {
			images!.activate();
		} catch (error) {
			const { code, message } = error as Partial<DeviceError>;
			if (code !== "corrupt") throw error;
			throw new UpdateError("image", message!, error);
		}
	}

	/** The update is over; the cloud is yet to know. @throws DeviceError `storage` */
	end(transaction: Transaction, reason: FailureReason | undefined): void {
		transaction.phase = "ended";
		transaction.reason = reason;
		this.#store.save(this.record);
		this.#store.dropManifest();
	}

	/** Nothing is left to be said about it. @throws DeviceError `storage` */
	forget(): void {
		this.record.transaction = undefined;
		this.#store.save(this.record);
	}

	private begin(transaction: Transaction): number {
		if (transaction.phase !== "trial") {
			transaction.phase = "trial";
			this.#store.save(this.record);
		}
		return Found.TRIAL;
	}

	/** No boot loader knows of components: who counts the boots is the record. */
	private startComponents(transaction: Transaction): void {
		const { phase, boots } = transaction;
		const maximum = this.isPower ? POWER_BOOTS_MAXIMUM : BOOTS_MAXIMUM;
		if (phase === "trial" && boots >= maximum) return this.end(transaction, this.reason(transaction));
		transaction.boots = phase === "ready" ? 1 : boots + 1;
		transaction.phase = "trial";
		try {
			this.#store.save(this.record);
		} catch (error) {
			transaction.phase = "ready";
			throw error;
		}
	}

	/** No image is on trial. @param runs whether the one of the transaction runs */
	private settle(transaction: Transaction, runs: boolean): number {
		const { isRollback, phase, boots } = transaction;
		if (runs !== isRollback) {
			// A boot loader that knows of no trials: then health is all that there is.
			if (runs && phase === "ready") return this.begin(transaction);
			this.commit();
			return Found.ENDED;
		}
		// The power failed before the boot loader was told, or in the trial.
		const again = this.isPower && boots < POWER_BOOTS_MAXIMUM && transaction.reason === undefined;
		if (again) return Found.READY;
		this.end(transaction, isRollback ? "no-previous" : this.reason(transaction));
		return Found.ENDED;
	}

	/** Whether `image` runs; `undefined` while that is being found out. */
	private runs({ size, digest, version }: InstalledImage): boolean | undefined {
		if (version !== this.#version) return false;
		let running = this.#digest;
		if (running === undefined) {
			const partition = this.#running = this.#host.flash.open({ path: "running" });
			if (partition.size < size) return false;
			running = this.#digest = new ContentDigest(this.#host, partition, 0, size);
		}
		if (running.step()) return undefined;
		const found = encodeHex(running.finish().digest());
		this.#running?.close();
		this.#running = this.#digest = undefined;
		return found === digest;
	}

	/** It was the power that failed. */
	private get isPower(): boolean {
		const { resetReason } = this.#host.system;
		return resetReason === "power-on" || resetReason === "brownout";
	}

	private reason({ reason }: Transaction): FailureReason {
		if (reason !== undefined) return reason;
		switch (this.#host.system.resetReason) {
			case "exception": return "crashed";
			case "watchdog": return "hung";
			default: return "interrupted";
		}
	}
}

function known(previous: PreviousImage | undefined): InstalledImage | undefined {
	if (previous === undefined || previous.digest === "") return undefined;
	const { version, counter, size, digest } = previous;
	return { version, counter, size, digest };
}

function union(some: readonly string[], others: readonly string[]): readonly string[] {
	return [...some, ...others.filter((other) => !some.includes(other))];
}

/** `former`, with those of the same name as in `latter` replaced. */
function replaced(
	former: readonly InstalledComponent[], latter: readonly InstalledComponent[],
): readonly InstalledComponent[] {
	return [...former.filter(({ name }) => latter.every((other) => other.name !== name)), ...latter];
}
