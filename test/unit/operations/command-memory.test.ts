// SPDX-License-Identifier: Apache-2.0
/** Commands through resets: none is begun twice, and each is answered as it was. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../../src/base/error.js";
import { ANSWER_TIMEOUT, Refusal } from "../../../src/base/service.js";
import { OUTCOME_MAXIMUM, PAYLOAD_MAXIMUM, REMEMBERED } from "../../../src/operations/command-memory.js";
import { CHECKPOINT_MAXIMUM } from "../../../src/operations/command.js";
import { COMMAND_MAXIMUM, RESUMPTION_MAXIMUM } from "../../../src/operations/commands.js";
import { codeOf } from "../failure.js";
import { CommandRig } from "./command-rig.js";

test("a command that comes again after a reset is answered as it was, with two writes for all of it", () => {
	const rig = new CommandRig();
	rig.do("1");
	assert.equal(rig.writes, 2);
	rig.take();
	rig.request("1");
	assert.deepEqual(rig.take(), [`1 SUCCEEDED {"id":"1"}`]);
	rig.accepted("1");
	rig.do("2");
	rig.take();
	rig.reset();
	// Of the last one nobody knows whether the cloud has heard of it; of those before, one does.
	assert.deepEqual(rig.take(), [`2 SUCCEEDED {"id":"2"}`]);
	rig.accepted("2");
	rig.request("1");
	rig.request("2");
	assert.deepEqual(rig.take(), [`1 SUCCEEDED {"id":"1"}`]);
	rig.accepted("1");
	assert.deepEqual(rig.take(), [`2 SUCCEEDED {"id":"2"}`]);
	assert.equal(rig.writes, 4);
});

test("what had ended and was not said is said after a reset, and a refusal of that is no error", () => {
	const rig = new CommandRig();
	rig.service.disconnected();
	rig.onCommand = (command) => command.fail("HOT");
	rig.request("1");
	rig.request("2");
	assert.deepEqual(rig.take(), [`command 1 {"do":"1"}`, `command 2 {"do":"2"}`]);
	rig.reset();
	assert.deepEqual(rig.take(), ["1 FAILED HOT"]);
	rig.service.rejected("1", Refusal.GONE, "no", rig.now);
	rig.turn();
	assert.deepEqual(rig.take(), ["2 FAILED HOT"]);
	rig.accepted("2");
	assert.equal(rig.service.deadline, Infinity);
});

test("what a reset interrupted has failed, unless the program takes it up", () => {
	const rig = new CommandRig();
	rig.request("1");
	rig.request("2");
	rig.commands["2"]!.progress("WORKING", "half", "step 5");
	rig.turn();
	rig.take();
	rig.onResumed = ({ id }) => id === "2";
	rig.reset();
	assert.deepEqual(rig.take(), [`resumed 1 {"do":"1"} undefined`, `resumed 2 {"do":"2"} step 5`, "1 FAILED INTERRUPTED"]);
	rig.accepted("1");
	rig.request("1");
	rig.request("2");
	assert.deepEqual(rig.take(), ["1 FAILED INTERRUPTED"]);
	rig.accepted("1");
	// As it was last said.
	assert.deepEqual(rig.take(), ["2 IN_PROGRESS WORKING"]);
	rig.accepted("2");
	rig.commands["2"]!.succeed();
	rig.turn();
	assert.deepEqual(rig.take(), ["2 SUCCEEDED"]);
});

test("a command that is taken up again and again and gets nowhere has failed", () => {
	const rig = new CommandRig();
	rig.onResumed = () => true;
	rig.request("1");
	for (let count = 0; count < RESUMPTION_MAXIMUM; count++) rig.reset();
	rig.commands["1"]!.progress(undefined, undefined, "further");
	rig.turn();
	rig.take();
	for (let count = 0; count < RESUMPTION_MAXIMUM; count++) {
		rig.reset();
		assert.deepEqual(rig.take(), [`resumed 1 {"do":"1"} further`]);
	}
	rig.reset();
	assert.deepEqual(rig.take(), ["1 FAILED INTERRUPTED"]);
});

test("a command that succeeds by a restart says so after it, and not before", () => {
	const rig = new CommandRig();
	rig.request("1");
	rig.commands["1"]!.progress("RESTARTING");
	rig.turn();
	rig.accepted("1");
	rig.commands["1"]!.succeedAfterRestart({ was: "1.0" });
	rig.commands["1"]!.fail("LATE");
	rig.request("1");
	rig.wait(100_000);
	assert.deepEqual(rig.take(), [`command 1 {"do":"1"}`, "1 IN_PROGRESS RESTARTING"]);
	rig.reset();
	assert.deepEqual(rig.take(), [`1 SUCCEEDED {"was":"1.0"}`]);
	// Where it cannot be written, it goes on.
	rig.accepted("1");
	rig.request("2");
	rig.storageFailure = new DeviceError("full", "no room");
	assert.equal(codeOf(() => rig.commands["2"]!.succeedAfterRestart()), "full");
	assert.equal(rig.commands["2"]!.isOver, false);
});

test("what cannot be remembered is refused and not begun", () => {
	const rig = new CommandRig();
	rig.storageFailure = new DeviceError("full", "no room");
	rig.request("1");
	assert.deepEqual(rig.take(), ["1 REJECTED NOT_REMEMBERED"]);
	rig.accepted("1");
	rig.storageFailure = undefined;
	rig.request("1");
	assert.deepEqual(rig.take(), ["1 REJECTED NOT_REMEMBERED"], "it was refused");
	rig.accepted("1");
	// An end that cannot be written is said all the same; what is left is that it was begun.
	rig.request("2");
	rig.storageFailure = new DeviceError("storage", "worn out");
	rig.commands["2"]!.succeed();
	rig.turn();
	assert.deepEqual(rig.take(), [`command 2 {"do":"2"}`, "2 SUCCEEDED", "error storage"]);
	rig.storageFailure = undefined;
	rig.reset();
	assert.deepEqual(rig.take(), [`resumed 2 {"do":"2"} undefined`, "2 FAILED INTERRUPTED"]);
});

test("the last commands are remembered, and older ones never begin again where they are numbered", () => {
	const rig = new CommandRig();
	const count = REMEMBERED + COMMAND_MAXIMUM;
	for (let number = 1; number <= count; number++) rig.do(`c-${number}`, { number });
	assert.equal(rig.values.size, REMEMBERED);
	rig.reset();
	rig.accepted(`c-${count}`);
	rig.take();
	for (let number = 1; number <= count; number++) {
		rig.request(`c-${number}`, { number });
		const [line] = rig.take();
		assert.equal(line, number <= COMMAND_MAXIMUM ? `c-${number} REJECTED STALE` : `c-${number} SUCCEEDED {"id":"c-${number}"}`);
		rig.accepted(`c-${number}`);
	}
	// One that was overtaken by those that are remembered is none of them.
	rig.request("late", { number: COMMAND_MAXIMUM + 1 });
	rig.request("unnumbered");
	assert.deepEqual(rig.take(), [`command late {"do":"late"}`, `command unnumbered {"do":"unnumbered"}`]);
});

test("those under way make no room, however old", () => {
	const rig = new CommandRig();
	rig.onResumed = () => true;
	rig.request("old", { number: 1 });
	for (let number = 2; number < 100; number++) rig.do(`c-${number}`, { number });
	rig.take();
	rig.reset();
	assert.equal(rig.take()[0], `resumed old {"do":"old"} undefined`);
});

test("what is too long is not kept, and the rest is", () => {
	const rig = new CommandRig();
	rig.service.request("1", { do: "x".repeat(PAYLOAD_MAXIMUM) });
	rig.service.request("2", { do: Uint8Array.of(1, 2) });
	rig.turn();
	assert.equal(codeOf(() => rig.commands["1"]!.progress("A", "B", "x".repeat(CHECKPOINT_MAXIMUM + 1))), "too-large");
	rig.take();
	rig.reset();
	assert.deepEqual(rig.take(), ["resumed 1 null undefined", `resumed 2 {"do":{"0":1,"1":2}} undefined`, "1 FAILED INTERRUPTED"]);
	rig.accepted("1");
	rig.accepted("2");
	rig.request("3");
	rig.commands["3"]!.succeed({ text: "x".repeat(OUTCOME_MAXIMUM) });
	rig.turn();
	rig.reset();
	assert.equal(rig.take().at(-1), "3 SUCCEEDED");
});

test("values that are none of ours are told and forgotten", () => {
	const rig = new CommandRig();
	rig.do("1");
	rig.do("2");
	rig.values.set("0", Uint8Array.of(1, 2, 3));
	rig.take();
	rig.reset();
	assert.deepEqual(rig.take(), [`2 SUCCEEDED {"id":"2"}`, "error corrupt"]);
	rig.accepted("2");
	rig.do("3");
	assert.equal(rig.values.size, 2);
});

test("a command's time: from when it came, by the wall clock, and of the program's own", () => {
	const rig = new CommandRig();
	rig.wall = 1_000_000;
	rig.request("1", { timeout: 5 });
	rig.request("2", { expires: 1_004_000 });
	rig.onCommand = (command) => command.limit(3_000);
	rig.request("3", { timeout: 60 });
	rig.take();
	for (const id of ["1", "2", "3"]) rig.commands[id]!.progress();
	rig.turn();
	for (const id of ["1", "2", "3"]) rig.accepted(id);
	rig.take();
	for (const [after, id] of [[3_000, "3"], [1_000, "2"], [1_000, "1"]] as const) {
		rig.wait(after - 1);
		assert.deepEqual(rig.take(), []);
		rig.wait(1);
		assert.deepEqual(rig.take(), [`over ${id} TIMED_OUT`, `${id} TIMED_OUT`]);
		rig.commands[id]!.succeed();
		rig.accepted(id);
		assert.deepEqual(rig.take(), []);
	}
	rig.request("late", { expires: 1_000_000 });
	assert.deepEqual(rig.take(), ["late TIMED_OUT"]);
	rig.accepted("late");
	rig.wall = undefined;
	rig.request("late", { expires: 1_000_000 });
	assert.deepEqual(rig.take(), ["late TIMED_OUT"], "as it was");
	rig.accepted("late");
	// Nobody knows what time it is.
	rig.request("unknown", { expires: 1 });
	assert.deepEqual(rig.take(), [`command unknown {"do":"unknown"}`]);
});

test("a command's time goes on through a reset", () => {
	const rig = new CommandRig();
	rig.wall = 1_000_000;
	rig.onResumed = () => true;
	rig.request("1", { timeout: 10 });
	rig.request("2", { timeout: 30 });
	rig.wall += 15_000;
	rig.now += 15_000;
	rig.take();
	rig.reset();
	assert.deepEqual(rig.take(), [`resumed 2 {"do":"2"} undefined`, "1 TIMED_OUT"]);
	rig.accepted("1");
	rig.commands["2"]!.progress();
	rig.turn();
	rig.accepted("2");
	rig.take();
	rig.wait(14_999);
	assert.deepEqual(rig.take(), []);
	rig.wait(1);
	assert.deepEqual(rig.take(), ["over 2 TIMED_OUT", "2 TIMED_OUT"]);
});

test("a command is canceled while it is under way, before it comes, twice, and after its end", () => {
	const rig = new CommandRig();
	rig.request("1");
	rig.cancel("1");
	rig.commands["1"]!.succeed();
	assert.deepEqual(rig.take(), [`command 1 {"do":"1"}`, "over 1 CANCELED", "1 CANCELED"]);
	rig.accepted("1");
	rig.cancel("1");
	assert.deepEqual(rig.take(), ["1 CANCELED"]);
	rig.accepted("1");
	rig.cancel("2");
	assert.deepEqual(rig.take(), ["2 CANCELED"]);
	rig.accepted("2");
	rig.do("3");
	rig.take();
	rig.cancel("3");
	assert.deepEqual(rig.take(), [`3 SUCCEEDED {"id":"3"}`]);
	rig.accepted("3");
	rig.reset();
	rig.take();
	rig.accepted("3");
	for (const [id, end] of [["1", "1 CANCELED"], ["2", "2 CANCELED"], ["3", `3 SUCCEEDED {"id":"3"}`]] as const) {
		rig.request(id);
		assert.deepEqual(rig.take(), [end]);
		rig.accepted(id);
	}
	// In one turn with its request, in either order.
	rig.service.request("4", null);
	rig.service.cancel("4");
	rig.service.cancel("5");
	rig.service.request("5", null);
	rig.turn();
	rig.accepted("4");
	assert.deepEqual(rig.take(), ["4 CANCELED", "5 CANCELED"]);
});

test("a reply is given part by part, across connections, and others are answered between", () => {
	const rig = new CommandRig();
	const length = 2_000;
	const source = { read: (offset: number, target: Uint8Array) => Math.min(target.byteLength, length - offset) };
	rig.onCommand = (command) => command.id === "1" ? command.reply(source, { rows: 2 }) : command.succeed();
	rig.request("1");
	assert.deepEqual(rig.take(), [`command 1 {"do":"1"}`, "part 1 0 768"]);
	rig.request("2");
	rig.service.received("1", 0, 768);
	rig.turn();
	rig.accepted("2");
	assert.deepEqual(rig.take(), [`command 2 {"do":"2"}`, "2 SUCCEEDED", "part 1 768 768"]);
	rig.service.received("1", 0, 768);
	rig.turn();
	rig.service.disconnected();
	rig.wait(5_000);
	rig.connect();
	rig.service.received("1", 768, 1_536);
	rig.turn();
	assert.deepEqual(rig.take(), ["part 1 768 768", "part 1 1536 464"]);
	rig.wait(ANSWER_TIMEOUT);
	assert.deepEqual(rig.take(), ["part 1 1536 464"]);
	rig.service.received("1", 1_536, 2_000);
	rig.turn();
	assert.deepEqual(rig.take(), [`1 SUCCEEDED {"rows":2} 2000 bytes`]);
	rig.accepted("1");
	rig.reset();
	rig.request("1");
	assert.deepEqual(rig.take(), [`1 SUCCEEDED {"rows":2} 2000 bytes`]);
});

test("a reply that nobody takes, or that cannot be read, fails the command; one that is canceled ends", () => {
	const rig = new CommandRig();
	let given: number = 768;
	rig.onCommand = (command) => command.reply({ read: () => given }, { rows: 2 });
	rig.request("1");
	rig.service.rejected("1", Refusal.BUSY, "later", rig.now, 0);
	rig.wait(ANSWER_TIMEOUT);
	rig.service.rejected("1", Refusal.REFUSED, "too much", rig.now, 0);
	rig.turn();
	assert.deepEqual(rig.take(), [`command 1 {"do":"1"}`, "part 1 0 768", "part 1 0 768", "1 FAILED REPLY_REFUSED"]);
	rig.accepted("1");
	given = 769;
	rig.request("2");
	assert.deepEqual(rig.take(), [`command 2 {"do":"2"}`, "2 FAILED REPLY_FAILED"]);
	rig.accepted("2");
	given = 5;
	rig.request("3");
	rig.cancel("3");
	rig.wait(ANSWER_TIMEOUT);
	assert.deepEqual(rig.take(), [`command 3 {"do":"3"}`, "part 3 0 5", "over 3 CANCELED", "3 CANCELED"]);
	rig.accepted("3");
	given = 0;
	rig.request("4");
	assert.deepEqual(rig.take(), [`command 4 {"do":"4"}`, `4 SUCCEEDED {"rows":2} 0 bytes`]);
	rig.accepted("4");
	rig.service.disconnected();
	rig.connect({ respond: rig.port.respond });
	rig.request("5");
	assert.deepEqual(rig.take(), [`command 5 {"do":"5"}`, "5 FAILED REPLY_UNSUPPORTED"]);
});

test("the cloud hears that a command was begun, if there is nothing more to say for a second", () => {
	const rig = new CommandRig();
	rig.request("1");
	rig.wait(999);
	assert.deepEqual(rig.take(), [`command 1 {"do":"1"}`]);
	rig.wait(1);
	assert.deepEqual(rig.take(), ["1 IN_PROGRESS"]);
	rig.accepted("1");
	assert.equal(rig.service.deadline, Infinity);
});
