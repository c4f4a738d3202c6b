// SPDX-License-Identifier: Apache-2.0
/** The private cloud: topics and messages as agreed, and whatever the cloud sends, at worst an error is reported. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SUBSCRIBE_ID } from "../../../src/mqtt/constants.js";
import { DeviceError } from "../../../src/base/error.js";
import { MESSAGE_MAXIMUM } from "../../../src/clouds/private/connection.js";
import { DEPTH_MAXIMUM } from "../../../src/bytes/json.js";
import { codeOf } from "../failure.js";
import { PREFIX, DeviceRig, ID, IDENTITY, sent, type RigOptions } from "../device-rig.js";
import { fromHex } from "../hex.js";
import { utf8, connack, packet, prefixed, publish, suback, uint16 } from "../wire.js";

test("the private cloud's CONNECT carries the device's name and its will", () => {
	const will = prefixed(`moorline/${ID}/status`) + prefixed(`{"online":false}`);
	const body = (keepAlive: number): string => `${prefixed("MQTT")}042c${uint16(keepAlive)}${prefixed(ID)}${will}`;
	assert.equal(new DeviceRig().reach(), packet(0x10, body(60)));
	assert.equal(new DeviceRig({ cloud: { keepAlive: 20_000 } }).reach(), packet(0x10, body(20)));
});

test("the private cloud says that it is online, retained, and asks for the document once the answers can come", () => {
	const rig = new DeviceRig({ device: { firmware: { product: "lamp", version: "1.0.0" } } });
	rig.reach();
	rig.stream.deliver(connack());
	const online = sent("status", { online: true, product: "lamp", version: "1.0.0" }, true);
	assert.ok(rig.stream.take().endsWith(online));
	assert.deepEqual(rig.take(), [], "nothing is ready before the broker answered for every filter");
	rig.stream.deliver(suback(SUBSCRIBE_ID, 1, 1, 1, 1, 1));
	assert.deepEqual(rig.take(), ["connected"]);
	assert.equal(rig.stream.take(), sent("shadow/get", { token: `${PREFIX}1` }));
});

test("the private cloud is ready at once where the broker kept the session", () => {
	const rig = DeviceRig.synced();
	rig.stream.deliver("f000");
	assert.deepEqual(rig.take(), ["disconnected malformed"]);
	rig.reach();
	rig.stream.deliver(connack(true));
	assert.deepEqual(rig.take(), ["connected"]);
	assert.deepEqual(rig.said(), [`status {"online":true}`, `shadow/get {"token":"2"}`]);
});

test("the private cloud translates each message", () => {
	const rig = DeviceRig.synced();
	rig.message("shadow/delta", { version: 6, delta: { on: true } });
	assert.deepEqual(rig.take(), [`delta 6 {"on":true}`]);
	rig.call(() => rig.device.report({ on: true }));
	rig.host.advance(0);
	assert.deepEqual(rig.said(), [`shadow/report {"token":"2","reported":{"on":true}}`]);
	rig.message("shadow/accepted", { token: "2", version: 7 });
	assert.deepEqual(rig.take(), ["sync 7"]);
	rig.call(() => rig.device.report({ level: 3 }));
	rig.host.advance(0);
	rig.message("shadow/rejected", { token: "3", code: 400, message: "no" });
	assert.equal(rig.take()[0], "error rejected");
});

const nested = (depth: number): string => `{"version":6,"delta":${`{"a":`.repeat(depth)}1${"}".repeat(depth)}}`;

const BAD: readonly [name: string, topic: string, payload: string, code: string][] = [
	["nothing", "shadow/delta", "", "malformed"],
	["no JSON", "shadow/delta", utf8("{"), "malformed"],
	["JSON and more", "shadow/delta", utf8("{}{}"), "malformed"],
	["no UTF-8", "shadow/delta", `${utf8(`{"version":6,"delta":{"a":"`)}ff${utf8(`"}}`)}`, "malformed"],
	["a surrogate in UTF-8", "shadow/delta", `${utf8(`{"version":6,"delta":{"a":"`)}eda080${utf8(`"}}`)}`, "malformed"],
	["null", "shadow/delta", utf8("null"), "malformed"],
	["a list", "shadow/delta", utf8("[]"), "malformed"],
	["a number", "shadow/document", utf8("5"), "malformed"],
	["a text", "shadow/accepted", utf8(`"x"`), "malformed"],
	["too many levels", "shadow/delta", utf8(nested(DEPTH_MAXIMUM)), "too-large"],
	["far too many levels", "shadow/delta", utf8(nested(1000)), "too-large"],
	["one byte too many", "shadow/delta", "20".repeat(MESSAGE_MAXIMUM + 1), "too-large"],
	["far too many bytes", "shadow/delta", "20".repeat(3 * MESSAGE_MAXIMUM), "too-large"],
	["a delta without version", "shadow/delta", utf8(`{"delta":{}}`), "malformed"],
	["a delta with a version of text", "shadow/delta", utf8(`{"version":"6","delta":{}}`), "malformed"],
	["a delta without delta", "shadow/delta", utf8(`{"version":6}`), "malformed"],
	["a delta that is a list", "shadow/delta", utf8(`{"version":6,"delta":[]}`), "malformed"],
	["a delta with __proto__", "shadow/delta", utf8(`{"version":6,"delta":{"__proto__":{}}}`), "malformed"],
	["nothing as a delta", "shadow/delta", "", "malformed"],
	["CBOR that ends in the middle", "shadow/delta", "a16776", "malformed"],
	["CBOR with a list of bytes", "shadow/delta", "a26776657273696f6e066564656c7461a161618141ff", "malformed"],
	["CBOR with bytes for a value", "shadow/delta", "a26776657273696f6e066564656c7461a1616141ff", "malformed"],
	["a CBOR list", "shadow/delta", "80", "malformed"],
	["a retained document without version", "shadow/document", utf8(`{"desired":{},"reported":{}}`), "malformed"],
	["a retained document whose desired is a list", "shadow/document", utf8(`{"version":9,"desired":[]}`), "malformed"],
	["a deletion that is no message", "shadow/deleted", utf8(`x`), "malformed"],
	["a document without version", "shadow/document", utf8(`{"token":"${PREFIX}2","desired":{},"reported":{}}`), "malformed"],
	["a document with desired null", "shadow/document", utf8(`{"token":"${PREFIX}2","version":6,"desired":null,"reported":{}}`), "malformed"],
	["a document with reported null", "shadow/document", utf8(`{"token":"${PREFIX}2","version":6,"desired":{},"reported":null}`), "malformed"],
	["a document with a token that cannot be text", "shadow/document", utf8(`{"token":{"toString":1},"version":6}`), "malformed"],
	["an acceptance without version", "shadow/accepted", utf8(`{"token":"${PREFIX}2"}`), "malformed"],
	["an acceptance of version null", "shadow/accepted", utf8(`{"token":"${PREFIX}2","version":null}`), "malformed"],
	["a refusal with a code that cannot be a number", "shadow/rejected", utf8(`{"token":"${PREFIX}2","code":{"valueOf":1,"toString":1}}`), "malformed"],
];

/** A rig that waits for a document with token 2. */
function waiting(): DeviceRig {
	const rig = DeviceRig.synced();
	rig.message("shadow/delta", { version: 9, delta: {} });
	assert.deepEqual(rig.said(), [`shadow/get {"token":"2"}`]);
	return rig;
}

