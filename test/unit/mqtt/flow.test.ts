// SPDX-License-Identifier: Apache-2.0
/** Backpressure both ways: a program that does not read on, payloads read piece by piece, and messages in batches. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../../src/base/error.js";
import { Client, type ClientOptions } from "../../../src/mqtt/client.js";
import { SUBSCRIBE_ID } from "../../../src/mqtt/constants.js";
import type { Source } from "../../../src/mqtt/outbox.js";
import { codeOf } from "../failure.js";
import { FakeHost, type FakeStream } from "../fake-host.js";
import { toHex } from "../hex.js";
import { connack, PINGREQ, PINGRESP, prefixed, puback, pubcomp, publish, pubrec, pubrel, suback, uint16, varint } from "../wire.js";

const MINUTE = 60_000;
const KEEP_ALIVE = 60_000;
const BUFFER = 256;
const MEGABYTE = 0x10_0000;

class Rig {
	readonly host = new FakeHost();
	readonly client: Client;
	readonly lines: string[] = [];
	/** Bytes of messages that came, and where each piece of them began. */
	received = 0;
	/** Called for each piece of a message. */
	onPiece: (() => void) | undefined;

	constructor(options: Partial<ClientOptions> = {}) {
		this.client = new Client({
			host: this.host, clientId: "id", server: { name: "broker", port: 1883 }, keepAlive: KEEP_ALIVE, bufferLength: BUFFER, packetBuffer: 64,
			onConnected: () => { this.lines.push("connected"); },
			onMessage: ({ topic, offset, total, start, end, bytes }) => {
				if (offset === 0) this.received = 0;
				assert.equal(offset, this.received, "no byte is missing");
				for (let index = start; index < end; index++) assert.equal(bytes[index], pattern(this.received++));
				if (this.received === total) this.lines.push(`message ${topic} ${total}`);
				this.onPiece?.();
			},
			onAcknowledged: (packetId, reasonCode) => { this.lines.push(`acknowledged ${packetId} ${reasonCode}`); },
			onSubscribed: (filter) => { this.lines.push(`subscribed ${filter}`); },
			onDisconnected: ({ code }) => { this.lines.push(`disconnected ${code}`); },
			...options,
		});
	}

	static connected(options?: Partial<ClientOptions>): Rig {
		const rig = new Rig(options);
		rig.connect();
		rig.take();
		return rig;
	}

	connect(sessionPresent = false): FakeStream {
		const { host } = this;
		host.advance(host.nextTimer);
		host.resolver.answer("10.0.0.1");
		host.stream.writable();
		host.stream.take();
		host.stream.deliver(connack(sessionPresent));
		return host.stream;
	}

	take(): string[] {
		return this.lines.splice(0);
	}
}

/** The byte at an offset of every payload here: one in the wrong place is seen. */
const pattern = (offset: number): number => (offset ^ (offset >> 8) * 7 ^ (offset >> 16) * 31) & 0xff;

function payload(length: number): string {
	const bytes = new Uint8Array(length);
	for (let offset = 0; offset < length; offset++) bytes[offset] = pattern(offset);
	return toHex(bytes);
}

/** A payload that notes how it is read. */
class Reading implements Source {
	readonly byteLength: number;
	/** Offset behind what was read last; of each reading that began, how far it came. */
	readonly readings: number[] = [];
	longest = 0;
	/** Where it fails. */
	end = Infinity;

	constructor(byteLength: number) {
		this.byteLength = byteLength;
	}

	read(target: Uint8Array, offset: number): void {
		if (offset === 0) this.readings.push(0);
		assert.equal(offset, this.readings.at(-1), "in order, and nothing twice");
		assert.ok(target.byteLength > 0 && offset + target.byteLength <= this.byteLength);
		if (offset + target.byteLength > this.end) throw new Error("the card was pulled out");
		for (let index = 0; index < target.byteLength; index++) target[index] = pattern(offset + index);
		this.readings[this.readings.length - 1] = offset + target.byteLength;
		this.longest = Math.max(this.longest, target.byteLength);
	}
}

