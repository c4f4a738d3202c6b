// SPDX-License-Identifier: Apache-2.0
/** Images and mods that are no good are left again, with and without the cloud; and the way back on request. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Device } from "../../src/device.js";
import type { UpdateHandlers } from "../../src/updates.js";
import { createRelease } from "../../hosts/release/index.js";
import { BLOCK, contentOf, imageOf, sealed, manifestOf } from "./releases.js";
import { releaseKey, Scene } from "./scene.js";

const HOUR = 3_600_000;
/** ms within which a bad image is left, with the boots before and after. */
const LEFT_WITHIN = 121_000;
const partitions = { ui_0: 2 * BLOCK, ui_1: 2 * BLOCK };

const BAD = [
	["crash", "crashed"], ["hang", "hung"], ["mute", "unhealthy"], ["reject", "unhealthy"], ["label", "mislabelled"],
] as const;

function begin(handlers: UpdateHandlers<Device> = {}, provides: readonly string[] = []): Scene {
	const scene = new Scene({ partitions, handlers, provides });
	scene.world.advance(10_000);
	return scene;
}

for (const [image, reason] of BAD) {
	test(`an image that is ${image} is left after one boot, and the cloud is told`, () => {
		const scene = begin();
		const job = scene.offer({ image });
		scene.world.run(() => scene.boots.includes(image), { within: HOUR });
		scene.world.advance(LEFT_WITHIN);
		assert.deepEqual(scene.boots, ["1.0.0", image, "1.0.0"]);
		scene.settle(job);
		assert.equal(scene.outcome(job), `FAILED {"update":"failed","version":"1.0.0","reason":"${reason}"}`);
		assert.deepEqual(scene.ends, [`2.0.0 ${reason}`]);
		assert.equal(scene.record?.counter, 0);
		// It works, and is updated, as before.
		const next = scene.offer();
		scene.settle(next);
		assert.equal(scene.reason(next), "SUCCEEDED");
	});

	test(`an image that is ${image} is left while the cloud is down, too`, () => {
		const scene = begin();
		const job = scene.offer({ image });
		scene.world.run(() => scene.boots.includes(image), { within: HOUR });
		scene.cloud.stop();
		scene.world.advance(LEFT_WITHIN);
		assert.deepEqual(scene.boots, ["1.0.0", image, "1.0.0"]);
		scene.world.advance(HOUR);
		scene.cloud.start();
		scene.settle(job);
		assert.equal(scene.reason(job), reason);
		assert.deepEqual(scene.boots, ["1.0.0", image, "1.0.0"]);
	});
}

test("a good image that finds no cloud is left as well, and installed once there is one", () => {
	const scene = begin();
	const job = scene.offer();
	scene.world.run(() => scene.boots.includes("2.0.0"), { within: HOUR });
	scene.cloud.stop();
	scene.world.advance(HOUR);
	assert.deepEqual(scene.boots, ["1.0.0", "2.0.0", "1.0.0"]);
	scene.cloud.start();
	scene.settle(job);
	assert.equal(scene.reason(job), "unhealthy");
	const again = scene.offer();
	scene.settle(again);
	assert.equal(scene.reason(again), "SUCCEEDED");
});

test("where the program confirms, nothing else does", () => {
	const scene = begin({ health: "manual" });
	const job = scene.offer();
	scene.world.run(() => scene.boots.includes("2.0.0"), { within: HOUR });
	scene.world.run(() => scene.program!.inSync, { within: HOUR });
	scene.world.advance(60_000);
	assert.equal(scene.program!.update.onTrial, true);
	assert.equal(scene.status(job), "IN_PROGRESS");
	scene.program!.update.confirm();
	scene.settle(job);
	assert.equal(scene.reason(job), "SUCCEEDED");
});

test("a security counter that an image brings is not in force before it is confirmed", () => {
	const scene = new Scene({ counter: 0 });
	scene.world.advance(10_000);
	const bad = scene.offer({ image: "crash", counter: 7 });
	scene.settle(bad);
	assert.equal(scene.record?.counter, 0);
	const good = scene.offer({ counter: 5 });
	scene.settle(good);
	assert.equal(scene.reason(good), "SUCCEEDED");
	assert.equal(scene.record?.counter, 5);
});

