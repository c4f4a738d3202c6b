// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_TIMING, exchangeLifetime, maxRTT, maxTransmitSpan, maxTransmitWait, nonLifetime, processingDelay } from "../../../src/coap/timing.js";

test("the derived times of RFC 7252 §4.8.2, table 3", () => {
	assert.equal(maxTransmitSpan(DEFAULT_TIMING), 45_000);
	assert.equal(maxTransmitWait(DEFAULT_TIMING), 93_000);
	assert.equal(DEFAULT_TIMING.maxLatency, 100_000);
	assert.equal(processingDelay(DEFAULT_TIMING), 2_000);
	assert.equal(maxRTT(DEFAULT_TIMING), 202_000);
	assert.equal(exchangeLifetime(DEFAULT_TIMING), 247_000);
	assert.equal(nonLifetime(DEFAULT_TIMING), 145_000);
});

test("they follow the numbers that were chosen", () => {
	const timing = { ...DEFAULT_TIMING, ackTimeout: 10_000, ackRandomFactor: 1, maxRetransmit: 2 };
	assert.equal(maxTransmitSpan(timing), 30_000);
	assert.equal(maxTransmitWait(timing), 70_000);
	assert.equal(exchangeLifetime(timing), 240_000);
	assert.equal(nonLifetime(timing), 130_000);
});
