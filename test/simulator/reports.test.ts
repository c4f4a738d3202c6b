// SPDX-License-Identifier: Apache-2.0
/** What devices tell of themselves, at the private cloud: taken once, kept, and refused when it is none. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { crypto } from "../../hosts/node/digest.js";
import { Backend } from "../../hosts/simulator/backend.js";
import type { CoAPMethod, CoAPReply } from "../../hosts/simulator/coap/server.js";
import { PrivateCoAP } from "../../hosts/simulator/coap-private/coap.js";
import { encode } from "../../hosts/simulator/services/formats.js";
import { encodeJson } from "../../hosts/simulator/services/json.js";
import { packageRoot } from "../../hosts/xs/node/build.js";

const RECORDS = [[1, 20, 1, "lamp", "on"], [2, 35, 3, "lamp", "hot", { degrees: 81.5 }]];
const LOGS = { boot: 4, records: RECORDS };
const METRICS = { boot: 4, number: 7, at: 3_600_000, period: 3_600_000, counters: { reconnects: 2 }, gauges: { heap: 31_000.5 }, timers: { trip: [3, 120, 60] } };
const CRASH = { boot: 3, fingerprint: "00c0ffee", count: 1, reason: "exception", message: "no lamp", stack: "blink (main:3:1)", vitals: {}, logs: RECORDS };
const TRACE = { boot: 4, messages: [[8, 12.5, 0, "moorline/lamp/shadow/delta", 3, Uint8Array.of(1, 2, 3)], [9, 13, 1, "moorline/lamp/shadow/get", 40, "{}"], [12, 20, 1, "x", 5]] };

class Scene {
	now = 5_000;
	readonly reports;
	readonly told: string[] = [];
	readonly #heard: string[] = [];
	readonly #channel;

	constructor() {
		const backend = new Backend({ wall: () => this.now });
		this.reports = backend.reports;
		this.reports.onReport = (device, kind, report, receivedAt) => { this.told.push(`${device} ${kind} ${report.boot} ${receivedAt}`); };
		this.#channel = backend.broker.attach();
		for (const verb of ["accepted", "rejected"]) {
			this.#channel.subscribe(`moorline/+/reports/${verb}`, (topic, payload) => {
				this.#heard.push(`${topic.slice("moorline/".length)} ${Buffer.from(payload).toString()}`);
			});
		}
	}

	say(kind: string, report: unknown, token = "t-1"): string[] {
		const body = report instanceof Uint8Array ? report : encode("cbor", report);
		this.#channel.publish(`moorline/lamp/reports/${kind}/${token}`, body);
		return this.#heard.splice(0);
	}

	/** The code that a report is refused with; 0 for none. */
	code(kind: string, report: unknown): number {
		const [heard = ""] = this.say(kind, report);
		const { code = 0 } = JSON.parse(heard.slice(heard.indexOf("{"))) as { code?: number };
		return code;
	}
}

