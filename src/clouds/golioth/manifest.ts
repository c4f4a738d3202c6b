// SPDX-License-Identifier: Apache-2.0
/**
 * What a device shall run, as Golioth says it: CBOR, whose maps have numbers for keys.
 *
 * | map       | key | value                                    |
 * |-----------|-----|------------------------------------------|
 * | manifest  | 1   | its number                               |
 * |           | 3   | components                               |
 * | component | 1   | package                                  |
 * |           | 2   | version                                  |
 * |           | 3   | SHA-256 of the artifact, as text         |
 * |           | 4   | bytes                                    |
 * |           | 5   | path, such as `/.u/c/main@1.0.1`         |
 *
 * What else there is, such as the manifest's own hash, is skipped.
 */
import { CBORReader } from "../../cbor/reader.js";
import { Major } from "../../cbor/value.js";
import type { TextCodec } from "../../host.js";

export interface Target {
	/** Of the manifest that it was found in. */
	readonly sequence: number;
	readonly version: string;
	/** "" where the manifest does not say. */
	readonly sha256: string;
}

const SEQUENCE = 1;
const COMPONENTS = 3;
const PACKAGE = 1;
const VERSION = 2;
const SHA256 = 3;

/**
 * What it says of a package.
 * @returns `undefined` where that is not in it, or where it is no manifest but the text "OK" or nothing
 * @throws DeviceError `malformed`
 */
export function findTarget(text: TextCodec, bytes: Uint8Array, name: string): Target | undefined {
	const reader = new ManifestReader(text);
	reader.reset(bytes, 0, bytes.byteLength);
	return reader.is(Major.MAP) ? reader.find(name) : undefined;
}

class ManifestReader extends CBORReader {
	find(name: string): Target | undefined {
		let sequence = 0;
		let found: Target | undefined;
		this.map();
		while (this.more()) {
			const key = this.uint();
			if (key === SEQUENCE) {
				sequence = this.uint();
			} else if (key === COMPONENTS && this.is(Major.ARRAY)) {
				this.array();
				while (this.more()) found = this.component(name) ?? found;
			} else {
				this.skipItem();
			}
		}
		return found && { ...found, sequence };
	}

	private component(wanted: string): Target | undefined {
		let name = "";
		let version = "";
		let sha256 = "";
		this.map();
		while (this.more()) {
			const key = this.uint();
			if (key === PACKAGE) name = this.string();
			else if (key === VERSION) version = this.string();
			else if (key === SHA256 && this.is(Major.TEXT)) sha256 = this.string();
			else this.skipItem();
		}
		return name === wanted ? { sequence: 0, version, sha256 } : undefined;
	}
}
