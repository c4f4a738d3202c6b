// SPDX-License-Identifier: Apache-2.0
/** Makes devices for people: an identity as files that every tool reads. */
import { X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { KeyType } from "../authority.js";
import type { DeviceIdentity } from "../identity.js";
import type { Registry } from "../services/registry.js";
import { keyToPem } from "./identity.js";

export interface CertificateFiles {
	cert: string;
	key: string;
}

/** What makes devices. */
export interface Factory {
	readonly registry: Registry;
	manufacture(id: string, options: { keyType?: KeyType | undefined }): Promise<DeviceIdentity>;
}

/** The files of the device `id`, made now unless an earlier run made them. */
export async function manufactureFiles(cloud: Factory, id: string, directory: string, keyType: KeyType): Promise<CertificateFiles> {
	const files = { cert: join(directory, `${id}.pem`), key: join(directory, `${id}-key.pem`) };
	if (existsSync(files.cert) && existsSync(files.key)) {
		const certificate = new X509Certificate(await readFile(files.cert));
		cloud.registry.register(id, certificate.fingerprint256.replaceAll(":", "").toLowerCase());
		return files;
	}
	const { certificate, key } = await cloud.manufacture(id, { keyType });
	mkdirSync(directory, { recursive: true });
	// The certificate last: with it the identity is complete.
	writeFileSync(files.key, keyToPem(key), { mode: 0o600 });
	writeFileSync(files.cert, new X509Certificate(certificate).toString());
	return files;
}
