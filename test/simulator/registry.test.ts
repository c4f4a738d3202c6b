// SPDX-License-Identifier: Apache-2.0
/** The registry: ids, certificates, and online state from a status topic that anybody may write. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Broker } from "../../hosts/simulator/broker/broker.js";
import { DEVICE_COUNT_MAXIMUM, isDeviceId, Registry } from "../../hosts/simulator/services/registry.js";

suite("Registry", () => {
	test("an id that means something else in a topic or a path is none", () => {
		for (const id of ["lamp-1", "a", "AA:BB:CC", "x".repeat(128)]) assert.equal(isDeviceId(id), true, id);
		for (const id of ["", "+", "#", "a/b", "a+", "$a", "..", ".a", "a b", "é", "a\n", "x".repeat(129)]) assert.equal(isDeviceId(id), false, id);
	});

	test("a certificate belongs to one device", () => {
		const registry = new Registry({ wall: () => 0 });
		registry.register("a", "f1");
		registry.register("a", "f1");
		assert.deepEqual(registry.register("a", "f2").fingerprints, ["f1", "f2"]);
		assert.throws(() => registry.register("b", "f1"), { code: "credential" });
		assert.throws(() => registry.register("a/b"), { code: "argument" });
		assert.deepEqual([registry.ownerOf("f2"), registry.ownerOf("f3")], ["a", undefined]);
		registry.remove("a");
		assert.equal(registry.ownerOf("f1"), undefined);
	});

	test("the oldest of too many certificates is forgotten", () => {
		const registry = new Registry({ wall: () => 0 });
		for (let index = 0; index < 17; index++) registry.register("a", `f${index}`);
		assert.deepEqual([registry.get("a")?.fingerprints.length, registry.ownerOf("f0"), registry.ownerOf("f16")], [16, undefined, "a"]);
	});

	test("one device more than the maximum is refused, also when it only says that it is online", () => {
		const registry = new Registry({ wall: () => 0 });
		const channel = new Broker().attach();
		registry.watch(channel);
		for (let index = 0; index < DEVICE_COUNT_MAXIMUM; index++) registry.register(`d${index}`);
		assert.throws(() => registry.register("late"), { code: "full" });
		channel.publish("moorline/late/status", Buffer.from('{"online":true}'));
		assert.deepEqual([registry.get("late"), registry.hasRoomFor("late"), registry.hasRoomFor("d0")], [undefined, false, true]);
	});

	test("online state follows the status topic and ignores what says nothing", () => {
		let now = 100;
		const registry = new Registry({ wall: () => now });
		const channel = new Broker().attach();
		channel.publish("moorline/early/status", Buffer.from('{"online":true}'), { retain: true });
		const seen: string[] = [];
		registry.onChanged = device => { seen.push(`${device.id} ${device.online}`); };
		registry.watch(channel);
		for (const payload of ["", "x", "{}", '{"online":1}', "[]", "null"]) channel.publish("moorline/early/status", Buffer.from(payload));
		channel.publish("moorline/$x/status", Buffer.from('{"online":true}'));
		now = 200;
		channel.publish("moorline/early/status", Buffer.from('{"online":false}'));
		assert.deepEqual(seen, ["early true", "early false"]);
		assert.deepEqual(registry.list(), [{ id: "early", fingerprints: [], online: false, changedAt: 200, connections: 1, messages: 0 }]);
	});
});
