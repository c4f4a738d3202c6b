// SPDX-License-Identifier: Apache-2.0
/** Client: the driver on a host whose streams, timers and names the test plays. */
import { SUBSCRIBE_ID } from "../../../src/mqtt/constants.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { RECONNECT, REFUSED } from "../../../src/base/backoff.js";
import { DeviceError } from "../../../src/base/error.js";
import { Client, type ClientOptions } from "../../../src/mqtt/client.js";
import { codeOf } from "../failure.js";
import { FakeHost, type FakeStream } from "../fake-host.js";
import { toHex } from "../hex.js";
import { utf8, connack, DISCONNECT, packet, PINGREQ, PINGRESP, prefixed, puback, publish, suback, subscribe, unsuback, unsubscribe } from "../wire.js";

const CONNECT = packet(0x10, `${prefixed("MQTT")}0400003c${prefixed("id")}`);
const CONNECT_TIMEOUT = 30_000;
/** Half of the bound, as the dice of the host have it. */
const DELAY = 2004;

class Rig {
	readonly host = new FakeHost();
	readonly client: Client;
	lines: string[] = [];
	/** Set while the test is inside a call: no callback may come. */
	calling = false;

	constructor(options: Partial<ClientOptions> = {}) {
		this.client = this.call(() => new Client({
			host: this.host,
			server: { name: "broker", port: 1883 },
			clientId: "id",
			...this.#callbacks(),
			...options,
		}));
	}

	/** A rig that is connected, with everything so far forgotten. */
	static connected(options: Partial<ClientOptions> = {}): Rig {
		const rig = new Rig(options);
		rig.accept();
		return rig;
	}

	/** Plays the network and the server up to CONNACK. */
	accept(sessionPresent = false): FakeStream {
		const stream = this.reach();
		stream.deliver(connack(sessionPresent));
		assert.equal(this.take().at(-1), `connected ${sessionPresent}`);
		return stream;
	}

	/** Plays the network up to CONNECT. */
	reach(): FakeStream {
		const { host } = this;
		if (host.resolver === undefined || host.resolver.closed) host.advance(host.nextTimer);
		host.resolver.answer("10.0.0.1");
		const { stream } = host;
		stream.writable();
		assert.match(stream.take(), /^100e00044d515454.*00026964$/);
		return stream;
	}

	/** A call into the client. */
	call<Result>(action: () => Result): Result {
		assert.ok(!this.calling);
		this.calling = true;
		try {
			return action();
		} finally {
			this.calling = false;
		}
	}

	take(): string[] {
		const { lines } = this;
		this.lines = [];
		return lines;
	}

	#callbacks(): Partial<ClientOptions> {
		const note = (line: string): void => {
			assert.ok(!this.calling, `"${line}" came from inside a call`);
			this.lines.push(line);
		};
		return {
			onConnected: (sessionPresent) => note(`connected ${sessionPresent}`),
			onMessage: ({ topic, bytes, start, end }) => note(`message ${topic} ${toHex(bytes, start, end)}`),
			onAcknowledged: (packetId) => note(`acknowledged ${packetId}`),
			onSubscribed: (filter, reasonCode) => note(`subscribed ${filter} ${reasonCode}`),
			onUnsubscribed: (filter) => note(`unsubscribed ${filter}`),
			onDisconnected: (error, delay) => note(`disconnected ${error.code} ${delay}`),
		};
	}
}

const gone = (): DeviceError => new DeviceError("closed", "reset by the peer");

test("Client resolves, connects and says CONNECT, each from a callback of its own", () => {
	const rig = new Rig();
	const { host, client } = rig;
	assert.equal(host.resolvers.length, 0, "nothing happens inside the constructor");
	host.advance(0);
	assert.equal(host.resolver.options?.host, "broker");
	host.resolver.answer("10.0.0.1");
	assert.ok(host.resolver.closed);
	const { stream } = host;
	assert.equal(stream.options.address, "10.0.0.1");
	assert.equal(stream.options.port, 1883);
	assert.equal(stream.take(), "");
	stream.writable();
	assert.equal(stream.take(), CONNECT);
	assert.ok(!client.connected);
	stream.deliver(connack());
	assert.ok(client.connected);
	assert.deepEqual(rig.take(), ["connected false"]);
});

