// SPDX-License-Identifier: Apache-2.0
/**
 * A small public key infrastructure made at test time: a good one, a foreign one, and every hostile server
 * certificate that a device must refuse. Nothing of it is ever written to the repository.
 */
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

x509.cryptoProvider.set(webcrypto as never);

export type KeyAlgorithm = "P-256" | "RSA-2048";

/** A chain of DER certificates, leaf first, and the leaf's key as PKCS#8 DER. */
export interface Identity {
	chain: Uint8Array[];
	key: Uint8Array;
}

/** Servers that a device with the anchor `Certificates.anchor` must refuse when it asks for `Certificates.host`. */
export interface HostileServers {
	/** Signed by an authority that is no anchor. */
	foreign: Identity;
	/** Signed by nobody but itself. */
	selfSigned: Identity;
	expired: Identity;
	notYetValid: Identity;
	/** Valid, for another name and address. */
	wrongHost: Identity;
	/** The issuer in the chain has the right name, but another key than the one that signed the leaf. */
	unlinked: Identity;
	/** The certificate after the leaf has nothing to do with it; its real issuer is missing. */
	unrelated: Identity;
	/** The issuer of the leaf is an ordinary certificate, no authority. */
	issuerIsNoAuthority: Identity;
	/** The issuer of the leaf has expired; the leaf has not. */
	expiredIssuer: Identity;
	/** One bit of the leaf's signature is wrong. */
	tampered: Identity;
	/** A device's certificate, not made for servers. */
	clientOnly: Identity;
}

export interface Certificates {
	/** The name and the address of every server here, unless said otherwise. */
	readonly host: string;
	readonly address: string;
	readonly anchor: Uint8Array;
	readonly foreignAnchor: Uint8Array;
	/** Leaf and intermediate, up to the anchor. */
	readonly server: Identity;
	/** One certificate, signed by the anchor itself. */
	readonly leafOnly: Identity;
	/** As `server`, with the anchor itself at the end of the chain. */
	readonly withAnchor: Identity;
	/** For `*.wild.test`. */
	readonly wildcard: Identity;
	/** Device certificates; the common name is `device-1`. */
	readonly client: Identity;
	readonly foreignClient: Identity;
	readonly hostile: HostileServers;
}

/** A certificate with its keys: what signs the next. */
export interface Authority {
	readonly certificate: x509.X509Certificate;
	readonly keys: webcrypto.CryptoKeyPair;
}

export interface LeafOptions {
	commonName: string;
	/** DNS names and IP addresses for the subjectAltName. */
	names?: { dns?: readonly string[]; ip?: readonly string[] };
	use: "server" | "client";
	notBefore?: Date;
	notAfter?: Date;
}

