// SPDX-License-Identifier: Apache-2.0
/** A device's identity: read from the files a factory gives out, and put where the device looks for it. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { DeviceError } from "../../../src/base/error.js";
import { IDENTITY } from "../../../src/identity/credentials.js";
import { createHost } from "../../node/host.js";
import { UsageError } from "./console.js";

/** Text, or bytes of DER; what is absent is left as it is. */
export interface Identity {
	id?: string | undefined;
	endpoint?: string | undefined;
	anchor?: Uint8Array | undefined;
	certificate?: Uint8Array | undefined;
	key?: Uint8Array | undefined;
	oscore?: Uint8Array | undefined;
	"psk-identity"?: string | undefined;
	psk?: Uint8Array | undefined;
}

/** Names of files, in PEM or DER. */
export interface IdentityFiles {
	ca?: string | undefined;
	cert?: string | undefined;
	key?: string | undefined;
	/** A line: the name of a shared key, a colon, and the key in hexadecimal. */
	psk?: string | undefined;
}

/**
 * @returns the identity that the files hold; its id is the certificate's common name
 * @throws UsageError for a certificate without its key; DeviceError `credential` when a file is not what it should be
 */
export async function readIdentity(files: IdentityFiles): Promise<Identity> {
	const { ca, cert, key, psk } = files;
	if ((cert === undefined) !== (key === undefined)) throw new UsageError("--cert and --key belong together: one of them is missing");
	const anchor = ca === undefined ? undefined : await readCertificate(ca);
	const shared = psk === undefined ? {} : await readShared(psk);
	if (cert === undefined || key === undefined) return { anchor: anchor?.raw, ...shared };
	const certificate = await readCertificate(cert);
	const privateKey = await readKey(key);
	if (!certificate.checkPrivateKey(privateKey)) {
		throw new DeviceError("credential", `the key in ${key} is not that of the certificate in ${cert}`);
	}
	return {
		id: commonName(certificate),
		anchor: anchor?.raw,
		certificate: certificate.raw,
		key: privateKey.export({ type: "pkcs8", format: "der" }),
		...shared,
	};
}

/** The same files as MQTT.js and OpenSSL want them. Members are absent where files are. */
export async function readPem(files: IdentityFiles): Promise<{ ca?: string; cert?: string; key?: string }> {
	const { anchor, certificate, key } = await readIdentity(files);
	return {
		...(anchor && { ca: new X509Certificate(anchor).toString() }),
		...(certificate && { cert: new X509Certificate(certificate).toString() }),
		...(key && { key: keyToPem(key) }),
	};
}

/** @param key PKCS#8 DER */
export function keyToPem(key: Uint8Array): string {
	return createPrivateKey({ key: Buffer.from(key), format: "der", type: "pkcs8" }).export({ type: "pkcs8", format: "pem" }).toString();
}

/** Writes what `identity` holds into the storage of the Node host's device in `directory`. */
export function storeIdentity(directory: string, identity: Identity): void {
	const host = createHost({ directory });
	const domain = host.storage.open({ path: IDENTITY });
	for (const [name, value] of Object.entries(identity)) {
		if (value !== undefined) domain.write(name, typeof value === "string" ? Buffer.from(value) : value);
	}
	domain.close();
}

/** True when the Node host's device in `directory` knows who it is and where its cloud is. */
export function hasIdentity(directory: string): boolean {
	const domain = createHost({ directory }).storage.open({ path: IDENTITY });
	const keys = domain.keys();
	domain.close();
	return keys.includes("id") && keys.includes("endpoint");
}

async function readCertificate(file: string): Promise<X509Certificate> {
	const content = await readGiven(file);
	try {
		return new X509Certificate(content);
	} catch (error) {
		throw new DeviceError("credential", `${file} holds no certificate in PEM or DER`, { cause: error });
	}
}

async function readKey(file: string): Promise<KeyObject> {
	const content = await readGiven(file);
	if (content.includes("-----BEGIN")) {
		try {
			return createPrivateKey(content);
		} catch (error) {
			throw new DeviceError("credential", `${file} holds no private key that can be read without a passphrase`, { cause: error });
		}
	}
	for (const type of ["pkcs8", "pkcs1", "sec1"] as const) {
		try {
			return createPrivateKey({ key: content, format: "der", type });
		} catch {
			continue;
		}
	}
	throw new DeviceError("credential", `${file} holds no private key in PEM or DER`);
}

async function readShared(file: string): Promise<Identity> {
	const [, name, key] = /^([^\r\n]+):((?:[0-9a-f]{2})+)\s*$/i.exec((await readGiven(file)).toString()) ?? [];
	if (name === undefined || key === undefined) throw new DeviceError("credential", `${file} holds no name with a colon and a key in hexadecimal`);
	return { "psk-identity": name, psk: Buffer.from(key, "hex") };
}

async function readGiven(file: string): Promise<Buffer> {
	try {
		return await readFile(file);
	} catch (error) {
		throw new DeviceError("storage", `cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`, { cause: error });
	}
}

function commonName(certificate: X509Certificate): string | undefined {
	return /^CN=(.+)$/m.exec(certificate.subject)?.[1];
}
