// SPDX-License-Identifier: Apache-2.0
/** Whatever a device sends to a service of the simulated AWS is answered, once, and breaks nothing. Seeded: the seed is in the failure. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { CommandsService } from "../../hosts/simulator/clouds/aws/commands.js";
import { DefenderService } from "../../hosts/simulator/clouds/aws/defender.js";
import { encode, type Format } from "../../hosts/simulator/services/formats.js";
import { JobsService } from "../../hosts/simulator/clouds/aws/jobs.js";
import { ProvisioningService } from "../../hosts/simulator/clouds/aws/provisioning.js";
import type { AwsContext, AwsService } from "../../hosts/simulator/clouds/aws/service.js";
import { StreamsService } from "../../hosts/simulator/clouds/aws/streams.js";
import { Random } from "../../hosts/world/index.js";
import { Cloud } from "./aws-context.js";

const RUNS = 1000;
const ODD: readonly unknown[] = [
	null, true, -1, 0, 0.5, 1e300, 2 ** 53, "", "x".repeat(3000), "\ud800", [], [null], {}, [[]], { a: {} }, { "": "" }, "__proto__", Uint8Array.of(0, 255),
];
const KEYS = ["__proto__", "constructor", "toString", "length", "", "clientToken", "c", "status", "0"];

/** A copy with something in it that should not be there, or without something that should. */
function spoil(random: Random, value: unknown): unknown {
	const isObject = typeof value === "object" && value !== null && !(value instanceof Uint8Array);
	if (!isObject || random.chance(0.1)) return ODD[random.between(0, ODD.length - 1)];
	const entries = Object.entries(value), chosen = random.between(0, Math.max(0, entries.length - 1));
	const action = random.between(0, 3);
	if (action === 0) entries.push([KEYS[random.between(0, KEYS.length - 1)]!, ODD[random.between(0, ODD.length - 1)]]);
	else if (action === 1) entries.splice(chosen, 1);
	else if (entries[chosen] !== undefined) entries[chosen] = [entries[chosen][0], spoil(random, entries[chosen][1])];
	if (Array.isArray(value)) return entries.map(([, item]) => item);
	const object = Object.create(null) as Record<string, unknown>;
	for (const [key, item] of entries) object[key] = item;
	return object;
}

function payloadOf(random: Random, format: Format, body: object): Uint8Array {
	const payload = encode(format, random.chance(0.7) ? spoil(random, body) : body);
	if (random.chance(0.5)) return payload;
	// Some bytes other than they were, or some missing.
	for (let count = random.between(0, 3); count > 0 && payload.byteLength > 0; count--) payload[random.between(0, payload.byteLength - 1)] = random.between(0, 255);
	return random.chance(0.3) ? payload.subarray(0, random.between(0, payload.byteLength)) : payload;
}

/** The ids of a thousand commands, the same ones each time. */
function execute(commands: CommandsService): string[] {
	return Array.from({ length: 1000 }, () => commands.send({ thing: "lamp" }, { payload: Uint8Array.of(0x31), contentType: "text/plain" }));
}

