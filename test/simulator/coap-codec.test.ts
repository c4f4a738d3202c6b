// SPDX-License-Identifier: Apache-2.0
/** The SDK's codec of CoAP and the package's: the same bytes for each message, the same message in any bytes. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { decodeDatagram, decodeFrame, encodeDatagram, encodeFrame, frameHeader } from "../../hosts/simulator/coap/packet.js";
import { Random } from "../../hosts/world/index.js";
import { Type } from "../../src/coap/constants.js";
import { isRequest, isResponse, type Message } from "../../src/coap/message.js";
import { decoded, encoded, framed, shown, unframed } from "../unit/coap/encoding.js";

const ROUNDS = 5_000;
/** Where numbers and lengths change their form. */
const EDGES = [0, 1, 11, 12, 13, 14, 15, 254, 255, 256, 267, 268, 269, 270, 271, 524, 525];

function bytesOf(random: Random, length: number): Uint8Array {
	const bytes = new Uint8Array(length);
	random.fill(bytes);
	return bytes;
}

function anyMessage(random: Random): Message {
	const edge = () => EDGES[random.between(0, EDGES.length - 1)]!;
	let number = 0;
	const options = Array.from({ length: random.between(0, 5) }, () => {
		number += random.chance(0.8) ? edge() : random.between(0, 12_000);
		return { number, value: bytesOf(random, random.chance(0.2) ? edge() : random.between(0, 9)) };
	});
	const isRequest = random.chance(0.5);
	return {
		type: isRequest ? Type.CON : Type.NON, code: isRequest ? random.between(1, 31) : random.between(0x40, 0xbf), messageId: random.between(0, 65_535),
		token: bytesOf(random, random.between(0, 8)), options, payload: bytesOf(random, random.chance(0.3) ? 0 : edge()),
	};
}

/** A few bytes are others, or missing, or too many. */
function spoiled(random: Random, bytes: Uint8Array): Uint8Array {
	const length = random.chance(0.3) ? random.between(0, bytes.byteLength) : bytes.byteLength + (random.chance(0.1) ? 1 : 0);
	const result = new Uint8Array(length);
	result.set(bytes.subarray(0, length));
	for (let count = random.between(0, 3); count > 0 && length > 0; count--) {
		// Most of what there is to get wrong is at the beginning.
		const index = random.between(0, (random.chance(0.5) ? Math.min(length, 16) : length) - 1);
		result[index] = random.chance(0.3) ? 0xff : random.between(0, 255);
	}
	return result;
}

/** Codes are for the message layer of one of the two, and for the codec of the other. Spec: RFC 7252 §4.2, §4.3. */
function isPossible({ type, code }: Message): boolean {
	if (code === 0) return type !== Type.NON;
	return isRequest(code) ? type === Type.CON || type === Type.NON : isResponse(code) && type !== Type.RST;
}

suite("Two codecs of CoAP", () => {
	test("each message has the same bytes as a datagram, as a frame of a stream and as a WebSocket's message", () => {
		const random = new Random(1);
		for (let round = 0; round < ROUNDS; round++) {
			const message = anyMessage(random), frame = { ...message, type: Type.CON, messageId: 0 }, tcp = encodeFrame(frame, "tcp");
			assert.deepEqual([...encoded(message)], [...encodeDatagram(message)]);
			assert.deepEqual([...framed("stream", frame)], [...tcp]);
			assert.deepEqual([...framed("websocket", frame)], [...encodeFrame(frame, "ws")]);
			assert.deepEqual(unframed("stream", tcp, random.between(1, 40)), [shown(frame)]);
			assert.deepEqual(shown(decodeFrame(tcp, frameHeader(tcp)!)!), shown(frame));
		}
	});

	test("any bytes are the same message to both, or none to either", () => {
		const random = new Random(2), counts = { both: 0, neither: 0 };
		for (let round = 0; round < 4 * ROUNDS; round++) {
			const bytes = random.chance(0.05) ? bytesOf(random, random.between(0, 24)) : spoiled(random, encodeDatagram(anyMessage(random)));
			const ours = decoded(bytes), theirs = decodeDatagram(bytes), name = Buffer.from(bytes).toString("hex");
			if (theirs && isPossible(theirs)) {
				assert.ok(ours && !("error" in ours), name);
				assert.deepEqual(shown(ours), shown(theirs), name);
				counts.both++;
			} else {
				assert.ok(ours === undefined || "error" in ours, name);
				counts.neither++;
			}
		}
		assert.ok(counts.both > ROUNDS / 2 && counts.neither > ROUNDS / 2, JSON.stringify(counts));
	});
});