test("Client.pause in the middle of a message: nothing is read, keep alive is kept, and resume loses nothing", () => {
	const length = 20_000;
	for (const [qos, answer] of [[0, ""], [1, puback(9)], [2, pubrec(9)]] as const) {
		const rig = Rig.connected();
		const { host, client } = rig;
		const { stream } = host;
		rig.onPiece = () => { if (rig.received >= length / 2) client.pause(); };
		stream.deliver(publish({ topic: "t", payload: payload(length), qos, id: 9 }));
		const { received } = rig;
		assert.ok(received < length / 2 + 2 * BUFFER, `${received} bytes`);
		const { unread } = stream;
		assert.ok(unread >= length / 2 - 2 * BUFFER);
		rig.onPiece = undefined;
		// The server counts as well: what it must hear is a packet each time that it waited for long enough.
		let pings = 0;
		for (let minute = 0; minute < 60; minute++) {
			host.advance(KEEP_ALIVE);
			const sent = stream.take();
			assert.match(sent, /^(c000){1,2}$/, `minute ${minute}`);
			pings += sent.length / PINGREQ.length;
			stream.deliver(PINGRESP);
		}
		assert.ok(pings <= 70, `${pings} pings in an hour`);
		assert.equal(rig.received, received, "not a byte was delivered");
		assert.deepEqual(rig.take(), []);
		client.resume();
		assert.equal(rig.received, received, "resume itself calls nobody");
		host.advance(0);
		assert.deepEqual(rig.take(), [`message t ${length}`]);
		assert.equal(stream.take(), answer);
		assert.equal(stream.unread, 0);
		host.advance(KEEP_ALIVE / 2);
		stream.deliver(PINGRESP);
		host.advance(KEEP_ALIVE / 2);
		assert.deepEqual(rig.take(), [], "and the connection stands");
	}
});

test("Client.pause keeps sending: messages go out, and their answers wait for resume", () => {
	const rig = Rig.connected();
	const { host, client } = rig;
	client.pause();
	client.publish("t", "x", { qos: 1 });
	assert.equal(host.stream.take(), publish({ topic: "t", payload: "78", qos: 1, id: 1 }));
	host.stream.deliver(puback(1));
	host.advance(10 * MINUTE);
	assert.deepEqual(rig.take(), []);
	client.resume();
	host.advance(0);
	assert.deepEqual(rig.take(), ["acknowledged 1 0"]);
});

test("Client.pause before the answer to SUBSCRIBE was read: no time-out, however long it lasts", () => {
	const rig = Rig.connected();
	const { host, client } = rig;
	client.subscribe("f");
	client.pause();
	host.stream.deliver(publish({ topic: "t", payload: payload(10) }) + suback(SUBSCRIBE_ID, 1));
	host.advance(10 * MINUTE);
	assert.deepEqual(rig.take(), []);
	client.resume();
	host.advance(0);
	assert.deepEqual(rig.take(), ["message t 10", "subscribed f"]);
});

test("Client.pause while nothing arrives sees that the server is gone", () => {
	const rig = Rig.connected();
	rig.client.pause();
	rig.host.advance(KEEP_ALIVE + 20_000);
	assert.deepEqual(rig.take(), ["disconnected timeout"]);
});

test("Client.pause while there is no connection does not stand in the way of the next", () => {
	const rig = Rig.connected();
	const { host, client } = rig;
	host.stream.fail(new DeviceError("closed", "reset"));
	client.pause();
	const stream = rig.connect(true);
	assert.ok(client.connected);
	stream.deliver(publish({ topic: "t", payload: payload(10) }));
	host.advance(MINUTE);
	assert.deepEqual(rig.take(), ["disconnected closed", "connected"]);
	client.resume();
	host.advance(0);
	assert.deepEqual(rig.take(), ["message t 10"]);
});

test("Client.pause when the stream ends: what was not read is lost with it, and no acknowledgement went out", () => {
	const rig = Rig.connected();
	const { host, client } = rig;
	client.pause();
	host.stream.deliver(publish({ topic: "t", payload: payload(10), qos: 1, id: 9 }));
	host.stream.fail(new DeviceError("closed", "reset"));
	assert.deepEqual(rig.take(), ["disconnected closed"]);
	assert.equal(host.stream.take(), "");
	client.resume();
	host.advance(0);
	const stream = rig.connect(true);
	stream.deliver(publish({ topic: "t", payload: payload(10), qos: 1, id: 9, duplicate: true }));
	assert.deepEqual(rig.take(), ["connected", "message t 10"]);
	assert.equal(stream.take(), puback(9));
});

test("Client.close while paused still says goodbye", () => {
	const rig = Rig.connected();
	const { host, client } = rig;
	client.pause();
	client.publish("t", "x", { qos: 1 });
	host.stream.take();
	client.close();
	host.stream.deliver(puback(1));
	assert.equal(host.stream.take(), "e000");
	assert.equal(host.open + host.timers, 0);
});

