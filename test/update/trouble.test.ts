// SPDX-License-Identifier: Apache-2.0
/** Updates over bad networks, with clouds and jobs that come and go, and on storage that fails. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Device } from "../../src/device.js";
import type { UpdateHandlers } from "../../src/updates.js";
import { createRelease } from "../../hosts/release/index.js";
import { Random } from "../../hosts/world/index.js";
import { BLOCK, contentOf, imageOf, successorOf } from "./releases.js";
import { releaseKey, Scene, type SceneOptions } from "./scene.js";

const HOUR = 3_600_000;
const MINUTE = 60_000;
const factory = imageOf("1.0.0", 16_000);
const SLOT = 32 * BLOCK;
const partitions = { ui_0: 2 * BLOCK, ui_1: 2 * BLOCK };

function imageRelease(version: string, size = 18_000, bases: readonly Uint8Array[] = []): Uint8Array {
	const content = bases.length > 0 ? successorOf(bases[0]!, version, size) : imageOf(version, size);
	return createRelease({
		product: "lamp", version, counter: 0, key: releaseKey.privateKey,
		components: [{ name: "main", kind: "image", content, bases, full: bases.length === 0 }],
	}).file;
}

const second = imageRelease("2.0.0");
const long = imageRelease("2.0.0", 100_000);
const patch = imageRelease("2.0.0", 40_000, [factory]);
const third = imageRelease("3.0.0");

function begin(options: SceneOptions = {}): Scene {
	const scene = new Scene({ image: factory, slot: SLOT, partitions, ...options });
	scene.world.run(() => scene.program?.inSync ?? false, { within: 60_000 });
	return scene;
}

function succeeds(scene: Scene, job: string, image: string): void {
	scene.settle(job, 12 * HOUR);
	assert.equal(scene.reason(job), "SUCCEEDED");
	assert.equal(scene.device.image!.name, image);
	assert.deepEqual(scene.device.crashes, []);
}

for (const [what, file] of [["an image", long], ["a patch", patch]] as const) {
	for (let seed = 1; seed <= 6; seed++) {
		test(`${what} comes through loss, flapping links and brokers that restart: seed ${seed}`, () => {
			const scene = begin({ seed });
			const { world, cloud } = scene;
			const job = scene.offerFile(file);
			const { network, random } = world;
			network.lose(0.05);
			network.split(0.2);
			const flap = network.flap({ up: [2_000, 20_000], down: [500, 20_000], kill: 0.5 });
			for (let restarts = 0; restarts < 6 && !scene.isOver(job); restarts++) {
				world.advance(random.between(1_000, 15_000));
				cloud.restart(random.between(100, 20_000), { forget: random.chance(0.5) });
				if (random.chance(0.5)) scene.device.cutPower();
			}
			flap();
			network.calm();
			// A trial in such a time may well fail; a failure is told, and the next try succeeds.
			scene.settle(job, 12 * HOUR);
			if (scene.reason(job) !== "SUCCEEDED") {
				assert.ok(["unhealthy", "interrupted", "hung"].includes(scene.reason(job)), scene.outcome(job));
				succeeds(scene, scene.offerFile(file), "2.0.0");
			}
		});
	}

	test(`${what} is put together of blocks out of order, twice and not at all`, () => {
		const random = new Random(7);
		const disturb = (blocks: number[]): number[] => {
			const sent = blocks.filter(() => !random.chance(0.15)).flatMap((block) => random.chance(0.2) ? [block, block] : [block]);
			return sent.sort(() => random.chance(0.2) ? 1 : -1);
		};
		const scene = begin({ disturb });
		succeeds(scene, scene.offerFile(file), "2.0.0");
	});
}

for (const blocks of [0, 5]) {
	test(`a cloud that has no files for a while, from block ${blocks} on, is asked again, and not too often`, () => {
		const scene = begin();
		const { streams } = scene.cloud.services;
		streams.failing = blocks === 0;
		const job = scene.offerFile(long);
		scene.world.run(() => (scene.progress?.blocks ?? 0) >= blocks, { within: HOUR });
		streams.failing = true;
		scene.world.advance(HOUR);
		assert.equal(scene.status(job), "IN_PROGRESS");
		assert.ok(scene.errors.length > 0 && scene.errors.length < 20, `${scene.errors.length} errors`);
		streams.failing = false;
		succeeds(scene, job, "2.0.0");
	});

	test(`a cloud that has no files for good, from block ${blocks} on, is given up`, () => {
		const scene = begin();
		const { streams } = scene.cloud.services;
		streams.failing = blocks === 0;
		const job = scene.offerFile(long);
		scene.world.run(() => (scene.progress?.blocks ?? 0) >= blocks, { within: HOUR });
		streams.failing = true;
		scene.settle(job, 24 * HOUR);
		assert.equal(scene.reason(job), "unreachable");
		streams.failing = false;
		succeeds(scene, scene.offerFile(long), "2.0.0");
	});
}

test("blocks that are another's, or of another length, are not taken for those that were asked for", () => {
	const scene = begin({ disturb: (blocks) => [...blocks, 0, 24, 3] });
	succeeds(scene, scene.offerFile(long), "2.0.0");
});

/** Fills the storage up, but for `room` bytes. */
function fill({ device: { storage } }: Scene, room: number): void {
	storage.provision("program", { fill: new Uint8Array(20_480 - room - storage.fit("program", "fill", new Uint8Array(0))) });
}

