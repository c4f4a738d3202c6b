// SPDX-License-Identifier: Apache-2.0
/** Incremental digests, and AES-CCM, over `node:crypto`. */
import { createCipheriv, createDecipheriv, createHash } from "node:crypto";
import { DeviceError } from "../../src/base/error.js";
import type { Crypto, Digest, DigestAlgorithm, SealOptions } from "../../src/host.js";
import { checkSealOptions } from "../crypto/ccm.js";
import { checkBytes } from "./check.js";

const NAMES: Readonly<Record<DigestAlgorithm, string>> = Object.freeze({
	"SHA-1": "sha1",
	"SHA-256": "sha256",
	"SHA-384": "sha384",
	"SHA-512": "sha512",
});

const CIPHER = "aes-128-ccm";

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
	seal(options: SealOptions): Uint8Array {
		checkSealOptions(options, 0);
		const { key, nonce, additional, bytes, tagLength } = options, { byteLength } = bytes;
		const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: tagLength });
		cipher.setAAD(additional, { plaintextLength: byteLength });
		const sealed = new Uint8Array(byteLength + tagLength);
		sealed.set(cipher.update(bytes));
		cipher.final();
		sealed.set(cipher.getAuthTag(), byteLength);
		return sealed;
	},
	open(options: SealOptions): Uint8Array | undefined {
		checkSealOptions(options, options.tagLength);
		const { key, nonce, additional, bytes, tagLength } = options, length = bytes.byteLength - tagLength;
		if (length < 0) return undefined;
		const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: tagLength });
		decipher.setAuthTag(bytes.subarray(length));
		decipher.setAAD(additional, { plaintextLength: length });
		try {
			const opened = decipher.update(bytes.subarray(0, length));
			decipher.final();
			return new Uint8Array(opened);
		} catch {
			return undefined;
		}
	},
});
