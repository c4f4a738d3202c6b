// SPDX-License-Identifier: Apache-2.0
/** The broker on streams of the SDK's contract: partial writes, no room, and ends from either side. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { generate } from "mqtt-packet";
import type { Packet } from "mqtt-packet";
import { DeviceError } from "../../src/base/error.js";
import type { Stream, StreamCallbacks, Timers } from "../../src/host.js";
import { Broker } from "../../hosts/simulator/broker/broker.js";
import { StreamServer } from "../../hosts/simulator/streams.js";

/** A stream that is as strict as the contract, and whose network the test plays. */
class FakeStream implements Stream {
	readonly written: number[] = [];
	closed = false;
	#room = 0;
	#arrived: number[] = [];
	readonly #callbacks: StreamCallbacks;

	constructor(callbacks: StreamCallbacks) {
		this.#callbacks = callbacks;
	}

	read(target: Uint8Array): number {
		assert.ok(target.byteLength > 0 && target.byteLength <= this.#arrived.length);
		target.set(this.#arrived.splice(0, target.byteLength));
		return target.byteLength;
	}

	write(source: Uint8Array): number {
		assert.ok(!this.closed && source.byteLength <= this.#room, "write without room");
		this.written.push(...source);
		this.#room -= source.byteLength;
		return this.#room;
	}

	close(): void { this.closed = true; }

	/** Bytes that were not read. */
	get unread(): number { return this.#arrived.length; }

	allow(room: number): void {
		this.#room = room;
		this.#callbacks.onWritable?.(room);
	}

	arrive(...packets: Packet[]): void {
		for (const packet of packets) this.#arrived.push(...generate(packet));
		this.#callbacks.onReadable?.(this.#arrived.length);
	}

	fail(): void {
		this.#callbacks.onError?.(new DeviceError("closed", "ended"));
	}
}

class FakeClock {
	time = 0;
	readonly #due = new Map<object, { at: number; callback: () => void }>();
	readonly timer: Timers = {
		set: (callback, delay) => {
			const handle = {};
			this.#due.set(handle, { at: this.time + delay, callback });
			return handle;
		},
		repeat() { throw new Error("not used"); },
		clear: handle => { if (handle) this.#due.delete(handle); },
	};

	now(): number { return this.time; }
	get pending(): number { return this.#due.size; }

	advance(time: number): void {
		this.time = time;
		for (const [handle, { at, callback }] of [...this.#due]) {
			if (at > time) continue;
			this.#due.delete(handle);
			callback();
		}
	}
}

function setup() {
	const clock = new FakeClock();
	const broker = new Broker();
	const server = new StreamServer(broker, clock);
	const open = () => {
		let stream: FakeStream | undefined;
		server.open(undefined, callbacks => stream = new FakeStream(callbacks));
		return stream;
	};
	const connected = (clientId: string) => {
		const stream = open()!;
		stream.allow(1000);
		stream.arrive({ cmd: "connect", clientId, keepalive: 10 }, { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "t", qos: 0 }] });
		assert.equal(stream.written.length, 9);
		stream.written.length = 0;
		return stream;
	};
	return { clock, broker, server, open, connected };
}

suite("Broker on streams", () => {
	test("what does not fit is written as room comes, byte by byte, and requests wait meanwhile", () => {
		const { connected, broker } = setup();
		const stream = connected("a");
		stream.allow(0);
		const channel = broker.attach();
		channel.publish("t", Buffer.from("1"));
		channel.publish("t", Buffer.from("2"));
		stream.arrive({ cmd: "pingreq" });
		assert.deepEqual([stream.written.length, stream.unread], [0, 2]);
		for (let byte = 0; byte < 14; byte++) stream.allow(1);
		const expected = [...generate({ cmd: "publish", topic: "t", payload: "1", qos: 0, dup: false, retain: false }), ...generate({ cmd: "publish", topic: "t", payload: "2", qos: 0, dup: false, retain: false }), 0xD0, 0];
		assert.deepEqual([stream.written, stream.unread], [expected, 0]);
	});

	test("a connection that the broker ends is closed when the rest is sent, or after a time", () => {
		const { connected, clock, broker } = setup();
		const [patient, stuck] = [connected("a"), connected("b")];
		for (const stream of [patient, stuck]) stream.allow(0);
		broker.attach().publish("t", Buffer.from("x"));
		broker.kick("a", 0);
		broker.kick("b", 0);
		assert.deepEqual([patient.closed, stuck.closed], [false, false]);
		patient.allow(100);
		assert.deepEqual([patient.closed, patient.written.length], [true, 6]);
		clock.advance(1_000);
		assert.equal(stuck.closed, true);
	});

	test("keep-alive runs on the timer that was handed in", () => {
		const { connected, clock, broker } = setup();
		const stream = connected("a");
		clock.advance(10_000);
		assert.equal(stream.closed, false);
		clock.advance(15_000);
		assert.deepEqual([stream.closed, broker.connectionCount, clock.pending], [true, 0, 0]);
	});

	test("a stream that ends loses its connection, and is closed", () => {
		const { connected, broker } = setup();
		const stream = connected("a");
		stream.fail();
		assert.deepEqual([stream.closed, broker.connectionCount], [true, 0]);
	});

	test("a server that is closed ends its streams, takes no more, and leaves no timer", () => {
		const { connected, server, open, clock } = setup();
		const stream = connected("a");
		stream.allow(0);
		server.close();
		assert.deepEqual([stream.closed, open(), clock.pending], [true, undefined, 0]);
	});
});
