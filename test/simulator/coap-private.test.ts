// SPDX-License-Identifier: Apache-2.0
/** The private cloud's gateway from CoAP: resources, codes and formats, who may what, and who is there. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { crypto } from "../../hosts/node/digest.js";
import { Backend, OPERATOR_ID } from "../../hosts/simulator/backend.js";
import type { CoAPMethod, CoAPReply, CoAPRequest } from "../../hosts/simulator/coap/server.js";
import { PrivateCoAP } from "../../hosts/simulator/coap-private/coap.js";
import { Random } from "../../hosts/world/index.js";
import { decode, encode } from "../../hosts/simulator/services/formats.js";
import { lampLives } from "../simulation/lamp.js";

const LAMP = "moorline/lamp";
const JSON_FORMAT = 50, CBOR_FORMAT = 60;
const SEEDS = 60;
const ROUNDS = 20_000;

const METHODS: readonly CoAPMethod[] = ["GET", "POST", "PUT", "DELETE", "FETCH", "PATCH", "iPATCH"];
const RESOURCES = ["status", "shadow", "shadow/delta", "shadow/name/config", "shadow/name/config/delta", "jobs", "jobs/next", "jobs/update", "files/image/0", "commands", "commands/response", "reports/logs"];
const SEGMENTS = ["status", "shadow", "delta", "name", "config", "jobs", "next", "update", "files", "image", "0", "commands", "response", "reports", "logs", "temperature", "", "#", "a/b"];
const MESSAGES = [
	{}, { online: true }, { online: false }, { online: true, keepAlive: "x" }, { reported: { on: true } }, { reported: null }, { desired: { on: null }, version: 0 }, { version: -1 }, [], null, "x",
	{ id: "a", status: "SUCCEEDED" }, { id: 3 }, { id: "a", number: 1, version: 1, status: "SUCCEEDED" }, { token: "coap-1", online: true, times: true, format: "cbor" },
];

interface Asked extends Partial<CoAPRequest> { message?: unknown }

/** A cloud that is asked as its server asks it. */
class Scene {
	now = 0;
	readonly backend = new Backend({ wall: () => this.now });
	/** Paths of the observers that are to be asked again, of those that are watched. */
	readonly notified: string[] = [];
	readonly #peers = new Map<string, CoAPRequest["peer"]>();
	readonly coap = new PrivateCoAP(this.backend, { now: () => this.now, random: target => { target.fill(1); }, crypto });

	constructor() {
		this.coap.server.notify = match => {
			for (const path of WATCHED) if (match(this.request("GET", path))) this.notified.push(path);
		};
	}

	request(method: CoAPMethod, path: string, { message, ...given }: Asked = {}, peer = this.peer()): CoAPRequest {
		return {
			method, path: path.split("/"), query: [], payload: message === undefined ? new Uint8Array(0) : encode("json", message), contentFormat: undefined,
			accept: undefined, observe: undefined, ifMatch: [], ifNoneMatch: false, confirmable: true, secured: false, block1: undefined, options: [], peer, ...given,
		};
	}

	peer(identity?: string, key = "10.0.0.9:4000"): CoAPRequest["peer"] {
		const name = `${key} ${identity}`, peer = this.#peers.get(name) ?? { key, identity };
		this.#peers.set(name, peer);
		return peer;
	}

	/** The code, and the message if there is one. */
	ask(method: CoAPMethod, path: string, given?: Asked, peer?: CoAPRequest["peer"]): [code: string, message?: unknown] {
		const { code, payload } = this.reply(method, path, given, peer);
		return payload === undefined || payload.byteLength === 0 ? [code] : [code, decode("json", payload)];
	}

	reply(method: CoAPMethod, path: string, given?: Asked, peer?: CoAPRequest["peer"]): CoAPReply {
		let answer: CoAPReply | undefined;
		this.coap.handle(this.request(method, path, given, peer), reply => { answer = reply; });
		return answer!;
	}

	/** Time passes, and the services do what is due. */
	advance(milliseconds: number): void {
		const end = this.now + milliseconds;
		while (this.backend.broker.deadline <= end) {
			this.now = Math.max(this.now, this.backend.broker.deadline);
			this.backend.broker.expire(this.now);
		}
		this.now = end;
	}

