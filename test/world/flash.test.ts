// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { BLOCK_LENGTH, createWorld, type Device, type Tear } from "../../hosts/world/index.js";
import type { Host } from "../../src/host.js";
import { bytes, createScene } from "./scene.js";

const TEARS: readonly Tear[] = ["none", "prefix", "bits", "words", "whole", "any"];

/** Boots a device that runs `program` at its first boot only, and lets it boot again if it was cut. */
function play(seed: number | string, program: (host: Host) => void, prepare: (device: Device) => void): Device {
	const world = createWorld({ seed });
	let first = true;
	const device = world.device({
		id: "lamp", partitions: { data: 2 * BLOCK_LENGTH },
		program(host) {
			if (first) {
				first = false;
				program(host);
			}
		},
	});
	prepare(device);
	world.advance(5000);
	assert.deepEqual(device.crashes, []);
	return device;
}

test("a new partition is erased; programming only clears bits; erasing sets whole blocks", () => {
	const { host, device } = createScene({ seed: 1, partitions: { data: 2 * BLOCK_LENGTH } }), data = host.flash.open({ path: "data" });
	assert.deepEqual([data.size, data.blockLength], [2 * BLOCK_LENGTH, BLOCK_LENGTH]);
	const read = (offset: number, count: number) => {
		const target = new Uint8Array(count);
		data.read(target, offset);
		return [...target];
	};
	assert.deepEqual(read(0, 3), [255, 255, 255]);
	data.write(Uint8Array.of(0xf0, 0x0f), 0);
	data.write(Uint8Array.of(0x3c, 0xff), 0);
	assert.deepEqual(read(0, 3), [0x30, 0x0f, 255]);
	data.write(Uint8Array.of(1), 2 * BLOCK_LENGTH - 1);
	data.eraseBlock(0);
	assert.deepEqual(read(0, 2), [255, 255]);
	assert.deepEqual(read(2 * BLOCK_LENGTH - 1, 1), [1]);
	data.eraseBlock(0, 2);
	assert.deepEqual(read(2 * BLOCK_LENGTH - 1, 1), [255]);
	assert.deepEqual([...device.flash.partition("data").wear], [2, 1]);
	assert.equal(device.operations, 6, "three writes and three erasures");
});

test("programming clears the same bits at every offset and length, however the source lies in memory", () => {
	const { host, world } = createScene({ seed: 1, partitions: { data: BLOCK_LENGTH } }), data = host.flash.open({ path: "data" });
	const model = new Uint8Array(BLOCK_LENGTH).fill(0xff), cells = new Uint8Array(BLOCK_LENGTH), room = new Uint8Array(200);
	for (let round = 0; round < 300; round++) {
		const offset = world.random.between(0, BLOCK_LENGTH - 200), start = world.random.between(0, 9), count = world.random.between(0, 150);
		const source = room.subarray(start, start + count);
		world.random.fill(source);
		data.write(source, offset);
		source.forEach((byte, index) => { model[offset + index]! &= byte; });
	}
	data.read(cells, 0);
	assert.deepEqual(cells, model);
});

test("what lies outside is refused, and so is everything after close", () => {
	const { host } = createScene({ seed: 1, partitions: { data: BLOCK_LENGTH } }), data = host.flash.open({ path: "data" });
	assert.throws(() => host.flash.open({ path: "nothing" }), { code: "argument" });
	for (const offset of [-1, BLOCK_LENGTH - 1, 0.5, NaN]) {
		assert.throws(() => data.write(bytes(2), offset), { code: "argument" });
		assert.throws(() => data.read(new Uint8Array(2), offset), { code: "argument" });
	}
	for (const [from, to] of [[-1, 0], [0, 2], [1, 0], [0.5, 1], [1, undefined]] as const) assert.throws(() => data.eraseBlock(from, to), { code: "argument" });
	data.close();
	data.close();
	assert.throws(() => data.read(new Uint8Array(1), 0), { code: "state" });
	assert.throws(() => data.eraseBlock(0), { code: "state" });
	assert.throws(() => createScene({ seed: 1, partitions: { odd: 100 } }), { code: "argument" });
});

test("a torn write changes only bits that the whole write would have changed", () => {
	for (const tear of TEARS) {
		for (let seed = 0; seed < 20; seed++) {
			const device = play(seed, host => host.flash.open({ path: "data" }).write(new Uint8Array(64).fill(0x5a), 10), made => made.cutPowerAt(1, tear));
			const after = [...device.flash.partition("data").bytes.subarray(10, 74)];
			assert.equal(device.boots, 2);
			assert.ok(after.every(byte => (byte & 0x5a) === 0x5a));
			assert.ok(device.flash.partition("data").bytes.subarray(74).every(byte => byte === 0xff));
			if (tear === "none") assert.ok(after.every(byte => byte === 0xff));
			if (tear === "whole") assert.ok(after.every(byte => byte === 0x5a));
			if (tear === "words") assert.ok(after.every((byte, index) => byte === ((index & 4) === 0 ? 0x5a : 0xff)));
			if (tear === "bits") assert.ok(new Set(after).size > 3, "bits of all kinds");
			if (tear === "prefix") {
				const end = after.findIndex(byte => byte !== 0x5a);
				assert.ok(end >= 0 && after.slice(end + 1).every(byte => byte === 0xff), after.join());
			}
		}
	}
});

