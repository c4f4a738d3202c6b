// SPDX-License-Identifier: Apache-2.0
/** MQTT: encoding and decoding are inverse, splits change nothing, filters match as the text of the standard says. */
import assert from "node:assert/strict";
import type { QoS } from "../../src/mqtt/constants.js";
import { isFilter, isTopic, matches } from "../../src/mqtt/topic.js";
import { Bench } from "../unit/mqtt/bench.js";
import { decoded, frames } from "../unit/mqtt/decoding.js";
import { encodedPublish } from "../unit/encoding.js";
import { fromHex, toHex } from "../unit/hex.js";
import { publish, utf8 } from "../unit/wire.js";
import { property, type Random } from "./random.js";
import { filter, serverPacket, topic, word } from "./values.js";

property("a message that is encoded, decoded and encoded again is the same", 300, (random) => {
	const qos = random.below(3) as QoS;
	const message = { topic: topic(random), payload: word(random, 100), qos, id: qos === 0 ? 0 : 1 + random.below(0xffff), retain: random.once(2) };
	const encode = (payload: string | Uint8Array): Uint8Array => encodedPublish({ ...message, payload });
	const bytes = encode(message.payload);
	const payload = utf8(message.payload);
	assert.equal(toHex(bytes), publish({ ...message, payload }));
	assert.deepEqual(decoded(bytes, { buffer: 1024 }), [`publish ${message.topic} ${message.id} q${qos}${message.retain ? " retain" : ""} ${payload}`]);
	assert.equal(toHex(encode(fromHex(payload))), toHex(bytes));
});

/** Deliveries at random cuts. */
function cut(random: Random, hex: string): string[] {
	const pieces: string[] = [];
	const longest = random.pick([1, 3, 20, 1000]);
	for (let at = 0; at < hex.length;) {
		const end = at + 2 * (1 + random.below(longest));
		pieces.push(hex.slice(at, end));
		at = end;
	}
	return pieces;
}

/** Events with the fragments of each message put together. */
function joined(lines: readonly string[]): string[] {
	const result: string[] = [];
	let open = false;
	for (const line of lines) {
		const place = / (\d+)\+(\d+)\/(\d+) ([0-9a-f]*)$/.exec(line);
		if (place === null) {
			assert.ok(!open);
			result.push(line);
			continue;
		}
		const [found, offset = "", length = "", total = "", bytes = ""] = place;
		assert.equal(offset !== "0", open, "the first fragment, and only that, is at 0");
		if (open) result[result.length - 1] += bytes;
		else result.push(`${line.slice(0, -found.length)} ${bytes}`);
		open = Number(offset) + Number(length) < Number(total);
	}
	return result;
}

property("the same packets cause the same events and the same answers, however they are cut", 300, (random) => {
	const hex = random.list(12, () => serverPacket(random)).join("");
	const pieces = cut(random, hex);
	const play = (deliveries: readonly string[]): { lines: string[]; sent: string } => {
		const bench = Bench.open({ packetBuffer: 64 });
		for (const payload of ["1", "2", "3"]) bench.session.publish("t", payload, { qos: 1 });
		bench.session.subscribe("f", 1);
		let sent = bench.send();
		const lines: string[] = [];
		for (const delivery of deliveries) {
			lines.push(...bench.receive(delivery));
			sent += bench.send(1 + random.below(50));
		}
		return { lines: joined(lines), sent };
	};
	// A SUBACK that is not for one filter ends the link: what is sent before that depends on the cut.
	const whole = play([hex]);
	const parts = play(pieces);
	assert.deepEqual(parts.lines, whole.lines);
	if (!whole.lines.at(-1)?.startsWith("closed")) assert.equal(parts.sent, whole.sent);
});

property("frames hold every byte of the stream once", 200, (random) => {
	const packets = random.list(8, () => serverPacket(random));
	const buffer = random.pick([8, 64, 512]);
	const lines = frames(fromHex(packets.join("")), { buffer, step: 1 + random.below(30) });
	const found: string[] = [];
	for (const line of lines) {
		const [, body = ""] = line.replace("+", ":").split(":");
		if (line.startsWith("+")) found[found.length - 1] += body;
		else found.push(line.slice(0, 2) + body);
	}
	const expected = packets.map((packet) => {
		const digits = packet.slice(2).match(/^(?:[89a-f].)*[0-7]./)![0];
		return packet.slice(0, 2) + packet.slice(2 + digits.length);
	});
	assert.deepEqual(found, expected);
});

/** The standard's words as a regular expression, level by level. */
function slowMatches(wanted: string, name: string): boolean {
	if (name.startsWith("$") && /^[+#]/.test(wanted)) return false;
	const escape = (level: string): string => level.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
	const levels = wanted.split("/");
	let pattern = "";
	levels.forEach((level, index) => {
		const separator = index === 0 ? "" : "/";
		if (level === "#") pattern += index === 0 ? "[^]*" : `(?:${separator}[^]*)?`;
		else pattern += separator + (level === "+" ? "[^/]*" : escape(level));
	});
	return new RegExp(`^${pattern}$`, "u").test(name);
}

property("matches agrees with a slow matcher", 1500, (random) => {
	const wanted = filter(random);
	const name = random.once(2) ? topic(random) : wanted.replaceAll("+", () => random.pick(["a", "", "b"])).replace("#", () => random.pick(["a", "a/b", ""])) || "x";
	assert.ok(isFilter(wanted), wanted);
	assert.ok(isTopic(name), name);
	assert.equal(matches(wanted, name), slowMatches(wanted, name), `${JSON.stringify(wanted)} for ${JSON.stringify(name)}`);
});

property("isFilter refuses a wildcard that is not alone", 300, (random) => {
	const levels = filter(random).split("/");
	const place = random.below(levels.length);
	levels[place] = random.pick([`${levels[place]}x#`, `+${levels[place]}x`, `x+`, "##", "#x"]);
	assert.ok(!isFilter(levels.join("/")), levels.join("/"));
	if (levels.length > 1) assert.ok(!isFilter(["#", ...levels].join("/")));
});
