// SPDX-License-Identifier: Apache-2.0
/** What digests and random bytes promise. */
import assert from "node:assert/strict";
import type { DigestAlgorithm } from "../../../src/host.js";
import { pattern, refuses, sameBytes, type HostPromise } from "../bench.js";

/** FIPS 180-4: the digests of "abc" and of nothing. */
const KNOWN: Readonly<Record<DigestAlgorithm, { abc: string; nothing: string }>> = {
	"SHA-1": {
		abc: "a9993e364706816aba3e25717850c26c9cd0d89d",
		nothing: "da39a3ee5e6b4b0d3255bfef95601890afd80709",
	},
	"SHA-256": {
		abc: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		nothing: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	},
	"SHA-384": {
		abc: "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
		nothing: "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b",
	},
	"SHA-512": {
		abc: "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
		nothing: "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
	},
};
const ALGORITHMS = Object.keys(KNOWN) as DigestAlgorithm[];
const ABC = new Uint8Array([0x61, 0x62, 0x63]);

function toHex(bytes: Uint8Array): string {
	return Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join("");
}

export const digestPromises: readonly HostPromise[] = [{
	name: "the digests of FIPS 180-4 come out",
	run({ host: { crypto } }) {
		for (const algorithm of ALGORITHMS) {
			const digest = crypto.digest(algorithm);
			digest.update(ABC);
			assert.equal(toHex(digest.digest()), KNOWN[algorithm].abc, algorithm);
			assert.equal(toHex(crypto.digest(algorithm).digest()), KNOWN[algorithm].nothing, algorithm);
		}
	},
}, {
	name: "pieces give the digest of the whole, wherever it is cut",
	run({ host: { crypto } }) {
		const message = pattern(1_000);
		for (const algorithm of ALGORITHMS) {
			const whole = crypto.digest(algorithm);
			whole.update(message);
			const expected = whole.digest();
			for (const cut of [0, 1, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 999, 1_000]) {
				const pieces = crypto.digest(algorithm);
				pieces.update(message.subarray(0, cut));
				pieces.update(message.subarray(cut));
				sameBytes(pieces.digest(), expected);
			}
		}
	},
}, {
	name: "digests under way do not mix",
	run({ host: { crypto } }) {
		const [first, second] = [crypto.digest("SHA-256"), crypto.digest("SHA-256")];
		first.update(ABC.subarray(0, 1));
		second.update(pattern(100));
		first.update(ABC.subarray(1));
		assert.equal(toHex(first.digest()), KNOWN["SHA-256"].abc);
	},
}, {
	name: "a digest that has ended is refused with state",
	run({ host: { crypto } }) {
		const digest = crypto.digest("SHA-256");
		digest.digest();
		refuses("state", () => digest.update(ABC));
		refuses("state", () => digest.digest());
	},
}, {
	name: "unknown algorithms and what is no Uint8Array are refused with argument",
	run({ host: { crypto } }) {
		for (const name of ["MD5", "sha-256", "", "toString", undefined]) refuses("argument", () => crypto.digest(name as DigestAlgorithm), String(name));
		refuses("argument", () => crypto.digest("SHA-256").update("abc" as never));
	},
}];

export const randomPromises: readonly HostPromise[] = [{
	name: "random fills all of its target, and differently each time",
	run({ host }) {
		const [first, second] = [new Uint8Array(32), new Uint8Array(32)];
		host.random(first);
		host.random(second);
		assert.notDeepEqual(first, second);
		assert(new Set([...first, ...second]).size > 16, "the bytes hardly differ");
	},
}, {
	name: "random fills a view and nothing around it",
	run({ host }) {
		const bytes = new Uint8Array(96);
		host.random(bytes.subarray(32, 64));
		sameBytes(bytes.subarray(0, 32), new Uint8Array(32));
		sameBytes(bytes.subarray(64), new Uint8Array(32));
		assert(bytes.subarray(32, 64).some(byte => byte !== 0));
	},
}, {
	name: "random takes targets of any length",
	run({ host }) {
		host.random(new Uint8Array(0));
		const long = new Uint8Array(100_000);
		host.random(long);
		assert(long.subarray(-32).some(byte => byte !== 0), "the end was not filled");
	},
}, {
	name: "random bytes are spread evenly over their values",
	run({ host }) {
		const bytes = new Uint8Array(65_536);
		host.random(bytes);
		const counts = new Uint32Array(256);
		for (const byte of bytes) counts[byte]!++;
		// 256 are expected of each; the chance of one outside is below 1 in 10^9 for a fair source.
		assert(counts.every(count => count > 128 && count < 384), `${Math.min(...counts)} to ${Math.max(...counts)}`);
	},
}];
