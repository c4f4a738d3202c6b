// SPDX-License-Identifier: Apache-2.0
/** The commands that ask a running cloud: of devices that really run, and of one that says what no device should. */
import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { encode } from "cbor-x";
import { connectAsync, type MqttClient } from "mqtt";
import { type Command, type Event, moorline, paste, Place } from "./command.js";

const TIMEOUT = 120_000;
const EPHEMERAL = ["--port", "0", "--tls-port", "0"] as const;
const EVIL = "\u001b[2J\u009b31m\u202eevil\nforged";

async function start(context: TestContext, place: Place, ...words: readonly string[]): Promise<Command> {
	const command = moorline(context, place, "simulate", "--json", ...words);
	await command.event("ready");
	return command;
}

/** Runs a command to its end. */
async function ran(context: TestContext, place: Place, code: number, ...words: readonly string[]): Promise<Command> {
	const command = moorline(context, place, ...words);
	assert.deepEqual(await command.ended, { code, signal: null }, `${words.join(" ")}\n${[...command.stdout, ...command.stderr].join("\n")}`);
	return command;
}

/** A lamp that can be commanded, with everything that there is for its operation. */
const program = (key: string) => `
import { command, boolean, Device, model, number } from "moorline";
import { privateCloud } from "moorline/clouds/private";
import host from "moorline/host";
const device = new Device({
	host, cloud: privateCloud(), firmware: { product: "lamp", version: "1.0.0" },
	model: model({ on: boolean(), brightness: number() }),
	commandKeys: [${JSON.stringify(key)}],
	commands: {
		blink: command({ parameters: model({ times: number() }), result: model({ blinked: number() }), handler(call) {
			device.log("lamp").warning("blinks", { times: call.parameters.times });
			call.succeed({ blinked: call.parameters.times });
		} }),
		unlock: command({ signed: true, handler(call) { call.succeed(); } }),
		wait: command({ handler() { host.trace("waits"); }, onCanceled() { host.trace("waits no longer"); } }),
	},
	log: { upload: "demand" }, trace: { content: 64 },
	onDelta(delta) {
		host.trace("brightness " + delta.brightness);
		device.report(delta);
	},
	onError(error) { host.trace(error.code + ": " + error.message); },
});
device.configure({
	model: model({ interval: number() }), initial: { interval: 60 },
	onConfigure({ interval }) { host.trace("interval " + interval); },
});
device.report({ on: false, brightness: 100 });
`;

/** A device that answers each command as `act` says. */
class Meter {
	readonly client: MqttClient;
	readonly asked: { command?: unknown; parameters?: unknown }[] = [];
	#tokens = 0;

	private constructor(client: MqttClient) {
		this.client = client;
	}

	static async connect(port: unknown, act: (asked: Record<string, unknown>) => readonly object[]): Promise<Meter> {
		const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { clientId: "meter-1", reconnectPeriod: 0 }), meter = new Meter(client);
		client.on("message", (topic, payload) => {
			if (!topic.endsWith("/request")) return;
			const { id, payload: asked } = JSON.parse(payload.toString()) as { id: string; payload: Record<string, unknown> };
			meter.asked.push(asked);
			for (const answer of act(asked)) client.publish("moorline/meter-1/commands/response", JSON.stringify({ id, ...answer }), { qos: 1 });
		});
		await client.subscribeAsync("moorline/meter-1/#", { qos: 1 });
		await client.publishAsync("moorline/meter-1/status", JSON.stringify({ online: true, product: "meter", version: "2.1.0" }), { qos: 1 });
		return meter;
	}

	/** Resolves when the cloud has said that it has it. */
	async report(kind: string, body: object): Promise<void> {
		const token = `t-${++this.#tokens}`;
		const accepted = new Promise<void>(resolve => {
			this.client.on("message", (topic, payload) => { if (topic.endsWith("/reports/accepted") && payload.toString().includes(token)) resolve(); });
		});
		await this.client.publishAsync(`moorline/meter-1/reports/${kind}/${token}`, encode(body), { qos: 1 });
		await accepted;
	}
}

