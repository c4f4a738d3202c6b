// SPDX-License-Identifier: Apache-2.0
/** Independent clients (MQTT.js) for the tests on real sockets, with promises for what is to come. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { IClientOptions, IDisconnectPacket, IPublishPacket, MqttClient } from "mqtt";
import { connect, connectAsync } from "mqtt";
import type { DeviceIdentity } from "../../hosts/simulator/identity.js";

export interface Received { topic: string; text: string; qos: number; retain: boolean }

/** A client that keeps what it receives until it is asked for. */
export class Client {
	readonly mqtt: MqttClient;
	readonly #received: Received[];
	readonly #waiting: ((received: Received) => void)[] = [];

	private constructor(mqtt: MqttClient, early: Received[]) {
		this.mqtt = mqtt;
		this.#received = early;
	}

	/** Connects once, without trying again. `sessionPresent` is what the broker said; `prepare` sees the client before. */
	static async connect(url: string, options: IClientOptions = {}, prepare: (mqtt: MqttClient) => void = () => {}): Promise<Client & { sessionPresent: boolean }> {
		const early: Received[] = [];
		let client: Client | undefined;
		let sessionPresent = false;
		const mqtt = connect(url, { reconnectPeriod: 0, connectTimeout: 5_000, manualConnect: true, ...options });
		prepare(mqtt);
		mqtt.on("message", (topic, payload, { qos, retain }) => {
			const received = { topic, text: payload.toString(), qos, retain };
			if (client) client.#take(received);
			else early.push(received);
		});
		await new Promise<void>((resolve, reject) => {
			mqtt.once("connect", connack => {
				sessionPresent = connack.sessionPresent;
				resolve();
			});
			mqtt.once("error", reject);
			mqtt.once("close", () => { reject(new Error("closed")); });
			mqtt.connect();
		});
		mqtt.on("error", () => {});
		client = new Client(mqtt, early);
		return Object.assign(client, { sessionPresent });
	}

	/** The next message, also one that came before. */
	next(): Promise<Received> {
		const received = this.#received.shift();
		if (received) return Promise.resolve(received);
		return new Promise(resolve => { this.#waiting.push(resolve); });
	}

	/** The next messages as `topic=text`. */
	async texts(count: number): Promise<string[]> {
		const texts: string[] = [];
		while (texts.length < count) {
			const { topic, text } = await this.next();
			texts.push(`${topic}=${text}`);
		}
		return texts;
	}

	/** The next message that comes, as a packet. */
	nextPacket(): Promise<IPublishPacket> {
		return new Promise(resolve => { this.mqtt.once("message", (_topic, _payload, packet) => { resolve(packet); }); });
	}

	/** The reason code of the DISCONNECT that comes from the broker. */
	disconnected(): Promise<number | undefined> {
		return new Promise(resolve => { this.mqtt.once("disconnect", (packet: IDisconnectPacket) => { resolve(packet.reasonCode); }); });
	}

	closed(): Promise<void> {
		return new Promise(resolve => { this.mqtt.once("close", () => { resolve(); }); });
	}

	/** With DISCONNECT. */
	async end(): Promise<void> {
		await this.mqtt.endAsync();
	}

	/** Without DISCONNECT. */
	async drop(): Promise<void> {
		const closed = this.closed();
		this.mqtt.stream.destroy();
		await closed;
	}

	#take(received: Received): void {
		const waiting = this.#waiting.shift();
		if (waiting) waiting(received);
		else this.#received.push(received);
	}
}

/** The code of the refusal, or "connected". */
export async function refusalOf(url: string, options: IClientOptions = {}): Promise<unknown> {
	try {
		const client = await connectAsync(url, { reconnectPeriod: 0, connectTimeout: 5_000, ...options }, false);
		await client.endAsync(true);
		return "connected";
	} catch (error) {
		return (error as { code?: unknown }).code ?? (error as Error).message;
	}
}

/** What MQTT.js needs to be that device. */
export function credentialsOf(identity: DeviceIdentity) {
	return {
		ca: new X509Certificate(identity.anchor).toString(), cert: new X509Certificate(identity.certificate).toString(),
		key: createPrivateKey({ key: Buffer.from(identity.key), format: "der", type: "pkcs8" }).export({ format: "pem", type: "pkcs8" }),
		clientId: identity.id,
	};
}
