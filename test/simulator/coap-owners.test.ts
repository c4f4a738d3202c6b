// SPDX-License-Identifier: Apache-2.0
/** As test/simulation, over WebSockets: they need digests, which the world does not bring. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { crypto } from "../../hosts/node/digest.js";
import { coapOwners } from "../simulation/coap-owners.js";

test("owners who cancel, ask and close inside their callbacks, over WebSockets", () => {
	let connections = 0;
	for (let seed = 1; seed <= 50; seed++) connections += coapOwners(seed, "ws", crypto).connections;
	assert.ok(connections > 150, String(connections));
});