for (const [line, reason] of [["crash", "crashed"], ["late", "crashed"], ["reject", "unhealthy"]] as const) {
	test(`a mod that is ${line} is left for the one before`, () => {
		const scene = begin();
		const offer = (version: string, what: string): string => scene.offer({
			version, components: [{ name: "ui", kind: "mod", content: contentOf(what, 6_000) }],
		});
		const first = offer("1.0.0", "good");
		scene.settle(first);
		assert.equal(scene.reason(first), "SUCCEEDED");
		const before = scene.device.boots;
		const second = offer("2.0.0", line);
		scene.world.run(() => scene.mods.includes(`${line} 2.0.0`), { within: HOUR });
		scene.world.advance(LEFT_WITHIN);
		assert.ok(scene.device.boots <= before + 3, `${scene.device.boots - before} boots`);
		assert.equal(scene.mods.at(-1), "good 1.0.0");
		scene.settle(second);
		assert.equal(scene.reason(second), reason);
		assert.deepEqual(scene.record?.components.map(({ version }) => version), ["1.0.0"]);
		const third = offer("3.0.0", "good");
		scene.settle(third);
		assert.equal(scene.reason(third), "SUCCEEDED");
		assert.equal(scene.mods.at(-1), "good 3.0.0");
	});

	test(`a mod that is ${line} is left together with the image that it came with`, () => {
		const scene = begin();
		const job = scene.offer({
			components: [
				{ name: "ui", kind: "mod", content: contentOf(line, 6_000) },
				{ name: "main", kind: "image", content: imageOf("2.0.0", 9_000) },
			],
		});
		scene.world.run(() => scene.boots.includes("2.0.0"), { within: HOUR });
		scene.world.advance(LEFT_WITHIN);
		assert.deepEqual(scene.boots, ["1.0.0", "2.0.0", "1.0.0"]);
		assert.deepEqual(scene.mods, ["", `${line} 2.0.0`, ""]);
		scene.settle(job);
		assert.equal(scene.reason(job), reason);
		assert.equal(scene.program!.update.component("ui"), undefined);
	});
}

test("a mod is what the program loads from its first boot on", () => {
	const scene = begin();
	const job = scene.offer({ version: "1.0.0", components: [{ name: "ui", kind: "mod", content: contentOf("good", 6_000) }] });
	scene.settle(job);
	assert.equal(scene.reason(job), "SUCCEEDED");
	assert.deepEqual(scene.mods, ["", "good 1.0.0"]);
	assert.deepEqual(scene.trials, [false, true]);
});

test("a program knows from its first line on that it is on trial", () => {
	const scene = begin();
	scene.settle(scene.offer());
	assert.deepEqual(scene.trials, [false, true]);
	assert.equal(scene.program!.update.onTrial, false);
	scene.device.restart();
	scene.world.advance(10_000);
	assert.deepEqual(scene.trials, [false, true, false]);
});

test("a mod that is no good is left where the storage has no room to note it, too", () => {
	const scene = begin();
	const job = scene.offer({ version: "1.0.0", components: [{ name: "ui", kind: "mod", content: contentOf("crash", 6_000) }] });
	scene.world.run(() => scene.transaction?.phase === "ready", { within: HOUR });
	const { storage } = scene.device;
	storage.provision("program", { fill: new Uint8Array(20_480 - storage.fit("program", "fill", new Uint8Array(0))) });
	scene.world.advance(HOUR);
	assert.deepEqual(scene.mods, ["", "crash 1.0.0", "crash 1.0.0", ""]);
	storage.provision("program", { fill: "" });
	scene.device.restart();
	scene.settle(job);
	assert.equal(scene.reason(job), "crashed");
	assert.equal(scene.mods.at(-1), "");
});

