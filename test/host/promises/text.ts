// SPDX-License-Identifier: Apache-2.0
/** What the text codec promises: RFC 3629, nothing replaced, nothing dropped. */
import assert from "node:assert/strict";
import { refuses, type HostPromise } from "../bench.js";

/** Text and its bytes, in hexadecimal. */
const WELL_FORMED: readonly (readonly [string, string])[] = [
	["", ""],
	["A", "41"],
	["\u0000", "00"],
	["\u007f", "7f"],
	["\u0080", "c280"],
	["ü", "c3bc"],
	["\u07ff", "dfbf"],
	["\u0800", "e0a080"],
	["€", "e282ac"],
	["\ud7ff\ue000", "ed9fbfee8080"],
	["\ufeffA", "efbbbf41"],
	["\uffff", "efbfbf"],
	["\u{10000}", "f0908080"],
	["a😀b", "61f09f988062"],
	["\u{10ffff}", "f48fbfbf"],
];

const ILL_FORMED: Readonly<Record<string, string>> = {
	"a continuation byte alone": "80",
	"a lead byte alone": "c3",
	"a lead byte before ASCII": "c341",
	"two bytes of three": "e282",
	"three bytes of four": "f09f98",
	"an overlong 2-byte form": "c0af",
	"an overlong 3-byte form": "e0809f",
	"an overlong 4-byte form": "f0808080",
	"an overlong U+0000": "c080",
	"a high surrogate": "eda080",
	"a low surrogate": "edbfbf",
	"a surrogate pair (CESU-8)": "eda0bdedb880",
	"a code point above U+10FFFF": "f4908080",
	"a 5-byte form": "f888808080",
	"0xFE": "fe",
	"0xFF": "ff",
	"good text with one bad byte": "68c3bc9f",
};

const UNPAIRED: readonly string[] = ["\ud800", "\udc00", "a\ud83d", "\ude00b", "\ud83dx\ude00", "\udc00\ud800"];

function fromHex(hex: string): Uint8Array {
	return Uint8Array.from(hex.match(/../g) ?? [], byte => Number.parseInt(byte, 16));
}

export const textPromises: readonly HostPromise[] = [{
	name: "byteLength and encode agree with RFC 3629 for every length of code point",
	run({ host: { text } }) {
		for (const [string, hex] of WELL_FORMED) {
			const expected = fromHex(hex);
			assert.equal(text.byteLength(string), expected.byteLength, hex);
			const target = new Uint8Array(expected.byteLength);
			assert.equal(text.encode(string, target, 0), expected.byteLength, hex);
			assert.deepEqual(target, expected);
		}
	},
}, {
	name: "decode is the reverse, and keeps U+FEFF and U+0000",
	run({ host: { text } }) {
		for (const [string, hex] of WELL_FORMED) {
			const bytes = fromHex(hex);
			assert.equal(text.decode(bytes, 0, bytes.byteLength), string, hex);
		}
	},
}, {
	name: "every code point goes there and back",
	run({ host: { text } }) {
		const target = new Uint8Array(4 * 0x1000);
		for (let start = 0; start < 0x110000; start += 0x1000) {
			if (start >= 0xd000 && start < 0xe000) continue;
			const string = Array.from({ length: 0x1000 }, (_, index) => String.fromCodePoint(start + index)).join("");
			assert.equal(text.decode(target, 0, text.encode(string, target, 0)), string, start.toString(16));
		}
	},
}, {
	name: "an unpaired surrogate is refused with argument, and nothing is written",
	run({ host: { text } }) {
		for (const string of UNPAIRED) {
			const target = new Uint8Array(16);
			refuses("argument", () => text.byteLength(string), JSON.stringify(string));
			refuses("argument", () => text.encode(string, target, 0), JSON.stringify(string));
			assert.deepEqual(target, new Uint8Array(16));
		}
	},
}, {
	name: "ill-formed UTF-8 is refused with malformed",
	run({ host: { text } }) {
		for (const [what, hex] of Object.entries(ILL_FORMED)) {
			const bytes = fromHex(hex);
			refuses("malformed", () => text.decode(bytes, 0, bytes.byteLength), what);
		}
	},
}, {
	name: "encode writes from start and touches nothing else",
	run({ host: { text } }) {
		const target = new Uint8Array(8).fill(0xaa);
		assert.equal(text.encode("ü€", target, 2), 5);
		assert.deepEqual(target, fromHex("aaaac3bce282acaa"));
	},
}, {
	name: "encode into a view stays inside the view",
	run({ host: { text } }) {
		const target = new Uint8Array(8).fill(0xaa);
		text.encode("abc", target.subarray(2, 6), 1);
		refuses("full", () => text.encode("abcd", target.subarray(2, 6), 1));
		assert.deepEqual(target, fromHex("aaaaaa616263aaaa"));
	},
}, {
	name: "what does not fit is refused with full, and nothing is written",
	run({ host: { text } }) {
		for (const [string, length, start] of [["abc", 2, 0], ["€", 2, 0], ["a", 3, 3], ["aaü", 4, 1]] as const) {
			const target = new Uint8Array(length);
			refuses("full", () => text.encode(string, target, start), string);
			assert.deepEqual(target, new Uint8Array(length));
		}
	},
}, {
	name: "decode reads its range and nothing around it",
	run({ host: { text } }) {
		const bytes = fromHex("ff61c3bc62ff");
		assert.equal(text.decode(bytes, 1, 5), "aüb");
		assert.equal(text.decode(bytes, 3, 3), "");
		refuses("malformed", () => text.decode(bytes, 1, 3), "the range cuts a character");
		assert.equal(text.decode(bytes.subarray(1, 5), 1, 3), "ü");
	},
}, {
	name: "a range outside the bytes is refused with argument",
	run({ host: { text } }) {
		const bytes = new Uint8Array(4);
		for (const [start, end] of [[-1, 2], [0, 5], [3, 2], [0.5, 2]] as const) refuses("argument", () => text.decode(bytes, start, end), `${start}-${end}`);
		for (const start of [-1, 5, 0.5]) refuses("argument", () => text.encode("", bytes, start), `${start}`);
	},
}, {
	name: "one refusal does not spoil the next call",
	run({ host: { text } }) {
		refuses("malformed", () => text.decode(fromHex("e282"), 0, 2));
		assert.equal(text.decode(fromHex("41"), 0, 1), "A");
	},
}];
