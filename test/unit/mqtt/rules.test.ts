// SPDX-License-Identifier: Apache-2.0
/** MQTT 3.1.1: rules that no other file has as its subject. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { packet, prefixed, puback, publish, pubrec, pubrel, suback, subscribe, unsuback, unsubscribe } from "../wire.js";
import { Bench } from "./bench.js";

const SUBSCRIBE_ID = 0xffff;

test("UNSUBACK ends an unsubscribing though the server had not subscribed us [MQTT-3.10.4-5]", () => {
	const bench = Bench.open();
	bench.session.subscribe("a", 1);
	assert.equal(bench.send(), subscribe(SUBSCRIBE_ID, ["a", 1]));
	assert.deepEqual(bench.receive(suback(SUBSCRIBE_ID, 0x80)), ["subscribed a 128"]);
	bench.session.unsubscribe("a");
	assert.equal(bench.send(), unsubscribe(SUBSCRIBE_ID, "a"));
	assert.deepEqual(bench.receive(unsuback(SUBSCRIBE_ID)), ["unsubscribed a"]);
	bench.reconnect(false);
	assert.equal(bench.send(), "");
});

test("a clean session begins anew each time: the flag again, nothing released, nothing sent again as a duplicate [MQTT-3.1.2-6]", () => {
	const bench = Bench.open({ cleanStart: true });
	bench.session.publish("t", "1", { qos: 1 });
	bench.session.publish("t", "2", { qos: 2 });
	bench.send();
	bench.receive(pubrec(2));
	assert.equal(bench.send(), pubrel(2));
	bench.lose();
	bench.relink();
	assert.equal(bench.send(), packet(0x10, `${prefixed("MQTT")}0402003c${prefixed("id")}`));
	bench.receive("20020000");
	assert.equal(bench.send(), publish({ topic: "t", payload: "31", qos: 1, id: 1 }));
	assert.deepEqual(bench.receive(puback(1)), ["acknowledged 1"]);
	assert.ok(bench.session.outbox.empty);
});

test("a session kept is asked for again with the same identifier, for as long as the client lives [MQTT-3.1.2-4] [MQTT-3.1.3-2]", () => {
	const bench = new Bench();
	for (let round = 0; round < 5; round++) {
		assert.equal(bench.send(), packet(0x10, `${prefixed("MQTT")}0400003c${prefixed("id")}`));
		bench.receive(round === 0 ? "20020000" : "20020100");
		if (round === 0) bench.session.publish("t", "x", { qos: 1 });
		assert.equal(bench.send(), publish({ topic: "t", payload: "78", qos: 1, id: 1, duplicate: round > 0 }));
		bench.lose();
		bench.relink();
	}
});