test("what a mod requires decides whether it is installed, and whether it is there", () => {
	const scene = begin({}, ["lamp-1"]);
	const offer = (requires: string, version: string): string => scene.offer({
		version, components: [{ name: "ui", kind: "mod", content: contentOf("good", 6_000, version), requires }],
	});
	const foreign = offer("lamp-2", "1.0.0");
	scene.settle(foreign);
	assert.equal(scene.reason(foreign), "compatibility");
	const own = offer("lamp-1", "1.0.1");
	scene.settle(own);
	assert.equal(scene.reason(own), "SUCCEEDED");
	assert.equal(scene.mods.at(-1), "good 1.0.1");
});

test("the image before is booted on request, without a download; and no second time", () => {
	const scene = begin();
	const none = scene.offerRollback();
	scene.settle(none);
	assert.equal(scene.reason(none), "no-previous");
	const job = scene.offer();
	scene.settle(job);
	const { blocks } = scene;
	const back = scene.offerRollback();
	scene.settle(back);
	assert.equal(scene.outcome(back), 'SUCCEEDED {"update":"done","version":"1.0.0"}');
	assert.deepEqual(scene.boots, ["1.0.0", "2.0.0", "1.0.0"]);
	assert.equal(scene.blocks, blocks);
	assert.deepEqual(scene.ends.slice(1), ["2.0.0 done", "1.0.0 done"]);
	const again = scene.offerRollback();
	scene.settle(again);
	assert.equal(scene.reason(again), "no-previous");
	// What was left can be installed anew.
	const anew = scene.offer();
	scene.settle(anew);
	assert.equal(scene.reason(anew), "SUCCEEDED");
});

test("the image before comes back with the mods that it had", () => {
	const scene = begin();
	const ui = (line: string) => ({ name: "ui", kind: "mod", content: contentOf(line, 6_000) }) as const;
	scene.settle(scene.offer({ version: "1.0.0", components: [ui("needs 1.0.0")] }));
	assert.equal(scene.mods.at(-1), "needs 1.0.0 1.0.0");
	const main = { name: "main", kind: "image", content: imageOf("2.0.0", 9_000) } as const;
	const job = scene.offer({ components: [main, ui("needs 2.0.0")] });
	scene.settle(job);
	assert.equal(scene.reason(job), "SUCCEEDED");
	assert.equal(scene.mods.at(-1), "needs 2.0.0 2.0.0");
	const back = scene.offerRollback();
	scene.settle(back);
	assert.equal(scene.reason(back), "SUCCEEDED");
	assert.equal(scene.mods.at(-1), "needs 1.0.0 1.0.0");
	assert.deepEqual(scene.device.crashes, []);
	scene.device.restart();
	scene.world.advance(10_000);
	assert.equal(scene.mods.at(-1), "needs 1.0.0 1.0.0");
});

test("a mod that was replaced since then does not come back as what it was", () => {
	const scene = begin();
	const ui = (line: string, version: string) => ({ version, components: [{ name: "ui", kind: "mod", content: contentOf(line, 6_000, version) }] }) as const;
	scene.settle(scene.offer(ui("good", "1.0.0")));
	scene.settle(scene.offer());
	scene.settle(scene.offer(ui("good", "2.1.0")));
	scene.settle(scene.offer(ui("good", "2.2.0")));
	const back = scene.offerRollback();
	scene.settle(back);
	assert.equal(scene.reason(back), "SUCCEEDED");
	assert.equal(scene.mods.at(-1), "good 2.2.0");
	assert.deepEqual(scene.device.crashes, []);
});

test("an image whose security counter is behind is not gone back to", () => {
	const scene = begin();
	scene.settle(scene.offer({ counter: 2 }));
	const back = scene.offerRollback();
	scene.settle(back);
	assert.equal(scene.reason(back), "unsafe");
	assert.deepEqual(scene.boots, ["1.0.0", "2.0.0"]);
});

