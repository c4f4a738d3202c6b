// SPDX-License-Identifier: Apache-2.0
/** Device: identity, cloud and services together, as a program meets them. */
import { SUBSCRIBE_ID } from "../../src/mqtt/constants.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../src/base/error.js";
import type { Device, DeviceOptions } from "../../src/device.js";
import { codeOf } from "./failure.js";
import { DeviceRig, ID } from "./device-rig.js";
import { connack, suback } from "./wire.js";

const lose = ({ stream }: DeviceRig): void => stream.fail(new DeviceError("closed", "reset"));

test("Device reads its identity, and lets the storage go", () => {
	const rig = new DeviceRig();
	assert.equal(rig.device.id, ID);
	assert.ok(rig.host.domains.length > 0 && rig.host.domains.every(({ closed }) => closed));
	assert.equal(codeOf(() => new DeviceRig({ identity: {} })), "credential");
});

test("Device connects, fetches, tells of what is desired, reports, and is in sync", () => {
	const rig = new DeviceRig();
	assert.ok(!rig.device.connected && !rig.device.inSync);
	rig.accept();
	assert.ok(rig.device.connected);
	rig.message("shadow/document", { token: "1", version: 5, desired: { on: true }, reported: {} });
	assert.deepEqual(rig.take(), ["connected", `delta 5 {"on":true}`]);
	rig.stream.take();
	rig.call(() => rig.device.report({ on: true }));
	assert.equal(rig.stream.take(), "", "it goes out with the others of this turn");
	assert.deepEqual(rig.said(), [`shadow/report {"token":"2","reported":{"on":true}}`]);
	assert.ok(!rig.device.inSync);
	rig.message("shadow/accepted", { token: "2", version: 6 });
	assert.deepEqual(rig.take(), ["sync 6"]);
	assert.ok(rig.device.inSync);
});

test("Device makes one report of those of a turn", () => {
	const rig = DeviceRig.synced();
	rig.call(() => {
		rig.device.report({ a: 1 });
		rig.device.report({ b: 2 });
		rig.device.report({ a: 3 });
	});
	rig.host.advance(0);
	assert.deepEqual(rig.said(), [`shadow/report {"token":"2","reported":{"a":3,"b":2}}`]);
});

test("Device reports what was said before it was connected", () => {
	const rig = new DeviceRig();
	rig.call(() => rig.device.report({ a: 1 }));
	rig.accept();
	rig.message("shadow/document", { token: "1", version: 0, desired: {}, reported: {} });
	assert.equal(rig.said().at(-1), `shadow/report {"token":"2","reported":{"a":1}}`);
});

test("Device comes back after a loss, and reports again what was under way", () => {
	const rig = DeviceRig.synced();
	rig.call(() => rig.device.report({ a: 1 }));
	rig.host.advance(0);
	lose(rig);
	assert.ok(!rig.device.connected && !rig.device.inSync);
	rig.call(() => rig.device.report({ b: 2 }));
	rig.accept();
	assert.deepEqual(rig.take(), ["disconnected closed", "connected"]);
	rig.message("shadow/document", { token: "3", version: 5, desired: {}, reported: {} });
	assert.deepEqual(rig.said(), [`shadow/get {"token":"3"}`, `shadow/report {"token":"4","reported":{"a":1,"b":2}}`]);
	rig.message("shadow/accepted", { token: "4", version: 6 });
	assert.deepEqual(rig.take(), ["sync 6"]);
});

test("Device asks again when the cloud does not answer", () => {
	const rig = new DeviceRig();
	rig.accept();
	rig.stream.take();
	rig.host.advance(10_000);
	assert.deepEqual(rig.said(), [`shadow/get {"token":"2"}`]);
	rig.host.advance(20_000);
	assert.deepEqual(rig.said(), [`shadow/get {"token":"3"}`]);
});

test("Device waits for room and loses no report", () => {
	const rig = DeviceRig.synced();
	rig.stream.writable(0);
	for (let index = 0; index < 3; index++) {
		rig.call(() => rig.device.report({ [`member${index}`]: "x".repeat(1200) }));
		rig.host.advance(0);
	}
	rig.stream.writable();
	const [first = ""] = rig.said();
	assert.ok(first.startsWith(`shadow/report {"token":"2","reported":{"member0"`));
	rig.message("shadow/accepted", { token: "2", version: 6 });
	rig.stream.writable();
	const [second = ""] = rig.said();
	assert.ok(second.includes("member1") && second.includes("member2"));
});

