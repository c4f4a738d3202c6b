// SPDX-License-Identifier: Apache-2.0
/** Native UTF-8 codec, digests and AES of the C host. */
import { DeviceError } from "../../src/base/error.js";
import type { Crypto, Digest, DigestAlgorithm, SealOptions, TextCodec } from "../../src/host.js";
import { CCM, type BlockModes } from "../crypto/ccm.js";
import { checkBytes } from "./check.js";
import { native } from "./native.js";

function refuseSurrogate(): never {
	throw new DeviceError("argument", "the text has an unpaired surrogate");
}

export const text: TextCodec = Object.freeze({
	byteLength(text: string): number {
		const length = native.textLength(text);
		return length < 0 ? refuseSurrogate() : length;
	},
	encode(text: string, target: Uint8Array, start: number): number {
		const count = native.textEncode(text, target, start);
		if (count === -1) refuseSurrogate();
		if (count === -3) throw new DeviceError("argument", `start ${start} is no index into ${target.byteLength} bytes`);
		if (count < 0) throw new DeviceError("full", `no room for the text at ${start} of ${target.byteLength} bytes`);
		return count;
	},
	decode(bytes: Uint8Array, start: number, end: number): string {
		const result = native.textDecode(bytes, start, end);
		if (result === -1) throw new DeviceError("malformed", "the bytes are no well-formed UTF-8");
		if (typeof result === "number") throw new DeviceError("argument", `no range ${start} to ${end} in ${bytes.byteLength} bytes`);
		return result;
	},
});

const ALGORITHMS: readonly DigestAlgorithm[] = Object.freeze(["SHA-1", "SHA-256", "SHA-384", "SHA-512"] as const);

class NativeDigest implements Digest {
	#state: object | undefined;

	constructor(algorithm: DigestAlgorithm) {
		const index = ALGORITHMS.indexOf(algorithm);
		if (index < 0) throw new DeviceError("argument", `no digest "${String(algorithm)}"`);
		this.#state = native.digestOpen(index);
	}

	#open(): object {
		if (this.#state === undefined) throw new DeviceError("state", "the digest has ended");
		return this.#state;
	}

	update(bytes: Uint8Array): void {
		const state = this.#open();
		checkBytes(bytes, "what is digested");
		native.digestUpdate(state, bytes);
	}

	digest(): Uint8Array {
		const result = native.digestFinish(this.#open());
		this.#state = undefined;
		return new Uint8Array(result);
	}
}

class NativeModes implements BlockModes {
	readonly #key: Uint8Array;

	constructor(key: Uint8Array) {
		this.#key = key;
	}

	chain(bytes: Uint8Array): void {
		native.aesChain(this.#key, bytes);
	}

	stream(counter: Uint8Array, bytes: Uint8Array): void {
		native.aesStream(this.#key, counter, bytes);
	}
}

const ccm = Object.freeze(new CCM(key => new NativeModes(key)));

export const crypto: Crypto = Object.freeze({
	digest: (algorithm: DigestAlgorithm): Digest => new NativeDigest(algorithm),
	seal: (options: SealOptions): Uint8Array => ccm.seal(options),
	open: (options: SealOptions): Uint8Array | undefined => ccm.open(options),
});
