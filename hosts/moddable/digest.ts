// SPDX-License-Identifier: Apache-2.0
/** Digests by the SDK's native code. */
import { Digest as NativeDigest } from "crypt";
import { DeviceError } from "../../src/base/error.js";
import type { Crypto, Digest, DigestAlgorithm } from "../../src/host.js";
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

export const crypto: Crypto = Object.freeze({
	digest(algorithm: DigestAlgorithm): Digest {
		if (!Object.hasOwn(NAMES, algorithm)) throw new DeviceError("argument", `there is no digest ${String(algorithm)}`);
		return new RunningDigest(algorithm);
	},
});
