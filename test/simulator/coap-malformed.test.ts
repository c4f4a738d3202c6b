// SPDX-License-Identifier: Apache-2.0
/** Whatever a peer sends: the CoAP server throws nothing, keeps within its limits, and goes on serving others. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Code, OptionNumber, Type } from "../../src/coap/constants.js";
import type { Option } from "../../src/coap/option.js";
import { Random } from "../../hosts/world/index.js";
import { encodeDatagram, encodeFrame } from "../../hosts/simulator/coap/packet.js";
import { CoAPServer } from "../../hosts/simulator/coap/server.js";
import { Asker, toBytes, type Asked } from "./coap-scene.js";

const ROUNDS = 6_000;
const NUMBERS = [...Object.values(OptionNumber), 2_049, 65_000];
const CODES = [...Object.values(Code), 0x08, 0x1f, 0x3f, 0xff];

function pick<Value>(random: Random, values: readonly Value[]): Value {
	return values[random.between(0, values.length - 1)]!;
}

function bytesOf(random: Random, most: number): Uint8Array {
	return Uint8Array.from({ length: random.between(0, most) }, () => random.between(0, 255));
}

/** Often nearly right. */
function anything(random: Random): Asked {
	const options: Option[] = Array.from({ length: random.between(0, 4) }, () => ({ number: pick(random, NUMBERS), value: bytesOf(random, random.chance(0.9) ? 3 : 300) }));
	if (random.chance(0.3)) options.push({ number: OptionNumber.BLOCK1, value: Uint8Array.of(random.between(0, 255)) });
	return {
		type: pick(random, [Type.CON, Type.NON, Type.ACK, Type.RST]), code: random.chance(0.7) ? random.between(1, 7) : pick(random, CODES),
		messageId: random.between(0, 300), token: bytesOf(random, 8), path: pick(random, ["a", "b", "later"]), options,
		payload: random.chance(0.3) ? new Uint8Array(pick(random, [16, 32, 64])) : bytesOf(random, 80),
	};
}

function spoiled(random: Random, bytes: Uint8Array): Uint8Array {
	const result = bytes.slice(0, random.chance(0.2) ? random.between(0, bytes.byteLength) : bytes.byteLength);
	for (let count = random.chance(0.5) ? random.between(0, 3) : 0; count > 0 && result.byteLength > 0; count--) result[random.between(0, result.byteLength - 1)] = random.between(0, 255);
	return result;
}

suite("CoAP server: anything at all", () => {
	for (const way of ["datagrams", "tcp", "ws"] as const) {
		test(`${way} of any bytes`, () => {
			for (let seed = 1; seed <= 5; seed++) {
				const random = new Random(seed), asker = new Asker(), later: (() => void)[] = [];
				let now = 0, sent = 0, streams = 0;
				const server = new CoAPServer({
					random: target => { random.fill(target); },
					limits: { peerMaximum: 5, streamMaximum: 3, bodyMaximum: 500, blockLength: 64, messageMaximum: 2_000 }, contexts: () => undefined,
					links: () => [{ path: "/a" }],
					handler: ({ path }, reply) => {
						if (random.chance(0.05)) throw new Error("a handler");
						const answer = () => { reply({ code: "2.05", payload: new Uint8Array(random.between(0, 300)), observable: true }); };
						if (path[0] !== "later") answer();
						else if (later.length < 10) later.push(answer);
					},
				});
				const way_ = { send: (bytes: Uint8Array) => { sent += bytes.byteLength > 0 ? 1 : 0; } };
				let connection: ReturnType<CoAPServer["connect"]>;
				for (let round = 0; round < ROUNDS / 5; round++) {
					now += random.between(0, 3_000);
					const message = asker.message(anything(random));
					if (way === "datagrams") {
						server.receive(spoiled(random, encodeDatagram(message)), { key: String(random.between(1, 8)) }, way_, now);
					} else {
						if (connection === undefined) {
							connection = server.connect(way, undefined, { ...way_, close: () => { connection = undefined; } }, now);
							streams++;
							connection!.receive(encodeFrame({ ...message, code: Code.CSM, options: [], token: new Uint8Array(0), payload: new Uint8Array(0) }, way), now);
						}
						connection?.receive(random.chance(0.95) ? encodeFrame(message, way) : spoiled(random, encodeFrame(message, way)), now);
					}
					if (random.chance(0.1)) server.notify(({ path }) => path[0] === "a");
					if (random.chance(0.1)) later.shift()?.();
					if (server.deadline <= now) server.expire(now);
				}
				assert.ok(sent > 50 && server.observations <= 5 * server.limits.observerMaximum);
				assert.ok(way === "datagrams" || streams > 3);
				const token = Uint8Array.of(0xab), answers: Uint8Array[] = [];
				server.receive(encodeDatagram(asker.message({ path: "b", messageId: 9, token })), { key: "new" }, { send: bytes => { answers.push(bytes); } }, now);
				assert.equal(answers.length, 1, "others are served");
			}
		});
	}

	test("a peer that piles up what it never finishes costs a bounded amount", () => {
		const scene = new CoAPServer({ random: () => {}, limits: { recentMaximum: 8, observerMaximum: 2 }, handler: (_, reply) => { reply({ code: "2.05", observable: true }); } });
		const asker = new Asker();
		let sent = 0;
		const way = { send: () => { sent++; } };
		for (let index = 0; index < 1_000; index++) {
			const message = asker.message({
				code: index % 2 === 0 ? Code.GET : Code.PUT, messageId: index, path: String(index), payload: index % 2 === 0 ? "" : new Uint8Array(16),
				options: index % 2 === 0 ? [{ number: OptionNumber.OBSERVE, value: toBytes("") }] : [{ number: OptionNumber.BLOCK1, value: Uint8Array.of(8) }],
			});
			scene.receive(encodeDatagram({ ...message, token: Uint8Array.of(index >> 8, index) }), { key: "greedy" }, way, 0);
		}
		assert.equal(scene.observations, 2);
		sent = 0;
		scene.notify(() => true);
		scene.notify(() => true);
		scene.expire(0);
		assert.equal(sent, 2, "one under way for each");
	});
});
