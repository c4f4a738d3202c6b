// SPDX-License-Identifier: Apache-2.0
/**
 * A small certificate authority: issues the certificates of devices, servers and of the cloud's own clients.
 *
 * For factories and tests; its key is in memory or in a directory, readable by its owner only.
 * Certificates follow RFC 5280 §4.2: subject and authority key identifiers, critical basic constraints and key usage,
 * extended key usage, random serial numbers.
 */
// @peculiar/x509 refuses to load without it.
import "reflect-metadata";
import { createHash, webcrypto } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";
import type { Extension, JsonGeneralNames, X509Certificate } from "@peculiar/x509";
import { DeviceError } from "../../src/base/error.js";
import { isDeviceId } from "./services/registry.js";

/** Elliptic curve P-256, or RSA with 2048 bits: Moddable's TLS takes no other client keys than RSA. */
export type KeyType = "P-256" | "RSA-2048";

/** A certificate whose key is its owner's. DER is what devices store, PEM what servers and tools read. */
export interface PublicCredential {
	/** X.509, DER. */
	readonly certificate: Uint8Array;
	readonly certificatePem: string;
	/** SHA-256 of the certificate, in lower case hexadecimal. */
	readonly fingerprint: string;
}

/** A certificate with its private key. */
export interface Credential extends PublicCredential {
	/** PKCS#8, DER, not encrypted. */
	readonly key: Uint8Array;
	readonly keyPem: string;
}

export interface IssueOptions {
	keyType?: KeyType | undefined;
	/** Default: a day ago, as clocks differ. */
	notBefore?: Date | undefined;
	notAfter?: Date | undefined;
}

export interface ServerOptions extends IssueOptions {
	/** DNS names and IP addresses. Default: localhost, 127.0.0.1 and ::1. */
	names?: readonly string[] | undefined;
}

export interface DeviceOptions extends IssueOptions {
	/** Becomes the common name, which is the MQTT client id. */
	id: string;
}

export interface ClientOptions extends IssueOptions {
	/** Common name. */
	name: string;
}

export interface AuthorityOptions {
	/** Where the authority lives; made on first use, read later. Absent: in memory. */
	directory?: string | undefined;
	/** Common name of a new authority. */
	name?: string | undefined;
	/** Key of a new authority. */
	keyType?: KeyType | undefined;
}

const DAY = 86_400_000;
/** Before 2050 while it can be: later dates are encoded in another type (RFC 5280 §4.1.2.5) that small parsers may lack. */
const AUTHORITY_LIFETIME = 20 * 365 * DAY;
const DEVICE_LIFETIME = 20 * 365 * DAY;
/** The longest that strict clients accept of a server. */
const SERVER_LIFETIME = 825 * DAY;
const CERTIFICATE_FILE = "authority.pem";
const KEY_FILE = "authority-key.pem";
const P256_BYTES = 32;
/** One signature in 256 is issued again; so many in a row mean that something else is wrong. */
const ATTEMPTS_MAXIMUM = 100;
const DEFAULT_NAMES = ["localhost", "127.0.0.1", "::1"] as const;

const ALGORITHMS = {
	"P-256": { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
	"RSA-2048": { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1), hash: "SHA-256" },
} as const;

export class Authority {
	readonly credential: Credential;
	readonly #certificate: X509Certificate;
	readonly #key: webcrypto.CryptoKey;

	/** Use `createAuthority`. */
	constructor(credential: Credential, certificate: X509Certificate, key: webcrypto.CryptoKey) {
		this.credential = credential;
		this.#certificate = certificate;
		this.#key = key;
	}

	/** The trust anchor, DER. */
	get certificate(): Uint8Array { return this.credential.certificate; }
	get certificatePem(): string { return this.credential.certificatePem; }

	/** A certificate for a server; its first name is the common name, all are subject alternative names. */
	async issueServer(options: ServerOptions = {}): Promise<Credential> {
		const names = options.names ?? DEFAULT_NAMES;
		const alternatives: JsonGeneralNames = names.map(value => ({ type: isIP(value) > 0 ? "ip" : "dns", value }));
		return this.#issue(names[0] ?? "server", options, SERVER_LIFETIME, [
			new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
			new x509.SubjectAlternativeNameExtension(alternatives),
		]);
	}

	/** @throws DeviceError `argument` for what cannot be a device id */
	async issueDevice(options: DeviceOptions): Promise<Credential> {
		if (!isDeviceId(options.id)) throw new DeviceError("argument", `cannot issue a certificate for "${options.id}": not a device id`);
		return this.issueClient({ ...options, name: options.id });
	}

	/** A certificate for a client that is known by something else than its common name. */
	async issueClient(options: ClientOptions): Promise<Credential> {
		return this.#issue(options.name, options, DEVICE_LIFETIME, [clientUsage()]);
	}

	/** A certificate for a client that made its own key. */
	async certify(publicKey: webcrypto.CryptoKey, options: Omit<ClientOptions, "keyType">): Promise<PublicCredential> {
		return toPublic(await this.#certify(options.name, publicKey, options, DEVICE_LIFETIME, [clientUsage()]));
	}

	async #issue(name: string, options: IssueOptions, lifetime: number, extensions: Extension[]): Promise<Credential> {
		const keys = await generateKeys(options.keyType ?? "P-256");
		return toCredential(await this.#certify(name, keys.publicKey, options, lifetime, extensions), keys.privateKey);
	}

	async #certify(
		name: string, publicKey: webcrypto.CryptoKey, options: IssueOptions, lifetime: number, extensions: Extension[],
	): Promise<X509Certificate> {
		const flags = x509.KeyUsageFlags, isRsa = publicKey.algorithm.name.startsWith("RSA");
		const usage = isRsa ? flags.digitalSignature | flags.keyEncipherment : flags.digitalSignature;
		const { notBefore = new Date(Date.now() - DAY), notAfter = new Date(notBefore.getTime() + lifetime) } = options;
		const authorityId = this.#certificate.getExtension(x509.SubjectKeyIdentifierExtension)!;
		const shared = [
			new x509.BasicConstraintsExtension(false, undefined, true),
			new x509.KeyUsagesExtension(usage, true),
			await x509.SubjectKeyIdentifierExtension.create(publicKey, false, webcrypto),
			new x509.AuthorityKeyIdentifierExtension(authorityId.keyId),
		];
		return withFullSignature(this.#key, () => x509.X509CertificateGenerator.create({
			subject: [{ CN: [name] }], issuer: this.#certificate.subjectName, notBefore, notAfter,
			publicKey, signingKey: this.#key, signingAlgorithm: signingAlgorithm(this.#key),
			extensions: [...shared, ...extensions],
		}, webcrypto));
	}
}