for (const [qos, length] of [[0, 0x8000], [1, MEGABYTE], [2, 0x8000]] as const) {
	test(`Client sends a source of ${length} bytes at QoS ${qos} through next to no room, and keeps none of it`, () => {
		const rig = Rig.connected();
		const { host: { stream }, client } = rig;
		const head = `${(0x30 | qos << 1).toString(16)}${varint(length + 3 + (qos > 0 ? 2 : 0))}${prefixed("t")}${qos > 0 ? uint16(1) : ""}`;
		let offset = -head.length / 2;
		let begin = "";
		let room = 0;
		const { write } = stream;
		stream.write = (bytes) => {
			assert.ok(bytes.byteLength > 0 && bytes.byteLength <= room);
			for (let index = 0; index < bytes.byteLength; index++, offset++) {
				if (offset < 0) begin += toHex(bytes, index, index + 1);
				else if (bytes[index] !== pattern(offset)) assert.fail(`at ${offset}`);
			}
			return room -= bytes.byteLength;
		};
		stream.writable(0);
		const source = new Reading(length);
		assert.equal(client.publish("t", source, { qos }), qos === 0 ? 0 : 1);
		assert.equal(source.readings.length, 0, "nothing is read before there is room");
		for (let least = 1; offset < length; least = least * 5 % 97) {
			room = least;
			stream.writable(room);
			if (offset < length) assert.equal(room, 0, "all the room is used");
		}
		assert.equal(begin, head);
		assert.equal(offset, length);
		assert.deepEqual(source.readings, [length]);
		assert.ok(source.longest < 97);
		stream.write = write;
		stream.writable();
		client.publish("u", "x");
		assert.equal(stream.take(), publish({ topic: "u", payload: "78" }), "the next packet follows whole");
		if (qos === 1) stream.deliver(puback(1));
		if (qos === 2) stream.deliver(pubrec(1));
		if (qos === 2) assert.equal(stream.take(), pubrel(1));
		if (qos === 2) stream.deliver(pubcomp(1));
		assert.deepEqual(rig.take(), qos === 0 ? [] : ["acknowledged 1 0"]);
	});
}

test("Client answers pings and acknowledges while a source waits for room, as soon as the packet is out", () => {
	const rig = Rig.connected();
	const { host: { stream }, client } = rig;
	stream.writable(100);
	client.publish("t", new Reading(150), { qos: 1 });
	stream.deliver(publish({ topic: "m", payload: payload(1), qos: 1, id: 5 }));
	stream.writable(1000);
	assert.ok(stream.take().endsWith(puback(5)));
});

test("Client sends a source of no bytes", () => {
	const rig = Rig.connected();
	const source = new Reading(0);
	rig.client.publish("t", source, { qos: 1 });
	assert.equal(rig.host.stream.take(), publish({ topic: "t", qos: 1, id: 1 }));
	assert.deepEqual(source.readings, []);
});

test("Client sends a source again after a lost connection: all of it, from its beginning, as a duplicate", () => {
	const rig = Rig.connected();
	const { host, client } = rig;
	host.stream.writable(100);
	const source = new Reading(5_000);
	client.publish("t", source, { qos: 1 });
	client.publish("t", "behind", { qos: 1 });
	for (let count = 0; count < 10; count++) host.stream.writable(100);
	assert.ok(source.readings[0]! > 500 && source.readings[0]! < 5_000);
	host.stream.fail(new DeviceError("closed", "reset"));
	const sent = rig.connect(true).take();
	const first = publish({ topic: "t", payload: payload(5_000), qos: 1, id: 1, duplicate: true });
	assert.ok(sent.startsWith(first.slice(0, sent.length)));
	host.stream.writable();
	const all = sent + host.stream.take();
	assert.equal(all, first + publish({ topic: "t", payload: "626568696e64", qos: 1, id: 2 }));
	host.stream.fail(new DeviceError("closed", "reset"));
	rig.connect(true);
	host.stream.writable();
	assert.equal(host.stream.take().length, all.length, "and once more, as it is not acknowledged");
	assert.equal(source.readings.length, 3);
	rig.take();
	host.stream.deliver(puback(1) + puback(2));
	assert.deepEqual(rig.take(), ["acknowledged 1 0", "acknowledged 2 0"]);
	host.stream.fail(new DeviceError("closed", "reset"));
	rig.connect(true);
	assert.equal(host.stream.take(), "");
});