test("Client gives TLS the name to check and what to check it with", () => {
	const secure = { certificates: [new Uint8Array(1)] };
	const rig = new Rig({ server: { name: "broker", port: 8883, secure } });
	rig.host.advance(0);
	rig.host.resolver.answer("10.0.0.1");
	assert.equal(rig.host.stream.options.host, "broker");
	assert.equal(rig.host.stream.options.secure, secure);
});

test("Client tells of messages, answers and acknowledgements, and sends what is asked at once", () => {
	const rig = Rig.connected();
	const { client, host: { stream } } = rig;
	assert.equal(rig.call(() => client.publish("t", "x", { qos: 1 })), 1);
	assert.equal(rig.call(() => client.publish("t", "y")), 0);
	rig.call(() => client.subscribe("f"));
	assert.equal(stream.take(), publish({ topic: "t", payload: "78", qos: 1, id: 1 }) + publish({ topic: "t", payload: "79" }) + subscribe(SUBSCRIBE_ID, ["f", 1]));
	stream.deliver(suback(SUBSCRIBE_ID, 1) + puback(1) + publish({ topic: "f", payload: "7a", qos: 1, id: 9 }));
	assert.deepEqual(rig.take(), ["subscribed f 1", "acknowledged 1", "message f 7a"]);
	assert.equal(stream.take(), puback(9));
	rig.call(() => client.unsubscribe("f"));
	assert.equal(stream.take(), unsubscribe(SUBSCRIBE_ID, "f"));
	stream.deliver(unsuback(SUBSCRIBE_ID));
	assert.deepEqual(rig.take(), ["unsubscribed f"]);
});

test("Client keeps messages at QoS 1 and subscriptions until it is connected, and refuses QoS 0", () => {
	const rig = new Rig();
	assert.equal(rig.call(() => rig.client.publish("t", "x", { qos: 1 })), 1);
	assert.equal(rig.call(() => rig.client.publish("t", "y")), "closed");
	rig.call(() => rig.client.subscribe("f", 0));
	const stream = rig.accept();
	assert.equal(stream.take(), subscribe(SUBSCRIBE_ID, ["f", 0]) + publish({ topic: "t", payload: "78", qos: 1, id: 1 }));
});

test("Client comes back after a loss, with its session", () => {
	const rig = Rig.connected();
	const { host, client } = rig;
	rig.call(() => client.publish("t", "x", { qos: 1 }));
	host.stream.fail(gone());
	assert.deepEqual(rig.take(), [`disconnected closed ${DELAY}`]);
	assert.ok(!client.connected);
	assert.equal(host.open, 0);
	assert.equal(host.nextTimer, DELAY);
	const stream = rig.accept(true);
	assert.equal(stream.take(), publish({ topic: "t", payload: "78", qos: 1, id: 1, duplicate: true }));
});

test("Client takes what came before the end of the stream", () => {
	const rig = Rig.connected();
	rig.host.stream.deliver(publish({ topic: "t", payload: "78" }));
	rig.host.stream.fail(gone());
	assert.deepEqual(rig.take(), ["message t 78", `disconnected closed ${DELAY}`]);
});

/** Fails attempt after attempt. @returns the delays */
function attempts(rig: Rig, count: number, fail: () => void): number[] {
	const delays: number[] = [];
	for (let attempt = 0; attempt < count; attempt++) {
		rig.host.advance(rig.host.nextTimer);
		fail();
		delays.push(Number(rig.take().at(-1)!.split(" ")[2]));
	}
	return delays;
}

test("Client waits longer after each failure, up to the cap", () => {
	const rig = new Rig();
	rig.host.dice = 0xff;
	const delays = attempts(rig, 10, () => rig.host.resolver.fail("unreachable"));
	assert.deepEqual(delays, [3, 9, 27, 81, 120, 120, 120, 120, 120, 120].map((seconds) => 1000 * seconds));
	assert.equal(RECONNECT.cap, 120_000);
});

