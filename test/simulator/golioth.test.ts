// SPDX-License-Identifier: Apache-2.0
/** The simulated Golioth's services, asked as its server asks them, with messages as the vendor's SDK sends them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CoAPPeer, CoAPReply, CoAPRequest } from "../../hosts/simulator/coap/request.js";
import { GoliothBackend, type GoliothOptions } from "../../hosts/simulator/clouds/golioth/backend.js";
import { decodeCbor, encodeCbor } from "../../hosts/simulator/clouds/golioth/codec.js";
import { ContentFormat } from "../../src/coap/constants.js";
import vectors from "../vectors/golioth.json" with { type: "json" };

const ID = "lamp";
const PEER: CoAPPeer = { key: "10.0.0.2:5000", identity: undefined };
const { JSON: JSON_FORMAT, CBOR } = ContentFormat;

class Scene extends GoliothBackend {
	time: number;

	constructor(options: GoliothOptions = {}) {
		const clock = { time: 1_700_000_000_000 };
		super({ ...options, wall: () => clock.time, now: () => clock.time, random: target => { target.fill(7); } });
		this.time = clock.time;
		Object.defineProperty(this, "time", { get: () => clock.time, set: (time: number) => { clock.time = time; } });
		this.registry.register(ID);
	}

	ask(method: CoAPRequest["method"], path: string, more: Partial<CoAPRequest> = {}): CoAPReply {
		let answer: CoAPReply | undefined;
		this.handle(this.request(method, path, more), reply => { answer = reply; });
		assert.ok(answer, `${method} ${path} is answered at once`);
		return answer;
	}

	request(method: CoAPRequest["method"], path: string, more: Partial<CoAPRequest> = {}): CoAPRequest {
		return {
			method, path: path.split("/"), query: [], payload: new Uint8Array(0), contentFormat: undefined, accept: undefined, observe: undefined, ifMatch: [],
			ifNoneMatch: false, confirmable: true, secured: false, block1: undefined, options: [], peer: PEER, ...more,
		};
	}
}

const json = (value: unknown): Partial<CoAPRequest> => ({ contentFormat: JSON_FORMAT, payload: Buffer.from(JSON.stringify(value)) });
const cbor = (hex: string): Partial<CoAPRequest> => ({ contentFormat: CBOR, payload: Buffer.from(hex, "hex") });
const textOf = ({ payload }: CoAPReply) => Buffer.from(payload ?? []).toString();
const hexOf = ({ payload }: CoAPReply) => Buffer.from(payload ?? []).toString("hex");

test("Golioth, state: any value at any path, in either format", () => {
	const scene = new Scene();
	assert.equal(scene.ask("POST", ".d/env/temp", json({ value: 30, unit: "c" })).code, "2.01");
	assert.equal(scene.ask("PUT", ".d/env/temp/value", json(35)).code, "2.04");
	assert.equal(textOf(scene.ask("GET", ".d/env")), `{"temp":{"value":35,"unit":"c"}}`);
	assert.equal(hexOf(scene.ask("GET", ".d/env/temp/value", { accept: CBOR })), "1823");
	assert.equal(scene.ask("POST", ".d/on", cbor("f5")).code, "2.01");
	assert.equal(textOf(scene.ask("GET", ".d/on/")), "true", "an empty segment at the end is none");
	assert.equal(scene.ask("DELETE", ".d/env/temp").code, "2.02");
	assert.equal(textOf(scene.ask("GET", ".d/env/temp")), "null");
	assert.deepEqual(scene.state.get(ID), { env: {}, on: true });
	assert.equal(scene.ask("POST", ".d/name", { contentFormat: JSON_FORMAT, payload: Buffer.from(`"lamp"\0`) }).code, "2.01");
	assert.equal(scene.state.get(ID, "name"), "lamp");
});

test("Golioth, state: what is refused", () => {
	const scene = new Scene({ state: { missing: "not-found", maximum: 100 } });
	assert.equal(scene.ask("GET", ".d/none").code, "4.04");
	assert.equal(scene.ask("POST", ".d/a", { ...json(1), payload: Buffer.from("{") }).code, "4.00");
	assert.equal(scene.ask("POST", ".d/a", { ...json(1), contentFormat: 0 }).code, "4.15");
	assert.equal(scene.ask("GET", ".d/a", { accept: 0 }).code, "4.06");
	assert.equal(scene.ask("POST", ".d/a", json("x".repeat(200))).code, "4.13");
	assert.equal(scene.ask("POST", ".d", json(5)).code, "4.00");
	assert.equal(scene.ask("FETCH", ".d/a").code, "4.05");
	assert.equal(scene.ask("POST", ".d/__proto__/polluted", json(1)).code, "2.01");
	assert.equal(({} as { polluted?: number }).polluted, undefined);
});

test("Golioth: strangers, what is nowhere, and more than may be", () => {
	const scene = new Scene({ requestsPerSecond: 2, project: "plant" });
	assert.equal(scene.ask("GET", ".c", { peer: { key: "1", identity: "lamp@other" } }).code, "4.01");
	assert.equal(scene.ask("GET", ".c", { peer: { key: "1", identity: "lamp@plant" } }).code, "2.05");
	assert.equal(scene.ask("GET", "nothing").code, "4.04");
	assert.equal(scene.ask("GET", ".c").code, "4.29");
	scene.time += 1_000;
	assert.equal(scene.ask("GET", ".c").code, "2.05");
	scene.registry.register("another");
	assert.equal(scene.ask("GET", ".c").code, "4.01", "nobody knows which of them it is");
});

test("Golioth, faults: refused, or not answered at all", () => {
	const scene = new Scene();
	scene.faults.add({ path: ".c", code: "5.03" });
	assert.equal(scene.ask("GET", ".c").code, "5.03");
	assert.equal(scene.ask("GET", ".c").code, "2.05");
	scene.faults.add({ method: "POST", code: "silence" });
	let isAnswered = false;
	scene.handle(scene.request("POST", ".d/a", json(1)), () => { isAnswered = true; });
	assert.equal(isAnswered, false);
});

test("Golioth, calls: OK first, then one after the other, and the answers in both kinds of maps", () => {
	const scene = new Scene();
	const observing = scene.request("GET", ".rpc", { accept: CBOR, observe: 0 });
	const told = (): string => {
		let reply: CoAPReply | undefined;
		scene.handle(observing, given => { reply = given; });
		return hexOf(reply!);
	};
	assert.equal(told(), vectors.rpcEstablished);
	const first = scene.rpc.call(ID, "add", [1.5, 2]), second = scene.rpc.call(ID, "off");
	assert.deepEqual(decodeCbor(Buffer.from(told(), "hex")), new Map<string, unknown>([["id", first.id], ["method", "add"], ["params", [1.5, 2]]]));
	for (const [hex, id] of [[vectors.rpcResponseIndefinite, first.id], [vectors.rpcResponse, second.id]] as const) {
		const answer = hex.replace("627231", `${(0x60 + id.length).toString(16)}${Buffer.from(id).toString("hex")}`);
		assert.equal(scene.ask("POST", ".rpc/status", cbor(answer)).code, "2.04");
	}
	assert.deepEqual([first.statusCode, { ...first.detail as object }], [0, { sum: 3.5 }]);
	assert.deepEqual([second.statusCode, scene.rpc.strays], [0, 0]);
	assert.equal(scene.ask("POST", ".rpc/status", cbor(vectors.rpcResponseUnknownMethod)).code, "2.04");
	assert.equal(scene.rpc.strays, 1);
	const third = scene.rpc.call(ID, "late", [], { timeout: 500 });
	assert.equal(scene.rpc.deadline, scene.time + 500);
	scene.rpc.expire(scene.time + 500);
	assert.equal(third.statusCode, 4);
});

test("Golioth, settings: with a version, and what the device says of them", () => {
	const scene = new Scene();
	assert.equal(hexOf(scene.ask("GET", ".c")), "a26873657474696e6773f66776657273696f6e00");
	assert.equal(scene.settings.set(ID, { LOOP_S: 10 }), 1_700_000_000);
	assert.equal(hexOf(scene.ask("GET", ".c")), vectors.settings);
	assert.equal(scene.settings.isInSync(ID), false);
	assert.equal(scene.ask("POST", ".c/status", cbor(vectors.settingsStatus)).code, "2.04");
	assert.equal(scene.settings.isInSync(ID), true);
	const errors = encodeCbor({ version: 1_700_000_000, errors: [{ setting_key: "LOOP_S", error_code: 4 }] }, true);
	scene.ask("POST", ".c/status", { contentFormat: CBOR, payload: errors });
	assert.deepEqual([scene.settings.isInSync(ID), scene.settings.report(ID)!.errors], [false, { LOOP_S: 4 }]);
	assert.throws(() => scene.settings.set(ID, { "a b": 1 }), RangeError);
});

test("Golioth, releases: a manifest, its artifact, and what the device says of it", () => {
	const scene = new Scene();
	scene.releases.upload("main", "1.0.1", new Uint8Array(4_096).fill(1), { sha256: "ab".repeat(32) });
	assert.equal(scene.releases.deploy(ID, "main@1.0.1"), 1_700_000_000);
	const manifest = decodeCbor(scene.ask("GET", ".u/desired").payload!) as Map<number, unknown>;
	const expected = decodeCbor(Buffer.from(vectors.manifest, "hex")) as Map<number, unknown>;
	assert.deepEqual([manifest.get(1), manifest.get(3)], [expected.get(1), expected.get(3)]);
	assert.equal(scene.ask("GET", ".u/c/main@1.0.1").payload!.byteLength, 4_096);
	assert.equal(scene.ask("GET", ".u/c/main@9").code, "4.04");
	assert.equal(scene.ask("POST", ".u/c/main", cbor(vectors.report)).code, "2.04");
	assert.deepEqual(scene.releases.reports(ID), [{ package: "main", state: 1, reason: 0, version: "1.0.0", target: "1.0.1" }]);
	assert.equal(scene.ask("POST", ".u/c/modem", cbor(vectors.report)).code, "4.00");
	assert.equal(scene.releases.deploy(ID), 1_700_000_001);
});

test("Golioth, stream and logs", () => {
	const scene = new Scene();
	assert.equal(scene.ask("POST", ".s/env/temp", json({ c: 21 })).code, "2.04");
	assert.equal(scene.ask("POST", ".s/raw", { contentFormat: ContentFormat.OCTET_STREAM, payload: Uint8Array.of(1) }).code, "2.04");
	for (const path of [".s/logs", "logs"]) assert.equal(scene.ask("POST", path, cbor(vectors.log)).code, "2.04");
	assert.deepEqual(scene.stream.messages.map(({ path }) => path), ["env/temp", "raw", "logs"]);
	assert.deepEqual({ ...scene.logs.messages[0]!.value as object }, { level: "info", module: "app", msg: "hi" });
	assert.equal(scene.ask("POST", ".s/x", cbor("ff")).code, "4.00");
});

test("Golioth: maps of indefinite length, byte for byte as the vendor's SDK writes them", () => {
	assert.equal(Buffer.from(encodeCbor({ id: "r1", statusCode: 5 }, true)).toString("hex"), vectors.rpcResponseUnknownMethod);
	assert.equal(Buffer.from(encodeCbor({ level: "info", module: "app", msg: "hi" }, true)).toString("hex"), vectors.log);
});
