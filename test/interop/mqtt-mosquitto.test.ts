// SPDX-License-Identifier: Apache-2.0
/** Our client against mosquitto: MQTT 3.1.1 and 5, over TCP and over a WebSocket. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Device } from "./device.js";
import { Mosquitto, needsMosquitto } from "./mosquitto.js";
import { mosquittoHear, mosquittoPublish } from "./peer.js";
import { playAll } from "./scenarios.js";

if (needsMosquitto.skip !== false) test("mosquitto", needsMosquitto);
else {
	const mosquitto = await Mosquitto.start({ plain: true, websocket: true });
	after(() => mosquitto.stop());
	const port = mosquitto.plainPort;
	const url = `mqtt://127.0.0.1:${port}`;
	const websocketUrl = `ws://127.0.0.1:${mosquitto.websocketPort}/mqtt`;
	playAll({ name: "mosquitto, 3.1.1", port, url, qos: 2 });
	playAll({ name: "mosquitto, 5", port, url, qos: 2, device: { protocol: 5 }, peer: { protocolVersion: 5 } });
	playAll({ name: "mosquitto, 3.1.1 over WebSocket", port: mosquitto.websocketPort, url: websocketUrl, qos: 2, slow: true, device: { websocket: "/mqtt" } });
	playAll({
		name: "mosquitto, 5 over WebSocket", port: mosquitto.websocketPort, url: websocketUrl, qos: 2, slow: true,
		device: { protocol: 5, websocket: "/mqtt" }, peer: { protocolVersion: 5 },
	});

	test("mosquitto: its own commands hear what we say, and are heard", { timeout: 60_000 }, async (context) => {
		const device = new Device(context, port, "commands");
		await device.connected.next();
		await device.subscribe("commands/down", 1);
		const hearing = mosquittoHear(context, port, 2, "-t", "commands/up", "-q", "1", "-i", "hearer");
		await mosquitto.logged(/Sending SUBACK to hearer/);
		device.client.publish("commands/up", "zero", { qos: 0 });
		device.client.publish("commands/up", "one", { qos: 1, retain: true });
		const heard = (await hearing).map(({ topic, qos, payload, retain }) => ({ topic, qos, payload, retain }));
		assert.deepEqual(heard, [
			{ topic: "commands/up", qos: 0, payload: "zero", retain: 0 },
			{ topic: "commands/up", qos: 1, payload: "one", retain: 0 },
		]);
		const kept = await mosquittoHear(context, port, 1, "-t", "commands/+", "-q", "1");
		assert.deepEqual([kept[0]!["payload"], kept[0]!["retain"]], ["one", 1]);
		await mosquittoPublish(port, "-t", "commands/down", "-q", "1", "-m", "hello");
		assert.equal((await device.messages.next()).text, "hello");
	});
}
