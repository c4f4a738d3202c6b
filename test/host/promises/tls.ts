// SPDX-License-Identifier: Apache-2.0
/** What TLS promises beyond what every stream does: whom it trusts, what it shows, and how it refuses. */
import assert from "node:assert/strict";
import type { DeviceError } from "../../../src/base/error.js";
import type { SecureOptions } from "../../../src/host.js";
import { pattern, refuses, tcpLink, type Bench, type HostPromise } from "../bench.js";
import type { Certificates, HostileServers } from "../certificates.js";
import type { Peer } from "../platform.js";
import type { Probe } from "../probe.js";
import { fails, succeeds, type SecureVisit, type Visited } from "./secure.js";

/** The alert that a server sends to who has no certificate: handshake_failure (RFC 5246 §7.4.6), certificate_required (RFC 8446 §6.2). */
const ABSENT = { "TLSv1.2": 40, "TLSv1.3": 116 } as const;

/** Opens a stream to a server of its own. */
async function visit(bench: Bench, { identity, server = {}, host = bench.tls.certificates.host, secure = {} }: SecureVisit): Promise<Visited> {
	const listener = await bench.listen({ listen: () => bench.tls.listen(identity, server), open: tcpLink.open });
	const { address, port } = listener;
	const probe = bench.probe(callbacks => new bench.host.tls.io({
		address, port, host, secure: { certificates: [bench.tls.certificates.anchor], ...secure }, ...callbacks,
	}));
	return { listener, probe };
}

const accepted = async (bench: Bench, plan: SecureVisit): Promise<Peer> => succeeds(bench, await visit(bench, plan));
const refused = async (bench: Bench, plan: SecureVisit): Promise<Probe> => fails(bench, await visit(bench, plan));

