// SPDX-License-Identifier: Apache-2.0
/** Signed manifests: the one shape that they have, what is asked of the platform, and who is refused without asking. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DeviceError } from "../../../src/base/error.js";
import type { Digest, VerifyOptions } from "../../../src/host.js";
import { openSign1, verifySign1, type Sign1, type VerifyingHost } from "../../../src/ota/cose.js";
import { reasonOf, UpdateError } from "../../../src/ota/failure.js";
import type { Ed25519, ReleaseKey } from "../../../src/ota/manifest.js";
import { encoded } from "../cbor/encoding.js";
import { fromHex, toHex } from "../hex.js";
import { text } from "../text.js";
import {
	EDDSA, encodeSign1, ES256, KEY_ID, leastDocument, protectedHeader, reasonThrown, SIGNATURE, type Sign1Parts,
} from "./release.js";

const PAYLOAD = encoded(leastDocument());
const ORDER = fromHex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
const KEY: ReleaseKey = { id: KEY_ID, key: new Uint8Array(65).fill(4) };

function open(bytes: Uint8Array): Sign1 {
	return openSign1(text, bytes, 0, bytes.byteLength);
}

function reasonOfParts(parts: Sign1Parts): string {
	return reasonThrown(() => open(encodeSign1(parts)));
}

describe("openSign1", () => {
	it("finds everything", () => {
		const bytes = Uint8Array.of(0, 0, ...encodeSign1(), 0);
		const sign1 = openSign1(text, bytes, 2, bytes.byteLength - 1);
		assert.equal(sign1.algorithm, ES256);
		assert.deepEqual(sign1.kid, KEY_ID);
		assert.deepEqual(sign1.signature, SIGNATURE);
		assert.deepEqual(bytes.slice(sign1.payloadStart, sign1.payloadEnd), PAYLOAD);
		assert.deepEqual(bytes.slice(sign1.payloadHead, sign1.payloadEnd), encoded(PAYLOAD));
		assert.deepEqual(bytes.slice(sign1.protectedStart, sign1.protectedEnd), encoded(protectedHeader()));
	});

	it("takes payloads and identifiers of every length, and the empty ones", () => {
		for (const length of [0, 1, 23, 24, 255, 256, 4_000]) {
			const payload = new Uint8Array(length).fill(length);
			const bytes = encodeSign1({ payload, algorithm: EDDSA, kid: payload.subarray(0, 300) });
			const sign1 = open(bytes);
			assert.deepEqual(bytes.slice(sign1.payloadStart, sign1.payloadEnd), payload);
			assert.equal(sign1.kid.byteLength, Math.min(length, 300));
		}
	});

	it("refuses what is cut anywhere, and what goes on", () => {
		const bytes = encodeSign1();
		for (let end = 0; end < bytes.byteLength; end++) {
			assert.equal(reasonThrown(() => openSign1(text, bytes, 0, end)), "malformed", String(end));
		}
		for (const more of [0, 0xd2, 0xff]) assert.equal(reasonThrown(() => open(Uint8Array.of(...bytes, more))), "trailing");
	});

	it("refuses other algorithms", () => {
		for (const algorithm of [-35, -36, -37, -257, -65_535, -1, 0, 7, 5, 1_000]) assert.equal(reasonOfParts({ algorithm }), "algorithm");
	});

	it("refuses every other shape", () => {
		const body = encodeSign1().subarray(1);
		const header = protectedHeader();
		const shapes: Record<string, Uint8Array> = {
			"without its tag": body,
			"with the tag of COSE_Sign": Uint8Array.of(0xd8, 98, ...body),
			"with the tag in more bytes": Uint8Array.of(0xd8, 18, ...body),
			"with two tags": Uint8Array.of(0xd2, 0xd2, ...body),
			"in an array without a length": Uint8Array.of(0xd2, 0x9f, ...body.subarray(1), 0xff),
			"in an array with its length in more bytes": Uint8Array.of(0xd2, 0x98, 4, ...body.subarray(1)),
			"in an array of five": Uint8Array.of(0xd2, 0x85, ...body.subarray(1), 0),
			"in an array of three": Uint8Array.of(0xd2, 0x83, ...body.subarray(1)),
			"with a payload in chunks": Uint8Array.of(0xd2, 0x84, ...encoded(header), 0xa0, 0x5f, ...encoded(PAYLOAD), 0xff, ...encoded(SIGNATURE)),
			"with a protected header whose length takes more bytes": Uint8Array.of(0xd2, 0x84, 0x58, header.byteLength, ...header, ...body.subarray(2 + header.byteLength)),
			"with a signature whose length takes more bytes": Uint8Array.of(0xd2, 0x84, ...encoded(header), 0xa0, ...encoded(PAYLOAD), 0x59, 0, 64, ...SIGNATURE),
			"with an unprotected header without a length": Uint8Array.of(0xd2, 0x84, ...encoded(header), 0xbf, 0xff, ...encoded(PAYLOAD), ...encoded(SIGNATURE)),
		};
		for (const [name, bytes] of Object.entries(shapes)) assert.equal(reasonThrown(() => open(bytes)), "malformed", name);
	});

	const parts: Record<string, Sign1Parts> = {
		"a payload that is somewhere else": { payload: null },
		"a payload that is text": { payload: "text" },
		"a signature of 63 bytes": { signature: new Uint8Array(63) },
		"a signature of 65 bytes": { signature: new Uint8Array(65) },
		"no signature": { signature: null },
		"a key identifier that is not protected": { protectedHeader: fromHex("a10126"), unprotectedHeader: { 4: KEY_ID } as never },
		"a member in the unprotected header": { unprotectedHeader: { x: 1 } },
		"an unprotected header that is a list": { unprotectedHeader: [] },
		"an empty protected header": { protectedHeader: new Uint8Array(0) },
		"a protected header without members": { protectedHeader: fromHex("a0") },
		"the algorithm alone": { protectedHeader: fromHex("a10126") },
		"the key identifier alone": { protectedHeader: fromHex("a1044101") },
		"the key identifier first": { protectedHeader: fromHex("a20441010126") },
		"the algorithm twice": { protectedHeader: fromHex("a201260126") },
		"the algorithm as text": { protectedHeader: fromHex("a20165455332353604 4101") },
		"the algorithm in more bytes": { protectedHeader: fromHex("a2013806044101") },
		"the key identifier's length in more bytes": { protectedHeader: fromHex("a20126045801 01") },
		"the key identifier as text": { protectedHeader: fromHex("a20126046101") },
		"a third member": { protectedHeader: fromHex("a3012602810404 4101") },
		"more in the protected header than its map": { protectedHeader: fromHex("a2012604410100") },
		"a protected header that ends too early": { protectedHeader: fromHex("a2012604") },
	};
	for (const [name, each] of Object.entries(parts)) it(`refuses ${name}`, () => assert.equal(reasonOfParts(each), "malformed"));

	it("throws nothing but errors of an update, whatever is changed", () => {
		const bytes = encodeSign1();
		for (let index = 0; index < bytes.byteLength; index++) {
			for (const bits of [1, 0x20, 0x80, 0xff]) {
				const altered = bytes.slice();
				altered[index]! ^= bits;
				reasonThrown(() => open(altered));
			}
		}
	});
});

/** A platform whose answer is the test's to give. */
class Desk {
	/** What keys.verify was asked. */
	asked: VerifyOptions | undefined;
	/** Timer turns that wait. */
	readonly turns: (() => void)[] = [];
	readonly outcomes: string[] = [];
	payload = "";
	readonly host: VerifyingHost = {
		text,
		keys: {
			generate: () => assert.fail(), sign: () => assert.fail(),
			verify: (options) => { this.asked = options; },
		},
		crypto: { digest: (algorithm) => ({ algorithm, update: () => assert.fail(), digest: () => assert.fail() }) as Digest, seal: () => assert.fail(), open: () => assert.fail() },
		timer: {
			set: (callback, delay) => {
				assert.equal(delay, 0);
				this.turns.push(callback);
				return {};
			},
			repeat: () => assert.fail(), clear: () => assert.fail(),
		},
	};