test("Client waits at least for the base, whatever the dice say", () => {
	const rig = new Rig();
	rig.host.dice = 0;
	assert.deepEqual(attempts(rig, 3, () => rig.host.resolver.fail("timeout")), [1000, 1000, 1000]);
	assert.equal(rig.host.resolvers.length, 3);
});

test("Client waits longer for a server that refuses", () => {
	const rig = new Rig();
	rig.host.dice = 0xff;
	rig.reach().deliver(connack(false, 5));
	assert.deepEqual(rig.take(), [`disconnected rejected ${3 * REFUSED.base}`]);
	assert.equal(rig.host.open, 0);
});

test("Client counts anew after a connection that lasted, and not after one that did not", () => {
	const rig = Rig.connected({ keepAlive: 0 });
	rig.host.dice = 0xff;
	const lose = (after: number): string => {
		rig.host.advance(after);
		rig.host.stream.fail(gone());
		return rig.take().join();
	};
	assert.equal(lose(59_999), "disconnected closed 3000");
	rig.accept();
	assert.equal(lose(59_999), "disconnected closed 9000");
	rig.accept();
	assert.equal(lose(60_000), "disconnected closed 3000");
});

test("Client gives up an attempt that takes too long, wherever it hangs", () => {
	const hang: readonly [name: string, play: (rig: Rig) => void, count: number][] = [
		["name resolution", () => {}, 1],
		["connecting", ({ host }) => host.resolver.answer("10.0.0.1"), 2],
	];
	for (const [name, play, resources] of hang) {
		const rig = new Rig();
		rig.host.advance(0);
		rig.host.advance(1_000);
		play(rig);
		rig.host.advance(CONNECT_TIMEOUT - 1_001);
		assert.deepEqual(rig.take(), [], name);
		assert.equal(rig.host.open, 1);
		rig.host.advance(1);
		assert.deepEqual(rig.take(), [`disconnected timeout ${DELAY}`], name);
		assert.equal(rig.host.streams.length + rig.host.resolvers.length, resources);
		assert.equal(rig.host.open, 0, name);
	}
});

test("Client gives up a server that does not answer CONNECT", () => {
	const rig = new Rig();
	rig.reach();
	rig.host.advance(19_999);
	assert.deepEqual(rig.take(), []);
	rig.host.advance(1);
	assert.deepEqual(rig.take(), [`disconnected timeout ${DELAY}`]);
	assert.equal(rig.host.open, 0);
});

test("Client reports each failure of an attempt once, with the code of what failed", () => {
	const failures: readonly [code: string, play: (rig: Rig) => void][] = [
		["unreachable", ({ host }) => host.resolver.fail("unreachable")],
		["unreachable", ({ host }) => {
			host.resolver.answer("10.0.0.1");
			host.stream.fail(new DeviceError("unreachable", "refused"));
		}],
		["tls", ({ host }) => {
			host.resolver.answer("10.0.0.1");
			host.stream.fail(new DeviceError("tls", "certificate refused"));
		}],
		["unreachable", ({ host }) => {
			host.refusal = new Error("out of sockets");
			host.resolver.answer("10.0.0.1");
		}],
		["credential", ({ host }) => {
			host.refusal = new DeviceError("credential", "no key");
			host.resolver.answer("10.0.0.1");
		}],
		["malformed", ({ host }) => {
			host.resolver.answer("10.0.0.1");
			host.stream.writable();
			host.stream.deliver("f000");
		}],
	];
	for (const [code, play] of failures) {
		const rig = new Rig();
		rig.host.advance(0);
		play(rig);
		assert.deepEqual(rig.take(), [`disconnected ${code} ${DELAY}`]);
		assert.equal(rig.host.open, 0, code);
		rig.host.refusal = undefined;
		rig.accept();
	}
});

test("Client pings, and gives up when there is no answer", () => {
	const rig = Rig.connected();
	const { host } = rig;
	host.advance(52_500);
	assert.equal(host.stream.take(), PINGREQ);
	host.stream.deliver(PINGRESP);
	host.advance(52_500);
	assert.equal(host.stream.take(), PINGREQ);
	host.advance(20_000);
	assert.match(rig.take().join(), /^disconnected timeout /);
	assert.equal(host.open, 0);
});