test("a lamp that runs is seen, told what is desired, and followed; what it said outlives the cloud", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context), cloud = await start(context, place, ...EPHEMERAL, "--device", "lamp-1", "--device", "lamp-2");
	const key = await (await ran(context, place, 0, "keygen", "--out", "k.pem", "--json")).event("key");
	await writeFile(join(place.path, "main.ts"), program(String(key.text)));
	const line = String((await cloud.event("device", event => event.device === "lamp-1")).run);
	const lamp = paste(context, place, line.replace(/ run \S+ /, " run main.ts "));
	await cloud.event("shadow", event => event.device === "lamp-1");
	const devices = await ran(context, place, 0, "devices");
	assert.match(devices.stdout[0]!, /^NAME +STATE +VERSION +LAST SEEN +CRASHES$/);
	assert.match(devices.stdout[1]!, /^lamp-1 +online +1\.0\.0 +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ +0$/);
	assert.match(devices.stdout[2]!, /^lamp-2 +never +0$/);
	const follower = moorline(context, place, "trace", "lamp-1", "--follow", "--json");
	await follower.event("message", event => String(event.topic).endsWith("/status"));
	const shadow = await ran(context, place, 0, "shadow", "lamp-1", "set", "brightness=40");
	assert.deepEqual(shadow.stdout.slice(1), ["MEMBER      DESIRED  REPORTED  DELTA", "brightness  40       100       40", "on                   false"]);
	await lamp.line(line => line.includes("brightness"));
	const told = await follower.event("message", event => event.sent === false && String(event.topic).endsWith("/shadow/delta"));
	assert.match(String(told.text), /"brightness":40/);
	await follower.event("message", event => event.sent === true && String(event.text).includes('"brightness":40'));
	const [reported] = (await ran(context, place, 0, "shadow", "lamp-1", "--json")).stdout.map(line => JSON.parse(line) as Event);
	assert.deepEqual(reported, { event: "shadow", device: "lamp-1", name: "", version: 3, desired: { brightness: 40 }, reported: { on: false, brightness: 40 }, delta: {} });
	follower.kill("SIGINT");
	assert.deepEqual(await follower.ended, { code: 0, signal: null });

	await ran(context, place, 0, "trace", "lamp-1", "--on", "1m");
	await ran(context, place, 0, "configuration", "lamp-1", "set", "interval=5");
	await lamp.line(line => line === "interval 5");
	await cloud.event("shadow", ({ shadow, reported }) => shadow === "configuration" && JSON.stringify(reported).includes('"interval":5'));
	const configuration = (await ran(context, place, 0, "configuration", "lamp-1")).stdout.join("\n");
	assert.match(configuration, /\ninterval +5 +5\n/);
	assert.match(configuration, /\nVERSION +AT +DESIRED +REPORTED\n1 [^]*\{"interval":5\}/);
	const traced = (await ran(context, place, 0, "trace", "lamp-1", "--upload")).stdout;
	assert.ok(traced.some(line => /^1\/\d+ +> moorline\/lamp-1\/shadow\/name\/configuration\/report \(\d+\) /.test(line)), traced.join("\n"));

	const info = await ran(context, place, 0, "command", "lamp-1", "info");
	assert.match(info.stdout.at(-1)!, /^lamp-1 info cli-\w{12}: SUCCEEDED \{"boot":1,.*"product":"lamp","version":"1\.0\.0"/);
	assert.match((await ran(context, place, 0, "command", "lamp-1", "blink", "times=3")).stdout.at(-1)!, /SUCCEEDED \{"blinked":3\}$/);
	const refusals = [[["blink", "times=often"], /rejected: blink of lamp-1: REJECTED, BAD_PARAMETERS, /], [["unlock"], /REJECTED, NOT_SIGNED/]] as const;
	for (const [words, says] of refusals) assert.match((await ran(context, place, 1, "command", "lamp-1", ...words)).stderr[0]!, says);
	await ran(context, place, 0, "command", "lamp-1", "unlock", "--sign", "k.pem");
	const waiting = moorline(context, place, "command", "lamp-1", "wait", "--json"), { command } = await waiting.event("command");
	await lamp.line(line => line === "waits");
	await ran(context, place, 0, "command", "lamp-1", "--cancel", String(command));
	await lamp.line(line => line === "waits no longer");
	assert.equal((await waiting.ended).code, 1);
	assert.match((await waiting.event("error")).message as string, /^wait of lamp-1: CANCELED/);
	assert.match((await ran(context, place, 0, "logs", "lamp-1", "--upload")).stdout[0]!, /^1\/\d+ +\d+\.\d{3} {2}warning {2}lamp: blinks \{"times":3\}$/);

	const second = await ran(context, place, 1, "simulate", ...EPHEMERAL);
	assert.match(second.stderr.join("\n"), /^moorline: state: a cloud runs on \.moorline\/cloud already: process \d+$/);
	const control = join(place.path, ".moorline", "cloud", "control.json");
	if (process.platform !== "win32") assert.equal((await stat(control)).mode & 0o777, 0o600);
	lamp.kill("SIGINT");
	await lamp.ended;
	await cloud.event("offline");
	// Whoever asks now has what was kept before on the disk, too.
	await ran(context, place, 0, "trace", "lamp-1", "--limit", "1");
	cloud.kill("SIGKILL");
	await cloud.ended;
	const gone = await ran(context, place, 1, "devices");
	assert.match(gone.stderr.join("\n"), /^moorline: unreachable: cannot reach the cloud: /);
	const again = await start(context, place, ...EPHEMERAL);
	assert.match((await ran(context, place, 0, "devices")).stdout[1]!, /^lamp-1 +offline +1\.0\.0 +\d{4}-/);
	const kept = (await ran(context, place, 0, "trace", "lamp-1", "--json")).stdout.map(line => JSON.parse(line) as Event);
	assert.ok(kept.some(({ sent, text }) => sent === true && String(text).includes('"brightness":40')), JSON.stringify(kept));
	again.kill("SIGINT");
	assert.equal((await again.ended).code, 0);
	assert.match((await ran(context, place, 1, "devices")).stderr.join("\n"), /^moorline: unreachable: no cloud runs on /);
});

