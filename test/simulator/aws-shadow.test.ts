// SPDX-License-Identifier: Apache-2.0
/** The simulated Device Shadow service: every document, every refusal, every limit, on a clock of its own. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { JsonObject } from "../../hosts/simulator/services/json.js";
import type { AwsClient, Reply } from "./aws-scene.js";
import { AwsScene, SECONDS, THING } from "./aws-scene.js";

const CLASSIC = `$aws/things/${THING}/shadow`;
const NAMED = `${CLASSIC}/name/config`;
const HOUR = 3_600_000;

/** A thing that hears all answers of a shadow, the topics without their prefix. */
class Asker {
	readonly scene: AwsScene;
	readonly client: AwsClient;
	readonly prefix: string;

	constructor(scene = new AwsScene(), prefix = CLASSIC) {
		this.scene = scene;
		this.prefix = prefix;
		this.client = scene.thing().listen(`${prefix}/get/+`, `${prefix}/update/+`, `${prefix}/delete/+`);
	}

	/** Publishes a request; @returns what came at once */
	ask(verb: string, body: unknown): Reply[] {
		this.client.say(`${this.prefix}/${verb}`, body);
		return this.heard();
	}

	heard(): Reply[] {
		return this.client.heard().map(({ topic, body }) => ({ topic: topic.slice(this.prefix.length + 1), body }));
	}

	/** The only answer to a request. */
	one(verb: string, body: unknown): Reply {
		const replies = this.ask(verb, body);
		assert.equal(replies.length, 1, JSON.stringify(replies));
		return replies[0]!;
	}

	update(state: unknown, more: object = {}): Reply[] {
		return this.ask("update", { state, ...more });
	}
}

const topicsOf = (replies: readonly Reply[]): string[] => replies.map(({ topic }) => topic);
const at = (offset = 0): { timestamp: number } => ({ timestamp: SECONDS + offset });

