// SPDX-License-Identifier: Apache-2.0
/** Digests and AES by the SDK's native code. */
import { BlockCipher, Digest as NativeDigest, Mode } from "crypt";
import { DeviceError } from "../../src/base/error.js";
import type { Crypto, Digest, DigestAlgorithm, SealOptions } from "../../src/host.js";
import { CCM, type BlockModes } from "../crypto/ccm.js";
import { checkBytes } from "./check.js";

const NAMES = Object.freeze({ "SHA-1": "SHA1", "SHA-256": "SHA256", "SHA-384": "SHA384", "SHA-512": "SHA512" } as const);

class RunningDigest implements Digest {
	#native: NativeDigest | undefined;

	constructor(algorithm: DigestAlgorithm) {
		this.#native = new NativeDigest(NAMES[algorithm]);
	}

	update(bytes: Uint8Array): void {
		checkBytes(bytes);
		this.#running().write(bytes);
	}

	digest(): Uint8Array {
		const result = new Uint8Array(this.#running().close());
		this.#native = undefined;
		return result;
	}

	#running(): NativeDigest {
		if (this.#native === undefined) throw new DeviceError("state", "the digest has ended");
		return this.#native;
	}
}

class NativeModes implements BlockModes {
	readonly #cipher: BlockCipher;

	constructor(key: Uint8Array) {
		this.#cipher = new BlockCipher("AES", key.slice().buffer);
	}

	chain(bytes: Uint8Array<ArrayBuffer>): void {
		new Mode("CBC", this.#cipher).encrypt(bytes, bytes.buffer);
	}

	stream(counter: Uint8Array<ArrayBuffer>, bytes: Uint8Array<ArrayBuffer>): void {
		new Mode("CTR", this.#cipher, counter.buffer).encrypt(bytes, bytes.buffer);
	}
}

const ccm = Object.freeze(new CCM(key => new NativeModes(key)));

export const crypto: Crypto = Object.freeze({
	digest(algorithm: DigestAlgorithm): Digest {
		if (!Object.hasOwn(NAMES, algorithm)) throw new DeviceError("argument", `there is no digest ${String(algorithm)}`);
		return new RunningDigest(algorithm);
	},
	seal: (options: SealOptions): Uint8Array => ccm.seal(options),
	open: (options: SealOptions): Uint8Array | undefined => ccm.open(options),
});
