// SPDX-License-Identifier: Apache-2.0
/** Commands on the private cloud over MQTT: topics and messages as documented. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PrivateCloudOptions } from "../../../src/clouds/private/index.js";
import { termsOf } from "../../../src/clouds/private/commands.js";
import type { Command } from "../../../src/operations/command.js";
import { ANSWER_TIMEOUT } from "../../../src/base/service.js";
import { DeviceRig, ID } from "../device-rig.js";
import { toHex } from "../hex.js";
import { connack, publish, suback, utf8 } from "../wire.js";

class Rig extends DeviceRig {
	command: Command | undefined;
	onCommand: (() => void) | undefined;

	/** In sync, and listening. */
	static make(cloud: PrivateCloudOptions = {}): Rig {
		const rig: Rig = new Rig({
			device: {
				onCommand(command) {
					rig.command = command;
					rig.lines.push(`command ${command.id} ${JSON.stringify(command.payload)}`);
					rig.onCommand?.();
				},
				onCommandCanceled: ({ id, status }) => { rig.lines.push(`${id} ${status}`); },
			},
			cloud,
		});
		rig.reach();
		rig.stream.deliver(connack());
		// Nine filters, of which eight fit one packet.
		for (const count of [8, 1]) {
			const [, id = ""] = /^.*82(?:[0-9a-f]{4}|[0-9a-f]{2})(ff[0-9a-f]{2})00/.exec(rig.stream.take()) ?? [];
			rig.stream.deliver(suback(Number.parseInt(id, 16), ...Array.from({ length: count }, () => 1)));
		}
		assert.ok(rig.said().includes("commands/get {}"));
		rig.message("shadow/document", { token: "1", version: 5, desired: {}, reported: {} });
		rig.take();
		return rig;
	}
}

test("PrivateCommands: a command from its request to the cloud's answer, and once again as it was", () => {
	const rig = Rig.make();
	rig.message("commands/request", { id: "a", payload: { blink: 3 } });
	assert.deepEqual(rig.take(), [`command a {"blink":3}`]);
	rig.call(() => rig.command!.progress("WARMING", "two seconds"));
	rig.host.advance(0);
	assert.deepEqual(rig.said(), [`commands/response {"id":"a","status":"IN_PROGRESS","reason":"WARMING","description":"two seconds"}`]);
	rig.message("commands/accepted", { id: "a", status: "IN_PROGRESS" });
	rig.call(() => rig.command!.succeed({ done: true }));
	rig.host.advance(0);
	const response = `commands/response {"id":"a","status":"SUCCEEDED","result":{"done":true}}`;
	assert.deepEqual(rig.said(), [response]);
	// An answer to what was said before is none to this.
	rig.message("commands/accepted", { id: "a", status: "IN_PROGRESS" });
	rig.message("commands/request", { id: "a", payload: { blink: 3 } });
	rig.host.advance(ANSWER_TIMEOUT);
	assert.deepEqual([rig.said(), rig.take()], [[response], []]);
	rig.message("commands/accepted", { id: "a", status: "SUCCEEDED" });
	rig.message("commands/request", { id: "a", payload: { blink: 3 } });
	assert.deepEqual([rig.said(), rig.take()], [[response], []]);
});

test("PrivateCommands: canceled, too late, and bytes in CBOR", () => {
	const rig = Rig.make();
	rig.message("commands/request", { id: "a", number: 7 });
	rig.message("commands/cancel", { id: "a", number: 7 });
	assert.deepEqual([rig.said(), rig.take()], [[`commands/response {"id":"a","status":"CANCELED"}`], ["command a null", "a CANCELED"]]);
	rig.message("commands/accepted", { id: "a", status: "CANCELED" });
	rig.message("commands/request", { id: "b", timeout: 2 });
	rig.host.advance(2_000);
	assert.deepEqual(rig.take(), ["command b null", "b TIMED_OUT"]);
	// {"id": "c", "payload": h'0102'}
	rig.raw("commands/request", "a2626964616367" + toHex(new TextEncoder().encode("payload")) + "420102");
	rig.take();
	assert.deepEqual([rig.command!.id, rig.command!.payload], ["c", Uint8Array.of(1, 2)]);
	// {"id": h'01'}: anywhere else there are none.
	rig.raw("commands/cancel", "a16269644101");
	assert.deepEqual(rig.take(), ["error malformed"]);
});