suite("AWS shadow: documents", () => {
	for (const [kind, prefix] of [["classic", CLASSIC], ["named", NAMED]] as const) {
		test(`${kind}: the first update makes it, and get, delta, documents and delete are as AWS words them`, () => {
			const asker = new Asker(new AwsScene(), prefix);
			const [accepted, documents, ...others] = asker.update({ reported: { on: false } }, { clientToken: "a" });
			assert.deepEqual(others, []);
			assert.deepEqual(accepted, { topic: "update/accepted", body: {
				state: { reported: { on: false } }, metadata: { reported: { on: at() } }, version: 1, timestamp: SECONDS, clientToken: "a",
			} });
			assert.deepEqual(documents, { topic: "update/documents", body: {
				previous: { state: {}, metadata: {}, version: 0 },
				current: { state: { reported: { on: false } }, metadata: { reported: { on: at() } }, version: 1 },
				timestamp: SECONDS, clientToken: "a",
			} });
			asker.scene.wait(2_000);
			const replies = asker.update({ desired: { on: true, level: 5 } }, { version: 1, clientToken: "b" });
			assert.deepEqual(topicsOf(replies), ["update/accepted", "update/documents", "update/delta"]);
			assert.deepEqual(replies[2]!.body, {
				version: 2, timestamp: SECONDS + 2, state: { on: true, level: 5 }, metadata: { on: at(2), level: at(2) }, clientToken: "b",
			});
			assert.deepEqual(asker.one("get", { clientToken: "c" }), { topic: "get/accepted", body: {
				state: { desired: { on: true, level: 5 }, reported: { on: false }, delta: { on: true, level: 5 } },
				metadata: { desired: { on: at(2), level: at(2) }, reported: { on: at() } }, version: 2, timestamp: SECONDS + 2, clientToken: "c",
			} });
			assert.deepEqual(asker.one("delete", { clientToken: "d" }), { topic: "delete/accepted", body: { version: 2, timestamp: SECONDS + 2, clientToken: "d" } });
		});
	}

	test("an empty payload is a request without a token", () => {
		const asker = new Asker();
		assert.deepEqual(asker.one("get", "").body, { code: 404, message: `No shadow exists with name: '${THING}'`, timestamp: SECONDS });
		asker.update({ desired: {} });
		assert.deepEqual(asker.one("get", "").body, { state: {}, metadata: {}, version: 1, timestamp: SECONDS });
		assert.deepEqual(asker.one("delete", "").body, { version: 1, timestamp: SECONDS });
	});

	test("accepted echoes what was asked, with nulls, and stamps what was written", () => {
		const asker = new Asker();
		asker.update({ desired: { a: 1, b: { x: 1, y: 2 }, l: [1, [2, { z: 3 }]] }, reported: { a: 1 } });
		const [accepted] = asker.update({ desired: { a: null, b: { y: null, w: 4 } }, reported: null });
		assert.deepEqual(accepted!.body, {
			state: { desired: { a: null, b: { y: null, w: 4 } }, reported: null }, metadata: { desired: { b: { w: at() } } }, version: 2, timestamp: SECONDS,
		});
		const { state, metadata } = asker.scene.aws.shadows.get(THING)!;
		assert.deepEqual(state, { desired: { b: { x: 1, w: 4 }, l: [1, [2, { z: 3 }]] }, delta: { b: { x: 1, w: 4 }, l: [1, [2, { z: 3 }]] } });
		assert.deepEqual(metadata, { desired: { b: { x: at(), w: at() }, l: [at(), [at(), { z: at() }]] } });
	});

	test("a value that is written again is stamped again, and one that is not keeps its stamp", () => {
		const asker = new Asker();
		asker.update({ desired: { same: 1, other: 2 } });
		asker.scene.wait(5_000);
		asker.update({ desired: { same: 1 } });
		assert.deepEqual(asker.scene.aws.shadows.get(THING)?.metadata, { desired: { same: at(5), other: at() } });
	});

	test("a section that is null goes whole; a scalar replaces an object and the other way round", () => {
		const asker = new Asker();
		asker.update({ desired: { a: { b: 1 }, c: 2 } });
		asker.update({ desired: { a: 5, c: { d: 6 } } });
		assert.deepEqual(asker.scene.aws.shadows.get(THING)?.state.desired, { a: 5, c: { d: 6 } });
		asker.update({ desired: null });
		assert.deepEqual(asker.scene.aws.shadows.get(THING)?.state, {});
	});

	test("objects that lose their last member go, or stay with keepsEmptyObjects", () => {
		for (const [keepsEmptyObjects, expected] of [[false, { c: 1 }], [true, { a: {}, c: 1 }]] as const) {
			const asker = new Asker(new AwsScene({ shadowLimits: { keepsEmptyObjects } }));
			asker.update({ desired: { a: { b: 1 }, c: 1 } });
			asker.update({ desired: { a: { b: null }, new: { d: null } } });
			assert.deepEqual(asker.scene.aws.shadows.get(THING)?.state.desired, expected);
		}
	});

	const DELTAS: readonly (readonly [desired: JsonObject | null, reported: JsonObject | null, delta: JsonObject | undefined])[] = [
		[{ a: 1, b: { x: 1, y: 2 }, l: [1, 2] }, { a: 1, b: { x: 1, y: 3, z: 9 }, l: [1, 2, 3] }, { b: { y: 2 }, l: [1, 2] }],
		[{ a: 1 }, null, { a: 1 }],
		[{ a: { b: { c: 1 } } }, { a: 5 }, { a: { b: { c: 1 } } }],
		[null, { a: 1 }, undefined],
		[{ a: 1 }, { a: 1, b: 2 }, undefined],
		[{ a: 1 }, { a: "1" }, { a: 1 }],
		[{ a: 1 }, { a: 1.0 }, undefined],
		[{ a: [{ b: 1 }] }, { a: [{ b: 1 }] }, undefined],
		[{ a: [1, 2] }, { a: [2, 1] }, { a: [1, 2] }],
		[{ a: false }, { a: 0 }, { a: false }],
	];
	for (const [desired, reported, delta] of DELTAS) {
		test(`delta of ${JSON.stringify(desired)} and ${JSON.stringify(reported)}`, () => {
			const asker = new Asker();
			const replies = asker.update({ desired, reported });
			assert.deepEqual(replies.find(({ topic }) => topic === "update/delta")?.body["state"], delta);
			assert.deepEqual(asker.scene.aws.shadows.get(THING)?.state.delta, delta);
		});
	}

	test("each update tells the whole difference, until there is none", () => {
		const asker = new Asker();
		asker.update({ desired: { a: 1, b: 2 } });
		const [, , delta] = asker.update({ reported: { a: 1 } });
		assert.deepEqual([delta?.body["state"], delta?.body["version"]], [{ b: 2 }, 2]);
		assert.deepEqual(topicsOf(asker.update({ reported: { b: 2 } })), ["update/accepted", "update/documents"]);
	});

	test("members that objects inherit elsewhere are members like any other, and prototypes stay as they are", () => {
		const asker = new Asker();
		const body = '{"state":{"reported":{"__proto__":{"polluted":1},"constructor":2,"toString":{"valueOf":3}}}}';
		const [accepted] = asker.ask("update", body);
		assert.equal(accepted?.topic, "update/accepted");
		assert.equal(JSON.stringify(accepted.body["state"]), '{"reported":{"__proto__":{"polluted":1},"constructor":2,"toString":{"valueOf":3}}}');
		assert.equal(JSON.stringify(asker.one("get", "").body["state"]), JSON.stringify(accepted.body["state"]));
		assert.equal(({} as { polluted?: number }).polluted, undefined);
		asker.ask("update", '{"state":{"reported":{"__proto__":null,"constructor":null}}}');
		assert.equal(JSON.stringify(asker.scene.aws.shadows.get(THING)?.state), '{"reported":{"toString":{"valueOf":3}}}');
		assert.deepEqual(asker.one("update", '{"__proto__":{"state":{}},"clientToken":"t"}').body["message"], "Missing required node: state");
	});
});

