// SPDX-License-Identifier: Apache-2.0
/** What key pairs promise: made on the device, good for signatures and for requests. */
import assert from "node:assert/strict";
import type { DeviceError } from "../../../src/base/error.js";
import type { Host, KeyType } from "../../../src/host.js";
import { createCSR } from "../../../src/identity/csr.js";
import { pattern, refuses, type Bench, type HostPromise } from "../bench.js";

interface Pair { key: Uint8Array; publicKey: Uint8Array }

const SEQUENCE = 0x30;
/** Of the base point of P-256. */
const ORDER = Uint8Array.of(
	0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
);

function makeKey(bench: Bench, type: KeyType): Promise<Pair> {
	return bench.wait(new Promise((resolve, reject) => {
		bench.host.keys.generate({ type, onKey: (key, publicKey) => resolve({ key, publicKey }), onError: reject });
	}));
}

function sign(bench: Bench, key: Uint8Array, bytes: Uint8Array): Promise<Uint8Array> {
	return bench.wait(new Promise((resolve, reject) => {
		bench.host.keys.sign({ key, bytes, onSignature: resolve, onError: reject });
	}));
}

function verify(bench: Bench, key: Uint8Array, bytes: Uint8Array, signature: Uint8Array): Promise<boolean> {
	return bench.wait(new Promise((resolve, reject) => {
		bench.host.keys.verify({ key, bytes, signature, onVerified: resolve, onError: reject });
	}));
}

/** `bytes` with all bits of the byte at `index` changed. */
function altered(bytes: Uint8Array, index: number): Uint8Array {
	const copy = bytes.slice();
	copy[index]! ^= 0xff;
	return copy;
}

/** The signature with the order of P-256 in place of r or s: as the number 0 in arithmetic, and out of range. */
function withOrder(signature: Uint8Array, start: number): Uint8Array {
	const copy = signature.slice();
	copy.set(ORDER, start);
	return copy;
}

function request(host: Host, type: KeyType, pair: Pair): Promise<Uint8Array> {
	const subject = { commonName: "device-7 ä", organization: "Fleet" };
	return new Promise((resolve, reject) => {
		createCSR(host, { type, ...pair, subject, onRequest: resolve, onError: reject });
	});
}