	told(): string[] { return this.notified.splice(0); }
}

const WATCHED = [`${LAMP}/shadow/delta`, `${LAMP}/shadow/name/config/delta`, `${LAMP}/jobs`, `${LAMP}/commands`];

suite("The private cloud over CoAP", () => {
	test("documents are read, patched and deleted", () => {
		const scene = new Scene();
		assert.deepEqual(scene.ask("GET", `${LAMP}/shadow`), ["2.05", { version: 0, desired: {}, reported: {} }]);
		assert.deepEqual(scene.ask("iPATCH", `${LAMP}/shadow`, { message: { reported: { on: true }, version: 0 } }), ["2.04", { version: 1 }]);
		assert.deepEqual(scene.ask("iPATCH", `${LAMP}/shadow`, { message: { reported: { on: false }, version: 0 } }), ["4.09", { code: 409, message: "version is 1" }]);
		assert.deepEqual(scene.ask("iPATCH", `${LAMP}/shadow/name/config`, { message: { desired: { level: 3 } } }), ["2.04", { version: 1 }]);
		assert.deepEqual(scene.backend.shadows.get("lamp", "config").desired, { level: 3 });
		assert.deepEqual(scene.ask("DELETE", `${LAMP}/shadow`), ["2.02", { version: 2 }]);
		assert.equal(scene.ask("DELETE", `${LAMP}/shadow`)[0], "4.04");
	});

	test("a delta is what differs, and says what was deleted", () => {
		const scene = new Scene();
		scene.backend.shadows.desire("lamp", { on: true, level: 3 });
		scene.ask("iPATCH", `${LAMP}/shadow`, { message: { reported: { on: true } } });
		assert.deepEqual(scene.ask("GET", `${LAMP}/shadow/delta`), ["2.05", { version: 2, delta: { level: 3 } }]);
		scene.backend.shadows.delete("lamp");
		assert.deepEqual(scene.ask("GET", `${LAMP}/shadow/delta`), ["2.05", { version: 3, delta: {}, deleted: true }]);
	});

	test("observers of a delta are told when it is another one, and not of what a device reports besides", () => {
		const scene = new Scene();
		const { observable, maxAge } = scene.reply("GET", `${LAMP}/shadow/delta`, { observe: 0 });
		assert.deepEqual([observable, maxAge], [true, 300]);
		scene.backend.shadows.desire("lamp", { on: true });
		assert.deepEqual(scene.told(), [`${LAMP}/shadow/delta`]);
		scene.ask("iPATCH", `${LAMP}/shadow`, { message: { reported: { uptime: 1 } } });
		scene.advance(5_000);
		assert.deepEqual(scene.told(), []);
		// What is not desired any more is in no delta of MQTT: it is the document that tells.
		scene.backend.shadows.desire("lamp", { on: null });
		scene.advance(5_000);
		assert.deepEqual(scene.told(), [`${LAMP}/shadow/delta`]);
		scene.backend.shadows.delete("lamp");
		assert.deepEqual(scene.told(), [`${LAMP}/shadow/delta`]);
		scene.backend.shadows.desire("lamp", { level: 3 }, "config");
		assert.deepEqual(scene.told(), []);
	});

	test("when something was desired is told to whom asked for it in the status", () => {
		const scene = new Scene();
		scene.now = 7_000;
		scene.backend.shadows.desire("lamp", { on: true, level: 3 });
		scene.ask("POST", `${LAMP}/status`, { message: { online: true, times: true } });
		scene.ask("iPATCH", `${LAMP}/shadow`, { message: { reported: { on: true } } });
		assert.deepEqual(scene.ask("GET", `${LAMP}/shadow/delta`), ["2.05", { version: 2, delta: { level: 3 }, metadata: { level: { timestamp: 7 } } }]);
	});

	test("messages are in the format that is accepted, or else in the one that was used", () => {
		const scene = new Scene();
		const patch = encode("cbor", { reported: { on: true } });
		const { payload, contentFormat } = scene.reply("iPATCH", `${LAMP}/shadow`, { payload: patch, contentFormat: CBOR_FORMAT });
		assert.deepEqual([{ ...decode("cbor", payload!) as object }, contentFormat], [{ version: 1 }, CBOR_FORMAT]);
		assert.equal(scene.reply("GET", `${LAMP}/shadow`, { accept: CBOR_FORMAT }).contentFormat, CBOR_FORMAT);
		assert.equal(scene.reply("GET", `${LAMP}/shadow`).contentFormat, JSON_FORMAT);
		assert.deepEqual(scene.ask("GET", `${LAMP}/shadow`, { accept: 41 }), ["4.06"]);
		assert.deepEqual(scene.ask("iPATCH", `${LAMP}/shadow`, { message: {}, contentFormat: 41 }), ["4.15"]);
		assert.equal(scene.ask("iPATCH", `${LAMP}/shadow`, { payload: Uint8Array.of(0x7b) })[0], "4.00");
	});

	test("jobs are begun, said and refused; observers are told of the queue", () => {
		const scene = new Scene();
		const { jobs } = scene.backend;
		assert.deepEqual(scene.ask("GET", `${LAMP}/jobs`, { observe: 0 }), ["2.05", {}]);
		jobs.create({ id: "job-1", document: { operation: "reboot" }, devices: ["lamp"] });
		assert.deepEqual(scene.told(), [`${LAMP}/jobs`]);
		assert.deepEqual(scene.ask("GET", `${LAMP}/jobs`), ["2.05", { job: { id: "job-1", number: 1, version: 1, status: "QUEUED" } }]);
		const [code, message] = scene.ask("POST", `${LAMP}/jobs/next`);
		const { job } = message as { job: { version: number; document: unknown } };
		assert.deepEqual([code, job.version, job.document], ["2.04", 2, { operation: "reboot" }]);
		const update = { id: "job-1", number: 1, status: "SUCCEEDED" };
		assert.deepEqual(scene.ask("POST", `${LAMP}/jobs/update`, { message: { ...update, version: 2 } }), ["2.04", {}]);
		const [refused, { job: state }] = scene.ask("POST", `${LAMP}/jobs/update`, { message: { ...update, version: 1 } }) as [string, { job: unknown }];
		assert.deepEqual([refused, state], ["4.09", { status: "SUCCEEDED", version: 3 }]);
		assert.deepEqual(scene.ask("POST", `${LAMP}/jobs/next`), ["2.04", {}]);
		assert.equal(scene.ask("POST", `${LAMP}/jobs/update`, { message: { ...update, id: "none", version: 1 } })[0], "4.04");
	});

	test("a file is whole for the server to cut, and its ETag is its version", () => {
		const scene = new Scene();
		const { files } = scene.backend, bytes = Uint8Array.of(1, 2, 3);
		files.put("lamp", "image", { 0: bytes, 7: bytes });
		const first = scene.reply("GET", `${LAMP}/files/image/7`);
		assert.deepEqual([first.code, first.payload, first.contentFormat], ["2.05", bytes, 42]);
		files.put("lamp", "image", bytes);
		assert.notDeepEqual(scene.reply("GET", `${LAMP}/files/image/0`).etag, first.etag);
		assert.equal(scene.ask("GET", `${LAMP}/files/image/7`)[0], "4.04");
		assert.equal(scene.ask("GET", `${LAMP}/files/other/0`)[0], "4.04");
		files.put("lamp", "image", bytes, { isReplaced: true });
		assert.equal(scene.ask("GET", `${LAMP}/files/image/0`)[0], "4.09");
		files.failing = true;
		assert.equal(scene.ask("GET", `${LAMP}/files/image/0`)[0], "5.00");
	});

	test("commands wait until the device says something of them, and for a minute", () => {
		const scene = new Scene();
		const { commands } = scene.backend;
		const said: string[] = [];
		commands.onChanged = (device, { id, status, result }) => { said.push(`${device} ${id} ${status} ${JSON.stringify(result)}`); };
		commands.send("lamp", { blink: 3 }, { id: "a" });
		commands.send("lamp", null, { id: "b" });
		assert.deepEqual(scene.told(), [`${LAMP}/commands`, `${LAMP}/commands`]);
		assert.deepEqual(scene.ask("GET", `${LAMP}/commands`), ["2.05", { commands: [{ id: "a", payload: { blink: 3 }, number: 1 }, { id: "b", payload: null, number: 2 }] }]);
		assert.deepEqual(scene.ask("POST", `${LAMP}/commands/response`, { message: { id: "a", status: "SUCCEEDED", result: { done: true } } }), ["2.04", { id: "a", status: "SUCCEEDED" }]);
		assert.deepEqual(said, [`lamp a SUCCEEDED {"done":true}`]);
		assert.deepEqual(scene.ask("GET", `${LAMP}/commands`), ["2.05", { commands: [{ id: "b", payload: null, number: 2 }] }]);
		assert.equal(scene.ask("POST", `${LAMP}/commands/response`, { message: { id: "c", status: "FAILED" } })[0], "4.04");
		assert.equal(scene.ask("POST", `${LAMP}/commands/response`, { message: { id: "b", status: "DONE" } })[0], "4.00");
		assert.equal(scene.ask("POST", `${LAMP}/commands/response`, { message: { status: "FAILED" } })[0], "4.00");
		scene.now += 60_000;
		assert.deepEqual(scene.ask("GET", `${LAMP}/commands`), ["2.05", { commands: [] }]);
	});

	test("commands that are to end, and a reply in parts", () => {
		const scene = new Scene();
		const { commands } = scene.backend;
		commands.send("lamp", null, { id: "a", timeout: 5 });
		scene.told();
		commands.cancel("lamp", "a");
		assert.deepEqual(scene.told(), [`${LAMP}/commands`]);
		assert.deepEqual(scene.ask("GET", `${LAMP}/commands`), ["2.05", { commands: [], canceled: [{ id: "a", number: 1 }] }]);
		const part = { payload: Uint8Array.of(1, 2, 3), contentFormat: 42 };
		assert.deepEqual(scene.ask("POST", `${LAMP}/commands/reply/a/0`, part), ["2.04", { id: "a", part: 0, offset: 3 }]);
		assert.deepEqual(scene.ask("POST", `${LAMP}/commands/reply/a/3`, part), ["2.04", { id: "a", part: 3, offset: 6 }]);
		assert.equal(scene.ask("POST", `${LAMP}/commands/reply/b/0`, part)[0], "4.04");
		assert.equal(scene.ask("POST", `${LAMP}/commands/reply/a`, part)[0], "4.04");
		assert.equal(scene.ask("GET", `${LAMP}/commands/reply/a/0`)[0], "4.05");
		assert.equal(scene.ask("POST", `${LAMP}/commands/response`, part)[0], "4.15");
		scene.ask("POST", `${LAMP}/commands/response`, { message: { id: "a", status: "SUCCEEDED", reply: { length: 6 } } });
		assert.deepEqual([commands.get("lamp", "a")?.status, commands.reply("lamp", "a")], ["SUCCEEDED", Uint8Array.of(1, 2, 3, 1, 2, 3)]);
		assert.deepEqual(scene.ask("GET", `${LAMP}/commands`), ["2.05", { commands: [] }]);
	});

	test("the program's own messages go to the broker, retained when they were PUT", () => {
		const scene = new Scene();
		const heard: string[] = [];
		const note = (topic: string, payload: Uint8Array, retain: boolean): void => { heard.push(`${topic} ${Buffer.from(payload).toString()} ${retain}`); };
		scene.backend.broker.attach().subscribe(`${LAMP}/#`, note);
		const payload = Buffer.from("21.5");
		assert.deepEqual(scene.ask("POST", `${LAMP}/temperature`, { payload }), ["2.04"]);
		assert.deepEqual(scene.ask("PUT", `${LAMP}/temperature/last`, { payload, contentFormat: 0 }), ["2.04"]);
		assert.deepEqual(heard, [`${LAMP}/temperature 21.5 false`, `${LAMP}/temperature/last 21.5 false`]);
		scene.backend.broker.attach().subscribe(`${LAMP}/temperature/#`, note);
		assert.equal(heard.at(-1), `${LAMP}/temperature/last 21.5 true`);
		assert.deepEqual(scene.ask("POST", `${LAMP}/a+b`, { payload }), ["4.00"]);
		assert.deepEqual(scene.ask("GET", `${LAMP}/temperature`), ["4.04"]);
		assert.deepEqual(scene.ask("DELETE", `${LAMP}/temperature`), ["4.05"]);
	});

	test("what is no resource is not found, and what it cannot do is not allowed", () => {
		const scene = new Scene();
		for (const path of ["other/lamp/shadow", "moorline/lamp", "moorline/+/shadow", `${LAMP}/shadow/get`, `${LAMP}/shadow/name`, `${LAMP}/shadow/name/a/b`, `${LAMP}/jobs/job`,
			`${LAMP}/jobs/next/1`, `${LAMP}/files/image/1000`, `${LAMP}/files`, `${LAMP}/commands/request`, `${LAMP}/status/1`]) {
			assert.deepEqual(scene.ask("GET", path), ["4.04"], path);
		}
		for (const [method, path] of [["POST", "shadow"], ["POST", "shadow/delta"], ["GET", "jobs/next"], ["POST", "jobs"], ["POST", "files/image/0"], ["POST", "commands"],
			["GET", "commands/response"], ["GET", "status"]] as const) {
			assert.deepEqual(scene.ask(method, `${LAMP}/${path}`), ["4.05"], path);
		}
	});

	test("who has proved to be somebody speaks for that device alone; who has not is believed", () => {
		const scene = new Scene();
		const ask = (identity?: string) => scene.ask("GET", `${LAMP}/shadow`, {}, scene.peer(identity))[0];
		assert.deepEqual([ask(), ask("lamp"), ask(OPERATOR_ID), ask("stranger")], ["2.05", "2.05", "2.05", "4.03"]);
	});

	test("a device is online while it says so; from another address it is a new one", () => {
		const scene = new Scene();
		const greet = (peer = scene.peer()) => scene.ask("POST", `${LAMP}/status`, { message: { online: true, keepAlive: 60 } }, peer)[0];
		const online = () => scene.backend.registry.get("lamp")?.online;
		assert.deepEqual([greet(), greet(), online()], ["2.01", "2.04", true]);
		scene.advance(182_000);
		scene.ask("GET", `${LAMP}/shadow`);
		scene.advance(182_000);
		assert.equal(online(), true);
		scene.advance(2_000);
		assert.equal(online(), false);
		assert.deepEqual([greet(), online()], ["2.01", true]);
		assert.equal(greet(scene.peer(undefined, "10.0.0.9:4001")), "2.01");
		assert.equal(greet(), "2.01");
		assert.deepEqual(scene.ask("POST", `${LAMP}/status`, { message: { online: false } }), ["2.04"]);
		assert.deepEqual([online(), greet()], [false, "2.01"]);
		assert.equal(scene.backend.registry.get("lamp")?.messages, 7);
	});
});