suite("AWS shadow: versions", () => {
	test("each accepted update is one more, a wrong one is refused, and 0 means one that is not there", () => {
		const asker = new Asker();
		assert.equal(asker.one("update", { state: {}, version: 7 }).body["code"], 409);
		assert.equal(asker.update({}, { version: 0 })[0]?.body["version"], 1);
		assert.equal(asker.one("update", { state: {}, version: 0 }).body["code"], 409);
		assert.equal(asker.update({}, { version: 1 })[0]?.body["version"], 2);
		assert.deepEqual(asker.one("update", { state: { reported: { a: 1 } }, version: 1, clientToken: "t" }), {
			topic: "update/rejected", body: { code: 409, message: "Version conflict", timestamp: SECONDS, clientToken: "t" },
		});
		assert.equal(asker.one("delete", { version: 1 }).body["code"], 409);
		assert.equal(asker.one("delete", { version: 2 }).body["version"], 2);
	});

	test("numbering goes on after a deletion, and begins again two days later", () => {
		const asker = new Asker();
		asker.update({ reported: { a: 1 } });
		asker.ask("delete", "");
		assert.equal(asker.one("get", "").body["code"], 404);
		assert.equal(asker.one("delete", "").body["code"], 404);
		asker.scene.wait(47 * HOUR);
		asker.scene.aws.broker.kick(THING, asker.scene.now);
		const second = new Asker(asker.scene);
		const [accepted, documents] = second.update({ reported: { b: 1 } }, { version: 0 });
		assert.equal(accepted?.body["version"], 2);
		assert.deepEqual((documents?.body["current"] as { state: unknown }).state, { reported: { b: 1 } });
		second.ask("delete", "");
		asker.scene.wait(48 * HOUR);
		assert.equal(asker.scene.aws.shadows.desire(THING, { c: 1 }), 1);
	});
});

