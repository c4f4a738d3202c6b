// SPDX-License-Identifier: Apache-2.0
/** Subscriptions: what is wanted, and how far the server knows. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Subscription } from "../../../src/mqtt/encode.js";
import { SUBSCRIPTION_MAXIMUM, Subscriptions } from "../../../src/mqtt/subscriptions.js";
import { codeOf } from "../failure.js";

const filters = (batch: readonly Subscription[]): string => batch.map(({ filter, options }) => `${filter}:${options}`).join(" ");

/** Subscribed to `names`, and the server has agreed. */
function active(...names: string[]): Subscriptions {
	const subscriptions = new Subscriptions();
	for (const name of names) subscriptions.add(name, 1);
	for (const subscription of subscriptions.takeWanted()) subscriptions.subscribed(subscription, 1);
	assert.ok(subscriptions.settled);
	return subscriptions;
}

test("Subscriptions are taken once, in order, eight at a time", () => {
	const subscriptions = new Subscriptions();
	for (let index = 0; index < 10; index++) subscriptions.add(`f${index}`, index % 2 === 0 ? 0 : 1);
	assert.equal(filters(subscriptions.takeWanted()), "f0:0 f1:1 f2:0 f3:1 f4:0 f5:1 f6:0 f7:1");
	assert.equal(filters(subscriptions.takeWanted()), "f8:0 f9:1");
	assert.equal(filters(subscriptions.takeWanted()), "");
	assert.ok(!subscriptions.settled);
});

test("Subscriptions are settled when every filter was answered, by a refusal too", () => {
	const subscriptions = new Subscriptions();
	assert.ok(subscriptions.settled);
	subscriptions.add("a", 1);
	subscriptions.add("b", 1);
	const [first, second] = subscriptions.takeWanted();
	subscriptions.subscribed(first!, 0);
	assert.ok(!subscriptions.settled);
	subscriptions.subscribed(second!, 0x80);
	assert.ok(subscriptions.settled);
	assert.equal(filters(subscriptions.takeWanted()), "");
});

test("Subscriptions are told again to a server without session, and only to that", () => {
	const subscriptions = active("a", "b");
	subscriptions.reset(true);
	assert.equal(filters(subscriptions.takeWanted()), "");
	subscriptions.reset(false);
	assert.equal(filters(subscriptions.takeWanted()), "a:1 b:1");
});

test("Subscriptions under way at a loss are told again even when the session is present", () => {
	const subscriptions = active("a");
	subscriptions.add("b", 1);
	subscriptions.takeWanted();
	subscriptions.reset(true);
	assert.equal(filters(subscriptions.takeWanted()), "b:1");
});

test("a refused filter is asked for again only where the server has forgotten", () => {
	const subscriptions = new Subscriptions();
	subscriptions.add("a", 1);
	subscriptions.subscribed(subscriptions.takeWanted()[0]!, 0x80);
	subscriptions.reset(true);
	assert.equal(filters(subscriptions.takeWanted()), "");
	subscriptions.reset(false);
	assert.equal(filters(subscriptions.takeWanted()), "a:1");
});

test("Subscriptions.add again asks again, with the new QoS", () => {
	const subscriptions = active("a");
	subscriptions.add("a", 0);
	assert.equal(filters(subscriptions.takeWanted()), "a:0");
});

test("an answer to an earlier request does not settle a later one", () => {
	const subscriptions = new Subscriptions();
	subscriptions.add("a", 0);
	const [first] = subscriptions.takeWanted();
	subscriptions.add("a", 1);
	subscriptions.subscribed(first!, 0);
	assert.ok(!subscriptions.settled);
	assert.equal(filters(subscriptions.takeWanted()), "a:1");
});

test("Subscriptions.remove is told to the server, then forgotten", () => {
	const subscriptions = active("a", "b");
	subscriptions.remove("a");
	subscriptions.remove("nobody");
	const [gone] = subscriptions.takeUnwanted();
	assert.equal(gone?.filter, "a");
	subscriptions.unsubscribed(gone!, 0);
	subscriptions.reset(false);
	assert.equal(filters(subscriptions.takeWanted()), "b:1");
	assert.equal(filters(subscriptions.takeUnwanted()), "");
});

test("a removal under way at a loss is told again", () => {
	const subscriptions = active("a");
	subscriptions.remove("a");
	subscriptions.takeUnwanted();
	subscriptions.reset(true);
	assert.equal(filters(subscriptions.takeUnwanted()), "a:1");
});

test("the last word counts: removed and added again, added and removed again", () => {
	const subscriptions = active("a");
	subscriptions.remove("a");
	const [leaving] = subscriptions.takeUnwanted();
	subscriptions.add("a", 1);
	subscriptions.unsubscribed(leaving!, 0);
	const [coming] = subscriptions.takeWanted();
	assert.equal(coming?.filter, "a");
	subscriptions.remove("a");
	subscriptions.subscribed(coming!, 1);
	assert.equal(filters(subscriptions.takeUnwanted()), "a:1");
});

test("Subscriptions holds a limited number, and room is made by removing", () => {
	const subscriptions = new Subscriptions();
	for (let index = 0; index < SUBSCRIPTION_MAXIMUM; index++) subscriptions.add(`f${index}`, 1);
	assert.equal(codeOf(() => subscriptions.add("more", 1)), "full");
	subscriptions.add("f0", 0);
	subscriptions.remove("f0");
	for (const gone of subscriptions.takeUnwanted()) subscriptions.unsubscribed(gone, 0);
	subscriptions.add("more", 1);
});
