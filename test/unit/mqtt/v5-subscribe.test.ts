// SPDX-License-Identifier: Apache-2.0
/** MQTT 5: subscriptions, their options, shared ones, and the answers. Statement numbers are those of MQTT 5. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SubscribeOptions } from "../../../src/mqtt/encode.js";
import { matches } from "../../../src/mqtt/topic.js";
import { codeOf } from "../failure.js";
import { byte, disconnect5, identifier5, properties, reason5, suback5, subscribe5, unsuback5, unsubscribe5, user5 } from "../wire5.js";
import { packet } from "../wire.js";
import { open5, reconnect5 } from "./v5.js";

const ID = 0xffff;

const OPTIONS: readonly [options: SubscribeOptions, byte: number][] = [
	[{}, 0x01],
	[{ qos: 0 }, 0x00],
	[{ qos: 2 }, 0x02],
	[{ qos: 0, noLocal: true }, 0x04],
	[{ qos: 0, retainAsPublished: true }, 0x08],
	[{ qos: 0, retainHandling: 1 }, 0x10],
	[{ qos: 0, retainHandling: 2 }, 0x20],
	[{ qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 }, 0x2e],
];

test("SUBSCRIBE has flags 0010, its options with reserved bits 0 [MQTT-3.8.1-1] [MQTT-3.8.3-5], and filters in UTF-8 [MQTT-3.8.3-1]", () => {
	for (const [options, value] of OPTIONS) {
		const bench = open5();
		bench.session.subscribe("a/é/+/#", options);
		assert.equal(bench.send(), subscribe5(ID, "", ["a/é/+/#", value]));
	}
});

test("a subscription identifier goes out in the fewest bytes, and alone with the filters that have it", () => {
	for (const identifier of [1, 127, 128, 268_435_455]) {
		const bench = open5();
		bench.session.subscribe("a", { subscriptionIdentifier: identifier });
		bench.session.subscribe("b", 1);
		bench.session.subscribe("c", { subscriptionIdentifier: identifier });
		assert.equal(bench.send(), subscribe5(ID, identifier5(identifier), ["a", 1], ["c", 1]));
		bench.receive(suback5(ID, 1, 1));
		assert.equal(bench.send(), subscribe5(ID, "", ["b", 1]));
	}
});

test("options and identifier are told again to a server that lost the session", () => {
	const bench = open5();
	bench.session.subscribe("a", { qos: 2, noLocal: true, subscriptionIdentifier: 5 });
	const said = bench.send();
	bench.receive(suback5(ID, 2));
	reconnect5(bench, false);
	assert.equal(bench.send(), said);
});

test("options that no server may be asked for are refused at once", () => {
	const bad: readonly [filter: string, options: SubscribeOptions][] = [
		["a", { qos: 3 as 2 }],
		["a", { retainHandling: 3 as 2 }],
		["a", { subscriptionIdentifier: 268_435_456 }],
		["a", { subscriptionIdentifier: -1 }],
		["$share/g/a", { noLocal: true }], // [MQTT-3.8.3-4]
		["", {}],
		["a#", {}],
		["a/#/b", {}],
		["+a", {}],
		["a\0", {}],
		["\ud800", {}],
		["x".repeat(0x10000), {}],
	];
	for (const [filter, options] of bad) {
		const bench = open5();
		assert.equal(codeOf(() => bench.session.subscribe(filter, options)), "argument", `${filter.slice(0, 9)} ${JSON.stringify(options)}`);
		assert.equal(bench.send(), "", "nothing is sent: no SUBSCRIBE without filter [MQTT-3.8.3-2]");
	}
});

test("a shared filter has a name without wildcards, and a filter behind it [MQTT-4.8.2-1] [MQTT-4.8.2-2]", () => {
	for (const filter of ["$share/g/a", "$share/g/#", "$share/g/+/a", "$share/g//", "$share/é/$SYS/a", "$shared", "$share"]) {
		const bench = open5();
		bench.session.subscribe(filter, 1);
		assert.equal(bench.send(), subscribe5(ID, "", [filter, 1]));
		bench.receive(suback5(ID, 1));
		bench.session.unsubscribe(filter);
		assert.equal(bench.send(), unsubscribe5(ID, filter));
	}
	for (const filter of ["$share/", "$share/g", "$share/g/", "$share//a", "$share/+/a", "$share/#/a", "$share/g+/a", "$share/g#/a", "$share/g/a#"]) {
		assert.equal(codeOf(() => open5().session.subscribe(filter, 1)), "argument", filter);
		assert.equal(codeOf(() => open5().session.unsubscribe(filter)), "argument", filter);
	}
});

test("a shared filter matches what the filter behind its name matches", () => {
	assert.ok(matches("$share/g/a/+", "a/b"));
	assert.ok(!matches("$share/g/a/+", "b/a"));
	assert.ok(!matches("$share/g/#", "$SYS/a"));
});

test("codes of SUBACK are for the filters in their order, each reported [MQTT-3.9.3-1] [MQTT-3.8.4-6]", () => {
	const bench = open5();
	const codes = [0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91];
	for (const index of codes.keys()) bench.session.subscribe(`f${index}`, 2);
	bench.send();
	assert.deepEqual(bench.receive(suback5(ID, ...codes)), codes.map((code, index) => `subscribed f${index} ${code}`));
	reconnect5(bench, true);
	assert.equal(bench.send(), "", "a refused filter is not asked for again by itself");
});

test("every refusal that a server may give is reported: shared subscriptions, identifiers or wildcards it does not have", () => {
	for (const code of [0x97, 0x9e, 0xa1, 0xa2]) {
		const bench = open5();
		bench.session.subscribe("a", 1);
		bench.send();
		assert.deepEqual(bench.receive(suback5(ID, code)), [`subscribed a ${code}`]);
	}
});

test("UNSUBSCRIBE has flags 0010 and its filters; the codes of UNSUBACK are for them in their order [MQTT-3.10.1-1] [MQTT-3.11.3-1]", () => {
	const bench = open5();
	const codes = [0, 0x11, 0x80, 0x83, 0x87];
	const filters = codes.map((_, index) => `f/é${index}`);
	for (const filter of filters) bench.session.subscribe(filter, 1);
	bench.send();
	bench.receive(suback5(ID, ...codes.map(() => 1)));
	for (const filter of filters) bench.session.unsubscribe(filter);
	assert.equal(bench.send(), unsubscribe5(ID, ...filters));
	const lines = bench.receive(unsuback5(ID, ...codes));
	assert.deepEqual(lines.map((line) => line.split(" ").slice(0, 2).join(" ")), filters.map((filter) => `unsubscribed ${filter}`));
	reconnect5(bench, false);
	assert.equal(bench.send(), subscribe5(ID, "", ["f/é2", 1], ["f/é3", 1], ["f/é4", 1]), "what was refused is still subscribed to");
});

test("an answer may say why: reason strings and user properties are passed over", () => {
	const bench = open5();
	bench.session.subscribe("a", 1);
	bench.send();
	assert.deepEqual(bench.receive(packet(0x90, `ffff${properties(reason5("because"), user5("a", "b"))}01`)), ["subscribed a 1"]);
	bench.session.unsubscribe("a");
	bench.send();
	assert.equal(bench.receive(packet(0xb0, `ffff${properties(reason5("because"))}${byte(0)}`)).length, 1);
});

test("a server may leave for reasons that came late into the specification", () => {
	for (const reason of [0x9f, 0xa0, 0xa1, 0xa2]) assert.deepEqual(open5().receive(disconnect5(reason)), [`closed rejected ${reason}`]);
	assert.equal(open5().receive(disconnect5(0)).length, 1);
	assert.equal(open5().receive(disconnect5()).length, 1);
});