test("commands, logs, numbers and crashes of a device; its text is shown and never obeyed", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	await writeFile(join(place.path, "rules.json"), JSON.stringify([{ when: "crash" }, { name: "hot", when: "metric", metric: "temperature", above: 80 }]));
	const cloud = await start(context, place, ...EPHEMERAL, "--rules", "rules.json"), { port } = await cloud.event("broker");
	const meter = await Meter.connect(port, ({ command }) => command === "read" ? [{ status: "IN_PROGRESS", reason: "WAIT" }, { status: "SUCCEEDED", result: { value: "21.5" } }]
		: command === "report" ? [{ status: "SUCCEEDED" }] : [{ status: "REJECTED", reason: "UNKNOWN", description: EVIL }]);
	await cloud.event("online");

	const read = await ran(context, place, 0, "command", "meter-1", "read", "unit=C", "range.least=-5");
	assert.deepEqual(read.stdout.map(line => line.replace(/cli-\w+/, "ID")), [
		"meter-1 read ID: CREATED", "meter-1 read ID: IN_PROGRESS, WAIT", 'meter-1 read ID: SUCCEEDED {"value":"21.5"}',
	]);
	assert.match((await ran(context, place, 0, "devices", "meter-1")).stdout.join("\n"), /\nread +cli-\w+ +SUCCEEDED +\d{4}-/);
	assert.deepEqual(meter.asked[0], { command: "read", parameters: { unit: "C", range: { least: -5 } } });
	const refused = await ran(context, place, 1, "command", "meter-1", "fly", "--parameters", "{}");
	assert.equal(refused.stderr[0], "moorline: rejected: fly of meter-1: REJECTED, UNKNOWN, \\u{1b}[2J\\u{9b}31m\\u{202e}evil\\nforged");
	assert.deepEqual(meter.asked[1], { command: "fly" });
	await meter.client.unsubscribeAsync("moorline/meter-1/#");
	const late = await ran(context, place, 1, "command", "meter-1", "read", "--timeout", "200ms");
	assert.match(late.stderr[0]!, /^moorline: timeout: read of meter-1: TIMED_OUT, /);
	await meter.client.subscribeAsync("moorline/meter-1/#", { qos: 1 });

	await meter.report("logs", { boot: 2, records: [[0, 10, 1, "main", "second boot"]] });
	const follower = moorline(context, place, "logs", "meter-1", "-f", "--level", "warning");
	await follower.line(line => line.includes("second boot"));
	await meter.report("logs", { boot: 1, records: [[0, 10, 2, "main", "one"], [1, 20, 0, "main", EVIL, { code: 7 }], [2, 30, 1, "main", "three"]] });
	await follower.line(line => line.includes("three"));
	assert.equal(follower.stdout.length, 3, follower.stdout.join("\n"));
	follower.kill("SIGINT");
	const logs = await ran(context, place, 0, "logs", "meter-1", "--upload");
	assert.deepEqual(meter.asked.at(-1), { command: "report", parameters: { kinds: ["logs"] } });
	assert.deepEqual(logs.stdout, [
		"1/0            0.010  info     main: one",
		'1/1            0.020  error    main: \\u{1b}[2J\\u{9b}31m\\u{202e}evil\\nforged {"code":7}',
		"1/2            0.030  warning  main: three",
		"2/0            0.010  warning  main: second boot",
	]);

	const [, json] = (await ran(context, place, 0, "logs", "meter-1", "--json")).stdout;
	assert.ok(!/[\u001b\u009b\u202e]/.test(json!));
	assert.equal((JSON.parse(json!) as Event)["message"], EVIL);

	await meter.report("metrics", { boot: 2, number: 1, at: 60_000, period: 60_000, counters: { reads: 3 }, gauges: { temperature: 81 }, timers: {} });
	await meter.report("metrics", { boot: 2, number: 2, at: 120_000, period: 60_000, counters: { reads: 4 }, gauges: { temperature: 79 }, timers: {} });
	await meter.report("crash", { boot: 2, fingerprint: "0badcafe", count: 1, reason: "exception", message: EVIL, stack: "read main.ts:7\nmain main.ts:1", vitals: {}, logs: [] });
	await cloud.event("notification", event => event.rule === "crash");
	const told = (await ran(context, place, 0, "stats", "--notifications", "--json")).stdout.map(line => JSON.parse(line) as Event);
	assert.deepEqual(told.map(({ rule, device, clearedAt, raisedAt }) => [rule, device, clearedAt === undefined, clearedAt === raisedAt]), [
		["hot", "meter-1", false, false], ["crash", "meter-1", false, true],
	]);
	const stats = (await ran(context, place, 0, "stats", "meter-1")).stdout.join("\n");
	assert.match(stats, /commands +2 SUCCEEDED, 1 REJECTED, 1 TIMED_OUT\n/);
	assert.match(stats, /\n0badcafe +1 +\S+ +exception +\\u\{1b\}/);
	assert.match(stats, /\ntemperature +79 +gauge\nreads +4 +counter/);
	const detail = (await ran(context, place, 0, "devices", "meter-1")).stdout.join("\n");
	assert.match(detail, /\ncrash 0badcafe {2}exception: /);
	assert.match(detail, /\n {2}read main\.ts:7\n {2}main main\.ts:1/);
	assert.ok(!/[\u001b\u009b\u202e]/.test([logs, refused].flatMap(({ stdout, stderr }) => [...stdout, ...stderr]).join("") + stats + detail));
	assert.match((await ran(context, place, 1, "command", "moon", "ping")).stderr[0]!, /^moorline: argument: there is no device "moon"$/);
	await meter.client.endAsync();
});

