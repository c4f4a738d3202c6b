// SPDX-License-Identifier: Apache-2.0
/** MQTT 5: the driver on a host whose streams, timers and names the test plays. Statement numbers are those of MQTT 5. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, type ClientOptions } from "../../../src/mqtt/client.js";
import { FakeHost } from "../fake-host.js";
import { connack5, connect5, disconnect5, long5, puback5, publish5, short5, suback5, subscribe5, text5, unsuback5 } from "../wire5.js";

/** A client whose server accepted, with everything so far forgotten. */
function connected(options: Partial<ClientOptions> = {}, ...granted: string[]): { host: FakeHost; client: Client; lines: string[] } {
	const host = new FakeHost();
	const lines: string[] = [];
	const client = new Client({
		host, protocol: 5, clientId: "id", server: { name: "broker", port: 1883 },
		onConnected: (sessionPresent, properties) => { lines.push(`connected ${sessionPresent} ${JSON.stringify(properties)}`); },
		onAcknowledged: (packetId, reasonCode) => { lines.push(`acknowledged ${packetId} ${reasonCode}`); },
		onSubscribed: (filter, reasonCode) => { lines.push(`subscribed ${filter} ${reasonCode}`); },
		onUnsubscribed: (filter, reasonCode) => { lines.push(`unsubscribed ${filter} ${reasonCode}`); },
		onMessage: ({ topic, properties }) => { lines.push(`message ${topic} ${JSON.stringify(properties)}`); },
		onDisconnected: (error, delay) => { lines.push(`disconnected ${error.code} ${error.detail} ${delay}`); },
		...options,
	});
	host.advance(0);
	host.resolver.answer("10.0.0.1");
	host.stream.writable();
	assert.equal(host.stream.take(), connect5());
	host.stream.deliver(connack5(false, 0, ...granted));
	return { host, client, lines };
}

/** ms from the last line of a client that lost its connection. */
const delayOf = (lines: readonly string[]): number => Number(lines.at(-1)!.split(" ").at(-1));

test("Client tells what the server granted, and the reason of every answer", () => {
	const { host, client, lines } = connected({}, short5(33, 5), text5(31, "welcome"));
	const { stream } = host;
	client.publish("t", "x", { qos: 1 });
	client.subscribe("f", 2);
	assert.equal(stream.take(), publish5({ topic: "t", payload: "78", qos: 1, id: 1 }) + subscribe5(0xffff, "", ["f", 2]));
	stream.deliver(puback5(1, 0x10) + suback5(0xffff, 0x87) + publish5({ topic: "m", said: long5(2, 60) }));
	client.unsubscribe("f");
	stream.deliver(unsuback5(0xffff, 0x11));
	assert.deepEqual(lines, [
		'connected false {"receiveMaximum":5,"reasonString":"welcome"}',
		"acknowledged 1 16",
		"subscribed f 135",
		'message m {"messageExpirySeconds":60}',
		"unsubscribed f 17",
	]);
});

test("Client leaves the session to the client that took it over: no attempt before a long while [MQTT-3.1.4-3]", () => {
	const { host, lines } = connected();
	host.dice = 0;
	host.stream.deliver(disconnect5(0x8e));
	assert.match(lines.at(-1)!, /^disconnected rejected 142 \d+$/);
	assert.equal(host.stream.take(), "");
	assert.equal(host.open, 0);
	assert.ok(delayOf(lines) >= 30_000, lines.at(-1));
	const { length } = host.resolvers;
	host.advance(delayOf(lines) - 1);
	assert.equal(host.resolvers.length, length);
});

test("Client says nothing after DISCONNECT, and closes the stream [MQTT-3.14.4-1] [MQTT-3.14.4-2]", () => {
	const { host, client } = connected();
	const { stream } = host;
	client.publish("t", "x");
	client.close();
	assert.equal(stream.take(), publish5({ topic: "t", payload: "78" }) + disconnect5());
	assert.ok(stream.closed);
	host.advance(1_000_000);
	assert.equal(host.open + host.timers, 0);
});

test("Client tells a server what it did wrong, and closes the stream [MQTT-4.13.1-1]", () => {
	const { host, client, lines } = connected();
	const { stream } = host;
	client.publish("t", "x", { qos: 1 });
	stream.take();
	stream.deliver(connack5());
	assert.equal(stream.take(), disconnect5(0x82));
	assert.ok(stream.closed);
	assert.match(lines.at(-1)!, /^disconnected violation/);
});

test("Client closes the stream even when there is no room to say why", () => {
	const { host, lines } = connected();
	const { stream } = host;
	stream.writable(0);
	stream.deliver(connack5());
	assert.ok(!stream.closed);
	host.advance(2_000);
	assert.ok(stream.closed);
	assert.match(lines.at(-1)!, /^disconnected violation/);
});
