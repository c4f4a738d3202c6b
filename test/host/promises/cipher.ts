// SPDX-License-Identifier: Apache-2.0
/** What sealing and opening promise: AES-128-CCM, as RFC 3610 and those who collect awkward messages have it. */
import assert from "node:assert/strict";
import type { Crypto, SealOptions } from "../../../src/host.js";
import { fromHex, toHex } from "../../unit/hex.js";
import rfc from "../../vectors/aes-ccm-rfc3610.json" with { type: "json" };
import wycheproof from "../../vectors/aes-ccm-wycheproof.json" with { type: "json" };
import { pattern, refuses, sameBytes, type HostPromise } from "../bench.js";

type Row = readonly [number: number, comment: string, key: string, nonce: string, additional: string, message: string, sealed: string, tag: string, result: string];

const TAG_LENGTHS: readonly number[] = [8, 16];
const OPTIONS: SealOptions = {
	key: pattern(16), nonce: pattern(13, 2), additional: pattern(20, 3), bytes: pattern(50, 4), tagLength: 8,
};

function alter(bytes: Uint8Array, bit: number): Uint8Array {
	const altered = bytes.slice();
	altered[bit >> 3]! ^= 1 << (bit & 7);
	return altered;
}

/** Seals, opens what came out, and opens nothing else. */
function passes(crypto: Crypto, options: SealOptions): void {
	const sealed = crypto.seal(options), opened = crypto.open({ ...options, bytes: sealed });
	assert.equal(sealed.byteLength, options.bytes.byteLength + options.tagLength);
	assert.ok(opened !== undefined);
	sameBytes(opened, options.bytes);
	assert.equal(crypto.open({ ...options, bytes: alter(sealed, 8 * sealed.byteLength - 1) }), undefined);
}