export const keyPromises: readonly HostPromise[] = [{
	name: "a key that was made signs, and only what was signed can be verified with its public half",
	async run(bench) {
		const { keys } = bench.platform;
		for (const type of keys.types) {
			const { key, publicKey } = await makeKey(bench, type);
			assert.equal(publicKey[0], SEQUENCE, type);
			const message = pattern(500);
			const signature = await sign(bench, key, message);
			assert.equal(await bench.wait(keys.verify(publicKey, message, signature)), true, type);
			assert.equal(await bench.wait(keys.verify(publicKey, pattern(499), signature)), false, type);
			const long = pattern(32_768);
			assert.equal(await bench.wait(keys.verify(publicKey, long, await sign(bench, key, long))), true, type);
		}
	},
}, {
	name: "each key is another",
	async run(bench) {
		const first = await makeKey(bench, "P-256");
		const second = await makeKey(bench, "P-256");
		assert.notDeepEqual(first.key, second.key);
		assert.notDeepEqual(first.publicKey, second.publicKey);
		const signature = await sign(bench, first.key, pattern(10));
		assert.equal(await bench.wait(bench.platform.keys.verify(second.publicKey, pattern(10), signature)), false);
	},
}, {
	name: "many signatures of one key are all good: numbers with leading zeros, too",
	async run(bench) {
		const { key, publicKey } = await makeKey(bench, "P-256");
		for (let length = 0; length < 40; length++) {
			const signature = await sign(bench, key, pattern(length));
			assert.equal(await bench.wait(bench.platform.keys.verify(publicKey, pattern(length), signature)), true, String(length));
		}
	},
}, {
	name: "a request for a certificate that is signed with the key is good",
	async run(bench) {
		const { keys } = bench.platform;
		for (const type of keys.types) {
			const pair = await makeKey(bench, type);
			const der = await bench.wait(request(bench.host, type, pair));
			assert.equal(await bench.wait(keys.openRequest(der)), "device-7 ä", type);
			const altered = der.slice();
			altered[altered.indexOf(0x64)]! ^= 1;
			await assert.rejects(bench.wait(keys.openRequest(altered)), type);
		}
	},
}, {
	name: "answers come from the event loop, once, and what was given may be reused",
	async run(bench) {
		const { key, publicKey } = await makeKey(bench, "P-256");
		const message = pattern(100), copy = key.slice();
		let inside = true, answers = 0;
		const signed = new Promise<Uint8Array>((resolve, reject) => {
			bench.host.keys.sign({
				key: copy, bytes: message,
				onSignature(signature) {
					assert(!inside, "the answer came from inside the call");
					answers++;
					resolve(signature);
				},
				onError: reject,
			});
		});
		message.fill(0);
		copy.fill(0);
		inside = false;
		const signature = await bench.wait(signed);
		await bench.quiet();
		assert.equal(answers, 1);
		assert.equal(await bench.wait(bench.platform.keys.verify(publicKey, pattern(100), signature)), true);
	},
}, {
	name: "two signatures may be under way",
	async run(bench) {
		const [first, second] = [await makeKey(bench, "P-256"), await makeKey(bench, "P-256")];
		const [one, other] = await bench.wait(Promise.all([first, second].map(({ key }) => sign(bench, key, pattern(20)))));
		assert.equal(await bench.wait(bench.platform.keys.verify(first.publicKey, pattern(20), one!)), true);
		assert.equal(await bench.wait(bench.platform.keys.verify(second.publicKey, pattern(20), other!)), true);
	},
}, {
	name: "a key that is none is answered with credential, and not repeated",
	async run(bench) {
		const { key } = await makeKey(bench, "P-256");
		for (const bad of [new Uint8Array(0), new Uint8Array(500).fill(0x55), key.subarray(0, key.byteLength - 1)]) {
			const error = await sign(bench, bad, pattern(1)).then(() => undefined, (error: DeviceError) => error);
			assert.equal(error?.code, "credential");
			assert.doesNotMatch(error.message, /55/);
		}
	},
}, {
	name: "types that the platform does not make are refused with unsupported, and what is no bytes with argument",
	run({ host: { keys }, platform }) {
		const onError = (): void => assert.fail("an answer to what was refused");
		for (const type of ["P-521", "RSA-1024", "", "P-256", "RSA-2048", undefined]) {
			if (platform.keys.types.includes(type as KeyType)) continue;
			refuses("unsupported", () => keys.generate({ type: type as KeyType, onKey: onError, onError }), String(type));
		}
		refuses("argument", () => keys.generate({ type: "P-256", onError } as never));
		refuses("argument", () => keys.sign({ key: "key" as never, bytes: pattern(1), onSignature: onError, onError }));
		refuses("argument", () => keys.sign({ key: pattern(1), bytes: "bytes" as never, onSignature: onError, onError }));
		refuses("argument", () => keys.sign({ key: pattern(1), bytes: pattern(1), onError } as never));
		const good = { key: pattern(65), bytes: pattern(1), signature: pattern(64), onVerified: onError, onError };
		for (const name of ["key", "bytes", "signature"]) refuses("argument", () => keys.verify({ ...good, [name]: "text" }), name);
		for (const name of ["onVerified", "onError"]) refuses("argument", () => keys.verify({ ...good, [name]: undefined }), name);
	},
}, {
	name: "a foreign signature is verified, and nothing but what was signed, with that key",
	async run(bench) {
		const bytes = pattern(4_000);
		const { key, signature } = await bench.wait(bench.platform.keys.makeSignature(bytes));
		const other = await bench.wait(bench.platform.keys.makeSignature(bytes));
		assert.equal(await verify(bench, key, bytes, signature), true);
		assert.equal(await verify(bench, key, altered(bytes, 3_999), signature), false);
		assert.equal(await verify(bench, other.key, bytes, signature), false);
		for (const index of [0, 31, 32, 63]) assert.equal(await verify(bench, key, bytes, altered(signature, index)), false, String(index));
		assert.equal(await verify(bench, other.key, bytes, other.signature), true);
	},
}, {
	name: "32 KB are verified, and nothing, too",
	async run(bench) {
		for (const length of [32_768, 0]) {
			const { key, signature } = await bench.wait(bench.platform.keys.makeSignature(pattern(length)));
			assert.equal(await verify(bench, key, pattern(length), signature), true);
			assert.equal(await verify(bench, key, pattern(length + 1), signature), false);
		}
	},
}, {
	name: "r and s out of range, and signatures of another length, are not valid",
	async run(bench) {
		const bytes = pattern(100);
		const { key, signature } = await bench.wait(bench.platform.keys.makeSignature(bytes));
		for (const start of [0, 32]) {
			assert.equal(await verify(bench, key, bytes, withOrder(signature, start)), false);
			assert.equal(await verify(bench, key, bytes, signature.slice().fill(0, start, start + 32)), false);
			assert.equal(await verify(bench, key, bytes, signature.slice().fill(0xff, start, start + 32)), false);
		}
		for (const length of [0, 63]) assert.equal(await verify(bench, key, bytes, signature.subarray(0, length)), false, String(length));
		assert.equal(await verify(bench, key, bytes, Uint8Array.of(...signature, 0)), false);
	},
}, {
	name: "verification answers from the event loop, once, and what was given may be reused",
	async run(bench) {
		const bytes = pattern(100);
		const { key, signature } = await bench.wait(bench.platform.keys.makeSignature(bytes));
		let inside = true, answers = 0;
		const verified = new Promise<boolean>((resolve, reject) => {
			bench.host.keys.verify({
				key, bytes, signature,
				onVerified(isValid) {
					assert(!inside, "the answer came from inside the call");
					answers++;
					resolve(isValid);
				},
				onError: reject,
			});
		});
		for (const given of [key, bytes, signature]) given.fill(0);
		inside = false;
		assert.equal(await bench.wait(verified), true);
		await bench.quiet();
		assert.equal(answers, 1);
	},
}, {
	name: "a key that is no uncompressed point of the curve is answered with credential",
	async run(bench) {
		const bytes = pattern(10);
		const { key, signature } = await bench.wait(bench.platform.keys.makeSignature(bytes));
		const hybrid = key.slice();
		hybrid[0] = 6 + (key[64]! & 1);
		const compressed = key.slice(0, 33);
		compressed[0] = 2 + (key[64]! & 1);
		const bad = [new Uint8Array(0), key.subarray(0, 64), Uint8Array.of(...key, 0), altered(key, 64), key.slice().fill(0, 1), hybrid, compressed];
		for (const [index, point] of bad.entries()) {
			const error = await verify(bench, point, bytes, signature).then(() => undefined, (error: DeviceError) => error);
			assert.equal(error?.code, "credential", String(index));
		}
	},
}];
