// SPDX-License-Identifier: Apache-2.0
/** Devices of the world with two images: trials, reverts, watchdog, and the power cut at every operation of an update. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { crypto } from "../../hosts/node/digest.js";
import { createWorld, worldImage, type Device, type Program, type Tear, type World } from "../../hosts/world/index.js";
import { TRIAL_TIMEOUT, type Host } from "../../src/host.js";

const TEARS: readonly Tear[] = ["none", "prefix", "bits", "words", "whole", "any"];

/** Puts `image` into the other slot, and makes it the next to boot. */
function install({ flash, images }: Host, image: Uint8Array): void {
	const next = flash.open({ path: "nextota" });
	next.eraseBlock(0, Math.ceil(image.byteLength / next.blockLength));
	next.write(image, 0);
	next.close();
	images!.activate();
}

interface Scene {
	world: World;
	device: Device;
	/** The name, trial and reset reason of each. */
	boots: string[];
	/** What `onBoot` threw. */
	failures: unknown[];
}

interface SceneOptions {
	image?: string | Uint8Array;
	slot?: number;
	seed?: number;
	onBoot?: () => void;
}

/** A device that was made with "one". */
function start(programs: Record<string, Program> = {}, options: SceneOptions = {}): Scene {
	const world = createWorld({ seed: options.seed ?? 1, digest: algorithm => crypto.digest(algorithm) });
	const boots: string[] = [], failures: unknown[] = [];
	const noted = (name: string, program: Program): Program => host => {
		boots.push(`${name}${host.images!.onTrial ? "?" : ""} ${host.system.resetReason}`);
		try {
			options.onBoot?.();
		} catch (error) {
			failures.push(error);
		}
		return program(host);
	};
	const all = { one() {}, two() {}, three() {}, ...programs };
	const device = world.device({
		id: "lamp", image: options.image ?? "one", slot: options.slot,
		programs: Object.fromEntries(Object.entries(all).map(([name, program]) => [name, noted(name, program)])),
	});
	return { world, device, boots, failures };
}

function running({ world, device }: Scene): Host {
	world.run(() => device.running);
	return device.host;
}

/** The device runs "two", on trial. */
function startTrial(programs: Record<string, Program> = {}): Scene & { host: Host } {
	const scene = start(programs);
	install(running(scene), worldImage("two", crypto));
	scene.device.restart();
	return { ...scene, host: running(scene) };
}

function cells({ device }: Scene): string[] {
	return ["ota_0", "ota_1", "otadata"].map(name => device.flash.partition(name).bytes.join());
}

test("a device boots what the factory put into its first slot, is not on trial and has nothing to go back to", () => {
	const scene = start(), { images } = running(scene);
	assert.deepEqual(scene.boots, ["one power-on"]);
	assert.deepEqual(scene.device.image, { name: "one", slot: 0, onTrial: false });
	assert.deepEqual([images!.onTrial, images!.canRevert], [false, false]);
	assert.equal(scene.device.operations, 2, "its entry is written once");
	scene.device.restart();
	running(scene);
	assert.equal(scene.device.operations, 2);
	scene.device.powerOff();
	assert.equal(scene.device.image, undefined);
});

test("an image that is confirmed stays, and the one before can be booted again", () => {
	const scene = startTrial(), { device, boots } = scene, { images } = scene.host;
	assert.deepEqual(device.image, { name: "two", slot: 1, onTrial: true });
	assert.deepEqual([images!.onTrial, images!.canRevert], [true, true]);
	images!.confirm();
	assert.deepEqual([images!.onTrial, images!.canRevert], [false, true]);
	const { operations } = device;
	images!.confirm();
	assert.equal(device.operations, operations, "confirming again does nothing");
	scene.world.advance(2 * TRIAL_TIMEOUT);
	device.cutPower();
	running(scene);
	assert.throws(() => device.host.images!.revert());
	running(scene);
	assert.deepEqual(boots, ["one power-on", "two? software", "two power-on", "one software"]);
	assert.equal(device.host.images!.canRevert, false, "what was reverted is bad");
	assert.throws(() => device.host.images!.revert(), { code: "state" });
});

test("whatever resets an image on trial reverts it for good", () => {
	const resets: readonly [string, (scene: Scene & { host: Host }) => void, Program?][] = [
		["power-on", ({ device }) => device.cutPower()],
		["software", ({ device }) => device.restart()],
		["software", ({ host }) => assert.throws(() => host.system.restart())],
		["software", ({ host }) => assert.throws(() => host.images!.revert())],
		["exception", () => {}, () => { throw new Error("at once"); }],
		["exception", ({ world }) => void world.advance(1_000), host => void host.timer.set(() => { throw new Error("later"); }, 100)],
		["watchdog", ({ world }) => void world.advance(TRIAL_TIMEOUT)],
	];
	for (const [reason, reset, two] of resets) {
		const scene = start({ two: two ?? (() => {}) });
		install(running(scene), worldImage("two", crypto));
		scene.device.restart();
		scene.world.run(() => scene.device.boots === 2);
		if (scene.device.running) reset({ ...scene, host: scene.device.host });
		else reset(scene as Scene & { host: Host });
		scene.world.advance(10 * TRIAL_TIMEOUT);
		assert.deepEqual(scene.boots, ["one power-on", "two? software", `one ${reason}`]);
		assert.equal(scene.device.host.images!.canRevert, false);
		scene.device.restart();
		running(scene);
		assert.equal(scene.boots.at(-1), "one software");
	}
});

