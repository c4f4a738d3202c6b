// SPDX-License-Identifier: Apache-2.0
/** CBOR as hexadecimal, both ways. */
import assert from "node:assert/strict";
import { Vocabulary } from "../../../src/bytes/vocabulary.js";
import { Writer } from "../../../src/bytes/writer.js";
import { decodeCBOR } from "../../../src/cbor/decode.js";
import { cborLength, encodeCBOR } from "../../../src/cbor/encode.js";
import type { CBORValue } from "../../../src/cbor/value.js";
import { fromHex } from "../hex.js";
import { text } from "../text.js";

export function encoded(value: CBORValue): Uint8Array {
	const bytes = new Uint8Array(cborLength(text, value));
	const writer = new Writer(text);
	writer.reset(bytes, 0, bytes.length);
	encodeCBOR(writer, text, value);
	assert.equal(writer.remaining, 0, "the length that was told before");
	return bytes;
}

/** Decodes bytes that stand between others. */
export function decoded(hex: string, vocabulary = new Vocabulary([], 1000)): CBORValue {
	const bytes = fromHex(`818181${hex}000000`);
	return decodeCBOR(text, bytes, 3, bytes.length - 3, vocabulary);
}