test("Client moves its timer with the link: traffic puts the ping off", () => {
	const rig = Rig.connected();
	for (let count = 0; count < 10; count++) {
		rig.host.advance(50_000);
		rig.call(() => rig.client.publish("t", "x", { qos: 1 }));
		rig.host.stream.deliver(puback(count + 1));
		assert.ok(!rig.host.stream.take().includes(PINGREQ));
		assert.equal(rig.host.timers, 1);
	}
});

test("Client waits for room, and sends on when there is some", () => {
	const rig = new Rig();
	rig.host.advance(0);
	rig.host.resolver.answer("10.0.0.1");
	const { stream } = rig.host;
	for (const room of [3, 5, 0, 1, 2, 64]) stream.writable(room);
	assert.equal(stream.take(), CONNECT);
	stream.deliver(connack());
	const payload = "x".repeat(200);
	rig.call(() => rig.client.publish("t", payload, { qos: 1 }));
	for (let left = 300; left > 0; left -= 7) stream.writable(7);
	assert.equal(stream.take(), publish({ topic: "t", payload: utf8(payload), qos: 1, id: 1 }));
});

test("Client does not read on while its acknowledgements do not go out", () => {
	const rig = Rig.connected({ bufferLength: 16 });
	const { stream } = rig.host;
	stream.writable(0);
	const messages = Array.from({ length: 50 }, (_, index) => publish({ topic: "t", qos: 1, id: index + 1 }));
	stream.deliver(messages.join(""));
	assert.ok(stream.unread >= 50 * 7 - 16);
	const seen = rig.lines.length;
	assert.ok(seen <= 3);
	stream.writable();
	assert.equal(rig.take().length, 50);
	assert.equal(stream.unread, 0);
	assert.equal(stream.take(), messages.map((_, index) => puback(index + 1)).join(""));
});

test("Client reads more than its buffer, a piece at a time", () => {
	const rig = Rig.connected({ bufferLength: 16, packetBuffer: 32 });
	rig.host.stream.deliver(publish({ topic: "t", payload: "ab".repeat(100) }) + publish({ topic: "u" }));
	const lines = rig.take();
	assert.equal(lines.at(-1), "message u ");
	assert.equal(lines.slice(0, -1).map((line) => line.split(" ")[2]).join(""), "ab".repeat(100));
	assert.equal(rig.host.stream.unread, 0);
});

test("Client reports a stream that fails on writing or reading from a callback, not inside the call", () => {
	const rig = Rig.connected();
	const { stream } = rig.host;
	stream.write = () => {
		throw new DeviceError("closed", "reset");
	};
	rig.call(() => rig.client.publish("t", "x", { qos: 1 }));
	assert.deepEqual(rig.take(), []);
	rig.host.advance(0);
	assert.deepEqual(rig.take(), [`disconnected closed ${DELAY}`]);
	const again = rig.accept(true);
	again.read = () => {
		throw new Error("strange");
	};
	again.deliver("d000");
	assert.match(rig.take().join(), /^disconnected closed /);
	assert.equal(rig.host.open, 0);
});

