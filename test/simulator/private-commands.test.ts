// SPDX-License-Identifier: Apache-2.0
/** The private cloud's commands over its broker: what a device is sent, what it says, and what is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Backend } from "../../hosts/simulator/backend.js";
import { COMMAND_MAXIMUM } from "../../hosts/simulator/services/commands.js";
import { encodeJson } from "../../hosts/simulator/services/json.js";
import { codeOf } from "../unit/failure.js";

class Scene {
	now = 0;
	readonly commands;
	readonly #heard: string[] = [];
	readonly #channel;

	constructor() {
		const backend = new Backend({ wall: () => this.now });
		this.commands = backend.commands;
		this.#channel = backend.broker.attach();
		for (const verb of ["request", "accepted", "rejected"]) {
			this.#channel.subscribe(`moorline/+/commands/${verb}`, (topic, payload) => {
				this.#heard.push(`${topic.slice("moorline/".length)} ${Buffer.from(payload).toString()}`);
			});
		}
	}

	respond(message: unknown): void { this.#channel.publish("moorline/lamp/commands/response", encodeJson(message)); }
	heard(): string[] { return this.#heard.splice(0); }
}

test("a command is sent, said to be under way, and ends once", () => {
	const scene = new Scene(), said: string[] = [];
	scene.commands.onChanged = (device, { id, status, reason }) => { said.push(`${device} ${id} ${status} ${reason}`); };
	assert.equal(scene.commands.send("lamp", { blink: 3 }), "command-1");
	assert.deepEqual(scene.heard(), [`lamp/commands/request {"id":"command-1","payload":{"blink":3},"number":1}`]);
	scene.respond({ id: "command-1", status: "IN_PROGRESS", reason: "WARMING" });
	scene.respond({ id: "command-1", status: "FAILED", reason: "HOT" });
	scene.respond({ id: "command-1", status: "SUCCEEDED" });
	assert.deepEqual(scene.heard(), ["IN_PROGRESS", "FAILED", "SUCCEEDED"].map(status => `lamp/commands/accepted {"id":"command-1","status":"${status}"}`));
	assert.deepEqual(said, ["lamp command-1 IN_PROGRESS WARMING", "lamp command-1 FAILED HOT"]);
	assert.equal(scene.commands.get("lamp", "command-1")?.status, "FAILED");
});

test("what is no response to a command is refused", () => {
	const scene = new Scene();
	scene.commands.send("lamp", null, { id: "a" });
	scene.heard();
	scene.respond({ id: "b", status: "SUCCEEDED" });
	scene.respond({ id: "a", status: "CREATED" });
	scene.respond({ id: "a", status: "SUCCEEDED", result: 3 });
	scene.respond([]);
	assert.deepEqual(scene.heard().map(line => line.split(",", 2).join()), [
		`lamp/commands/rejected {"id":"b","code":404`, `lamp/commands/rejected {"id":"a","code":400`, `lamp/commands/rejected {"id":"a","code":400`,
		`lamp/commands/rejected {"code":400,"message":"payload is not an object"}`,
	]);
});

test("commands are bounded: those that ended, or that nobody came for in time, make room", () => {
	const scene = new Scene(), { commands } = scene;
	assert.equal(codeOf(() => commands.send("lamp", null, { id: "not a name" })), "argument");
	assert.equal(codeOf(() => commands.send("lamp", "x".repeat(5_000))), "too-large");
	for (let index = 0; index < COMMAND_MAXIMUM; index++) commands.send("lamp", null, { id: `c-${index}` });
	assert.equal(codeOf(() => commands.send("lamp", null, { id: "c-0" })), "state");
	assert.equal(codeOf(() => commands.send("lamp", null)), "full");
	scene.respond({ id: "c-3", status: "REJECTED" });
	commands.send("lamp", null, { id: "d" });
	assert.equal(commands.get("lamp", "c-3"), undefined);
	assert.equal(codeOf(() => commands.send("lamp", null)), "full");
	scene.now += 60_000;
	assert.deepEqual(commands.pending("lamp"), []);
	commands.send("lamp", null, { id: "e" });
	assert.deepEqual(commands.pending("lamp").map(({ id }) => id), ["e"]);
});
