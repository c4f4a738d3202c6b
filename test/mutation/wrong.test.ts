// SPDX-License-Identifier: Apache-2.0
/** The scenario is worth something only if it catches a build that is wrong: these are, on purpose. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Link } from "../../src/mqtt/link.js";
import { Subscriptions } from "../../src/mqtt/subscriptions.js";
import { Shadow } from "../../src/shadow/shadow.js";
import { lampLives } from "../simulation/lamp.js";
import { wrongly, type Tampering } from "./tamper.js";

const SEEDS = 100;

/** True when a seed fails while this is wrong. */
function caught(tampering: Tampering): boolean {
	return wrongly([tampering], () => {
		for (let seed = 1; seed <= SEEDS; seed++) {
			try {
				lampLives(seed);
			} catch {
				return true;
			}
		}
		return false;
	});
}

test("a client that does not subscribe again is caught", () => {
	assert.ok(caught({ prototype: Subscriptions.prototype, name: "reset", method: () => () => {} }));
});

test("a link that does not ping is caught", () => {
	assert.ok(caught({ prototype: Link.prototype, name: "deadline", get: () => Infinity }));
});

test("a shadow that does not fetch after a reconnect is caught", () => {
	let first = true;
	assert.ok(caught({
		prototype: Shadow.prototype, name: "connected", method: (connected) => function (this: Shadow, ...values: never[]) {
			if (first) connected.apply(this, values);
			first = false;
		},
	}));
});
