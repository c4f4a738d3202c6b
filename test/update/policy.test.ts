// SPDX-License-Identifier: Apache-2.0
/** What a program's policy makes an update wait for: the cloud is told each reason once, and the update goes on without. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRelease } from "../../hosts/release/index.js";
import type { Device } from "../../src/device.js";
import type { UpdatePolicy } from "../../src/ota/policy.js";
import type { UpdateHandlers } from "../../src/updates.js";
import { BLOCK, imageOf, successorOf } from "./releases.js";
import { releaseKey, Scene, type SceneOptions } from "./scene.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SIZE = 40_000;
const factory = imageOf("1.0.0", 16_000);
const image = imageOf("2.0.0", SIZE);
const patched = successorOf(factory, "2.0.0", SIZE);

function fileOf(content: Uint8Array, bases: readonly Uint8Array[] = []): Uint8Array {
	return createRelease({
		product: "lamp", version: "2.0.0", counter: 0, key: releaseKey.privateKey,
		components: [{ name: "main", kind: "image", content, bases }],
	}).file;
}

const full = fileOf(image);
/** Both: 40,000 bytes, or about half of that over the factory's image. */
const both = fileOf(patched, [factory]);
/** The same for devices that run something else. */
const bothOfOther = fileOf(patched, [patched.map((byte, index) => index % BLOCK < 200 ? ~byte : byte)]);

function begin(policy: UpdatePolicy, options: SceneOptions & { handlers?: UpdateHandlers<Device> } = {}): Scene {
	const scene = new Scene({ image: factory, ...options, handlers: { ...options.handlers, policy } });
	scene.world.run(() => scene.program?.inSync ?? false, { within: MINUTE });
	return scene;
}

/** Lets `time` go by, noting what the cloud is told. */
function pass(scene: Scene, job: string, time: number): void {
	const end = scene.world.clock.now + time;
	scene.world.run(() => { scene.note(job); return scene.world.clock.now >= end - MINUTE; }, { within: time });
	scene.world.run(end);
	scene.note(job);
}

/** What was waited for, in this order. */
function waits(scene: Scene): string[] {
	return scene.told.map((said) => JSON.parse(said) as { for?: string }).flatMap((said) => said.for ?? []);
}

function succeeds(scene: Scene, job: string): void {
	scene.settle(job, 3 * DAY);
	assert.equal(scene.reason(job), "SUCCEEDED");
	assert.equal(scene.device.image!.name, "2.0.0");
}

test("the device restarts in its window, and has everything by then", () => {
	// Midnight it is, when the world begins.
	const scene = begin({ window: { from: 120, to: 180 } });
	const job = scene.offerFile(full);
	pass(scene, job, HOUR);
	assert.deepEqual(waits(scene), ["window"]);
	assert.equal(scene.progress?.blocks, Math.ceil(SIZE / BLOCK));
	assert.deepEqual(scene.boots, ["1.0.0"]);
	const { blocks } = scene;
	// A reset meanwhile costs no block.
	scene.device.cutPower();
	pass(scene, job, HOUR - 5 * MINUTE);
	assert.deepEqual(scene.boots, ["1.0.0", "1.0.0"]);
	assert.equal(scene.blocks, blocks);
	succeeds(scene, job);
	assert.ok(scene.world.clock.now < 2 * HOUR + 10 * MINUTE, `${scene.world.clock.now}`);
});

test("a window may go through midnight", () => {
	const scene = begin({ window: { from: 23 * 60, to: 60 } });
	succeeds(scene, scene.offerFile(full));
	assert.ok(scene.world.clock.now < HOUR);
});

test("without a clock the window is waited for, and reached once the clock is set", () => {
	const scene = begin({ window: { from: 120, to: 180 } });
	scene.world.clock.set(undefined);
	const job = scene.offerFile(full);
	pass(scene, job, 6 * HOUR);
	assert.deepEqual(waits(scene), ["clock"]);
	scene.world.clock.set(1_767_225_600_000 + 90 * MINUTE);
	pass(scene, job, 10 * MINUTE);
	assert.deepEqual(waits(scene), ["clock", "window"]);
	succeeds(scene, job);
});

test("a battery that is low is waited for before the download and, again, before the restart", () => {
	let battery = 20;
	const scene = begin({ battery: 50 }, { handlers: { battery: () => battery } });
	const job = scene.offerFile(full);
	pass(scene, job, HOUR);
	assert.deepEqual(waits(scene), ["battery"]);
	assert.equal(scene.transaction, undefined);
	battery = 80;
	scene.world.run(() => (scene.progress?.blocks ?? 0) >= 3, { within: HOUR });
	battery = 30;
	pass(scene, job, HOUR);
	assert.deepEqual(waits(scene), ["battery", "battery"]);
	assert.deepEqual(scene.boots, ["1.0.0"]);
	battery = 50;
	succeeds(scene, job);
});

test("without consent nothing but the release's head is fetched", () => {
	const scene = begin({ consent: true });
	const job = scene.offerFile(full);
	pass(scene, job, DAY);
	assert.deepEqual(scene.offers, [`2.0.0 ${SIZE}`]);
	assert.deepEqual(waits(scene), ["consent"]);
	assert.equal(scene.blocks, 1);
	scene.program!.update.accept();
	succeeds(scene, job);
});

