// SPDX-License-Identifier: Apache-2.0
/** The format of an image, and what is none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { contentOf, IMAGE_OVERHEAD, isBootable, wrapImage } from "../../../hosts/boot/index.js";
import { crypto } from "../storage/digest.js";
import { Rig } from "./rig.js";

const content = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index * 7 & 0xff);

test("an image is its header, its content and their digest", () => {
	const image = wrapImage(content(300), crypto), digest = crypto.digest("SHA-256");
	assert.equal(image.byteLength, 300 + IMAGE_OVERHEAD);
	assert.deepEqual([...image.subarray(0, 16)], [0x4d, 0x49, 0x4d, 0x47, 0, 0, 1, 44, 0, 0, 0, 0, 0, 0, 0, 0]);
	assert.deepEqual(image.subarray(16, 316), content(300));
	digest.update(image.subarray(0, 316));
	assert.deepEqual(image.subarray(316), digest.digest());
});

test("images of every length around the pieces they are read in are whole, and give their content back", () => {
	for (const length of [0, 1, 1_007, 1_008, 1_009, 2_031, 2_032, 4_096 - IMAGE_OVERHEAD]) {
		const rig = new Rig();
		rig.cells(1).set(wrapImage(content(length), crypto));
		assert.equal(isBootable(rig, 1), true, String(length));
		assert.deepEqual(contentOf(rig, 1), content(length));
		assert.deepEqual(contentOf(rig, 1, 5), content(length).slice(0, 5));
	}
});

test("an image with any byte changed would not boot, and what lies behind it is of no account", () => {
	const rig = new Rig(), image = wrapImage(content(40), crypto), cells = rig.cells(0);
	for (let place = 0; place < image.byteLength; place++) {
		cells.set(image);
		cells[place]! ^= 0x40;
		assert.equal(isBootable(rig, 0), false, String(place));
	}
	cells.set(image);
	cells.fill(0, image.byteLength);
	assert.equal(isBootable(rig, 0), true);
});

test("what is longer than its slot is no image, and neither are erased cells", () => {
	const rig = new Rig();
	for (const fill of [0, 0xff]) {
		rig.cells(0).fill(fill);
		assert.equal(isBootable(rig, 0), false);
		assert.throws(() => contentOf(rig, 0), { code: "corrupt" });
	}
	rig.cells(0).set(wrapImage(content(5_000), crypto).subarray(0, 4_096));
	assert.equal(isBootable(rig, 0), false);
});
