// SPDX-License-Identifier: Apache-2.0
/** The lives of a CoAP client with every message protected from end to end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { crypto } from "../../hosts/node/digest.js";
import { coapLives } from "../simulation/coap.js";

const SEEDS = 200;

test(`${SEEDS} lives of a CoAP client over OSCORE: no nonce seals twice, and all ends as without`, () => {
	const sum: Record<string, number> = {};
	for (let seed = 1; seed <= SEEDS; seed++) {
		for (const [how, count] of Object.entries(coapLives(seed, crypto).outcomes)) sum[how] = (sum[how] ?? 0) + count;
	}
	assert.ok((sum["68"] ?? 0) > 2 * SEEDS && (sum["power"] ?? 0) > 0, JSON.stringify(sum));
});
