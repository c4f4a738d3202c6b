// SPDX-License-Identifier: Apache-2.0
/** Session and link: payloads that are read piece by piece from their source while they are sent. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../../src/base/error.js";
import type { Source } from "../../../src/mqtt/outbox.js";
import { codeOf } from "../failure.js";
import { toHex } from "../hex.js";
import { pubcomp, publish, puback, pubrec, pubrel, utf8 } from "../wire.js";
import { alias5, byte5, long5, publish5, short5, text5 } from "../wire5.js";
import { Bench } from "./bench.js";
import { open5, reconnect5 } from "./v5.js";

/** Bytes that can be told from their neighbours, and a record of what was read. */
class Bytes implements Source {
	readonly byteLength: number;
	readonly reads: { offset: number; count: number }[] = [];
	/** Thrown by the read that reaches this offset. */
	failAt = Infinity;

	constructor(byteLength: number) {
		this.byteLength = byteLength;
	}

	read(target: Uint8Array, offset: number): void {
		assert.ok(target.length > 0 && offset + target.length <= this.byteLength, "what is asked for is there");
		if (offset + target.length > this.failAt) throw new Error("the file is gone");
		this.reads.push({ offset, count: target.length });
		for (let at = 0; at < target.length; at++) target[at] = (offset + at) * 7 & 0xff;
	}

	get hex(): string {
		return toHex(Uint8Array.from({ length: this.byteLength }, (_, at) => at * 7 & 0xff));
	}
}

test("a payload from a source is the same bytes as one from memory, at each QoS and in pieces of any size", () => {
	for (const qos of [0, 1, 2] as const) {
		for (const length of [0, 1, 121, 122, 123, 5_000]) {
			for (const limit of [1, 2, 7, 100, 4_096].filter((size) => length / size < 1_000)) {
				const bench = Bench.open();
				const source = new Bytes(length);
				const id = bench.session.publish("t", source, { qos });
				assert.equal(bench.send(limit), publish({ topic: "t", payload: source.hex, qos, id: qos === 0 ? 0 : 1 }), `${qos}, ${length}, ${limit}`);
				assert.equal(id, qos === 0 ? 0 : 1);
				let end = 0;
				for (const { offset, count } of source.reads) {
					assert.equal(offset, end, "each byte is read once, in order");
					end += count;
				}
				assert.equal(end, length);
			}
		}
	}
});

test("a source takes no room for its payload: one much larger than the memory for messages goes out", () => {
	const bench = Bench.open({ inflightLength: 128 });
	const source = new Bytes(100_000);
	assert.equal(bench.session.publish("t", source, { qos: 1 }), 1);
	assert.equal(bench.session.publish("t", "x", { qos: 1 }), 2, "and there is room beside it");
	assert.equal(bench.send(), publish({ topic: "t", payload: source.hex, qos: 1, id: 1 }) + publish({ topic: "t", payload: "78", qos: 1, id: 2 }));
});

test("a source is read again, from its beginning, when its message is sent again", () => {
	for (const cut of [1, 5, 500, 2_000]) {
		const bench = Bench.open();
		const source = new Bytes(1_000);
		bench.session.publish("t", source, { qos: 1 });
		bench.link.transmit(new Uint8Array(cut), cut);
		bench.reconnect();
		assert.equal(bench.send(64), publish({ topic: "t", payload: source.hex, qos: 1, id: 1, duplicate: true }), `${cut}`);
		assert.deepEqual(bench.receive(puback(1)), ["acknowledged 1"]);
		const { length } = source.reads;
		bench.reconnect();
		assert.equal(bench.send(), "");
		assert.equal(source.reads.length, length, "not read any more once it is acknowledged");
	}
});

test("a source at QoS 2 is not read any more after PUBREC", () => {
	const bench = Bench.open();
	const source = new Bytes(1_000);
	bench.session.publish("t", source, { qos: 2 });
	bench.send();
	bench.receive(pubrec(1));
	const { length } = source.reads;
	assert.equal(bench.send(), pubrel(1));
	bench.reconnect();
	assert.equal(bench.send(), pubrel(1));
	assert.deepEqual(bench.receive(pubcomp(1)), ["acknowledged 1"]);
	assert.equal(source.reads.length, length);
});