export const cipherPromises: readonly HostPromise[] = [{
	name: "the packets of RFC 3610 come out, and are opened",
	run({ host: { crypto } }) {
		let rows = 0;
		for (const { n, key, nonce, aad, plaintext, tagLength, ciphertextAndTag } of rfc.cases) {
			const options = { key: fromHex(key), nonce: fromHex(nonce), additional: fromHex(aad), tagLength };
			const seal = (): Uint8Array => crypto.seal({ ...options, bytes: fromHex(plaintext) });
			if (!TAG_LENGTHS.includes(tagLength)) {
				refuses("argument", seal, `packet ${n}`);
				continue;
			}
			rows++;
			assert.equal(toHex(seal()), ciphertextAndTag, `packet ${n}`);
			const opened = crypto.open({ ...options, bytes: fromHex(ciphertextAndTag) });
			assert.equal(opened && toHex(opened), plaintext, `packet ${n}`);
		}
		assert.equal(rows, 12);
	},
}, {
	name: "every row of Wycheproof has its result",
	run({ host: { crypto } }) {
		for (const [number, comment, key, nonce, additional, message, ciphertext, tag, result] of wycheproof as unknown as Row[]) {
			const options = { key: fromHex(key), nonce: fromHex(nonce), additional: fromHex(additional), tagLength: tag.length / 2 };
			const opened = crypto.open({ ...options, bytes: fromHex(ciphertext + tag) });
			const sealed = toHex(crypto.seal({ ...options, bytes: fromHex(message) }));
			assert.equal(opened && toHex(opened), result === "valid" ? message : undefined, `${number}: ${comment}`);
			assert.equal(sealed === ciphertext + tag, result === "valid", `${number}: ${comment}`);
		}
	},
}, {
	name: "messages of every length around a block pass, with additional bytes of every length and each kind of nonce",
	run({ host: { crypto } }) {
		for (let length = 0; length <= 33; length++) {
			passes(crypto, { ...OPTIONS, bytes: pattern(length) });
			passes(crypto, { ...OPTIONS, additional: pattern(length), tagLength: 16 });
			passes(crypto, { ...OPTIONS, additional: pattern(length), bytes: pattern(33 - length) });
		}
		for (let length = 7; length <= 13; length++) passes(crypto, { ...OPTIONS, nonce: pattern(length) });
		passes(crypto, { ...OPTIONS, additional: pattern(65_279), bytes: new Uint8Array(0) });
		passes(crypto, { ...OPTIONS, bytes: pattern(65_535), tagLength: 16 });
	},
}, {
	name: "what was altered in any bit is not opened, and neither is what is too short for a tag",
	run({ host: { crypto } }) {
		const options = { ...OPTIONS, additional: pattern(3), bytes: pattern(5) }, bytes = crypto.seal(options);
		for (let bit = 0; bit < 8 * bytes.byteLength; bit++) assert.equal(crypto.open({ ...options, bytes: alter(bytes, bit) }), undefined, `bit ${bit}`);
		for (const name of ["key", "nonce", "additional"] as const) {
			for (let bit = 0; bit < 8 * options[name].byteLength; bit++) {
				assert.equal(crypto.open({ ...options, bytes, [name]: alter(options[name], bit) }), undefined, `${name}, bit ${bit}`);
			}
		}
		for (let length = 0; length < bytes.byteLength; length++) assert.equal(crypto.open({ ...options, bytes: bytes.subarray(0, length) }), undefined);
		assert.equal(crypto.open({ ...options, bytes, tagLength: 16 }), undefined);
		assert.equal(crypto.open({ ...options, bytes, additional: pattern(2) }), undefined);
	},
}, {
	name: "views are taken as they are, and nothing that is given is changed",
	run({ host: { crypto } }) {
		const whole = pattern(200), before = whole.slice();
		const options = {
			key: whole.subarray(3, 19), nonce: whole.subarray(21, 34), additional: whole.subarray(35, 70), bytes: whole.subarray(71, 130), tagLength: 8,
		};
		const copied = {
			key: options.key.slice(), nonce: options.nonce.slice(), additional: options.additional.slice(), bytes: options.bytes.slice(), tagLength: 8,
		};
		const sealed = crypto.seal(options);
		sameBytes(sealed, crypto.seal(copied));
		whole.set(sealed, 71);
		const bytes = whole.subarray(71, 71 + sealed.byteLength);
		sameBytes(crypto.open({ ...options, bytes })!, copied.bytes);
		sameBytes(bytes, sealed);
		whole.set(before.subarray(71, 71 + sealed.byteLength), 71);
		sameBytes(whole, before);
	},
}, {
	name: "what comes out is nobody else's",
	run({ host: { crypto } }) {
		const first = crypto.seal(OPTIONS), kept = first.slice(), opened = crypto.open({ ...OPTIONS, bytes: first })!;
		crypto.seal({ ...OPTIONS, nonce: pattern(13, 9) });
		crypto.open({ ...OPTIONS, bytes: alter(first, 3) });
		sameBytes(first, kept);
		sameBytes(opened, OPTIONS.bytes);
	},
}, {
	name: "keys, nonces, tags and messages of other sizes are refused with argument, and so is what is no Uint8Array",
	run({ host: { crypto } }) {
		const wrong: readonly Partial<Record<keyof SealOptions, unknown>>[] = [
			{ key: pattern(15) }, { key: pattern(24) }, { key: pattern(32) }, { key: "0123456789abcdef" },
			{ nonce: pattern(6) }, { nonce: pattern(14) }, { nonce: undefined },
			{ additional: pattern(65_280) }, { additional: undefined }, { bytes: undefined }, { bytes: "text" },
			...[undefined, 0, 4, 10, 12, 17, "8"].map((tagLength) => ({ tagLength })),
		];
		for (const [index, one] of wrong.entries()) {
			for (const method of ["seal", "open"] as const) refuses("argument", () => crypto[method]({ ...OPTIONS, ...one } as never), `${method} ${index}`);
		}
		refuses("argument", () => crypto.seal({ ...OPTIONS, bytes: new Uint8Array(65_536) }));
		refuses("argument", () => crypto.open({ ...OPTIONS, bytes: new Uint8Array(65_544) }));
	},
}];
