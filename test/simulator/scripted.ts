// SPDX-License-Identifier: Apache-2.0
/**
 * A client without a network or a mind of its own: it sends what a test says and keeps what the broker sent.
 */
import { generate, parser } from "mqtt-packet";
import type { IConnectPacket, IPublishPacket, Packet, QoS } from "mqtt-packet";
import type { Broker } from "../../hosts/simulator/broker/broker.js";
import type { Identity } from "../../hosts/simulator/broker/client.js";
import type { Connection } from "../../hosts/simulator/broker/connection.js";

export class ScriptedClient {
	readonly connection: Connection;
	readonly received: Packet[] = [];
	closed = false;
	/** Set to false for a network that takes no more. */
	writable = true;

	constructor(broker: Broker, now = 0, identity?: Identity) {
		const decoder = parser();
		decoder.on("packet", packet => { this.received.push(packet); });
		this.connection = broker.open({
			send: bytes => {
				decoder.parse(Buffer.from(bytes));
				return this.writable;
			},
			close: () => { this.closed = true; },
		}, { identity, now });
	}

	send(packet: Packet, now = 0): this {
		this.connection.receive(generate(packet), now);
		return this;
	}

	raw(hex: string, now = 0): this {
		this.connection.receive(Buffer.from(hex.replaceAll(" ", ""), "hex"), now);
		return this;
	}

	connect(clientId: string, options: Partial<IConnectPacket> = {}, now = 0): this {
		return this.send({ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: true, clientId, ...options }, now);
	}

	subscribe(topic: string, qos: QoS = 1, messageId = 1): this {
		return this.send({ cmd: "subscribe", messageId, subscriptions: [{ topic, qos }] });
	}

	publish(topic: string, payload: string, options: Partial<IPublishPacket> = {}): this {
		return this.send({ cmd: "publish", topic, payload, qos: 0, dup: false, retain: false, ...options });
	}

	/** What came since the last call. */
	take(): Packet[] {
		return this.received.splice(0);
	}

	/** The publications among what came since the last call. */
	takePublished(): IPublishPacket[] {
		return this.take().filter(packet => packet.cmd === "publish");
	}

	/** The same as `topic=payload`. */
	takeTexts(): string[] {
		return this.takePublished().map(packet => `${packet.topic}=${String(packet.payload)}`);
	}
}
