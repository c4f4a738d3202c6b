// SPDX-License-Identifier: Apache-2.0
/** Commands: each is done once, and what came of it gets through. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../../src/base/error.js";
import type { Command } from "../../../src/operations/command.js";
import { COMMAND_MAXIMUM, Commands, type CommandsPort } from "../../../src/operations/commands.js";
import { ANSWER_TIMEOUT, Refusal, RETRY } from "../../../src/base/service.js";
import { codeOf } from "../failure.js";
import { ServiceRig } from "./service-rig.js";

class Rig extends ServiceRig {
	/** By id. */
	readonly commands: Record<string, Command> = {};
	onCommand: ((command: Command) => void) | undefined;
	/** Times that the deadline was said to have moved. */
	turns = 0;
	protected override readonly driven = new Commands({
		onTurn: () => this.turns++,
		onCommand: (command) => {
			this.commands[command.id] = command;
			this.lines.push(`command ${command.id} ${JSON.stringify(command.payload)}`);
			this.onCommand?.(command);
		},
		onError: ({ code }) => this.lines.push(`error ${code}`),
	});
	readonly port: CommandsPort = {
		respond: ({ id, status, reason, description, result }) =>
			this.asked([id, status, reason, description, result && JSON.stringify(result)].filter((part) => part !== undefined).join(" ")),
	};

	constructor() {
		super();
		this.connect();
	}

	get service(): Commands {
		return this.driven;
	}

	connect(): void {
		this.driven.connected(this.port);
		this.turn();
	}

	request(id: string): void {
		this.driven.request(id, { do: id });
		this.turn();
	}

	accepted(id: string): void {
		this.driven.accepted(id);
		this.turn();
	}

	rejected(id: string, refusal: number): void {
		this.driven.rejected(id, refusal, "no", this.now);
		this.turn();
	}
}

test("Commands hands a command to the program and tells the cloud what came of it", () => {
	const rig = new Rig();
	rig.service.request("1", { on: true });
	assert.deepEqual(rig.take(), []);
	rig.turn();
	assert.deepEqual(rig.take(), [`command 1 {"on":true}`]);
	const { "1": command } = rig.commands;
	assert.equal(rig.turns, 0);
	command!.progress("WARMING", "a minute");
	assert.equal(rig.turns, 1);
	rig.turn();
	rig.accepted("1");
	command!.succeed({ heat: "21", done: true });
	rig.turn();
	assert.equal(command!.payload, null);
	rig.accepted("1");
	assert.deepEqual(rig.take(), ["1 IN_PROGRESS WARMING a minute", `1 SUCCEEDED {"heat":"21","done":true}`]);
	assert.equal(rig.service.deadline, Infinity);
	// Nothing follows an end.
	command!.fail("LATE");
	command!.succeed({});
	rig.turn();
	assert.deepEqual(rig.take(), []);
	rig.onCommand = (next) => next.id === "2" ? next.fail("HOT", "too hot") : next.reject("HOT", "too hot");
	rig.request("2");
	rig.accepted("2");
	rig.request("3");
	assert.deepEqual(rig.take(), [`command 2 {"do":"2"}`, "2 FAILED HOT too hot", `command 3 {"do":"3"}`, "3 REJECTED HOT too hot"]);
});

test("Commands does a command once, and repeats its answer when it is asked for twice", () => {
	const rig = new Rig();
	rig.request("1");
	rig.request("1");
	assert.deepEqual(rig.take(), [`command 1 {"do":"1"}`]);
	rig.commands["1"]!.succeed({ n: "1" });
	rig.turn();
	// It is being answered.
	rig.request("1");
	assert.deepEqual(rig.take(), [`1 SUCCEEDED {"n":"1"}`]);
	rig.accepted("1");
	rig.request("1");
	assert.deepEqual(rig.take(), [`1 SUCCEEDED {"n":"1"}`]);
	rig.accepted("1");
	assert.equal(rig.service.deadline, Infinity);
});

test("Commands repeats what was not answered, and across connections; one answer is under way at a time", () => {
	const rig = new Rig();
	rig.onCommand = (command) => command.succeed();
	rig.request("1");
	rig.request("2");
	assert.deepEqual(rig.take(), [`command 1 {"do":"1"}`, "1 SUCCEEDED", `command 2 {"do":"2"}`]);
	rig.accepted("2");
	assert.deepEqual(rig.take(), []);
	rig.wait(ANSWER_TIMEOUT);
	assert.deepEqual(rig.take(), ["1 SUCCEEDED"]);
	rig.service.disconnected();
	rig.wait(100_000);
	assert.deepEqual(rig.take(), []);
	rig.connect();
	rig.accepted("1");
	rig.accepted("2");
	assert.deepEqual(rig.take(), ["1 SUCCEEDED", "2 SUCCEEDED"]);
	assert.equal(rig.service.deadline, Infinity);
});

