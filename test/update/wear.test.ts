// SPDX-License-Identifier: Apache-2.0
/** What an update costs the flash: of a megabyte, and of its resumption. The numbers are printed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorldEvent } from "../../hosts/world/index.js";
import { BLOCK, imageOf } from "./releases.js";
import { Scene } from "./scene.js";

const SIZE = 1_048_576;
const BLOCKS = SIZE / BLOCK;
const HOUR = 3_600_000;
/** Changes of the record and of the manifest, and what jobs and shadows keep. */
const NOTES = 16;

class Wear {
	/** By kind of event. */
	readonly counts = new Map<string, number>();
	/** Bytes by kind; of storage, whole values. */
	readonly bytes = new Map<string, number>();

	note({ kind, count }: WorldEvent): void {
		if (kind !== "flash.erase" && kind !== "flash.write" && kind !== "storage.write") return;
		this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
		this.bytes.set(kind, (this.bytes.get(kind) ?? 0) + count);
	}
}

for (const cuts of [0, 5]) {
	test(`the wear of an update of a megabyte, with the power cut ${cuts} times`, (context) => {
		const scene = new Scene({ slot: SIZE + BLOCK });
		const { world, device } = scene;
		world.run(() => scene.program?.inSync ?? false, { within: HOUR });
		const wear = new Wear();
		world.log.onEvent = (event) => wear.note(event);
		const job = scene.offer({ components: [{ name: "main", kind: "image", content: imageOf("2.0.0", SIZE) }] });
		for (let cut = 1; cut <= cuts; cut++) {
			world.run(() => (scene.progress?.blocks ?? 0) >= cut * 40, { within: HOUR });
			device.cutPower();
		}
		scene.settle(job);
		assert.equal(scene.reason(job), "SUCCEEDED");
		const slot = device.flash.partition("ota_1").wear;
		const otadata = device.flash.partition("otadata").wear;
		const [erases = 0, programs = 0, notes = 0] = ["flash.erase", "flash.write", "storage.write"].map((kind) => wear.counts.get(kind));
		context.diagnostic(`${erases} erasures (the slot's blocks ${Math.max(...slot)} at most, otadata's ${Math.max(...otadata)}), `
			+ `${programs} programs of ${wear.bytes.get("flash.write")} bytes, ${notes} values stored of ${wear.bytes.get("storage.write")} bytes, `
			+ `${scene.blocks} blocks sent`);
		assert.ok(slot.slice(0, BLOCKS).every((count) => count >= 1 && count <= 2), "each block of the slot is erased once, or twice for a cut");
		assert.equal(slot.reduce((sum, count) => sum + count), BLOCKS + slot.filter((count) => count === 2).length);
		assert.ok(slot.filter((count) => count === 2).length <= cuts);
		assert.ok(otadata.every((count) => count <= 4));
		assert.ok(programs <= BLOCKS + cuts + 4, `${programs} programs`);
		assert.ok(notes <= BLOCKS + NOTES + 8 * cuts, `${notes} values stored`);
	});
}
