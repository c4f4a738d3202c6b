// SPDX-License-Identifier: Apache-2.0
/**
 * Mutated documents, as JSON and as CBOR, against both readers.
 *
 * What must hold for every input: a value or one coded error of a peer's fault; whatever is a value is what another
 * reader says it is; and with a vocabulary that knows nothing, the same input is refused or nothing is kept.
 */
import assert from "node:assert/strict";
import { Decoder } from "cbor-x";
import { parseJSON } from "../../src/bytes/json.js";
import type { JSONValue } from "../../src/bytes/value.js";
import { Vocabulary } from "../../src/bytes/vocabulary.js";
import { decodeCBOR } from "../../src/cbor/decode.js";
import type { CBORValue } from "../../src/cbor/value.js";
import { text } from "../../hosts/node/text.js";
import { anyDocument, anyValue, NAMES, written } from "../property/documents.js";
import { Random } from "../property/random.js";
import { encoded } from "../unit/cbor/encoding.js";
import { codeOf } from "../unit/failure.js";
import { toHex } from "../unit/hex.js";
import type { FuzzOptions } from "./fuzz.js";

/** What became of the inputs, by format: "nothing" is thrown, or the code of what is. */
export type DocumentCounts = Record<"json" | "cbor", Record<string, number>>;

/** Bytes that mean something in one of the formats. */
const INTERESTING = [..."{}[],:\"\\u0-.e tfn"].map((character) => character.charCodeAt(0))
	.concat([0, 1, 0x18, 0x1b, 0x1f, 0x40, 0x5f, 0x60, 0x61, 0x7f, 0x80, 0x9f, 0xa1, 0xbf, 0xc0, 0xc2, 0xed, 0xf0, 0xf4, 0xf7, 0xf9, 0xfb, 0xff]);
const MUTATIONS: readonly ((random: Random, bytes: number[], at: number) => void)[] = [
	(random, bytes, at) => { bytes[at]! ^= 1 << random.below(8); },
	(random, bytes, at) => { bytes[at] = random.pick(INTERESTING); },
	(random, bytes, at) => { bytes[at] = random.below(256); },
	(random, bytes, at) => bytes.splice(at, 1 + random.below(4)),
	(random, bytes, at) => bytes.splice(at, 0, random.pick(INTERESTING)),
	(random, bytes, at) => bytes.splice(at, 0, ...bytes.slice(at, at + 1 + random.below(12))),
	(random, bytes, at) => bytes.splice(at, 0, ...Array<number>(random.below(30)).fill(random.pick(INTERESTING))),
	(_, bytes, at) => bytes.splice(at),
];

const utf8 = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const theirs = new Decoder({ mapsAsObjects: true, useRecords: false, int64AsNumber: true } as object);

function mutated(random: Random, source: Uint8Array): Uint8Array {
	const bytes = [...source];
	for (let count = random.below(4); count > 0 && bytes.length > 0; count--) {
		random.pick(MUTATIONS)(random, bytes, random.below(bytes.length));
	}
	return Uint8Array.from(bytes);
}

type Parse = (bytes: Uint8Array, vocabulary: Vocabulary) => CBORValue;
const parseText: Parse = (bytes, vocabulary) => parseJSON(text, bytes, 0, bytes.length, vocabulary);
const parseBytes: Parse = (bytes, vocabulary) => decodeCBOR(text, bytes, 0, bytes.length, vocabulary);

/** @returns the code of what is thrown, and what it was parsed to when nothing is */
function play(parse: Parse, bytes: Uint8Array, random: Random): { code: string; value: CBORValue } {
	let value: CBORValue = null;
	const vocabulary = new Vocabulary(NAMES, random.pick([1, 1000]));
	const code = codeOf(() => { value = parse(bytes, vocabulary); });
	assert.match(code, /^(nothing|malformed|too-large)$/);
	let rest: CBORValue = null;
	const strange = codeOf(() => { rest = parse(bytes, new Vocabulary([])); });
	// What is left out may say twice what is kept once, and hold names that would be too many.
	if (code === "nothing") assert.equal(strange, "nothing");
	assert.match(strange, /^(nothing|malformed|too-large)$/);
	if (strange === "nothing" && !Array.isArray(rest) && typeof rest === "object" && !(rest as unknown instanceof Uint8Array) && rest !== null) {
		assert.deepEqual(rest, {});
	}
	return { code, value };
}

/** What CBOR says in bytes that the other reader makes an object of its own of: tags, and so dates and the like. */
function hasTags(bytes: Uint8Array): boolean {
	return bytes.some((byte) => byte >> 5 === 6);
}

/** @throws when something does not hold; the message holds the seed and the input */
export function fuzzDocuments({ seed, inputs }: FuzzOptions): DocumentCounts {
	const counts: DocumentCounts = { json: {}, cbor: {} };
	const random = new Random(seed);
	for (let input = 0; input < inputs; input++) {
		const format = random.once(2) ? "json" : "cbor";
		const bytes = mutated(random, format === "json" ? utf8.encode(written(random, anyDocument(random))) : encoded(anyValue(random, 4, true)));
		try {
			const { code, value } = play(format === "json" ? parseText : parseBytes, bytes, random);
			counts[format][code] = (counts[format][code] ?? 0) + 1;
			if (code !== "nothing") continue;
			if (format === "json") {
				const expected = JSON.parse(strict.decode(bytes)) as JSONValue;
				assert.equal(JSON.stringify(value), JSON.stringify(expected));
			} else if (!hasTags(bytes)) {
				assert.equal(plain(value), plain(theirs.decode(bytes) as CBORValue));
			}
		} catch (error) {
			const message = error instanceof Error ? error.message : String(error);
			throw new Error(`seed ${seed}, input ${input}, ${format} ${toHex(bytes)}: ${message}`, { cause: error });
		}
	}
	return counts;
}

/** For comparison: bytes as hexadecimal, and integers of 64 bits as numbers. */
function plain(value: CBORValue): string {
	return JSON.stringify(value, (_, part: unknown) =>
		part instanceof Uint8Array ? toHex(part) : typeof part === "bigint" ? Number(part) : part);
}
