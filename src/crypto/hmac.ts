// SPDX-License-Identifier: Apache-2.0
/**
 * HMAC with SHA-256, over the platform's digest.
 *
 * Spec: RFC 2104 §2.
 */
import { mix } from "../bytes/word.js";
import type { Crypto, Digest } from "../host.js";

/** Bytes of what comes out. */
export const HMAC_LENGTH = 32;
const BLOCK = 64;
const INNER = 0x36;
const OUTER = 0x5c;

export class HMAC {
	readonly #inner: Digest;
	readonly #outer: Digest;

	constructor(crypto: Crypto, key: Uint8Array) {
		let short = key;
		if (key.byteLength > BLOCK) {
			const digest = crypto.digest("SHA-256");
			digest.update(key);
			short = digest.digest();
		}
		const block = new Uint8Array(BLOCK).fill(INNER);
		mix(block, short);
		this.#inner = crypto.digest("SHA-256");
		this.#inner.update(block);
		block.fill(OUTER);
		mix(block, short);
		this.#outer = crypto.digest("SHA-256");
		this.#outer.update(block);
	}

	update(bytes: Uint8Array): void {
		this.#inner.update(bytes);
	}

	/** Ends it; the object cannot be used again. */
	digest(): Uint8Array {
		this.#outer.update(this.#inner.digest());
		return this.#outer.digest();
	}
}
