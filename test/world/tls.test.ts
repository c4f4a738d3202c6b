// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { FLAWS, type Credentials, type IssueOptions, type Peer, type ServerSecureOptions } from "../../hosts/world/index.js";
import type { SecureOptions, Stream } from "../../src/host.js";
import { bytes, createScene, Recorder, SERVER, type Scene } from "./scene.js";

const NAME = "broker.test", PORT = 8883, DAY = 86_400_000;

interface Shake { client: Recorder; server: Recorder; peer: Peer | undefined }

interface Wishes {
	server?: Partial<IssueOptions>;
	credentials?: Credentials;
	tls?: Partial<ServerSecureOptions>;
	secure?: Partial<SecureOptions>;
	host?: string;
}

/** Tries a TLS connection from the device and runs until it is open or over. */
function shake({ world, host }: Scene, wishes: Wishes = {}): Shake {
	const credentials = wishes.credentials ?? world.authority.issue({ subject: NAME, ...wishes.server });
	const take = (recorder: Recorder) => recorder.take(), result: Shake = { client: new Recorder(take), server: new Recorder(take), peer: undefined };
	const listener = world.network.listen({ address: SERVER, port: PORT, tls: { ...credentials, ...wishes.tls } }, incoming => {
		result.peer = incoming.peer;
		result.server.stream = incoming.accept(result.server.callbacks);
	});
	result.client.stream = new host.tls.io({
		address: SERVER, port: PORT, host: wishes.host ?? NAME,
		secure: { certificates: [world.authority.certificate], ...wishes.secure },
		...result.client.callbacks,
	});
	world.run(() => result.client.error !== undefined || result.client.connected, { within: 600_000 });
	world.advance(1000);
	listener.close();
	return result;
}

function assertRefused({ client, server }: Shake, reason: RegExp): void {
	assert.deepEqual(client.events, ["error tls"]);
	assert.match(client.error!.message, reason);
	assert.equal(server.stream, undefined, "the server never saw a connection");
	client.stream!.close();
}

test("both sides connect once the handshake is over, and bytes pass both ways", () => {
	const scene = createScene({ seed: 1 }), began = scene.world.clock.now, { client, server, peer } = shake(scene);
	assert.ok(client.connected && server.connected);
	assert.ok(scene.world.clock.now - began >= 6 * 5, "it costs round trips");
	assert.deepEqual(Object.keys(peer!), ["address", "port", "serverName"], "nobody asked the client who it is");
	client.stream!.write(bytes(300));
	server.stream!.write(bytes(200));
	scene.world.advance(1000);
	assert.equal(server.received.length, 300);
	assert.equal(client.received.length, 200);
	server.stream!.close();
	scene.world.advance(1000);
	assert.equal(client.events.at(-1), "error closed");
});

test("a handshake survives splits, loss and a window smaller than its messages", () => {
	for (let seed = 0; seed < 60; seed++) {
		const scene = createScene({ seed, window: [20, 50, 5744][seed % 3] }), { world } = scene, device = world.authority.issue({ subject: "lamp" });
		world.network.lose(0.1);
		world.network.split(0.8);
		const { client, server, peer } = shake(scene, {
			tls: { clientAuthorities: [world.authority.certificate] },
			secure: { clientCertificates: device.certificates, clientKey: device.key },
		});
		assert.equal(client.error, undefined, `seed ${seed}: ${client.error?.message}`);
		assert.equal(peer?.certificate?.subject, "lamp");
		world.run(() => server.connected, { within: 600_000 });
		world.run(() => client.stream!.write(bytes(0)) >= 20, { within: 600_000 });
		client.stream!.write(bytes(20));
		world.run(() => server.received.length === 20, { within: 600_000 });
		assert.deepEqual(server.received, [...bytes(20)]);
	}
});

test("every flaw of a server's certificate is refused", () => {
	const reasons: Record<typeof FLAWS[number], RegExp> = {
		expired: /expired/, notYetValid: /not valid yet/, wrongHost: /not for broker\.test/, selfSigned: /nobody trusted/, foreign: /nobody trusted/,
		unlinked: /did not sign/, unrelated: /did not sign/, issuerIsNoAuthority: /did not sign/, expiredIssuer: /expired/,
		tampered: /signature/, clientOnly: /not for a server/,
	};
	for (const flaw of FLAWS) assertRefused(shake(createScene({ seed: 1 }), { server: { flaw } }), reasons[flaw]);
});