test("consent that was given lasts through a power cut", () => {
	const scene = begin({ consent: true });
	const job = scene.offerFile(full);
	scene.world.run(() => scene.offers.length > 0, { within: HOUR });
	scene.program!.update.accept();
	scene.world.run(() => (scene.progress?.blocks ?? 0) >= 3, { within: HOUR });
	scene.device.cutPower();
	succeeds(scene, job);
	assert.equal(scene.offers.length, 1);
});

test("consent to one release is none to the next", () => {
	const scene = begin({ consent: true });
	const job = scene.offerFile(full);
	scene.world.run(() => scene.offers.length > 0, { within: HOUR });
	scene.program!.update.refuse();
	scene.settle(job);
	assert.equal(scene.reason(job), "refused");
	scene.program!.update.accept();
	const next = scene.offerFile(both);
	pass(scene, next, HOUR);
	assert.equal(scene.status(next), "IN_PROGRESS");
	assert.equal(scene.offers.length, 2);
	assert.deepEqual(scene.boots, ["1.0.0"]);
});

test("what cannot be refused any more is not: on trial, and while nothing is offered", () => {
	const scene = begin({}, { handlers: { health: "manual" } });
	scene.program!.update.refuse();
	const job = scene.offerFile(full);
	scene.world.run(() => scene.boots.length === 2 && scene.program!.inSync, { within: HOUR });
	scene.program!.update.refuse();
	scene.world.advance(10_000);
	scene.program!.update.confirm();
	succeeds(scene, job);
});

test("of devices that are offered a release, the given part begins", () => {
	const begun = (percent: number): number => {
		let count = 0;
		for (let seed = 1; seed <= 20; seed++) {
			// The lot depends on the release, too.
			const scene = begin({});
			const job = scene.offerFile(fileOf(imageOf("2.0.0", 6_000, `${seed}`)), { percent });
			pass(scene, job, 5 * MINUTE);
			if (scene.isOver(job)) count++;
			else assert.deepEqual(waits(scene), ["rollout"]);
		}
		return count;
	};
	assert.equal(begun(0), 0);
	assert.equal(begun(100), 20);
	const half = begun(50);
	assert.ok(half >= 4 && half <= 16, `${half} of 20`);
});

test("a budget that pays for the patch takes the patch", () => {
	const scene = begin({ budget: { bytes: SIZE - 1_000, period: DAY } });
	const job = scene.offerFile(both);
	scene.settle(job, HOUR);
	assert.equal(scene.reason(job), "SUCCEEDED");
	assert.deepEqual(waits(scene), []);
	assert.ok(scene.blocks < SIZE / BLOCK, `${scene.blocks} blocks`);
});

test("a budget that pays for the patch alone waits where its base is not what is installed", () => {
	const scene = begin({ budget: { bytes: SIZE - 1_000, period: DAY } });
	const job = scene.offerFile(bothOfOther);
	pass(scene, job, 3 * DAY);
	assert.deepEqual(waits(scene), ["budget"]);
	assert.equal(scene.blocks, 1);
	assert.equal(scene.status(job), "IN_PROGRESS");
	assert.deepEqual(scene.boots, ["1.0.0"]);
});

test("a budget is spent by what came, is kept through resets, and is there again in the next period", () => {
	const scene = begin({ budget: { bytes: SIZE + 10_000, period: DAY } });
	const bad = full.slice();
	bad[full.length - BLOCK + 1]! ^= 1;
	const first = scene.offerFile(bad);
	scene.settle(first);
	assert.equal(scene.reason(first), "block-digest");
	const job = scene.offerFile(full);
	pass(scene, job, HOUR);
	assert.deepEqual(waits(scene), ["budget"]);
	scene.device.cutPower();
	pass(scene, job, 12 * HOUR);
	assert.equal(scene.transaction, undefined);
	succeeds(scene, job);
	assert.ok(scene.world.clock.now > DAY && scene.world.clock.now < DAY + HOUR);
});

test("without a clock no budget is spent", () => {
	const scene = begin({ budget: { bytes: 10 * SIZE, period: DAY } });
	scene.world.clock.set(undefined);
	const job = scene.offerFile(full);
	pass(scene, job, HOUR);
	assert.deepEqual(waits(scene), ["clock"]);
	assert.equal(scene.blocks, 1);
	scene.world.clock.set(1_767_225_600_000);
	succeeds(scene, job);
});

test("what is resumed is paid for once", () => {
	const scene = begin({ budget: { bytes: SIZE + BLOCK, period: DAY } });
	const job = scene.offerFile(full);
	for (const blocks of [2, 4, 6, 8]) {
		scene.world.run(() => (scene.progress?.blocks ?? 0) >= blocks, { within: HOUR });
		scene.device.cutPower();
	}
	scene.settle(job, HOUR);
	assert.equal(scene.reason(job), "SUCCEEDED");
	assert.deepEqual(waits(scene), []);
});