suite("AWS shadow: refusals", () => {
	const DEEP = (levels: number): unknown => levels === 0 ? "x" : { d: DEEP(levels - 1) };
	const REFUSALS: readonly (readonly [name: string, body: unknown, code: number, message: string])[] = [
		["no JSON", "{", 400, "Invalid JSON"],
		["no object", "[1]", 400, "Invalid JSON"],
		["a number", "1", 400, "Invalid JSON"],
		["no state", { version: 1 }, 400, "Missing required node: state"],
		["an empty document", {}, 400, "Missing required node: state"],
		["a state that is text", { state: "x" }, 400, "State node must be an object"],
		["a state that is null", { state: null }, 400, "State node must be an object"],
		["a state that is an array", { state: [] }, 400, "State node must be an object"],
		["desired that is a number", { state: { desired: 1 } }, 400, "Desired node must be an object"],
		["desired that is an array", { state: { desired: [] } }, 400, "Desired node must be an object"],
		["reported that is text", { state: { reported: "x" } }, 400, "Reported node must be an object"],
		["another section", { state: { delta: { a: 1 } } }, 400, "State contains an invalid node"],
		["null in an array", { state: { desired: { a: [1, null] } } }, 400, "State contains an invalid node"],
		["null in an object in an array", { state: { desired: { a: [{ b: null }] } } }, 400, "State contains an invalid node"],
		["a number out of range", '{"state":{"desired":{"a":1e999}}}', 400, "State contains an invalid node"],
		["a version that is text", { state: {}, version: "1" }, 400, "Invalid version"],
		["a version that is negative", { state: {}, version: -1 }, 400, "Invalid version"],
		["a version that is a fraction", { state: {}, version: 1.5 }, 400, "Invalid version"],
		["a token that is a number", { state: {}, clientToken: 1 }, 400, "Invalid clientToken"],
		["a token of 65 bytes", { state: {}, clientToken: `${"x".repeat(63)}é` }, 400, "Invalid clientToken"],
		["seven levels", { state: { desired: DEEP(7) } }, 400, "JSON contains too many levels of nesting; maximum is 6"],
		["seven levels, arrays among them", { state: { reported: { a: [[[[[[1]]]]]] } } }, 400, "JSON contains too many levels of nesting; maximum is 6"],
		["more than 8 KB", { state: { reported: { a: "x".repeat(8_192) } } }, 413, "The payload exceeds the maximum size allowed"],
	];
	for (const [name, body, code, message] of REFUSALS) {
		test(`${name}: ${code}`, () => {
			const asker = new Asker();
			assert.deepEqual(asker.one("update", body), { topic: "update/rejected", body: { code, message, timestamp: SECONDS } });
			assert.deepEqual(asker.scene.aws.shadows.list(), []);
		});
	}

	test("text that is not UTF-8: 415", () => {
		const asker = new Asker();
		asker.client.send({ cmd: "publish", topic: `${CLASSIC}/update`, payload: Buffer.from([0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D]), qos: 0, dup: false, retain: false });
		assert.deepEqual(asker.heard().map(({ body }) => [body["code"], body["message"]]), [[415, "Unsupported documented encoding; supported encoding is UTF-8"]]);
	});

	test("six levels, a token of 64 bytes, and 8,192 bytes are taken; the next byte is not, and changes nothing", () => {
		const asker = new Asker();
		assert.equal(asker.update({ desired: DEEP(6) }, { clientToken: "x".repeat(64) })[0]?.topic, "update/accepted");
		asker.update({ desired: null });
		const room = 8_192 - JSON.stringify({ reported: { a: "" } }).length;
		assert.equal(asker.update({ reported: { a: "x".repeat(room) } })[0]?.topic, "update/accepted");
		assert.equal(asker.one("update", { state: { reported: { b: 1 } }, clientToken: "t" }).body["code"], 413);
		const { version, state } = asker.scene.aws.shadows.get(THING)!;
		assert.deepEqual([version, state.reported?.["a"], state.reported?.["b"]], [3, "x".repeat(room), undefined]);
	});

	test("a named shadow of what is no thing: 404; its classic one exists all the same", () => {
		const scene = new AwsScene();
		const client = scene.dial().connect("stranger");
		client.take();
		client.listen("$aws/things/stranger/shadow/#");
		client.say("$aws/things/stranger/shadow/name/config/update", { state: {} });
		client.say("$aws/things/stranger/shadow/update", { state: {} });
		const heard = client.heard().filter(({ topic }) => /(accepted|rejected)$/.test(topic));
		assert.deepEqual(heard.map(({ topic, body }) => [topic, body["message"]]), [
			["$aws/things/stranger/shadow/name/config/update/rejected", "Thing not found"], ["$aws/things/stranger/shadow/update/accepted", undefined],
		]);
	});

	test("names that no shadow can have, and answers that only the cloud gives, are topics of no service", () => {
		for (const suffix of ["name//get", "name/a b/get", `name/${"x".repeat(65)}/get`, "name/get", "update/accepted", "patch", "get/x/y/z"]) {
			const scene = new AwsScene();
			const client = scene.thing();
			client.say(`${CLASSIC}/${suffix}`, "{}");
			assert.equal(client.closed, true, suffix);
		}
	});

	test("an application is refused by exceptions, with the same codes", () => {
		const { shadows } = new AwsScene().aws;
		assert.equal(shadows.desire(THING, { a: 1 }), 1);
		assert.throws(() => shadows.desire(THING, { a: 2 }, { version: 7 }), { code: "version", detail: 409 });
		assert.throws(() => shadows.desire(THING, { a: "x".repeat(9_000) }), { code: "too-large", detail: 413 });
		assert.throws(() => shadows.desire(THING, { a: [null] }), { code: "argument", detail: 400 });
		assert.throws(() => shadows.desire("nobody", { a: 1 }, { name: "config" }), { code: "state", detail: 404 });
		assert.throws(() => shadows.delete(THING, "config"), { code: "state", detail: 404 });
		assert.throws(() => shadows.desire("a/b", {}), { code: "argument" });
		assert.equal(shadows.delete(THING), 1);
		assert.equal(shadows.get(THING), undefined);
	});
});