test("chains through intermediates, wildcards and addresses are accepted", () => {
	const through = createScene({ seed: 1 }), inner = through.world.authority.intermediate("one").intermediate("two");
	assert.equal(shake(through, { credentials: inner.issue({ subject: NAME }) }).client.error, undefined);
	for (const [names, host, fine] of [
		[["*.test"], NAME, true], [["*.test"], "a.broker.test", false], [["*.test"], "test", false], [["BROKER.test"], NAME, true],
		[[SERVER], SERVER, true], [["*.0.0.1"], SERVER, false], [[], NAME, false],
	] as const) {
		const { client } = shake(createScene({ seed: 1 }), { server: { names }, host });
		assert.equal(client.error === undefined, fine, `${names.join()} for ${host}`);
	}
});

test("only the given anchors count, several may be given, and their dates matter", () => {
	const scene = createScene({ seed: 1 }), foreign = scene.world.createAuthority("foreign");
	assertRefused(shake(scene, { secure: { certificates: [foreign.certificate] } }), /nobody trusted/);
	assert.equal(shake(scene, { secure: { certificates: [foreign.certificate, scene.world.authority.certificate] } }).client.error, undefined);
	scene.world.clock.jump(20 * 365 * DAY);
	assertRefused(shake(scene, { server: { notAfter: scene.world.clock.wall! + DAY } }), /world has expired/);
});

test("dates are checked against the wall clock, which must be set", () => {
	const { wall } = createScene({ seed: 1 }).world.clock, server = { notBefore: wall! - DAY, notAfter: wall! + DAY };
	const early = createScene({ seed: 1 }), { world } = early, credentials = world.authority.issue({ subject: NAME, ...server });
	world.clock.jump(-2 * DAY);
	assertRefused(shake(early, { credentials }), /not valid yet/);
	world.clock.jump(2 * DAY);
	assert.equal(shake(early, { credentials }).client.error, undefined);
	world.clock.jump(2 * DAY);
	assertRefused(shake(early, { credentials }), /expired/);
	assertRefused(shake(createScene({ seed: 1, wall: null })), /wall clock is not set/);
});

test("a client without or with a bad certificate hears the server's alert", () => {
	const scene = createScene({ seed: 1 }), { world } = scene, tls = { clientAuthorities: [world.authority.certificate] };
	const good = world.authority.issue({ subject: "lamp" });
	const alert = (secure: Partial<SecureOptions>) => {
		const result = shake(scene, { tls, secure });
		assertRefused(result, /alert/);
		return result.client.error!.detail;
	};
	const as = ({ certificates, key }: Credentials) => ({ clientCertificates: certificates, clientKey: key });
	assert.equal(alert({}), 40);
	assert.equal(alert(as(world.createAuthority("foreign").issue({ subject: "lamp" }))), 48);
	assert.equal(alert(as(world.authority.issue({ subject: "lamp", flaw: "expired" }))), 45);
	assert.equal(alert(as(world.authority.issue({ subject: "lamp", use: "server" }))), 43);
	assert.equal(shake(scene, { tls, secure: as(good) }).peer?.certificate?.subject, "lamp");
	assert.equal(shake(scene, { tls: { ...tls, clientOptional: true } }).peer?.certificate, undefined);
});

test("the application protocol is agreed on, or the handshake refused", () => {
	const scene = createScene({ seed: 1 }), tls = { protocols: ["x-amzn-mqtt-ca", "mqtt"] };
	assert.equal(shake(scene, { tls, secure: { applicationLayerProtocolNegotiation: ["mqtt"] } }).peer?.protocol, "mqtt");
	assert.equal(shake(scene, { tls }).peer?.protocol, undefined);
	const refused = shake(scene, { tls, secure: { applicationLayerProtocolNegotiation: ["h2"] } });
	assertRefused(refused, /alert 120/);
	assert.equal(refused.client.error!.detail, 120);
});

test("TLS against plain TCP fails in both directions, with a code and without an end of the world", () => {
	const { world, host } = createScene({ seed: 1 }), client = new Recorder(), server = new Recorder(recorder => recorder.take());
	world.network.listen({ address: SERVER, port: 1 }, incoming => {
		server.stream = incoming.accept(server.callbacks);
		world.timer.set(() => server.stream!.write(bytes(50)), 200);
	});
	new host.tls.io({ address: SERVER, port: 1, host: NAME, secure: { certificates: [world.authority.certificate] }, ...client.callbacks });
	world.advance(1000);
	assert.deepEqual(client.events, ["error tls"]);

	// No record at all; ill-formed JSON; null; an empty object; an empty record; a record too long.
	for (const garbage of [[0, 1, 2], [22, 0, 2, 0x7b, 0x7b], [22, 0, 4, 0x6e, 0x75, 0x6c, 0x6c], [22, 0, 2, 0x7b, 0x7d], [22, 0, 0], [22, 255, 255]]) {
		const plain = new Recorder(recorder => recorder.take());
		const listener = world.network.listen({ address: SERVER, port: PORT, tls: world.authority.issue({ subject: NAME }) }, () => assert.fail("connected"));
		const stream = new host.tcp.io({ address: SERVER, port: PORT, ...plain.callbacks });
		plain.stream = stream;
		world.run(() => plain.connected);
		stream.write(Uint8Array.from(garbage));
		world.advance(1000);
		assert.equal(plain.events.at(-1), "error closed", garbage.join());
		listener.close();
	}
});

