// SPDX-License-Identifier: Apache-2.0
/** AWS IoT Commands: topics and messages as documented, and whatever the cloud sends, at worst an error is reported. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../../src/base/error.js";
import type { Command } from "../../../src/operations/command.js";
import { Commands } from "../../../src/operations/commands.js";
import { utf8 } from "../wire.js";
import { AwsRig, cbor, THING } from "./aws-rig.js";

const BASE = `$aws/commands/things/${THING}/executions`;

class Rig extends AwsRig {
	command: Command | undefined;
	readonly commands = new Commands({
		onCommand: (command) => {
			this.command = command;
			this.lines.push(`command ${command.id} ${JSON.stringify(command.payload)}`);
		},
		onError: ({ code }) => this.lines.push(`error ${code}`),
	}, { members: ["on", "key"] });

	constructor() {
		super();
		this.connection.addCommands(this.commands);
		this.services.push(this.commands);
		this.accept();
		assert.deepEqual(this.take(), ["ready"]);
	}

	override take(): string[] {
		return super.take().map((line) => line.replace(BASE, "E"));
	}

	override message(topic: string, message: object | string): void {
		super.message(topic.replace(/^E/, BASE), message);
	}
}

test("AwsCommands listens to both formats, with a wildcard for the execution alone", () => {
	assert.deepEqual(new Rig().filters, [
		`${BASE}/+/request/json`, `${BASE}/+/request/cbor`, `${BASE}/+/response/accepted/json`, `${BASE}/+/response/rejected/json`,
	]);
});

test("AwsCommands: a command from its request to its result", () => {
	const rig = new Rig();
	rig.message("E/e-1/request/json", { on: true, foreign: 1 });
	assert.deepEqual(rig.take(), [`command e-1 {"on":true}`]);
	rig.command!.progress("WARMING", "a minute");
	assert.deepEqual(rig.take(), [
		`E/e-1/response/json {"status":"IN_PROGRESS","statusReason":{"reasonCode":"WARMING","reasonDescription":"a minute"}}`,
	]);
	rig.message("E/e-1/response/accepted/json", { executionId: "e-1" });
	rig.command!.succeed({ heat: "21", done: true });
	assert.deepEqual(rig.take(), [`E/e-1/response/json {"status":"SUCCEEDED","result":{"heat":{"s":"21"},"done":{"b":true}}}`]);
	rig.message("E/e-1/response/accepted/json", { executionId: "e-1" });
	assert.deepEqual(rig.take(), []);
	assert.equal(rig.commands.deadline, Infinity);
});

test("AwsCommands: a command in CBOR, whose bytes are its own", () => {
	const rig = new Rig();
	rig.message("E/e-2/request/cbor", cbor({ on: false, key: Uint8Array.of(1, 2, 3) }));
	rig.message("E/e-3/request/json", { on: true });
	const seen: unknown[] = [];
	rig.commands.expire(rig.host.clock);
	seen.push(rig.lines.splice(0));
	assert.deepEqual(seen, [[`command e-2 {"on":false,"key":{"0":1,"1":2,"2":3}}`, `command e-3 {"on":true}`]]);
	rig.command!.fail("HOT");
	assert.deepEqual(rig.take(), [`E/e-3/response/json {"status":"FAILED","statusReason":{"reasonCode":"HOT"}}`]);
});

test("AwsCommands: results are texts where they are no truth values, and no reply in parts is taken", () => {
	const rig = new Rig();
	rig.message("E/e-1/request/json", { on: true });
	rig.take();
	rig.command!.succeed({ heat: 21, at: [1, { b: null }], toString: "x" });
	assert.deepEqual(rig.take(), [
		`E/e-1/response/json {"status":"SUCCEEDED","result":{"heat":{"s":"21"},"at":{"s":"[1,{\\"b\\":null}]"},"toString":{"s":"x"}}}`,
	]);
	rig.message("E/e-1/response/accepted/json", { executionId: "e-1" });
	rig.message("E/e-2/request/json", { on: true });
	rig.take();
	rig.command!.reply({ read: () => 0 });
	assert.deepEqual(rig.take(), [`E/e-2/response/json {"status":"FAILED","statusReason":{"reasonCode":"REPLY_UNSUPPORTED"}}`]);
});

test("AwsCommands repeats on the next connection what was not answered", () => {
	const rig = new Rig();
	rig.message("E/e-1/request/json", { on: true });
	rig.take();
	rig.command!.succeed();
	const said = [`E/e-1/response/json {"status":"SUCCEEDED"}`];
	assert.deepEqual(rig.take(), said);
	rig.message("E/e-1/response/rejected/json", { error: "InternalError", errorMessage: "no", executionId: "e-1" });
	rig.stream.fail(new DeviceError("closed", "reset"));
	assert.equal(rig.commands.deadline, 0);
	rig.accept(true);
	assert.deepEqual(rig.take().slice(-1), said);
});

test("AwsCommands: refused responses by their codes", () => {
	const codes: [code: string, lines: string[]][] = [
		["InvalidRequest", ["error rejected"]], ["ResourceNotFound", ["error rejected"]], ["InternalError", []], ["RequestThrottled", []],
	];
	for (const [error, lines] of codes) {
		const rig = new Rig();
		rig.message("E/e-1/request/json", { on: true });
		rig.take();
		rig.command!.succeed();
		rig.take();
		rig.message("E/e-1/response/rejected/json", { error, errorMessage: "no", executionId: "e-1" });
		assert.deepEqual(rig.take(), lines, error);
	}
});

test("AwsCommands rejects what it cannot read, and says so", () => {
	const wrong: [topic: string, message: object | string, code: string][] = [
		["json", utf8("{"), "malformed"],
		["json", utf8("[1]"), "malformed"],
		["json", utf8(`{"on":1,"on":2}`), "malformed"],
		["json", "ff", "malformed"],
		["cbor", utf8("{}"), "malformed"],
		["cbor", cbor(Uint8Array.of(1)), "malformed"],
	];
	for (const [format, message, code] of wrong) {
		const rig = new Rig();
		rig.message(`E/e-1/request/${format}`, message);
		const [fault, ...rest] = rig.take();
		assert.match(fault!, new RegExp(`^fault ${code}`));
		assert.deepEqual(rest, [`E/e-1/response/json {"status":"REJECTED","statusReason":{"reasonCode":"MALFORMED"}}`]);
	}
	const rig = new Rig();
	rig.message("E/e-1/response/rejected/json", utf8("no"));
	assert.match(rig.take().join(), /^fault malformed/);
});
