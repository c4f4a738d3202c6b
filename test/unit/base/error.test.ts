// SPDX-License-Identifier: Apache-2.0
/** DeviceError: one class, told apart by its code. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError, toDeviceError } from "../../../src/base/error.js";

test("DeviceError carries code, message, detail and cause", () => {
	const cause = new Error("underneath");
	const error = new DeviceError("rejected", "refused", { detail: 5, cause });
	assert.ok(error instanceof Error);
	assert.equal(error.name, "DeviceError");
	assert.equal(error.code, "rejected");
	assert.equal(error.message, "refused");
	assert.equal(error.detail, 5);
	assert.equal(error.cause, cause);
});

test("DeviceError without details has none", () => {
	const error = new DeviceError("closed", "over");
	assert.equal(error.detail, undefined);
	assert.ok(!("cause" in error));
});

test("toDeviceError leaves a DeviceError as it is, from another copy of the SDK too", () => {
	const own = new DeviceError("full", "no room");
	assert.equal(toDeviceError(own, "internal", "x"), own);
	// Another copy's class; assigning the name would throw on XS, where Error.prototype.name is frozen.
	const foreign = new class extends Error {
		override name = "DeviceError";
		code = "full";
	}("no room");
	assert.equal(toDeviceError(foreign, "internal", "x"), foreign);
});

test("toDeviceError wraps all else with the code that was given", () => {
	const thrown = new TypeError("bad");
	const wrapped = toDeviceError(thrown, "internal", "sending failed");
	assert.equal(wrapped.code, "internal");
	assert.equal(wrapped.message, "sending failed: bad");
	assert.equal(wrapped.cause, thrown);
	for (const value of ["text", 7, null, undefined]) assert.equal(toDeviceError(value, "closed", "over").message, "over");
});
