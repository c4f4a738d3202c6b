// SPDX-License-Identifier: Apache-2.0
/** Shadows on the private cloud: what the broker retained, names, CBOR, times, limits, deletion. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../../src/base/error.js";
import { boolean, model, number } from "../../../src/shadow/model.js";
import { DeviceRig, ID, PREFIX, sent } from "../device-rig.js";
import { codeOf } from "../failure.js";
import { fromHex } from "../hex.js";
import { text } from "../text.js";
import { connack, publish, suback, utf8 } from "../wire.js";

/** The identifier of the SUBSCRIBE that ends what was written. */
function subscribeId(hex: string): number {
	const [, id = ""] = /^.*82[0-9a-f]{2}(?:[0-9a-f]{2})?([0-9a-f]{4})00/.exec(hex) ?? [];
	return Number.parseInt(id, 16);
}

/** Plays the broker that grants whatever is subscribed to. @returns it, without the device's prefix */
function grant(rig: DeviceRig): string[] {
	const filters: string[] = [];
	for (;;) {
		rig.host.advance(0);
		const bytes = fromHex(rig.stream.written);
		if (bytes[0] !== 0x82) return filters;
		rig.stream.take();
		const codes: number[] = [];
		const start = bytes[1]! < 0x80 ? 2 : 3;
		for (let at = start + 2; at < bytes.length; at += 3 + bytes[at]! * 256 + bytes[at + 1]!) {
			filters.push(text.decode(bytes, at + 2, at + 2 + bytes[at]! * 256 + bytes[at + 1]!).replace(`moorline/${ID}/`, ""));
			codes.push(1);
		}
		rig.stream.deliver(suback(bytes[start]! * 256 + bytes[start + 1]!, ...codes));
	}
}

/** Plays the broker up to what the device says first. */
function greeting(rig: DeviceRig): string {
	rig.reach();
	rig.stream.deliver(connack());
	const said = rig.stream.take();
	rig.stream.deliver(suback(subscribeId(said), 1, 1, 1, 1, 1));
	rig.host.advance(0);
	return said;
}

test("while the cloud is away, a device goes by the document that the broker retained", () => {
	const rig = new DeviceRig();
	rig.accept();
	assert.deepEqual(rig.said(), [`shadow/get {"token":"1"}`]);
	rig.message("shadow/document", { version: 7, desired: { on: true }, reported: { on: false } });
	assert.deepEqual(rig.take(), ["connected", `delta 7 {"on":true}`]);
	rig.call(() => rig.device.report({ on: true }));
	assert.deepEqual(rig.said(), [`shadow/report {"token":"2","reported":{"on":true}}`]);
	// Nobody answers; when somebody is there again, the device says what is missing.
	rig.host.advance(10_000);
	assert.deepEqual(rig.said(), [`shadow/get {"token":"3"}`]);
	rig.stream.deliver("d000");
	rig.message("shadow/document", { version: 7, desired: { on: true }, reported: { on: false } });
	assert.deepEqual(rig.said(), [`shadow/report {"token":"4","reported":{"on":true}}`]);
	rig.message("shadow/accepted", { token: "4", version: 8 });
	assert.deepEqual(rig.take(), ["sync 8"]);
});

test("a retained document may come before the broker has answered for the subscriptions", () => {
	for (const [desired, expected] of [[{ on: true }, `delta 7 {"on":true}`], [[], "error malformed"]] as const) {
		const rig = new DeviceRig();
		rig.reach();
		rig.stream.deliver(connack());
		const id = subscribeId(rig.stream.take());
		rig.message("shadow/document", { version: 7, desired, reported: {} });
		assert.deepEqual(rig.take(), []);
		rig.stream.deliver(suback(id, 1, 1, 1, 1, 1));
		assert.deepEqual(rig.take().sort(), ["connected", expected].sort());
	}
});

test("a retained document that came too early is forgotten with its connection", () => {
	const rig = new DeviceRig();
	rig.reach();
	rig.stream.deliver(connack());
	rig.stream.take();
	rig.message("shadow/document", { version: 7, desired: { on: true }, reported: {} });
	rig.stream.fail(new DeviceError("closed", "reset"));
	rig.take();
	rig.accept();
	assert.deepEqual(rig.take(), ["connected"]);
});

test("retained documents that are older, the same, or gone change nothing; newer ones do", () => {
	const rig = DeviceRig.synced();
	for (const version of [4, 5]) rig.message("shadow/document", { version, desired: { on: true }, reported: {} });
	rig.raw("shadow/document", "");
	assert.deepEqual(rig.take(), []);
	rig.message("shadow/document", { version: 9, desired: { on: true }, reported: {} });
	assert.deepEqual(rig.take(), [`delta 9 {"on":true}`]);
	rig.message("shadow/delta", { version: 8, delta: { on: false } });
	assert.deepEqual(rig.take(), []);
});

test("a document that was deleted is asked for anew, and may count from the start", () => {
	const rig = DeviceRig.synced();
	rig.call(() => rig.device.report({ on: true }));
	rig.host.advance(0);
	rig.message("shadow/accepted", { token: "2", version: 6 });
	rig.said();
	rig.take();
	rig.message("shadow/deleted", { version: 7 });
	assert.deepEqual(rig.said(), [`shadow/get {"token":"3"}`]);
	rig.message("shadow/document", { token: "3", version: 0, desired: {}, reported: {} });
	assert.deepEqual(rig.said(), [`shadow/report {"token":"4","reported":{"on":true}}`]);
	assert.deepEqual(rig.take(), []);
});