test("on the simulated AWS the same commands serve", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context), cloud = await start(context, place, "--cloud", "aws", ...EPHEMERAL, "--device", "lamp-1");
	const { endpoint, ca } = await cloud.event("broker"), { cert, key } = await cloud.event("device");
	const file = (name: unknown): Promise<Buffer> => readFile(join(place.path, String(name)));
	const thing = await connectAsync(String(endpoint), { ca: await file(ca), cert: await file(cert), key: await file(key), clientId: "lamp-1", reconnectPeriod: 0 });
	thing.on("message", topic => {
		if (!topic.includes("/request")) return;
		thing.publish(topic.replace("/request", "/response"), JSON.stringify({ status: "SUCCEEDED", result: { done: { b: true } } }), { qos: 1 });
	});
	await thing.subscribeAsync("$aws/commands/things/lamp-1/executions/+/request/json", { qos: 1 });
	const done = await ran(context, place, 0, "command", "lamp-1", "blink", "times=2");
	assert.match(done.stdout.at(-1)!, /^lamp-1 blink command-\w+: SUCCEEDED \{"done":true\}$/);
	const report = { header: { report_id: 1, version: "1.0" }, metrics: { network_stats: { bytes_in: 7 } }, custom_metrics: { battery: [{ number: 80 }] } };
	await thing.publishAsync("$aws/things/lamp-1/defender/metrics/json", JSON.stringify(report), { qos: 1 });
	await thing.publishAsync("moorline/lamp-1/reports/logs", encode({ boot: 1, records: [[0, 10, 1, "main", "hello"]] }), { qos: 1 });
	assert.match((await ran(context, place, 0, "logs", "lamp-1")).stdout[0]!, /warning {2}main: hello$/);
	const stats = (await ran(context, place, 0, "stats", "lamp-1")).stdout.join("\n");
	assert.match(stats, /\nbytes_in +7 +gauge\nbattery +80 +gauge/);
	const shadow = await ran(context, place, 0, "shadow", "lamp-1", "--name", "lights", '{"on":true}');
	assert.deepEqual(shadow.stdout, ["lamp-1 lights version 1", "MEMBER  DESIRED  REPORTED  DELTA", "on      true               true"]);
	await thing.endAsync();
});
