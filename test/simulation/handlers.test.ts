// SPDX-License-Identifier: Apache-2.0
/** Commands that a program declares: what is asked of them is looked at first, and what comes of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Cloud } from "../../src/clouds/cloud.js";
import { Device } from "../../src/device.js";
import type { Host } from "../../src/host.js";
import { command, type CommandTable } from "../../src/operations/declared.js";
import { boolean, list, model, number, string } from "../../src/shadow/model.js";
import { codeOf } from "../unit/failure.js";
import { KEY, Scene } from "./handlers.js";

const BLINK = command({
	parameters: model({ times: number(), colour: { hue: number(), name: string({ optional: true }) }, pattern: list<number, true>({ optional: true }) }),
	result: model({ done: boolean(), left: number({ optional: true }) }),
	handler(call) {
		const { times, colour } = call.parameters;
		// What is optional may not be there, and all else is what it was declared to be.
		const name: string | undefined = colour.name;
		// @ts-expect-error a number is no text
		const wrong: string = times;
		// @ts-expect-error nothing of that name was declared
		call.parameters.other;
		// @ts-expect-error the result is declared to say whether it is done
		if (times < 0) return call.succeed({});
		call.succeed({ done: name !== "never" && typeof wrong === "number", left: colour.hue });
	},
});

/** Never called: what the compiler makes of a table as a program writes it. */
export function typed(host: Host, cloud: Cloud): Device {
	return new Device({
		host, cloud, model: model({ on: boolean() }),
		commands: {
			blink: {
				parameters: model({ times: number() }),
				handler(call) {
					const times: number = call.parameters.times;
					// @ts-expect-error a number is no text
					const wrong: string = call.parameters.times;
					call.succeed({ times, wrong });
				},
			},
			beep: ({ times }) => times,
			quiet() {},
			free: { handler: (call) => call.succeed({ what: call.parameters["what"] }) },
			other: BLINK,
		},
		onDelta({ on }) {
			this.report({ on: on ?? false });
		},
	});
}

const declares = (commands: CommandTable): Scene => new Scene({ commands });
const GOOD = { times: 2, colour: { hue: 30 } };

test("a declared command runs with what it is given, and gives what it is declared to give", () => {
	const scene = declares({ blink: BLINK });
	assert.deepEqual(scene.ask("a", { command: "blink", parameters: { ...GOOD, pattern: [1, 2] } }),
		{ status: "SUCCEEDED", reason: undefined, description: undefined, result: { done: true, left: 30 } });
	assert.deepEqual(scene.ask("b", { command: "blink", parameters: { times: 1, colour: { hue: 1, name: "never" } } })!.result, { done: false, left: 1 });
});

test("what is missing, of another type or foreign is refused by its name, before the handler runs", () => {
	let runs = 0;
	const scene = declares({ blink: { ...BLINK, handler: () => void runs++ } });
	const cases: [object, string][] = [
		[{ colour: { hue: 1 } }, "times is missing"],
		[{ ...GOOD, times: "2" }, "times is no number"],
		[{ ...GOOD, times: null }, "times is no number"],
		[{ ...GOOD, colour: 7 }, "colour is no group"],
		[{ ...GOOD, colour: [] }, "colour is no group"],
		[{ ...GOOD, colour: {} }, "hue is missing"],
		[{ ...GOOD, colour: { hue: 1, name: 2 } }, "name is no string"],
		[{ ...GOOD, colour: { hue: 1, saturation: 2 } }, "saturation is not known"],
		[{ ...GOOD, pattern: {} }, "pattern is no list"],
		[{ ...GOOD, toString: 1 }, "toString is not known"],
	];
	for (const [index, [parameters, description]] of cases.entries()) {
		assert.deepEqual(scene.ask(`a${index}`, { command: "blink", parameters: parameters as never }),
			{ status: "REJECTED", reason: "BAD_PARAMETERS", description, result: undefined });
	}
	for (const parameters of [null, 1, "text", [GOOD], new Uint8Array(2)]) {
		assert.equal(scene.told(`b${String(parameters)}`, { command: "blink", parameters: parameters as never }), "REJECTED BAD_PARAMETERS");
	}
	assert.equal(scene.told("c", { command: "blink" }), "REJECTED BAD_PARAMETERS");
	assert.equal(runs, 0);
	assert.deepEqual(scene.errors, []);
});