test("a source at QoS 0 of which a part went out is gone with the connection, and one behind it too", () => {
	const bench = Bench.open();
	const [first, second] = [new Bytes(1_000), new Bytes(1_000)];
	bench.session.publish("t", first);
	bench.session.publish("t", second);
	bench.link.transmit(new Uint8Array(100), 100);
	bench.reconnect();
	assert.equal(bench.send(), "");
	assert.ok(bench.session.outbox.empty);
	assert.deepEqual(second.reads, []);
});

test("nothing comes between the pieces of a payload: acknowledgements and pings wait for its end", () => {
	const bench = Bench.open();
	const source = new Bytes(1_000);
	bench.session.publish("t", source, { qos: 1 });
	const target = new Uint8Array(300);
	let sent = toHex(target, 0, bench.link.transmit(target, 300));
	bench.receive(publish({ topic: "t", qos: 1, id: 9 }));
	bench.wait(60_000);
	sent += bench.send(300);
	const whole = publish({ topic: "t", payload: source.hex, qos: 1, id: 1 });
	assert.ok(sent.startsWith(whole));
	assert.equal(sent.slice(whole.length), `${puback(9)}c000`);
});

test("a source that fails ends the connection in the middle of its packet, and its message with it", () => {
	const bench = Bench.open();
	const source = new Bytes(1_000);
	source.failAt = 500;
	bench.session.publish("t", source, { qos: 1 });
	bench.session.publish("t", "next", { qos: 1 });
	const sent = bench.send(100);
	assert.ok(publish({ topic: "t", payload: source.hex, qos: 1, id: 1 }).startsWith(sent), "nothing that is not its own went out");
	assert.deepEqual(bench.events(), ["closed internal"]);
	bench.relink();
	bench.send();
	const lines = bench.receive("20020100");
	assert.equal(bench.send(), publish({ topic: "t", payload: utf8("next"), qos: 1, id: 2 }));
	assert.deepEqual([...lines, ...bench.receive(puback(2))].filter((line) => line.startsWith("acknowledged")), ["acknowledged 1", "acknowledged 2"]);
});

test("a source that fails with an error of ours ends the connection with that", () => {
	const bench = Bench.open();
	bench.session.publish("t", { byteLength: 10, read: () => { throw new DeviceError("storage", "flash"); } });
	bench.send();
	assert.deepEqual(bench.events(), ["closed storage"]);
});

test("a payload that MQTT cannot say is refused, however little of it is in memory", () => {
	const bench = Bench.open();
	assert.equal(codeOf(() => bench.session.publish("t", new Bytes(0x1000_0000), { qos: 1 })), "too-large");
	assert.equal(bench.send(), "");
});

test("MQTT 5: a source has properties and aliases like any payload, and says its topic again on a new connection", () => {
	for (const limit of [1, 13, 4_096]) {
		const bench = open5({ topicAliases: 1 }, short5(34, 1));
		const source = new Bytes(300);
		for (let count = 0; count < 2; count++) bench.session.publish("topic", source, { qos: 1, properties: { contentType: "c" } });
		const said = (topic: string, id: number, duplicate = false): string =>
			publish5({ topic, payload: source.hex, qos: 1, id, duplicate, said: text5(3, "c") + alias5(1) });
		const sent = bench.send(limit);
		// The alias may stand before the other properties.
		const ordered = (hex: string): string => hex.replaceAll(alias5(1) + text5(3, "c"), text5(3, "c") + alias5(1));
		assert.equal(ordered(sent), said("topic", 1) + said("", 2));
		reconnect5(bench, true, short5(34, 1));
		assert.equal(ordered(bench.send(limit)), said("topic", 1, true) + said("", 2, true));
	}
});

test("MQTT 5: a source that is over the server's maximum is not sent, nor read", () => {
	const bench = open5({}, long5(39, 1_000));
	const [large, fitting] = [new Bytes(992), new Bytes(991)];
	bench.session.publish("t", large, { qos: 1 });
	bench.session.publish("t", fitting, { qos: 1 });
	assert.equal(bench.send(), publish5({ topic: "t", payload: fitting.hex, qos: 1, id: 2 }));
	assert.deepEqual(large.reads, []);
	bench.receive("");
	assert.deepEqual(bench.events(), ["acknowledged 1"]);
	const poor = open5({}, byte5(36, 0));
	poor.session.publish("t", large, { qos: 2 });
	assert.equal(poor.send(), "");
	assert.deepEqual(large.reads, []);
});