test("Commands says again what changed while it was being said", () => {
	const rig = new Rig();
	rig.onCommand = (command) => command.progress();
	rig.request("1");
	rig.commands["1"]!.succeed();
	rig.turn();
	rig.accepted("1");
	rig.accepted("1");
	assert.deepEqual(rig.take(), [`command 1 {"do":"1"}`, "1 IN_PROGRESS", "1 SUCCEEDED"]);
	assert.equal(rig.service.deadline, Infinity);
});

test("Commands waits where the cloud has too much to do, and reports and drops what it refuses", () => {
	const rig = new Rig();
	rig.onCommand = (command) => command.succeed();
	rig.request("1");
	rig.rejected("1", Refusal.BUSY);
	rig.take();
	rig.wait(ANSWER_TIMEOUT);
	assert.deepEqual(rig.take(), ["1 SUCCEEDED"]);
	rig.rejected("1", Refusal.BUSY);
	rig.wait(2 * ANSWER_TIMEOUT - 1);
	assert.deepEqual(rig.take(), []);
	rig.wait(1);
	assert.deepEqual(rig.take(), ["1 SUCCEEDED"]);
	rig.rejected("1", Refusal.GONE);
	rig.rejected("1", Refusal.GONE);
	assert.deepEqual(rig.take(), ["error rejected"]);
	rig.request("2");
	assert.deepEqual(rig.take(), [`command 2 {"do":"2"}`, "2 SUCCEEDED"]);
	rig.accepted("2");
	assert.equal(rig.service.deadline, Infinity);
});

test("Commands tries again soon where there was no room, and drops what the port throws", () => {
	const rig = new Rig();
	rig.onCommand = (command) => command.succeed();
	rig.room = false;
	rig.request("1");
	rig.room = true;
	rig.wait(RETRY);
	rig.accepted("1");
	assert.deepEqual(rig.take(), [`command 1 {"do":"1"}`, "no room: 1 SUCCEEDED", "1 SUCCEEDED"]);
	rig.failure = new DeviceError("too-large", "too much");
	rig.request("2");
	assert.deepEqual(rig.take(), [`command 2 {"do":"2"}`, "error too-large"]);
	rig.onCommand = undefined;
	rig.request("3");
	rig.commands["3"]!.succeed();
	rig.turn();
	assert.deepEqual(rig.take(), [`command 3 {"do":"3"}`, "error too-large"]);
	assert.equal(rig.service.deadline, Infinity);
});

test("Commands remembers so many, forgets those that are over first, and refuses more under way", () => {
	const rig = new Rig();
	for (let id = 0; id < COMMAND_MAXIMUM; id++) rig.request(`${id}`);
	assert.equal(codeOf(() => rig.request("more")), "full");
	rig.commands["3"]!.succeed();
	assert.equal(codeOf(() => rig.request("more")), "full", "its end was not said yet");
	rig.turn();
	assert.equal(codeOf(() => rig.request("more")), "full", "the cloud may not know its end yet");
	rig.accepted("3");
	rig.take();
	rig.request("more");
	assert.deepEqual(rig.take(), [`command more {"do":"more"}`]);
	rig.commands["0"]!.succeed();
	rig.turn();
	rig.accepted("0");
	rig.request("3");
	assert.deepEqual(rig.take(), ["0 SUCCEEDED", `command 3 {"do":"3"}`], "3 was forgotten");
});

test("Commands lets names of strangers be learned where none are declared", () => {
	const callbacks = { onCommand: () => undefined };
	const { vocabulary } = new Commands(callbacks, { members: ["on"] });
	assert.deepEqual(["on", "off"].map((name) => vocabulary.admits(name)), [true, false]);
	assert.equal(new Commands(callbacks).vocabulary.admits("off"), true);
});

test("Commands rejects what cannot be read, without a word to the program", () => {
	const rig = new Rig();
	rig.service.refuse("1");
	rig.turn();
	assert.deepEqual(rig.take(), ["1 REJECTED MALFORMED"]);
	rig.accepted("1");
	rig.service.refuse("1");
	rig.turn();
	assert.deepEqual(rig.take(), ["1 REJECTED MALFORMED"]);
});
