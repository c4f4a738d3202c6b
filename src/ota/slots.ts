// SPDX-License-Identifier: Apache-2.0
/** Where components are kept: two slots for each, of which one is in use; those of the image are the platform's. */
import { encodeHex } from "../bytes/hex.js";
import type { FlashPartition, Host } from "../host.js";
import { UpdateError } from "./failure.js";
import type { Component } from "./manifest.js";
import type { InstalledComponent, UpdateRecord } from "./record.js";

export class Slots {
	readonly #host: Host;
	readonly #record: UpdateRecord;

	constructor(host: Host, record: UpdateRecord) {
		this.#host = host;
		this.#record = record;
	}

	/** Whether exactly this is installed. Never of the image: what runs is not known by its digest. */
	isInstalled({ kind, name, digest }: Component): boolean {
		return kind !== "image" && this.find(name)?.digest === encodeHex(digest);
	}

	/** What `component` will be once it is installed. */
	planned({ name, size, digest, requires }: Component, version: string): InstalledComponent {
		const former = this.find(name);
		const digits = encodeHex(digest);
		const slot = former === undefined ? 0 : former.digest === digits ? former.slot : 1 - former.slot;
		return { name, slot, version, size, digest: digits, requires };
	}

	/** The slot that `component` goes to. @throws UpdateError `component` */
	openTarget(component: Component): FlashPartition {
		if (component.kind === "image") return this.openImage("nextota");
		const { name, slot } = this.planned(component, "");
		return this.open(slotName(name, slot));
	}

	/** Sees to it that there is a place for `component`. @throws UpdateError `component`, `too-large` */
	check(component: Component): void {
		const { name, size } = component;
		const target = this.openTarget(component);
		const { size: room } = target;
		target.close();
		if (size > room) throw new UpdateError("too-large", `${size} bytes of ${name} for a slot of ${room}`);
	}

	/** What of `component` is installed; `undefined` where that is nothing. @throws UpdateError `component` */
	openBase({ kind, name }: Component): FlashPartition | undefined {
		if (kind === "image") return this.openImage("running");
		const former = this.find(name);
		return former && this.open(slotName(name, former.slot));
	}

	private find(name: string): InstalledComponent | undefined {
		return this.#record.components.find((each) => each.name === name);
	}

	private openImage(path: string): FlashPartition {
		if (this.#host.images === undefined) throw new UpdateError("component", "this device has one image only");
		return this.open(path);
	}

	private open(path: string): FlashPartition {
		try {
			return this.#host.flash.open({ path });
		} catch (error) {
			if (!(error instanceof Error)) throw error;
			throw new UpdateError("component", `no partition ${path}`, error);
		}
	}
}

/** The partition of a component's slot. */
export function slotName(component: string, slot: number): string {
	return `${component}_${slot}`;
}
