// SPDX-License-Identifier: Apache-2.0
/**
 * Keys from a secret: HKDF with SHA-256.
 *
 * Spec: RFC 5869 §2.
 */
import { DeviceError } from "../base/error.js";
import type { Crypto } from "../host.js";
import { HMAC, HMAC_LENGTH } from "./hmac.js";

const LENGTH_MAXIMUM = 255 * HMAC_LENGTH;
const NOTHING = new Uint8Array(0);

/** Step 1: what keys are expanded from. @param salt may be empty */
export function extract(crypto: Crypto, salt: Uint8Array, secret: Uint8Array): Uint8Array {
	const hmac = new HMAC(crypto, salt);
	hmac.update(secret);
	return hmac.digest();
}

/** Step 2. @throws DeviceError `argument` for no bytes, and for more than 8,160 */
export function expand(crypto: Crypto, key: Uint8Array, info: Uint8Array, length: number): Uint8Array {
	if (!(length > 0 && length <= LENGTH_MAXIMUM)) {
		throw new DeviceError("argument", `keys of ${length} bytes are not within 1 to ${LENGTH_MAXIMUM}`);
	}
	const result = new Uint8Array(length);
	const count = Math.ceil(length / HMAC_LENGTH);
	let last: Uint8Array = NOTHING;
	for (let index = 1; index <= count; index++) {
		const hmac = new HMAC(crypto, key);
		hmac.update(last);
		hmac.update(info);
		hmac.update(Uint8Array.of(index));
		last = hmac.digest();
		const start = (index - 1) * HMAC_LENGTH;
		result.set(index < count ? last : last.subarray(0, length - start), start);
	}
	return result;
}
