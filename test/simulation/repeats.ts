// SPDX-License-Identifier: Apache-2.0
/**
 * Watches what comes to a broker for messages that are sent again without saying so [MQTT-3.3.1-1].
 *
 * No broker minds, so nothing else would show it. Uses nothing of Node: runs on XS as well.
 */
import type { Broker } from "../../hosts/simulator/broker/broker.js";
import { Decoder } from "../../hosts/simulator/broker/codec.js";

const PACKET_MAXIMUM = 0x1_0000;

/**
 * To be called before anybody connects. Each payload must be one message's alone at its quality of service.
 * @returns what was sent again unmarked, in words, as it comes
 */
export function watchRepeats(broker: Broker): readonly string[] {
	const offences: string[] = [];
	const seen = new Set<string>();
	const open = broker.open.bind(broker);
	broker.open = (peer, context) => {
		const connection = open(peer, context);
		const decoder = new Decoder(PACKET_MAXIMUM);
		const receive = connection.receive.bind(connection);
		connection.receive = (bytes, now) => {
			decoder.receive(bytes);
			for (let packet = decoder.next()?.packet; packet !== undefined; packet = decoder.next()?.packet) {
				if (packet.cmd !== "publish" || packet.qos === 0) continue;
				const name = `${String.fromCharCode(...packet.payload as Uint8Array)} at QoS ${packet.qos}`;
				if (seen.has(name) && !packet.dup) offences.push(`${name}: sent again, and not marked as a duplicate`);
				seen.add(name);
			}
			receive(bytes, now);
		};
		return connection;
	};
	return offences;
}