export const tlsPromises: readonly HostPromise[] = [{
	name: "a chain of leaf and intermediate up to the anchor is accepted",
	async run(bench) { await accepted(bench, { identity: bench.tls.certificates.server }); },
}, {
	name: "a chain of the leaf alone is accepted when the anchor signed it",
	async run(bench) { await accepted(bench, { identity: bench.tls.certificates.leafOnly }); },
}, {
	name: "a chain that ends with the anchor itself is accepted",
	async run(bench) { await accepted(bench, { identity: bench.tls.certificates.withAnchor }); },
}, {
	name: "any of several anchors is enough",
	async run(bench) {
		const { server, anchor, foreignAnchor } = bench.tls.certificates;
		await accepted(bench, { identity: server, secure: { certificates: [foreignAnchor, anchor] } });
	},
}, {
	name: "the anchors are exactly those given: with another one a good server is refused",
	async run(bench) {
		const { server, foreignAnchor } = bench.tls.certificates;
		await refused(bench, { identity: server, secure: { certificates: [foreignAnchor] } });
	},
}, {
	name: "SNI carries the host name",
	async run(bench) {
		const peer = await accepted(bench, { identity: bench.tls.certificates.server });
		assert.equal(peer.secure?.serverName, bench.tls.certificates.host);
	},
}, {
	name: "an IP address as host is checked against the addresses of the certificate, without SNI",
	async run(bench) {
		const { server, address } = bench.tls.certificates;
		const peer = await accepted(bench, { identity: server, host: address });
		assert.equal(peer.secure?.serverName, undefined);
	},
}, {
	name: "an IP address that the certificate does not name is refused",
	async run(bench) { await refused(bench, { identity: bench.tls.certificates.server, host: "127.0.0.9" }); },
}, {
	name: "a wildcard covers one label",
	async run(bench) { await accepted(bench, { identity: bench.tls.certificates.wildcard, host: "a.wild.test" }); },
}, {
	name: "a wildcard covers neither two labels nor none",
	async run(bench) {
		for (const host of ["a.b.wild.test", "wild.test"]) await refused(bench, { identity: bench.tls.certificates.wildcard, host });
	},
}, {
	name: "the protocol that both sides have is agreed on",
	async run(bench) {
		const peer = await accepted(bench, {
			identity: bench.tls.certificates.server,
			server: { protocols: ["http/1.1", "mqtt"] },
			secure: { applicationLayerProtocolNegotiation: ["x-amzn-mqtt-ca", "mqtt"] },
		});
		assert.equal(peer.secure?.protocol, "mqtt");
	},
}, {
	name: "a server without any of the protocols is refused with tls and its alert 120",
	async run(bench) {
		const probe = await refused(bench, {
			identity: bench.tls.certificates.server,
			server: { protocols: ["http/1.1"] },
			secure: { applicationLayerProtocolNegotiation: ["mqtt"] },
		});
		assert.equal(probe.error?.detail, 120);
	},
}, {
	name: "a server that does not speak TLS is refused with tls",
	async run(bench) {
		const { host, anchor } = bench.tls.certificates;
		const listener = await bench.listen(tcpLink);
		const { address, port } = listener;
		const probe = bench.probe(callbacks => new bench.host.tls.io({ address, port, host, secure: { certificates: [anchor] }, ...callbacks }));
		const peer = await bench.wait(listener.accept());
		peer.send(pattern(100));
		assert.equal((await bench.wait(probe.failed())).code, "tls");
		assert.deepEqual(probe.events, ["error"]);
	},
}, {
	name: "a server that ends the connection during the handshake is closed or tls, once, and never connected",
	async run(bench) {
		const { host, anchor } = bench.tls.certificates;
		const listener = await bench.listen(tcpLink);
		const { address, port } = listener;
		const probe = bench.probe(callbacks => new bench.host.tls.io({ address, port, host, secure: { certificates: [anchor] }, ...callbacks }));
		const peer = await bench.wait(listener.accept());
		await bench.wait(peer.receive(1));
		peer.end();
		assert.match((await bench.wait(probe.failed())).code, /^(closed|tls)$/);
		await bench.quiet();
		assert.deepEqual(probe.events, ["error"]);
	},
}, {
	name: "a refused connection is unreachable, as with TCP",
	async run(bench) {
		const { host, anchor } = bench.tls.certificates;
		const { address, port } = await bench.wait(bench.platform.closedPort());
		const probe = bench.probe(callbacks => new bench.host.tls.io({ address, port, host, secure: { certificates: [anchor] }, ...callbacks }));
		assert.equal((await bench.wait(probe.failed())).code, "unreachable");
		assert.deepEqual(probe.events, ["error"]);
	},
}, ...clientPromises(), {
	name: "the key of another certificate is refused, by the constructor or before the stream is connected",
	async run(bench) {
		const { anchor, client, foreignClient, server } = bench.tls.certificates;
		let probe: Probe | undefined;
		try {
			({ probe } = await visit(bench, {
				identity: server,
				server: { clientAnchor: anchor },
				secure: { clientCertificates: client.chain, clientKey: foreignClient.key },
			}));
		} catch (error) {
			assert.equal((error as DeviceError).code, "argument");
			return;
		}
		assert.match((await bench.wait(probe.failed())).code, /^(tls|argument)$/);
		assert.deepEqual(probe.events, ["error"]);
	},
}, {
	name: "the constructor refuses options that cannot work with argument, before it connects",
	run(bench) {
		const { anchor, client } = bench.tls.certificates;
		const certificates = [anchor];
		const garbage = pattern(200);
		const cases: Record<string, unknown> = {
			"no options": undefined,
			"no anchor": { certificates: [] },
			"an anchor that is no certificate": { certificates: [garbage] },
			"an anchor that is text": { certificates: ["anchor"] },
			"a client certificate without its key": { certificates, clientCertificates: client.chain },
			"a client certificate that is none": { certificates, clientCertificates: [garbage], clientKey: client.key },
			"a client key that is none": { certificates, clientCertificates: client.chain, clientKey: garbage },
			"an empty protocol name": { certificates, applicationLayerProtocolNegotiation: [""] },
		};
		for (const [what, secure] of Object.entries(cases)) {
			refuses("argument", () => new bench.host.tls.io({ address: "127.0.0.1", port: 8883, host: "a.test", secure: secure as SecureOptions }), what);
		}
		for (const options of [{ host: "" }, { address: "a.test" }, { port: 0 }, { onError: 1 }]) {
			const whole = { address: "127.0.0.1", port: 8883, host: "a.test", secure: { certificates }, ...options };
			refuses("argument", () => new bench.host.tls.io(whole as never), JSON.stringify(options));
		}
	},
}];