test("Client gives up a message whose source throws, tells so, and goes on with the others on a new connection", () => {
	for (const end of [0, 1, 5_000]) {
		for (const qos of [0, 1, 2] as const) {
			const rig = Rig.connected();
			const { host, client } = rig;
			const source = new Reading(10_000);
			source.end = end;
			client.publish("t", "before", { qos: 1 });
			const id = client.publish("t", source, { qos });
			client.publish("t", "behind", { qos: 1 });
			host.advance(0);
			for (let left = 3; left > 0 && !host.stream.closed; left--) host.stream.writable();
			const name = `QoS ${qos}, end at ${end}`;
			assert.equal(rig.lines.filter((line) => line === "disconnected internal").length, 1, name);
			assert.equal(host.open, 0, name);
			host.stream.take();
			const stream = rig.connect(true);
			const again = (text: string, packetId: number, duplicate: boolean): string => publish({ topic: "t", payload: text, qos: 1, id: packetId, duplicate });
			assert.equal(stream.take(), again("6265666f7265", 1, true) + again("626568696e64", qos === 0 ? 2 : 3, false), name);
			assert.deepEqual(rig.lines.filter((line) => line.startsWith("acknowledged")), [`acknowledged ${id} 128`], name);
			assert.equal(source.readings.length, 1, name);
		}
	}
});

test("Client refuses calls from inside a source, whose message then ends, and close ends all", () => {
	const calls: readonly ((client: Client) => void)[] = [
		(client) => client.publish("t", "x", { qos: 1 }), (client) => client.subscribe("f"), (client) => client.unsubscribe("f"),
		(client) => client.batch(() => {}), (client) => client.pause(), (client) => client.resume(),
	];
	for (const call of calls) {
		const rig = Rig.connected();
		rig.client.publish("t", { byteLength: 300, read: () => call(rig.client) }, { qos: 1 });
		rig.host.advance(0);
		rig.connect(true);
		assert.deepEqual(rig.take(), ["disconnected state", "acknowledged 1 128", "connected"]);
	}
	const rig = Rig.connected();
	rig.client.publish("t", { byteLength: 300, read: () => rig.client.close(0) });
	rig.host.advance(10_000);
	assert.equal(rig.host.open + rig.host.timers, 0);
	assert.deepEqual(rig.take(), []);
});

test("Client.batch sends nothing before its end, and then all, in the order of publishing", () => {
	const rig = Rig.connected();
	const { host: { stream }, client } = rig;
	const messages = [1, 2, 3].map((id) => publish({ topic: "t", payload: "78", qos: 1, id }));
	client.batch(() => {
		for (let count = 0; count < 3; count++) client.publish("t", "x", { qos: 1 });
		client.publish("t", "y");
		assert.equal(stream.take(), "");
	});
	assert.equal(stream.take(), messages.join("") + publish({ topic: "t", payload: "79" }));
	client.batch(() => {});
	assert.equal(stream.take(), "");
});

test("Client.batch that throws keeps and sends what was published before", () => {
	const rig = Rig.connected();
	const { host: { stream }, client } = rig;
	assert.throws(() => client.batch(() => {
		client.publish("t", "x", { qos: 1 });
		throw new Error("the program's own");
	}), /the program's own/);
	assert.equal(stream.take(), publish({ topic: "t", payload: "78", qos: 1, id: 1 }));
	client.publish("t", "x", { qos: 1 });
	assert.equal(stream.take(), publish({ topic: "t", payload: "78", qos: 1, id: 2 }));
});

test("Client.batch works without a connection, inside a callback, and not after close", () => {
	const rig = new Rig({ onConnected: () => rig.client.batch(() => rig.client.publish("t", "y", { qos: 1 })) });
	rig.client.batch(() => rig.client.publish("t", "x", { qos: 1 }));
	const stream = rig.connect();
	assert.equal(stream.take(), publish({ topic: "t", payload: "78", qos: 1, id: 1 }) + publish({ topic: "t", payload: "79", qos: 1, id: 2 }));
	rig.client.close(0);
	assert.equal(codeOf(() => rig.client.batch(() => {})), "state");
	assert.equal(codeOf(() => rig.client.pause()), "state");
	assert.equal(codeOf(() => rig.client.resume()), "state");
});

test("Client with a message longer than it may be sends nothing of it: the limit is the packet's", () => {
	const rig = Rig.connected();
	assert.equal(codeOf(() => rig.client.publish("t", new Reading(0x1000_0000), { qos: 1 })), "too-large");
	rig.host.advance(0);
	assert.equal(rig.host.stream.take(), "");
});
