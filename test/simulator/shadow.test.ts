// SPDX-License-Identifier: Apache-2.0
/** The shadow service through a broker, as a device sees it, and through its API, as a program sees it. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Broker } from "../../hosts/simulator/broker/broker.js";
import type { JsonObject } from "../../hosts/simulator/services/json.js";
import { deltaOf, mergePatch, parseJson } from "../../hosts/simulator/services/json.js";
import type { ShadowLimits } from "../../hosts/simulator/services/shadow.js";
import { ShadowService } from "../../hosts/simulator/services/shadow.js";
import { ScriptedClient } from "./scripted.js";

function setup(limits?: Partial<ShadowLimits>) {
	const broker = new Broker();
	const shadows = new ShadowService({ limits });
	shadows.attach(broker.attach());
	const device = new ScriptedClient(broker).connect("lamp").subscribe("moorline/lamp/shadow/+", 1);
	device.take();
	/** Sends, and returns what came back without what was sent (the device hears its own requests, too). */
	const ask = (verb: string, payload: string | Uint8Array) => {
		device.send({ cmd: "publish", topic: `moorline/lamp/shadow/${verb}`, payload: Buffer.from(payload), qos: 1, dup: false, retain: false, messageId: 1 });
		return heard();
	};
	const heard = () => device.takePublished()
		.map(packet => [packet.topic.split("/")[3]!, packet] as const)
		.filter(([verb]) => verb !== "get" && verb !== "report")
		.map(([verb, packet]) => {
			assert.equal(packet.retain, false);
			device.send({ cmd: "puback", messageId: packet.messageId! });
			return [verb, JSON.parse(String(packet.payload)) as JsonObject] as const;
		});
	return { broker, shadows, device, ask, heard };
}