const SERVICES: readonly { name: string; create: (context: AwsContext) => AwsService; requests: readonly [topic: string, body: object][] }[] = [
	{
		name: "JobsService",
		create: context => {
			const jobs = new JobsService(context, { readsPerSecond: Infinity, writesPerSecond: Infinity });
			for (let number = 0; number < 20; number++) jobs.create({ jobId: `job-${number}`, document: { number }, things: ["lamp"], retry: { failed: 3 } });
			return jobs;
		},
		requests: [
			["$aws/things/lamp/jobs/get", { clientToken: "t" }],
			["$aws/things/lamp/jobs/start-next", { clientToken: "t", statusDetails: { step: "1" }, stepTimeoutInMinutes: 1 }],
			["$aws/things/lamp/jobs/$next/get", { clientToken: "t", executionNumber: 1, includeJobDocument: true }],
			["$aws/things/lamp/jobs/job-7/update", { clientToken: "t", status: "IN_PROGRESS", expectedVersion: 1, statusDetails: { a: "b" }, includeJobExecutionState: true, stepTimeoutInMinutes: 2 }],
			["$aws/things/lamp/jobs/job-8/update", { status: "FAILED", includeJobDocument: true }],
			["$aws/things/lamp/jobs/job-9/nothing", {}],
		],
	}, {
		name: "ProvisioningService",
		create: context => {
			let tokens = 0;
			return new ProvisioningService(context, {
				issuer: {
					create: done => { done({ certificateId: "id", certificatePem: "certificate", privateKeyPem: "key" }); },
					sign: (csr, done) => { done({ certificateId: `id-${csr.length}`, certificatePem: "certificate" }); }, activate: () => undefined,
				},
				templates: { lamps: { parameters: ["SerialNumber"], thingName: ({ SerialNumber }) => `lamp-${SerialNumber}` } },
				newToken: () => `token-${++tokens}`, onRegistered: () => undefined, reusableTokens: true,
			});
		},
		requests: (["json", "cbor"] as const).flatMap(format => [
			[`$aws/certificates/create/${format}`, {}], [`$aws/certificates/create-from-csr/${format}`, { certificateSigningRequest: "request" }],
			[`$aws/provisioning-templates/lamps/provision/${format}`, { certificateOwnershipToken: "token-1", parameters: { SerialNumber: "7" } }],
		] as [string, object][]),
	}, {
		name: "StreamsService",
		create: context => {
			// One block for each request, so that each has one answer.
			const streams = new StreamsService(context, { disturb: blocks => [blocks[0] ?? 0] });
			streams.put("lamp", "image", { version: 1, description: "image", files: { 1: new Uint8Array(5000) } });
			return streams;
		},
		requests: (["json", "cbor"] as const).flatMap(format => [
			[`$aws/things/lamp/streams/image/describe/${format}`, { c: "t" }], [`$aws/things/lamp/streams/image/get/${format}`, { c: "t", s: 1, f: 1, l: 256, o: 2, n: 3 }],
			[`$aws/things/lamp/streams/image/get/${format}`, { f: 1, l: 256, b: format === "json" ? "ff00" : Uint8Array.of(255, 0) }],
		] as [string, object][]),
	}, {
		name: "DefenderService",
		create: context => new DefenderService(context, { intervalMinimum: 0 }),
		requests: (["json", "cbor"] as const).flatMap(format => [
			[`$aws/things/lamp/defender/metrics/${format}`, {
				header: { report_id: 1, version: "1.0" },
				metrics: { listening_tcp_ports: { ports: [{ port: 1, interface: "eth0" }], total: 1 }, network_stats: { bytes_in: 1 }, tcp_connections: { established_connections: { connections: [{ remote_addr: "192.0.2.1:1" }] } } },
				custom_metrics: { charge: [{ number: 1 }], names: [{ string_list: ["a"] }] },
			}],
			[`$aws/things/lamp/defender/metrics/${format}`, { hed: { rid: 2, v: "1.0" }, met: { ns: { bi: 1 } }, cmet: { charge: [{ number_list: [1, 2] }] } }],
		] as [string, object][]),
	}, {
		name: "CommandsService",
		create: context => {
			const commands = new CommandsService(context);
			execute(commands);
			return commands;
		},
		requests: (["json", "cbor"] as const).flatMap(format => [...execute(new CommandsService(new Cloud())).slice(3, 5), "nothing"].map((id, index) => [
			`$aws/commands/things/lamp/executions/${id}/response/${format}`,
			{ status: index === 0 ? "IN_PROGRESS" : "SUCCEEDED", statusReason: { reasonCode: "X", reasonDescription: "x" }, result: { a: { s: "b" }, c: { b: true } } },
		] as [string, object])),
	},
];

/** What is sent besides the answer. */
const ASIDE = /\/(notify|notify-next)$|^\$aws\/events\//;

suite("Services of the simulated AWS and what is malformed", () => {
	for (const { name, create, requests } of SERVICES) {
		test(`${name} answers everything once`, () => {
			const cloud = new Cloud(), random = new Random(name), verdicts = new Map<string, number>();
			cloud.service = create(cloud);
			for (let run = 0; run < RUNS; run++) {
				const [topic, body] = requests[random.between(0, requests.length - 1)]!, format = topic.endsWith("/cbor") ? "cbor" : "json";
				const payload = payloadOf(random, format, body), what = `${name}, run ${run}: ${topic} ${Buffer.from(payload).toString("hex").slice(0, 200)}`;
				cloud.take();
				assert.doesNotThrow(() => { assert.ok(cloud.receive(topic, payload)); }, what);
				const answers = cloud.take().filter(sent => !ASIDE.test(sent.topic));
				assert.equal(answers.length, 1, what);
				const verdict = /\/(accepted|rejected|data|description)(\/|$)/.exec(answers[0]!.topic)![1]!;
				verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
				assert.doesNotMatch(answers[0]!.topic, /undefined/);
				if (random.chance(0.01)) cloud.advance(random.between(0, 200_000));
			}
			const rejected = verdicts.get("rejected") ?? 0;
			assert.ok(rejected > RUNS / 10 && rejected < RUNS, `some are refused and some are not: ${rejected} of ${RUNS}`);
			assert.equal(Object.getPrototypeOf({}), Object.prototype);
			assert.deepEqual(Object.keys(Object.prototype), []);
		});
	}
});