suite("AWS shadow: limits", () => {
	test("the eleventh request that waits for its answer: 429", () => {
		const asker = new Asker();
		asker.scene.aws.shadows.faults.delay(500);
		for (let index = 0; index < 12; index++) asker.client.say(`${CLASSIC}/update`, { state: {}, clientToken: `t${index}` });
		assert.deepEqual(asker.heard(), []);
		asker.scene.wait(499);
		assert.deepEqual(asker.heard(), []);
		asker.scene.wait(1);
		const replies = asker.heard().filter(({ topic }) => topic !== "update/documents");
		assert.deepEqual(topicsOf(replies), [...Array<string>(10).fill("update/accepted"), "update/rejected", "update/rejected"]);
		assert.deepEqual(replies[10]?.body, { code: 429, message: "Too many requests", timestamp: SECONDS, clientToken: "t10" });
		asker.scene.aws.shadows.faults.delay(0);
		assert.equal(asker.update({})[0]?.topic, "update/accepted");
	});

	test("the twenty-first request for a thing in a second: 429, whichever of its shadows it is for", () => {
		const asker = new Asker();
		for (let index = 0; index < 20; index++) asker.client.say(index % 2 === 0 ? `${CLASSIC}/get` : `${NAMED}/get`, "");
		asker.heard();
		assert.deepEqual(asker.one("get", { clientToken: "t" }).body, { code: 429, message: "Too many requests", timestamp: SECONDS, clientToken: "t" });
		asker.scene.wait(50);
		assert.equal(asker.one("get", "").body["code"], 404);
		assert.equal(asker.one("get", "").body["code"], 429);
	});

	test("no more documents than there may be: 500; one that is deleted makes room", () => {
		const scene = new AwsScene({ shadowLimits: { documentCountMaximum: 1 } });
		const { shadows } = scene.aws;
		shadows.desire(THING, { a: 1 });
		assert.throws(() => shadows.desire(THING, { a: 1 }, { name: "config" }), { code: "full", detail: 500 });
		shadows.delete(THING);
		assert.equal(shadows.desire(THING, { a: 1 }, { name: "config" }), 1);
		assert.deepEqual(shadows.list(), [{ thing: THING, name: "config" }]);
	});
});

suite("AWS shadow: faults", () => {
	const setUp = (): { asker: Asker; desire: (patch: JsonObject) => string[] } => {
		const asker = new Asker();
		return { asker, desire: patch => {
			asker.scene.aws.shadows.desire(THING, patch);
			return asker.heard().map(({ topic, body }) => `${topic} ${body["version"] ?? ""}`.trim());
		} };
	};

	test("a lost answer, a lost delta", () => {
		const { asker, desire } = setUp();
		asker.scene.aws.shadows.faults.drop("accepted", { count: 1 });
		assert.deepEqual(asker.ask("update", { state: {} }).map(({ topic }) => topic), ["update/documents"]);
		asker.scene.aws.shadows.faults.drop("delta", { count: 1, clientId: THING });
		assert.deepEqual(desire({ a: 1 }), ["update/accepted 2", "update/documents"]);
		assert.deepEqual(desire({ a: 2 }), ["update/accepted 3", "update/documents", "update/delta 3"]);
	});

	test("deltas that come twice, first, or after a newer one", () => {
		const { asker, desire } = setUp();
		const { faults } = asker.scene.aws.shadows;
		faults.duplicateDeltas({ count: 1 });
		assert.deepEqual(desire({ a: 1 }), ["update/accepted 1", "update/documents", "update/delta 1", "update/delta 1"]);
		faults.deltaFirst({ count: 1 });
		assert.deepEqual(desire({ a: 2 }), ["update/delta 2", "update/accepted 2", "update/documents"]);
		faults.overtakeDeltas({ count: 1 });
		assert.deepEqual(desire({ a: 3 }), ["update/accepted 3", "update/documents"]);
		assert.deepEqual(desire({ a: 4 }), ["update/accepted 4", "update/documents", "update/delta 4", "update/delta 3"]);
		assert.deepEqual(desire({ a: 5 }), ["update/accepted 5", "update/documents", "update/delta 5"]);
	});

	test("an answer that is late leaves when it is due, and what changed is changed at once; clear ends all", () => {
		const { asker, desire } = setUp();
		const { faults } = asker.scene.aws.shadows;
		faults.delay(1_000);
		assert.deepEqual(asker.update({ reported: { a: 1 } }), []);
		assert.equal(asker.scene.aws.shadows.get(THING)?.version, 1);
		faults.drop();
		faults.clear();
		assert.deepEqual(desire({ a: 2 })[0], "update/accepted 2");
		asker.scene.wait(1_000);
		assert.deepEqual(topicsOf(asker.heard()), ["update/accepted", "update/documents"]);
	});
});
