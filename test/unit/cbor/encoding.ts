// SPDX-License-Identifier: Apache-2.0
/** CBOR as hexadecimal, both ways. */
import { Vocabulary } from "../../../src/bytes/vocabulary.js";
import { decodeCBOR } from "../../../src/cbor/decode.js";
import { encodeCBOR } from "../../../src/cbor/encode.js";
import type { CBORValue } from "../../../src/cbor/value.js";
import { fromHex } from "../hex.js";
import { text } from "../text.js";

export const encoded = (value: CBORValue): Uint8Array => encodeCBOR(text, value);

/** Decodes bytes that stand between others. */
export function decoded(hex: string, vocabulary = new Vocabulary([], 1000)): CBORValue {
	const bytes = fromHex(`818181${hex}000000`);
	return decodeCBOR(text, bytes, 3, bytes.length - 3, vocabulary);
}