suite("Shadow service", () => {
	test("get answers with the token and an empty document of version 0", () => {
		assert.deepEqual(setup().ask("get", '{"token":"t1"}'), [["document", { token: "t1", version: 0, desired: {}, reported: {} }]]);
	});

	test("a token may be absent, and is then absent from the answer", () => {
		assert.deepEqual(setup().ask("get", "{}"), [["document", { version: 0, desired: {}, reported: {} }]]);
	});

	test("a report is merged, accepted, and counts the version", () => {
		const { shadows, ask } = setup();
		assert.deepEqual(ask("report", '{"token":"a","reported":{"on":true,"color":{"r":1,"g":2}}}'), [["accepted", { token: "a", version: 1 }]]);
		assert.deepEqual(ask("report", '{"token":"b","reported":{"on":null,"color":{"g":3}},"version":1}'), [["accepted", { token: "b", version: 2 }]]);
		assert.deepEqual(shadows.get("lamp"), { version: 2, desired: {}, reported: { color: { r: 1, g: 3 } } });
	});

	test("a report on another version than the current is refused with 409 and changes nothing", () => {
		const { shadows, ask } = setup();
		shadows.desire("lamp", {});
		for (const version of [0, 2, 99]) {
			assert.deepEqual(ask("report", `{"token":"a","reported":{"on":true},"version":${version}}`), [["rejected", { token: "a", code: 409, message: "version is 1" }]]);
		}
		assert.deepEqual(shadows.get("lamp"), { version: 1, desired: {}, reported: {} });
	});

	test("desire sends the delta against what is reported, and none when nothing differs", () => {
		const { shadows, ask, heard } = setup();
		ask("report", '{"reported":{"on":true,"color":{"r":1}}}');
		assert.equal(shadows.desire("lamp", { on: true, color: { r: 1, g: 5 } }), 2);
		assert.deepEqual(heard(), [["delta", { version: 2, delta: { color: { g: 5 } } }]]);
		assert.deepEqual(ask("report", '{"token":"x","reported":{"color":{"g":5}}}'), [["accepted", { token: "x", version: 3 }]]);
		assert.deepEqual(shadows.delta("lamp"), {});
		assert.equal(shadows.desire("lamp", { on: true }), 4);
		assert.equal(shadows.desire("lamp", { color: null }), 5);
		assert.deepEqual(heard(), []);
		assert.deepEqual(shadows.get("lamp").desired, { on: true });
	});

	test("a document that is desired before the device ever came waits for its get", () => {
		const { shadows, ask, heard } = setup();
		shadows.desire("other", { on: true });
		assert.deepEqual(heard(), []);
		shadows.desire("lamp", { on: true });
		heard();
		assert.deepEqual(ask("get", '{"token":"t"}'), [["document", { token: "t", version: 1, desired: { on: true }, reported: {} }]]);
	});

	const REJECTED: readonly [name: string, payload: string | Uint8Array, code: number, token?: string][] = [
		["no JSON", "{", 400],
		["no UTF-8", Uint8Array.of(0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D), 400],
		["nothing", "", 400],
		["an array", "[]", 400],
		["null", "null", 400],
		["a token that is no string", '{"token":1,"reported":{}}', 400],
		["a token that is too long", `{"token":"${"x".repeat(65)}","reported":{}}`, 400],
		["no reported", '{"token":"t"}', 400, "t"],
		["reported null", '{"token":"t","reported":null}', 400, "t"],
		["reported an array", '{"token":"t","reported":[]}', 400, "t"],
		["reported only inherited", '{"token":"t","__proto__":{"reported":{}}}', 400, "t"],
		["a version that is no number", '{"token":"t","reported":{},"version":"0"}', 400, "t"],
		["a version that is no whole number", '{"token":"t","reported":{},"version":0.5}', 400, "t"],
		["a number out of range", '{"token":"t","reported":{"a":[1e999]}}', 400, "t"],
		["nine levels", `{"token":"t","reported":${'{"a":'.repeat(8)}{}${"}".repeat(8)}}`, 400, "t"],
		["nine levels of arrays", `{"token":"t","reported":{"a":${"[".repeat(8)}${"]".repeat(8)}}}`, 400, "t"],
		["a document of more than 8 KB", `{"token":"t","reported":{"a":"${"x".repeat(8192)}"}}`, 413, "t"],
		["a message that is far too large", `{"token":"t","reported":{"a":"${"x".repeat(40_000)}"}}`, 413],
	];
	for (const [name, payload, code, token] of REJECTED) {
		test(`a report with ${name} is rejected with ${code}`, () => {
			const { shadows, ask } = setup();
			const [[verb, body] = [], ...more] = ask("report", payload);
			assert.deepEqual([verb, body?.["code"], body?.["token"], typeof body?.["message"], more.length], ["rejected", code, token, "string", 0]);
			assert.deepEqual(shadows.get("lamp"), { version: 0, desired: {}, reported: {} });
		});
	}

	test("eight levels, and a document of exactly the maximum, are accepted; one byte more is not", () => {
		assert.deepEqual(setup().ask("report", `{"reported":${'{"a":'.repeat(7)}{}${"}".repeat(7)}}`), [["accepted", { version: 1 }]]);
		const { ask } = setup({ documentMaximum: 100 });
		const overhead = '{"desired":{},"reported":{"a":""}}'.length;
		assert.deepEqual(ask("report", JSON.stringify({ reported: { a: "x".repeat(100 - overhead) } })), [["accepted", { version: 1 }]]);
		assert.equal(ask("report", JSON.stringify({ reported: { a: "é".repeat((102 - overhead) / 2) } }))[0]?.[1]["code"], 413);
	});

	test("members named like JavaScript's own are members like any other", () => {
		const { shadows, ask, heard } = setup();
		const reported = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":1}';
		assert.deepEqual(ask("report", `{"reported":${reported}}`), [["accepted", { version: 1 }]]);
		assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
		assert.equal(JSON.stringify(shadows.get("lamp").reported), reported);
		shadows.desire("lamp", JSON.parse('{"__proto__":{"polluted":2},"hasOwnProperty":1}') as JsonObject);
		assert.equal(heard().length, 1);
		assert.equal(JSON.stringify(shadows.delta("lamp")), '{"__proto__":{"polluted":2},"hasOwnProperty":1}');
		assert.deepEqual(ask("report", '{"reported":{"__proto__":null,"constructor":null,"toString":null}}')[0], ["accepted", { version: 3 }]);
		assert.deepEqual(shadows.get("lamp").reported, {});
	});

	test("a retained request is from the past and is not answered", () => {
		const { broker, shadows, heard } = setup();
		broker.attach().publish("moorline/late/shadow/report", Buffer.from('{"reported":{"a":1}}'), { retain: true });
		assert.equal(shadows.get("late").version, 1);
		shadows.attach(broker.attach());
		assert.equal(shadows.get("late").version, 1);
		assert.deepEqual(heard(), []);
	});

	test("desire refuses what no message could carry", () => {
		const { shadows } = setup({ documentCountMaximum: 1 });
		assert.throws(() => shadows.desire("lamp", [] as unknown as JsonObject), { code: "argument" });
		assert.throws(() => shadows.desire("a/b", {}), { code: "argument" });
		assert.throws(() => shadows.desire("lamp", { a: "x".repeat(9000) }), { code: "too-large" });
		const cyclic: JsonObject = {};
		cyclic["a"] = cyclic;
		assert.throws(() => shadows.desire("lamp", cyclic), { code: "argument" });
		shadows.desire("lamp", {});
		assert.throws(() => shadows.desire("other", {}), { code: "full" });
		assert.equal(shadows.get("lamp").version, 1);
	});

	test("onChanged sees each accepted update after the device was answered, with a copy", () => {
		const { shadows, ask } = setup();
		const seen: unknown[] = [];
		shadows.onChanged = (id, document, changed) => {
			seen.push([id, document.version, changed]);
			document.reported["mine"] = 1;
		};
		shadows.desire("lamp", { a: 1 });
		ask("report", '{"reported":{"a":1}}');
		ask("report", "[]");
		assert.deepEqual(seen, [["lamp", 1, "desired"], ["lamp", 2, "reported"]]);
		assert.deepEqual(shadows.get("lamp").reported, { a: 1 });
	});
});

