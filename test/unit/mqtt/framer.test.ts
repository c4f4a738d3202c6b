// SPDX-License-Identifier: Apache-2.0
/** Framer: the same packets however the network cuts them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { codeOf } from "../failure.js";
import { fromHex } from "../hex.js";
import { packet, puback, PINGRESP, publish } from "../wire.js";
import { frames, type DecodingOptions } from "./decoding.js";

const payload = (count: number): string => Array.from({ length: count }, (_, at) => (at % 256).toString(16).padStart(2, "0")).join("");

/** Deliveries cut at these places, joined again packet by packet: header, body. */
function packets(lines: readonly string[]): string[] {
	const result: string[] = [];
	let open = 0;
	for (const line of lines) {
		const [kind = "", ...rest] = line.split(":");
		if (line.startsWith("+")) {
			const [bytes = "", remaining] = line.slice(1).split(":");
			assert.ok(bytes.length > 0, "a fragment holds something");
			assert.equal(open - bytes.length / 2, Number(remaining));
			open = Number(remaining);
			result[result.length - 1] += bytes;
		} else {
			assert.equal(open, 0, "a head follows a complete packet");
			result.push(`${kind}:${rest[0]}`);
			open = Number(rest[1]);
		}
	}
	assert.equal(open, 0, "the last packet is complete");
	return result;
}

const STREAM = [
	PINGRESP, puback(7), publish({ topic: "a", payload: payload(30) }), PINGRESP, publish({ topic: "t", payload: payload(200) }), puback(9),
];
const EXPECTED = ["d0:", "40:0007", `30:000161${payload(30)}`, "d0:", `30:000174${payload(200)}`, "40:0009"];

test("Framer finds the same packets for every pair of cuts", () => {
	const bytes = fromHex(STREAM.join(""));
	for (const buffer of [8, 64, 512]) {
		for (let step = 1; step <= bytes.length; step++) {
			assert.deepEqual(packets(frames(bytes, { buffer, step })), EXPECTED, `buffer ${buffer}, step ${step}`);
		}
	}
});

test("Framer hands out a packet that is delivered whole in one piece, however large", () => {
	const large = publish({ topic: "t", payload: payload(5000) });
	assert.deepEqual(frames(fromHex(large + PINGRESP), { buffer: 16 }), [`30:000174${payload(5000)}:0`, "d0::0"]);
});

test("Framer hands out a packet that fits the buffer in one piece, however cut", () => {
	const small = publish({ topic: "t", payload: payload(13) });
	for (let step = 1; step < 20; step++) {
		assert.deepEqual(frames(fromHex(small), { buffer: 16, step }), [`30:000174${payload(13)}:0`], `step ${step}`);
	}
});

test("Framer fills the buffer with the head of a larger packet, so that its topic is whole", () => {
	const large = fromHex(publish({ topic: "t", payload: payload(40) }));
	const part = (start: number, end: number): string => payload(end).slice(2 * start);
	assert.deepEqual(frames(large, { buffer: 16, step: 10 }), [
		`30:000174${part(0, 13)}:27`, `+${part(13, 15)}:25`, `+${part(15, 25)}:15`, `+${part(25, 35)}:5`, `+${part(35, 40)}:0`,
	]);
});

test("Framer takes a packet of exactly the buffer, and one byte more in two pieces", () => {
	assert.deepEqual(frames(fromHex(packet(0x30, payload(16))), { buffer: 16, step: 1 }), [`30:${payload(16)}:0`]);
	assert.deepEqual(frames(fromHex(packet(0x30, payload(17))), { buffer: 16, step: 1 }), [`30:${payload(16)}:1`, "+10:0"]);
});

const LENGTHS: readonly [hex: string, length: number][] = [
	["00", 0], ["7f", 127], ["8001", 128], ["ff7f", 16_383], ["808001", 16_384], ["ffff7f", 2_097_151], ["80808001", 2_097_152],
	["ffffff7f", 268_435_455],
];

test("Framer reads lengths of one to four digits, cut anywhere", () => {
	for (const [hex, length] of LENGTHS) {
		const bytes = fromHex(`30${hex}${payload(Math.min(length, 16))}`);
		for (let step = 1; step <= 6; step++) {
			const first = frames(bytes, { buffer: 8, step })[0]!;
			const [, body = "", remaining] = first.split(":");
			assert.equal(body.length / 2 + Number(remaining), length, `${hex} in steps of ${step}`);
		}
	}
});

const REFUSED: readonly [name: string, hex: string, options: DecodingOptions, code: string][] = [
	["a length of five digits", "30ffffffff01", {}, "malformed"],
	["a fourth digit that says more", "30ffffff80", {}, "malformed"],
	["zero in two digits", "308000", {}, "malformed"],
	["one in two digits", "30810000", {}, "malformed"],
	["127 in three digits", "30ff8000", {}, "malformed"],
	["zero in four digits", "3080808000", {}, "malformed"],
	["more than the maximum", packet(0x30, payload(11)), { maximum: 12 }, "too-large"],
	["far more than the maximum, of which only the length came", "30ffffff7f", { maximum: 12 }, "too-large"],
];

test("Framer refuses lengths that are not minimal, too long, or beyond the maximum", () => {
	for (const [name, hex, options, code] of REFUSED) {
		for (const step of [1, 2, 100]) {
			assert.equal(codeOf(() => frames(fromHex(hex), { ...options, step })), code, `${name} in steps of ${step}`);
		}
	}
	assert.deepEqual(frames(fromHex(packet(0x30, payload(10))), { maximum: 12 }), [`30:${payload(10)}:0`]);
});

test("Framer says nothing about what is not complete", () => {
	for (const hex of ["", "30", "3080", "3003", "30030001"]) assert.deepEqual(frames(fromHex(hex)), []);
});
