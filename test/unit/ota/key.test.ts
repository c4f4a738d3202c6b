// SPDX-License-Identifier: Apache-2.0
/** Release keys as text: both kinds, and every way to have pasted half of one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseReleaseKey } from "../../../src/ota/key.js";
import { codeOf } from "../failure.js";
import { fromHex } from "../hex.js";

const ID = "0123456789abcdef";
const POINT = `04${"5a".repeat(64)}`;
const ED25519 = "c3".repeat(32);

test("parseReleaseKey reads a point of P-256 and a key of Ed25519", () => {
	assert.deepEqual(parseReleaseKey(`es256:${ID}:${POINT}`), { id: fromHex(ID), algorithm: "ES256", key: fromHex(POINT) });
	assert.deepEqual(parseReleaseKey(`eddsa:${ID}:${ED25519}`), { id: fromHex(ID), algorithm: "EdDSA", key: fromHex(ED25519) });
});

test("parseReleaseKey refuses what is cut, grown, of another algorithm, compressed, or no hexadecimal", () => {
	const whole = `es256:${ID}:${POINT}`;
	for (let end = 0; end < whole.length; end++) assert.equal(codeOf(() => parseReleaseKey(whole.slice(0, end))), "argument");
	const wrong = [
		`${whole}0`, `${whole}00`, ` ${whole}`, `ES256:${ID}:${POINT}`, `es384:${ID}:${POINT}`, `es256:${ID}:${ED25519}`,
		`eddsa:${ID}:${POINT}`, `es256:${ID}:02${POINT.slice(2)}`, `es256:${ID.slice(2)}:00${POINT}`, `es256:${ID}0${POINT}`,
		`es256:${ID}:${POINT.slice(0, -1)}g`, `es256:${ID.slice(0, -1)}Z:${POINT}`, `eddsa:${ID}:${ED25519}\n`,
	];
	for (const text of wrong) assert.equal(codeOf(() => parseReleaseKey(text)), "argument", text);
});
