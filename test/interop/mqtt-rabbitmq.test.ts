// SPDX-License-Identifier: Apache-2.0
/** Our client against RabbitMQ, which speaks MQTT 3.1.1 up to QoS 1. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Device } from "./device.js";
import { needsRabbitMQ, RabbitMQ } from "./rabbitmq.js";
import { playAll } from "./scenarios.js";

if (needsRabbitMQ.skip !== false) test("rabbitmq", needsRabbitMQ);
else {
	const rabbitmq = await RabbitMQ.start();
	after(() => rabbitmq.stop());
	playAll({ name: "rabbitmq, 3.1.1", port: rabbitmq.port, url: `mqtt://127.0.0.1:${rabbitmq.port}`, qos: 1 });

	test("rabbitmq, 3.1.1: it takes QoS 2 for QoS 1, and says so", { timeout: 60_000 }, async (context) => {
		const device = new Device(context, rabbitmq.port, "downgraded");
		await device.connected.next();
		assert.equal(await device.subscribe("downgraded", 2), 1);
		// Against the specification it answers with PUBACK.
		const id = device.client.publish("downgraded", "x", { qos: 2 });
		assert.equal((await device.acknowledged.next()).packetId, id);
		const { text, qos } = await device.messages.next();
		assert.deepEqual([text, qos], ["x", 1]);
	});
}
