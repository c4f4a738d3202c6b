// SPDX-License-Identifier: Apache-2.0
/**
 * How a release is to be got: for each component the first payload that can be used here.
 *
 * A patch can where its base is installed, which is read and not believed: this way a wrong one is noticed before
 * anything is erased for it.
 */
import { isEqual } from "../bytes/word.js";
import type { FlashPartition, Host } from "../host.js";
import { ContentDigest } from "./content.js";
import { UpdateError } from "./failure.js";
import type { Component, Payload } from "./manifest.js";
import type { Progress } from "./record.js";
import type { Slots } from "./slots.js";
import { BLOCK_LENGTH } from "./source.js";

export class Plan {
	/** By component; `undefined` for what is there already. */
	readonly payloads: (Payload | undefined)[] = [];
	readonly #host: Host;
	readonly #slots: Slots;
	readonly #components: readonly Component[];
	/** Of the component's payloads, the one that is looked at. */
	#option = 0;
	#base: FlashPartition | undefined;
	#digest: ContentDigest | undefined;

	constructor(host: Host, slots: Slots, components: readonly Component[]) {
		this.#host = host;
		this.#slots = slots;
		this.#components = components;
	}

	/**
	 * Goes on by a slice.
	 * @returns false when all is chosen
	 * @throws UpdateError `base`, `component`, `too-large`; DeviceError
	 */
	step(): boolean {
		const component = this.#components[this.payloads.length];
		if (component === undefined) return false;
		const payload = component.payloads[this.#option];
		const digest = this.#digest;
		if (digest !== undefined) {
			if (digest.step()) return true;
			this.close();
			if (isEqual(digest.finish().digest(), payload!.base!)) this.choose(payload);
			else this.#option++;
		} else if (this.#slots.isInstalled(component)) {
			this.choose(undefined);
		} else if (payload === undefined) {
			throw new UpdateError("base", `no patch of ${component.name} for what is installed`);
		} else if (payload.kind === "full") {
			this.choose(payload);
		} else {
			this.compare(component, payload);
		}
		return true;
	}

	/** Bytes that are to be fetched. @param progress how far it is already, where it is */
	cost(progress: Progress | undefined): number {
		let cost = 0;
		for (let index = progress?.component ?? 0; index < this.payloads.length; index++) {
			cost += this.payloads[index]?.size ?? 0;
		}
		const payload = progress && this.payloads[progress.component];
		if (payload === undefined) return cost;
		const got = payload.kind === "patch" ? progress!.patchOffset : progress!.blocks * BLOCK_LENGTH;
		return cost - Math.min(payload.size, got);
	}

	close(): void {
		this.#base?.close();
		this.#base = this.#digest = undefined;
	}

	/** Begins to read what a patch would be put on. */
	private compare(component: Component, { baseSize }: Payload): void {
		const base = this.#base = this.#slots.openBase(component);
		if (base !== undefined && base.size >= baseSize) {
			this.#digest = new ContentDigest(this.#host, base, 0, baseSize);
			return;
		}
		this.close();
		this.#option++;
	}

	private choose(payload: Payload | undefined): void {
		const component = this.#components[this.payloads.length]!;
		if (payload !== undefined) this.#slots.check(component);
		this.payloads.push(payload);
		this.#option = 0;
	}
}