/** RFC 7396, appendix A. */
const MERGES: readonly [target: string, patch: string, result: string][] = [
	['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
	['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
	['{"a":"b"}', '{"a":null}', "{}"],
	['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
	['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
	['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
	['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
	['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
	['["a","b"]', '["c","d"]', '["c","d"]'],
	['{"a":"b"}', '["c"]', '["c"]'],
	['{"a":"foo"}', "null", "null"],
	['{"a":"foo"}', '"bar"', '"bar"'],
	['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
	["[1,2]", '{"a":"b","c":null}', '{"a":"b"}'],
	["{}", '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
];
const DELTAS: readonly [desired: string, reported: string, delta: string][] = [
	["{}", '{"a":1}', "{}"],
	['{"a":1}', '{"a":1}', "{}"],
	['{"a":1}', "{}", '{"a":1}'],
	['{"a":1}', '{"a":"1"}', '{"a":1}'],
	['{"a":{"b":1,"c":2}}', '{"a":{"b":1,"d":3}}', '{"a":{"c":2}}'],
	['{"a":{}}', "{}", '{"a":{}}'],
	['{"a":{}}', '{"a":1}', '{"a":{}}'],
	['{"a":{}}', '{"a":{"b":1}}', "{}"],
	['{"a":[1,{"b":2}]}', '{"a":[1,{"b":2}]}', "{}"],
	['{"a":[1,{"b":2}]}', '{"a":[1,{"b":3}]}', '{"a":[1,{"b":2}]}'],
	['{"a":[1,null]}', '{"a":[1]}', '{"a":[1,null]}'],
	['{"a":[1]}', '{"a":{"0":1}}', '{"a":[1]}'],
	['{"toString":1}', "{}", '{"toString":1}'],
];

suite("Shadow documents", () => {
	for (const [target, patch, result] of MERGES) {
		test(`${target} merged with ${patch} is ${result}`, () => {
			assert.equal(JSON.stringify(mergePatch(JSON.parse(target) as JsonObject, JSON.parse(patch) as JsonObject)), result);
		});
	}
	for (const [desired, reported, delta] of DELTAS) {
		test(`the delta of ${desired} against ${reported} is ${delta}`, () => {
			const found = deltaOf(JSON.parse(desired) as JsonObject, JSON.parse(reported) as JsonObject);
			assert.equal(JSON.stringify(found), delta);
			// What a delta is for: reported, patched with it, has nothing left to do.
			const after = mergePatch(JSON.parse(reported) as JsonObject, found) as JsonObject;
			assert.equal(JSON.stringify(deltaOf(JSON.parse(desired) as JsonObject, after)), "{}");
		});
	}
	test("a byte order mark is no JSON", () => {
		assert.deepEqual(parseJson(Buffer.from("[1]")), [1]);
		assert.throws(() => parseJson(Buffer.from("\uFEFF\uFEFF[1]")), SyntaxError);
	});
});