const DAY = 86_400_000;
const ALGORITHMS = {
	"P-256": { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
	"RSA-2048": { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", publicExponent: new Uint8Array([1, 0, 1]), modulusLength: 2048 },
} as const;

/** Issues certificates with one algorithm around one instant, so that a world with its own clock can use it too. */
export class Issuer {
	readonly #algorithm: KeyAlgorithm;
	readonly #now: number;
	#serial = 1;

	constructor(algorithm: KeyAlgorithm, now: number) {
		this.#algorithm = algorithm;
		this.#now = now;
	}

	at(days: number): Date {
		return new Date(this.#now + days * DAY);
	}

	async makeKeys(): Promise<webcrypto.CryptoKeyPair> {
		const keys = await webcrypto.subtle.generateKey(ALGORITHMS[this.#algorithm], true, ["sign", "verify"]);
		return keys as webcrypto.CryptoKeyPair;
	}

	async makeRoot(commonName: string): Promise<Authority> {
		const keys = await this.makeKeys();
		const certificate = await x509.X509CertificateGenerator.createSelfSigned({
			serialNumber: this.#nextSerial(),
			name: `CN=${commonName}`,
			keys,
			signingAlgorithm: ALGORITHMS[this.#algorithm],
			notBefore: this.at(-30),
			notAfter: this.at(3650),
			extensions: authorityExtensions(),
		});
		return { certificate, keys };
	}

	async makeIntermediate(parent: Authority, commonName: string, { notAfter = this.at(365) }: { notAfter?: Date } = {}): Promise<Authority> {
		const keys = await this.makeKeys();
		const certificate = await this.#sign(parent, `CN=${commonName}`, keys, this.at(-30), notAfter, authorityExtensions());
		return { certificate, keys };
	}

	async makeLeaf(parent: Authority, options: LeafOptions): Promise<Authority> {
		const keys = await this.makeKeys();
		const { notBefore = this.at(-1), notAfter = this.at(90) } = options;
		return { certificate: await this.#sign(parent, `CN=${options.commonName}`, keys, notBefore, notAfter, leafExtensions(options, this.#algorithm)), keys };
	}

	async makeSelfSigned(options: LeafOptions): Promise<Authority> {
		const keys = await this.makeKeys();
		const certificate = await x509.X509CertificateGenerator.createSelfSigned({
			serialNumber: this.#nextSerial(),
			name: `CN=${options.commonName}`,
			keys,
			signingAlgorithm: ALGORITHMS[this.#algorithm],
			notBefore: this.at(-1),
			notAfter: this.at(90),
			extensions: leafExtensions(options, this.#algorithm),
		});
		return { certificate, keys };
	}

	#sign(parent: Authority, subject: string, keys: webcrypto.CryptoKeyPair, notBefore: Date, notAfter: Date, extensions: x509.Extension[]) {
		return x509.X509CertificateGenerator.create({
			serialNumber: this.#nextSerial(),
			subject,
			issuer: parent.certificate.subject,
			publicKey: keys.publicKey,
			signingKey: parent.keys.privateKey,
			signingAlgorithm: ALGORITHMS[this.#algorithm],
			notBefore, notAfter, extensions,
		});
	}

	#nextSerial(): string {
		return (this.#serial++).toString(16).padStart(4, "0");
	}
}

/** Everything the promises about TLS need. Takes some 100 ms with P-256 and seconds with RSA-2048. */
export async function makeCertificates(algorithm: KeyAlgorithm = "P-256", now: number = Date.now()): Promise<Certificates> {
	const host = "server.test";
	const address = "127.0.0.1";
	const names = { dns: [host], ip: [address] };
	const issuer = new Issuer(algorithm, now);
	const root = await issuer.makeRoot("Test Root");
	const intermediate = await issuer.makeIntermediate(root, "Test Intermediate");
	const foreignRoot = await issuer.makeRoot("Foreign Root");
	const server = await makeIdentity(issuer, [intermediate], { commonName: host, names, use: "server" });
	return {
		host, address,
		anchor: toDER(root.certificate),
		foreignAnchor: toDER(foreignRoot.certificate),
		server,
		leafOnly: await makeIdentity(issuer, [root], { commonName: host, names, use: "server" }, 0),
		withAnchor: { ...server, chain: [...server.chain, toDER(root.certificate)] },
		wildcard: await makeIdentity(issuer, [intermediate], { commonName: "wild", names: { dns: ["*.wild.test"] }, use: "server" }),
		client: await makeIdentity(issuer, [intermediate], { commonName: "device-1", use: "client" }),
		foreignClient: await makeIdentity(issuer, [foreignRoot], { commonName: "device-1", use: "client" }, 0),
		hostile: await makeHostile(issuer, root, intermediate, foreignRoot, { commonName: host, names, use: "server" }),
	};
}

/** An authority for one broker on this machine and the devices that it knows. */
export interface BrokerAuthority {
	readonly anchor: Uint8Array;
	/** For `localhost` and 127.0.0.1. */
	readonly server: Identity;
	/** A device certificate, directly below the anchor. */
	issueDevice(commonName: string): Promise<Identity>;
}

export async function makeBrokerAuthority(algorithm: KeyAlgorithm = "P-256", now: number = Date.now()): Promise<BrokerAuthority> {
	const issuer = new Issuer(algorithm, now);
	const root = await issuer.makeRoot("Test Broker Root");
	return {
		anchor: toDER(root.certificate),
		server: await makeIdentity(issuer, [root], { commonName: "localhost", names: { dns: ["localhost"], ip: ["127.0.0.1"] }, use: "server" }),
		issueDevice: commonName => makeIdentity(issuer, [root], { commonName, use: "client" }, 0),
	};
}

async function makeHostile(issuer: Issuer, root: Authority, intermediate: Authority, foreignRoot: Authority, good: LeafOptions): Promise<HostileServers> {
	const namesake = await issuer.makeIntermediate(root, "Test Intermediate");
	const stranger = await issuer.makeIntermediate(root, "Unrelated Intermediate");
	const expiredIssuer = await issuer.makeIntermediate(root, "Expired Intermediate", { notAfter: issuer.at(-2) });
	const ordinary = await issuer.makeLeaf(root, { ...good, commonName: "ordinary.test" });
	const linked = await makeIdentity(issuer, [intermediate], good);
	const own = await issuer.makeSelfSigned(good);
	const tampered = linked.chain[0]!.slice();
	tampered[tampered.byteLength - 1]! ^= 1;
	return {
		foreign: await makeIdentity(issuer, [await issuer.makeIntermediate(foreignRoot, "Foreign Intermediate")], good),
		selfSigned: await toIdentity([own.certificate], own.keys),
		expired: await makeIdentity(issuer, [intermediate], { ...good, notBefore: issuer.at(-20), notAfter: issuer.at(-1) }),
		notYetValid: await makeIdentity(issuer, [intermediate], { ...good, notBefore: issuer.at(1), notAfter: issuer.at(20) }),
		wrongHost: await makeIdentity(issuer, [intermediate], { ...good, names: { dns: ["other.test"], ip: ["127.0.0.2"] } }),
		unlinked: { ...linked, chain: [linked.chain[0]!, toDER(namesake.certificate)] },
		unrelated: { ...linked, chain: [linked.chain[0]!, toDER(stranger.certificate)] },
		issuerIsNoAuthority: await makeIdentity(issuer, [ordinary], good),
		expiredIssuer: await makeIdentity(issuer, [expiredIssuer], { ...good, notBefore: issuer.at(-20) }),
		tampered: { ...linked, chain: [tampered, ...linked.chain.slice(1)] },
		clientOnly: await makeIdentity(issuer, [intermediate], { ...good, use: "client" }),
	};
}

/** A leaf signed by the first of `authorities`, followed by the first `sent` of them. */
export async function makeIdentity(issuer: Issuer, authorities: readonly Authority[], options: LeafOptions, sent = authorities.length): Promise<Identity> {
	const { certificate, keys } = await issuer.makeLeaf(authorities[0]!, options);
	return toIdentity([certificate, ...authorities.slice(0, sent).map(authority => authority.certificate)], keys);
}

export async function toIdentity(chain: readonly x509.X509Certificate[], keys: webcrypto.CryptoKeyPair): Promise<Identity> {
	const key = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
	return { chain: chain.map(toDER), key: new Uint8Array(key) };
}

export function toDER(certificate: x509.X509Certificate): Uint8Array {
	return new Uint8Array(certificate.rawData);
}

export function toPEM(label: "CERTIFICATE" | "PRIVATE KEY", der: Uint8Array): string {
	return x509.PemConverter.encode(der as Uint8Array<ArrayBuffer>, label) + "\n";
}

function authorityExtensions(): x509.Extension[] {
	return [
		new x509.BasicConstraintsExtension(true, undefined, true),
		new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
	];
}

/** Without key identifiers on purpose: a check that only compares them would find nothing wrong with `unlinked`. */
function leafExtensions({ names, use }: LeafOptions, algorithm: KeyAlgorithm): x509.Extension[] {
	const alternatives = [
		...(names?.dns ?? []).map(value => ({ type: "dns" as const, value })),
		...(names?.ip ?? []).map(value => ({ type: "ip" as const, value })),
	];
	// Old suites encrypt the premaster secret with the RSA key itself (RFC 5246 §7.4.2).
	const usage = x509.KeyUsageFlags.digitalSignature | (algorithm === "RSA-2048" ? x509.KeyUsageFlags.keyEncipherment : 0);
	return [
		new x509.BasicConstraintsExtension(false, undefined, true),
		new x509.KeyUsagesExtension(usage, true),
		new x509.ExtendedKeyUsageExtension([use === "server" ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth]),
		...(alternatives.length > 0 ? [new x509.SubjectAlternativeNameExtension(alternatives)] : []),
	];
}
