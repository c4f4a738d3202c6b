// SPDX-License-Identifier: Apache-2.0
/** Where a shadow survives a reset: what is kept comes back, whatever the storage holds or does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JSONObject } from "../../../src/bytes/value.js";
import { model, number } from "../../../src/shadow/model.js";
import { Shadow } from "../../../src/shadow/shadow.js";
import { SHADOWS, StorageStore, type Kept } from "../../../src/shadow/store.js";
import { FakeHost, type StorageOperation } from "../fake-host.js";
import { codeOf } from "../failure.js";
import { Pair } from "./pair.js";

const KEPT: Kept = { version: 7, local: { a: 1, b: { c: [1, { d: "é" }] }, gone: null }, changedAt: { a: 5 }, counted: { n: [1, null] } };
const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const valuesOf = (host: FakeHost): Record<string, Uint8Array> => host.stored[SHADOWS] ?? {};

test("what is kept comes back, and each domain is let go", () => {
	const host = new FakeHost();
	assert.equal(new StorageStore(host, "").load(), undefined);
	new StorageStore(host, "").save(KEPT, {});
	assert.deepEqual(new StorageStore(host, "").load(), KEPT);
	assert.ok(host.domains.length === 3 && host.domains.every(({ closed }) => closed));
});

test("the same again costs no write", () => {
	const host = new FakeHost();
	const store = new StorageStore(host, "");
	const writes = (): number => host.stores.filter((operation) => operation === "write").length;
	store.save(KEPT, {});
	store.save(KEPT, {});
	new StorageStore(host, "").save(KEPT, {});
	assert.equal(writes(), 1);
	store.save({ ...KEPT, version: 8 }, {});
	assert.equal(writes(), 2);
});

test("each shadow has a key of its own, of fifteen characters at most", () => {
	const names = ["", "a", "abcdefghijklmn", "abcdefghijklmno", "abcdefghijklmnop", "abcdefghijklmnoq", "$a:b_c-d", "abcdef~x".padEnd(64, "y"), "x".repeat(64)];
	const host = new FakeHost();
	names.forEach((name, version) => new StorageStore(host, name).save({ ...KEPT, version }, {}));
	names.forEach((name, version) => assert.equal(new StorageStore(host, name).load()?.version, version, name));
	const keys = Object.keys(valuesOf(host));
	assert.equal(keys.length, names.length);
	for (const key of keys) assert.match(key, /^[ -~]{1,15}$/);
});

test("what is too large is kept without what the cloud has", () => {
	const host = new FakeHost();
	const store = new StorageStore(host, "");
	const local: JSONObject = { large: "x".repeat(2_100), small: 1 };
	store.save({ ...KEPT, local }, { small: 1 });
	assert.deepEqual(store.load(), { ...KEPT, local: { small: 1 } });
	assert.equal(codeOf(() => store.save({ ...KEPT, local }, local)), "too-large");
	assert.deepEqual(store.load(), { ...KEPT, local: { small: 1 } }, "what was kept before stays");
	const exact = (length: number): Kept => ({ version: 0, local: { a: "x".repeat(length) }, changedAt: {}, counted: {} });
	const frame = JSON.stringify([0, { a: "" }, {}, {}]).length;
	store.save(exact(2_048 - frame), {});
	assert.deepEqual(store.load(), exact(2_048 - frame));
	store.save(exact(2_049 - frame), {});
	assert.deepEqual(store.load()!.local, {});
	// Bytes count, not characters.
	store.save({ ...exact(0), local: { a: "é".repeat(1_200) } }, { b: 1 });
	assert.deepEqual(store.load()!.local, { b: 1 });
});

const CORRUPT: readonly string[] = [
	"", "x", "{}", "null", "7", "[]", "[1,{},{}]", "[1,{},{},[]]", "[1,[],{},{}]", "[1,null,{},{}]", `["1",{},{},{}]`, "[1.5,{},{},{}]", "[null,{},{},{}]",
	"[1,{},{},{}", "[[[[[[[[[[[[", `[1,{"a":"\u00c3`,
];

test("what is no record of ours is corrupt, and the shadow begins anew", () => {
	for (const text of CORRUPT) {
		const host = new FakeHost();
		host.stored[SHADOWS] = { "*": bytesOf(text) };
		assert.equal(codeOf(() => new StorageStore(host, "").load()), "corrupt", text);
		const codes: string[] = [];
		const shadow = new Shadow({ onDelta: () => {}, onError: ({ code }) => codes.push(code) }, { store: new StorageStore(host, "") });
		shadow.report({ a: 1 });
		for (let count = 0; shadow.deadline === 0 && count < 10; count++) shadow.expire(1);
		assert.deepEqual(codes, ["corrupt"], text);
		assert.deepEqual(new StorageStore(host, "").load()?.local, { a: 1 }, text);
	}
});

test("storage that fails is one error a turn, and the shadow goes on", () => {
	for (const failing of ["open", "read", "write"] as StorageOperation[]) {
		const host = new FakeHost();
		host.failingStore = failing;
		const codes: string[] = [];
		const shadow = new Shadow({ onDelta: () => {}, onError: ({ code }) => codes.push(code) }, { store: new StorageStore(host, "") });
		const turn = (): void => {
			for (let count = 0; shadow.deadline === 0; count++) {
				assert.ok(count < 10, `${failing}: due for ever`);
				shadow.expire(1);
			}
		};
		turn();
		codes.length = 0;
		shadow.report({ a: 1 });
		turn();
		assert.deepEqual(codes, ["storage"], failing);
		assert.ok(host.domains.every(({ closed }) => closed), failing);
		host.failingStore = undefined;
		shadow.report({ b: 2 });
		turn();
		assert.deepEqual(new StorageStore(host, "").load()?.local, { a: 1, b: 2 }, failing);
	}
});

test("what the firmware of today does not declare, or declares otherwise, does not come back", () => {
	const host = new FakeHost();
	new StorageStore(host, "").save({ ...KEPT, local: { old: 1, kept: 2, other: "text", gone: null } }, {});
	const shadow = new Shadow({ onDelta: () => {} }, { store: new StorageStore(host, ""), model: model({ kept: number(), other: number() }) });
	assert.deepEqual(shadow.reported, { kept: 2 });
});

test("a shadow of more than is kept has all of it again once it is connected", () => {
	const pair = new Pair();
	pair.connect().report({ large: "x".repeat(3_000), small: 1 }).report({ small: 2 });
	pair.disconnect();
	pair.report({ small: 3 });
	pair.boot();
	assert.deepEqual(pair.shadow.reported, { small: 3 });
	pair.connect();
	assert.deepEqual(pair.shadow.reported, { large: "x".repeat(3_000), small: 3 });
	assert.deepEqual(pair.cloud.reported, pair.shadow.reported);
	assert.ok(pair.shadow.inSync);
});

test("a program that reports each failure of the storage in its shadow is heard by the cloud all the same", () => {
	let failures = 0;
	const sent: JSONObject[] = [];
	const store = { load: () => undefined, save: () => { throw new Error("worn out"); } };
	const shadow: Shadow = new Shadow({ onDelta: () => {}, onError: () => shadow.report({ failures: ++failures }) }, { store });
	shadow.connected({ get: () => true, update: (_, { reported }) => sent.push(reported ?? {}) > 0 });
	shadow.expire(1_000);
	shadow.document("1", 1, {}, {});
	shadow.report({ on: true });
	for (let turn = 0; turn < 3; turn++) shadow.expire(1_000);
	assert.equal(sent[0]?.["on"], true);
});
