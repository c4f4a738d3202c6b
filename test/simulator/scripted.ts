// SPDX-License-Identifier: Apache-2.0
/**
 * A client without a network or a mind of its own: it sends what a test says and keeps what the broker sent.
 */
import assert from "node:assert/strict";
import { generate, parser } from "mqtt-packet";
import type { IConnectPacket, IPublishPacket, ISubscribePacket, ISubscription, Packet, QoS } from "mqtt-packet";
import type { Broker } from "../../hosts/simulator/broker/broker.js";
import type { Identity, Origin } from "../../hosts/simulator/broker/client.js";
import type { Connection } from "../../hosts/simulator/broker/connection.js";

export class ScriptedClient {
	readonly connection: Connection;
	readonly received: Packet[] = [];
	closed = false;
	/** All bytes that came. */
	bytes = Buffer.alloc(0);
	/** Set to false for a network that takes no more. */
	writable = true;
	#version: 4 | 5 = 4;
	#decoder = this.#newDecoder();

	constructor(broker: Broker, now = 0, identity?: Identity, origin?: Origin) {
		this.connection = broker.open({
			send: bytes => {
				this.bytes = Buffer.concat([this.bytes, bytes]);
				this.#decoder.parse(Buffer.from(bytes));
				return this.writable;
			},
			close: () => { this.closed = true; },
		}, { identity, origin, now });
	}

	send(packet: Packet, now = 0): this {
		this.connection.receive(generate(packet, { protocolVersion: this.#version }), now);
		return this;
	}

	raw(hex: string, now = 0): this {
		this.connection.receive(Buffer.from(hex.replaceAll(" ", ""), "hex"), now);
		return this;
	}

	connect(clientId: string, options: Partial<IConnectPacket> = {}, now = 0): this {
		return this.send({ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: true, clientId, ...options }, now);
	}

	/** By MQTT 5, and the session ends with the connection unless `properties` say otherwise. */
	connect5(clientId: string, options: Partial<IConnectPacket> = {}, now = 0): this {
		this.speak5();
		return this.connect(clientId, { protocolVersion: 5, ...options }, now);
	}

	/** What is sent and received from now on is MQTT 5. */
	speak5(): this {
		this.#version = 5;
		this.#decoder = this.#newDecoder();
		return this;
	}

	subscribe(topic: string, qos: QoS = 1, messageId = 1, options: Partial<ISubscription> = {}, properties: ISubscribePacket["properties"] = {}, now = 0): this {
		return this.send({ cmd: "subscribe", messageId, subscriptions: [{ topic, qos, ...options }], properties }, now);
	}

	publish(topic: string, payload: string, options: Partial<IPublishPacket> = {}, now = 0): this {
		return this.send({ cmd: "publish", topic, payload, qos: 0, dup: false, retain: false, ...options }, now);
	}

	/** What came since the last call is exactly one packet of this type. */
	takeOne<Cmd extends Packet["cmd"]>(cmd: Cmd): Extract<Packet, { cmd: Cmd }> {
		const packets = this.take();
		assert.deepEqual(packets.map(packet => packet.cmd), [cmd]);
		return packets[0] as Extract<Packet, { cmd: Cmd }>;
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

	#newDecoder() {
		const decoder = parser({ protocolVersion: this.#version });
		decoder.on("packet", packet => { this.received.push(packet); });
		return decoder;
	}
}
