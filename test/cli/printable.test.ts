// SPDX-License-Identifier: Apache-2.0
/** Text for a terminal, and what the words of a command line say. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { objectOf, pairs, patchOf } from "../../hosts/simulator/cli/asking.js";
import { printable, printableLine, span, table, time } from "../../hosts/simulator/cli/printable.js";

suite("Text for a terminal", () => {
	test("no control character goes through, whichever it is; other text does", () => {
		for (let code = 0; code < 0x3000; code++) {
			const character = String.fromCharCode(code), shown = printable(character);
			const isControl = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_C}]/u.test(character) && character !== "\n";
			assert.equal(shown, isControl ? `\\u{${code.toString(16)}}` : character);
		}
		assert.equal(printable("two\nlines, größer, 温度, 🌡"), "two\nlines, größer, 温度, 🌡");
		assert.equal(printableLine("two\nlines"), "two\\nlines");
	});

	test("columns are as wide as what is in them, and a line ends where the terminal does", () => {
		const rows = [["a", "12345", "\u001b"], ["longer", "", "x"]];
		assert.equal(table(["NAME", "N", "END"], rows, Infinity), "NAME    N      END\na       12345  \\u{1b}\nlonger         x");
		assert.deepEqual(table(["NAME", "N", "END"], rows, 10).split("\n"), ["NAME    N…", "a       1…", "longer   …"]);
		assert.equal(table(["NAME"], []), "NAME");
	});

	test("times and durations", () => {
		assert.deepEqual([time(undefined), time(1_700_000_000_123)], ["", "2023-11-14T22:13:20Z"]);
		assert.deepEqual([0, 999, 1_000, 61_000, 3_600_000, 90_061_000].map(span), ["0s", "0s", "1s", "1m 1s", "1h 0m", "1d 1h"]);
	});
});

suite("Words", () => {
	test("values are JSON where they can be, else text; dots go deeper", () => {
		assert.deepEqual(pairs(["on=true", "led.red=5", "led.blue=0x", "name=a=b", "gone=null", "list=[1]", "empty="]), {
			on: true, led: { red: 5, blue: "0x" }, name: "a=b", gone: null, list: [1], empty: "",
		});
		assert.deepEqual(objectOf(['{"a":{"b":1}}']), { a: { b: 1 } });
		assert.deepEqual([patchOf([]), patchOf(["set", "a=1"]), patchOf(["a=1"])], [undefined, { a: 1 }, { a: 1 }]);
	});

	test("what is none of it is a mistake in the command line", () => {
		for (const words of [["on"], ["=1"], ["a..b=1"], ["__proto__.x=1"], ["{"], ["set"], ["[1]"]]) assert.throws(() => patchOf(words), { code: "argument" }, words.join(" "));
	});
});