test("a function is a command: what it returns is the result, and what it throws says why there is none", () => {
	const scene = declares({
		add: ({ a, b }) => ({ sum: a + b }),
		beep: () => {},
		fail: () => {
			throw new Error("the lamp is broken ".repeat(20));
		},
		text: () => "text" as never,
		later: () => Promise.resolve({}),
		deep: () => ({ value: undefined }),
	});
	assert.deepEqual(scene.ask("a", { command: "add", parameters: { a: 1, b: 2 } })!.result, { sum: 3 });
	assert.equal(scene.ask("b", { command: "beep" })!.result, undefined);
	const { status, reason, description } = scene.ask("c", { command: "fail" })!;
	assert.deepEqual([status, reason, description!.slice(0, 18), description!.length], ["FAILED", "EXCEPTION", "the lamp is broken", 128]);
	for (const name of ["text", "later", "deep"]) assert.equal(scene.told(name, { command: name }), "FAILED BAD_RESULT", name);
	assert.deepEqual(scene.errors, ["internal", "argument", "argument", "argument"]);
});

test("a result that is not as declared fails the command, and is told", () => {
	for (const result of [{}, { done: 1 }, { done: true, more: 1 }, undefined, { done: true, left: NaN }]) {
		const scene = declares({ blink: { ...BLINK, handler: (call: { end(result: unknown): void }) => call.end(result) } });
		assert.equal(scene.told("a", { command: "blink", parameters: GOOD }), "FAILED BAD_RESULT", JSON.stringify(result));
		assert.deepEqual(scene.errors, ["argument"]);
	}
});

test("a command may end in a later turn, and says in between that it goes on; what comes after the end is passed over", () => {
	const lines: string[] = [];
	const scene = new Scene(({ world }) => ({
		commands: {
			slow: command({
				result: model({ step: number() }),
				handler(call) {
					call.progress("HALF", "half of it");
					world.timer.set(() => {
						lines.push(`${call.command} ${call.id} ${call.isOver}`);
						call.succeed({ step: 2 });
						call.fail("LATE");
						call.succeed({ step: 3 });
						call.end("nothing at all");
						lines.push(`${call.isOver}`);
					}, 30_000);
				},
			}),
		},
	}));
	assert.equal(scene.told("a", { command: "slow" }), "IN_PROGRESS HALF");
	scene.settle();
	assert.deepEqual(scene.answers["a"], { status: "SUCCEEDED", reason: undefined, description: undefined, result: { step: 2 } });
	assert.deepEqual([lines, scene.errors], [["slow a false", "true"], []]);
});

test("a command has a time limit, and is told when it is canceled or its time is up", () => {
	const lines: string[] = [];
	const scene = declares({
		slow: { timeout: 5_000, handler: (call) => call.progress("BEGUN"), onCanceled: (call) => void lines.push(`${call.id} ${call.isOver}`) },
		quiet: { timeout: 5_000, handler() {} },
		long: {
			handler() {},
			onCanceled() {
				throw new Error("no way back");
			},
		},
		wrong: { timeout: -1, handler: (call) => call.succeed() },
	});
	assert.equal(scene.told("a", { command: "slow" }), "TIMED_OUT");
	assert.equal(scene.told("b", { command: "quiet" }), "TIMED_OUT");
	for (const [id, name] of [["c", "slow"], ["d", "long"]] as const) {
		scene.send(id, { command: name });
		scene.world.run(scene.world.clock.now + 1_000);
		scene.cancel(id);
		scene.settle();
		assert.equal(scene.answers[id]!.status, "CANCELED");
	}
	assert.equal(scene.told("e", { command: "wrong" }), "FAILED EXCEPTION");
	assert.deepEqual([lines, scene.errors], [["a true", "c true"], ["internal", "internal"]]);
});

