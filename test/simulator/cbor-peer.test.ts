// SPDX-License-Identifier: Apache-2.0
/** Our CBOR and that of the simulator's library: each reads what the other writes. */
import assert from "node:assert/strict";
import { Encoder } from "cbor-x/index-no-eval";
import { text } from "../../hosts/node/text.js";
import { encodeDeterministicCBOR } from "../../src/cbor/encode.js";
import type { CBORValue } from "../../src/cbor/value.js";
import { anyValue } from "../property/documents.js";
import { property } from "../property/random.js";
import { decoded, encoded } from "../unit/cbor/encoding.js";
import { toHex } from "../unit/hex.js";

const SEEDS = 2_000;
/** Floats of 64 bits or of 32; heads of maps in the fewest bytes or in three. */
const PEERS = [[0, true], [0, false], [1, false]].map(([useFloat32, variableMapSize]) =>
	new Encoder({ useRecords: false, mapsAsObjects: true, tagUint8Array: false, useFloat32, variableMapSize } as object));

/** Its bytes are Node's, and its zeros have no sign. */
function plain(value: unknown): unknown {
	if (value instanceof Uint8Array) return Uint8Array.from(value);
	if (Array.isArray(value)) return value.map(plain);
	if (typeof value === "object" && value !== null) return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
	return Object.is(value, -0) ? 0 : typeof value === "bigint" ? Number(value) : value;
}

property("cbor-x: what one writes, the other reads, and both have the same value", SEEDS, (random) => {
	const value = anyValue(random, 5, true);
	const peer = random.pick(PEERS);
	for (const bytes of [encoded(value), encodeDeterministicCBOR(text, value)]) assert.deepEqual(plain(peer.decode(bytes)), plain(value), toHex(bytes));
	const theirs = peer.encode(value) as Uint8Array;
	const read: CBORValue = decoded(toHex(theirs));
	// In 32 bits a number is another.
	if (!theirs.includes(0xfa)) assert.deepEqual(plain(read), plain(value), toHex(theirs));
	else assert.deepEqual(plain(peer.decode(encoded(read))), plain(peer.decode(theirs)), toHex(theirs));
});