test(`whatever is asked, ${ROUNDS} times by dice, is answered once, with a code`, () => {
	const random = new Random(1), scene = new Scene();
	const pick = <Value>(values: readonly Value[]): Value => values[random.between(0, values.length - 1)]!;
	const codes = new Set<string>();
	for (let round = 0; round < ROUNDS; round++) {
		const path = random.chance(0.7) ? `moorline/${pick(["lamp", "lamp-2"])}/${pick(RESOURCES)}` : ["moorline", pick(["lamp", "lamp-2", "+", ""]), ...Array.from({ length: random.between(0, 4) }, () => pick(SEGMENTS))].join("/");
		const bytes = new Uint8Array(random.between(0, 20));
		random.fill(bytes);
		const payload = pick([bytes, encode("json", pick(MESSAGES)), encode("cbor", pick(MESSAGES))]);
		const asked = { payload, accept: pick([undefined, 50, 60, 41]), contentFormat: pick([undefined, 50, 60, 41]), observe: pick([undefined, 0, 1] as const) };
		let answers = 0;
		scene.coap.handle(scene.request(pick(METHODS), path, asked), ({ code }) => {
			answers++;
			codes.add(code);
		});
		assert.equal(answers, 1, path);
		if (random.chance(0.1)) scene.advance(10_000);
	}
	assert.deepEqual([...codes].filter(code => code.startsWith("5.")), []);
	assert.ok(["2.01", "2.02", "2.04", "2.05", "4.00", "4.04", "4.05", "4.06", "4.09", "4.15"].every(code => codes.has(code)), [...codes].sort().join());
});

test(`a lamp under OSCORE: ${SEEDS} seeds of trouble end in sync`, () => {
	for (let seed = 1; seed <= SEEDS; seed++) lampLives(seed, "coap", crypto);
});