test("what a reset interrupts goes on where it was if it is declared to, and else has failed", () => {
	const lines: string[] = [];
	const scene = declares({
		walk: command({
			resumes: true,
			parameters: model({ steps: number() }),
			handler(call) {
				lines.push(`${call.parameters.steps} ${call.resumed} ${call.checkpoint}`);
				if (call.resumed) call.succeed({ from: call.checkpoint });
				else call.progress(undefined, undefined, "step 2");
			},
		}),
		run: { handler: (call) => void lines.push(`run ${call.resumed}`) },
	});
	scene.send("a", { command: "walk", parameters: { steps: 5 } });
	scene.send("b", { command: "run" });
	scene.settle();
	scene.device.restart();
	scene.settle();
	assert.deepEqual(scene.answers["a"]!.result, { from: "step 2" });
	assert.deepEqual([scene.answers["b"]!.status, scene.answers["b"]!.reason], ["FAILED", "INTERRUPTED"]);
	assert.deepEqual(lines, ["5 false undefined", "run false", "5 true step 2"]);
});

test("a reply may be of any size, and its result is looked at before", () => {
	const source = { read: (offset: number, target: Uint8Array) => Math.min(target.byteLength, 3_000 - offset) };
	const scene = declares({
		dump: command({ result: model({ lines: number() }), handler: (call) => call.reply(source, { lines: 3 }) }),
		bad: { result: model({ lines: number() }), handler: (call) => call.reply(source, {} as never) },
	});
	assert.deepEqual(scene.ask("a", { command: "dump" }), { status: "SUCCEEDED", reason: undefined, description: undefined, result: { lines: 3 } });
	assert.equal(scene.replied, 3_000);
	assert.equal(scene.told("b", { command: "bad" }), "FAILED BAD_RESULT");
});

test("a handler says itself that it failed, or was not tried", () => {
	const scene = declares({
		jam: { handler: (call) => call.fail("JAMMED", "the bolt") },
		shy: { handler: (call) => call.reject("BUSY") },
	});
	assert.deepEqual(scene.ask("a", { command: "jam" }), { status: "FAILED", reason: "JAMMED", description: "the bolt", result: undefined });
	assert.equal(scene.told("b", { command: "shy" }), "REJECTED BUSY");
});

test("what nobody declared is left to the program, whatever it is called", () => {
	const scene = declares({ blink: BLINK });
	for (const payload of [{ command: "dance" }, { command: "toString" }, { command: "__proto__" }, { command: 7 }, {}, null, "text", [1], 5]) {
		assert.equal(scene.told(JSON.stringify(payload), payload as never), "REJECTED UNKNOWN_COMMAND");
	}
});

test("what has to be signed needs somebody who could have, with a key that is one", () => {
	const signed = { unlock: { signed: true, handler() {} } };
	const scene = declares({});
	const build = (options: object): string => codeOf(() => new (scene.handlers.constructor as never as new (...a: unknown[]) => object)({ host: scene.device.host }, options));
	assert.equal(build({ commands: signed }), "argument");
	assert.equal(build({ builtIn: { restart: "signed" } }), "argument");
	assert.equal(build({ commands: signed, commandKeys: ["es256:00"] }), "argument");
	assert.equal(build({ commands: signed, commandKeys: [KEY] }), "nothing");
});