suite("reports", () => {
	test("each kind is taken, kept with its time, and told", () => {
		const scene = new Scene();
		assert.deepEqual(scene.say("logs", LOGS), [`lamp/reports/accepted {"token":"t-1"}`]);
		for (const [kind, report] of [["metrics", METRICS], ["crash", CRASH], ["trace", TRACE]] as const) assert.equal(scene.code(kind, report), 0, kind);
		assert.deepEqual(scene.told, ["lamp logs 4 5000", "lamp metrics 4 5000", "lamp crash 3 5000", "lamp trace 4 5000"]);
		assert.equal(JSON.stringify(scene.reports.reports("lamp", "metrics")[0]?.report), JSON.stringify(METRICS));
		assert.deepEqual(scene.reports.reports("lantern", "logs"), []);
	});

	test("what comes twice is accepted twice and told once; of a batch put together anew, what is new", () => {
		const scene = new Scene();
		for (const token of ["a", "b"]) for (const [kind, report] of [["logs", LOGS], ["metrics", METRICS], ["crash", CRASH], ["trace", TRACE]] as const) {
			assert.deepEqual(scene.say(kind, report, token), [`lamp/reports/accepted {"token":"${token}"}`]);
		}
		assert.equal(scene.told.length, 4);
		scene.say("logs", { boot: 4, records: [...RECORDS.slice(1), [3, 36, 0, "lamp", "cool"]] });
		const [, last] = scene.reports.reports("lamp", "logs");
		assert.equal(JSON.stringify(last?.report), JSON.stringify({ boot: 4, records: [[3, 36, 0, "lamp", "cool"]] }));
		// Its storage was erased: boots and numbers begin again.
		scene.say("logs", { boot: 4, records: [[1, 19, 1, "lamp", "on"]] });
		scene.say("metrics", { ...METRICS, at: 3_600_001 });
		assert.equal(scene.told.length, 7);
	});

	test("what is no report is refused", () => {
		const scene = new Scene();
		const wrong: [code: number, kind: string, report: unknown][] = [
			[404, "smoke", LOGS], [413, "logs", { ...LOGS, more: "x".repeat(1_024) }], [400, "logs", encodeJson(LOGS)], [400, "logs", []], [400, "logs", new Uint8Array(0)],
			[400, "logs", { records: [] }], [400, "logs", { boot: -1, records: [] }], [400, "logs", { boot: 1, records: [[1, 0, 4, "a", "b"]] }], [400, "logs", { ...LOGS, lost: "3" }],
			[400, "logs", { boot: 1, records: [RECORDS[1], RECORDS[0]] }], [400, "logs", { boot: 1, records: [[1, 0, 1, "a"]] }], [400, "metrics", { ...METRICS, counters: { a: "1" } }],
			[400, "metrics", { ...METRICS, timers: { a: [1, 2] } }], [400, "crash", { ...CRASH, fingerprint: "FFFFFFFF" }], [400, "crash", { ...CRASH, vitals: 1 }],
			[400, "trace", { boot: 1, messages: [[1, 0, 2, "a", 1]] }], [400, "trace", { boot: 1, messages: [[1, 0, 1, "a", 1, 7]] }],
		];
		for (const [code, kind, report] of wrong) assert.equal(scene.code(kind, report), code, `${kind} ${JSON.stringify(report)}`);
		assert.deepEqual(scene.told, []);
		scene.reports.failing = 500;
		assert.equal(scene.code("logs", LOGS), 500);
		scene.reports.failing = "silence";
		assert.deepEqual(scene.say("logs", LOGS), []);
	});

	test("of each kind so many are kept", () => {
		const scene = new Scene();
		for (let number = 1; number <= 40; number++) scene.say("metrics", { ...METRICS, number });
		const kept = scene.reports.reports("lamp", "metrics");
		assert.equal(kept.length, 32);
		assert.equal((kept[0]!.report as { number?: number }).number, 9);
		assert.equal(scene.told.length, 40);
	});

	test("over CoAP: POST of CBOR, answered with its code", () => {
		const backend = new Backend({ wall: () => 0 }), coap = new PrivateCoAP(backend, { now: () => 0, random: target => { target.fill(1); }, crypto });
		const ask = (method: CoAPMethod, path: string, contentFormat: number | undefined, payload: Uint8Array): string => {
			let answer: CoAPReply | undefined;
			coap.handle({
				method, path: `moorline/lamp/${path}`.split("/"), query: [], payload, contentFormat, accept: undefined, observe: undefined, ifMatch: [], ifNoneMatch: false,
				confirmable: true, secured: false, block1: undefined, options: [], peer: { key: "10.0.0.9:4000", identity: undefined },
			}, reply => { answer = reply; });
			return answer!.code;
		};
		const body = encode("cbor", LOGS);
		assert.deepEqual([ask("POST", "reports/logs", 60, body), ask("POST", "reports/logs", 60, body)], ["2.04", "2.04"]);
		assert.equal(backend.reports.reports("lamp", "logs").length, 1);
		assert.equal(ask("GET", "reports/logs", undefined, new Uint8Array(0)), "4.05");
		assert.equal(ask("POST", "reports/logs", 50, encodeJson(LOGS)), "4.15");
		assert.equal(ask("POST", "reports/logs", undefined, body), "4.15");
		assert.equal(ask("POST", "reports/logs", 60, encode("cbor", {})), "4.00");
		assert.equal(ask("POST", "reports/logs", 60, encode("cbor", { ...LOGS, more: "x".repeat(1_024) })), "4.13");
		for (const path of ["reports", "reports/smoke", "reports/logs/1"]) assert.equal(ask("POST", path, 60, body), "4.04", path);
	});

	test("the documentation's example", () => {
		const [, hex, json] = /^```cbor\n(\S*) {3}(\{"boot".*)$/m.exec(readFileSync(join(packageRoot, "docs/private-cloud.md"), "utf8")) ?? [];
		const scene = new Scene();
		assert.equal(scene.code("logs", Uint8Array.from(Buffer.from(hex!, "hex"))), 0);
		assert.equal(JSON.stringify(scene.reports.reports("lamp", "logs")[0]?.report), json);
	});
});
