// SPDX-License-Identifier: Apache-2.0
/** Key pairs and signatures over `node:crypto`, which computes them beside the event loop. */
import { createPrivateKey, createPublicKey, generateKeyPair, sign, verify, type KeyObject } from "node:crypto";
import { DeviceError } from "../../src/base/error.js";
import type { GenerateKeyOptions, Keys, KeyType, SignOptions, VerifyOptions } from "../../src/host.js";
import { checkBytes, checkCallback } from "./check.js";

const TYPES: readonly KeyType[] = Object.freeze(["P-256", "RSA-2048"]);
const RSA_LENGTH = 2048;
/** What precedes an uncompressed point in a SubjectPublicKeyInfo of P-256 (RFC 5480 §2). */
const POINT_HEAD = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d030107034200", "hex");
const POINT_LENGTH = 65;
const UNCOMPRESSED = 4;

export const keys: Keys = Object.freeze({
	generate(options: GenerateKeyOptions): void {
		const { type, onKey, onError } = options;
		if (!TYPES.includes(type)) throw new DeviceError("unsupported", `this platform makes no keys of type ${String(type)}`);
		checkAnswers(onKey, onError);
		const answer = (error: Error | null, publicKey: KeyObject, key: KeyObject): void => {
			if (error !== null) return options.onError(new DeviceError("internal", "no key could be made", { cause: error }));
			options.onKey(
				new Uint8Array(key.export({ type: "pkcs8", format: "der" })),
				new Uint8Array(publicKey.export({ type: "spki", format: "der" })),
			);
		};
		if (type === "P-256") generateKeyPair("ec", { namedCurve: "prime256v1" }, answer);
		else generateKeyPair("rsa", { modulusLength: RSA_LENGTH }, answer);
	},
	verify(options: VerifyOptions): void {
		const { key, bytes, signature, onVerified, onError } = options;
		checkBytes("the key", key);
		checkBytes("what was signed", bytes);
		checkBytes("the signature", signature);
		checkAnswers(onVerified, onError);
		const usable = decodePoint(key);
		if (usable === undefined) {
			setImmediate(() => options.onError(new DeviceError("credential", "the key is no point of P-256")));
			return;
		}
		// Copies: the work is done on another thread.
		verify("sha256", Buffer.from(bytes), { key: usable, dsaEncoding: "ieee-p1363" }, Buffer.from(signature), (error, isValid) => {
			options.onVerified(error === null && isValid);
		});
	},
	sign(options: SignOptions): void {
		const { key, bytes, onSignature, onError } = options;
		checkBytes("the key", key);
		checkBytes("what is signed", bytes);
		checkAnswers(onSignature, onError);
		const usable = decode(key);
		if (usable === undefined) {
			setImmediate(() => options.onError(new DeviceError("credential", "the key is none of P-256 or RSA in PKCS#8")));
			return;
		}
		// A copy: the work is done on another thread.
		sign("sha256", Buffer.from(bytes), usable, (error, signature) => {
			if (error === null) options.onSignature(new Uint8Array(signature));
			else options.onError(new DeviceError("credential", "the key does not sign"));
		});
	},
});

function checkAnswers(onSuccess: unknown, onError: unknown): void {
	for (const callback of [onSuccess, onError]) {
		if (callback === undefined) throw new DeviceError("argument", "a callback is missing");
		checkCallback("a callback", callback);
	}
}

function decode(der: Uint8Array): KeyObject | undefined {
	let key: KeyObject;
	try {
		key = createPrivateKey({ key: Buffer.from(der), format: "der", type: "pkcs8" });
	} catch {
		// Without a cause: OpenSSL's own words may repeat what it could not read.
		return undefined;
	}
	const isUsable = key.asymmetricKeyType === "rsa" || key.asymmetricKeyDetails?.namedCurve === "prime256v1";
	return isUsable ? key : undefined;
}

/** `undefined` for what is no uncompressed point of the curve; OpenSSL would take compressed and hybrid forms, too. */
function decodePoint(point: Uint8Array): KeyObject | undefined {
	if (point.byteLength !== POINT_LENGTH || point[0] !== UNCOMPRESSED) return undefined;
	try {
		return createPublicKey({ key: Buffer.concat([POINT_HEAD, point]), format: "der", type: "spki" });
	} catch {
		return undefined;
	}
}