test("the device answers, tells of itself and of its levels", () => {
	const scene = declares({});
	assert.equal(scene.told("a", { command: "ping" }), "SUCCEEDED");
	const { uptime, ...rest } = scene.ask("b", { command: "info" })!.result as Record<string, unknown>;
	assert.ok(Number(uptime) > 1, String(uptime));
	assert.deepEqual(rest, { boot: 1, connections: 2, reset: "power-on", levels: { "": "info" }, product: "lock", version: "1.2.3" });
	assert.deepEqual(scene.ask("c", { command: "log-level", parameters: { level: "debug" } })!.result, { levels: { "": "info" } });
	assert.equal(scene.told("d", { command: "log-level", parameters: { module: "lamp", level: "error", seconds: 5 } }), "SUCCEEDED");
	for (const seconds of [0, -1, 86_401]) {
		assert.equal(scene.told(`e${seconds}`, { command: "log-level", parameters: { level: "debug", seconds } }), "REJECTED BAD_PARAMETERS");
	}
	const level = (module: string, level: string): string => scene.told(module + level, { command: "log-level", parameters: { module, level } });
	assert.deepEqual([level("", "loud"), level("silent", "info"), level("broken", "info")],
		["REJECTED BAD_PARAMETERS", "REJECTED UNSUPPORTED", "FAILED EXCEPTION"]);
	assert.equal(scene.told("f", { command: "report", parameters: { kinds: ["crash", "logs"] } }), "SUCCEEDED");
	assert.equal(scene.told("g", { command: "report" }), "SUCCEEDED");
	assert.equal(scene.told("h", { command: "report", parameters: { kinds: ["secrets"] } }), "REJECTED BAD_PARAMETERS");
	assert.deepEqual(scene.asked, ["level  debug 600000", "level lamp error 5000", "send crash logs", "send logs metrics crash trace"]);
});

test("a device restarts, and says that it did, unless that would do harm; without an image before it does not go back", () => {
	const scene = declares({});
	scene.hazard = "an update would be lost by";
	assert.deepEqual(scene.ask("a", { command: "restart" }),
		{ status: "REJECTED", reason: "UNSAFE", description: "an update would be lost by restart", result: undefined });
	scene.hazard = undefined;
	assert.equal(scene.device.boots, 1);
	scene.send("b", { command: "restart" });
	scene.world.run(scene.world.clock.now + 200);
	assert.deepEqual([scene.device.running, scene.answers["b"]], [false, undefined]);
	scene.settle();
	assert.equal(scene.answers["b"]!.status, "SUCCEEDED");
	assert.equal(scene.device.boots, 2);
	assert.equal(scene.told("c", { command: "rollback" }), "REJECTED UNSUPPORTED");
});

test("a device looks at itself, and its program at the rest", () => {
	const scene = declares({});
	scene.test = () => ({ bolt: "moves" });
	assert.deepEqual(scene.ask("a", { command: "self-test" })!.result, { program: { bolt: "moves" } });
	scene.test = () => {
		throw new Error("the bolt is stuck");
	};
	const { status, reason, description } = scene.ask("b", { command: "self-test" })!;
	assert.deepEqual([status, reason, description], ["FAILED", "SELF_TEST", "program: the bolt is stuck"]);
});

test("each built-in command can be switched off, or replaced, or be for who signs alone", () => {
	const scene = new Scene({
		commands: { ping: () => ({ mine: true }) }, commandKeys: [KEY], builtIn: { restart: false, rollback: "signed", info: "signed" },
	});
	assert.deepEqual(scene.ask("a", { command: "ping" })!.result, { mine: true });
	assert.equal(scene.told("b", { command: "restart" }), "REJECTED UNKNOWN_COMMAND");
	assert.equal(scene.told("c", { command: "rollback" }), "REJECTED NOT_SIGNED");
	assert.equal(scene.told("d", { command: "info" }), "REJECTED NOT_SIGNED");
	for (const name of ["grant", "evaluate"]) assert.equal(scene.told(name, { command: name, parameters: { code: "1" } }), "REJECTED UNKNOWN_COMMAND");
});
