// SPDX-License-Identifier: Apache-2.0
/** Streams of a server's packets, and what may become of them. */
import type { Protocol } from "../../src/mqtt/constants.js";
import type { Random } from "../property/random.js";
import { fromHex } from "../unit/hex.js";
import { anyPacket } from "./packets.js";

/** Bytes that mean something where they stand: types, flags, digits of lengths, identifiers, UTF-8. */
const INTERESTING = [0, 1, 2, 0x0f, 0x20, 0x30, 0x32, 0x36, 0x3f, 0x40, 0x62, 0x7f, 0x80, 0x90, 0xb0, 0xc0, 0xd0, 0xed, 0xf0, 0xff];

const MUTATIONS: readonly ((random: Random, bytes: number[], at: number) => void)[] = [
	(random, bytes, at) => {
		bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
	},
	(random, bytes, at) => {
		bytes[at] = random.pick(INTERESTING);
	},
	(random, bytes, at) => {
		bytes[at] = random.below(256);
	},
	(random, bytes, at) => bytes.splice(at, 1 + random.below(4)),
	(random, bytes, at) => bytes.splice(at, 0, random.pick(INTERESTING)),
	(random, bytes, at) => bytes.splice(at, 0, ...bytes.slice(at, at + 1 + random.below(12))),
	(_, bytes, at) => bytes.splice(at),
	// A length of random digits behind a first byte.
	(random, bytes, at) => bytes.splice(at, 2, bytes[at] ?? 0x30, ...random.list(4, () => 0x80 | random.below(128)), random.below(128)),
];

/**
 * A stream of up to a few packets: some as they are, most of them mutated here or there, from the beginning or behind
 * packets that are as they should be.
 */
export function stream(random: Random, protocol: Protocol, last: number): Uint8Array {
	const packets = random.list(8, () => anyPacket(random, protocol, last));
	const good = random.once(2) ? 0 : packets.slice(0, random.below(packets.length + 1)).join("").length / 2;
	const bytes = [...fromHex(packets.join(""))];
	for (let count = random.below(4); count > 0 && bytes.length > good; count--) {
		random.pick(MUTATIONS)(random, bytes, good + random.below(bytes.length - good));
	}
	return Uint8Array.from(bytes);
}
