// SPDX-License-Identifier: Apache-2.0
/**
 * Gets a release into its slots, component after component, and reads each back: what is in the flash is what was
 * signed.
 *
 * How far it is is noted after each block, and only once that stands in the flash; a reset goes on from there.
 */
import { isEqual } from "../bytes/word.js";
import type { FlashPartition, Host } from "../host.js";
import { ContentDigest } from "./content.js";
import { UpdateError } from "./failure.js";
import type { Component, Payload } from "./manifest.js";
import type { Progress, UpdateStore } from "./record.js";
import type { Slots } from "./slots.js";
import { BLOCK_LENGTH, type Source } from "./source.js";
import { Transfer, type TransferOwner } from "./transfer.js";

export interface ReceiverOptions {
	readonly host: Host;
	readonly store: UpdateStore;
	readonly slots: Slots;
	readonly source: Source;
	readonly components: readonly Component[];
	/** As `Plan` has chosen them. */
	readonly payloads: readonly (Payload | undefined)[];
	/** Where it is, kept up to date. */
	readonly progress: Progress;
}

/** The largest number that a word of the progress holds. */
const WORD_MAXIMUM = 2 ** 32 - 1;

export class Receiver implements TransferOwner {
	/** Blocks were written since this was last set to false. */
	hasMoved = false;
	readonly #options: ReceiverOptions;
	/** What stands in the slot is from before a reset: where it is not right, it is fetched once more. */
	#isDoubtful: boolean;
	#transfer: Transfer | undefined;
	#slot: FlashPartition | undefined;
	#base: FlashPartition | undefined;
	/** Of what is read back. */
	#digest: ContentDigest | undefined;

	/** @param isResumed whether `progress` is from before a reset */
	constructor(options: ReceiverOptions, isResumed: boolean) {
		this.#options = options;
		this.#isDoubtful = isResumed;
	}

	/** There is something for `step` to do. */
	get isDue(): boolean {
		return this.#transfer?.isDue ?? false;
	}

	/** Bytes of content that are in their slots. */
	get received(): number {
		const { components, progress } = this.#options;
		let received = Math.min(progress.blocks * BLOCK_LENGTH, components[progress.component]?.size ?? 0);
		for (let index = 0; index < progress.component; index++) received += components[index]!.size;
		return received;
	}

	/**
	 * Goes on.
	 * @returns false when all components are in their slots, and right; `undefined` when there is nothing to do until
	 * `isDue`
	 * @throws UpdateError; DeviceError where another try may help: after `retry`
	 */
	step(): boolean | undefined {
		const { components, payloads, progress } = this.#options;
		const component = components[progress.component];
		if (component === undefined) return false;
		if (this.#digest !== undefined) return this.check(component, this.#digest);
		const transfer = this.#transfer;
		if (transfer === undefined) {
			const payload = payloads[progress.component];
			if (payload === undefined) return this.next();
			// Here and not in a method of its own: the way from here to the network is the deepest that there is.
			const { host, source, slots } = this.#options;
			const { blocks, patchOffset, contentOffset } = progress;
			const slot = this.#slot ??= slots.openTarget(component);
			const base = payload.kind === "patch" ? this.#base = slots.openBase(component) : undefined;
			const begun = this.#transfer = new Transfer(this);
			begun.open({ host, source, component, payload, slot, base }, blocks, patchOffset, contentOffset);
			return true;
		}
		if (!transfer.step()) return undefined;
		this.closeTransfer();
		this.#digest = new ContentDigest(this.#options.host, this.#slot!, 0, component.size);
		return true;
	}

	/** The next `step` asks the source once more, from where it was. */
	retry(): void {
		this.closeTransfer();
	}

	/**
	 * The content was not what it should be: it is fetched from its beginning, if some of it is from before a reset.
	 * @returns false when all of it came just now, so that it would be wrong again. @throws DeviceError `storage`
	 */
	startAgain(): boolean {
		if (!this.#isDoubtful) return false;
		this.closeTransfer();
		this.#digest = undefined;
		this.#isDoubtful = false;
		const { progress, store } = this.#options;
		progress.blocks = progress.patchOffset = progress.contentOffset = 0;
		store.saveProgress(progress);
		return true;
	}

	close(): void {
		this.closeTransfer();
		this.#slot?.close();
		this.#slot = this.#digest = undefined;
	}

	/** For the transfer. */
	onSpent(count: number): void {
		const { progress } = this.#options;
		progress.spent = Math.min(WORD_MAXIMUM, progress.spent + count);
	}

	/** For the transfer. */
	onBlock(): void {
		const { progress, store } = this.#options;
		const { blocks, patchOffset, contentOffset } = this.#transfer!;
		progress.blocks = blocks;
		progress.patchOffset = patchOffset;
		progress.contentOffset = contentOffset;
		store.saveProgress(progress);
		this.hasMoved = true;
	}

	private check(component: Component, digest: ContentDigest): true {
		if (digest.step()) return true;
		if (!isEqual(digest.finish().digest(), component.digest)) throw new UpdateError("digest", component.name);
		return this.next();
	}

	private next(): true {
		this.close();
		const { progress } = this.#options;
		progress.component++;
		progress.blocks = progress.patchOffset = progress.contentOffset = 0;
		this.#isDoubtful = false;
		return true;
	}

	private closeTransfer(): void {
		this.#transfer?.close();
		this.#base?.close();
		this.#transfer = this.#base = undefined;
	}
}