test("Client takes calls inside every callback", () => {
	const client = (): Client => rig.client;
	const send = (payload: string): void => {
		client().publish("echo", payload, { qos: 1 });
	};
	const rig: Rig = new Rig({
		onConnected: () => {
			client().subscribe("f", 0);
			send("connected");
		},
		onSubscribed: () => send("subscribed"),
		onMessage: ({ topic }) => {
			send("message");
			if (topic === "f") client().unsubscribe("f");
		},
		onUnsubscribed: () => send("unsubscribed"),
		onAcknowledged: (packetId) => {
			if (packetId === 2) send("acknowledged");
		},
		onDisconnected: () => {
			send("disconnected");
			client().subscribe("g", 0);
		},
	});
	const echo = (payload: string, id: number): string => publish({ topic: "echo", payload: utf8(payload), qos: 1, id });
	const stream = rig.reach();
	stream.deliver(connack());
	assert.equal(stream.take(), subscribe(SUBSCRIBE_ID, ["f", 0]) + echo("connected", 1));
	stream.deliver(suback(SUBSCRIBE_ID, 0) + publish({ topic: "f", qos: 1, id: 1 }) + publish({ topic: "f", qos: 1, id: 2 }));
	assert.equal(stream.take(), puback(1) + puback(2) + unsubscribe(SUBSCRIBE_ID, "f") + echo("subscribed", 2) + echo("message", 3) + echo("message", 4));
	stream.deliver(unsuback(SUBSCRIBE_ID) + puback(1));
	assert.equal(stream.take(), echo("unsubscribed", 5));
	stream.fail(gone());
	assert.equal(rig.host.open, 0);
	const next = rig.reach();
	next.deliver(connack(true));
	assert.ok(next.take().includes(echo("disconnected", 6)));
});

/** Brings a client into a state, by what has happened to it. */
const STATES: readonly [name: string, play: (rig: Rig) => void][] = [
	["just made", () => {}],
	["resolving", ({ host }) => host.advance(0)],
	["connecting", ({ host }) => {
		host.advance(0);
		host.resolver.answer("10.0.0.1");
	}],
	["waiting for CONNACK", (rig) => rig.reach()],
	["waiting for room for CONNECT", ({ host }) => {
		host.advance(0);
		host.resolver.answer("10.0.0.1");
		host.stream.writable(4);
	}],
	["waiting to try again", ({ host }) => {
		host.advance(0);
		host.resolver.fail("unreachable");
	}],
	["connected", (rig) => rig.accept()],
];

test("Client.close lets everything go in every state, twice without harm, and no callback follows", () => {
	for (const [name, play] of STATES) {
		const rig = new Rig();
		play(rig);
		rig.take();
		rig.call(() => rig.client.close());
		rig.call(() => rig.client.close());
		assert.equal(rig.host.open, 0, name);
		assert.equal(rig.host.timers, 0, name);
		rig.host.advance(1_000_000);
		assert.deepEqual(rig.take(), [], name);
		assert.ok(!rig.client.connected, name);
		if (name === "connected") assert.equal(rig.host.stream.take(), DISCONNECT);
		for (const action of [() => rig.client.publish("t", "x", { qos: 1 }), () => rig.client.subscribe("f"), () => rig.client.unsubscribe("f")]) {
			assert.equal(codeOf(action), "state", name);
		}
	}
});

test("Client.close sends what is queued, then DISCONNECT, when there is room", () => {
	const rig = Rig.connected();
	const { stream } = rig.host;
	stream.writable(0);
	rig.call(() => rig.client.publish("t", "x"));
	rig.call(() => rig.client.close());
	assert.equal(rig.host.open, 1);
	stream.deliver(publish({ topic: "t", qos: 1, id: 1 }));
	stream.writable();
	assert.equal(stream.take(), publish({ topic: "t", payload: "78" }) + DISCONNECT);
	assert.equal(rig.host.open + rig.host.timers, 0);
	assert.deepEqual(rig.take(), []);
});

test("Client.close does not wait for ever", () => {
	const rig = Rig.connected();
	rig.host.stream.writable(0);
	rig.call(() => rig.client.close());
	rig.host.advance(3_999);
	assert.equal(rig.host.open, 1);
	rig.host.advance(1);
	assert.equal(rig.host.open + rig.host.timers, 0);
	assert.deepEqual(rig.take(), []);
});

test("Client.close waits for what is under way, as long as it is told to", () => {
	const rig = Rig.connected();
	rig.call(() => void rig.client.publish("t", "x", { qos: 1 }));
	rig.call(() => rig.client.close(5_000));
	assert.equal(rig.host.stream.take(), publish({ topic: "t", payload: "78", qos: 1, id: 1 }));
	rig.host.advance(4_999);
	assert.equal(rig.host.stream.take(), "");
	rig.host.advance(1);
	assert.equal(rig.host.stream.take(), DISCONNECT);
	assert.equal(rig.host.open + rig.host.timers, 0);
});

