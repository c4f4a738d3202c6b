// SPDX-License-Identifier: Apache-2.0
/** Our client on real sockets, with promises for what is to come. */
import type { TestContext } from "node:test";
import { createHost } from "../../hosts/node/index.js";
import type { DeviceError } from "../../src/base/error.js";
import { Client, type ClientOptions } from "../../src/mqtt/client.js";
import type { QoS } from "../../src/mqtt/constants.js";
import type { SubscribeOptions } from "../../src/mqtt/encode.js";
import type { MQTTEvent } from "../../src/mqtt/event.js";
import type { Properties } from "../../src/mqtt/properties.js";
import { Inbox } from "./inbox.js";

/** Short enough that nobody waits for it, long enough that nobody spins. */
const RECONNECT = { base: 50, cap: 50 };

export interface Message {
	topic: string;
	text: string;
	qos: number;
	retain: boolean;
	duplicate: boolean;
	properties: Properties | undefined;
}

/** `websocket` is the path of the request: absent for TCP. */
export type DeviceOptions = Partial<ClientOptions> & { websocket?: string };

export class Device {
	readonly client: Client;
	readonly connected = new Inbox<{ sessionPresent: boolean; properties: Properties | undefined }>();
	readonly messages = new Inbox<Message>();
	readonly acknowledged = new Inbox<{ packetId: number; reasonCode: number }>();
	readonly subscribed = new Inbox<{ filter: string; reasonCode: number }>();
	readonly unsubscribed = new Inbox<{ filter: string; reasonCode: number }>();
	readonly lost = new Inbox<DeviceError>();
	#fragments: Uint8Array[] = [];

	/** Made, not yet connected. */
	constructor(context: TestContext, port: number, clientId: string, options: DeviceOptions = {}) {
		const { websocket, ...others } = options;
		this.client = new Client({
			host: createHost({ directory: "nowhere" }),
			server: { name: "127.0.0.1", port, websocket },
			clientId,
			reconnect: RECONNECT,
			inflightLength: 8_192,
			onConnected: (sessionPresent, properties) => { this.connected.put({ sessionPresent, properties }); },
			onMessage: (event) => { this.#take(event); },
			onAcknowledged: (packetId, reasonCode) => { this.acknowledged.put({ packetId, reasonCode }); },
			onSubscribed: (filter, reasonCode) => { this.subscribed.put({ filter, reasonCode }); },
			onUnsubscribed: (filter, reasonCode) => { this.unsubscribed.put({ filter, reasonCode }); },
			onDisconnected: (error) => { this.lost.put(error); },
			...others,
		});
		context.after(() => { this.client.close(); });
	}

	/** Subscribes, and waits for the server's answer. @returns its reason code */
	async subscribe(filter: string, options: QoS | SubscribeOptions): Promise<number> {
		this.client.subscribe(filter, options);
		return (await this.subscribed.next()).reasonCode;
	}

	#take({ topic, bytes, start, end, qos, retain, duplicate, offset, more, properties }: MQTTEvent): void {
		if (offset === 0) this.#fragments = [];
		this.#fragments.push(bytes.slice(start, end));
		if (!more) this.messages.put({ topic, text: Buffer.concat(this.#fragments).toString(), qos, retain, duplicate, properties });
	}
}
