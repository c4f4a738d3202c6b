// SPDX-License-Identifier: Apache-2.0
/**
 * What two endpoints share before their first message: the input of a security context, as the factory makes it and as
 * the identity keeps it under `oscore`.
 *
 * Encoded it is CBOR: `[1, secret, salt, sender ID, recipient ID, ID context or null, renews]`, seen from the endpoint
 * that keeps it. The 1 stands for this form, and for the algorithms: AES-CCM-16-64-128 and HKDF with SHA-256.
 *
 * Whoever is given the same parameters again, and not what `numbers.ts` kept with them, uses nonces a second time: what
 * is restored or replaced needs another secret.
 *
 * Spec: RFC 8613 §3.2, §3.3.
 */
import { DeviceError, type ErrorCode } from "../base/error.js";
import { Vocabulary } from "../bytes/vocabulary.js";
import { isEqual } from "../bytes/word.js";
import { decodeCBOR } from "../cbor/decode.js";
import { encodeCBOR } from "../cbor/encode.js";
import type { CBORValue } from "../cbor/value.js";
import type { TextCodec } from "../host.js";

export interface OSCOREParameters {
	/** At least 16 bytes, evenly random. */
	readonly masterSecret: Uint8Array;
	/** May be empty. */
	readonly masterSalt: Uint8Array;
	/** Ours and the peer's: up to 7 bytes, also none; no two contexts with one secret and salt may share one. */
	readonly senderId: Uint8Array;
	readonly recipientId: Uint8Array;
	/** Where IDs alone do not tell contexts apart. */
	readonly idContext: Uint8Array | undefined;
	/** Who lost its context agrees with the other on a new one (Appendix B.2), which takes random numbers of both. */
	readonly renews: boolean;
}

/** What is left of a nonce of 13 bytes. Spec: RFC 8613 §3.3. */
const ID_MAXIMUM = 7;
const SECRET_MINIMUM = 16;
const SECRET_MAXIMUM = 64;
const CONTEXT_MAXIMUM = 32;
const FORM = 1;
const MEMBERS = 7;

/** @throws DeviceError `argument` for lengths that are not allowed, and for two IDs that are the same */
export function encodeParameters(text: TextCodec, parameters: OSCOREParameters): Uint8Array {
	check(parameters, "argument");
	const { masterSecret, masterSalt, senderId, recipientId, idContext, renews } = parameters;
	return encodeCBOR(text, [FORM, masterSecret, masterSalt, senderId, recipientId, idContext ?? null, renews]);
}

/** @throws DeviceError `corrupt` for what `encodeParameters` does not write */
export function decodeParameters(text: TextCodec, bytes: Uint8Array): OSCOREParameters {
	const item = decodeItem(text, bytes);
	if (!Array.isArray(item) || item.length !== MEMBERS || item[0] !== FORM) throw corrupt();
	const [, masterSecret, masterSalt, senderId, recipientId, idContext, renews] = item;
	if (typeof renews !== "boolean") throw corrupt();
	const parameters: OSCOREParameters = {
		masterSecret: copyOf(masterSecret), masterSalt: copyOf(masterSalt),
		senderId: copyOf(senderId), recipientId: copyOf(recipientId),
		idContext: idContext === null ? undefined : copyOf(idContext), renews,
	};
	check(parameters, "corrupt");
	return parameters;
}

function decodeItem(text: TextCodec, bytes: Uint8Array): CBORValue {
	try {
		return decodeCBOR(text, bytes, 0, bytes.byteLength, new Vocabulary([]));
	} catch {
		// Without what it was: a message may tell what stands there.
		throw corrupt();
	}
}

function copyOf(item: CBORValue | undefined): Uint8Array {
	if (!(item instanceof Uint8Array)) throw corrupt();
	return item.slice();
}

function check(parameters: OSCOREParameters, code: ErrorCode): void {
	const { masterSecret, masterSalt, senderId, recipientId, idContext } = parameters;
	checkLength(masterSecret, SECRET_MINIMUM, SECRET_MAXIMUM, code);
	checkLength(masterSalt, 0, SECRET_MAXIMUM, code);
	checkLength(senderId, 0, ID_MAXIMUM, code);
	checkLength(recipientId, 0, ID_MAXIMUM, code);
	if (idContext !== undefined) checkLength(idContext, 0, CONTEXT_MAXIMUM, code);
	if (isEqual(senderId, recipientId)) throw new DeviceError(code, "both endpoints have the same ID");
}

function checkLength({ byteLength }: Uint8Array, minimum: number, maximum: number, code: ErrorCode): void {
	if (byteLength < minimum || byteLength > maximum) {
		throw new DeviceError(code, `a parameter of ${byteLength} bytes, not within ${minimum} to ${maximum}`);
	}
}

function corrupt(): DeviceError {
	return new DeviceError("corrupt", "the parameters of the security context are damaged");
}