test("there is no way back once a download has begun, even one that failed", () => {
	const scene = begin();
	scene.settle(scene.offer());
	const { file } = createRelease({
		product: "lamp", version: "3.0.0", counter: 0, key: releaseKey.privateKey,
		components: [{ name: "main", kind: "image", content: imageOf("3.0.0", 9_000) }],
	});
	const spoilt = sealed(file, manifestOf(file));
	spoilt[2 * BLOCK + 5]! ^= 1;
	const bad = scene.offerFile(spoilt);
	scene.settle(bad);
	assert.equal(scene.reason(bad), "block-digest");
	const back = scene.offerRollback();
	scene.settle(back);
	assert.equal(scene.reason(back), "no-previous");
	assert.deepEqual(scene.boots, ["1.0.0", "2.0.0"]);
});

test("a request to go back survives a power cut at each of its operations", () => {
	const run = (at: number | undefined): { first: number; operations: number } => {
		const scene = begin();
		scene.settle(scene.offer());
		const first = scene.device.operations + 1;
		if (at !== undefined) scene.device.cutPowerAt(at, "any");
		const back = scene.offerRollback();
		scene.settle(back);
		assert.equal(scene.reason(back), "SUCCEEDED", `cut at ${at}`);
		assert.equal(scene.device.image!.name, "1.0.0");
		assert.equal(scene.record?.image, undefined);
		return { first, operations: scene.device.operations };
	};
	const { first, operations } = run(undefined);
	for (let at = first; at <= operations; at++) run(at);
});

const UNDER_WAY = "REJECTED UNSAFE: an update is under way";

test("the command rollback boots the image before, with its mods, where that is safe; and no second time", () => {
	const scene = new Scene({ commands: true, partitions });
	const ui = (line: string) => ({ name: "ui", kind: "mod", content: contentOf(line, 6_000) }) as const;
	assert.match(scene.command("rollback"), /^REJECTED UNSAFE: there is no image before/);
	scene.settle(scene.offer({ version: "1.0.0", components: [ui("needs 1.0.0")] }));
	const main = { name: "main", kind: "image", content: imageOf("2.0.0", 9_000) } as const;
	scene.settle(scene.offer({ components: [main, ui("needs 2.0.0")] }));
	assert.equal(scene.command("rollback"), "SUCCEEDED");
	assert.equal(scene.device.image!.name, "1.0.0");
	assert.deepEqual([scene.mods.at(-1), scene.ends.at(-1), scene.transaction], ["needs 1.0.0 1.0.0", "1.0.0 done", undefined]);
	scene.device.restart();
	scene.world.advance(20_000);
	assert.deepEqual([scene.mods.at(-1), scene.ends.length], ["needs 1.0.0 1.0.0", 3]);
	assert.match(scene.command("rollback"), /^REJECTED UNSAFE: there is no image before/);
	const anew = scene.offer({ components: [main, ui("needs 2.0.0")] });
	scene.settle(anew);
	assert.equal(scene.reason(anew), "SUCCEEDED");
	assert.deepEqual(scene.device.crashes, []);
});

test("the command rollback does not undo what a security counter says, nor what is under way", () => {
	const scene = new Scene({ commands: true, handlers: { policy: { consent: true } } });
	const job = scene.offer({ counter: 2 });
	scene.world.run(() => scene.offers.length > 0);
	assert.equal(scene.command("rollback"), UNDER_WAY);
	scene.program!.update.accept();
	scene.settle(job);
	assert.equal(scene.command("rollback"), "REJECTED UNSAFE: security counter 0 of the image before");
	assert.deepEqual(scene.boots, ["1.0.0", "2.0.0"]);
});

test("the command rollback survives a power cut at each of its operations", () => {
	const run = (at: number | undefined): { first: number; operations: number } => {
		const scene = new Scene({ commands: true });
		scene.settle(scene.offer());
		const first = scene.device.operations + 1;
		if (at !== undefined) scene.device.cutPowerAt(at, "any");
		const said = scene.command("rollback");
		scene.world.advance(60_000);
		assert.deepEqual([said, scene.device.image!.name], ["SUCCEEDED", "1.0.0"], `cut at ${at}`);
		assert.deepEqual(scene.device.crashes, []);
		return { first, operations: scene.device.operations };
	};
	const { first, operations } = run(undefined);
	for (let at = first; at <= operations; at++) run(at);
});