/** Where a job may be canceled, or replaced: how the device shows that it is there. */
const STAGES: [what: string, is: (scene: Scene) => boolean, handlers?: UpdateHandlers<Device>][] = [
	["before its head came", (scene) => scene.blocks === 0],
	["when its head came", (scene) => scene.blocks === 1],
	["while it waits for consent", (scene) => scene.offers.length > 0, { policy: { consent: true } }],
	["after the first block", (scene) => scene.progress?.blocks === 1],
	["in the middle", (scene) => (scene.progress?.blocks ?? 0) >= 12],
	["near its end", (scene) => (scene.progress?.blocks ?? 0) >= 20],
	["while it waits for its hour", (scene) => scene.told.at(-1)?.includes("window") ?? false, { policy: { window: { from: 600, to: 660 } } }],
];

for (const [what, is, handlers] of STAGES) {
	for (const isReplaced of [false, true]) {
		test(`a job that is ${isReplaced ? "replaced" : "canceled"} ${what} leaves nothing behind`, () => {
			const scene = begin(handlers && { handlers });
			const job = scene.offerFile(long);
			scene.world.run(() => { scene.note(job); return scene.status(job) === "IN_PROGRESS" && is(scene); }, { within: 12 * HOUR });
			scene.cloud.services.jobs.cancel(job, { force: true });
			const next = isReplaced ? scene.offerFile(second) : undefined;
			if (next !== undefined) {
				scene.world.run(() => scene.status(next) === "IN_PROGRESS", { within: HOUR });
				if (handlers?.policy?.consent) {
					scene.world.run(() => scene.offers.length > 1, { within: HOUR });
					scene.program!.update.accept();
				}
				return succeeds(scene, next, "2.0.0");
			}
			scene.world.advance(HOUR);
			assert.deepEqual(scene.boots, ["1.0.0"]);
			assert.equal(scene.transaction, undefined);
			assert.equal(scene.status(job), "CANCELED");
			scene.device.restart();
			scene.world.advance(HOUR);
			assert.deepEqual(scene.boots, ["1.0.0", "1.0.0"]);
			assert.ok(scene.ends.length <= 1, scene.ends.join());
		});
	}
}

test("a job that is canceled during the trial is tried to its end, and told once", () => {
	const scene = begin({ handlers: { health: "manual" } });
	const job = scene.offerFile(second);
	scene.world.run(() => scene.boots.length === 2 && scene.program!.inSync, { within: HOUR });
	scene.world.advance(5_000);
	scene.cloud.services.jobs.cancel(job, { force: true });
	scene.world.advance(5_000);
	scene.program!.update.confirm();
	scene.world.advance(10_000);
	assert.deepEqual(scene.ends, ["2.0.0 done"]);
	assert.equal(scene.device.host.images!.onTrial, false);
	const next = scene.offerFile(third);
	scene.world.run(() => scene.boots.length === 3 && scene.program!.inSync, { within: HOUR });
	scene.program!.update.confirm();
	succeeds(scene, next, "3.0.0");
});

test("an update that is offered while another is on trial waits for its end", () => {
	const scene = begin({ handlers: { health: "manual" } });
	const job = scene.offerFile(second);
	scene.world.run(() => scene.boots.length === 2 && scene.program!.inSync, { within: HOUR });
	const next = scene.offerFile(third);
	scene.world.advance(30_000);
	assert.equal(scene.status(next), "QUEUED");
	scene.program!.update.confirm();
	scene.world.run(() => scene.boots.length === 3 && scene.program!.inSync, { within: HOUR });
	scene.program!.update.confirm();
	succeeds(scene, job, "3.0.0");
	succeeds(scene, next, "3.0.0");
	assert.deepEqual(scene.boots, ["1.0.0", "2.0.0", "3.0.0"]);
});

test("updates follow each other, from slot to slot", () => {
	const scene = begin();
	succeeds(scene, scene.offerFile(second), "2.0.0");
	assert.equal(scene.device.image!.slot, 1);
	succeeds(scene, scene.offerFile(third), "3.0.0");
	assert.equal(scene.device.image!.slot, 0);
	scene.device.restart();
	scene.world.advance(MINUTE);
	assert.deepEqual(scene.boots, ["1.0.0", "2.0.0", "3.0.0", "3.0.0"]);
	assert.deepEqual(scene.ends, ["2.0.0 done", "3.0.0 done"]);
});

