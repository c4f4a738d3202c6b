// SPDX-License-Identifier: Apache-2.0
/** Session and link: messages that we send at QoS 2, until the server has each exactly once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { puback, pubcomp, publish, pubrec, pubrel, utf8 } from "../wire.js";
import { Bench } from "./bench.js";

const outgoing = (payload: string, id: number, duplicate = false): string =>
	publish({ topic: "t", payload: utf8(payload), qos: 2, id, duplicate });

function sent(options: ConstructorParameters<typeof Bench>[0], ...payloads: string[]): Bench {
	const bench = Bench.open(options);
	for (const payload of payloads) bench.session.publish("t", payload, { qos: 2 });
	assert.equal(bench.send(), payloads.map((payload, index) => outgoing(payload, index + 1)).join(""));
	return bench;
}

test("a message at QoS 2 is PUBLISH, then PUBREL for its PUBREC, and done with PUBCOMP [MQTT-4.3.3-1] [MQTT-2.3.1-6]", () => {
	const bench = sent({}, "x");
	assert.deepEqual(bench.receive(pubrec(1)), []);
	assert.equal(bench.send(), pubrel(1), "its flags are 0010 [MQTT-3.6.1-1]");
	assert.equal(bench.send(), "");
	assert.ok(!bench.session.outbox.empty);
	assert.deepEqual(bench.receive(pubcomp(1)), ["acknowledged 1"]);
	assert.ok(bench.session.outbox.empty);
});

test("a message at QoS 2 without PUBREC is sent again on the next connection, with DUP and its identifier", () => {
	const bench = sent({}, "x");
	bench.wait(50_000);
	assert.equal(bench.send(), "", "and not before [MQTT-4.4.0-1]");
	bench.reconnect();
	assert.equal(bench.send(), outgoing("x", 1, true));
});

test("after PUBREC only PUBREL is sent again, never the message [MQTT-4.3.3-1] [MQTT-4.4.0-1]", () => {
	for (const before of ["the PUBREL went out", "it went out in part", "it did not go out"]) {
		const bench = sent({}, "x");
		bench.receive(pubrec(1));
		if (before === "the PUBREL went out") assert.equal(bench.send(), pubrel(1));
		if (before === "it went out in part") bench.link.transmit(new Uint8Array(3), 3);
		for (let round = 0; round < 3; round++) {
			bench.reconnect();
			assert.equal(bench.send(), pubrel(1), before);
		}
		assert.deepEqual(bench.receive(pubcomp(1)), ["acknowledged 1"]);
		bench.reconnect();
		assert.equal(bench.send(), "");
	}
});

test("PUBRELs are in the order of the PUBRECs [MQTT-4.6.0-4]", () => {
	const bench = sent({}, "a", "b", "c");
	bench.receive(pubrec(2) + pubrec(3) + pubrec(1));
	assert.equal(bench.send(), pubrel(2) + pubrel(3) + pubrel(1));
});

test("what is sent again keeps its order: PUBREL and PUBLISH, QoS 1 and 2 [MQTT-4.6.0-1]", () => {
	const bench = sent({}, "a", "b");
	bench.session.publish("t", "c", { qos: 1 });
	bench.send();
	bench.receive(pubrec(1));
	bench.send();
	bench.session.publish("t", "d", { qos: 2 });
	bench.reconnect();
	const again = publish({ topic: "t", payload: utf8("c"), qos: 1, id: 3, duplicate: true });
	assert.equal(bench.send(), pubrel(1) + outgoing("b", 2, true) + again + outgoing("d", 4));
	assert.deepEqual(bench.receive(pubcomp(1) + pubrec(2) + puback(3) + pubrec(4)), ["acknowledged 1", "acknowledged 3"]);
	assert.equal(bench.send(), pubrel(2) + pubrel(4));
	assert.deepEqual(bench.receive(pubcomp(2) + pubcomp(4)), ["acknowledged 2", "acknowledged 4"]);
	assert.ok(bench.session.outbox.empty);
});

test("an identifier is in use until PUBCOMP, and not given to another message [MQTT-2.3.1-2] [MQTT-2.3.1-3]", () => {
	const bench = sent({ receiveMaximum: 3 }, "x");
	bench.receive(pubrec(1));
	bench.send();
	// Past the link, which would take a minute for it on the device's engine.
	const { session } = bench;
	let last = 0;
	const next = (): number => {
		const id = session.publish("t", "", { qos: 1 }) as number;
		assert.ok(session.outbox.take(3));
		session.outbox.sent();
		assert.ok(session.outbox.acknowledge(id));
		return id;
	};
	for (let id = next(); id > last; id = next()) last = id;
	assert.ok(last > 60_000, "all the way round");
	assert.equal(next(), 3, "past the one in use, and 2, which was the first after it");
});

test("a message at QoS 2 counts for the receive maximum until PUBCOMP; its PUBREL is not held back", () => {
	const bench = Bench.open({ receiveMaximum: 2 });
	for (const payload of ["a", "b", "c"]) bench.session.publish("t", payload, { qos: 2 });
	assert.equal(bench.send(), outgoing("a", 1) + outgoing("b", 2));
	bench.receive(pubrec(1));
	assert.equal(bench.send(), pubrel(1));
	bench.receive(pubcomp(1));
	assert.equal(bench.send(), outgoing("c", 3));
});

test("a server that lost the session gets what it did not have as new, and not what it had", () => {
	const bench = sent({}, "had", "new");
	bench.receive(pubrec(1));
	bench.send();
	bench.lose();
	bench.relink();
	bench.send();
	const lines = bench.receive("20020000");
	const [, id = ""] = /^34.{10}(....)/.exec(bench.send()) ?? [];
	assert.notEqual(id, "");
	assert.deepEqual([...lines, ...bench.receive(pubrec(Number.parseInt(id, 16)))], ["connected false", "acknowledged 1"]);
	bench.receive(pubcomp(Number.parseInt(id, 16)));
});

test("a repeated PUBREC is answered with PUBREL again", () => {
	const bench = sent({}, "x");
	bench.receive(pubrec(1));
	assert.equal(bench.send(), pubrel(1));
	bench.receive(pubrec(1));
	assert.equal(bench.send(), pubrel(1));
	assert.deepEqual(bench.receive(pubcomp(1)), ["acknowledged 1"]);
});

test("an acknowledgement of the other kind does not end a message at QoS 2", () => {
	const bench = sent({}, "x");
	assert.deepEqual(bench.receive(pubcomp(1)).filter((line) => line.startsWith("acknowledged")), []);
	assert.ok(!bench.session.outbox.empty);
});

test("QoS 2 says the same in pieces of any size", () => {
	const play = (limit: number, step: number): string[] => {
		const bench = Bench.open();
		for (const payload of ["a", "b"]) bench.session.publish("t", payload, { qos: 2 });
		const said = [bench.send(limit)];
		said.push(bench.receive(pubrec(1) + pubrec(2), step).join(), bench.send(limit));
		said.push(bench.receive(pubcomp(1) + pubcomp(2), step).join(), bench.send(limit));
		return said;
	};
	const whole = play(4096, 4096);
	for (let size = 1; size < 12; size++) assert.deepEqual(play(size, size), whole, `${size}`);
});
