// SPDX-License-Identifier: Apache-2.0
/** PatchDecoder: VCDIFF made by hand, instruction by instruction, and everything that it has to refuse. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DELTA_EXCESS, PatchDecoder, WINDOW_MAXIMUM } from "../../../src/ota/vcdiff.js";
import { follow, HEADER, integer, patchOf, reasonThrown, windowOf, type FollowOptions, type WindowParts } from "./vcdiff-rig.js";

const ascii = (text: string): number[] => [...text].map((character) => character.charCodeAt(0));
const bytesOf = (text: string): Uint8Array => Uint8Array.from(ascii(text));
const textOf = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

const ALPHABET = bytesOf("abcdefghijklmnop");
/** COPY with its size behind the code, in a mode. */
const copyCode = (mode: number): number => 19 + 16 * mode;

/** What one window makes of the alphabet, all of which is its source. */
function made(parts: Omit<WindowParts, "sourceLength">, base = ALPHABET): string {
	return textOf(follow(base, patchOf(windowOf({ sourceLength: base.length, ...parts })), { size: parts.length }));
}

function refused(patch: Uint8Array | readonly number[], options: FollowOptions = { size: 28 }, base = ALPHABET): string {
	const bytes = Uint8Array.from(patch);
	const reason = reasonThrown(() => follow(base, bytes, options));
	assert.equal(reasonThrown(() => follow(base, bytes, { ...options, cut: () => 1 })), reason, "however it is cut");
	return reason;
}

/** The example of RFC 3284 §3. */
const EXAMPLE: WindowParts = Object.freeze({
	sourceLength: 16,
	length: 28,
	data: ascii("wxyzz"),
	codes: [20, 5, 20, copyCode(0), 12, 0, 4],
	addresses: [0, 4, 24],
});
const EXAMPLE_TEXT = "abcdwxyzefghefghefghefghzzzz";

test("PatchDecoder makes the example of RFC 3284, in one piece and byte by byte", () => {
	const patch = patchOf(windowOf(EXAMPLE));
	assert.equal(textOf(follow(ALPHABET, patch, { size: 28 })), EXAMPLE_TEXT);
	assert.equal(textOf(follow(ALPHABET, patch, { size: 28, cut: () => 1 })), EXAMPLE_TEXT);
});

test("PatchDecoder holds less than 8 KB, the window and its delta included", () => {
	const decoder = new PatchDecoder({ base: nothing, baseSize: 0, made: nothing, size: 0 });
	assert.equal(decoder.bytes.byteLength, 2 * WINDOW_MAXIMUM + DELTA_EXCESS);
	// The cache of addresses is in the same buffer. By the engine's slots of 16 bytes: the object with its fields, the
	// buffer and its two views.
	const objects = (1 + 3 + 20) * 16 + 3 * 64;
	const { byteLength } = decoder.bytes.buffer;
	assert.equal(byteLength, decoder.bytes.byteLength + (4 + 3 * 256) * 4);
	assert.ok(byteLength + objects < 8_192, `${byteLength} + ${objects} bytes`);
});

const nothing = { read: (): void => assert.fail("reads nothing") };

test("PatchDecoder stops at the end of each window, and says where to go on", () => {
	const first = windowOf({ length: 2, data: [1, 2], codes: [3] });
	const second = windowOf({ length: 3, data: [7], codes: [0, 3] });
	const patch = patchOf(first, second);
	const decoder = new PatchDecoder({ base: nothing, baseSize: 0, made: nothing, size: 5 });
	const ends: number[][] = [];
	for (let at = 0; at < patch.length;) {
		at = decoder.push(patch, at, patch.length);
		ends.push([at, decoder.patchOffset, decoder.outputOffset, ...decoder.bytes.subarray(decoder.start, decoder.end)]);
	}
	decoder.finish();
	const middle = HEADER.length + first.length;
	assert.deepEqual(ends, [[middle, middle, 2, 1, 2], [patch.length, patch.length, 5, 7, 7, 7]]);
	assert.equal(decoder.push(patch, 3, 3), 3);
	assert.equal(decoder.end, decoder.start, "the window is gone");
});

test("PatchDecoder reads RUN and ADD of all sizes", () => {
	assert.equal(made({ length: 300, data: [65], codes: [0, ...integer(300)] }), "A".repeat(300));
	for (let size = 1; size <= 17; size++) {
		const text = "0123456789ABCDEFG".slice(0, size);
		assert.equal(made({ length: size, data: ascii(text), codes: [1 + size] }), text);
		assert.equal(made({ length: size, data: ascii(text), codes: [1, size] }), text);
	}
	const long = "0123456789".repeat(20);
	assert.equal(made({ length: 200, data: ascii(long), codes: [1, ...integer(200)] }), long);
});