test("the watchdog waits for TRIAL_TIMEOUT to the millisecond, and for nobody who was confirmed", () => {
	for (const confirmed of [false, true]) {
		const scene = startTrial(), began = scene.world.clock.now;
		scene.world.run(began + TRIAL_TIMEOUT - 1);
		assert.equal(scene.device.boots, 2);
		if (confirmed) scene.host.images!.confirm();
		scene.world.run(began + TRIAL_TIMEOUT + 1_000);
		assert.equal(scene.device.boots, confirmed ? 2 : 3);
	}
});

test("an image that names no program of the device crashes at once, and is reverted", () => {
	const scene = start();
	for (const name of ["four", "toString"]) {
		install(running(scene), worldImage(name, crypto));
		scene.device.restart();
		scene.world.advance(5_000);
		assert.equal(scene.boots.at(-1), "one exception");
		assert.match(String(scene.device.crashes.at(-1)!.error), new RegExp(`program "${name}"`));
	}
	const nameless = new Uint8Array(100).fill(0xff);
	assert.throws(() => worldImage("two\nlines", crypto), { code: "argument" });
	assert.throws(() => worldImage("x".repeat(64), crypto), { code: "argument" });
	assert.throws(() => start({}, { slot: 4_096, image: worldImage("one", crypto, { padding: 4_096 }) }), { code: "argument" });
	assert.throws(() => install(scene.device.host, nameless), { code: "corrupt" });
});

test("what is no whole image is not activated, and nothing is changed", () => {
	const scene = start(), host = running(scene), good = worldImage("two", crypto, { padding: 5_000 });
	const broken: Uint8Array[] = [good.subarray(0, -1), good.subarray(0, 20), new Uint8Array(0), new Uint8Array(100)];
	for (const place of [0, 5, 9, 16, 2_000, good.byteLength - 40, good.byteLength - 1]) {
		const spoilt = good.slice();
		spoilt[place]! ^= 0x10;
		broken.push(spoilt);
	}
	const next = host.flash.open({ path: "nextota" });
	for (const image of broken) {
		next.eraseBlock(0, 3);
		next.write(image, 0);
		const before = cells(scene), { operations } = scene.device;
		assert.throws(() => host.images!.activate(), { code: "corrupt" });
		assert.deepEqual(cells(scene), before);
		assert.equal(scene.device.operations, operations);
	}
	scene.device.restart();
	running(scene);
	assert.deepEqual(scene.boots, ["one power-on", "one software"]);
});

test("a program sees its slots as running and nextota, and neither the running one nor the boot loader's can be written", () => {
	const scene = startTrial(), { host } = scene, { images, flash } = host;
	const runningSlot = flash.open({ path: "running" }), next = flash.open({ path: "nextota" });
	assert.deepEqual([runningSlot.size, next.size, next.blockLength], [65_536, 65_536, 4_096]);
	const first = new Uint8Array(20), other = new Uint8Array(20);
	runningSlot.read(first, 0);
	next.read(other, 0);
	assert.deepEqual([first[19], other[19]], ["\n".charCodeAt(0), "\n".charCodeAt(0)]);
	assert.notDeepEqual(first, other);
	assert.throws(() => runningSlot.write(first, 0), { code: "argument" });
	assert.throws(() => runningSlot.eraseBlock(0), { code: "argument" });
	for (const path of ["ota_0", "ota_1", "otadata"]) assert.throws(() => flash.open({ path }), { code: "argument" });
	const before = cells(scene);
	assert.throws(() => next.write(first, 0), { code: "state" }, "the image before is needed");
	assert.throws(() => next.eraseBlock(0), { code: "state" });
	assert.throws(() => images!.activate(), { code: "state" });
	assert.deepEqual(cells(scene), before);
	images!.confirm();
	next.eraseBlock(0);
	next.write(first, 0);
	next.close();
	assert.throws(() => next.read(first, 0), { code: "state" });
});

test("once the other slot is written to, it is not the image before any more, whole or not", () => {
	const scene = startTrial(), { host, device } = scene;
	host.images!.confirm();
	const next = host.flash.open({ path: "nextota" });
	assert.equal(host.images!.canRevert, true);
	const image = new Uint8Array(next.size);
	next.read(image, 0);
	next.eraseBlock(15);
	assert.equal(host.images!.canRevert, false, "although the image is whole");
	assert.throws(() => host.images!.revert(), { code: "state" });
	device.restart();
	assert.deepEqual([running(scene).images!.canRevert, device.image!.name], [false, "two"]);
	device.host.images!.activate();
	assert.equal(device.host.images!.canRevert, false, "it waits for its trial");
	device.restart();
	assert.deepEqual([running(scene).images!.onTrial, device.image!.name], [true, "one"]);
});

