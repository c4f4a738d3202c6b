// SPDX-License-Identifier: Apache-2.0
/** Commands and Basic Ingest of the simulated AWS. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { CommandsService, NO_RESPONSE, type CommandOptions, type CommandsOptions, type CommandTarget } from "../../hosts/simulator/clouds/aws/commands.js";
import { IngestService } from "../../hosts/simulator/clouds/aws/ingest.js";
import type { AwsProperties } from "../../hosts/simulator/clouds/aws/service.js";
import { Cloud, EPOCH, type Sent } from "./aws-context.js";

const ON = new TextEncoder().encode('{"on":true}');

class Recorder extends Cloud {
	readonly requests: { topic: string; payload: Uint8Array; properties: AwsProperties | undefined }[] = [];

	override publish(topic: string, payload: Uint8Array, properties?: AwsProperties): void {
		if (topic.includes("/request")) this.requests.push({ topic, payload, properties });
		else super.publish(topic, payload);
	}
}

class Lab {
	readonly cloud = new Recorder();
	readonly commands: CommandsService;
	readonly events: string[] = [];

	constructor(options?: CommandsOptions) {
		this.commands = new CommandsService(this.cloud, options);
		this.cloud.service = this.commands;
		this.commands.onChanged = ({ executionId, status }) => { this.events.push(`${executionId} ${status}`); };
	}

	send(options: Partial<CommandOptions> = {}, target: CommandTarget = { thing: "lamp" }): string {
		const id = this.commands.send(target, { payload: ON, contentType: "application/json", ...options });
		// The broker's alarm rings at once for what is due.
		this.cloud.advance(0);
		return id;
	}

	/** What the device's response is answered with; the events are left out. */
	respond(executionId: string, body: unknown, format = "json", target = "things/lamp"): [string, any] {
		const base = `$aws/commands/${target}/executions/${executionId}/response`;
		const answers = this.cloud.ask(`${base}/${format}`, body).filter(({ topic }) => topic.startsWith(base)), [{ topic, body: answer }] = answers as [Sent];
		assert.equal(answers.length, 1);
		assert.ok(topic.endsWith(`/${format}`));
		return [topic.slice(base.length + 1, -format.length - 1), answer];
	}

	/** @returns the code */
	refusal(executionId: string, body: unknown, format?: string, target?: string): string {
		const [verdict, answer] = this.respond(executionId, body, format, target);
		assert.equal(verdict, "rejected", JSON.stringify(answer));
		assert.deepEqual([answer.executionId, typeof answer.errorMessage], [executionId, "string"]);
		return answer.error;
	}

	status(executionId: string): string | undefined {
		return this.commands.execution(executionId)?.status;
	}
}

