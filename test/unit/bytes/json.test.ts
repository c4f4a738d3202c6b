// SPDX-License-Identifier: Apache-2.0
/** parseJSON: what it takes, what it refuses and how, and what it makes of names. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEPTH_MAXIMUM, parseJSON } from "../../../src/bytes/json.js";
import type { JSONValue } from "../../../src/bytes/value.js";
import { NAME_MAXIMUM, Vocabulary } from "../../../src/bytes/vocabulary.js";
import type { TextCodec } from "../../../src/host.js";
import { codeOf } from "../failure.js";
import { fromHex } from "../hex.js";
import { text } from "../text.js";
import { utf8 } from "../wire.js";

const NONE = new Vocabulary([]);
/** How a document is put: as it is, within an array, and as a member that is left out. */
const PLACES: readonly (readonly [before: string, after: string])[] = [["", ""], [" [ 0 , ", "\t]\r\n"], [`{"foreign":`, ` , "b":0 }`]];

/** Parses bytes that stand between others which would be part of a document. */
function parseHex(hex: string, vocabulary: Vocabulary): JSONValue {
	const bytes = fromHex(`${"5b".repeat(40)}${hex}${"5d".repeat(40)}`);
	return parseJSON(text, bytes, 40, bytes.length - 40, vocabulary);
}

const parse = (source: string, vocabulary = new Vocabulary([], 100)): JSONValue => parseHex(utf8(source), vocabulary);
const refusal = (source: string): string => codeOf(() => parse(source));

/** Refused in each place; what could be the end of the place around it, only alone. */
function assertMalformed(hex: string, name: string, places = PLACES): void {
	for (const [before, after] of places) {
		for (const vocabulary of [NONE, new Vocabulary([], 100)]) {
			assert.equal(codeOf(() => parseHex(utf8(before) + hex + utf8(after), vocabulary)), "malformed", before + name + after);
		}
	}
}

test("parseJSON parses its range and nothing around it", () => {
	assert.deepEqual(parse(`{"a":[1,{"b":null}],"c":"é"}`), { a: [1, { b: null }], c: "é" });
	assert.equal(parse("17"), 17);
	assert.deepEqual(parse(" \t\r\n{ \"a\" : [ ] , \"b\" : { } }\r\n\t "), { a: [], b: {} });
	for (const source of ["", " ", "1", `"a`, "tru", "{", "[1", `{"a"`, `{"a":`, `{"a":1`, `"\\u12`, "1e", "-", "1."]) {
		const rest = new TextBytes(`${source}2e]},"`);
		assert.equal(codeOf(() => { parseJSON(text, rest.bytes, 0, source.length, NONE); }), source === "1" ? "nothing" : "malformed", source);
	}
});

class TextBytes {
	readonly bytes: Uint8Array;
	constructor(source: string) {
		this.bytes = fromHex(utf8(source));
	}
}

const GOOD: readonly string[] = [
	"null", "true", "false", `""`, `"a"`, "[]", "{}", "[[],{},[[]]]", `{"":0}`, `{"a":{},"b":[],"c":{"a":{}}}`,
	"0", "-0", "1", "-1", "10", "123456789012345", "1234567890123456", "9007199254740993", "-9007199254740991", "123456789012345678901234567890",
	"0.5", "-0.0", "1.25", "0e1", "0e+1", "0E-1", "1e5", "1E5", "1e+5", "1e-5", "1.5e3", "123e45", "1e-400", "-1e-400", "0.1e1", "1.7976931348623157e308", "5e-324",
	"0.30000000000000004", "100000000000000000000000", "1.0", "20.10", "1e00", "1e05", `${"9".repeat(299)}.5`, `0.${"0".repeat(310)}1`,
	`"\\"\\\\\\/\\b\\f\\n\\r\\t"`, `"\\u0041\\u00e9\\u20AC\\ud7ff\\uE000\\uFFFF"`, `"\\ud83d\\ude00"`, `"\\uDBFF\\uDFFF"`, `"\\u0000"`, `"\\u005C\\u0022"`,
	`"\\\\"`, `"\\\\\\""`, `"\\\\\\\\"`, `"a\\\\u0041"`, `"\\\\ud800"`, `"[{\\"]}"`, `"é€😀\u007f\u2028\ufeff\uffff"`, `"/*x*/"`, `"\u0020"`, `"${"x".repeat(300)}"`,
	`{"a\\u0062":1}`, `{"\\"":1}`, `{"é":1}`, `{"a":1,"A":2}`, `{"0":1,"1":2}`, `[{"a":1},{"a":1}]`, `{"a":{"a":1}}`,
	`{"toString":1,"constructor":2,"hasOwnProperty":{"valueOf":[]},"__proto":3,"length":4}`,
];

