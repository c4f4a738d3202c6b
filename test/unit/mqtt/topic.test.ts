// SPDX-License-Identifier: Apache-2.0
/** Topic names and filters. Spec: MQTT 3.1.1 §4.7, with its own examples. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFilter, checkTopic, isFilter, isTopic, matches } from "../../../src/mqtt/topic.js";
import { codeOf } from "../failure.js";
import { text } from "../text.js";

test("isTopic takes any name of at least one character without wildcards", () => {
	for (const topic of ["a", "/", "//", "a/b", "/a", "a/", " ", "a b", "$SYS/x", "ACCOUNTS", "€", "\ufeff"]) {
		assert.ok(isTopic(topic), topic);
		checkTopic(topic);
	}
	for (const topic of ["", "#", "+", "a/#", "a/+/b", "a+", "a#b"]) {
		assert.ok(!isTopic(topic), topic);
		assert.equal(codeOf(() => checkTopic(topic)), "argument", topic);
	}
});

test("isFilter takes # alone at the end and + alone in its level [MQTT-4.7.1-2] [MQTT-4.7.1-3]", () => {
	for (const filter of ["#", "+", "a", "/", "a/#", "a/b/#", "+/#", "+/+", "/+", "+/", "a/+/b", "$SYS/#", "//+//#"]) {
		assert.ok(isFilter(filter), filter);
		checkFilter(text, filter);
	}
	for (const filter of ["", "a#", "#/a", "a/#/b", "a/b#", "a+", "+a", "a/+b", "a/b+/c", "##", "++", "+#", "#+", "#/", "#/#"]) {
		assert.ok(!isFilter(filter), filter);
		assert.equal(codeOf(() => checkFilter(text, filter)), "argument", filter);
	}
});

const MATCHING: readonly [filter: string, topic: string][] = [
	["sport/tennis/player1/#", "sport/tennis/player1"],
	["sport/tennis/player1/#", "sport/tennis/player1/ranking"],
	["sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon"],
	["sport/#", "sport"],
	["#", "sport/tennis"],
	["#", "/"],
	["sport/tennis/+", "sport/tennis/player1"],
	["sport/+", "sport/"],
	["+/+", "/finance"],
	["/+", "/finance"],
	["+", "finance"],
	["+/", "finance/"],
	["+/#", "a"],
	["$SYS/#", "$SYS/"],
	["$SYS/#", "$SYS"],
	["$SYS/monitor/+", "$SYS/monitor/Clients"],
	["+/a$", "b/a$"],
	["a//b", "a//b"],
	["a/+/b", "a//b"],
	["é", "é"],
];

const DIFFERENT: readonly [filter: string, topic: string][] = [
	["sport/tennis/+", "sport/tennis/player1/ranking"],
	["sport/+", "sport"],
	["+", "/finance"],
	["#", "$SYS"],
	["#", "$SYS/x"],
	["+", "$SYS"],
	["+/monitor/Clients", "$SYS/monitor/Clients"],
	["+/#", "$SYS/x"],
	["a", "A"],
	["a", "a/"],
	["a/", "a"],
	["/a", "a"],
	["a/b/#", "a"],
	["a/b/#", "a/bc"],
	["a/+", "a/b/c"],
	["a/+/c", "a/b/d"],
	["a/b", "a"],
	// The same to the eye, and not to the standard [MQTT-4.7.3-4].
	["é", "e\u0301"],
];

test("matches follows the specification's examples [MQTT-4.7.2-1]", () => {
	for (const [filter, topic] of MATCHING) assert.ok(matches(filter, topic), `${filter} for ${topic}`);
	for (const [filter, topic] of DIFFERENT) assert.ok(!matches(filter, topic), `${filter} not for ${topic}`);
});