	verify(sign1: Sign1, keys: readonly ReleaseKey[] = [KEY], revoked: readonly Uint8Array[] = []): void {
		const desk = this;
		verifySign1(this.host, sign1, keys, revoked, {
			onVerified(bytes, start, end) {
				desk.payload = toHex(bytes, start, end);
				desk.outcomes.push("verified");
			},
			onRefused(error) {
				assert.ok(error instanceof UpdateError);
				desk.outcomes.push(reasonOf(error, "storage"));
			},
		});
	}
}

function sigStructure(header: Uint8Array): Uint8Array {
	return encoded(["Signature1", header, new Uint8Array(0), PAYLOAD]);
}

describe("verifySign1 of ES256", () => {
	it("asks the platform about what RFC 9052 §4.4 says, and gives back the payload of that", () => {
		const desk = new Desk();
		const bytes = encodeSign1();
		desk.verify(open(bytes));
		const asked = desk.asked!;
		bytes.fill(0);
		assert.deepEqual(asked.bytes, sigStructure(protectedHeader()));
		assert.deepEqual(asked.key, KEY.key);
		assert.deepEqual(asked.signature, SIGNATURE);
		assert.deepEqual(desk.outcomes, []);
		asked.onVerified(true);
		assert.deepEqual(desk.outcomes, ["verified"]);
		assert.equal(desk.payload, toHex(PAYLOAD));
	});

	it("refuses what the platform refuses, and a key that is none", () => {
		const desk = new Desk();
		desk.verify(open(encodeSign1()));
		desk.asked!.onVerified(false);
		desk.asked!.onError(new DeviceError("credential", "no point"));
		assert.deepEqual(desk.outcomes, ["signature", "key-unknown"]);
	});

	it("refuses r and s out of range without asking", () => {
		const above = ORDER.slice(), below = ORDER.slice(), one = new Uint8Array(32);
		above[31]!++;
		below[31]!--;
		one[31] = 1;
		// Below the order in its fourth word, and above in all that follow.
		const mixed = fromHex(`ffffffff 00000000 ffffffff fffffffe ${"ff".repeat(16)}`);
		const good = [one, below, SIGNATURE.subarray(0, 32), mixed];
		const bad = [new Uint8Array(32), ORDER, above, new Uint8Array(32).fill(0xff), Uint8Array.of(...ORDER.subarray(0, 7), 1, ...new Uint8Array(24))];
		const reasonOfNumbers = (r: Uint8Array, s: Uint8Array): string => {
			const desk = new Desk();
			const reason = reasonThrown(() => desk.verify(open(encodeSign1({ signature: Uint8Array.of(...r, ...s) }))));
			assert.equal(desk.asked === undefined, reason !== "nothing");
			return reason;
		};
		for (const number of good) for (const other of good) assert.equal(reasonOfNumbers(number, other), "nothing");
		for (const number of bad) {
			assert.equal(reasonOfNumbers(number, one), "signature", toHex(number));
			assert.equal(reasonOfNumbers(one, number), "signature", toHex(number));
		}
	});
});