/** Makes an authority, or reads the one in `directory`. */
export async function createAuthority(options: AuthorityOptions = {}): Promise<Authority> {
	const { directory } = options;
	if (directory === undefined) return newAuthority(options);
	const known = await readAuthority(directory);
	if (known) return known;
	const authority = await newAuthority(options);
	mkdirSync(directory, { recursive: true, mode: 0o700 });
	// The certificate last: with it the authority is complete, and a crash before leaves nothing that would be used.
	writeWhole(join(directory, KEY_FILE), authority.credential.keyPem, 0o600);
	writeWhole(join(directory, CERTIFICATE_FILE), authority.credential.certificatePem, 0o644);
	return authority;
}

async function newAuthority(options: AuthorityOptions): Promise<Authority> {
	const keys = await generateKeys(options.keyType ?? "P-256");
	const notBefore = new Date(Date.now() - DAY);
	const extensions = [
		new x509.BasicConstraintsExtension(true, 0, true),
		new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
		await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
	];
	const certificate = await withFullSignature(keys.privateKey, () => x509.X509CertificateGenerator.createSelfSigned({
		name: [{ CN: [options.name ?? "Moorline simulator CA"] }], notBefore, notAfter: new Date(notBefore.getTime() + AUTHORITY_LIFETIME),
		keys, signingAlgorithm: signingAlgorithm(keys.privateKey), extensions,
	}, webcrypto));
	return new Authority(await toCredential(certificate, keys.privateKey), certificate, keys.privateKey);
}

async function readAuthority(directory: string): Promise<Authority | undefined> {
	const certificatePem = readIfThere(join(directory, CERTIFICATE_FILE));
	if (certificatePem === undefined) return undefined;
	try {
		const certificate = new x509.X509Certificate(certificatePem);
		const keyBytes = x509.PemConverter.decodeFirst(readFileSync(join(directory, KEY_FILE), "utf8"));
		const isRsa = certificate.publicKey.algorithm.name.startsWith("RSA");
		const key = await webcrypto.subtle.importKey("pkcs8", keyBytes, ALGORITHMS[isRsa ? "RSA-2048" : "P-256"], true, ["sign"]);
		return new Authority(await toCredential(certificate, key), certificate, key);
	} catch (error) {
		throw new DeviceError("corrupt", `cannot read the authority in ${directory}`, { cause: error });
	}
}

function generateKeys(keyType: KeyType): Promise<webcrypto.CryptoKeyPair> {
	return webcrypto.subtle.generateKey(ALGORITHMS[keyType], true, ["sign", "verify"]);
}

function signingAlgorithm(key: webcrypto.CryptoKey) {
	return { name: key.algorithm.name, hash: "SHA-256" };
}

/**
 * Issues again when the signature's first number happens to be short: Moddable's verifier refuses such a certificate,
 * which would otherwise hit one server in 256.
 */
async function withFullSignature(signingKey: webcrypto.CryptoKey, create: () => Promise<X509Certificate>): Promise<X509Certificate> {
	for (let attempt = 0; attempt < ATTEMPTS_MAXIMUM; attempt++) {
		const certificate = await create();
		if (signingKey.algorithm.name !== "ECDSA") return certificate;
		// SEQUENCE { r INTEGER, s INTEGER }: the fourth byte is the length of r, a leading zero included.
		if (new Uint8Array(certificate.signature)[3]! >= P256_BYTES) return certificate;
	}
	throw new DeviceError("internal", `cannot issue a certificate: ${ATTEMPTS_MAXIMUM} signatures were short`);
}

function clientUsage(): Extension {
	return new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]);
}

async function toCredential(certificate: X509Certificate, privateKey: webcrypto.CryptoKey): Promise<Credential> {
	const key = new Uint8Array(await webcrypto.subtle.exportKey("pkcs8", privateKey));
	return { ...toPublic(certificate), key, keyPem: `${x509.PemConverter.encode(key, "PRIVATE KEY")}\n` };
}

function toPublic(certificate: X509Certificate): PublicCredential {
	const der = new Uint8Array(certificate.rawData);
	return {
		certificate: der, certificatePem: `${certificate.toString("pem")}\n`, fingerprint: createHash("sha256").update(der).digest("hex"),
	};
}

function readIfThere(path: string): string | undefined {
	try {
		return readFileSync(path, "utf8");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
		throw error;
	}
}

/** Through a temporary file, so that no half-written key is ever read. */
function writeWhole(path: string, text: string, mode: number): void {
	const temporary = `${path}.${process.pid}`;
	writeFileSync(temporary, text, { mode, flag: "wx" });
	renameSync(temporary, path);
}
