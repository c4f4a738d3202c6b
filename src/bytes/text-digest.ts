// SPDX-License-Identifier: Apache-2.0
/** A digest for a text: where a name is too long for a key, or a number is wanted that is always the same for it. */
import type { Crypto, TextCodec } from "../host.js";

/** What it needs of a host. */
export interface DigestingHost {
	readonly crypto: Crypto;
	readonly text: TextCodec;
}

/** SHA-256 of its UTF-8. @throws DeviceError `argument` on an unpaired surrogate */
export function textDigest({ crypto, text }: DigestingHost, value: string): Uint8Array {
	const bytes = new Uint8Array(text.byteLength(value));
	text.encode(value, bytes, 0);
	const digest = crypto.digest("SHA-256");
	digest.update(bytes);
	return digest.digest();
}
