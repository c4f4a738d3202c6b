// SPDX-License-Identifier: Apache-2.0
/**
 * The TLS of the Moddable host against good, hostile and lying servers, in Moddable's simulator on Linux.
 *
 * Run it with `node dist/test/moddable/tls/run.js`; simulator.ts says what that needs.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createPlainServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createServer, type TlsOptions } from "node:tls";
import { fileURLToPath } from "node:url";
import { makeCertificates, toPEM, type Identity } from "../../host/certificates.js";
import { simulate } from "../simulator.js";
import { editing, HEADER, Message, record, replacing, tamper, type Rewriter } from "./tamper.js";

const ALERT = 21;
const APPLICATION_DATA = 23;
const SOURCE = resolve(dirname(fileURLToPath(import.meta.url)), "../../../../test/moddable/tls");

interface Visit { name: string; port: number; host: string; anchors: string[]; client: string[]; protocols: string[]; expected: RegExp }

const rsa = await makeCertificates("RSA-2048");
const ec = await makeCertificates("P-256");
const visits: Visit[] = [];
const servers: Server[] = [];

async function listen(server: Server): Promise<number> {
	servers.push(server);
	await new Promise<void>(done => server.listen(0, "127.0.0.1", done));
	return (server.address() as AddressInfo).port;
}

function echo(identity: Identity, options: TlsOptions = {}): Promise<number> {
	const server = createServer({
		cert: identity.chain.map(certificate => toPEM("CERTIFICATE", certificate)).join(""),
		key: toPEM("PRIVATE KEY", identity.key),
		...options,
	}, socket => socket.on("error", () => {}).pipe(socket));
	return listen(server.on("tlsClientError", () => {}));
}

function expect(name: string, port: number, expected: RegExp, more: Partial<Visit> = {}): void {
	visits.push({ name, port, expected, host: rsa.host, anchors: ["rsa"], client: [], protocols: [], ...more });
}

const mutual: TlsOptions = { requestCert: true, rejectUnauthorized: true, ca: toPEM("CERTIFICATE", rsa.anchor) };
const good = await echo(rsa.server);
expect("chain of two", good, /^ok$/);
expect("leaf only", await echo(rsa.leafOnly), /^ok$/);
expect("chain with its anchor", await echo(rsa.withAnchor), /^ok$/);
expect("by address", good, /^ok$/, { host: rsa.address });
expect("several anchors", good, /^ok$/, { anchors: ["foreign", "ec", "rsa"] });
expect("wildcard", await echo(rsa.wildcard), /^ok$/, { host: "lamp.wild.test" });
expect("wildcard for two labels", await echo(rsa.wildcard), /^tls : host name mismatch$/, { host: "a.lamp.wild.test" });
expect("P-256", await echo(ec.server), /^ok$/, { anchors: ["ec"] });
expect("client chain longer than the window", await echo(rsa.server, mutual), /^ok$/, { client: ["leaf", "intermediate"] });
// Node looks at a client's certificate after the handshake, and just hangs up.
expect("client not known", await echo(rsa.server, { ...mutual, ca: toPEM("CERTIFICATE", ec.anchor) }), /^closed : /, { client: ["leaf"] });
expect("client without certificate", await echo(rsa.server, mutual), /^tls 40: /);
expect("ALPN", await echo(rsa.server, { ALPNProtocols: ["mqtt"] }), /^ok$/, { protocols: ["x-amzn-mqtt-ca", "mqtt"] });
expect("ALPN without a common protocol", await echo(rsa.server, { ALPNProtocols: ["h2"] }), /^tls 120: /, { protocols: ["mqtt"] });
expect("TLS 1.3 only", await echo(rsa.server, { minVersion: "TLSv1.3" }), /^tls 70: /);
expect("no forward secrecy", await echo(rsa.server, { ciphers: "AES128-GCM-SHA256" }), /^tls 40: /);

const HOSTILE: Record<keyof typeof rsa.hostile, RegExp> = {
	foreign: /^tls : the certificate path does not end at a trust anchor$/,
	selfSigned: /^tls : the certificate path does not end at a trust anchor$/,
	expired: /^tls : a certificate has expired$/,
	notYetValid: /^tls : a certificate is not yet valid$/,
	wrongHost: /^tls : host name mismatch$/,
	unlinked: /^tls : a certificate is not signed by the next one of the chain$/,
	unrelated: /^tls : a certificate is not signed by the next one of the chain$/,
	issuerIsNoAuthority: /^tls : an issuer in the chain is no certificate authority$/,
	expiredIssuer: /^tls : a certificate has expired$/,
	tampered: /^tls : a certificate is not signed by the next one of the chain$/,
	clientOnly: /^tls : the certificate of the server is not made for this use$/,
};
for (const kind of Object.keys(HOSTILE) as (keyof typeof HOSTILE)[]) {
	expect(`hostile ${kind}`, await echo(rsa.hostile[kind]), HOSTILE[kind]);
	expect(`hostile ${kind}, P-256`, await echo(ec.hostile[kind]), HOSTILE[kind], { anchors: ["ec"] });
}

const rules = /^tls : the server broke the rules of the handshake$/;
const LIES: Record<string, [Rewriter, RegExp]> = {
	"older version": [editing(Message.HELLO, body => body.writeUInt16BE(0x0302, 0)), /^tls : the server does not speak TLS 1.2$/],
	"key exchange without signature": [editing(Message.KEY_EXCHANGE, body => body.writeUInt16BE(0, 69)), rules],
	"key exchange without hash": [editing(Message.KEY_EXCHANGE, body => body.writeUInt8(0, 69)), rules],
	"other key": [editing(Message.KEY_EXCHANGE, body => body.writeUInt8(body[20]! ^ 1, 20)), /^tls : .*failed to verify signature$/],
	"no certificate": [replacing(Message.CERTIFICATE, Buffer.alloc(0), false), rules],
	"no key exchange": [replacing(Message.KEY_EXCHANGE, Buffer.alloc(0), false), rules],
	"goodbye within the handshake": [replacing(Message.HELLO_DONE, record(ALERT, [1, 0]), false), /^tls 0: /],
	"data within the handshake": [replacing(Message.HELLO_DONE, record(APPLICATION_DATA, [1, 2, 3]), true), rules],
	"early change of cipher": [replacing(Message.CERTIFICATE, record(20, [1]), false), rules],
	"early finished": [replacing(Message.KEY_EXCHANGE, record(22, [20, 0, 0, 12, ...Buffer.alloc(12)]), false), rules],
	// A length far beyond the certificate.
	"lengths out of the certificate": [
		editing(Message.CERTIFICATE, body => Buffer.from([2, 0x84, 255, 255, 255, 240]).copy(body, 3 + 3 + 4 + 4 + 5)),
		/^tls : a certificate is malformed$/,
	],
	"record without end": [replacing(Message.CERTIFICATE, Buffer.from([22, 3, 3, 255, 255]), true), /^tls : |^closed : /],
};
for (const [name, [rewrite, expected]] of Object.entries(LIES)) {
	// A record that is longer than its message, or none at all, makes OpenSSL wait: the device must not.
	expect(`lie: ${name}`, await listen(tamper(good, rewrite)), expected);
}
// ECDSA's numbers are 1 at least.
const zero: Rewriter = (bytes, kind) => {
	if (kind !== Message.KEY_EXCHANGE) return bytes;
	const body = [...bytes.subarray(HEADER + 4, HEADER + 4 + 71), 0, 8, 0x30, 6, 2, 1, 0, 2, 1, 0];
	return record(22, [kind, 0, 0, body.length, ...body]);
};
expect("lie: signature of zeros", await listen(tamper(await echo(ec.server), zero)), /^tls : .*failed to verify signature$/, { anchors: ["ec"] });
const plain = (answer: string): Server => createPlainServer(socket => socket.on("error", () => {}).end(answer));
expect("no TLS at all", await listen(plain("HTTP/1.1 400 Bad Request\r\n\r\n")), /^(tls|closed) : /);
// The simulator does not tell a connection that ends at once from one that never stood.
expect("silence", await listen(plain("")), /^(closed|unreachable) : /);

/** A server that keeps sessions by their identifiers, as the device's client knows them; Node's own has tickets only. */
class SessionPlace {
	/** Whether each connection was one resumed, in their order. */
	readonly reused: boolean[] = [];
	readonly wanted: boolean[] = [];
	forgets = false;
	port = 0;
	readonly #sessions = new Map<string, Buffer>();

