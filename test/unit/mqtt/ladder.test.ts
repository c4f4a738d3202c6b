// SPDX-License-Identifier: Apache-2.0
/** Ladder: which way is tried next, and what is remembered of each network. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Ladder } from "../../../src/mqtt/ladder.js";
import { FakeHost, type StorageOperation } from "../fake-host.js";

/** What a host keeps for the ladder. */
const kept = (host: FakeHost): Record<string, Uint8Array> => host.stored.transport ?? {};

/** A ladder on a network, with nothing known before. */
function entered(network = "home", count = 3, host = new FakeHost()): { ladder: Ladder; host: FakeHost } {
	const ladder = new Ladder(host);
	ladder.enter(network, count);
	return { ladder, host };
}

/** Teaches a host that this way works on this network. */
function teach(host: FakeHost, network: string, rung: number): void {
	const { ladder } = entered(network, 3, host);
	while (ladder.rung !== rung) ladder.failed(3);
	ladder.reached();
}

/** The ways of `rounds` rounds in which all of them fail; a new round begins behind each bar. */
function climb(ladder: Ladder, count: number, rounds: number): string {
	const ways: (number | "|")[] = [ladder.rung];
	for (let left = rounds * count; left > 0; left--) {
		if (!ladder.failed(count)) ways.push("|");
		ways.push(ladder.rung);
	}
	return ways.join(" ");
}

test("Ladder goes through all ways in their order, round after round", () => {
	assert.equal(climb(entered().ladder, 3, 2), "0 1 2 | 0 1 2 | 0");
	assert.equal(climb(entered("home", 1).ladder, 1, 2), "0 | 0 | 0");
});

test("Ladder begins each round with what worked last, and goes on with the others in their order", () => {
	for (const [rung, ways] of [[0, "0 1 2 | 0 1 2 | 0"], [1, "1 0 2 | 1 0 2 | 1"], [2, "2 0 1 | 2 0 1 | 2"]] as const) {
		const { ladder, host } = entered();
		while (ladder.rung !== rung) ladder.failed(3);
		ladder.reached();
		assert.equal(climb(ladder, 3, 2), ways);
		assert.equal(climb(entered("home", 3, host).ladder, 3, 2), ways, "after a reset");
	}
});

test("Ladder.reached ends a round: the way that worked has all others behind it again", () => {
	const { ladder } = entered();
	ladder.failed(3);
	ladder.failed(3);
	ladder.reached();
	assert.equal(climb(ladder, 3, 1), "2 0 1 | 2");
	ladder.failed(3);
	ladder.reached();
	assert.equal(climb(ladder, 3, 1), "0 1 2 | 0");
});

test("Ladder remembers each network for itself, whatever its name is made of", () => {
	const host = new FakeHost();
	const names = ["", "home", "a name that is longer than any key may be", "Café \u{1f980}\0", "hom"];
	names.forEach((name, index) => teach(host, name, index % 3));
	names.forEach((name, index) => assert.equal(entered(name, 3, host).ladder.rung, index % 3, name));
	for (const [key, value] of Object.entries(kept(host))) {
		assert.match(key, /^[0-9a-f]{12}$/);
		assert.equal(value.byteLength, 1);
	}
});

test("Ladder.enter begins anew on another network, and only there", () => {
	const host = new FakeHost();
	teach(host, "office", 2);
	const { ladder } = entered("home", 3, host);
	ladder.failed(3);
	ladder.enter("home", 3);
	assert.equal(ladder.rung, 1, "the same network changes nothing");
	ladder.enter("office", 3);
	assert.equal(climb(ladder, 3, 1), "2 0 1 | 2");
	ladder.enter("home", 3);
	assert.equal(climb(ladder, 3, 1), "0 1 2 | 0");
});

test("Ladder on another network writes nothing about the one before", () => {
	const host = new FakeHost();
	const { ladder } = entered("home", 3, host);
	ladder.failed(3);
	ladder.enter("office", 3);
	ladder.failed(3);
	ladder.reached();
	assert.equal(entered("home", 3, host).ladder.rung, 0);
	assert.equal(entered("office", 3, host).ladder.rung, 1);
});

test("Ladder remembers eight networks, and never more", () => {
	const host = new FakeHost();
	for (let index = 0; index < 20; index++) {
		teach(host, `network ${index}`, 1);
		assert.equal(Object.keys(kept(host)).length, Math.min(index + 1, 8));
		assert.equal(entered(`network ${index}`, 3, host).ladder.rung, 1, "the newest is among them");
	}
	teach(host, "network 19", 2);
	assert.equal(Object.keys(kept(host)).length, 8, "one that is known takes no other's place");
});

test("Ladder writes only what is news", () => {
	const { ladder, host } = entered();
	ladder.reached();
	assert.deepEqual(host.stores, ["open", "read"], "the first way is what everybody begins with");
	ladder.failed(3);
	ladder.reached();
	host.stores.length = 0;
	for (let count = 0; count < 100; count++) {
		ladder.enter("home", 3);
		ladder.reached();
	}
	assert.deepEqual(host.stores, []);
});

test("Ladder begins with the first way where the one remembered is none of the list", () => {
	const host = new FakeHost();
	teach(host, "home", 2);
	assert.equal(climb(entered("home", 2, host).ladder, 2, 1), "0 1 | 0");
	for (const value of [[], [3], [255], [1, 0, 0, 0, 0]]) {
		for (const key of Object.keys(kept(host))) kept(host)[key] = Uint8Array.from(value);
		assert.equal(entered("home", 3, host).ladder.rung, 0, `${value}`);
	}
});

test("Ladder takes a list that becomes shorter or longer between two attempts", () => {
	const { ladder } = entered();
	ladder.failed(3);
	ladder.failed(3);
	ladder.enter("home", 2);
	assert.equal(climb(ladder, 2, 1), "0 1 | 0");
	const { ladder: known } = entered();
	known.failed(3);
	known.failed(3);
	known.reached();
	known.failed(3);
	known.enter("home", 2);
	for (const left of [2, 1, 0]) {
		assert.ok(known.rung < 2, `${left} attempts before the end`);
		known.failed(2);
		known.enter("home", 2);
	}
	known.enter("home", 3);
	assert.ok(known.rung < 3);
});

test("Ladder works without what it remembers when the storage fails, and holds nothing open", () => {
	for (const operation of ["open", "read", "write", "keys"] satisfies StorageOperation[]) {
		const host = new FakeHost();
		host.failingStore = operation;
		const { ladder } = entered("home", 3, host);
		assert.equal(ladder.rung, 0, operation);
		ladder.failed(3);
		ladder.reached();
		assert.equal(climb(ladder, 3, 1), "1 0 2 | 1", `${operation}: known until the reset`);
		assert.ok(host.domains.every(({ closed }) => closed), operation);
	}
});

test("Ladder keeps the eight it knows when there is no deleting one", () => {
	const host = new FakeHost();
	for (let index = 0; index < 8; index++) teach(host, `network ${index}`, 1);
	host.failingStore = "delete";
	teach(host, "one more", 2);
	assert.equal(Object.keys(kept(host)).length, 8);
	assert.ok(host.domains.every(({ closed }) => closed));
});

test("Ladder closes the storage each time", () => {
	const host = new FakeHost();
	teach(host, "home", 1);
	assert.equal(host.domains.length, 2);
	assert.ok(host.domains.every(({ closed }) => closed));
});
