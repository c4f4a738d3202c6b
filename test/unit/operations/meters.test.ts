// SPDX-License-Identifier: Apache-2.0
/** Meters: few, of names that clouds take, and added to in place. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Meters, METER_NAMES_MAXIMUM, METERS_MAXIMUM } from "../../../src/operations/meters.js";
import { codeOf } from "../failure.js";

test("Meters gives the same meter for a name each time", () => {
	const meters = new Meters();
	const switches = meters.counter("switches");
	switches.add();
	meters.counter("switches").add(4);
	assert.equal(switches.value, 5);
	const heat = meters.gauge("heat");
	assert.ok(Number.isNaN(heat.value));
	meters.gauge("heat").set(21.5);
	assert.equal(heat.value, 21.5);
	const pour = meters.timer("pour");
	pour.record(30);
	pour.record(10);
	assert.deepEqual([pour.count, pour.sum, pour.longest], [2, 40, 30]);
	meters.clear();
	assert.deepEqual([switches.value, heat.value, pour.count, pour.sum, pour.longest], [0, 21.5, 0, 0, 0]);
});

test("Meters takes names that clouds take, and none of the device's own", () => {
	const meters = new Meters();
	for (const name of ["", "a b", "heat.max", "größe", "x".repeat(129), "uptime", "bytesIn", "__proto__", "toString"]) {
		assert.equal(codeOf(() => meters.counter(name)), "argument", name);
		assert.equal(codeOf(() => meters.gauge(name)), "argument", name);
		assert.equal(codeOf(() => meters.timer(name)), "argument", name);
	}
	assert.equal(meters.counter("x".repeat(128)).name.length, 128);
});

test("Meters is full after so many meters, and so many characters", () => {
	const meters = new Meters();
	for (let index = 0; index < METERS_MAXIMUM; index++) {
		if (index % 3 === 0) meters.counter(`m${index}`);
		else if (index % 3 === 1) meters.gauge(`m${index}`);
		else meters.timer(`m${index}`);
	}
	for (const add of [() => meters.counter("x"), () => meters.gauge("x"), () => meters.timer("x")]) assert.equal(codeOf(add), "full");
	assert.equal(meters.counter("m0").name, "m0", "what is there is there");
	const wordy = new Meters();
	wordy.counter("x".repeat(128));
	wordy.gauge("y".repeat(METER_NAMES_MAXIMUM - 128));
	assert.equal(codeOf(() => wordy.timer("z")), "full");
});
