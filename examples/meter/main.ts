// SPDX-License-Identifier: Apache-2.0
/**
 * A meter whose readings arrive once each, in order, whatever happens to the network, the broker or the power.
 *
 * Publishes to a broker on this machine, or over a WebSocket where the network lets nothing else through. What was
 * read and not delivered lies in the flash partition "session".
 */
import host from "moorline/host";
import { Client } from "moorline/mqtt";

/** ms between two readings. */
const INTERVAL = 1_000;

const client = new Client({
	host,
	server: [
		{ name: "localhost", port: 1883 },
		{ name: "localhost", port: 8080, websocket: "/mqtt" },
	],
	protocol: 5,
	clientId: `meter-${host.system.identifier}`,
	store: { partition: "session", queues: [{ whenFull: "drop-oldest" }] },
	onConnected(sessionPresent) {
		host.trace(`connected, ${sessionPresent ? "and the broker knows us" : "anew"}`);
	},
	onAcknowledged(packetId, reasonCode) {
		host.trace(`reading ${packetId} ${reasonCode < 0x80 ? "arrived" : `was refused: ${reasonCode}`}`);
	},
	onDisconnected(error, delay) {
		host.trace(`${error.code}: ${error.message}; again in ${delay} ms`);
	},
});

let watts = 0;
host.timer.repeat(() => {
	watts = (watts + 7) % 100;
	const packetId = client.publish("meter/power", JSON.stringify({ watts }), {
		qos: 2, properties: { contentType: "application/json" },
	});
	host.trace(`reading ${packetId}: ${watts} W`);
}, INTERVAL);
