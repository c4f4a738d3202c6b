// SPDX-License-Identifier: Apache-2.0
/** What key pairs promise: made on the device, good for signatures and for requests. */
import assert from "node:assert/strict";
import type { DeviceError } from "../../../src/base/error.js";
import type { Host, KeyType } from "../../../src/host.js";
import { createCSR } from "../../../src/identity/csr.js";
import { pattern, refuses, type Bench, type HostPromise } from "../bench.js";

interface Pair { key: Uint8Array; publicKey: Uint8Array }

const SEQUENCE = 0x30;

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
	},
}];
