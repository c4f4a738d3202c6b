// SPDX-License-Identifier: Apache-2.0
/** Client with a list of ways to its server: which is tried when, and what it learns of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RECONNECT, REFUSED } from "../../../src/base/backoff.js";
import { DeviceError, type ErrorCode } from "../../../src/base/error.js";
import { Client, type ClientOptions, type Server } from "../../../src/mqtt/client.js";
import { FakeHost } from "../fake-host.js";
import { connack, utf8 } from "../wire.js";
import { connack5, disconnect5 } from "../wire5.js";

const certificates = [new Uint8Array(1)];
const WAYS: readonly Server[] = [
	{ name: "broker", port: 8883, secure: { certificates } },
	{ name: "broker", port: 443, secure: { certificates, applicationLayerProtocolNegotiation: ["mqtt"] } },
	{ name: "web", port: 443, secure: { certificates }, websocket: "/mqtt" },
];
/** A half of what may pass before the other ways are tried, as the dice have it, and of the first backoff. */
const SOON = 501;
const LATER = 2004;

class Rig {
	readonly host: FakeHost;
	readonly client: Client;
	readonly lines: string[] = [];

	constructor(options: Partial<ClientOptions> = {}, host = new FakeHost()) {
		this.host = host;
		this.client = new Client({
			host, clientId: "id", server: WAYS,
			onConnected: () => { this.lines.push("connected"); },
			onDisconnected: (error, delay) => { this.lines.push(`${error.code} ${delay}`); },
			...options,
		});
	}

	/** Begins the next attempt, which the timer is set for. @returns the way that it takes */
	attempt(address = "10.0.0.1"): string {
		const { host } = this;
		const { length } = host.streams;
		host.advance(host.nextTimer);
		const { host: name } = host.resolver.options!;
		host.resolver.answer(address);
		assert.equal(host.streams.length, length + 1);
		const { port, path, secure, host: checked } = host.stream.options;
		assert.equal(checked, name);
		return [port, path, secure?.applicationLayerProtocolNegotiation].filter((part) => part !== undefined).join(" ");
	}

	/** Ends the attempt. @returns what was told of it */
	fail(code: ErrorCode = "unreachable"): string {
		this.host.stream.fail(new DeviceError(code, "failed by the test"));
		assert.equal(this.host.open, 0);
		return this.lines.at(-1)!;
	}

	deliver(hex: string): string {
		this.host.stream.writable();
		this.host.stream.deliver(hex);
		return this.lines.at(-1)!;
	}

	accept(): void {
		assert.equal(this.deliver(connack()), "connected");
	}
}

const [MQTT, ALPN, WEB] = ["8883", "443 mqtt", "443 /mqtt"];

test("Client with one server in a list does as with that server alone", () => {
	const rig = new Rig({ server: [WAYS[0]!] });
	assert.equal(rig.attempt(), MQTT);
	assert.equal(rig.fail(), `unreachable ${LATER}`);
	assert.equal(rig.attempt(), MQTT);
	rig.accept();
	assert.deepEqual(rig.host.stored.transport, {});
});

test("Client goes from 8883 to 443 with ALPN to a WebSocket, each soon after the other", () => {
	const rig = new Rig();
	assert.equal(rig.attempt(), MQTT);
	assert.equal(rig.fail(), `unreachable ${SOON}`);
	assert.equal(rig.attempt(), ALPN);
	assert.equal(rig.fail("tls"), `tls ${SOON}`);
	assert.equal(rig.attempt(), WEB);
	assert.equal(rig.host.stream.options.protocol, "mqtt");
	rig.accept();
});

test("Client backs off when all ways were tried, further after each round, and begins again with the first", () => {
	const rig = new Rig();
	rig.host.dice = 0xff;
	const delays: string[] = [];
	for (let round = 0; round < 5; round++) {
		for (const way of [MQTT, ALPN, WEB]) {
			assert.equal(rig.attempt(), way);
			delays.push(rig.fail());
		}
	}
	assert.deepEqual(delays.filter((_, index) => index % 3 === 2), [3, 9, 27, 81, 120].map((seconds) => `unreachable ${1000 * seconds}`));
	assert.ok(delays.every((line, index) => index % 3 === 2 || Number(line.split(" ")[1]) < RECONNECT.base));
});

test("Client waits for the other ways no longer than its own backoff allows, however short that is", () => {
	const rig = new Rig({ reconnect: { base: 100, cap: 50 } });
	rig.host.dice = 0xff;
	rig.attempt();
	assert.equal(rig.fail(), "unreachable 49");
});

test("Client tries first what worked last, after a loss and after a reset", () => {
	const rig = new Rig();
	rig.attempt();
	rig.fail();
	assert.equal(rig.attempt(), ALPN);
	rig.accept();
	assert.equal(rig.fail("closed"), `closed ${LATER}`, "a server that was reached is no reason to go another way");
	assert.equal(rig.attempt(), ALPN);
	rig.fail();
	assert.equal(rig.attempt(), MQTT);
	rig.client.close();
	assert.equal(rig.host.open + rig.host.timers, 0);
	const next = new Rig({}, rig.host);
	assert.deepEqual([next.attempt(), next.fail(), next.attempt(), next.fail(), next.attempt()],
		[ALPN, `unreachable ${SOON}`, MQTT, `unreachable ${SOON}`, WEB]);
	next.accept();
	next.client.close();
	assert.equal(new Rig({}, rig.host).attempt(), WEB);
});