test("PatchDecoder reads COPY in each mode of addresses, of all sizes that codes have", () => {
	const base = Uint8Array.from({ length: 600 }, (_, index) => 33 + index % 90);
	const text = textOf(base);
	for (let size = 4; size <= 18; size++) {
		for (let mode = 0; mode < 9; mode++) {
			// A first COPY puts its address, 309, into slot 0 of the near cache and slot 309 of the same cache.
			const length = 4 + size;
			const here = base.length + 4;
			const address = mode === 0 ? integer(309) : mode === 1 ? integer(here - 309) : mode === 2 ? [0] : mode < 6 ? integer(309) : [309 - 256];
			const from = mode === 6 || mode === 8 ? 0 : 309;
			const codes = [20, 19 + 16 * mode + size - 3];
			const window: WindowParts = { length, codes, addresses: [...integer(309), ...address] };
			assert.equal(made(window, base), text.slice(309, 313) + text.slice(from, from + size), `mode ${mode} size ${size}`);
			assert.equal(made({ ...window, codes: [20, copyCode(mode), size] }, base), text.slice(309, 313) + text.slice(from, from + size));
		}
	}
});

test("PatchDecoder turns the near cache round, counts from its addresses, and forgets all at a window's end", () => {
	const addresses = [1, 2, 3, 4, 5];
	// The fifth has taken the place of the first, and each of those behind that of the one that the next counts from.
	const window: WindowParts = {
		length: 36, codes: [...addresses.map(() => 20), 20 + 32, 20 + 48, 20 + 64, 20 + 80], addresses: [...addresses, 1, 1, 1, 1],
	};
	const at = (address: number): string => textOf(ALPHABET.subarray(address, address + 4));
	const text = [...addresses, 6, 7, 8, 9].map(at).join("");
	assert.equal(made(window), text);
	const again = windowOf({ sourceLength: 16, length: 8, codes: [20 + 32, 20 + 96], addresses: [2, 5] });
	const patch = patchOf(windowOf({ ...window, sourceLength: 16 }), again);
	assert.equal(textOf(follow(ALPHABET, patch, { size: 44 })), text + at(2) + at(0));
});

test("PatchDecoder knows all codes for two instructions", () => {
	let code = 163;
	for (let mode = 0; mode < 9; mode++) {
		for (let add = 1; add <= 4; add++) {
			for (let copy = 4; copy <= (mode < 6 ? 6 : 4); copy++, code++) {
				const address = mode === 1 ? [16 + add - 3] : [3];
				const from = mode < 6 ? 3 : 0;
				const text = "WXYZ".slice(0, add) + textOf(ALPHABET.subarray(from, from + copy));
				assert.equal(made({ length: add + copy, data: ascii("WXYZ").slice(0, add), codes: [code], addresses: address }), text, `code ${code}`);
			}
		}
	}
	for (let mode = 0; mode < 9; mode++, code++) {
		const text = textOf(ALPHABET.subarray(mode < 6 ? 3 : 0)).slice(0, 4) + "!";
		assert.equal(made({ length: 5, data: ascii("!"), codes: [code], addresses: mode === 1 ? [13] : [3] }), text, `code ${code}`);
	}
	assert.equal(code, 256);
});

test("PatchDecoder repeats what a COPY has just made, at any distance", () => {
	for (let distance = 1; distance <= 16; distance++) {
		for (const size of [4, 5, 17, 18, 250]) {
			const head = textOf(ALPHABET.subarray(0, distance));
			const window = { length: distance + size, data: ascii(head), codes: [1, distance, copyCode(0), ...integer(size)], addresses: [16] };
			assert.equal(made(window), head.repeat(251).slice(0, distance + size), `${size} at a distance of ${distance}`);
		}
	}
});

test("PatchDecoder goes on in the window where a COPY leaves its source, wherever that is read", () => {
	for (const sourceLength of [16, 5_000]) {
		const base = Uint8Array.from({ length: sourceLength }, (_, index) => 33 + index % 90);
		const tail = textOf(base.subarray(sourceLength - 3));
		const window = { length: 14, data: ascii("12"), codes: [3, copyCode(0), 12], addresses: integer(sourceLength - 3) };
		assert.equal(made(window, base), `12${tail}12${tail}12${tail}12`.slice(0, 14));
	}
});

test("PatchDecoder reads from what was made before, across windows", () => {
	const patch = patchOf(windowOf(EXAMPLE), windowOf({ indicator: 2, sourceLength: 10, sourceOffset: 4, length: 10, codes: [26], addresses: [0] }));
	assert.equal(textOf(follow(ALPHABET, patch, { size: 38 })), EXAMPLE_TEXT + EXAMPLE_TEXT.slice(4, 14));
	const far = patchOf(windowOf(EXAMPLE), windowOf({ indicator: 2, sourceLength: 25, sourceOffset: 4, length: 10, codes: [26], addresses: [0] }));
	assert.equal(refused(far, { size: 38 }), "patch");
});

