// SPDX-License-Identifier: Apache-2.0
/** Two slots for credentials: what is in force, what is on trial, and what happens when one of them is damaged. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceError } from "../../../src/base/error.js";
import { CredentialStore, IDENTITY, readCredentials, type Credentials } from "../../../src/identity/credentials.js";
import { decodeSlot, encodeSlot, SLOT_MAXIMUM } from "../../../src/identity/slots.js";
import { FakeHost } from "../fake-host.js";
import { text } from "../text.js";

const bytes = (length: number, seed: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 31 + seed * 7) & 0xff);

function utf8(value: string): Uint8Array {
	const target = new Uint8Array(text.byteLength(value));
	text.encode(value, target, 0);
	return target;
}

const FACTORY = {
	id: utf8("claim"), endpoint: utf8("mqtts://cloud"), anchor: bytes(50, 1), certificate: bytes(60, 2), key: bytes(70, 3),
};

const make = (id: string, seed: number): Credentials => ({
	id, endpoint: undefined, anchor: undefined, certificate: bytes(100 + seed, seed), intermediates: [bytes(33, seed + 1)], key: bytes(40, seed + 2),
});

interface Rig { host: FakeHost; store: CredentialStore; kept: Record<string, Uint8Array> }

function rig(values: Record<string, Uint8Array> = FACTORY): Rig {
	const host = new FakeHost();
	const kept = host.stored[IDENTITY] = { ...values };
	return { host, store: new CredentialStore(host), kept };
}

function damage(kept: Record<string, Uint8Array>, key: string): void {
	const value = kept[key]!.slice();
	value[value.byteLength >> 1]! ^= 0x10;
	kept[key] = value;
}

test("without more the factory's credential is in force, and nothing is written", () => {
	const { host, store } = rig();
	assert.deepEqual(store.active(), {
		id: "claim", endpoint: "mqtts://cloud", anchor: FACTORY.anchor, certificate: FACTORY.certificate, key: FACTORY.key,
	});
	assert.deepEqual(readCredentials(host), store.active());
	assert.equal(store.candidate(), undefined);
	assert.ok(host.stores.every((operation) => operation === "open" || operation === "read"));
	assert.ok(host.domains.every(({ closed }) => closed));
});

test("a candidate is one write beside the one in force, and comes back with its note and the factory's place", () => {
	const { host, store } = rig();
	host.stores.length = 0;
	store.stage(make("lamp", 10), utf8("token"));
	assert.equal(host.stores.filter((operation) => operation === "write").length, 1);
	assert.equal(store.active().id, "claim");
	const candidate = new CredentialStore(host).candidate()!;
	assert.deepEqual(candidate.credentials, { ...make("lamp", 10), endpoint: "mqtts://cloud", anchor: FACTORY.anchor });
	assert.deepEqual(candidate.note, utf8("token"));
});

test("confirm puts it in force with one write; a credential may bring a place of its own", () => {
	const { host, store } = rig();
	store.stage({ ...make("lamp", 10), endpoint: "mqtts://elsewhere", anchor: bytes(9, 9) });
	host.stores.length = 0;
	store.confirm();
	assert.equal(host.stores.filter((operation) => operation === "write" || operation === "delete").length, 1);
	assert.deepEqual(store.active(), { ...make("lamp", 10), endpoint: "mqtts://elsewhere", anchor: bytes(9, 9) });
	assert.equal(store.candidate(), undefined);
	assert.throws(() => store.confirm(), { code: "state" });
});

test("drop deletes the candidate and its key; again, and without one, it does nothing", () => {
	const { store, kept } = rig();
	store.drop();
	store.stage(make("lamp", 10));
	store.drop();
	store.drop();
	assert.equal(store.candidate(), undefined);
	assert.deepEqual(Object.keys(kept), Object.keys(FACTORY));
	assert.equal(store.active().id, "claim");
});

test("a candidate may be replaced: the last one counts", () => {
	const { host, store } = rig();
	store.stage(make("one", 10), bytes(3, 3));
	host.stores.length = 0;
	store.stage(make("two", 20));
	assert.deepEqual(host.stores.filter((operation) => operation !== "open" && operation !== "read"), ["write"], "never without one");
	assert.equal(store.candidate()!.note, undefined);
	store.confirm();
	assert.equal(store.active().id, "two");
});

test("many in turn: each takes the place of the one before the last, whose key is deleted first", () => {
	const { host, store, kept } = rig();
	for (let number = 1; number < 8; number++) {
		host.stores.length = 0;
		store.stage(make(`lamp ${number}`, number));
		if (number > 1) assert.equal(host.stores.find((operation) => operation === "write" || operation === "delete"), "delete");
		assert.equal(store.active().id, number === 1 ? "claim" : `lamp ${number - 1}`);
		store.confirm();
		assert.deepEqual(store.active().key, make("", number).key);
		assert.equal("key" in kept, number < 2);
	}
	assert.deepEqual(Object.keys(kept).sort(), ["active", "anchor", "endpoint", "slot0", "slot1"]);
});

test("where the one in force is damaged, the one before it takes its place, and says so", () => {
	const { store, kept } = rig();
	store.stage(make("lamp", 10));
	store.confirm();
	damage(kept, "slot1");
	const { id, fault } = store.active();
	assert.equal(id, "claim");
	assert.equal(fault?.code, "corrupt");
	// What comes next heals it.
	store.stage(make("again", 20));
	assert.equal(store.active().id, "claim");
	store.confirm();
	assert.equal(store.active().id, "again");
	assert.equal(store.active().fault, undefined);
	damage(kept, "slot1");
	assert.equal(store.active().id, "claim");
});

test("where the one in force is damaged or gone, and only a candidate is whole, it is in force and no candidate", () => {
	for (const harm of [(kept: Record<string, Uint8Array>) => damage(kept, "slot1"), (kept: Record<string, Uint8Array>) => { delete kept["slot1"]; }]) {
		const { store, kept } = rig();
		store.stage(make("one", 10));
		store.confirm();
		store.stage(make("two", 20));
		harm(kept);
		assert.equal(store.active().id, "two");
		assert.equal(store.active().fault?.code, "corrupt");
		assert.equal(store.candidate(), undefined);
		store.stage(make("three", 30));
		assert.equal(store.active().id, "two");
		store.confirm();
		assert.equal(store.active().id, "three");
		assert.equal(store.active().fault, undefined);
	}
});

test("a damaged candidate is none, and does not stand in the way of the next", () => {
	const { store, kept } = rig();
	store.stage(make("one", 10));
	damage(kept, "slot1");
	assert.equal(store.candidate(), undefined);
	assert.throws(() => store.confirm(), { code: "state" });
	assert.equal(store.active().id, "claim");
	store.stage(make("two", 20));
	assert.equal(store.candidate()!.credentials.id, "two");
});

test("a word about which one is in force that names none of them means the newer one", () => {
	for (const number of [6, 7]) {
		for (const count of [1, 2]) {
			const { store, kept } = rig();
			for (let seed = 1; seed <= count; seed++) {
				store.stage(make(`lamp ${seed}`, seed));
				store.confirm();
			}
			kept["active"] = Uint8Array.of(0, 0, 0, number);
			assert.equal(store.active().id, `lamp ${count}`);
			assert.equal(store.active().fault?.code, "corrupt");
		}
	}
});

test("a word about which one is in force that is none is told", () => {
	const { store, kept } = rig();
	store.stage(make("one", 10));
	store.confirm();
	kept["active"] = bytes(3, 1);
	assert.match(store.active().id, /^(claim|one)$/);
	assert.equal(store.active().fault?.code, "corrupt");
});

test("every single damaged bit is noticed", () => {
	const value = encodeSlot(text, { number: 5, credentials: make("lamp", 1), note: bytes(4, 4) });
	assert.deepEqual(decodeSlot(text, value), { number: 5, credentials: make("lamp", 1), note: bytes(4, 4) });
	for (let bit = 0; bit < value.byteLength * 8; bit++) {
		const other = value.slice();
		other[bit >> 3]! ^= 1 << (bit & 7);
		assert.throws(() => decodeSlot(text, other), { code: "corrupt" }, `bit ${bit}`);
	}
	for (let length = 0; length < value.byteLength; length++) {
		assert.throws(() => decodeSlot(text, value.slice(0, length)), { code: "corrupt" }, `length ${length}`);
	}
	assert.throws(() => decodeSlot(text, new Uint8Array(64)), { code: "corrupt" });
});

test("with nothing whole there is no identity: the error says why, and nothing of a key", () => {
	const cases: [Record<string, Uint8Array>, string][] = [
		[{}, "credential"],
		[{ key: FACTORY.key }, "credential"],
		[{ id: FACTORY.id, certificate: FACTORY.certificate }, "credential"],
		[{ id: FACTORY.id, key: FACTORY.key }, "credential"],
		[{ id: bytes(4, 0x1f), certificate: FACTORY.certificate, key: FACTORY.key }, "malformed"],
		[{ slot1: bytes(100, 5), active: Uint8Array.of(0, 0, 0, 1) }, "corrupt"],
	];
	for (const [values, code] of cases) {
		const { store } = rig(values);
		assert.throws(() => store.active(), (error: DeviceError) => error.code === code, JSON.stringify(Object.keys(values)));
		assert.equal(store.candidate(), undefined);
		store.stage(make("lamp", 1));
		store.confirm();
		assert.equal(store.active().id, "lamp");
	}
});

test("what does not fit is refused before anything is touched", () => {
	const { host, store } = rig();
	host.stores.length = 0;
	for (const wrong of [
		{ ...make("lamp", 1), key: new Uint8Array(SLOT_MAXIMUM) },
		{ ...make("lamp", 1), intermediates: Array.from({ length: 5 }, () => bytes(10, 1)) },
	]) {
		assert.throws(() => store.stage(wrong), { code: "too-large" });
	}
	assert.throws(() => store.stage(make("la\0mp", 1)), { code: "argument" });
	assert.ok(host.stores.every((operation) => operation === "open" || operation === "read"));
});

test("a storage that fails is told, and the credential in force stays", () => {
	const { host, store } = rig();
	host.failingStore = "write";
	assert.throws(() => store.stage(make("lamp", 1)), { code: "storage" });
	host.failingStore = undefined;
	store.stage(make("lamp", 1));
	host.failingStore = "write";
	assert.throws(() => store.confirm(), { code: "storage" });
	host.failingStore = "read";
	assert.throws(() => store.active(), { code: "storage" });
	host.failingStore = undefined;
	assert.equal(store.active().id, "claim");
	assert.ok(host.domains.every(({ closed }) => closed));
});
