// SPDX-License-Identifier: Apache-2.0
/**
 * The keys that a firmware trusts, as text: `es256:<identifier>:<point>` or `eddsa:<identifier>:<key>`, in hexadecimal.
 *
 * One text is one key, so that neither half is pasted without the other, and so that a preloaded module may hold it:
 * there a typed array would be read-only. `moorline keygen` prints it. The identifier is the first eight bytes of the
 * SHA-256 of the key's own bytes; it is written out because nobody needs to hash at every boot what never changes.
 */
import { DeviceError } from "../base/error.js";
import { decodeHex } from "../bytes/hex.js";
import type { Ed25519, ReleaseKey } from "./manifest.js";

export type ReleaseAlgorithm = "ES256" | "EdDSA";

export interface PublicReleaseKey {
	/** COSE key identifier (RFC 9052 §3.1). */
	readonly id: Uint8Array;
	readonly algorithm: ReleaseAlgorithm;
	/** ES256: an uncompressed point of P-256, 65 bytes (SEC 1 §2.3.3). EdDSA: 32 bytes of Ed25519. */
	readonly key: Uint8Array;
}

/** Bytes of an identifier. */
export const KEY_ID_LENGTH = 8;
const ES256 = "es256:", EDDSA = "eddsa:";
const POINT_LENGTH = 65, ED25519_LENGTH = 32;
/** Of an uncompressed point, in hexadecimal. */
const UNCOMPRESSED = "04";

/**
 * Whether a point is on the curve is not looked at here: who verifies with it does.
 * @throws DeviceError `argument`
 */
export function parseReleaseKey(text: string): PublicReleaseKey {
	const isPoint = text.startsWith(ES256);
	if (!isPoint && !text.startsWith(EDDSA)) {
		throw new DeviceError("argument", "a release key that is none of es256 and eddsa");
	}
	const idEnd = ES256.length + 2 * KEY_ID_LENGTH;
	const length = isPoint ? POINT_LENGTH : ED25519_LENGTH;
	const isShaped = text.length === idEnd + 1 + 2 * length && text.charAt(idEnd) === ":";
	if (!isShaped || (isPoint && !text.startsWith(UNCOMPRESSED, idEnd + 1))) {
		throw new DeviceError("argument", "a release key that is no identifier of 8 bytes and a key, in hexadecimal");
	}
	return {
		id: decodeHex(text.slice(ES256.length, idEnd)),
		algorithm: isPoint ? "ES256" : "EdDSA",
		key: decodeHex(text.slice(idEnd + 1)),
	};
}

/**
 * As whoever verifies with it needs it.
 * @param ed25519 where a key needs it
 * @throws DeviceError `argument`
 */
export function trustedKey(text: string, ed25519: Ed25519 | undefined): ReleaseKey {
	const { id, algorithm, key } = parseReleaseKey(text);
	if (algorithm === "ES256") return { id, key };
	if (ed25519 === undefined) throw new DeviceError("argument", "a key for Ed25519 needs the option ed25519");
	return { id, key, ed25519 };
}