	static async make(identity: Identity): Promise<SessionPlace> {
		const place = new SessionPlace();
		const server = createServer({
			cert: identity.chain.map(certificate => toPEM("CERTIFICATE", certificate)).join(""), key: toPEM("PRIVATE KEY", identity.key),
			requestCert: true, rejectUnauthorized: false, ca: toPEM("CERTIFICATE", rsa.anchor),
		}, socket => {
			place.reused.push(socket.isSessionReused());
			socket.on("error", () => {}).pipe(socket);
		});
		server.on("newSession", (id, data, done) => {
			place.#sessions.set(id.toString("hex"), data);
			done();
		});
		server.on("resumeSession", (id, done) => done(null, (place.forgets ? undefined : place.#sessions.get(id.toString("hex"))) ?? null));
		server.on("tlsClientError", () => {});
		place.port = await listen(server);
		return place;
	}

	expect(name: string, isReused: boolean, more: Partial<Visit> = {}): void {
		this.wanted.push(isReused);
		expect(`session: ${name}`, this.port, /^ok$/, more);
	}
}

const sessions = await SessionPlace.make(rsa.server);
sessions.expect("first", false);
sessions.expect("again", true);
sessions.expect("and again", true);
sessions.expect("with a client certificate", false, { client: ["leaf"] });
sessions.expect("again with it", true, { client: ["leaf"] });
sessions.expect("without it", false);
sessions.expect("with another anchor, too", false, { anchors: ["rsa", "ec"] });
sessions.expect("in another order", false, { anchors: ["ec", "rsa"] });
sessions.expect("with a protocol", false, { protocols: ["mqtt"] });
sessions.expect("with it again", true, { protocols: ["mqtt"] });
// Literal addresses have no name to go by, and are not resumed.
sessions.expect("by address", false, { host: rsa.address });
sessions.expect("with the protocol once more", true, { protocols: ["mqtt"] });
expect("session: with an anchor that does not lead there", sessions.port, /^tls : the certificate path does not end at a trust anchor$/, { anchors: ["foreign"], protocols: ["mqtt"] });
expect("session: for another name", sessions.port, /^tls : host name mismatch$/, { host: "other.test", protocols: ["mqtt"] });

// The server does not resume; the man in the middle gives the device its own identifier back.
const forgetful = await SessionPlace.make(rsa.server);
forgetful.forgets = true;
let told: Buffer = Buffer.alloc(0);
const echoing = await listen(tamper(forgetful.port, editing(Message.HELLO, body => {
	if (told.byteLength > 0) told.copy(body, 35);
	told = Buffer.from(body.subarray(35, 35 + body[34]!));
})));
expect("session: first with a server that forgets", echoing, /^ok$/);
expect("lie: resumed, but with a handshake", echoing, rules);
expect("session: after that lie", forgetful.port, /^ok$/);
expect("session: forgotten", forgetful.port, /^ok$/);

const directory = mkdtempSync(join(tmpdir(), "moorline-"));
const store = join(directory, "storage", "visits");
mkdirSync(store, { recursive: true });
const values: Record<string, Uint8Array> = {
	plan: Buffer.from(JSON.stringify(visits)), rsa: rsa.anchor, ec: ec.anchor, foreign: rsa.foreignAnchor,
	leaf: rsa.client.chain[0]!, intermediate: rsa.client.chain[1]!, key: rsa.client.key,
};
for (const [key, value] of Object.entries(values)) writeFileSync(join(store, key), value);

const results = new Map<string, string>();
await simulate(SOURCE, directory, line => {
	// The simulator's own remarks have no line end.
	const [, name, result] = /visit (.*) \| (.*)/.exec(line) ?? [];
	if (name !== undefined) results.set(name, result!);
	return line.includes("visits done");
});
for (const server of servers) server.close();
rmSync(directory, { recursive: true });

let failures = 0;
for (const { name, expected } of visits) {
	const result = results.get(name);
	const isAsExpected = result !== undefined && expected.test(result);
	if (!isAsExpected) failures++;
	console.log(`${isAsExpected ? "ok    " : "FAILED"} ${name}: ${result ?? "no result"}`);
}
for (const [index, isReused] of sessions.wanted.entries()) {
	if (sessions.reused[index] === isReused) continue;
	failures++;
	console.log(`FAILED session ${index + 1}: ${sessions.reused[index] ? "resumed" : "not resumed"}`);
}
if (forgetful.reused.includes(true)) failures++;
console.log(failures === 0 ? `all ${visits.length} as expected` : `${failures} of ${visits.length} are not as expected`);
process.exit(failures === 0 ? 0 : 1);
