// SPDX-License-Identifier: Apache-2.0
/** VCDIFF: the decoder beside a simple one, patches of edited content, and what becomes of damaged patches. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodePatch } from "../../hosts/release/vcdiff.js";
import { WINDOW_MAXIMUM } from "../../src/ota/vcdiff.js";
import { follow, HEADER, patchOf, reasonThrown, type FollowOptions } from "../unit/ota/vcdiff-rig.js";
import { content, edit, joined, randomBytes } from "./vcdiff-content.js";
import { property, type Random } from "./random.js";
import { CODES, makeUp } from "./vcdiff-model.js";

/** Of what the model makes in one window. */
const MODEL_WINDOW = 700;

/** Pieces of a patch as a network would cut it. */
function cuts(random: Random): () => number {
	const most = random.pick([1, 3, 50, 4_096]);
	return () => 1 + random.below(most);
}

test("the model's table has as many codes as a byte has values", () => assert.equal(CODES.length, 256));

property("PatchDecoder makes of random instructions what a simple decoder makes", 150, (random) => {
	const base = randomBytes(random, random.below(random.once(2) ? 200 : 6_000));
	const windows: (readonly number[])[] = [];
	const output: number[] = [];
	for (let count = 1 + random.below(5); count > 0; count--) {
		const { window, output: made } = makeUp(random, base, output, MODEL_WINDOW);
		windows.push(window);
		output.push(...made);
	}
	// The last instruction of a window may make as much as all before.
	const options: FollowOptions = { size: output.length, windowMaximum: 3 * MODEL_WINDOW, cut: cuts(random) };
	assert.deepEqual(follow(base, patchOf(...windows), options), Uint8Array.from(output));
});

property("encodePatch and PatchDecoder give back what was edited, however cut, and from the end of every window", 40, (random) => {
	const base = content(random, random.below(random.pick([3, 300, 12_000])));
	const target = edit(random, base);
	const patch = encodePatch(base, target);
	const size = target.length;
	const ends: [number, number][] = [];
	const onWindow = (patchOffset: number, outputOffset: number): number => ends.push([patchOffset, outputOffset]);
	assert.deepEqual(follow(base, patch, { size, cut: cuts(random), onWindow }), target);
	assert.deepEqual(ends.map(([, outputOffset]) => outputOffset), ends.map((_, index) => Math.min((index + 1) * WINDOW_MAXIMUM, size)));
	for (const [patchOffset, outputOffset] of ends) {
		const options = { size, patchOffset, made: target.subarray(0, outputOffset), cut: cuts(random) };
		assert.deepEqual(follow(base, patch, options), target, `from byte ${patchOffset}`);
	}
	assert.ok(patch.length <= HEADER.length + size + Math.ceil(size / WINDOW_MAXIMUM) * 14, "never more than news alone would take");
	assert.deepEqual(encodePatch(base, target), patch, "the same patch again");
});

/** What came of a patch that is not what it was: nothing but the two reasons, and never more than the limits. */
function endsWell(base: Uint8Array, patch: Uint8Array, size: number): void {
	assert.ok(["patch", "patch-bomb", "nothing"].includes(reasonThrown(() => follow(base, patch, { size }))));
}

property("PatchDecoder: a damaged byte anywhere is refused, or makes something else of the same size", 6, (random) => {
	const base = content(random, 1_500);
	const target = edit(random, base);
	const patch = encodePatch(base, target).subarray(0, 400);
	for (let at = 0; at < patch.length; at++) {
		for (const change of [1, 0x80, 1 << random.below(8), 1 + random.below(255), 255]) {
			const damaged = patch.slice();
			damaged[at]! ^= change;
			endsWell(base, damaged, target.length);
		}
	}
});

property("PatchDecoder: random bytes behind the header are refused, or do no harm", 300, (random) => {
	const windows = randomBytes(random, random.below(200), random.pick([3, 20, 256]));
	endsWell(randomBytes(random, random.below(100)), joined([Uint8Array.from(HEADER), windows]), random.below(5_000));
});