test("parseJSON says what JSON.parse says of good documents, wherever they stand", () => {
	for (const source of GOOD) {
		// The engine's own parser takes numbers of some length only.
		const expected = source.length > 256 && !source.startsWith(`"`) ? Number(source) : JSON.parse(source) as JSONValue;
		assert.deepEqual(parse(source), expected, source);
		assert.deepEqual(parse(`[${source},${source}]`), [expected, expected], source);
		assert.deepEqual(parse(`{"left out":${source},"b":1}`, new Vocabulary(["b"])), { b: 1 }, source);
	}
});

/** No JSON wherever it stands. */
const BAD: readonly string[] = [
	// Words.
	"nul", "nulls", "nuLL", "True", "tru", "truth", "fals", "falsy", "falsee", "undefined", "NaN", "Infinity", "-Infinity", "a", "'a'", "$", "#", "~", "\u0000", "\u001f", "\u007f",
	// Numbers.
	"-", "+1", "--1", "-a", "01", "-01", "00", "0x1", "0b1", "1.", ".5", "-.5", "1.e1", "1e", "1e+", "1e-", "1e1.5", "1ee1", "1e+-1", "1.2.3", "1_000", "1 000", "1a", "0e", "1,5.", "- 1",
	"1e999", "-1e999", "1e309", `${"9".repeat(310)}`, `-${"9".repeat(310)}.5`, `0.1e${"9".repeat(20)}`, "１",
	// Strings.
	`"`, `"a`, `"\\"`, `"\\\\\\"`, `"\\x41"`, `"\\a"`, `"\\U0041"`, `"\\0"`, `"\\'"`, `"\\ "`, `"\\u"`, `"\\u1"`, `"\\u12"`, `"\\u123"`, `"\\u123g"`, `"\\u{41}"`, `"\\u 041"`, `"\\u-041"`, `"\\u+041"`,
	`"\\u00"4"`, `"\u0000"`, `"\u0001"`, `"\t"`, `"\n"`, `"\r"`, `"\u001f"`, `"a\u0000b"`, `"a" "b"`, `"\\é"`,
	`"\\ud800"`, `"\\udc00"`, `"\\ud800\\ud800"`, `"\\udc00\\ud800"`, `"\\ud83dx"`, `"\\ud83d\\n"`, `"\\ud83d\\\\de00"`, `"\\ud83d\\u0041"`, `"\\ud83d\\ude00\\ude00"`, `"\\uDFFF"`,
	// Arrays.
	"[", "[1", "[1,", "[1,]", "[,]", "[,1]", "[1,,2]", "[1 2]", "[1:2]", "[1}", "[{]", "[[]", "[1;2]", "[a]", "[-]", `["a]`, "[\u000b1]", "[\u00a01]", "[\u000c]", "[1\u2028]",
	// Objects.
	"{", `{"a`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{,}`, `{,"a":1}`, `{"a":1,,"b":2}`, `{"a" 1}`, `{"a"::1}`, `{"a":1 "b":2}`, `{"a":}`, `{"a"}`, `{"a","b"}`, `{:1}`, `{1:1}`,
	`{a:1}`, `{'a':1}`, `{null:1}`, `{[]:1}`, `{"a":1]`, `{"a":[}`, `{"a":1:2}`, `{"a"=1}`, `{"\\x":1}`, `{"\u0001":1}`, `{"\\ud800":1}`, `{"a":1;"b":2}`, `{{}:1}`, `{"a":/**/1}`, `{"a":1//\n}`, `{"a":tru}`,
];

/** No JSON alone: in the midst of something it may be. */
const BAD_ALONE: readonly string[] = [
	"", " ", "]", "}", ",", ":", "1,2", "1 2", "[]]", "{}}", "[][]", "{}{}", "[],", "null,", "null null", `""""`, `1"a"`, "\ufeff{}", "\ufeff", "{}\ufeff", "[] x", "{}#", "1]", "1}", `{"a":1}x`, "[1]]", "\u00a0",
];

test("parseJSON refuses what is no JSON, alone, in an array and where it would be left out", () => {
	for (const source of BAD) assertMalformed(utf8(source), JSON.stringify(source));
	for (const source of BAD_ALONE) assertMalformed(utf8(source), JSON.stringify(source), PLACES.slice(0, 1));
	assert.ok(BAD.length + BAD_ALONE.length > 150);
});

/** Alone, overlong, surrogates, beyond U+10FFFF, cut. Unicode 15, table 3-7. */
const ILL_FORMED: readonly string[] = [
	"80", "bf", "c0", "c080", "c0af", "c1bf", "c2", "c220", "c2c2", "df", "e08080", "e09fbf", "e0a0", "e180", "eda080", "edbfbf", "eda0bdedb880", "ef", "efbf",
	"f08080af", "f0908f", "f08fbfbf", "f4908080", "f5808080", "f8", "fe", "ff", "fffe", "e9",
];

test("parseJSON refuses ill-formed UTF-8 in strings, in names and between them", () => {
	for (const hex of ILL_FORMED) {
		for (const [before, after] of [[`"`, `"`], [`"abc`, `def"`], [`{"`, `":1}`], [`{"a":{"x`, `":1}}`], [`{"a":["`, `"]}`], ["", ""], ["[1,", "]"]] as const) {
			assertMalformed(utf8(before) + hex + utf8(after), `${before}${hex}${after}`);
		}
	}
});

test("parseJSON refuses a document cut at any byte, and is not led on by what follows the cut", () => {
	const whole = utf8(`{"a":[1,-2.5e3,true,false,null,"x\\ud83d\\ude00é",{"b":{}}],"foreign":{"c":["\\n",0.5],"d":"é"},"a b":{"e":[[]]}}`);
	for (const vocabulary of [NONE, new Vocabulary(["a", "b"]), new Vocabulary([], 100)]) {
		assert.equal(codeOf(() => parseHex(whole, vocabulary)), "nothing");
		const bytes = fromHex(whole);
		for (let end = 0; end < bytes.length; end++) {
			assert.equal(codeOf(() => parseJSON(text, bytes, 0, end, vocabulary)), "malformed", `${end} bytes`);
		}
	}
});

test("parseJSON takes the deepest document that is allowed, and none deeper", () => {
	for (const [open, close] of [["[", "]"], [`{"a":`, "}"], [`[{"a":`, "}]"]] as const) {
		const levels = open.length > 5 ? 2 : 1;
		const nested = (depth: number): string => `${open.repeat(depth / levels)}1${close.repeat(depth / levels)}`;
		assert.equal(refusal(nested(DEPTH_MAXIMUM)), "nothing");
		assert.equal(refusal(nested(DEPTH_MAXIMUM + levels)), "too-large");
		assert.equal(refusal(nested(3000)), "too-large");
		assert.equal(refusal(`[${nested(DEPTH_MAXIMUM)}]`), "too-large");
		for (const depth of [DEPTH_MAXIMUM - levels, DEPTH_MAXIMUM]) {
			const code = depth < DEPTH_MAXIMUM ? "nothing" : "too-large";
			assert.equal(codeOf(() => parse(`{"foreign":${nested(depth)}}`, NONE)), code, "left out");
		}
	}
	assert.equal(codeOf(() => parse(`{"a":${"[".repeat(3000)}`, NONE)), "too-large");
});

test("parseJSON counts levels, not brackets", () => {
	const many = DEPTH_MAXIMUM * 3;
	assert.deepEqual(parse(`[${Array(many).fill("[]").join()}]`), Array(many).fill([]));
	assert.equal(parse(JSON.stringify("[{".repeat(many))), "[{".repeat(many));
	assert.equal(parse(JSON.stringify(`\\"${"[".repeat(many)}`)), `\\"${"[".repeat(many)}`);
	assert.equal(refusal(`${"]".repeat(many)}${"[".repeat(many)}`), "malformed");
});

test("parseJSON makes properties of the names that the vocabulary knows, and of no others", () => {
	const vocabulary = new Vocabulary(["state", "a", "b"]);
	const source = `{"state":{"a":1,"x":{"a":2},"b":[{"y":3,"b":4},5]},"metadata":{"a":{"timestamp":1}},"z":"","a":"end","q":[[{}]]}`;
	assert.deepEqual(parse(source, vocabulary), { state: { a: 1, b: [{ b: 4 }, 5] }, a: "end" });
	assert.deepEqual(parse(source, NONE), {});
	assert.deepEqual(parse(`[${source}]`, NONE), [{}]);
	assert.deepEqual(parse(`{"\\u0061":1,"\\u0062x":2}`, vocabulary), { a: 1 }, "names are compared without their escapes");
});

test("parseJSON refuses two members of one name, where either is kept", () => {
	for (const source of [
		`{"a":1,"a":1}`, `{"a":1,"b":2,"a":3}`, `{"a":{"a":1,"a":2}}`, `[{"a":1,"\\u0061":2}]`, `{"a":{},"a":{}}`, `{"toString":1,"toString":2}`, `{"a":null,"a":null}`,
	]) {
		assert.equal(refusal(source), "malformed", source);
		assert.equal(codeOf(() => parse(source, NONE)), "nothing", `${source}: what is left out is left out twice`);
	}
	assert.deepEqual(parse(`{"x":1,"x":2,"a":3,"x":4}`, new Vocabulary(["a"])), { a: 3 });
});

test("parseJSON keeps members of names that objects inherit as members of their own", () => {
	const value = parse(`{"toString":1,"constructor":{"prototype":2},"valueOf":null,"hasOwnProperty":[]}`) as Record<string, JSONValue>;
	assert.deepEqual(Object.keys(value), ["toString", "constructor", "valueOf", "hasOwnProperty"]);
	assert.equal(value["toString"], 1);
	assert.deepEqual(value["constructor"], { prototype: 2 });
	assert.equal(Object.getPrototypeOf(value), Object.prototype);
});

test("parseJSON refuses __proto__ as a name, however it is written and whatever the vocabulary knows", () => {
	for (const source of [`{"__proto__":1}`, `{"__proto__":{"a":1}}`, `{"a":{"\\u005f_proto__":null}}`, `[{"__proto__":[]}]`]) {
		for (const vocabulary of [new Vocabulary(["a"]), new Vocabulary([], 9), new Vocabulary(["a", "__proto__"])]) {
			assert.equal(codeOf(() => parse(source, vocabulary)), "malformed", source);
		}
	}
	assert.deepEqual(parse(`{"a":"__proto__"}`), { a: "__proto__" });
});

test("a vocabulary learns as many names as it may, over all documents", () => {
	const vocabulary = new Vocabulary(["known"], 3);
	assert.deepEqual(parse(`{"known":1,"a":1,"b":{"a":2}}`, vocabulary), { known: 1, a: 1, b: { a: 2 } });
	assert.deepEqual(parse(`{"c":1,"a":1}`, vocabulary), { c: 1, a: 1 });
	assert.equal(codeOf(() => parse(`{"d":1}`, vocabulary)), "too-large");
	assert.equal(codeOf(() => parse(`{"a":{"b":{"e":1}}}`, vocabulary)), "too-large");
	assert.deepEqual(parse(`{"a":1,"b":2,"c":3,"known":4}`, vocabulary), { a: 1, b: 2, c: 3, known: 4 });
});

test("a vocabulary learns no name that is longer than it may be", () => {
	const vocabulary = new Vocabulary(["k".repeat(200)], 1);
	assert.equal(codeOf(() => parse(`{"${"n".repeat(NAME_MAXIMUM + 1)}":1}`, vocabulary)), "too-large");
	assert.equal(codeOf(() => parse(`{"${"n".repeat(NAME_MAXIMUM)}":1,"${"k".repeat(200)}":2}`, vocabulary)), "nothing");
	assert.deepEqual(parse(`{"${"n".repeat(NAME_MAXIMUM + 1)}":1}`, NONE), {});
});

test("parseJSON decodes nothing of a member that is left out but its name", () => {
	const decoded: string[] = [];
	const recording: TextCodec = {
		...text,
		decode(bytes, start, end) {
			const value = text.decode(bytes, start, end);
			decoded.push(value);
			return value;
		},
	};
	const bytes = fromHex(utf8(`{"metadata":{"a":{"timestamp":1700000000},"b":[0.5,true,"\\ud83d\\ude00\\n"]},"a":1}`));
	assert.deepEqual(parseJSON(recording, bytes, 0, bytes.length, new Vocabulary(["a"])), { a: 1 });
	assert.deepEqual(decoded.map((value) => value.replaceAll(`"`, "")), ["metadata", "a"]);
});

/** The codec of the tests would take most of the time. */
const ascii: TextCodec = { ...text, decode: (bytes, start, end) => String.fromCharCode(...bytes.subarray(start, end)) };

test("100,000 names that nobody knows leave nothing behind: with 70,000 properties the engine of the device ends", () => {
	const vocabulary = new Vocabulary(["k"]);
	const strangers = (letters: string): string => [...letters].map((letter) => `"${letter}0000":0`).join();
	const bytes = fromHex(utf8(`{${strangers("abcde")},"k":{${strangers("vwxyz")}}}`));
	const digits: number[] = [];
	bytes.forEach((byte, at) => { if (byte === 0x30 && bytes[at - 1] !== 0x3a) digits.push(at); });
	for (let count = 0; count < 10_000; count++) {
		const number = String(count).padStart(4, "0");
		const codes = [0, 1, 2, 3].map((at) => number.charCodeAt(at));
		digits.forEach((at, index) => { bytes[at] = codes[index % 4]!; });
		const value = parseJSON(ascii, bytes, 0, bytes.length, vocabulary) as { k: object };
		if (Object.keys(value.k).length > 0) assert.fail("a name became a property");
	}
	assert.equal(digits.length, 40);
});
