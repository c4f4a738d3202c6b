// SPDX-License-Identifier: Apache-2.0
/** What a WebSocket promises about its opening handshake, and what TLS adds. */
import assert from "node:assert/strict";
import type { ErrorCode } from "../../../src/base/error.js";
import { pattern, refuses, SUBPROTOCOL, type Bench, type HostPromise } from "../bench.js";
import type { Peer } from "../platform.js";
import type { Probe } from "../probe.js";
import { fails, succeeds, type SecureVisit, type Visited } from "./secure.js";
import { answer, ascii, visit } from "./websocket.js";

/** More than any platform takes of a head. */
const LONG = 20_000;

/** Answers to the opening handshake, by what is wrong with them. */
const REFUSED: Readonly<Record<string, { code: ErrorCode; detail?: number; answer: (bench: Bench, accept: string) => Uint8Array }>> = {
	"without the subprotocol": { code: "violation", answer: (bench, accept) => answer(bench, accept, { "Sec-WebSocket-Protocol": undefined }) },
	"with another subprotocol": { code: "violation", answer: (bench, accept) => answer(bench, accept, { "Sec-WebSocket-Protocol": "other" }) },
	"without an answer to the key": { code: "violation", answer: (bench, accept) => answer(bench, accept, { "Sec-WebSocket-Accept": undefined }) },
	"with a wrong answer to the key": { code: "violation", answer: bench => answer(bench, "AAAAAAAAAAAAAAAAAAAAAAAAAAA=") },
	"for another protocol": { code: "violation", answer: (bench, accept) => answer(bench, accept, { Upgrade: "h2c" }) },
	"with an extension": { code: "violation", answer: (bench, accept) => answer(bench, accept, { "Sec-WebSocket-Extensions": "permessage-deflate" }) },
	"with status 404": { code: "rejected", detail: 404, answer: bench => ascii(bench, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n") },
	"with status 401 and a body": { code: "rejected", detail: 401, answer: bench => ascii(bench, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno") },
	"with a redirect": { code: "rejected", detail: 302, answer: bench => ascii(bench, "HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n") },
	"with status 200": { code: "rejected", detail: 200, answer: bench => ascii(bench, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") },
	"that is no HTTP": { code: "violation", answer: bench => ascii(bench, "SSH-2.0-OpenSSH_9.0\r\n\r\n") },
	"whose head is too long": { code: "too-large", answer: bench => ascii(bench, `HTTP/1.1 101 Switching Protocols\r\nX: ${"x".repeat(LONG)}`) },
};

export const openingPromises: readonly HostPromise[] = [...Object.entries(REFUSED).map(([what, { code, detail, answer }]): HostPromise => ({
	name: `an answer ${what} is one onError with ${code}, and no connection`,
	async run(bench) {
		const { probe, peer, accept } = await visit(bench);
		peer.send(answer(bench, accept));
		const error = await bench.wait(probe.failed());
		assert.deepEqual([error.code, error.detail], [code, detail], error.message);
		await bench.quiet();
		assert.deepEqual(probe.events, ["error"]);
		refuses("state", () => probe.write(pattern(1)));
	},
})), {
	name: "the request is that of RFC 6455: path, host with its port, a key of 16 bytes, version 13, the subprotocol, no extension",
	async run(bench) {
		const { request } = await visit(bench);
		assert.equal(request[0], "GET /a/b?c=d HTTP/1.1");
		const fields = new Map(request.slice(1).filter(line => line !== "").map(line => {
			const colon = line.indexOf(":");
			return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
		}));
		assert(/^server\.test:\d+$/.test(fields.get("host")!), fields.get("host"));
		assert.equal(fields.get("upgrade")!.toLowerCase(), "websocket");
		assert.equal(fields.get("connection")!.toLowerCase(), "upgrade");
		assert.equal(fields.get("sec-websocket-version"), "13");
		assert.equal(fields.get("sec-websocket-protocol"), SUBPROTOCOL);
		assert(/^[A-Za-z0-9+/]{22}==$/.test(fields.get("sec-websocket-key")!));
		assert.equal(fields.has("sec-websocket-extensions"), false);
	},
}, {
	name: "each connection has a key of its own",
	async run(bench) {
		const first = await visit(bench), second = await visit(bench);
		assert.notEqual(first.accept, second.accept);
	},
}, {
	name: "names of fields and tokens are taken in any case, lists in any order, and other fields are nobody's business",
	async run(bench) {
		const { probe, peer, accept } = await visit(bench);
		peer.send(answer(bench, "", {
			"Upgrade": undefined, "Connection": undefined, "Sec-WebSocket-Accept": undefined, "Sec-WebSocket-Protocol": undefined,
			"UPGRADE": "WebSocket", "connection": "keep-alive, UPGRADE", "sec-websocket-accept": accept, "SEC-WEBSOCKET-PROTOCOL": SUBPROTOCOL,
			"Server": "a (b) c/1.0", "Date": "", "Set-Cookie": "a=b; Path=/",
		}));
		await bench.wait(probe.connected());
	},
}, {
	name: "a server that ends instead of an answer is closed",
	async run(bench) {
		const { probe, peer } = await visit(bench);
		peer.end();
		assert.equal((await bench.wait(probe.failed())).code, "closed");
		await bench.quiet();
		assert.deepEqual(probe.events, ["error"]);
	},
}, {
	name: "a server that ends within its answer is closed",
	async run(bench) {
		const { probe, peer } = await visit(bench);
		peer.send(ascii(bench, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: web"));
		peer.end();
		assert.match((await bench.wait(probe.failed())).code, /^(closed|violation)$/);
		assert.deepEqual(probe.events, ["error"]);
	},
}, {
	name: "close during the handshake is silent, and ends the connection",
	async run(bench) {
		const { probe, peer } = await visit(bench);
		probe.close();
		await bench.wait(peer.ended);
		await bench.quiet();
		assert.deepEqual(probe.events, []);
	},
}, {
	name: "a refused connection is unreachable, as with TCP",
	async run(bench) {
		const { address, port } = await bench.wait(bench.platform.closedPort());
		const probe = bench.probe(callbacks => new bench.host.websocket.io({ address, port, host: "a.test", path: "/", protocol: SUBPROTOCOL, ...callbacks }));
		assert.equal((await bench.wait(probe.failed())).code, "unreachable");
		assert.deepEqual(probe.events, ["error"]);
	},
}, {
	name: "the constructor refuses options that cannot work with argument, before it connects",
	run(bench) {
		const wrong: Record<string, unknown>[] = [
			{ address: "a.test" }, { port: 0 }, { onReadable: 1 }, { onWritable: "x" }, { onError: {} },
			{ host: "" }, { host: "a b" }, { host: "a\r\nX: y" }, { host: undefined },
			{ path: "" }, { path: "mqtt" }, { path: "/a b" }, { path: "/a#b" }, { path: "/\r\nX: y" }, { path: "/\u00e4" }, { path: undefined },
			{ protocol: "" }, { protocol: "a,b" }, { protocol: "a b" }, { protocol: "a\r\nX: y" }, { protocol: undefined },
			{ secure: { certificates: [] } },
		];
		for (const options of wrong) {
			const whole = { address: "127.0.0.1", port: 80, host: "a.test", path: "/", protocol: "mqtt", ...options };
			refuses("argument", () => new bench.host.websocket.io(whole as never), JSON.stringify(options));
		}
	},
}];

async function visitSecurely(bench: Bench, { identity, server = {}, host = bench.tls.certificates.host, secure = {} }: SecureVisit): Promise<Visited> {
	const listener = await bench.wait(bench.platform.listenWebSocket(identity, server));
	bench.defer(() => listener.close());
	const { address, port } = listener;
	const probe = bench.probe(callbacks => new bench.host.websocket.io({
		address, port, host, path: "/mqtt", protocol: SUBPROTOCOL, secure: { certificates: [bench.tls.certificates.anchor], ...secure }, ...callbacks,
	}));
	return { listener, probe };
}

const accepted = async (bench: Bench, plan: SecureVisit): Promise<Peer> => succeeds(bench, await visitSecurely(bench, plan));
const refused = async (bench: Bench, plan: SecureVisit): Promise<Probe> => fails(bench, await visitSecurely(bench, plan));

export const secureWebSocketPromises: readonly HostPromise[] = [{
	name: "SNI carries the host name, and http/1.1 is the protocol offered",
	async run(bench) {
		const peer = await accepted(bench, { identity: bench.tls.certificates.server, server: { protocols: ["h2", "http/1.1"] } });
		assert.equal(peer.secure?.serverName, bench.tls.certificates.host);
		assert.equal(peer.secure?.protocol, "http/1.1");
	},
}, {
	name: "other protocols are offered instead when they are given",
	async run(bench) {
		const peer = await accepted(bench, {
			identity: bench.tls.certificates.server, server: { protocols: ["http/1.1", "x-special"] },
			secure: { applicationLayerProtocolNegotiation: ["x-special"] },
		});
		assert.equal(peer.secure?.protocol, "x-special");
	},
}, {
	name: "a server that asks for it gets our certificate",
	async run(bench) {
		const { anchor, server, client } = bench.tls.certificates;
		const peer = await accepted(bench, {
			identity: server, server: { clientAnchor: anchor }, secure: { clientCertificates: client.chain, clientKey: client.key },
		});
		assert.equal(peer.secure?.clientName, "device-1");
	},
}, {
	name: "without the certificate that the server requires the error is tls",
	async run(bench) {
		const { anchor, server } = bench.tls.certificates;
		await refused(bench, { identity: server, server: { clientAnchor: anchor } });
	},
}, {
	name: "the anchors are exactly those given, and the name is checked",
	async run(bench) {
		const { server, foreignAnchor, hostile } = bench.tls.certificates;
		await refused(bench, { identity: server, secure: { certificates: [foreignAnchor] } });
		await refused(bench, { identity: server, host: "other.test" });
		await refused(bench, { identity: hostile.expired });
		await refused(bench, { identity: hostile.wrongHost });
	},
}];
