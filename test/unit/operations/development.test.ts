// SPDX-License-Identifier: Apache-2.0
/** The module that evaluates code, for builds that never leave the desk. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { evaluator } from "../../../src/development/index.js";

test("a development build evaluates expressions over what the program shows, and nothing else", () => {
	const lamp = {
		on: false,
		turn(on: boolean) {
			this.on = on;
			return this;
		},
	};
	const development = evaluator({ lamp, limit: 7 });
	assert.equal(development.evaluate("lamp.turn(limit > 2).on // on"), true);
	assert.equal(lamp.on, true);
	assert.equal(development.evaluate("[1, 2].map((each) => each * limit).join()"), "7,14");
	assert.throws(() => development.evaluate("nobody"), ReferenceError);
	assert.throws(() => development.evaluate("1;"), SyntaxError);
	assert.throws(() => evaluator().evaluate("lamp"), ReferenceError);
});