suite("CommandsService", () => {
	test("sends to the topic of the format, with what MQTT 5 says of it", () => {
		const lab = new Lab();
		for (const [target, contentType, path, end] of [
			[{ thing: "lamp" }, "application/json", "things/lamp", "/json"], [{ client: "app-1" }, "application/cbor", "clients/app-1", "/cbor"],
			[{ thing: "lamp" }, "text/plain", "things/lamp", ""], [{ thing: "lamp" }, "application/jsonp", "things/lamp", ""],
		] as const) {
			const id = lab.send({ contentType, timeout: 30 }, target);
			assert.deepEqual(lab.cloud.requests.splice(0), [
				{ topic: `$aws/commands/${path}/executions/${id}/request${end}`, payload: ON, properties: { contentType, messageExpiry: 30 } },
			]);
		}
	});

	for (const format of ["json", "cbor"]) {
		test(`takes what the device says of it, in ${format}`, () => {
			const lab = new Lab(), id = lab.send({ commandId: "turn-on" }), bin = format === "json" ? "AQL/" : Uint8Array.of(1, 2, 255);
			assert.deepEqual(lab.respond(id, { status: "IN_PROGRESS", statusReason: { reasonCode: "HEATING", reasonDescription: "wait" } }, format), ["accepted", { executionId: id }]);
			assert.deepEqual(lab.commands.execution(id), {
				target: "things/lamp", executionId: id, commandId: "turn-on", status: "IN_PROGRESS", statusReason: { reasonCode: "HEATING", reasonDescription: "wait" }, result: undefined,
			});
			assert.deepEqual(lab.respond(id, { status: "SUCCEEDED", result: { text: { s: "on" }, done: { b: true }, raw: { bin } } }, format)[0], "accepted");
			assert.deepEqual({ ...lab.commands.execution(id)?.result }, { text: "on", done: true, raw: Uint8Array.of(1, 2, 255) });
			assert.deepEqual(lab.events, [`${id} CREATED`, `${id} IN_PROGRESS`, `${id} SUCCEEDED`]);
		});
	}

	test("tells of every change on the topic of events", () => {
		const lab = new Lab(), id = lab.send({ commandId: "turn-on" });
		lab.cloud.receive(`$aws/commands/things/lamp/executions/${id}/response/json`, { status: "FAILED", statusReason: { reasonCode: "HOT" } });
		assert.deepEqual(lab.cloud.take().filter(({ topic }) => topic.startsWith("$aws/events/")), [
			{ topic: "$aws/events/commandExecution/turn-on/CREATED", body: { executionId: id, status: "CREATED", eventType: "COMMAND_EXECUTION", timestamp: EPOCH * 1000 } },
			{ topic: "$aws/events/commandExecution/turn-on/FAILED", body: { executionId: id, status: "FAILED", statusReason: { reasonCode: "HOT" }, eventType: "COMMAND_EXECUTION", timestamp: EPOCH * 1000 } },
		]);
	});

	test("who says nothing in time is taken to have failed, until he says otherwise", () => {
		const lab = new Lab(), silent = lab.send(), late = lab.send({ timeout: 20 });
		assert.equal(lab.commands.deadline, 10_000);
		lab.cloud.advance(9_999);
		assert.deepEqual([lab.status(silent), lab.status(late)], ["CREATED", "CREATED"]);
		lab.respond(late, { status: "IN_PROGRESS" });
		lab.cloud.advance(1);
		assert.deepEqual([lab.status(silent), lab.status(late)], ["TIMED_OUT", "IN_PROGRESS"]);
		assert.deepEqual(lab.commands.execution(silent)?.statusReason, { reasonCode: NO_RESPONSE });
		lab.cloud.advance(10_000);
		assert.equal(lab.status(late), "TIMED_OUT");
		assert.equal(lab.commands.deadline, Infinity);
		assert.deepEqual(lab.events.filter(event => event.endsWith("TIMED_OUT")), [`${silent} TIMED_OUT`, `${late} TIMED_OUT`]);
		assert.equal(lab.respond(late, { status: "IN_PROGRESS" })[0], "accepted");
		assert.equal(lab.respond(late, { status: "SUCCEEDED" })[0], "accepted");
		assert.deepEqual([lab.status(late), lab.commands.execution(late)?.statusReason], ["SUCCEEDED", undefined]);
	});

	for (const status of ["SUCCEEDED", "FAILED", "REJECTED", "TIMED_OUT"]) {
		test(`${status} is the device's last word`, () => {
			const lab = new Lab(), id = lab.send();
			lab.respond(id, { status });
			for (const again of ["IN_PROGRESS", status]) assert.equal(lab.refusal(id, { status: again }), "InvalidStateTransition");
			lab.cloud.advance(20_000);
			assert.equal(lab.status(id), status);
		});
	}

	const refusals: [string, unknown, string][] = [
		["what is not JSON", Uint8Array.of(0x7b), "InvalidJson"],
		["no payload", new Uint8Array(0), "InvalidJson"],
		["an array", [], "InvalidRequest"],
		["no status", {}, "InvalidRequest"],
		["a status that there is not", { status: "DONE" }, "InvalidRequest"],
		["a status that is the cloud's", { status: "CREATED" }, "InvalidRequest"],
		["a reason that is text", { status: "FAILED", statusReason: "HOT" }, "InvalidRequest"],
		["a reason without code", { status: "FAILED", statusReason: { reasonDescription: "hot" } }, "InvalidRequest"],
		["a reason in small letters", { status: "FAILED", statusReason: { reasonCode: "hot" } }, "InvalidRequest"],
		["a reason that is too long", { status: "FAILED", statusReason: { reasonCode: "X".repeat(65) } }, "InvalidRequest"],
		["the cloud's own reason", { status: "FAILED", statusReason: { reasonCode: NO_RESPONSE } }, "InvalidRequest"],
		["a description that is too long", { status: "FAILED", statusReason: { reasonCode: "HOT", reasonDescription: "x".repeat(1025) } }, "InvalidRequest"],
		["a result that is text", { status: "SUCCEEDED", result: "on" }, "InvalidRequest"],
		["a result of nothing", { status: "SUCCEEDED", result: {} }, "InvalidRequest"],
		["a result without type", { status: "SUCCEEDED", result: { on: true } }, "InvalidRequest"],
		["a result of another type", { status: "SUCCEEDED", result: { on: { n: 1 } } }, "InvalidRequest"],
		["a result of two types", { status: "SUCCEEDED", result: { on: { s: "", b: true } } }, "InvalidRequest"],
		["a text that is none", { status: "SUCCEEDED", result: { on: { s: 1 } } }, "InvalidRequest"],
		["a boolean that is none", { status: "SUCCEEDED", result: { on: { b: "true" } } }, "InvalidRequest"],
		["bytes that are no base64", { status: "SUCCEEDED", result: { on: { bin: "a" } } }, "InvalidRequest"],
		["a key that is too long", { status: "SUCCEEDED", result: { ["k".repeat(129)]: { s: "" } } }, "InvalidRequest"],
		["too many results", { status: "SUCCEEDED", result: Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`k${index}`, { s: "" }])) }, "InvalidRequest"],
		["a key that is not valid", { status: "SUCCEEDED", result: { "a b": { s: "" } } }, "InvalidRequest"],
	];
	for (const [what, body, code] of refusals) {
		test(`refuses ${what} with ${code}, and changes nothing`, () => {
			const lab = new Lab(), id = lab.send();
			assert.equal(lab.refusal(id, body), code);
			assert.equal(lab.status(id), "CREATED");
		});
	}

	test("takes what is just within the limits", () => {
		const lab = new Lab(), id = lab.send(), statusReason = { reasonCode: "X".repeat(64), reasonDescription: "x".repeat(1024) };
		const result = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`${index}`.padStart(128, "k"), { bin: "" }]));
		assert.equal(lab.respond(id, { status: "IN_PROGRESS", statusReason, result })[0], "accepted");
		assert.equal(lab.respond(id, { status: "SUCCEEDED", statusReason: { reasonCode: "X" }, result: { k: { s: "" } } })[0], "accepted");
	});

	test("refuses what is CBOR in form alone", () => {
		const lab = new Lab(), id = lab.send();
		assert.equal(lab.refusal(id, Uint8Array.of(0xff), "cbor"), "InvalidCbor");
		assert.equal(lab.refusal(id, { status: "SUCCEEDED", result: { on: { bin: "AQ==" } } }, "cbor"), "InvalidRequest");
	});

	test("an execution that there is not, or that is another's, is not found", () => {
		const lab = new Lab(), id = lab.send();
		assert.equal(lab.refusal("command-9", { status: "SUCCEEDED" }), "ResourceNotFound");
		assert.equal(lab.refusal(id, { status: "SUCCEEDED" }, "json", "things/fan"), "ResourceNotFound");
		assert.equal(lab.refusal(id, { status: "SUCCEEDED" }, "json", "clients/lamp"), "ResourceNotFound");
		assert.equal(lab.commands.execution("command-9"), undefined);
	});

	test("a cloud that fails says so", () => {
		const lab = new Lab(), id = lab.send();
		lab.commands.failing = true;
		assert.equal(lab.refusal(id, { status: "SUCCEEDED" }), "InternalError");
	});

	test("what cannot be sent is not", () => {
		const lab = new Lab({ executionCountMaximum: 2 });
		const bad: [Partial<CommandOptions>, CommandTarget | undefined, string][] = [
			[{ commandId: "a/b" }, undefined, "argument"], [{ timeout: 0 }, undefined, "argument"], [{ timeout: 43_201 }, undefined, "argument"],
			[{ payload: new Uint8Array(131_073) }, undefined, "too-large"], [{}, { thing: "stranger" }, "argument"], [{}, { client: "a/b" }, "argument"],
			[{}, { client: "x".repeat(129) }, "argument"], [{}, { client: "" }, "argument"], [{ commandId: "x".repeat(65) }, undefined, "argument"],
		];
		for (const [options, target, code] of bad) assert.throws(() => lab.send(options, target), { code });
		const id = lab.send({ timeout: 43_200, commandId: "x".repeat(64) }, { client: "x".repeat(128) });
		lab.send({ timeout: 1, payload: new Uint8Array(131_072) });
		assert.throws(() => lab.send(), { code: "full" });
		// What the cloud has given up may still be answered; what has ended makes room.
		lab.cloud.advance(10_000);
		assert.throws(() => lab.send(), { code: "full" });
		lab.respond(id, { status: "SUCCEEDED" }, "json", `clients/${"x".repeat(128)}`);
		lab.send({ commandId: "x" }, { client: "y" });
		assert.equal(lab.commands.execution(id), undefined);
	});

	test("topics of others are left to them", () => {
		const lab = new Lab(), id = lab.send(), base = `$aws/commands/things/lamp/executions/${id}`;
		for (const topic of [
			`${base}/response`, `${base}/response/xml`, `${base}/request/json`, `${base}/response/accepted/json`,
			`$aws/jobs/things/lamp/executions/${id}/response/json`, `$aws/commands/things/lamp/jobs/${id}/response/json`,
			`$aws/commands/groups/lamp/executions/${id}/response/json`, "$aws/things/lamp/jobs/get",
		]) {
			assert.equal(lab.cloud.receive(topic, { status: "SUCCEEDED" }), false, topic);
		}
	});
});