test("bad messages are one error each, and the connection goes on", () => {
	for (const [name, topic, payload, code] of BAD) {
		const rig = topic === "shadow/delta" ? DeviceRig.synced() : waiting();
		rig.raw(topic, payload);
		assert.deepEqual(rig.take(), [`error ${code}`], name);
		assert.ok(rig.device.connected, name);
		assert.equal(rig.stream.closed, false, name);
		if (topic === "shadow/delta") {
			rig.message("shadow/delta", { version: 6, delta: { a: 1 } });
			assert.deepEqual(rig.take(), [`delta 6 {"a":1}`], name);
		} else {
			rig.message("shadow/document", { token: "2", version: 9, desired: { a: 1 }, reported: {} });
			assert.deepEqual(rig.take(), [`delta 9 {"a":1}`], name);
		}
	}
});

test("bad messages in pieces are one error each too", () => {
	for (const [name, topic, payload, code] of BAD) {
		const rig = topic === "shadow/delta" ? DeviceRig.synced() : waiting();
		const hex = publish({ topic: `moorline/${ID}/${topic}`, payload, qos: 1, id: 77 });
		for (let at = 0; at < hex.length; at += 2 * 333) rig.stream.deliver(hex.slice(at, at + 2 * 333));
		assert.deepEqual(rig.take(), [`error ${code}`], name);
		assert.ok(rig.stream.take().includes("4002004d"), `${name}: acknowledged, or it would come again`);
	}
});

test("the largest message is taken, in one piece and in many", () => {
	const message = `{"version":6,"delta":{"a":1}}`;
	const payload = utf8(message + " ".repeat(MESSAGE_MAXIMUM - message.length));
	for (const step of [2 * MESSAGE_MAXIMUM, 2 * 100]) {
		const rig = DeviceRig.synced();
		const hex = publish({ topic: `moorline/${ID}/shadow/delta`, payload, qos: 1, id: 77 });
		for (let at = 0; at < hex.length; at += step) rig.stream.deliver(hex.slice(at, at + step));
		assert.deepEqual(rig.take(), [`delta 6 {"a":1}`]);
	}
});

test("half a message is forgotten with its connection", () => {
	const rig = DeviceRig.synced();
	const hex = publish({ topic: `moorline/${ID}/shadow/delta`, payload: utf8(" ".repeat(2000)), qos: 1, id: 77 });
	rig.stream.deliver(hex.slice(0, 2400));
	rig.stream.deliver("");
	rig.stream.fail(new DeviceError("closed", "reset"));
	rig.accept();
	rig.message("shadow/document", { token: "2", version: 6, desired: { a: 1 }, reported: {} });
	assert.deepEqual(rig.take(), ["disconnected closed", "connected", `delta 6 {"a":1}`]);
});

