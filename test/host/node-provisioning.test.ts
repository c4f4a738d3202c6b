// SPDX-License-Identifier: Apache-2.0
/** From a claim to a certificate on real keys and real X.509: what comes of it is what TLS takes. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type TLSSocket } from "node:tls";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createHost } from "../../hosts/node/index.js";
import { createAuthority } from "../../hosts/simulator/authority.js";
import { Certificates } from "../../hosts/simulator/clouds/aws/certificates.js";
import { Alarm } from "../../src/base/alarm.js";
import type { Host, KeyType } from "../../src/host.js";
import { IDENTITY, readCredentials, type Credentials } from "../../src/identity/credentials.js";
import { Provisioning } from "../../src/identity/provisioning.js";

const LOOPBACK = "127.0.0.1";
const authority = await createAuthority();
const server = await authority.issueServer();

function provision(host: Host, keyType: KeyType | undefined, cloudKeys: KeyType): Promise<Credentials> {
	const issuer = new Certificates(authority, { keyType: cloudKeys });
	const names = new Map<string, string>();
	return new Promise((resolve, reject) => {
		const turn = (): void => alarm.set(provisioning.deadline);
		const created = (answer: { certificateId: string; certificatePem: string; privateKeyPem?: string }): void => {
			names.set(`token of ${answer.certificateId}`, answer.certificateId.slice(0, 8));
			provisioning.created({ ...answer, ownershipToken: `token of ${answer.certificateId}` });
			turn();
		};
		const provisioning = new Provisioning(host, { keyType }, { onTurn: turn, onProvisioned: resolve, onError: reject });
		const alarm = new Alarm(host, {
			expire() {
				provisioning.expire(host.time.now());
				turn();
			},
		});
		provisioning.connected({
			create() {
				issuer.create(created, reject);
				return true;
			},
			createFromCSR(csr) {
				issuer.sign(csr, created, reject);
				return true;
			},
			register(token) {
				host.timer.set(() => {
					provisioning.registered({ thingName: names.get(token) });
					turn();
				}, 0);
				return true;
			},
		});
		turn();
	});
}

/** @returns the fingerprint of the certificate that the server saw */
function connect(host: Host, { anchor, certificate, key, intermediates = [] }: Credentials): Promise<string> {
	return new Promise((resolve, reject) => {
		const listening = createServer({
			cert: server.certificatePem, key: server.keyPem, ca: authority.certificatePem, requestCert: true, rejectUnauthorized: true,
		}, (socket: TLSSocket) => {
			resolve(socket.getPeerCertificate().fingerprint256.replaceAll(":", "").toLowerCase());
			socket.end();
			listening.close();
		});
		listening.on("tlsClientError", reject);
		listening.listen(0, LOOPBACK, () => {
			new host.tls.io({
				address: LOOPBACK, port: (listening.address() as AddressInfo).port, host: "localhost",
				secure: { certificates: [anchor!], clientCertificates: [certificate!, ...intermediates], clientKey: key },
				onError: () => {},
			});
		});
	});
}

for (const [name, keyType, cloudKeys] of [
	["the cloud's RSA key, in PKCS#1", undefined, "RSA-2048"], ["the cloud's P-256 key", undefined, "P-256"],
	["the device's P-256 key", "P-256", "RSA-2048"], ["the device's RSA key", "RSA-2048", "P-256"],
] as const) {
	test(`provisioned with ${name}, the device is let in over TLS, also after a reset`, async () => {
		const directory = mkdtempSync(join(tmpdir(), "moorline-provisioning-"));
		try {
			const host = createHost({ directory });
			const claim = await authority.issueClient({ name: "claim" });
			const domain = host.storage.open({ path: IDENTITY });
			domain.write("id", Buffer.from("claim"));
			domain.write("anchor", authority.certificate);
			domain.write("certificate", claim.certificate);
			domain.write("key", claim.key);
			domain.close();
			const { id, certificate } = await provision(host, keyType, cloudKeys);
			const after = createHost({ directory });
			const credentials = readCredentials(after);
			assert.deepEqual(credentials.certificate, certificate);
			const fingerprint = await connect(after, credentials);
			assert.equal(fingerprint.slice(0, 8), id, "the very certificate that was registered");
		} finally {
			rmSync(directory, { recursive: true });
		}
	});
}
