// SPDX-License-Identifier: Apache-2.0
/** The private cloud's commands over its broker: what a device is sent, what it says, and what is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Backend } from "../../hosts/simulator/backend.js";
import { CommandReplies, CommandReply, REPLY_MAXIMUM } from "../../hosts/simulator/services/command-replies.js";
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
		for (const verb of ["request", "cancel", "accepted", "rejected"]) {
			this.#channel.subscribe(`moorline/+/commands/${verb}`, (topic, payload) => {
				this.#heard.push(`${topic.slice("moorline/".length)} ${Buffer.from(payload).toString()}`);
			});
		}
	}

	respond(message: unknown): void { this.#channel.publish("moorline/lamp/commands/response", encodeJson(message)); }
	part(id: string, offset: number | string, bytes: Uint8Array): void { this.#channel.publish(`moorline/lamp/commands/reply/${id}/${offset}`, bytes); }
	get(): void { this.#channel.publish("moorline/lamp/commands/get", encodeJson({})); }

	/** Lets time pass. */
	wait(duration: number): void {
		this.commands.expire(this.now);
		this.now += duration;
		this.commands.expire(this.now);
	}

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

test("what waits is told again to a device that asks, with its time, and what is to end", () => {
	const scene = new Scene(), { commands } = scene;
	commands.send("lamp", 1, { id: "a", timeout: 5 });
	commands.send("lamp", 2, { id: "b", expires: 90_000 });
	commands.send("lamp", 3, { id: "c" });
	scene.respond({ id: "c", status: "IN_PROGRESS" });
	assert.equal(commands.cancel("lamp", "b"), true);
	assert.equal(commands.cancel("lamp", "c"), true);
	assert.equal(codeOf(() => commands.cancel("lamp", "d")), "argument");
	assert.equal(codeOf(() => commands.send("lamp", 4, { timeout: 0 })), "argument");
	assert.deepEqual(scene.heard().slice(-2), [`lamp/commands/cancel {"id":"b","number":2}`, `lamp/commands/cancel {"id":"c","number":3}`]);
	scene.get();
	assert.deepEqual(scene.heard(), [
		`lamp/commands/request {"id":"a","payload":1,"number":1,"timeout":5}`,
		`lamp/commands/cancel {"id":"b","number":2}`, `lamp/commands/cancel {"id":"c","number":3}`,
	]);
	scene.respond({ id: "b", status: "CANCELED" });
	scene.respond({ id: "c", status: "SUCCEEDED" });
	assert.equal(commands.cancel("lamp", "c"), false);
	assert.deepEqual([commands.get("lamp", "b")?.status, commands.get("lamp", "c")?.status, commands.canceled("lamp")], ["CANCELED", "SUCCEEDED", []]);
});

test("numbers rise, whatever the clock does", () => {
	const scene = new Scene(), { commands } = scene;
	const numbers = [500, 500, 100, 900].map(now => {
		scene.now = now;
		return commands.get("lamp", commands.send("lamp", null))!.number;
	});
	assert.deepEqual(numbers, [500, 501, 502, 900]);
});

test("nobody answers: that is a guess, until the device says how it ended", () => {
	const scene = new Scene(), { commands } = scene, said: string[] = [];
	commands.onChanged = (_, { id, status, reason }) => { said.push(`${id} ${status} ${reason}`); };
	commands.send("lamp", null, { id: "a" });
	commands.send("lamp", null, { id: "b", timeout: 10 });
	commands.send("lamp", null, { id: "c" });
	scene.wait(50_000);
	scene.respond({ id: "b", status: "IN_PROGRESS" });
	scene.respond({ id: "c", status: "IN_PROGRESS" });
	scene.wait(10_000);
	assert.deepEqual(said.splice(0), ["b IN_PROGRESS undefined", "c IN_PROGRESS undefined", "a TIMED_OUT NO_RESPONSE"]);
	// Its own time, and half a minute to say how it ended.
	scene.wait(29_999);
	assert.deepEqual(said, []);
	scene.wait(1);
	assert.deepEqual(said.splice(0), ["b TIMED_OUT NO_RESPONSE"]);
	scene.respond({ id: "b", status: "SUCCEEDED" });
	scene.respond({ id: "b", status: "FAILED" });
	scene.wait(10_000_000);
	assert.deepEqual(said, ["b SUCCEEDED undefined"], "and who is under way without a limit takes as long as it takes");
});

test("a reply in parts: in order, again, and from an earlier place", () => {
	const scene = new Scene(), { commands } = scene;
	commands.send("lamp", null, { id: "a" });
	scene.heard();
	const answers = (offset: number | string, ...bytes: number[]): string => {
		scene.part("a", offset, Uint8Array.from(bytes));
		return scene.heard().join().slice("lamp/commands/".length);
	};
	assert.equal(answers(0, 1, 2), `accepted {"id":"a","part":0,"offset":2}`);
	assert.equal(answers(2, 3, 4), `accepted {"id":"a","part":2,"offset":4}`);
	assert.equal(answers(6, 9), `accepted {"id":"a","part":6,"offset":4}`, "there would be a hole");
	assert.equal(answers(0, 5, 6, 7), `accepted {"id":"a","part":0,"offset":3}`);
	assert.match(answers("x", 1), /rejected .*"code":400/);
	assert.match(answers(0, ...new Uint8Array(1_025)), /rejected .*"code":413/);
	assert.deepEqual(commands.reply("lamp", "a"), Uint8Array.of(5, 6, 7));
	scene.respond({ id: "a", status: "SUCCEEDED", reply: { length: "3" } });
	assert.match(scene.heard().join(), /"code":400/);
	scene.respond({ id: "a", status: "SUCCEEDED", reply: { length: 3, digest: "00" } });
	assert.deepEqual([commands.get("lamp", "a")?.status, commands.get("lamp", "a")?.reply], ["SUCCEEDED", { length: 3, digest: "00" }]);
	scene.heard();
	assert.match(answers(3, 1), /rejected .*"code":404/);
	commands.send("lamp", null, { id: "b" });
	scene.part("b", 0, Uint8Array.of(1));
	scene.respond({ id: "b", status: "SUCCEEDED", reply: { length: 2 } });
	assert.deepEqual([commands.get("lamp", "b")?.status, commands.get("lamp", "b")?.reason], ["FAILED", "REPLY_INCOMPLETE"]);
});

test("replies are bounded: each, and all of them together", () => {
	const scene = new Scene(), { commands } = scene;
	const part = new Uint8Array(1_024);
	commands.send("lamp", null, { id: "a" });
	for (let offset = 0; offset <= REPLY_MAXIMUM; offset += part.byteLength) scene.part("a", offset, part);
	assert.match(scene.heard().at(-1)!, /"code":413/);
	assert.equal(commands.reply("lamp", "a")?.byteLength, REPLY_MAXIMUM);
	const replies = new CommandReplies();
	const many = Array.from({ length: 65 }, () => new CommandReply(replies));
	const fill = (reply: CommandReply): void => {
		for (let offset = 0; offset < REPLY_MAXIMUM; offset += part.byteLength) reply.take(offset, part);
	};
	many.slice(1).forEach(fill);
	assert.throws(() => many[0]!.take(0, part), { code: 429 });
	many[1]!.drop();
	fill(many[0]!);
});
