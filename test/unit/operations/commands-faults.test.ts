// SPDX-License-Identifier: Apache-2.0
/** Commands where the storage fails, a cloud sends what it should not, and what is said cannot be: never stuck, never twice. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../../src/base/error.js";
import { RETRY } from "../../../src/base/service.js";
import { REMEMBERED } from "../../../src/operations/command-memory.js";
import { BEGUN_DELAY, COMMAND_MAXIMUM, RESUMPTION_MAXIMUM } from "../../../src/operations/commands.js";
import { CommandRig } from "./command-rig.js";

test("what ends as soon as it is taken up leaves nothing due, with the cloud away", () => {
	const rig = new CommandRig();
	rig.request("1");
	rig.take();
	rig.service.disconnected();
	rig.onResumed = (command) => {
		command.succeed();
		return true;
	};
	rig.reset(false);
	assert.deepEqual(rig.take(), [`resumed 1 {"do":"1"} undefined`]);
	rig.wait(10 * BEGUN_DELAY);
	assert.equal(rig.service.deadline, Infinity);
	rig.connect();
	assert.deepEqual(rig.take(), ["1 SUCCEEDED"]);
});

test("a storage that cannot be read is tried again now and then, and nothing begins meanwhile", () => {
	const rig = new CommandRig();
	rig.do("1");
	rig.take();
	rig.readFailure = new DeviceError("storage", "cannot read");
	rig.reset();
	assert.deepEqual(rig.take(), ["error storage"]);
	rig.request("2");
	assert.deepEqual(rig.take(), ["2 REJECTED NOT_REMEMBERED"]);
	rig.accepted("2");
	const { reads } = rig;
	rig.wait(60 * RETRY);
	assert.ok(rig.reads - reads <= 60, `${rig.reads - reads} reads in a minute`);
	rig.readFailure = undefined;
	rig.wait(60 * RETRY);
	assert.equal(rig.take().at(-1), `1 SUCCEEDED {"id":"1"}`);
	rig.accepted("1");
	rig.request("1");
	assert.deepEqual(rig.take(), [`1 SUCCEEDED {"id":"1"}`]);
});

test("a program that throws when it is to take one up does not keep the others from it", () => {
	const rig = new CommandRig();
	rig.request("1");
	rig.request("2");
	rig.take();
	rig.onResumed = () => {
		throw new Error("flawed");
	};
	// Each start that dies of it gets as far as the one that it dies of, until that is given up.
	for (let boots = 0; boots < 2 * RESUMPTION_MAXIMUM; boots++) {
		assert.throws(() => rig.reset(), { message: "flawed" });
		rig.take();
	}
	rig.reset();
	rig.accepted("1");
	rig.accepted("2");
	assert.deepEqual(rig.take(), ["1 FAILED INTERRUPTED", "2 FAILED INTERRUPTED"]);
});

test("the end goes out at once when the cloud's answer to what was said before names that", () => {
	const rig = new CommandRig();
	rig.request("1");
	rig.commands["1"]!.progress();
	rig.turn();
	rig.commands["1"]!.succeed();
	rig.turn();
	assert.deepEqual(rig.take().slice(1), ["1 IN_PROGRESS"]);
	rig.service.accepted("1", "IN_PROGRESS");
	rig.turn();
	assert.deepEqual(rig.take(), ["1 SUCCEEDED"]);
	// Late, and once more.
	rig.service.accepted("1", "IN_PROGRESS");
	rig.turn();
	assert.notEqual(rig.service.deadline, Infinity);
	rig.service.accepted("1", "SUCCEEDED");
	rig.turn();
	assert.equal(rig.service.deadline, Infinity);
});

test("a result that cannot be said is left out, and there is room for others for ever", () => {
	const rig = new CommandRig();
	const { port } = rig;
	rig.connect({
		respond(command) {
			if (command.result !== undefined) throw new DeviceError("too-large", "a result");
			return port.respond(command);
		},
	});
	for (let number = 1; number <= 2 * REMEMBERED; number++) {
		const id = `${number}`;
		rig.do(id);
		const [, ...said] = rig.take();
		assert.deepEqual(said, ["error too-large", `${id} SUCCEEDED RESULT_UNSAID`]);
	}
	assert.equal(rig.service.deadline, Infinity);
});

test("what cannot be said at all is given up, and makes room", () => {
	const rig = new CommandRig();
	rig.connect({
		respond() {
			throw new DeviceError("argument", "no topic");
		},
	});
	for (let number = 1; number <= 2 * REMEMBERED + COMMAND_MAXIMUM; number++) rig.do(`${number}`);
	assert.equal(rig.take().filter((line) => line.startsWith("command")).length, 2 * REMEMBERED + COMMAND_MAXIMUM);
	assert.deepEqual([...rig.values.keys()].map(Number).sort((one, other) => one - other)[0], 0);
	assert.equal(rig.service.deadline, Infinity);
});

test("a checkpoint that is the same again is no progress: what the device dies of is given up", () => {
	const rig = new CommandRig();
	rig.request("1");
	rig.onResumed = (command) => {
		command.progress(undefined, undefined, "half");
		return true;
	};
	for (let boots = 0; boots <= RESUMPTION_MAXIMUM; boots++) rig.reset();
	rig.take();
	rig.reset();
	assert.deepEqual(rig.take(), ["1 FAILED INTERRUPTED"]);
});