test("PrivateCommands: what is no term is none, and what has no name is refused", () => {
	for (const number of [1.5, -1, 0, -0, NaN, Infinity, 2 ** 53, "7"]) assert.deepEqual(termsOf({ number: number as number }).number, undefined);
	for (const time of [NaN, Infinity, -Infinity, "7"]) {
		assert.deepEqual(termsOf({ timeout: time as number, expires: time as number }), { number: undefined, timeout: undefined, expires: undefined });
	}
	assert.deepEqual(termsOf({ number: 7, timeout: 0.5, expires: 1e12 }), { number: 7, timeout: 0.5, expires: 1e12 });
	const rig = Rig.make();
	for (const message of [{}, { id: 7 }, { id: "" }, { id: { toString: 1 } }]) {
		rig.message("commands/request", message);
		rig.message("commands/cancel", message);
		assert.deepEqual(rig.take(), ["error malformed", "error malformed"]);
	}
});

test("PrivateCommands: a reply in parts, each as the cloud asks for it", () => {
	const rig = Rig.make();
	rig.message("commands/request", { id: "a" });
	rig.take();
	const source = { read: (offset: number, target: Uint8Array) => {
		const count = Math.min(target.byteLength, 2_000 - offset);
		target.fill(0xe0 + (offset / 768), 0, count);
		return count;
	} };
	rig.call(() => rig.command!.reply(source, { rows: 3 }));
	const parts = (): string[] => rig.said().map((line) => {
		rig.stream.writable();
		const [topic = "", payload = ""] = line.split(" ");
		return `${topic} ${payload.length / 2} ${payload.slice(0, 2)}`;
	});
	assert.deepEqual(parts(), ["commands/reply/a/0 768 e0"]);
	rig.message("commands/accepted", { id: "a", part: 0, offset: 768 });
	assert.deepEqual(parts(), ["commands/reply/a/768 768 e1"]);
	// Said twice, it is none of the next part's.
	rig.message("commands/accepted", { id: "a", part: 0, offset: 768 });
	assert.deepEqual(parts(), []);
	rig.message("commands/accepted", { id: "a", part: 768, offset: 0 });
	assert.deepEqual(parts(), ["commands/reply/a/0 768 e0"]);
	rig.message("commands/accepted", { id: "a", part: 0, offset: 768 });
	assert.deepEqual(parts(), ["commands/reply/a/768 768 e1"]);
	rig.message("commands/rejected", { id: "a", part: 768, code: 500, message: "later" });
	rig.host.advance(ANSWER_TIMEOUT);
	assert.deepEqual(parts(), ["commands/reply/a/768 768 e1"]);
	rig.message("commands/accepted", { id: "a", part: 768, offset: 1536 });
	assert.deepEqual(parts(), ["commands/reply/a/1536 464 e2"]);
	rig.message("commands/accepted", { id: "a", part: 1536, offset: 2000 });
	const [said = ""] = rig.said();
	assert.match(said, /^commands\/response \{"id":"a","status":"SUCCEEDED","result":\{"rows":3\},"reply":\{"length":2000,"digest":"[0-9a-f]{64}"\}\}$/);
	rig.message("commands/request", { id: "b/c" });
	rig.take();
	rig.message("commands/accepted", { id: "a", status: "SUCCEEDED" });
	rig.call(() => rig.command!.reply(source));
	assert.deepEqual(rig.said(), [`commands/response {"id":"b/c","status":"FAILED","reason":"REPLY_FAILED","description":"a command's id that is no name"}`]);
});

test("PrivateCommands: refusals by their numbers", () => {
	for (const [code, lines] of [[404, ["error rejected"]], [400, ["error rejected"]], [500, []]] as const) {
		const rig = Rig.make();
		rig.message("commands/request", { id: "a" });
		assert.deepEqual(rig.take(), ["command a null"]);
		rig.call(() => rig.command!.succeed());
		rig.host.advance(0);
		rig.said();
		rig.message("commands/rejected", { id: "a", code, message: "no" });
		assert.deepEqual(rig.take(), lines);
		rig.host.advance(20_000);
		assert.deepEqual(rig.said().filter((line) => line.startsWith("commands")), code === 500 ? [`commands/response {"id":"a","status":"SUCCEEDED"}`] : []);
	}
});

test("PrivateCommands: nothing begins once the program has closed the device, though it came before", () => {
	const rig = Rig.make();
	rig.onCommand = () => rig.device.close();
	const request = (id: string): string => publish({ topic: `moorline/${ID}/commands/request`, payload: utf8(JSON.stringify({ id })), qos: 1, id: 1 });
	rig.stream.deliver(request("a") + request("b"));
	rig.host.advance(ANSWER_TIMEOUT);
	assert.deepEqual(rig.take(), ["command a null"]);
});
