// SPDX-License-Identifier: Apache-2.0
/** Both WebSocket clients, that of Node's host and our own of all others, against mosquitto (libwebsockets). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createHost } from "../../hosts/node/index.js";
import { WebSocketClient } from "../../hosts/websocket/client.js";
import type { Host, WebSocketOptions } from "../../src/host.js";
import { makeBrokerAuthority } from "../host/certificates.js";
import { Device } from "./device.js";
import { Mosquitto, needsMosquitto } from "./mosquitto.js";

/** Bytes: many windows of a device, and a length that takes 64 bits. */
const LENGTH = 200_000;
const TIMEOUT = 60_000;

const node = createHost({ directory: "nowhere" });
const hosts: Readonly<Record<string, Host>> = {
	"ws": node,
	"our own client": {
		...node,
		websocket: {
			io: class extends WebSocketClient {
				constructor(options: WebSocketOptions) {
					super(options, node);
				}
			},
		},
	},
};

for (const [name, host] of Object.entries(hosts)) {
	test(`mosquitto: ${name} carries a message of ${LENGTH} bytes both ways`, { ...needsMosquitto, timeout: TIMEOUT }, async context => {
		const { anchor, server } = await makeBrokerAuthority();
		const mosquitto = await Mosquitto.start({ anchor, server, websocket: true });
		context.after(() => mosquitto.stop());
		const device = new Device(context, mosquitto.websocketPort, "device-1", { host, websocket: "/mqtt" });
		await device.connected.next();
		assert.equal(await device.subscribe("long", 2), 2);
		const packetId = device.client.publish("long", { byteLength: LENGTH, read: target => { target.fill(0x61); } }, { qos: 2 });
		assert.equal((await device.messages.next()).text, "a".repeat(LENGTH));
		assert.deepEqual(await device.acknowledged.next(), { packetId, reasonCode: 0 });
	});
}
