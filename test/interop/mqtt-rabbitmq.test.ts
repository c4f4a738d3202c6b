// SPDX-License-Identifier: Apache-2.0
/** Our client against RabbitMQ, which speaks MQTT 3.1.1 up to QoS 1. */
import { after, test } from "node:test";
import { needsRabbitMQ, RabbitMQ } from "./rabbitmq.js";
import { playAll } from "./scenarios.js";

if (needsRabbitMQ.skip !== false) test("rabbitmq", needsRabbitMQ);
else {
	const rabbitmq = await RabbitMQ.start();
	after(() => rabbitmq.stop());
	playAll({ name: "rabbitmq, 3.1.1", port: rabbitmq.port, url: `mqtt://127.0.0.1:${rabbitmq.port}`, qos: 1 });
}
