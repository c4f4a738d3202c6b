// SPDX-License-Identifier: Apache-2.0
/** CBORReader: documents item by item, keys that are numbers, and what is skipped. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEPTH_MAXIMUM } from "../../../src/bytes/document.js";
import { CBORReader, TAGS_MAXIMUM } from "../../../src/cbor/reader.js";
import examples from "../../vectors/cbor-appendix-a.json" with { type: "json" };
import notWellFormed from "../../vectors/cbor-not-wellformed.json" with { type: "json" };
import { codeOf } from "../failure.js";
import { fromHex, toHex } from "../hex.js";
import { text } from "../text.js";

/** Reads bytes that stand between others. */
function readerOf(hex: string): CBORReader {
	const bytes = fromHex(`ff${hex}0000`);
	const reader = new CBORReader(text);
	reader.reset(bytes, 1, bytes.length - 2);
	return reader;
}

interface Manifest { sequence?: number; hash?: string; components: { name?: string; version?: string; size?: number }[] }

/** A manifest of updates whose keys are numbers, in any order and with some that nobody knows. */
function manifest(hex: string): Manifest {
	const reader = readerOf(hex);
	const read: Manifest = { components: [] };
	reader.map();
	while (reader.more()) {
		switch (reader.uint()) {
			case 1: read.sequence = reader.uint(); break;
			case 2: read.hash = reader.string(); break;
			case 3:
				reader.array();
				while (reader.more()) {
					const component: Manifest["components"][number] = {};
					read.components.push(component);
					reader.map();
					while (reader.more()) {
						switch (reader.uint()) {
							case 1: component.name = reader.string(); break;
							case 2: component.version = reader.string(); break;
							case 4: component.size = reader.uint(); break;
							default: reader.skipItem();
						}
					}
				}
				break;
			default: reader.skipItem();
		}
	}
	assert.equal(reader.remaining, 0);
	return read;
}

test("a manifest with numbers for keys is read, lengths known or not, whatever else is in it", () => {
	const expected = { sequence: 1700000000, hash: "ab", components: [{ name: "main", version: "1.2.3", size: 70000 }, { name: "ui" }] };
	assert.deepEqual(manifest("a3011a6553f1000262616203" + "82a301646d61696e0265312e322e33041a00011170a101627569"), expected);
	assert.deepEqual(manifest("bf011a6553f1000262616203" + "9fbf01646d61696e0265312e322e33041a00011170ffbf01627569ffff" + "ff"), expected);
	assert.deepEqual(manifest("a5188482f7c24101011a6553f100026261621863a1014100" + "03" + "82a401646d61696e0265312e322e33041a0001117005bf2080ffa101627569"), expected);
});

test("scalars are read as they are, behind their tags", () => {
	const reader = readerOf("05" + "3903e7" + "fb3ff199999999999a" + "f93c00" + "6161" + "f5" + "f4" + "f6" + "c11a514b67b0" + "1b001fffffffffffff");
	const values = [5, -1000, 1.1, 1, "a", true, false, null, 1363896240, Number.MAX_SAFE_INTEGER];
	assert.deepEqual(values.map(() => reader.scalar()), values);
	assert.equal(reader.remaining, 0);
	assert.equal(toHex(readerOf("420102").scalar() as Uint8Array), "0102");
	assert.equal(toHex(readerOf("5f41014102ff").scalar() as Uint8Array), "0102");
	for (const hex of ["80", "a0", "f7", "f0", "1b0020000000000000", "f97e00", "c24101", "1c", "ff", "", "c1"]) {
		assert.equal(codeOf(() => readerOf(hex).scalar()), "malformed", hex);
	}
	assert.equal(codeOf(() => readerOf(`${"c1".repeat(TAGS_MAXIMUM + 1)}00`).scalar()), "too-large");
});

test("another kind of item than was asked for is refused", () => {
	for (const hex of ["20", "6161", "f93c00", "40", "80", "f5"]) assert.equal(codeOf(() => readerOf(hex).uint()), "malformed", hex);
	for (const hex of ["00", "20", "4161", "f6", "a0"]) assert.equal(codeOf(() => readerOf(hex).string()), "malformed", hex);
	for (const hex of ["00", "a0", "6161"]) assert.equal(codeOf(() => readerOf(hex).array()), "malformed", hex);
	for (const hex of ["00", "80", "6161"]) assert.equal(codeOf(() => readerOf(hex).map()), "malformed", hex);
});

test("every example of RFC 8949 is skipped whole, and nothing that is not well-formed is", () => {
	// Which stood in RFC 7049.
	assert.equal(codeOf(() => readerOf("f81807").skipItem()), "malformed");
	for (const { hex } of examples.filter(({ hex }) => hex !== "f818")) {
		const reader = readerOf(`${hex}07`);
		reader.skipItem();
		assert.equal(reader.uint(), 7, hex);
	}
	for (const { hex } of notWellFormed.cases) {
		for (const before of ["", "81", "a100", "bf00", "9f81"]) assert.equal(codeOf(() => readerOf(before + hex).skipItem()), "malformed", before + hex);
	}
	assert.equal(codeOf(() => readerOf("a18000").skipItem()), "malformed", "a key that is an array");
});

test("levels are limited, those that were gone into together with those that are skipped", () => {
	for (const [open, close] of [["81", ""], ["9f", "ff"], ["a100", ""], ["bf00", "ff"]] as const) {
		const nested = (depth: number): string => `${open.repeat(depth)}00${close.repeat(depth)}`;
		assert.equal(codeOf(() => readerOf(nested(DEPTH_MAXIMUM)).skipItem()), "nothing");
		assert.equal(codeOf(() => readerOf(nested(DEPTH_MAXIMUM + 1)).skipItem()), "too-large");
		assert.equal(codeOf(() => readerOf(nested(10_000)).skipItem()), "too-large");
		const skipWithin = (depth: number): void => {
			const reader = readerOf(`81${nested(depth)}`);
			reader.array();
			assert.ok(reader.more());
			reader.skipItem();
			assert.ok(!reader.more());
		};
		assert.equal(codeOf(() => skipWithin(DEPTH_MAXIMUM - 1)), "nothing");
		assert.equal(codeOf(() => skipWithin(DEPTH_MAXIMUM)), "too-large");
	}
	const deep = readerOf("81".repeat(DEPTH_MAXIMUM + 1));
	assert.equal(codeOf(() => { for (;;) { deep.array(); deep.more(); } }), "too-large");
});