test("storage without room for what an update notes ends it with that reason, before the slot is changed", () => {
	for (const room of [0, 300, 600]) {
		const scene = begin();
		const before = scene.bytes("ota_1").slice();
		fill(scene, room);
		const job = scene.offerFile(second);
		scene.settle(job);
		assert.equal(scene.reason(job), "storage", `${room} bytes`);
		assert.deepEqual(scene.bytes("ota_1"), before);
		assert.equal(scene.ends.length, 1);
		scene.device.storage.provision("program", { fill: "" });
		succeeds(scene, scene.offerFile(second), "2.0.0");
	}
});

test("storage without room for the end of an update keeps it from being told, and nothing else", () => {
	const scene = begin();
	const job = scene.offerFile(second);
	scene.world.run(() => scene.boots.length === 2, { within: HOUR });
	fill(scene, 0);
	scene.world.advance(HOUR);
	assert.deepEqual(scene.boots, ["1.0.0", "2.0.0"]);
	assert.equal(scene.status(job), "IN_PROGRESS");
	assert.ok(scene.errors.length > 100 && scene.errors.length < 4_000, `${scene.errors.length} errors`);
	scene.device.restart();
	scene.world.advance(HOUR);
	assert.deepEqual(scene.boots, ["1.0.0", "2.0.0", "2.0.0"]);
	scene.device.storage.provision("program", { fill: "" });
	succeeds(scene, job, "2.0.0");
	assert.equal(scene.record?.previous?.version, "1.0.0");
	assert.equal(scene.record.image?.version, "2.0.0");
});

test("a cell of flash that keeps no bits ends the update, and nothing else", () => {
	const scene = begin();
	const { bytes } = scene.device.flash.partition("ota_1");
	const at = 2 * BLOCK + 77;
	// Stuck at 0: as it is looked at by the world's own side after each step.
	const job = scene.offerFile(second);
	scene.world.run(() => { bytes[at] = 0; return scene.isOver(job); }, { within: HOUR });
	assert.equal(scene.reason(job), "digest");
	assert.deepEqual(scene.boots, ["1.0.0"]);
	succeeds(scene, scene.offerFile(second), "2.0.0");
});

test("what was spoilt in the slot while the power was off is fetched once more", () => {
	const scene = begin();
	const job = scene.offerFile(long);
	scene.world.run(() => (scene.progress?.blocks ?? 0) >= 20, { within: HOUR });
	scene.device.powerOff();
	scene.bytes("ota_1")[5 * BLOCK + 9]! ^= 4;
	scene.device.powerOn();
	succeeds(scene, job, "2.0.0");
});

test("what was spoilt in a whole slot before it was activated does not boot", () => {
	const scene = begin({ handlers: { policy: { window: { from: 600, to: 660 } } } });
	const job = scene.offerFile(second);
	scene.world.run(() => { scene.note(job); return scene.told.at(-1)?.includes("window") ?? false; }, { within: HOUR });
	scene.device.powerOff();
	scene.bytes("ota_1")[2 * BLOCK + 9]! ^= 4;
	scene.device.powerOn();
	scene.settle(job, 24 * HOUR);
	assert.equal(scene.reason(job), "SUCCEEDED");
	assert.ok(!scene.boots.includes(""));
});

test("a record that is none any more is begun anew", () => {
	const scene = begin();
	succeeds(scene, scene.offerFile(second), "2.0.0");
	scene.device.powerOff();
	scene.device.storage.provision("update", { record: "{", progress: "x", manifest: "y" });
	scene.device.powerOn();
	succeeds(scene, scene.offerFile(third), "3.0.0");
	assert.equal(scene.errors.filter((error) => error.startsWith("corrupt")).length, 1);
});

test("an image whose record is lost while it is on trial is confirmed all the same", () => {
	const scene = begin();
	const job = scene.offerFile(second);
	scene.world.run(() => scene.transaction?.phase === "ready", { within: HOUR });
	scene.world.run(() => !scene.device.running, { within: HOUR });
	scene.device.storage.provision("update", { record: "{" });
	scene.world.run(() => scene.device.running && scene.program!.inSync, { within: HOUR });
	scene.world.advance(HOUR);
	assert.deepEqual(scene.boots, ["1.0.0", "2.0.0"]);
	assert.equal(scene.device.host.images!.onTrial, false);
	assert.equal(scene.errors.length, 1);
	// Nobody knows any more that it was this job which brought it.
	assert.equal(scene.reason(job), "version");
	succeeds(scene, scene.offerFile(third), "3.0.0");
});

test("a mod is updated from slot to slot, and stays as it is through an update of the image", () => {
	const scene = begin();
	const offer = (version: string): string => scene.offer({
		version, components: [{ name: "ui", kind: "mod", content: contentOf("good", 6_000, version) }],
	});
	succeeds(scene, offer("1.0.0"), "1.0.0");
	succeeds(scene, offer("1.1.0"), "1.0.0");
	assert.equal(scene.record!.components[0]!.slot, 1);
	succeeds(scene, scene.offerFile(second), "2.0.0");
	assert.equal(scene.mods.at(-1), "good 1.1.0");
	succeeds(scene, offer("1.2.0"), "2.0.0");
	assert.equal(scene.mods.at(-1), "good 1.2.0");
	assert.equal(scene.record!.components[0]!.slot, 0);
});
