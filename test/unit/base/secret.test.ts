// SPDX-License-Identifier: Apache-2.0
/** Secret: shown to nobody who does not ask for it by name. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "../../../src/base/secret.js";

test("Secret gives its value to who reveals it, and a word to everybody else", () => {
	const secret = new Secret("hunter2");
	assert.equal(secret.reveal(), "hunter2");
	assert.equal(`${secret}`, "[secret]");
	assert.equal("" + secret, "[secret]");
	assert.equal(JSON.stringify({ secret, list: [secret] }), '{"secret":"[secret]","list":["[secret]"]}');
	assert.deepEqual(Object.keys(secret), []);
	assert.deepEqual(Object.getOwnPropertyNames(secret), []);
});
