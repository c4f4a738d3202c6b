// SPDX-License-Identifier: Apache-2.0
/**
 * What a device knows of its updates, through every reset: one value of its storage that is replaced whole or not at
 * all, and a small one beside it that says how far a download is.
 *
 * | key        | value                                                                                              |
 * |------------|----------------------------------------------------------------------------------------------------|
 * | `record`   | `UpdateRecord` as JSON: what is installed, and the update under way                                  |
 * | `progress` | seven words of 32 bits, see `Progress`: written after each block of the flash                        |
 * | `manifest` | the manifest of the update under way, as it came                                                     |
 */
import { DeviceError, toDeviceError } from "../base/error.js";
import { Reader } from "../bytes/reader.js";
import { isObject } from "../bytes/value.js";
import { Writer } from "../bytes/writer.js";
import type { Host, StorageDomain } from "../host.js";
import type { FailureReason } from "./failure.js";

/** Name of the storage domain. */
export const UPDATES = "update";
const RECORD = "record";
const PROGRESS = "progress";
const MANIFEST = "manifest";
const PROGRESS_LENGTH = 28;

/** An image that was installed, or is to be. Digests and identifiers are hexadecimal. */
export interface InstalledImage {
	readonly version: string;
	readonly counter: number;
	/** 0 where they are not known: of what the factory installed. */
	readonly size: number;
	readonly digest: string;
}

/** An image that could be gone back to. */
export interface PreviousImage extends InstalledImage {
	/** What was installed beside it, as far as that is still in its slots. */
	readonly components: readonly InstalledComponent[];
}

/** The content of a component's slot. */
export interface InstalledComponent {
	readonly name: string;
	/** Of the two slots. */
	readonly slot: number;
	readonly version: string;
	readonly size: number;
	readonly digest: string;
	/** What the image must provide. */
	readonly requires: string;
}

/**
 * "receiving": content goes to the slots that are not in use. "ready": all of it is there and was verified; the boot
 * loader is told next, or was. "trial": what is new runs, unless the boot loader went back. "ended": the cloud is to
 * know.
 */
export type Phase = "receiving" | "ready" | "trial" | "ended";

/** The update under way. */
export interface Transaction {
	phase: Phase;
	/** The job that asked for it. */
	readonly job: string;
	readonly number: number;
	/** SHA-256 of the manifest, as far as it is kept. */
	readonly release: string;
	readonly version: string;
	readonly counter: number;
	readonly revoked: readonly string[];
	/** Absent where the release has no image. */
	readonly image: InstalledImage | undefined;
	/** What `slots` will be. */
	components: readonly InstalledComponent[];
	/** What ran before. */
	readonly from: string;
	/** It goes back to the image before: `image` is the one that is left then. */
	readonly isRollback: boolean;
	/** How often what is new was booted, or was to be. */
	boots: number;
	/** Why it failed, or is about to; absent: it did not. */
	reason: FailureReason | undefined;
}

export interface UpdateRecord {
	/** The highest security counter of what was ever confirmed. */
	counter: number;
	/** Identifiers of keys that were revoked by what was installed. */
	revoked: readonly string[];
	/** What runs, and what the other slot holds; absent where it is not known, or not whole. */
	image: InstalledImage | undefined;
	previous: PreviousImage | undefined;
	components: readonly InstalledComponent[];
	transaction: Transaction | undefined;
}

/** How far a download is. */
export interface Progress {
	/** The first word of `Transaction.release`: of another update it says nothing. */
	tag: number;
	/** Index of the component that is being received. */
	component: number;
	/** Blocks of it that stand in the flash. */
	blocks: number;
	/** Of a patch: where in it to go on, and which byte of the content comes from there. */
	patchOffset: number;
	contentOffset: number;
	/** Bytes fetched since `since`, in s of the wall clock. */
	spent: number;
	since: number;
}

export class UpdateStore {
	readonly #host: Host;
	/** Opened once: it is written to after each block. */
	readonly #domain: StorageDomain;
	readonly #writer: Writer;
	readonly #bytes = new Uint8Array(PROGRESS_LENGTH);

	/** @throws DeviceError `storage` */
	constructor(host: Host) {
		this.#host = host;
		this.#domain = host.storage.open({ path: UPDATES });
		this.#writer = new Writer(host.text);
	}

	/** `undefined` when there is none. @throws DeviceError `corrupt` for what is no record of ours; `storage` */
	load(): UpdateRecord | undefined {
		try {
			const bytes = this.#domain.read(RECORD);
			if (bytes === undefined) return undefined;
			// Our own writing: native, and its member names are ours.
			const record = JSON.parse(this.#host.text.decode(bytes, 0, bytes.byteLength)) as unknown;
			if (!isObject(record) || !Number.isSafeInteger(record["counter"])) throw new Error("no record");
			return record as unknown as UpdateRecord;
		} catch (error) {
			throw toDeviceError(error, "corrupt", "the record of updates");
		}
	}

	/** @throws DeviceError `storage`, `full` */
	save(record: UpdateRecord): void {
		const { text } = this.#host;
		const json = JSON.stringify(record);
		const bytes = new Uint8Array(text.byteLength(json));
		text.encode(json, bytes, 0);
		this.#domain.write(RECORD, bytes);
	}

	/** `undefined` when there is none, or none of ours. */
	loadProgress(): Progress | undefined {
		const bytes = this.#domain.read(PROGRESS);
		if (bytes?.byteLength !== PROGRESS_LENGTH) return undefined;
		const reader = new Reader(this.#host.text);
		reader.reset(bytes, 0, PROGRESS_LENGTH);
		return {
			tag: reader.uint32(), component: reader.uint32(), blocks: reader.uint32(), patchOffset: reader.uint32(),
			contentOffset: reader.uint32(), spent: reader.uint32(), since: reader.uint32(),
		};
	}

	/** @throws DeviceError `storage`, `full` */
	saveProgress({ tag, component, blocks, patchOffset, contentOffset, spent, since }: Progress): void {
		const writer = this.#writer;
		writer.reset(this.#bytes, 0, PROGRESS_LENGTH);
		writer.uint32(tag);
		writer.uint32(component);
		writer.uint32(blocks);
		writer.uint32(patchOffset);
		writer.uint32(contentOffset);
		writer.uint32(spent);
		writer.uint32(since);
		this.#domain.write(PROGRESS, this.#bytes);
	}

	loadManifest(): Uint8Array | undefined {
		return this.#domain.read(MANIFEST);
	}

	/** @throws DeviceError `storage`, `full` */
	saveManifest(manifest: Uint8Array): void {
		this.#domain.write(MANIFEST, manifest);
	}

	/** The update under way is no more. */
	dropManifest(): void {
		this.#domain.delete(MANIFEST);
	}
}

/** Before the first update. */
export function emptyRecord(): UpdateRecord {
	return {
		counter: 0, revoked: [], image: undefined, previous: undefined, components: [], transaction: undefined,
	};
}

/** @throws DeviceError `corrupt` when there is none */
export function tagOf(release: string): number {
	const tag = Number.parseInt(release.slice(0, 8), 16);
	if (!Number.isInteger(tag)) throw new DeviceError("corrupt", "an update without release");
	return tag;
}
