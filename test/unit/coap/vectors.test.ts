// SPDX-License-Identifier: Apache-2.0
/** Messages that the RFCs print, in both directions. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { blockOption, findBlock } from "../../../src/coap/block.js";
import { codeText, OptionNumber, Type } from "../../../src/coap/constants.js";
import vectors from "../../vectors/coap-messages.json" with { type: "json" };
import { fromHex, toHex } from "../hex.js";
import { decoded, encoded, framed, marked, message, shown, unframed, type Shown } from "./encoding.js";

interface Fields {
	type?: keyof typeof Type;
	code: string;
	mid?: number;
	token: string;
	options?: [name: string, value: string][];
	payload?: string;
}

/** As the RFCs write the name of an option. */
function numberOf(name: string): number {
	return OptionNumber[name.toUpperCase().replace("-", "_") as keyof typeof OptionNumber];
}

function expected({ type = "CON", code, mid = 0, token, options = [], payload = "" }: Fields): Shown {
	return {
		type: Type[type], code: Number(code[0]) << 5 | Number(code.slice(2)), messageId: mid, token, payload,
		options: options.map(([name, value]) => [numberOf(name), value]),
	};
}

test("every datagram of the RFCs is decoded to its fields, and encoded to its bytes", () => {
	const rows = vectors.messages as unknown as { source: string; fields: Fields; hex: string; lengthStatedInRfc?: number }[];
	assert.equal(rows.length, 42);
	for (const { source, fields, hex, lengthStatedInRfc } of rows) {
		const result = decoded(fromHex(hex));
		assert.ok(result !== undefined && !("error" in result), `${source}: ${hex}`);
		assert.deepEqual(shown(result), expected(fields), source);
		assert.equal(codeText(result.code), fields.code);
		assert.equal(toHex(encoded(message(expected(fields)))), hex, source);
		assert.equal(hex.length / 2, lengthStatedInRfc ?? hex.length / 2, source);
	}
});

test("every frame of RFC 8323 is decoded to its fields, and encoded to its bytes", () => {
	const rows = vectors.reliableTransport as unknown as { source: string; kind: "tcp" | "ws"; hex?: string; fields: Fields }[];
	let count = 0;
	for (const { source, kind, hex, fields } of rows) {
		if (hex === undefined) continue;
		count++;
		const form = kind === "tcp" ? "stream" : "websocket", bytes = fromHex(hex);
		for (const step of [1, 2, 5, Infinity]) {
			assert.deepEqual(unframed(form, form === "stream" ? bytes : marked(bytes), step), [expected(fields)], source);
		}
		assert.equal(toHex(framed(form, message(expected(fields)))), hex, source);
	}
	assert.equal(count, 6);
});

test("lengths change their form where RFC 8323 §3.2 says", () => {
	const rows = vectors.reliableTransport as unknown as { headerHex?: string; bodyLength: number }[];
	let count = 0;
	for (const { headerHex, bodyLength } of rows) {
		if (headerHex === undefined) continue;
		count++;
		// The marker is one of the bytes counted.
		const content = message({ code: 0x45, payload: "aa".repeat(bodyLength - 1) }), bytes = framed("stream", content);
		assert.equal(toHex(bytes, 0, headerHex.length / 2), headerHex);
		assert.equal(bytes.byteLength, headerHex.length / 2 + bodyLength);
		assert.deepEqual(unframed("stream", bytes, 1_000, bodyLength), [shown(content)]);
	}
	assert.equal(count, 6);
});

test("block options of RFC 7959 are decoded to their fields, and encoded to their bytes", () => {
	for (const { hex, num, more, size, source } of vectors.blockOptionValues) {
		const block = { number: num, more: more === 1, size, bert: false };
		assert.equal(toHex(blockOption(OptionNumber.BLOCK2, block).value), hex, source);
		assert.deepEqual(findBlock([{ number: OptionNumber.BLOCK2, value: fromHex(hex) }], OptionNumber.BLOCK2, false), block, source);
	}
	assert.equal(vectors.blockOptionValues.length, 11);
});
