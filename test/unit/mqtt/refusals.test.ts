// SPDX-License-Identifier: Apache-2.0
/** What a server may say that sends us away: the error that the program sees, and how long the client stays away. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RECONNECT, REFUSED, type Backoff } from "../../../src/base/backoff.js";
import type { DeviceError } from "../../../src/base/error.js";
import { Client } from "../../../src/mqtt/client.js";
import type { Protocol } from "../../../src/mqtt/constants.js";
import { FakeHost } from "../fake-host.js";
import { connack } from "../wire.js";
import { connack5, disconnect5, reason5, text5 } from "../wire5.js";

interface Departure { error: DeviceError; delay: number }

class Rig {
	readonly host = new FakeHost();
	readonly client: Client;
	readonly departures: Departure[] = [];

	constructor(protocol: Protocol, dice: number) {
		this.host.dice = dice;
		this.client = new Client({
			host: this.host, protocol, clientId: "id", server: { name: "broker", port: 1883 }, keepAlive: 0,
			onDisconnected: (error, delay) => { this.departures.push({ error, delay }); },
		});
	}

	/** Plays one connection, on which the server says this. */
	connect(...hex: string[]): Departure {
		const { host, departures } = this;
		const { length } = departures;
		host.advance(host.nextTimer);
		host.resolver.answer("10.0.0.1");
		host.stream.writable();
		host.stream.take();
		for (const said of hex) host.stream.deliver(said);
		assert.equal(departures.length, length + 1);
		assert.equal(host.open, 0);
		return departures.at(-1)!;
	}
}

/** What follows a first departure: the error, and a delay out of the backoff's range. */
function check(name: string, protocol: Protocol, hex: string[], code: string, detail: number | undefined, words: RegExp, backoff: Backoff): void {
	for (const [dice, delay] of [[0, backoff.base], [0xff, 3 * backoff.base]] as const) {
		const departure = new Rig(protocol, dice).connect(...hex);
		assert.equal(departure.error.code, code, name);
		assert.equal(departure.error.detail, detail, name);
		assert.match(departure.error.message, words, name);
		assert.equal(departure.delay, delay, name);
	}
}

test("Client tells the return code of a CONNACK of 3.1.1, and stays away", () => {
	const codes: readonly [code: number, words: RegExp][] = [
		[1, /protocol version/], [2, /identifier/], [3, /unavailable/], [4, /user name or password/], [5, /not authorised/],
	];
	for (const [code, words] of codes) check(`return code ${code}`, 4, [connack(false, code)], "rejected", code, words, REFUSED);
});

/** Spec: MQTT 5 §3.2.2.2. */
const CONNACK_REASONS: readonly [reason: number, words: RegExp][] = [
	[0x80, /unspecified/], [0x81, /malformed/], [0x82, /protocol error/], [0x83, /implementation/], [0x84, /protocol version/],
	[0x85, /client identifier/], [0x86, /user name or password/], [0x87, /not authorised/], [0x88, /unavailable/], [0x89, /busy/],
	[0x8a, /banned/], [0x8c, /authentication method/], [0x90, /topic name/], [0x95, /too large/], [0x97, /quota exceeded/],
	[0x99, /payload format/], [0x9a, /retain/], [0x9b, /QoS/], [0x9c, /use another server/], [0x9d, /server moved/],
	[0x9f, /connection rate/],
];

test("Client tells the reason of a CONNACK of MQTT 5, and stays away", () => {
	for (const [reason, words] of CONNACK_REASONS) {
		check(`reason 0x${reason.toString(16)}`, 5, [connack5(false, reason, reason5("why"))], "rejected", reason, words, REFUSED);
	}
});

/** Spec: MQTT 5 §3.14.2.1: those that a server sends. With those that mean no ill, the client comes back soon. */
const DISCONNECT_REASONS: readonly [reason: number, words: RegExp, backoff: Backoff][] = [
	[0x80, /unspecified/, REFUSED], [0x81, /malformed/, REFUSED], [0x82, /protocol error/, REFUSED], [0x83, /implementation/, REFUSED],
	[0x87, /not authorised/, REFUSED], [0x89, /busy/, REFUSED], [0x8b, /shutting down/, RECONNECT], [0x8d, /keep alive/, RECONNECT],
	[0x8e, /taken over/, REFUSED], [0x8f, /filter/, REFUSED], [0x90, /topic name/, REFUSED], [0x93, /receive maximum/, REFUSED],
	[0x94, /topic alias/, REFUSED], [0x95, /too large/, REFUSED], [0x96, /rate/, REFUSED], [0x97, /quota exceeded/, REFUSED],
	[0x98, /administrative/, REFUSED], [0x99, /payload format/, REFUSED], [0x9a, /retain/, REFUSED], [0x9b, /QoS/, REFUSED],
	[0x9c, /use another server/, REFUSED], [0x9d, /server moved/, REFUSED], [0x9e, /shared/, REFUSED], [0x9f, /connection rate/, REFUSED],
	[0xa0, /maximum connect time/, RECONNECT], [0xa1, /subscription identifiers/, REFUSED], [0xa2, /wildcard/, REFUSED],
];

test("Client tells the reason of a DISCONNECT, and stays away for as long as it says", () => {
	for (const [reason, words, backoff] of DISCONNECT_REASONS) {
		const disconnect = disconnect5(reason, reason5("why") + (reason === 0x9c ? text5(28, "other.example") : ""));
		check(`reason 0x${reason.toString(16)}`, 5, [connack5(), disconnect], "rejected", reason, words, backoff);
	}
});

test("Client takes a goodbye for the end of a connection, and no more", () => {
	for (const hex of [disconnect5(), disconnect5(0)]) check(hex, 5, [connack5(), hex], "closed", undefined, /goodbye/, RECONNECT);
});

test("Client that is refused again and again asks every ten minutes at last", () => {
	const rig = new Rig(5, 0xff);
	const delays = Array.from({ length: 5 }, () => rig.connect(connack5(false, 0x97)).delay);
	assert.deepEqual(delays, [90_000, 270_000, 600_000, 600_000, 600_000]);
});

test("Client that was refused and then only lost its connection comes back as after a loss", () => {
	const rig = new Rig(5, 0xff);
	for (let count = 0; count < 4; count++) rig.connect(connack5(false, 0x89));
	const { delay } = rig.connect(connack5(), disconnect5());
	assert.equal(delay, RECONNECT.cap, "not a minute stable: no first attempt");
});

test("Client counts anew after it was accepted for long, even when it is refused then", () => {
	const rig = new Rig(5, 0xff);
	for (let count = 0; count < 4; count++) rig.connect(connack5(false, 0x89));
	const { host } = rig;
	host.advance(host.nextTimer);
	host.resolver.answer("10.0.0.1");
	host.stream.writable();
	host.stream.deliver(connack5());
	host.advance(60_000);
	host.stream.deliver(disconnect5(0x89));
	assert.equal(rig.departures.at(-1)!.delay, 3 * REFUSED.base);
});