test("PatchDecoder takes a window of nothing but news, of the largest size", () => {
	const data = Array.from({ length: WINDOW_MAXIMUM }, (_, index) => index * 7 & 255);
	const patch = patchOf(windowOf({ length: data.length, data, codes: [1, ...integer(data.length)] }));
	assert.deepEqual([...follow(ALPHABET, patch, { size: data.length, cut: () => 100 })], data);
});

test("PatchDecoder refuses what is no VCDIFF, and what of it no device can follow", () => {
	const window = windowOf(EXAMPLE);
	for (let index = 0; index < HEADER.length; index++) {
		const header = HEADER.map((byte, at) => at === index ? byte ^ 1 : byte);
		assert.equal(refused([...header, ...window]), "patch", `byte ${index} of the header`);
	}
	// Secondary compression, a code table, an application's data.
	for (const indicator of [1, 2, 4, 7, 8, 255]) assert.equal(refused([...HEADER.slice(0, 4), indicator, ...window]), "patch");
	// Both sources; a checksum; bits that mean nothing.
	for (const indicator of [3, 4, 5, 6, 8, 128, 255]) assert.equal(refused(patchOf(windowOf({ ...EXAMPLE, indicator }))), "patch");
	for (const deltaIndicator of [1, 2, 4, 8, 255]) assert.equal(refused(patchOf(windowOf({ ...EXAMPLE, deltaIndicator }))), "patch");
});

test("PatchDecoder refuses a source that is not all there", () => {
	for (const [sourceLength, sourceOffset] of [[17, 0], [16, 1], [1, 16], [0, 17], [0xffff_ffff, 0xffff_ffff]] as const) {
		assert.equal(refused(patchOf(windowOf({ ...EXAMPLE, sourceLength, sourceOffset }))), "patch");
	}
	// Nothing was made before the first window.
	assert.equal(refused(patchOf(windowOf({ ...EXAMPLE, indicator: 2 }))), "patch");
});

test("PatchDecoder refuses numbers that are too long, too large or not all there", () => {
	const window = windowOf({ ...EXAMPLE, deltaLength: [0x80, 24] });
	assert.equal(refused(patchOf(window)), "patch", "not the shortest form");
	assert.equal(refused(patchOf(windowOf({ ...EXAMPLE, deltaLength: [0x90, 0x80, 0x80, 0x80, 0] }))), "patch", "33 bits");
	assert.equal(refused(patchOf(windowOf({ ...EXAMPLE, deltaLength: [0x8f, 0xff, 0xff, 0xff, 0x7f] }))), "patch-bomb", "32 bits");
	// In the delta: a size that goes on beyond the instructions, an address beyond the addresses.
	assert.equal(refused(patchOf(windowOf({ ...EXAMPLE, codes: [20, 5, 20, copyCode(0), 12, 0, 0x84] }))), "patch");
	assert.equal(refused(patchOf(windowOf({ ...EXAMPLE, addresses: [0, 4, 0x84] }))), "patch");
	assert.equal(refused(patchOf(windowOf({ ...EXAMPLE, addresses: [0, 4, 0x80, 24] }))), "patch");
});

test("PatchDecoder refuses deltas whose parts do not add up", () => {
	const parts = windowOf(EXAMPLE);
	const lengths = parts.length - EXAMPLE.data!.length - EXAMPLE.codes!.length - EXAMPLE.addresses!.length - 3;
	for (let index = lengths; index < lengths + 3; index++) {
		for (const change of [-1, 1, 100]) {
			const window = parts.map((byte, at) => at === index ? byte + change : byte);
			assert.equal(refused(patchOf(window)), "patch");
		}
	}
	// Moved from one to the other, so that the sum is right.
	assert.equal(refused(patchOf(windowOf({ ...EXAMPLE, data: ascii("wxyzz!") }))), "patch");
	assert.equal(refused(patchOf(windowOf({ ...EXAMPLE, data: ascii("wxyz") }))), "patch");
	assert.equal(refused(patchOf(windowOf({ ...EXAMPLE, data: ascii("wxy") }))), "patch");
	assert.equal(refused(patchOf(windowOf({ ...EXAMPLE, addresses: [0, 4, 24, 0] }))), "patch");
	assert.equal(refused(patchOf(windowOf({ ...EXAMPLE, addresses: [0, 4] }))), "patch");
	assert.equal(refused(patchOf(windowOf({ length: 4, codes: [20 + 96] }))), "patch");
	for (const deltaLength of [0, 1, 6]) assert.equal(refused(patchOf(windowOf({ ...EXAMPLE, deltaLength: [deltaLength] }))), "patch");
});

