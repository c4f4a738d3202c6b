// SPDX-License-Identifier: Apache-2.0
/**
 * What becomes of an update once it was verified: it is booted, shows that it is healthy, and is committed; or the
 * device goes back to what ran before.
 *
 * The boot loader and the record cannot change in one step. So nothing is believed of which image runs but what the
 * boot loader says of a trial, and, where that is over, the digest of the image itself.
 */
import { encodeHex } from "../bytes/hex.js";
import type { FlashPartition, Host } from "../host.js";
import { ContentDigest } from "./content.js";
import { UpdateError, type FailureReason } from "./failure.js";
import type { InstalledComponent, InstalledImage, Transaction, UpdateRecord, UpdateStore } from "./record.js";
import { BLOCK_LENGTH } from "./source.js";

/** How often components are booted on trial; an image is by the boot loader, once. */
const BOOTS_MAXIMUM = 2;

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
		if (image === undefined) return this.bootComponents(transaction);
		if (images?.onTrial && !isRollback) return this.begin(transaction);
		const runs = this.runs(image);
		return runs === undefined ? undefined : this.settle(transaction, runs);
	}

	/** What is new is good: it stays. @throws DeviceError `storage` */
	commit(): void {
		const { record } = this;
		const { images } = this.#host;
		images?.confirm();
		const transaction = record.transaction;
		if (transaction === undefined) return;
		const { image, isRollback, counter, from } = transaction;
		if (isRollback) {
			const before = record.previous;
			record.image = before?.digest === "" ? undefined : before;
			record.previous = undefined;
		} else if (image !== undefined) {
			record.previous = record.image ?? { version: from, counter: record.counter, size: 0, digest: "" };
			record.image = image;
		}
		record.counter = Math.max(record.counter, counter);
		record.revoked = union(record.revoked, transaction.revoked);
		record.components = replaced(record.components, transaction.components);
		this.end(transaction, undefined);
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
			if (!(error instanceof Error)) throw error;
			throw new UpdateError("image", error.message, error);
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
	private bootComponents(transaction: Transaction): number {
		if (transaction.phase === "trial" && transaction.boots >= BOOTS_MAXIMUM) {
			this.end(transaction, this.reason(transaction));
			return Found.ENDED;
		}
		transaction.boots = transaction.phase === "ready" ? 1 : transaction.boots + 1;
		transaction.phase = "trial";
		this.#store.save(this.record);
		return Found.TRIAL;
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
		// The power failed before the boot loader was told; but an image that dies at once must not be tried for ever.
		const again = phase === "ready" && boots < BOOTS_MAXIMUM && this.#host.system.resetReason === "power-on"
			&& transaction.reason === undefined;
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
			running = this.#digest = new ContentDigest(this.#host, partition, 0, size, new Uint8Array(BLOCK_LENGTH));
		}
		if (running.step()) return undefined;
		const found = encodeHex(running.finish().digest());
		this.#running?.close();
		this.#running = this.#digest = undefined;
		return found === digest;
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

function union(some: readonly string[], others: readonly string[]): readonly string[] {
	return [...some, ...others.filter((other) => !some.includes(other))];
}

/** `former`, with those of the same name as in `latter` replaced. */
function replaced(
	former: readonly InstalledComponent[], latter: readonly InstalledComponent[],
): readonly InstalledComponent[] {
	return [...former.filter(({ name }) => latter.every((other) => other.name !== name)), ...latter];
}
