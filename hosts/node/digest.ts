// SPDX-License-Identifier: Apache-2.0
/** Incremental digests over `node:crypto`. */
import { createHash } from "node:crypto";
import { DeviceError } from "../../src/base/error.js";
import type { Crypto, Digest, DigestAlgorithm } from "../../src/host.js";
import { checkBytes } from "./check.js";

const NAMES: Readonly<Record<DigestAlgorithm, string>> = Object.freeze({
	"SHA-1": "sha1",
	"SHA-256": "sha256",
	"SHA-384": "sha384",
	"SHA-512": "sha512",
});

export const crypto: Crypto = Object.freeze({
	digest(algorithm: DigestAlgorithm): Digest {
		if (!Object.hasOwn(NAMES, algorithm)) throw new DeviceError("argument", `the digest ${String(algorithm)} is not known`);
		const hash = createHash(NAMES[algorithm]);
		let ended = false;
		const checkGoing = () => {
			if (ended) throw new DeviceError("state", "the digest has ended");
		};
		return {
			update(bytes) {
				checkGoing();
				checkBytes("the input of a digest", bytes);
				hash.update(bytes);
			},
			digest() {
				checkGoing();
				ended = true;
				return new Uint8Array(hash.digest());
			},
		};
	},
});