describe("verifySign1 of EdDSA", () => {
	const edwards = (isValid: boolean, asked: unknown[] = []): ReleaseKey => {
		const ed25519: Ed25519 = {
			verify(signature, bytes, key, digest) {
				asked.push(signature, bytes, key, (digest as unknown as { algorithm: string }).algorithm);
				return isValid;
			},
		};
		return { id: KEY_ID, key: new Uint8Array(32).fill(6), ed25519 };
	};

	it("verifies in a turn of its own, from a copy", () => {
		const desk = new Desk();
		const asked: unknown[] = [];
		const bytes = encodeSign1({ algorithm: EDDSA });
		desk.verify(open(bytes), [edwards(true, asked)]);
		bytes.fill(0);
		assert.equal(asked.length, 0);
		assert.equal(desk.turns.length, 1);
		desk.turns[0]!();
		assert.deepEqual(asked, [SIGNATURE, sigStructure(protectedHeader(EDDSA)), new Uint8Array(32).fill(6), "SHA-512"]);
		assert.deepEqual(desk.outcomes, ["verified"]);
		assert.equal(desk.payload, toHex(PAYLOAD));
		assert.equal(desk.asked, undefined);
	});

	it("refuses a signature that is wrong", () => {
		const desk = new Desk();
		desk.verify(open(encodeSign1({ algorithm: EDDSA })), [edwards(false)]);
		desk.turns[0]!();
		assert.deepEqual(desk.outcomes, ["signature"]);
	});

	it("refuses the algorithm of the other kind of key", () => {
		assert.equal(reasonThrown(() => new Desk().verify(open(encodeSign1()), [edwards(true)])), "algorithm");
		assert.equal(reasonThrown(() => new Desk().verify(open(encodeSign1({ algorithm: EDDSA })), [KEY])), "algorithm");
	});
});

describe("verifySign1 and its keys", () => {
	it("takes the key that is named, among others", () => {
		const desk = new Desk();
		const other = (id: Uint8Array): ReleaseKey => ({ id, key: new Uint8Array(65) });
		desk.verify(open(encodeSign1()), [other(Uint8Array.of(1, 2, 3)), other(Uint8Array.of(1, 2, 3, 4, 5)), other(new Uint8Array(0)), KEY], [Uint8Array.of(1)]);
		assert.deepEqual(desk.asked!.key, KEY.key);
	});

	it("refuses keys that are unknown, or revoked, without asking", () => {
		const desk = new Desk();
		const reasonWith = (keys: ReleaseKey[], revoked: Uint8Array[]): string => reasonThrown(() => desk.verify(open(encodeSign1()), keys, revoked));
		assert.equal(reasonWith([], []), "key-unknown");
		assert.equal(reasonWith([{ ...KEY, id: Uint8Array.of(1, 2, 3, 5) }], []), "key-unknown");
		assert.equal(reasonWith([KEY], [Uint8Array.of(9), KEY_ID]), "key-revoked");
		assert.equal(desk.asked, undefined);
		assert.deepEqual([desk.turns, desk.outcomes], [[], []]);
	});
});
