// SPDX-License-Identifier: Apache-2.0
/** Streams of a server's packets, and what may become of them. */
import type { Random } from "../property/random.js";
import { anyPacket } from "../property/values.js";
import { fromHex } from "../unit/hex.js";

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

/** A stream of up to a few packets, most of them mutated here or there, some not at all. */
export function stream(random: Random): Uint8Array {
	const packets = random.list(6, () => anyPacket(random)).join("");
	const bytes = [...fromHex(packets)];
	for (let count = random.below(4); count > 0 && bytes.length > 0; count--) {
		random.pick(MUTATIONS)(random, bytes, random.below(bytes.length));
	}
	return Uint8Array.from(bytes);
}
