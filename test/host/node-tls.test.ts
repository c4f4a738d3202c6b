// SPDX-License-Identifier: Apache-2.0
/** The Node host's TLS: each refusal in plain words, and RSA beside P-256. The rest is in promises/tls.ts. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, test } from "node:test";
import type { DeviceError } from "../../src/base/error.js";
import type { SecureOptions, Stream } from "../../src/host.js";
import { makeCertificates, type Certificates, type HostileServers, type Identity } from "./certificates.js";
import { makeNodePlatform } from "./node-platform.js";
import type { TLSServerOptions } from "./platform.js";

const platform = await makeNodePlatform();
after(() => rmSync(platform.directory, { recursive: true, force: true }));
const { listen, certificates } = platform.tls!;
const rsa = await makeCertificates("RSA-2048");

const REASONS: Readonly<Record<keyof HostileServers, RegExp>> = {
	foreign: /unknown issuer/,
	selfSigned: /unknown issuer/,
	expired: /has expired/,
	notYetValid: /not yet valid/,
	wrongHost: /host name mismatch/,
	unlinked: /not signed by the next one/,
	unrelated: /unknown issuer/,
	issuerIsNoAuthority: /key usage does not include certificate signing/,
	expiredIssuer: /has expired/,
	tampered: /not signed by the next one/,
	clientOnly: /not made for this use/,
};

/** @returns the error, or `undefined` when the connection stands */
async function visit(set: Certificates, identity: Identity, secure: Partial<SecureOptions> = {}, options: TLSServerOptions = {}): Promise<DeviceError | undefined> {
	const server = await listen(identity, options);
	let stream: Stream | undefined;
	try {
		return await new Promise(resolve => {
			stream = new platform.host.tls.io({
				address: server.address,
				port: server.port,
				host: set.host,
				secure: { certificates: [set.anchor], ...secure },
				onWritable: () => resolve(undefined),
				onError: resolve,
			});
		});
	} finally {
		stream?.close();
		server.close();
	}
}

for (const [kind, reason] of Object.entries(REASONS)) {
	test(`tls: the refusal of a server that is ${kind} names its reason`, async () => {
		const error = await visit(certificates, certificates.hostile[kind as keyof HostileServers]);
		assert.match(error?.message ?? "connected", reason);
	});
}

test("tls: RSA-2048 servers and clients work, and hostile RSA servers are refused", async () => {
	const secure = { clientCertificates: rsa.client.chain, clientKey: rsa.client.key };
	assert.equal(await visit(rsa, rsa.server, secure, { clientAnchor: rsa.anchor }), undefined);
	assert.equal(await visit(rsa, rsa.leafOnly), undefined);
	for (const [kind, reason] of Object.entries(REASONS)) {
		const error = await visit(rsa, rsa.hostile[kind as keyof HostileServers]);
		assert.match(error?.message ?? "connected", reason, kind);
	}
});

test("tls: a P-256 device certificate is accepted by an RSA-2048 server", async () => {
	const { client, anchor } = certificates;
	assert.equal(await visit(rsa, rsa.server, { clientCertificates: client.chain, clientKey: client.key }, { clientAnchor: anchor }), undefined);
});

test("tls: an intermediate given as anchor is one", async () => {
	assert.equal(await visit(certificates, certificates.server, { certificates: [certificates.server.chain[1]!] }), undefined);
});