test("Device.close says that it is offline, and nothing follows", () => {
	const rig = DeviceRig.synced();
	rig.call(() => rig.device.report({ a: 1 }));
	rig.call(() => rig.device.close());
	rig.call(() => rig.device.close());
	assert.deepEqual(rig.said(), [`status {"online":false}`, "e0"]);
	assert.equal(rig.host.open + rig.host.timers, 0);
	assert.ok(!rig.device.connected && !rig.device.inSync);
	rig.host.advance(1_000_000);
	assert.deepEqual(rig.take(), []);
	assert.equal(codeOf(() => rig.device.report({ a: 1 })), "state");
});

test("Device.close before it is connected says nothing and leaves nothing", () => {
	for (const steps of [0, 1, 2, 3]) {
		const rig = new DeviceRig();
		if (steps > 0) rig.host.advance(0);
		if (steps > 1) rig.host.resolver.answer("10.0.0.1");
		if (steps > 2) rig.stream.writable();
		rig.call(() => rig.device.close());
		assert.equal(rig.host.open + rig.host.timers, 0, `after ${steps} steps`);
		rig.host.advance(1_000_000);
		assert.deepEqual(rig.take(), []);
	}
});

test("Device.close inside each callback is the last of them, and the cloud is told", () => {
	for (const where of ["onConnected", "onDelta", "onSync", "onError", "onDisconnected"] as const) {
		const lines: string[] = [];
		const note = (name: keyof DeviceOptions) => function (this: Device): void {
			lines.push(name);
			if (name === where) this.close();
		};
		const device: Partial<DeviceOptions> = {};
		for (const name of ["onConnected", "onDelta", "onSync", "onError", "onDisconnected"] as const) device[name] = note(name);
		const rig = new DeviceRig({ device });
		rig.reach();
		rig.stream.deliver(connack());
		rig.stream.deliver(suback(SUBSCRIBE_ID, 1, 1, 1, 1, 1));
		rig.host.advance(0);
		const message = (topic: string, value: unknown): void => {
			if (!rig.stream.closed) rig.message(topic, value);
		};
		message("shadow/accepted", "no object");
		message("shadow/document", { token: "1", version: 1, desired: { a: 1 }, reported: {} });
		message("shadow/delta", { version: 2, delta: {} });
		message("shadow/document", { token: "2", version: 2, desired: {}, reported: {} });
		if (!rig.stream.closed) lose(rig);
		rig.host.advance(1_000_000);
		assert.equal(lines.filter((line) => line === where).length, 1, where);
		assert.equal(lines.at(-1), where);
		assert.equal(rig.host.open + rig.host.timers, 0, where);
		const said = rig.said();
		assert.deepEqual(said.slice(-2), where === "onDisconnected" ? said.slice(-2) : [`status {"online":false}`, "e0"], where);
	}
});

test("Device calls back with itself as this", () => {
	let self: unknown;
	const rig = new DeviceRig({
		device: {
			onConnected() {
				self = this;
				this.report({ a: 1 });
			},
		},
	});
	rig.accept();
	assert.equal(self, rig.device);
	rig.message("shadow/document", { token: "1", version: 0, desired: {}, reported: {} });
	assert.equal(rig.said().at(-1), `shadow/report {"token":"2","reported":{"a":1}}`);
});

test("Device needs no callback at all", () => {
	const nothing: Partial<DeviceOptions> = {};
	for (const name of ["onConnected", "onDelta", "onSync", "onError", "onDisconnected"] as const) nothing[name] = undefined as never;
	const rig = new DeviceRig({ device: nothing });
	rig.accept();
	rig.message("shadow/accepted", "no object");
	rig.message("shadow/document", { token: "1", version: 1, desired: { a: 1 }, reported: {} });
	rig.message("shadow/delta", { version: 2, delta: {} });
	rig.message("shadow/document", { token: "2", version: 2, desired: {}, reported: {} });
	assert.ok(rig.device.inSync);
	rig.stream.deliver("f000");
	assert.ok(!rig.device.connected);
});

test("Device whose cloud refuses one of a service's filters is told so, and asks nothing of that service", () => {
	const rig = new DeviceRig();
	rig.accept(1, 0x80, 1, 1, 1);
	assert.deepEqual(rig.take(), ["error rejected", "connected"]);
	rig.call(() => rig.device.report({ a: 1 }));
	rig.host.advance(1_000_000);
	assert.ok(!rig.said().some((line) => line.startsWith("shadow/")));
});

test("Device has two timers at most", () => {
	const rig = DeviceRig.synced();
	for (let round = 0; round < 20; round++) {
		rig.call(() => rig.device.report({ a: round }));
		rig.host.advance(100);
		assert.ok(rig.host.timers <= 2);
	}
});
