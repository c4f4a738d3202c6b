// SPDX-License-Identifier: Apache-2.0
/** COSE_Sign1 (RFC 9052 §4.2) as far as a release needs it: written here, read by the device's own code. */
import { DeviceError } from "../../src/base/error.js";
import { decodeCBOR } from "../../src/cbor/decode.js";
import { encodeCBOR } from "../../src/cbor/encode.js";
import type { CBORValue } from "../../src/cbor/value.js";
import { Vocabulary } from "../../src/bytes/vocabulary.js";
import type { PublicReleaseKey, ReleaseAlgorithm } from "../../src/ota/key.js";
import { text } from "../node/text.js";

export const SIGNATURE_LENGTH = 64;
/** CBOR tag of a COSE_Sign1, as it is encoded. Spec: RFC 9052 §2. */
const TAG = 0xd2;
/** Labels of header parameters, and the map that has both. Spec: RFC 9052 §3.1. */
const ALGORITHM = 0x01, KEY_ID = 0x04, MAP_OF_TWO = 0xa2;
/** -7 and -8, as they are encoded. Spec: RFC 9053 §2.1, §2.2. */
const ALGORITHMS: Readonly<Record<ReleaseAlgorithm, number>> = Object.freeze({ ES256: 0x26, EdDSA: 0x27 });
const NOTHING = new Uint8Array(0);
const NO_MEMBERS = new Vocabulary([]);

/** What is signed for `payload`. Spec: RFC 9052 §4.4. */
export function toBeSigned(payload: Uint8Array, key: Pick<PublicReleaseKey, "algorithm" | "id">): Uint8Array {
	return encode(["Signature1", protectedHeader(key), NOTHING, payload]);
}

/** The message, whose `signature` is that of `key` over `toBeSigned`. */
export function encodeSign1(payload: Uint8Array, key: Pick<PublicReleaseKey, "algorithm" | "id">, signature: Uint8Array): Uint8Array {
	if (signature.byteLength !== SIGNATURE_LENGTH) {
		throw new DeviceError("argument", `a signature of ${signature.byteLength} bytes, not ${SIGNATURE_LENGTH}`);
	}
	return tagged([protectedHeader(key), {}, payload, signature]);
}

/** The same without a signature, and without a header that promises one: nothing that any device takes. */
export function encodeUnsigned(payload: Uint8Array): Uint8Array {
	return tagged([NOTHING, {}, payload, NOTHING]);
}

/** The payload of a message, whoever signed it. @throws DeviceError `malformed` */
export function payloadOf(message: Uint8Array): Uint8Array {
	const fields = message[0] === TAG ? decodeCBOR(text, message, 1, message.byteLength, NO_MEMBERS) : undefined;
	const payload = Array.isArray(fields) && fields.length === 4 ? fields[2] : undefined;
	if (!(payload instanceof Uint8Array)) throw new DeviceError("malformed", "the manifest is no COSE_Sign1");
	return payload;
}

/** Any item, in preferred serialization, the members of maps in their own order. */
export function encode(value: CBORValue): Uint8Array {
	return encodeCBOR(text, value);
}

function protectedHeader({ algorithm, id }: Pick<PublicReleaseKey, "algorithm" | "id">): Uint8Array {
	return Uint8Array.of(MAP_OF_TWO, ALGORITHM, ALGORITHMS[algorithm], KEY_ID, ...encode(id));
}

function tagged(fields: CBORValue[]): Uint8Array {
	return Uint8Array.of(TAG, ...encode(fields));
}