suite("IngestService", () => {
	function lab(): { cloud: Cloud; ingest: IngestService } {
		const cloud = new Cloud(), ingest = new IngestService(["store", "constructor"]);
		cloud.service = ingest;
		return { cloud, ingest };
	}

	test("a rule takes what is meant for it, and nobody else hears of it", () => {
		const { cloud, ingest } = lab(), heard: string[] = [];
		ingest.onMessage = (rule, { topic, clientId }) => { heard.push(`${rule} ${topic} ${clientId}`); };
		assert.deepEqual(cloud.ask("$aws/rules/store/room/temperature", ON), []);
		cloud.ask("$aws/rules/store", Uint8Array.of(0xff));
		assert.equal(ingest.count("store"), 2);
		assert.deepEqual(ingest.messages("store"), [
			{ topic: "room/temperature", payload: ON, clientId: "lamp" }, { topic: "", payload: Uint8Array.of(0xff), clientId: "lamp" },
		]);
		assert.deepEqual(heard, ["store room/temperature lamp", "store  lamp"]);
	});

	test("a rule that there is not takes messages, too, and keeps none", () => {
		const { cloud, ingest } = lab();
		assert.ok(cloud.receive("$aws/rules/other/room", ON));
		assert.deepEqual([ingest.unknown, ingest.count("other"), ingest.messages("other"), ingest.count("constructor")], [1, 0, [], 0]);
	});

	test("the last hundred are kept", () => {
		const { cloud, ingest } = lab();
		for (let number = 0; number < 120; number++) cloud.receive(`$aws/rules/store/${number}`, ON);
		assert.equal(ingest.count("store"), 120);
		assert.deepEqual([ingest.messages("store").length, ingest.messages("store")[0]!.topic], [100, "20"]);
	});

	test("topics of others are left to them, and it never waits", () => {
		const { cloud, ingest } = lab();
		for (const topic of ["$aws/rules", "$aws/rules/", "$aws/things/store"]) assert.equal(cloud.receive(topic, ON), false, topic);
		assert.equal(ingest.deadline, Infinity);
	});
});