test("a torn erasure sets only bits, in its own block, and earlier blocks stay erased", () => {
	for (const tear of TEARS) {
		const device = play(7, host => host.flash.open({ path: "data" }).eraseBlock(0, 2), made => {
			made.flash.partition("data").bytes.fill(0x5a);
			made.cutPowerAt(2, tear);
		});
		const { bytes: cells } = device.flash.partition("data"), second = [...cells.subarray(BLOCK_LENGTH)];
		assert.ok(cells.subarray(0, BLOCK_LENGTH).every(byte => byte === 0xff));
		const set = second.filter(byte => byte !== 0x5a).length;
		assert.ok(second.every(byte => (byte & 0x5a) === 0x5a), "erasing never clears a bit");
		if (tear === "none") assert.equal(set, 0);
		else if (tear === "whole") assert.ok(second.every(byte => byte === 0xff));
		else if (tear === "words") assert.equal(set, BLOCK_LENGTH / 2);
		else if (tear === "bits") assert.ok(set > 0 && second.some(byte => byte !== 0xff));
	}
});

test("a cut at each operation leaves what was done before and nothing of what comes after", () => {
	const program = (host: Host) => {
		const data = host.flash.open({ path: "data" }), domain = host.storage.open({ path: "state" });
		for (let index = 0; index < 5; index++) {
			data.write(Uint8Array.of(index), index * 16);
			domain.write("index", Uint8Array.of(index));
		}
	};
	const untouched = play("count", program, () => {}), count = untouched.operations;
	assert.equal(count, 10);
	assert.equal(untouched.boots, 1);
	for (let cut = 1; cut <= count; cut++) {
		const device = play("count", program, made => made.cutPowerAt(cut, "none")), cells = device.flash.partition("data").bytes;
		assert.equal(device.operations, cut);
		for (let index = 0; index < 5; index++) assert.equal(cells[index * 16], index * 2 + 1 < cut ? index : 0xff, `cut ${cut}, write ${index}`);
		const stored = Math.floor((cut - 1) / 2) - 1;
		assert.deepEqual(device.storage.read("state", "index"), stored < 0 ? undefined : Uint8Array.of(stored));
	}
	assert.throws(() => untouched.cutPowerAt(10), { code: "argument" });
});

test("storage keeps the old or the new value, never a mixture, and both happen", () => {
	const seen = new Set<string>();
	for (const tear of TEARS) {
		for (let seed = 0; seed < 30; seed++) {
			const device = play(seed, host => host.storage.open({ path: "state" }).write("key", bytes(40, 1)), made => {
				made.storage.provision("state", { key: bytes(40) });
				made.cutPowerAt(1, tear);
			});
			const value = [...device.storage.read("state", "key")!].join(), kind = value === bytes(40).join() ? "old" : value === bytes(40, 1).join() ? "new" : "torn";
			seen.add(`${tear} ${kind}`);
		}
	}
	assert.deepEqual([...seen].filter(kind => /none|whole|torn/.test(kind)).sort(), ["none old", "whole new"]);
	assert.ok(seen.has("any old") && seen.has("any new"));
});

test("storage: copies in and out, domains apart, deleting, limits", () => {
	const { host, device } = createScene({ seed: 1 }), one = host.storage.open({ path: "one" }), two = host.storage.open({ path: "two" });
	const value = bytes(3);
	one.write("key", value);
	value.fill(9);
	one.read("key")!.fill(8);
	assert.deepEqual([...one.read("key")!], [0, 1, 2]);
	assert.equal(two.read("key"), undefined);
	two.write("b", bytes(0));
	two.write("a", bytes(1));
	assert.deepEqual([...two.read("b")!], []);
	assert.deepEqual(two.keys().sort(), ["a", "b"]);
	two.delete("b");
	two.delete("b");
	assert.deepEqual(two.keys(), ["a"]);
	for (const key of ["", "sixteen letters!", "ümlaut", "new\nline", 1]) assert.throws(() => one.write(key as string, bytes(1)), { code: "argument" });
	assert.throws(() => one.write("key", "text" as never), { code: "argument" });
	const operations = device.operations;
	assert.throws(() => one.write("big", new Uint8Array(30_000)), { code: "full" });
	assert.equal(device.operations, operations);
	for (let round = 0; round < 50; round++) one.write("same", new Uint8Array(5000));
	one.close();
	one.close();
	assert.throws(() => one.read("key"), { code: "state" });
	assert.deepEqual([...host.storage.open({ path: "one" }).read("key")!], [0, 1, 2]);
});
