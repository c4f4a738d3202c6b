// SPDX-License-Identifier: Apache-2.0
/**
 * Keys that sign releases: made, read from PEM, and written as the text that a program holds.
 *
 * A private key is in a PEM text of the developer's or behind `ReleaseSigner.sign`, which may be a security module's; it
 * is in no message of an error.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { DeviceError } from "../../src/base/error.js";
import { KEY_ID_LENGTH, parseReleaseKey, type PublicReleaseKey, type ReleaseAlgorithm } from "../../src/ota/key.js";

/** What signs: a private key, wherever it is. */
export interface ReleaseSigner extends PublicReleaseKey {
	/** @returns 64 bytes: r and s of ECDSA with SHA-256, or the signature of Ed25519 */
	sign(bytes: Uint8Array): Uint8Array;
}

export interface GeneratedReleaseKey extends PublicReleaseKey {
	/** PKCS#8, PEM, without a passphrase. */
	readonly privateKey: string;
	/** SubjectPublicKeyInfo, PEM. */
	readonly publicKey: string;
	/** What a program is given; `parseReleaseKey` reads it. */
	readonly text: string;
}

const POINT_HEADER = Uint8Array.of(0x04);

export function generateReleaseKey({ algorithm = "ES256" }: { algorithm?: ReleaseAlgorithm } = {}): GeneratedReleaseKey {
	const pair = algorithm === "ES256" ? generateKeyPairSync("ec", { namedCurve: "prime256v1" }) : generateKeyPairSync("ed25519");
	const key = publicReleaseKey(pair.publicKey);
	return {
		...key,
		privateKey: pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
		publicKey: pair.publicKey.export({ type: "spki", format: "pem" }).toString(),
		text: formatReleaseKey(key),
	};
}

/** @param pem a private key of P-256 or Ed25519, without a passphrase @throws DeviceError `credential` */
export function readSigner(pem: string): ReleaseSigner {
	let key: KeyObject;
	try {
		key = createPrivateKey(pem);
	} catch {
		// Without a cause: OpenSSL's own words may repeat what it could not read.
		throw new DeviceError("credential", "no private key in PEM that can be read without a passphrase");
	}
	const known = publicReleaseKey(createPublicKey(key));
	return {
		...known,
		sign: bytes => new Uint8Array(sign(known.algorithm === "ES256" ? "sha256" : null, bytes, { key, dsaEncoding: "ieee-p1363" })),
	};
}

/** @param text SubjectPublicKeyInfo in PEM, or what `formatReleaseKey` writes @throws DeviceError `credential` */
export function readPublicKey(text: string): PublicReleaseKey {
	if (!text.includes("-----BEGIN")) return parseText(text.trim());
	// Node would derive the public key of a private one; but who passes that one on has taken the wrong file.
	if (text.includes("PRIVATE KEY")) throw new DeviceError("credential", "a private key where the public one is enough");
	let key: KeyObject;
	try {
		key = createPublicKey(text);
	} catch (error) {
		throw new DeviceError("credential", "no public key in PEM", { cause: error });
	}
	return publicReleaseKey(key);
}

export function formatReleaseKey({ algorithm, id, key }: PublicReleaseKey): string {
	return `${algorithm.toLowerCase()}:${hex(id)}:${hex(key)}`;
}

export function hex(bytes: Uint8Array): string {
	return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

function parseText(text: string): PublicReleaseKey {
	const key = asCredential(() => parseReleaseKey(text));
	if (hex(key.id) !== hex(identify(key.key))) throw new DeviceError("credential", "a release key whose identifier is that of another");
	return key;
}

function asCredential(parse: () => PublicReleaseKey): PublicReleaseKey {
	try {
		return parse();
	} catch (error) {
		throw new DeviceError("credential", (error as Error).message, { cause: error });
	}
}

function publicReleaseKey(publicKey: KeyObject): PublicReleaseKey {
	const { crv, x = "", y = "" } = publicKey.export({ format: "jwk" });
	const algorithm = crv === "P-256" ? "ES256" : crv === "Ed25519" ? "EdDSA" : undefined;
	if (algorithm === undefined) throw new DeviceError("credential", "a key that is none of P-256 and Ed25519");
	const [first, second] = [Buffer.from(x, "base64url"), Buffer.from(y, "base64url")];
	const key = new Uint8Array(algorithm === "ES256" ? Buffer.concat([POINT_HEADER, first, second]) : first);
	return { id: identify(key), algorithm, key };
}

function identify(key: Uint8Array): Uint8Array {
	return new Uint8Array(createHash("sha256").update(key).digest().subarray(0, KEY_ID_LENGTH));
}
