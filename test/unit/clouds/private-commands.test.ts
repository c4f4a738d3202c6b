// SPDX-License-Identifier: Apache-2.0
/** Commands on the private cloud over MQTT: topics and messages as documented. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Command } from "../../../src/operations/command.js";
import { DeviceRig } from "../device-rig.js";
import { connack, suback } from "../wire.js";

class Rig extends DeviceRig {
	command: Command | undefined;

	/** In sync, and listening. */
	static make(): Rig {
		const rig: Rig = new Rig({
			device: {
				onCommand(command) {
					rig.command = command;
					rig.lines.push(`command ${command.id} ${JSON.stringify(command.payload)}`);
				},
			},
		});
		rig.reach();
		rig.stream.deliver(connack());
		const [, id = ""] = /^.*82[0-9a-f]{4}([0-9a-f]{4})00/.exec(rig.stream.take()) ?? [];
		rig.stream.deliver(suback(Number.parseInt(id, 16), 1, 1, 1, 1, 1, 1, 1, 1));
		rig.said();
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
	rig.message("commands/accepted", { id: "a" });
	rig.call(() => rig.command!.succeed({ done: true }));
	rig.host.advance(0);
	const response = `commands/response {"id":"a","status":"SUCCEEDED","result":{"done":true}}`;
	assert.deepEqual(rig.said(), [response]);
	rig.message("commands/accepted", { id: "a" });
	rig.message("commands/request", { id: "a", payload: { blink: 3 } });
	assert.deepEqual([rig.said(), rig.take()], [[response], []]);
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
