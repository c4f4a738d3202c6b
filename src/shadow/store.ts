// SPDX-License-Identifier: Apache-2.0
/**
 * Where a shadow survives a reset: one value of the device's storage, which a write replaces whole or not at all.
 *
 * A document that is too large for it is kept without what the cloud has anyway: the rest comes back with the next
 * document.
 */
import { DeviceError, toDeviceError } from "../base/error.js";
import { textDigest } from "../bytes/text-digest.js";
import { wordAt } from "../bytes/word.js";
import type { Host } from "../host.js";
import { isObject, type JSONObject } from "./document.js";

/** Name of the storage domain. */
export const SHADOWS = "shadow";
/** Bytes of the largest value that is written: what NVS keeps in one page without trouble, and rewrites quickly. */
const STORED_MAXIMUM = 2_048;
/** Where the shadow without a name is kept: no name of one has that character. */
const OWN_KEY = "*";
const KEY_MAXIMUM = 15;

/** What a shadow must know after a reset. */
export interface Kept {
	/** -1 before the first document. */
	version: number;
	/** What the device is; null marks what it deleted. */
	local: JSONObject;
	changedAt: JSONObject;
	counted: JSONObject;
}

export interface ShadowStore {
	/** `undefined` when there is nothing. @throws DeviceError `corrupt` for what is no record of ours; `storage` */
	load(): Kept | undefined;
	/** @param rest of `local`, what the cloud does not have. @throws DeviceError `storage`, `full`, `too-large` */
	save(kept: Kept, rest: JSONObject): void;
}

export class StorageStore implements ShadowStore {
	readonly #host: Host;
	readonly #key: string;

	/** @param name of the shadow */
	constructor(host: Host, name: string) {
		this.#host = host;
		this.#key = keyOf(host, name);
	}

	load(): Kept | undefined {
		const domain = this.#host.storage.open({ path: SHADOWS });
		try {
			const bytes = domain.read(this.#key);
			if (bytes === undefined) return undefined;
			// Our own writing: native, and its member names were bounded when they came.
			const record: unknown = JSON.parse(this.textOf(bytes) ?? "");
			const [version, local, changedAt, counted] = Array.isArray(record) ? record as unknown[] : [];
			const isWhole = isObject(local) && isObject(changedAt) && isObject(counted);
			if (!isWhole || !Number.isSafeInteger(version)) throw new DeviceError("corrupt", "shadow in the storage");
			return { version: version as number, local, changedAt, counted };
		} catch (error) {
			throw toDeviceError(error, "corrupt", "shadow in the storage");
		} finally {
			domain.close();
		}
	}

	save({ version, local, changedAt, counted }: Kept, rest: JSONObject): void {
		const { text, storage } = this.#host;
		let record = JSON.stringify([version, local, changedAt, counted]);
		if (text.byteLength(record) > STORED_MAXIMUM) {
			record = JSON.stringify([version, rest, changedAt, counted]);
		}
		const length = text.byteLength(record);
		if (length > STORED_MAXIMUM) throw new DeviceError("too-large", `${length} bytes of shadow to keep`);
		const bytes = new Uint8Array(length);
		text.encode(record, bytes, 0);
		const domain = storage.open({ path: SHADOWS });
		try {
			// A program that says what it said before costs no write.
			if (this.textOf(domain.read(this.#key)) !== record) domain.write(this.#key, bytes);
		} finally {
			domain.close();
		}
	}

	/** `undefined` for what is no text. */
	private textOf(bytes: Uint8Array | undefined): string | undefined {
		try {
			return bytes && this.#host.text.decode(bytes, 0, bytes.byteLength);
		} catch {
			return undefined;
		}
	}
}

/** A key of the storage has fifteen characters at most. */
function keyOf(host: Host, name: string): string {
	if (name === "") return OWN_KEY;
	if (name.length < KEY_MAXIMUM) return name;
	return `${name.slice(0, 6)}~${wordAt(textDigest(host, name), 0).toString(36)}`;
}