test("a new image may be taken back before its boot, by writing over it", () => {
	const scene = start(), host = running(scene);
	install(host, worldImage("two", crypto));
	const next = host.flash.open({ path: "nextota" });
	next.eraseBlock(0);
	scene.device.restart();
	assert.equal(running(scene).images!.onTrial, false);
	install(scene.device.host, worldImage("three", crypto));
	install(scene.device.host, worldImage("two", crypto));
	scene.device.restart();
	running(scene);
	assert.deepEqual(scene.boots, ["one power-on", "one software", "two? software"]);
});

test("where an image is broken the other boots, and with both broken the device stays dark", () => {
	const scene = startTrial(), { device, world } = scene;
	scene.host.images!.confirm();
	device.flash.partition("ota_1").bytes[17]! ^= 1;
	device.restart();
	assert.deepEqual([running(scene).images!.onTrial, device.image!.name], [false, "one"]);
	assert.equal(device.host.images!.canRevert, false);
	install(device.host, worldImage("three", crypto));
	device.restart();
	running(scene).images!.confirm();
	device.flash.partition("ota_0").bytes[17]! ^= 1;
	device.flash.partition("ota_1").bytes[17]! ^= 1;
	device.restart();
	world.advance(60_000);
	assert.equal(device.running, false);
	device.flash.partition("ota_0").bytes[17]! ^= 1;
	device.powerOn();
	running(scene);
	assert.deepEqual(scene.boots.slice(2), ["one software", "three? software", "one power-on"]);
});

test("with the boot loader's entries lost, an image boots all the same", () => {
	for (const sectors of [[0], [1], [0, 1]]) {
		for (const fill of [0, 0x5a, 0xff]) {
			const scene = startTrial(), { device } = scene;
			scene.host.images!.confirm();
			for (const sector of sectors) device.flash.partition("otadata").bytes.fill(fill, sector * 4_096, (sector + 1) * 4_096);
			device.restart();
			const { images } = running(scene);
			assert.equal(device.image!.name, sectors.includes(1) ? "one" : "two");
			assert.equal(images!.onTrial, false);
			install(device.host, worldImage("three", crypto));
			device.restart();
			running(scene).images!.confirm();
			assert.equal(device.image!.name, "three");
		}
	}
});

interface Play {
	readonly operations: number;
	readonly boots: readonly string[];
}

/**
 * One updates itself to two, which confirms itself and goes back to one, which tries three, which crashes. The programs do
 * again what a power cut undid. Checks at every boot that it is one of an image that may boot.
 */
function play(seed: number, cuts: readonly number[], tear: Tear): Play {
	const confirmed = new Set(["one"]), trials = new Map<string, number>();
	let activations = 0, ended = false, isReverting = false, badTried = false, promised = false;
	const update = (host: Host, name: string): never => {
		// So that a trial can be told from the one of the same image before.
		install(host, worldImage(name, crypto, { seed: ++activations, padding: 5_000 }));
		return host.system.restart() as never;
	};
	const inspect = ({ device }: Scene): void => {
		const { name, slot, onTrial } = device.image!;
		if (onTrial) {
			const image = device.flash.partition(`ota_${slot}`).bytes.join(), count = (trials.get(image) ?? 0) + 1;
			trials.set(image, count);
			assert.equal(count, 1, `trial ${count} of ${name}`);
		} else {
			assert.ok(confirmed.has(name), `${name} was never confirmed`);
			if (promised && !isReverting) assert.equal(name, "two", "what was confirmed stays");
		}
	};
	const scene: Scene = start({
		one(host) {
			if (badTried) ended = true;
			else update(host, isReverting ? "three" : "two");
		},
		two(host) {
			if (host.images!.onTrial) {
				confirmed.add("two");
				host.images!.confirm();
				promised = true;
			}
			isReverting = true;
			host.images!.revert();
		},
		three() {
			badTried = true;
			throw new Error("three is bad");
		},
	}, { seed, onBoot: () => inspect(scene) });
	const { world, device } = scene;
	for (const cut of cuts) device.cutPowerAt(cut, tear);
	world.run(() => ended || scene.failures.length > 0, { steps: 10_000 });
	assert.deepEqual(scene.failures, []);
	assert.equal(device.image!.name, "one");
	assert.ok(device.crashes.every(({ error }) => (error as Error).message === "three is bad"));
	return { operations: device.operations, boots: scene.boots };
}

test("an update with the power cut at every operation: only good images boot, a trial is one boot, and all ends well", () => {
	const { operations, boots } = play(0, [], "none");
	assert.deepEqual(boots, ["one power-on", "two? software", "one software", "three? software", "one exception"]);
	let cuts = 0;
	for (const tear of TEARS) {
		for (let cut = 1; cut <= operations; cut++, cuts++) play(cut, [cut], tear);
	}
	assert.ok(cuts > 100, `${cuts} cuts`);
});

test("an update with the power cut twice, at every two operations", () => {
	const { operations } = play(0, [], "none");
	for (let first = 1; first <= operations; first++) {
		for (let second = first + 1; second <= operations + 4; second++) play(first * 1_000 + second, [first, second], "any");
	}
});