/** A handshake message as it travels. */
function record(message: object): Uint8Array {
	const body = Array.from(JSON.stringify(message), letter => letter.charCodeAt(0));
	return Uint8Array.from([22, body.length >> 8, body.length & 0xff, ...body]);
}

function parsed({ certificates }: Credentials): unknown[] {
	return certificates.map(certificate => JSON.parse(String.fromCharCode(...certificate)));
}

test("a server that skips its part of the handshake, or shows a certificate without having its key, is refused", () => {
	const { world, host } = createScene({ seed: 1 }), chain = parsed(world.authority.issue({ subject: NAME })), client = new Recorder();
	const messages = [
		{ type: "finished" }, { type: "server", chain, keyId: "0123456789abcdef", asks: false }, { type: "client", chain }, { type: "server", chain: [{}] },
	];
	for (const message of messages) {
		const listener = world.network.listen({ address: SERVER, port: PORT }, incoming => {
			const stream: Stream = incoming.accept({ onWritable: () => void stream.write(record(message)) });
		});
		new host.tls.io({ address: SERVER, port: PORT, host: NAME, secure: { certificates: [world.authority.certificate] }, ...client.callbacks });
		world.advance(1000);
		assert.deepEqual(client.events.splice(0), ["error tls"], message.type);
		listener.close();
	}
});

test("a client that shows a certificate without having its key, or finishes by itself, is refused", () => {
	const { world, host } = createScene({ seed: 1 }), chain = parsed(world.authority.issue({ subject: "lamp" }));
	const tls = { ...world.authority.issue({ subject: NAME }), clientAuthorities: [world.authority.certificate] };
	world.network.listen({ address: SERVER, port: PORT, tls }, () => assert.fail("connected"));
	for (const message of [{ type: "client", chain, keyId: "0123456789abcdef" }, { type: "client", chain }, { type: "finished" }]) {
		const client = new Recorder(recorder => recorder.take()), stream = new host.tcp.io({ address: SERVER, port: PORT, ...client.callbacks });
		client.stream = stream;
		world.run(() => client.connected);
		stream.write(record(message));
		world.advance(1000);
		assert.equal(client.events.at(-1), "error closed");
	}
});

test("a key that does not belong to its certificate is refused at once", () => {
	const scene = createScene({ seed: 1 }), { authority } = scene.world;
	const [one, other] = [authority.issue({ subject: NAME }), authority.issue({ subject: NAME })];
	assert.throws(() => shake(scene, { credentials: { certificates: one.certificates, key: other.key } }), { code: "argument" });
	assert.throws(() => shake(scene, { secure: { clientCertificates: one.certificates, clientKey: other.key } }), { code: "argument" });
});

test("options are checked before anything is taken", () => {
	const { world, host } = createScene({ seed: 1 }), certificates = [world.authority.certificate], good = { address: SERVER, port: PORT, host: NAME };
	const issued = world.authority.issue({ subject: "lamp" });
	for (const secure of [{ certificates: [] }, { certificates: [bytes(4)] }, { certificates: [1 as never] }, { certificates, clientCertificates: issued.certificates }]) {
		assert.throws(() => new host.tls.io({ ...good, secure }), { code: "argument" });
	}
	assert.throws(() => new host.tls.io({ ...good, host: "", secure: { certificates } }), { code: "argument" });
	assert.throws(() => new host.tls.io({ ...good, address: NAME, secure: { certificates } }), { code: "argument" });
});

test("before the handshake is over nothing can be read or written, and close is silent", () => {
	const { world, host } = createScene({ seed: 1 }), client = new Recorder();
	world.network.listen({ address: SERVER, port: PORT, tls: world.authority.issue({ subject: NAME }) }, () => assert.fail("connected"));
	for (const wait of [0, 20, 60, 90]) {
		const stream = new host.tls.io({ address: SERVER, port: PORT, host: NAME, secure: { certificates: [world.authority.certificate] }, ...client.callbacks });
		world.network.delay(30);
		world.advance(wait);
		assert.throws(() => stream.write(bytes(1)), { code: "state" });
		assert.throws(() => stream.read(new Uint8Array(1)), { code: "argument" });
		stream.close();
		stream.close();
		assert.throws(() => stream.write(bytes(1)), { code: "state" });
		world.advance(10_000);
	}
	assert.deepEqual(client.events, []);
});