function clientPromises(): HostPromise[] {
	return (["TLSv1.2", "TLSv1.3"] as const).flatMap(version => [{
		name: `${version}: a server that asks for it gets our certificate with its chain`,
		async run(bench: Bench) {
			if (!bench.tls.versions.includes(version)) return;
			const { anchor, server, client } = bench.tls.certificates;
			const peer = await accepted(bench, {
				identity: server,
				server: { version, clientAnchor: anchor },
				secure: { clientCertificates: client.chain, clientKey: client.key },
			});
			assert.equal(peer.secure?.clientName, "device-1");
		},
	}, {
		name: `${version}: a server that does not ask for it does not get our certificate`,
		async run(bench: Bench) {
			if (!bench.tls.versions.includes(version)) return;
			const { server, client } = bench.tls.certificates;
			const peer = await accepted(bench, {
				identity: server, server: { version }, secure: { clientCertificates: client.chain, clientKey: client.key },
			});
			assert.equal(peer.secure?.clientName, undefined);
		},
	}, {
		name: `${version}: without the certificate that the server requires the error is tls with alert ${ABSENT[version]}`,
		async run(bench: Bench) {
			if (!bench.tls.versions.includes(version)) return;
			const { anchor, server } = bench.tls.certificates;
			const { probe } = await visit(bench, { identity: server, server: { version, clientAnchor: anchor } });
			const error = await bench.wait(probe.failed());
			assert.equal(error.code, "tls", error.message);
			assert.equal(error.detail, ABSENT[version]);
		},
	}, {
		name: `${version}: a certificate that the server refuses ends in one onError with tls or closed`,
		async run(bench: Bench) {
			if (!bench.tls.versions.includes(version)) return;
			const { anchor, server, foreignClient } = bench.tls.certificates;
			const { probe } = await visit(bench, {
				identity: server,
				server: { version, clientAnchor: anchor },
				secure: { clientCertificates: foreignClient.chain, clientKey: foreignClient.key },
			});
			// Servers may end the connection without an alert (RFC 8446 §6.2 only recommends it), and Node's does.
			assert.match((await bench.wait(probe.failed())).code, /^(tls|closed)$/);
		},
	}]);
}

/** In plain words, what is wrong with each. */
const HOSTILE: Readonly<Record<keyof HostileServers, string>> = {
	foreign: "signed by a foreign authority",
	selfSigned: "signed by nobody but itself",
	expired: "that has expired",
	notYetValid: "that is not yet valid",
	wrongHost: "for another host",
	unlinked: "whose issuer in the chain has the right name and another key",
	unrelated: "followed by a certificate that did not sign it",
	issuerIsNoAuthority: "signed by a certificate that is no authority",
	expiredIssuer: "whose issuer has expired",
	tampered: "with one wrong bit in its signature",
	clientOnly: "that is not made for servers",
};

export const refusalPromises: readonly HostPromise[] = Object.entries(HOSTILE).map(([kind, words]) => ({
	name: `a server certificate ${words} is refused with tls`,
	async run(bench) {
		const certificates: Certificates = bench.tls.certificates;
		await refused(bench, { identity: certificates.hostile[kind as keyof HostileServers] });
	},
}));