test("Client.close while it waits for room survives the loss of the stream", () => {
	const rig = Rig.connected();
	rig.host.stream.writable(0);
	rig.call(() => rig.client.close());
	rig.host.stream.fail(gone());
	assert.equal(rig.host.open + rig.host.timers, 0);
	assert.deepEqual(rig.take(), []);
});

test("Client.close inside each callback is the last of them", () => {
	for (const where of ["onConnected", "onSubscribed", "onMessage", "onAcknowledged", "onUnsubscribed", "onDisconnected"]) {
		let calls = 0;
		const close = (): void => {
			calls++;
			rig.client.close();
		};
		const rig: Rig = new Rig({ [where]: close });
		const stream = rig.reach();
		rig.client.subscribe("f");
		rig.client.publish("t", "x", { qos: 1 });
		stream.deliver(connack());
		if (!stream.closed) stream.deliver(publish({ topic: "t", qos: 1, id: 1 }) + publish({ topic: "t", qos: 1, id: 2 }));
		if (!stream.closed) stream.deliver(suback(SUBSCRIBE_ID, 1) + puback(1));
		if (!stream.closed) rig.call(() => rig.client.unsubscribe("f"));
		if (!stream.closed) stream.deliver(unsuback(SUBSCRIBE_ID));
		if (!stream.closed) stream.fail(gone());
		rig.host.advance(1_000_000);
		assert.equal(calls, 1, where);
		assert.equal(rig.host.open + rig.host.timers, 0, where);
		const said = stream.take();
		assert.equal(said.endsWith(DISCONNECT), where !== "onDisconnected", where);
		assert.equal(said.includes(puback(2)), ["onSubscribed", "onAcknowledged", "onUnsubscribed", "onDisconnected"].includes(where), where);
	}
});

test("Client has one timer at most, whatever happens", () => {
	const rig = new Rig();
	for (let round = 0; round < 5; round++) {
		rig.accept();
		rig.call(() => rig.client.publish("t", "x", { qos: 1 }));
		assert.equal(rig.host.timers, 1);
		rig.host.stream.fail(gone());
		assert.equal(rig.host.timers, 1);
	}
});

test("Client refuses options that cannot work before it takes anything", () => {
	const host = new FakeHost();
	const make = (options: Partial<ClientOptions>): string =>
		codeOf(() => new Client({ host, server: { name: "broker", port: 1 }, clientId: "id", ...options }));
	assert.equal(make({ clientId: "" }), "argument");
	assert.equal(make({ keepAlive: -1 }), "argument");
	assert.equal(host.timers, 0);
});

test("Client pings while it is paused, and no more often than else", () => {
	const rig = Rig.connected();
	const { client, host, host: { stream } } = rig;
	client.pause();
	stream.deliver(publish({ topic: "t", payload: "00" }));
	host.advance(10 * 60_000);
	assert.deepEqual(rig.take(), []);
	const pings = stream.take().length / PINGREQ.length;
	assert.ok(pings >= 10 && pings <= 15, `${pings} in ten minutes`);
	client.resume();
	host.advance(0);
	assert.deepEqual(rig.take(), ["message t 00"]);
});

test("Client takes and sends messages after hours of silence as before", () => {
	const rig = Rig.connected({ bufferLength: 64 });
	const { client, host, host: { stream } } = rig;
	const long = "ab".repeat(100);
	for (let hour = 0; hour < 3; hour++) {
		const id = rig.call(() => client.publish("t", "x".repeat(100), { qos: 1 })) as number;
		assert.equal(stream.take(), publish({ topic: "t", payload: "78".repeat(100), qos: 1, id }));
		stream.deliver(puback(id) + publish({ topic: "t", payload: long }));
		assert.deepEqual(rig.take(), [`acknowledged ${id}`, `message t ${long}`]);
		for (let waited = 0; waited < 3_600_000; waited += 10_000) {
			host.advance(10_000);
			if (stream.take() === PINGREQ) stream.deliver(PINGRESP);
		}
		assert.deepEqual(rig.take(), []);
	}
});
