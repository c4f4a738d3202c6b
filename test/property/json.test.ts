// SPDX-License-Identifier: Apache-2.0
/** parseJSON against the engine's own parser, on documents and on what is left of them. */
import assert from "node:assert/strict";
import type { DeviceError } from "../../src/base/error.js";
import { parseJSON } from "../../src/bytes/json.js";
import type { JSONValue } from "../../src/bytes/value.js";
import { Vocabulary } from "../../src/bytes/vocabulary.js";
import { fromHex } from "../unit/hex.js";
import { text } from "../unit/text.js";
import { utf8 } from "../unit/wire.js";
import { anyDocument, NAMES, restricted, written } from "./documents.js";
import { property, type Random } from "./random.js";

const SEEDS = Number((globalThis as { SEEDS?: number }).SEEDS ?? 300) * 5;

function parse(source: string, vocabulary: Vocabulary): JSONValue {
	const bytes = fromHex(`22${utf8(source)}22`);
	return parseJSON(text, bytes, 1, bytes.length - 1, vocabulary);
}

property("documents are parsed to what the engine's parser says, however they are written", SEEDS, (random) => {
	const document = anyDocument(random);
	const source = written(random, document);
	const expected = JSON.parse(source) as JSONValue;
	assert.deepEqual(expected, document);
	assert.deepEqual(parse(source, new Vocabulary([], NAMES.length)), expected, source);
});

property("what is kept is what a vocabulary knows, learned or not", SEEDS, (random) => {
	const document = anyDocument(random, 6);
	const known = NAMES.filter(() => random.once(2));
	const source = written(random, document);
	assert.deepEqual(parse(source, new Vocabulary(known)), restricted(document, known), source);
	assert.deepEqual(parse(source, new Vocabulary(known, NAMES.length - known.length)), document, source);
});

/** What stands in JSON, and what does not. */
const CHARACTERS = ["{", "}", "[", "]", ",", ":", "\"", "\\", "u", "0", "1", "e", ".", "-", "+", " ", "\n", "a", "é", "🜄", "\u0001", "tru", "null", "\\ud83d"];

function mutated(random: Random, source: string): string {
	const characters = [...source];
	for (let count = 1 + random.below(3); count > 0; count--) {
		const at = random.below(characters.length + 1);
		characters.splice(at, random.below(3), ...random.list(2, () => random.pick(CHARACTERS)));
	}
	return characters.join("");
}

property("of texts that are no documents any more it refuses what the engine's parser refuses, and little else", SEEDS * 2, (random) => {
	const source = mutated(random, written(random, anyDocument(random, 3)));
	let expected: JSONValue | undefined;
	try {
		expected = JSON.parse(source) as JSONValue;
	} catch {
		// Then it is refused by both.
	}
	for (const spare of [0, 100]) {
		let value: JSONValue;
		try {
			value = parse(source, new Vocabulary([], spare));
		} catch (error) {
			const { code, message } = error as DeviceError;
			assert.match(code, expected === undefined ? /^(malformed|too-large)$/ : /^malformed$/, source);
			if (expected !== undefined) assert.match(message, /two members|no string|too large for one/, source);
			continue;
		}
		assert.notEqual(expected, undefined, source);
		assert.deepEqual(value, spare === 0 ? restricted(expected!, []) : expected, source);
	}
});