test("a named shadow has its own topics and its own versions", () => {
	const rig = DeviceRig.synced();
	const lines: string[] = [];
	const wifi = rig.call(() => rig.device.shadow("wifi", { onDelta(delta, version) { lines.push(`${version} ${JSON.stringify(delta)}`); } }));
	const filters = ["document", "delta", "accepted", "rejected", "deleted"].map((answer) => `shadow/name/wifi/${answer}`);
	assert.deepEqual(grant(rig), filters);
	assert.deepEqual(rig.said(), [`shadow/name/wifi/get {"token":"1"}`]);
	rig.message("shadow/name/wifi/document", { token: "1", version: 1, desired: { channel: 6 }, reported: {} });
	rig.host.advance(0);
	assert.deepEqual(lines, [`1 {"channel":6}`]);
	rig.call(() => wifi.report({ channel: 6 }));
	assert.deepEqual(rig.said(), [`shadow/name/wifi/report {"token":"2","reported":{"channel":6}}`]);
	rig.message("shadow/name/other/delta", { version: 6, delta: { a: 1 } });
	rig.message("shadow/delta", { version: 6, delta: { on: true } });
	assert.deepEqual([rig.take(), lines.length], [[`delta 6 {"on":true}`], 1]);
});

test("what is no name of a shadow is refused at once", () => {
	const rig = DeviceRig.synced();
	for (const name of ["a/b", "a.b", "+", "#", "é", "x".repeat(65)]) {
		assert.equal(codeOf(() => rig.device.shadow(name)), "argument", name);
	}
	rig.device.shadow("$a:b_c-9" + "x".repeat(56));
});

test("in CBOR, the device says so, says what it says in it, and reads either", () => {
	const rig = new DeviceRig({ cloud: { format: "cbor" } });
	assert.ok(greeting(rig).includes(sent("status", { online: true, format: "cbor" }, true)));
	const token = utf8(`${PREFIX}1`);
	const head = (0x60 + token.length / 2).toString(16);
	assert.deepEqual(rig.said(), [`shadow/get a165${utf8("token")}${head}${token}`]);
	// {"token", "version": 5, "desired": {"on": true}, "reported": {}}
	rig.raw("shadow/document", `a465${utf8("token")}${head}${token}67${utf8("version")}0567${utf8("desired")}a162${utf8("on")}f568${utf8("reported")}a0`);
	assert.deepEqual(rig.take(), ["connected", `delta 5 {"on":true}`]);
	rig.call(() => rig.device.report({ on: true, level: 1.5, tags: ["é", null] }));
	const second = utf8(`${PREFIX}2`);
	assert.deepEqual(rig.said(), [
		`shadow/report a265${utf8("token")}${head}${second}68${utf8("reported")}a362${utf8("on")}f565${utf8("level")}f93e0064${utf8("tags")}8262${utf8("é")}f6`,
	]);
	rig.message("shadow/accepted", { token: "2", version: 6 });
	assert.deepEqual(rig.take(), ["sync 6"]);
});

test("a shadow for which the last change counts asks for times, and goes by them", () => {
	const lamp = model({ scene: number({ merge: "last" }), level: number() });
	const rig = new DeviceRig({ device: { model: lamp } as object });
	Object.assign(rig.host.time, { wall: () => 1_700_000_050_000 });
	rig.call(() => rig.device.report({ scene: 2 }));
	assert.ok(greeting(rig).includes(sent("status", { online: true, times: true }, true)));
	rig.said();
	rig.message("shadow/document", {
		token: "1", version: 3, desired: { scene: 1, level: 1 }, reported: { scene: 0 },
		metadata: { scene: { timestamp: 1_700_000_000 }, level: { timestamp: 1_700_000_100 } },
	});
	assert.deepEqual(rig.take(), ["connected", `delta 3 {"level":1}`]);
	assert.deepEqual(rig.said(), [`shadow/report {"token":"2","reported":{"scene":2},"desired":{"scene":2},"version":3}`]);
});

test("a shadow that comes later may be the one that asks for times", () => {
	const rig = DeviceRig.synced();
	rig.call(() => rig.device.shadow("plain"));
	assert.deepEqual(rig.said().filter((line) => line.startsWith("status")), []);
	rig.call(() => rig.device.shadow("mine", { model: model({ on: boolean({ merge: "last" }) }) }));
	assert.deepEqual(rig.said().filter((line) => line.startsWith("status")), [`status {"online":true,"times":true}`]);
});

test("what the cloud would refuse for its size or depth is refused here, and the rest goes on", () => {
	const rig = DeviceRig.synced();
	const nested = (depth: number): object => depth === 0 ? { a: 1 } : { a: nested(depth - 1) };
	rig.call(() => rig.device.report({ deep: nested(7) } as never));
	assert.deepEqual(rig.take(), ["error too-large"]);
	rig.call(() => rig.device.report({ deep: null, fair: nested(6) } as never));
	assert.equal(rig.said().length, 1);
	rig.message("shadow/accepted", { token: "2", version: 6 });
	rig.message("shadow/document", { version: 7, desired: { text: "x".repeat(8_000) }, reported: { fair: nested(6) } });
	rig.take();
	assert.deepEqual(rig.said(), []);
	rig.call(() => rig.device.report({ more: "y".repeat(200) }));
	assert.ok(rig.take().includes("error too-large"));
});

test("a message of the program's own goes to any topic, as it is", () => {
	const rig = DeviceRig.synced({ cloud: { format: "cbor" } });
	rig.call(() => rig.device.publish(`moorline/${ID}/log`, "hello", { retain: true }));
	rig.host.advance(0);
	assert.ok(rig.stream.take().includes(publish({ topic: `moorline/${ID}/log`, payload: utf8("hello"), retain: true })));
});
