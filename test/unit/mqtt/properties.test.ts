// SPDX-License-Identifier: Apache-2.0
/** Properties: what one packet may take of the heap has a limit. What each means is in the tests of MQTT 5. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { REPEATED_MAXIMUM } from "../../../src/mqtt/properties.js";
import { identifier5, publish5, user5 } from "../wire5.js";
import { assertEnds, deliver, open5 } from "./v5.js";

const REPEATED: readonly [name: string, property: string][] = [
	["user properties", user5("", "")],
	["subscription identifiers", identifier5(1)],
];

test("properties that may come more than once come so often and no more: a pair costs a hundred bytes of heap", () => {
	for (const [name, property] of REPEATED) {
		const [message] = deliver(open5(), publish5({ topic: "t", said: property.repeat(REPEATED_MAXIMUM) }));
		assert.equal(Object.values(message!.properties!)[0].length, REPEATED_MAXIMUM, name);
		assertEnds(open5(), publish5({ topic: "t", said: property.repeat(REPEATED_MAXIMUM + 1) }), "too-large", 0x95, name);
	}
});
