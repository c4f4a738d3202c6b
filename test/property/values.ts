// SPDX-License-Identifier: Apache-2.0
/** Random values of the things that the SDK handles. */
import type { JSONObject, JSONValue } from "../../src/shadow/document.js";
import { publish, suback, unsuback, puback, PINGRESP, utf8 } from "../unit/wire.js";
import type { Random } from "./random.js";

/** Characters of one to four bytes, those next to what is forbidden among them. */
const CHARACTERS = ["a", "b", "Z", " ", "$", "\u0001", "\u007f", "\u0080", "é", "\u07ff", "\u0800", "€", "\ud7ff", "\ue000", "\ufeff", "\uffff", "🜄", "\u{10ffff}"];

export const word = (random: Random, maximum = 6): string => random.list(maximum, () => random.pick(CHARACTERS)).join("");

/** A topic name of a few levels, some empty. */
export function topic(random: Random): string {
	const levels = [random.once(6) ? "$SYS" : word(random, 3), ...random.list(3, () => random.pick(["", "a", "b", word(random, 2)]))];
	return levels.join("/") || "/";
}

/** A well-formed filter, like a topic with levels made wildcards. */
export function filter(random: Random): string {
	const levels = topic(random).split("/").map((level) => random.once(3) ? "+" : level);
	if (random.once(3)) levels[levels.length - 1] = "#";
	else if (random.once(4)) levels.push("#");
	return levels.join("/") || "+";
}

/** A packet that a server may send to a connected client, as hexadecimal. */
export function serverPacket(random: Random): string {
	const id = 1 + random.below(20);
	switch (random.below(8)) {
		case 0: return puback(id);
		case 1: return suback(id, ...random.list(3, () => random.pick([0, 1, 0x80])), 0);
		case 2: return unsuback(id);
		case 3: return PINGRESP;
		case 4: return publish({ topic: topic(random), payload: utf8(word(random, 40)), retain: random.once(2) });
		case 5: return publish({ topic: topic(random), payload: "ab".repeat(random.below(400)), qos: 1, id });
		default: return publish({ topic: topic(random), qos: 1, id, duplicate: random.once(3), payload: utf8(word(random, 5)) });
	}
}

const MEMBERS = ["a", "b", "c", "toString", "é"];

export function json(random: Random, depth: number): JSONValue {
	switch (random.below(depth > 0 ? 8 : 5)) {
		case 0: return random.below(3);
		case 1: return random.pick(["", "x", "1"]);
		case 2: return random.once(2);
		case 3: return random.below(100) / 8 - 5;
		case 4: return 0;
		case 5: return random.list(2, () => json(random, depth - 1));
		default: return object(random, depth - 1);
	}
}

/** An object without null members. */
export function object(random: Random, depth = 3): JSONObject {
	// Not by assignment: where built-ins are frozen, there would be no toString.
	return Object.fromEntries(random.list(3, () => [random.pick(MEMBERS), json(random, depth)]));
}

/** A patch: an object in which members may be null. */
export function patch(random: Random, depth = 3): JSONObject {
	return Object.fromEntries(random.list(3, () => {
		const member = random.pick(MEMBERS);
		if (random.once(3)) return [member, null];
		return [member, depth > 0 && random.once(2) ? patch(random, depth - 1) : json(random, depth)];
	}));
}