test("PatchDecoder refuses instructions for more or less than the window, and for nothing", () => {
	assert.equal(refused(patchOf(windowOf({ ...EXAMPLE, length: 27 })), { size: 27 }), "patch");
	assert.equal(refused(patchOf(windowOf({ ...EXAMPLE, length: 29 })), { size: 29 }), "patch");
	assert.equal(refused(patchOf(windowOf({ ...EXAMPLE, length: 0 }))), "patch");
	assert.equal(refused(patchOf(windowOf({ length: 1, data: [1, 1], codes: [2] })), { size: 1 }), "patch");
	for (const code of [0, 1, copyCode(0)]) {
		const window = windowOf({ sourceLength: 16, length: 4, data: [1], codes: [code, 0, 5], addresses: [0] });
		assert.equal(refused(patchOf(window), { size: 4 }), "patch", `code ${code}`);
	}
	assert.equal(refused(patchOf(windowOf({ length: 4, data: [1], codes: [0, 0x8f, 0xff, 0xff, 0xff, 0x7f] })), { size: 4 }), "patch");
});

test("PatchDecoder refuses addresses from here on, before the beginning, and beyond all bounds", () => {
	const at = (mode: number, address: readonly number[]): string =>
		refused(patchOf(windowOf({ sourceLength: 16, length: 5, data: [1], codes: [2, 20 + 16 * mode], addresses: address })), { size: 5 });
	assert.equal(at(0, [16]), "nothing");
	assert.equal(at(0, [17]), "patch");
	assert.equal(at(1, [1]), "nothing");
	assert.equal(at(1, [0]), "patch");
	assert.equal(at(1, [17]), "nothing");
	assert.equal(at(1, [18]), "patch");
	assert.equal(at(2, [17]), "patch");
	assert.equal(at(0, [0x8f, 0xff, 0xff, 0xff, 0x7f]), "patch");
	assert.equal(at(1, [0x8f, 0xff, 0xff, 0xff, 0x7f]), "patch");
	// There is nothing yet that could be copied.
	assert.equal(refused(patchOf(windowOf({ length: 4, codes: [20], addresses: [0] })), { size: 4 }), "patch");
	assert.equal(refused(patchOf(windowOf({ length: 4, codes: [20 + 96], addresses: [0] })), { size: 4 }), "patch");
});

test("PatchDecoder refuses bombs: windows and deltas that are too large, and more than the manifest says", () => {
	const run = (length: number): number[] => windowOf({ length, data: [1], codes: [0, ...integer(length)] });
	assert.equal(refused(patchOf(run(WINDOW_MAXIMUM)), { size: WINDOW_MAXIMUM }), "nothing");
	assert.equal(refused(patchOf(run(WINDOW_MAXIMUM + 1)), { size: 10_000 }), "patch-bomb");
	assert.equal(refused(patchOf(run(0xffff_ffff)), { size: 10_000 }), "patch-bomb");
	assert.equal(refused(patchOf(run(100)), { size: 99 }), "patch-bomb");
	assert.equal(refused(patchOf(run(60), run(60)), { size: 119 }), "patch-bomb");
	assert.equal(refused(patchOf(run(60), run(60)), { size: 60 }), "patch-bomb");
	const { start } = new PatchDecoder({ base: nothing, baseSize: 0, made: nothing, size: 0 });
	assert.equal(refused(patchOf(windowOf({ ...EXAMPLE, deltaLength: integer(start + 1) }))), "patch-bomb");
	assert.equal(refused(patchOf(windowOf({ ...EXAMPLE, deltaLength: integer(start) }))), "patch", "not all there");
});

test("PatchDecoder: a patch that ends anywhere but at its end is refused, and so is one that goes on", () => {
	const patch = patchOf(windowOf(EXAMPLE), windowOf({ length: 2, data: [1, 2], codes: [3] }));
	assert.equal(refused(patch, { size: 30 }), "nothing");
	for (let length = 0; length < patch.length; length++) {
		assert.equal(refused(patch.subarray(0, length), { size: 30 }), "patch", `${length} bytes`);
	}
	assert.equal(refused([...patch, 0], { size: 30 }), "patch");
	assert.equal(refused(patch, { size: 31 }), "patch");
	assert.equal(refused(HEADER, { size: 0 }), "nothing");
});

test("PatchDecoder lets through what reading the base throws", () => {
	const broken = new Error("storage");
	const base = { read: (): void => { throw broken; } };
	const decoder = new PatchDecoder({ base, baseSize: 16, made: nothing, size: 28 });
	const patch = patchOf(windowOf(EXAMPLE));
	assert.throws(() => decoder.push(patch, 0, patch.length), broken);
});