test("Client learns the way for each network, and asks which it is at each attempt", () => {
	let network = "office";
	const rig = new Rig({ network: () => network });
	rig.attempt();
	rig.fail();
	assert.equal(rig.attempt(), ALPN);
	rig.accept();
	network = "home";
	rig.fail("closed");
	assert.equal(rig.attempt(), MQTT, "nothing is known of this one");
	rig.fail();
	network = "office";
	assert.equal(rig.attempt(), ALPN, "and what is known of the other is still known");
});

test("Client asks for the network with its options as `this`, as it was called before", () => {
	const options = { ssid: "home", network(this: { ssid: string }): string { return this.ssid; } };
	const rig = new Rig(options as Partial<ClientOptions>);
	assert.equal(rig.attempt(), MQTT);
});

/** What a server that was reached may say, and how long the next attempt waits at least. */
const ANSWERS: readonly [name: string, protocol: 4 | 5, hex: string, least: number][] = [
	["CONNACK 5 of 3.1.1", 4, connack(false, 5), REFUSED.base],
	["CONNACK not authorised", 5, connack5(false, 0x87), REFUSED.base],
	["CONNACK server busy", 5, connack5(false, 0x89), REFUSED.base],
	["DISCONNECT taken over", 5, connack5() + disconnect5(0x8e), REFUSED.base],
	["DISCONNECT shutting down", 5, connack5() + disconnect5(0x8b), RECONNECT.base],
	["DISCONNECT", 5, connack5() + disconnect5(), RECONNECT.base],
	["CONNACK and something malformed", 4, connack() + "f000", RECONNECT.base],
];

test("Client stays on its way when the server was reached, whatever the server said", () => {
	for (const [name, protocol, hex, least] of ANSWERS) {
		const rig = new Rig({ protocol });
		rig.host.dice = 0;
		rig.attempt();
		rig.fail();
		assert.equal(rig.attempt(), ALPN, name);
		const [, delay] = rig.deliver(hex).split(" ");
		assert.ok(Number(delay) >= least, `${name}: ${delay}`);
		assert.equal(rig.attempt(), ALPN, name);
		rig.fail();
	}
});

test("Client goes on where nobody answers CONNECT, or where it is no MQTT that answers", () => {
	const http = utf8("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").padEnd(200, "20");
	const rig = new Rig();
	rig.attempt();
	assert.equal(rig.deliver(http), `malformed ${SOON}`);
	assert.equal(rig.attempt(), ALPN);
	rig.host.stream.writable();
	rig.host.advance(20_000);
	assert.equal(rig.lines.at(-1), `timeout ${SOON}`);
	assert.equal(rig.attempt(), WEB);
	// The answer to the request for a WebSocket, and not CONNACK.
	rig.host.stream.fail(new DeviceError("rejected", "403", { detail: 403 }));
	assert.match(rig.lines.at(-1)!, /^rejected /);
	assert.equal(rig.attempt(), MQTT);
});

test("Client goes on where connecting takes too long", () => {
	const rig = new Rig({ connectTimeout: 5_000 });
	rig.attempt();
	rig.host.advance(5_000);
	assert.equal(rig.lines.at(-1), `timeout ${SOON}`);
	assert.equal(rig.attempt(), ALPN);
});

test("Client goes on where a stream cannot even be made", () => {
	const rig = new Rig();
	rig.host.refusal = new DeviceError("unsupported", "no TLS here");
	rig.host.advance(0);
	rig.host.resolver.answer("10.0.0.1");
	assert.equal(rig.lines.at(-1), `unsupported ${SOON}`);
	rig.host.refusal = undefined;
	assert.equal(rig.attempt(), ALPN);
});

test("Client stays where it is while names cannot be resolved, and backs off", () => {
	const rig = new Rig();
	rig.attempt();
	rig.fail();
	const { host } = rig;
	for (const [name, fail] of [
		["failed", () => host.resolver.fail("unreachable")],
		["no answer", () => host.advance(30_000)],
	] as const) {
		host.advance(host.nextTimer);
		fail();
		assert.ok(Number(rig.lines.at(-1)!.split(" ")[1]) >= RECONNECT.base, `${name}: ${rig.lines.at(-1)}`);
		assert.equal(host.open, 0);
	}
	assert.equal(rig.attempt(), ALPN);
});

test("Client connects though the storage fails", () => {
	for (const operation of ["open", "read", "write"] as const) {
		const host = new FakeHost();
		host.failingStore = operation;
		const rig = new Rig({}, host);
		assert.equal(rig.attempt(), MQTT, operation);
		rig.fail();
		assert.equal(rig.attempt(), ALPN, operation);
		rig.accept();
		rig.fail("closed");
		assert.equal(rig.attempt(), ALPN, operation);
	}
});

test("Client reads the list at each attempt: it may become shorter", () => {
	const server = [...WAYS];
	const rig = new Rig({ server });
	rig.attempt();
	rig.fail();
	assert.equal(rig.attempt(), ALPN);
	server.length = 1;
	rig.fail();
	assert.equal(rig.attempt(), MQTT);
});

test("Client with an empty list says so, and takes what comes later", () => {
	const server: Server[] = [];
	const rig = new Rig({ server });
	rig.host.advance(0);
	assert.equal(rig.lines.at(-1), `argument ${LATER}`);
	assert.equal(rig.host.open, 0);
	server.push(...WAYS);
	assert.equal(rig.attempt(), MQTT);
});
