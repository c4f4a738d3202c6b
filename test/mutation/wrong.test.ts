// SPDX-License-Identifier: Apache-2.0
/** The scenario is worth something only if it catches a build that is wrong: these are, on purpose. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Link } from "../../src/mqtt/link.js";
import { Subscriptions } from "../../src/mqtt/subscriptions.js";
import { Shadow } from "../../src/shadow/shadow.js";
import { lampLives } from "../simulation/lamp.js";

const SEEDS = 100;

/** The first seed that fails while `prototype[name]` is `wrong`, or `undefined`. */
function caught<Owner extends object, Name extends keyof Owner>(
	prototype: Owner, name: Name, wrong: PropertyDescriptor,
): number | undefined {
	const right = Object.getOwnPropertyDescriptor(prototype, name)!;
	Object.defineProperty(prototype, name, { ...right, ...wrong });
	try {
		for (let seed = 1; seed <= SEEDS; seed++) {
			try {
				lampLives(seed);
			} catch {
				return seed;
			}
		}
		return undefined;
	} finally {
		Object.defineProperty(prototype, name, right);
	}
}

test("a client that does not subscribe again is caught", () => {
	assert.ok(caught(Subscriptions.prototype, "reset", { value: () => {} }));
});

test("a link that does not ping is caught", () => {
	assert.ok(caught(Link.prototype, "deadline", { get: () => Infinity }));
});

test("a shadow that does not fetch after a reconnect is caught", () => {
	const { connected } = Shadow.prototype;
	let first = true;
	assert.ok(caught(Shadow.prototype, "connected", {
		value(this: Shadow) {
			if (first) connected.call(this);
			first = false;
		},
	}));
});
