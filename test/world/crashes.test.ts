// SPDX-License-Identifier: Apache-2.0
/** What a device of the world finds of its last boot: how it crashed, and the memory that the power kept. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BLOCK_LENGTH, createWorld, type Device, type World } from "../../hosts/world/index.js";
import { RETAINED_LENGTH, type Crash, type Host } from "../../src/host.js";
import { checkCrash, CRASHES, programOf } from "../host/crashes.js";

interface Scene { world: World; device: Device; crashes: (Crash | undefined)[] }

/** A device whose program notes what it is told of the boot before. */
function start(program: (host: Host, boot: number) => void, seed = 1): Scene {
	const world = createWorld({ seed }), crashes: (Crash | undefined)[] = [];
	const device = world.device({
		id: "lamp", partitions: { data: BLOCK_LENGTH },
		program: host => program(host, crashes.push(host.system.crash)),
	});
	return { world, device, crashes };
}

test("a boot is told of the crash of the one before it, and of no other", () => {
	const { world, crashes } = start((host, boot) => {
		if (boot === 1) host.timer.set(function callback() { throw new RangeError("too far"); }, 1);
		if (boot === 2) host.system.restart();
		if (boot === 3) throw "text";
	});
	world.advance(10_000);
	const [first, second, third, fourth] = crashes;
	assert.deepEqual([crashes.length, first, third], [4, undefined, undefined]);
	assert.deepEqual([second!.reason, second!.message], ["exception", "RangeError: too far"]);
	assert.match(second!.stack, /^.*callback/);
	assert.deepEqual(fourth, { reason: "exception", message: "text", stack: "" });
});

for (const one of CRASHES) {
	test(`the world: ${one.name} is told after it`, () => {
		const world = createWorld({ seed: 1 }), lines: string[] = [];
		world.log.onEvent = ({ kind, text }) => { if (kind === "trace") lines.push(text); };
		const program = new Function("host", programOf(one)) as (host: Host) => void;
		world.device({ id: "lamp", program: host => program(host) });
		world.advance(10_000);
		checkCrash(one, lines);
	});
}

test("a power cut takes the crash with it", () => {
	const { world, device, crashes } = start((_host, boot) => {
		if (boot === 1) throw new Error("lost");
	});
	world.run(() => device.crashes.length === 1);
	device.cutPower();
	world.advance(2_000);
	assert.deepEqual(crashes, [undefined, undefined]);
});

test("memory that is retained outlives every reset but that of the power, which leaves noise", () => {
	const found: (number | undefined)[] = [];
	const { world, device } = start((host, boot) => {
		const { retained } = host.system, data = host.flash.open({ path: "data" });
		assert.equal(retained!.byteLength, RETAINED_LENGTH);
		assert.equal(host.system.retained, retained);
		found.push(retained!.every(byte => byte === boot - 1) ? boot - 1 : undefined);
		retained!.fill(boot);
		if (boot === 1) throw new Error("a crash");
		if (boot === 2) host.system.restart();
		if (boot === 3) {
			device.cutPowerAt(device.operations + 1);
			try {
				data.write(new Uint8Array(1), 0);
			} catch {
				// The boot is over: what it still writes is in nobody's memory.
				retained!.fill(4);
			}
		}
	});
	world.advance(10_000);
	device.restart();
	world.advance(10_000);
	assert.deepEqual(found, [undefined, 1, 2, undefined, 4]);
});

test("the memory of a boot is out of reach of the one before", () => {
	let former: Uint8Array | undefined;
	const { world, device } = start((host, boot) => {
		if (boot === 1) (former = host.system.retained!).fill(1);
	});
	world.advance(1_000);
	device.restart();
	former!.fill(2);
	world.advance(1_000);
	assert.ok(device.host.system.retained!.every(byte => byte === 1));
});

test("noise is given by the seed, and another one after each cut", () => {
	const noise = (seed: number): number[][] => {
		const { world, device } = start(() => {}, seed);
		return [0, 1].map(() => {
			world.advance(1_000);
			const bytes = [...device.host.system.retained!.subarray(0, 64)];
			device.cutPower();
			return bytes;
		});
	};
	const [one, other] = noise(1);
	assert.notDeepEqual(one, other);
	assert.deepEqual(noise(1), [one, other]);
	assert.notDeepEqual(noise(2)[0], one);
});
