// SPDX-License-Identifier: Apache-2.0
/** Golioth: where it is, who the device says that it is, and messages as the vendor has them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { findTarget } from "../../../src/clouds/golioth/manifest.js";
import { Code } from "../../../src/coap/constants.js";
import type { Command } from "../../../src/operations/command.js";
import { Commands } from "../../../src/operations/commands.js";
import vectors from "../../vectors/golioth.json" with { type: "json" };
import { codeOf } from "../failure.js";
import { fromHex } from "../hex.js";
import { text } from "../text.js";
import { GoliothRig, IDENTITY } from "./golioth-rig.js";

test("Golioth: an endpoint of its own, with a key; plain where that is asked for, and nothing in between", () => {
	const server = (endpoint?: string, identity: Readonly<Record<string, string>> = IDENTITY) => new GoliothRig({ identity, cloud: { endpoint } }).connection.server;
	const psk = { identity: "lamp-1@project", key: fromHex("736563726574") };
	assert.deepEqual(server(), { transport: "dtls", name: "coap.golioth.io", port: 5684, psk });
	assert.deepEqual(server("coap://127.0.0.1"), { transport: "udp", name: "127.0.0.1", port: 5683 });
	assert.deepEqual(server(undefined, { ...IDENTITY, endpoint: "coaps://other:7000" }), { transport: "dtls", name: "other", port: 7000, psk });
	assert.equal(codeOf(() => server(undefined, { id: "lamp-1" })), "credential");
	assert.equal(codeOf(() => server("mqtt://name")), "argument");
});

test("Golioth: what a program may not set", () => {
	for (const cloud of [{ package: "a b" }, { desired: "a/b" }, { desired: "state", reported: "state" }, { bodyMaximum: 0 }]) {
		assert.equal(codeOf(() => new GoliothRig({ cloud })), "argument");
	}
	const { connection } = new GoliothRig();
	assert.equal(codeOf(() => connection.addDownload("main", 1, undefined as never)), "argument");
	assert.equal(codeOf(() => connection.addDownload("a/b", 0, undefined as never)), "argument");
});

test("Golioth: the first thing said is which firmware runs; without any, something small is asked", () => {
	const rig = new GoliothRig();
	rig.accept();
	// {"s":0,"r":0,"pkg":"main","v":"1.0.0"}
	assert.deepEqual(rig.take(), ["POST .u/c/main 60 a461730061720063706b67646d61696e617665312e302e30", "ready"]);
	const bare = new GoliothRig({ firmware: null });
	bare.connected = true;
	bare.connection.onConnected();
	bare.answer(Code.NOT_FOUND);
	assert.deepEqual(bare.take(), ["GET .c as 60", "ready"], "any answer tells that the cloud is there");
});

test("Golioth: messages of the program's own go to the stream", () => {
	const rig = new GoliothRig();
	assert.equal(rig.connection.publish("temp", "21"), false, "not kept");
	rig.accept();
	rig.take();
	assert.equal(rig.connection.publish("temp", `{"c":21}`, { qos: 1 }), true);
	assert.equal(rig.connection.publish("raw/one", Uint8Array.of(1, 2)), true);
	assert.deepEqual(rig.take(), [`POST .s/temp 50 {"c":21}`, "POST .s/raw/one 42 0102"]);
	rig.answer(Code.TOO_MANY_REQUESTS);
	assert.deepEqual(rig.take(), ["fault rejected: the cloud refused .s/temp with 4.29"]);
});

test("Golioth: a call is a command, once, and answered with gRPC's codes", () => {
	const rig = new GoliothRig();
	const asked: Command[] = [];
	const commands = new Commands({ onCommand: (command) => { asked.push(command); } });
	rig.services.push(commands);
	rig.connection.addCommands(commands);
	rig.accept();
	assert.ok(rig.take().includes("OBSERVE .rpc as 60"));
	rig.notify(".rpc", vectors.rpcEstablished);
	rig.notify(".rpc", vectors.rpcRequest);
	rig.notify(".rpc", vectors.rpcRequest);
	assert.deepEqual(asked.map(({ id, payload }) => [id, payload]), [["r1", { method: "add", params: [1.5, 2] }]]);
	asked[0]!.progress("SOON");
	assert.deepEqual(rig.take(), [], "there is no word for it");
	asked[0]!.succeed({ ok: true });
	// {"id":"r1","detail":{"ok":true},"statusCode":0}
	assert.deepEqual(rig.take(), ["POST .rpc/status 60 a36269646272316664657461696ca1626f6bf56a737461747573436f646500"]);
	rig.answer(Code.CHANGED);
	rig.notify(".rpc", vectors.rpcRequest);
	assert.deepEqual(rig.take(), ["POST .rpc/status 60 a36269646272316664657461696ca1626f6bf56a737461747573436f646500"], "said again, and not done again");
	rig.answer(Code.CHANGED);
	assert.equal(asked.length, 1);
});

test("Golioth: how a call failed", () => {
	const cases: readonly (readonly [(command: Command) => void, string])[] = [
		[(command) => command.reject("NOT_FOUND"), "a26269646272316a737461747573436f646505"],
		[(command) => command.reject("BUSY"), "a36269646272316664657461696ca166726561736f6e64425553596a737461747573436f646509"],
		[(command) => command.fail("JAMMED", "it is"), "a36269646272316664657461696ca266726561736f6e664a414d4d45446b6465736372697074696f6e6569742069736a737461747573436f64650d"],
		[(command) => command.reply({ read: () => 0 }), "a36269646272316664657461696ca166726561736f6e715245504c595f554e535550504f525445446a737461747573436f64650d"],
		[(command) => command.say("TIMED_OUT"), "a26269646272316a737461747573436f646504"],
		[(command) => command.say("CANCELED"), "a26269646272316a737461747573436f646501"],
	];
	for (const [end, hex] of cases) {
		const rig = new GoliothRig();
		const commands = new Commands({ onCommand: end });
		rig.services.push(commands);
		rig.connection.addCommands(commands);
		rig.accept();
		rig.take();
		rig.notify(".rpc", vectors.rpcRequest);
		assert.deepEqual(rig.take(), [`POST .rpc/status 60 ${hex}`]);
	}
});

test("Golioth: a call that cannot be read is answered as such, or is an error where nobody knows which it was", () => {
	const rig = new GoliothRig();
	const commands = new Commands({ onCommand: () => assert.fail("it was told") });
	rig.services.push(commands);
	rig.connection.addCommands(commands);
	rig.accept();
	rig.take();
	// {"id":"r1","method":"m","params":undefined}
	rig.notify(".rpc", "a3626964627231666d6574686f64616d66706172616d73f7");
	assert.deepEqual(rig.take(), ["fault malformed: CBOR with a simple value that JSON has not", `POST .rpc/status 60 a36269646272316664657461696ca166726561736f6e694d414c464f524d45446a737461747573436f646503`]);
	for (const hex of ["a1626964627231", "a3626964", "bf", "a10102"]) {
		rig.notify(".rpc", hex);
		const lines = rig.take();
		assert.equal(lines.length, 1, hex);
		assert.match(lines[0]!, /^fault malformed/);
	}
});

test("Golioth: a manifest is found its package, and whatever else it says is stepped over", () => {
	const found = { sequence: 1_700_000_000, version: "1.0.1", sha256: "ab".repeat(32) };
	assert.deepEqual(findTarget(text, fromHex(vectors.manifest), "main"), found);
	assert.equal(findTarget(text, fromHex(vectors.manifest), "modem"), undefined);
	assert.equal(findTarget(text, fromHex(vectors.rpcEstablished), "main"), undefined);
	assert.equal(findTarget(text, fromHex(""), "main"), undefined);
	assert.equal(findTarget(text, fromHex("a30100026003f6"), "main"), undefined);
	// Of indefinite length, with a member that nobody knows: an array of maps, tags and strings in chunks.
	const strange = "bf0118 2a 09 9f bf 61 61 c1 5f 41 00 41 01 ff ff fb 3ff8000000000000 ff 03 9f bf 01 64 6d61696e 02 61 32 ff ff ff".replaceAll(" ", "");
	assert.deepEqual(findTarget(text, fromHex(strange), "main"), { sequence: 42, version: "2", sha256: "" });
	for (let length = 1; length < strange.length; length += 2) {
		const cut = strange.slice(0, length - 1);
		if (cut !== "") assert.equal(codeOf(() => findTarget(text, fromHex(cut), "main")), "malformed");
	}
	for (const hex of ["a1 03 81 00", "a1 f4 00", "a1 61 61 00", "a1 01 1c", "a1 09 1f", "a1 01 1b ffffffff ffffffff", "a1 01 61 61"]) {
		assert.equal(codeOf(() => findTarget(text, fromHex(hex.replaceAll(" ", "")), "main")), "malformed");
	}
});