test("messages to other topics are passed over", () => {
	const rig = DeviceRig.synced();
	rig.message("shadow/other", { version: 6, delta: { a: 1 } });
	rig.message("", {});
	assert.deepEqual(rig.take(), []);
	assert.ok(rig.device.connected);
});

test("a filter that the broker refuses is one error, and the rest goes on", () => {
	const rig = new DeviceRig();
	rig.accept(1, 0x80, 1, 1, 1);
	assert.deepEqual(rig.take(), ["error rejected", "connected"]);
});

test("a report that no message can hold is one error, and the next one goes on", () => {
	const rig = DeviceRig.synced();
	rig.call(() => rig.device.report({ a: "x".repeat(5000) }));
	rig.host.advance(0);
	assert.equal(rig.take()[0], "error too-large");
	rig.call(() => rig.device.report({ b: 1 }));
	rig.host.advance(1_000);
	assert.deepEqual(rig.said(), [`shadow/report {"token":"2","reported":{"b":1}}`]);
});

const IDENTITIES: readonly [name: string, identity: Record<string, string>, code: string][] = [
	["nothing", {}, "credential"],
	["no id", { endpoint: "mqtt://broker" }, "credential"],
	["an id of two levels", { ...IDENTITY, id: "a/b" }, "credential"],
	["an id with a wildcard", { ...IDENTITY, id: "a+" }, "credential"],
	["an id with another wildcard", { ...IDENTITY, id: "#" }, "credential"],
	["an id with U+0000", { ...IDENTITY, id: "a\u0000" }, "credential"],
	["an empty id", { ...IDENTITY, id: "" }, "credential"],
	["no endpoint", { id: ID }, "credential"],
	["an endpoint of another kind", { id: ID, endpoint: "https://broker" }, "argument"],
	["an endpoint without name", { id: ID, endpoint: "mqtt://" }, "argument"],
	["TLS without trust anchor", { id: ID, endpoint: "mqtts://broker" }, "credential"],
	["a certificate without key", { ...IDENTITY, certificate: "c" }, "credential"],
	["a key without certificate", { ...IDENTITY, key: "k" }, "credential"],
];

test("an identity that cannot work is refused when the device is made", () => {
	for (const [name, identity, code] of IDENTITIES) assert.equal(codeOf(() => new DeviceRig({ identity })), code, name);
});

test("the factory's endpoint goes before the program's, which serves where there is none", () => {
	const reached = (options: RigOptions): string => {
		const rig = new DeviceRig(options);
		rig.host.advance(0);
		const { host } = rig.host.resolver.options!;
		rig.host.resolver.answer("10.0.0.1");
		return `${host}:${rig.host.stream.options.port}`;
	};
	const cloud = { endpoint: "mqtt://program:1234" };
	assert.equal(reached({ cloud }), "broker:1883");
	assert.equal(reached({ cloud, identity: { id: ID } }), "program:1234");
});

test("TLS is given the anchor, the certificate and the key of the identity", () => {
	const rig = new DeviceRig({ identity: { id: ID, endpoint: "mqtts://broker", anchor: "a", certificate: "c", key: "k" } });
	rig.host.advance(0);
	rig.host.resolver.answer("10.0.0.1");
	const { options } = rig.host.stream;
	assert.equal(options.host, "broker");
	assert.equal(options.port, 8883);
	assert.deepEqual(options.secure, {
		certificates: [fromHex(utf8("a"))], clientCertificates: [fromHex(utf8("c"))], clientKey: fromHex(utf8("k")),
	});
});

test("the identity is read for each connection: what was renewed is used, and what is missing is tried again", () => {
	const rig = DeviceRig.synced({ identity: { id: ID, endpoint: "mqtts://broker", anchor: "a", certificate: "c", key: "k" } });
	const stored = rig.host.stored["identity"]!;
	rig.host.stored["identity"] = { ...stored, certificate: fromHex(utf8("d")), key: fromHex(utf8("l")) };
	rig.stream.fail(new DeviceError("closed", "reset"));
	rig.accept();
	const { secure } = rig.stream.options;
	assert.deepEqual(secure?.clientCertificates, [fromHex(utf8("d"))]);
	assert.deepEqual(secure?.clientKey, fromHex(utf8("l")));

	rig.host.stored["identity"] = {};
	rig.take();
	rig.stream.fail(new DeviceError("closed", "reset"));
	rig.take();
	rig.host.advance(rig.host.nextTimer);
	assert.deepEqual(rig.take(), ["disconnected credential"]);
	rig.host.stored["identity"] = stored;
	rig.reach();
	assert.deepEqual(rig.stream.options.secure?.clientKey, fromHex(utf8("k")));
});
