// SPDX-License-Identifier: Apache-2.0
/** Random documents, and texts that say them in as many ways as JSON has. */
import { own, put, type JSONObject, type JSONValue } from "../../src/bytes/value.js";
import type { CBORValue } from "../../src/cbor/value.js";
import type { Random } from "./random.js";
import { word } from "./values.js";

export const NAMES = ["a", "b", "state", "", "é", "toString", "constructor", "0", "a\"b", "\\", "🜄"];
const SPACES = ["", "", "", " ", "\n", "\t\r"];
/** Where forms of numbers change, in JSON or in CBOR. */
const EDGES = [0, -0, 23, 24, 255, 256, 65535, 65536, 2 ** 31, 2 ** 32, 999_999_999_999_999, 2 ** 53 - 1, 2 ** 53, 1e21, 0.1, 1.5, 2 ** -24, 65504, 1e-7, 5e-324, 1.7976931348623157e308];

export function anyNumber(random: Random): number {
	const value = random.once(2) ? random.pick(EDGES) : random.below(2 ** 32) * 2 ** (random.below(100) - 60);
	return random.once(3) ? -value : value;
}

/** A document of up to `depth` levels. */
export function anyDocument(random: Random, depth = 4): JSONValue {
	return anyValue(random, depth, false) as JSONValue;
}

/** @param bytes whether there are byte strings in it */
export function anyValue(random: Random, depth: number, bytes: boolean): CBORValue {
	switch (random.below(depth > 0 ? 10 : 6)) {
		case 0: return random.pick([null, true, false]);
		case 1: return random.below(300) - 100;
		case 2: return anyNumber(random);
		case 3: return bytes ? Uint8Array.from(random.list(40, () => random.below(256))) : word(random, 30);
		case 4: case 5: return word(random);
		case 6: case 7: return random.list(4, () => anyValue(random, depth - 1, bytes));
		default: return Object.fromEntries(random.list(5, () => [random.pick(NAMES), anyValue(random, depth - 1, bytes)]));
	}
}

/** JSON of a document, with blanks and escapes where they may be. */
export function written(random: Random, value: JSONValue): string {
	const space = (): string => random.pick(SPACES);
	const list = (items: string[]): string => items.map((item) => space() + item + space()).join();
	if (typeof value === "string") return quoted(random, value);
	if (Object.is(value, -0)) return random.pick(["-0", "-0.0", "-0e0"]);
	if (typeof value === "number") return random.once(4) ? value.toExponential() : String(value);
	if (value === null || typeof value === "boolean") return String(value);
	if (Array.isArray(value)) return `[${space()}${list(value.map((item) => written(random, item)))}]`;
	return `{${space()}${list(Object.keys(value).map((name) => `${quoted(random, name)}${space()}:${space()}${written(random, value[name]!)}`))}}`;
}

function quoted(random: Random, value: string): string {
	const plain = JSON.stringify(value);
	if (random.once(2)) return plain;
	return `"${[...value].map((character) => random.once(3) || /["\\\u0000-\u001f]/.test(character) ? escaped(random, character) : character).join("")}"`;
}

/** Of what is beyond the first plane, two escapes. Not by units: to the device's engine such a character is one. */
function escaped(random: Random, character: string): string {
	const point = character.codePointAt(0)!;
	const units = point < 0x1_0000 ? [point] : [0xd7c0 + (point >> 10), 0xdc00 | point & 0x3ff];
	return units.map((unit) => {
		const hex = unit.toString(16).padStart(4, "0");
		return `\\u${random.once(2) ? hex : hex.toUpperCase()}`;
	}).join("");
}

/** The document without the members whose names are not among `names`. */
export function restricted(value: JSONValue, names: readonly string[]): JSONValue {
	if (Array.isArray(value)) return value.map((item) => restricted(item, names));
	if (typeof value !== "object" || value === null) return value;
	const result: JSONObject = {};
	for (const name of Object.keys(value)) if (names.includes(name)) put(result, name, restricted(own(value, name)!, names));
	return result;
}
