// SPDX-License-Identifier: Apache-2.0
/** What the authority issues, judged by OpenSSL through node:tls and node:crypto. */
import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { connect, createServer } from "node:tls";
import type { Authority, Credential } from "../../hosts/simulator/authority.js";
import { createAuthority } from "../../hosts/simulator/authority.js";

const DAY = 86_400_000;

/** A handshake between the two. @returns the names that each saw of the other, or throws what the client saw */
async function shake(authority: Authority, server: Credential, client: Credential, servername = "localhost"): Promise<string[]> {
	const ca = authority.certificatePem;
	const listener = createServer({ cert: server.certificatePem, key: server.keyPem, ca, requestCert: true, rejectUnauthorized: true });
	listener.on("secureConnection", socket => { socket.end(String(socket.getPeerCertificate().subject.CN)); });
	listener.listen(0, "127.0.0.1");
	await once(listener, "listening");
	try {
		const socket = connect({ host: "127.0.0.1", port: (listener.address() as AddressInfo).port, servername, ca, cert: client.certificatePem, key: client.keyPem });
		const seen: Buffer[] = [];
		let peer = "";
		socket.on("data", (bytes: Buffer) => seen.push(bytes));
		socket.on("secureConnect", () => { peer = socket.getPeerCertificate().subject.CN as string; });
		await once(socket, "close");
		return [Buffer.concat(seen).toString(), peer];
	} finally {
		listener.close();
	}
}

suite("Authority", () => {
	for (const authorityKey of ["P-256", "RSA-2048"] as const) {
		for (const keyType of ["P-256", "RSA-2048"] as const) {
			test(`a handshake with ${keyType} keys under an authority with ${authorityKey} verifies both sides`, async () => {
				const authority = await createAuthority({ keyType: authorityKey });
				const server = await authority.issueServer({ keyType });
				const client = await authority.issueDevice({ id: "lamp-1", keyType });
				assert.deepEqual(await shake(authority, server, client), ["lamp-1", "localhost"]);
			});
		}
	}

	test("server certificates that no client may accept can be made, and are refused", async () => {
		const authority = await createAuthority();
		const client = await authority.issueDevice({ id: "lamp" });
		const good = await authority.issueServer();
		await assert.rejects(shake(authority, await authority.issueServer({ notAfter: new Date(Date.now() - 1000) }), client), { code: "CERT_HAS_EXPIRED" });
		await assert.rejects(shake(authority, await authority.issueServer({ notBefore: new Date(Date.now() + DAY) }), client), { code: "CERT_NOT_YET_VALID" });
		await assert.rejects(shake(authority, good, client, "elsewhere"), { code: "ERR_TLS_CERT_ALTNAME_INVALID" });
		await assert.rejects(shake(authority, await (await createAuthority()).issueServer(), client), /signature|issuer|verify/i);
		// A device's certificate is none for a server.
		await assert.rejects(shake(authority, client, client, "lamp"), /purpose/);
	});

	test("certificates carry what RFC 5280 asks for", async () => {
		const authority = await createAuthority({ name: "Test CA" });
		const anchor = new X509Certificate(authority.certificate);
		const server = new X509Certificate((await authority.issueServer({ names: ["broker.test", "10.1.2.3"] })).certificate);
		const device = new X509Certificate((await authority.issueDevice({ id: "lamp" })).certificate);
		assert.deepEqual([anchor.ca, server.ca, device.ca], [true, false, false]);
		assert.deepEqual([anchor.subject, device.issuer, device.subject, server.subject], ["CN=Test CA", "CN=Test CA", "CN=lamp", "CN=broker.test"]);
		assert.equal(server.subjectAltName, "DNS:broker.test, IP Address:10.1.2.3");
		assert.deepEqual([server.keyUsage, device.keyUsage], [["1.3.6.1.5.5.7.3.1"], ["1.3.6.1.5.5.7.3.2"]]);
		assert.ok(device.checkIssued(anchor) && device.verify(anchor.publicKey) && anchor.verify(anchor.publicKey));
		const serials = new Set([anchor, server, device].map(certificate => certificate.serialNumber));
		assert.equal(serials.size, 3);
		for (const serial of serials) assert.ok(serial.length >= 16 && serial.length <= 40);
	});

	test("the key is PKCS#8 and belongs to the certificate, in DER and in PEM", async () => {
		const authority = await createAuthority();
		for (const keyType of ["P-256", "RSA-2048"] as const) {
			const issued = await authority.issueDevice({ id: "lamp", keyType });
			const key = createPrivateKey({ key: Buffer.from(issued.key), format: "der", type: "pkcs8" });
			const certificate = new X509Certificate(issued.certificate);
			assert.equal(key.asymmetricKeyType, keyType === "P-256" ? "ec" : "rsa");
			assert.ok(certificate.checkPrivateKey(key));
			assert.ok(new X509Certificate(issued.certificatePem).checkPrivateKey(createPrivateKey(issued.keyPem)));
			assert.equal(issued.fingerprint, certificate.fingerprint256.replaceAll(":", "").toLowerCase());
		}
	});

	test("an id that is none gets no certificate", async () => {
		const authority = await createAuthority();
		for (const id of ["", "#", "a/b", "a,CN=b"]) await assert.rejects(authority.issueDevice({ id }), { code: "argument" });
	});

	test("an authority in a directory is the same when it is opened again, and its key is nobody else's to read", async () => {
		const directory = join(mkdtempSync(join(tmpdir(), "moorline-authority-")), "ca");
		try {
			for (const keyType of ["P-256", "RSA-2048"] as const) {
				const path = join(directory, keyType);
				const first = await createAuthority({ directory: path, keyType });
				const second = await createAuthority({ directory: path });
				assert.deepEqual(second.certificate, first.certificate);
				assert.deepEqual(await shake(second, await first.issueServer(), await second.issueDevice({ id: "lamp" })), ["lamp", "localhost"]);
				assert.equal(statSync(join(path, "authority-key.pem")).mode & 0o777, 0o600);
			}
			const broken = join(directory, "P-256");
			writeFileSync(join(broken, "authority-key.pem"), "no key");
			await assert.rejects(createAuthority({ directory: broken }), { code: "corrupt" });
		} finally {
			rmSync(join(directory, ".."), { recursive: true, force: true });
		}
	});
});
