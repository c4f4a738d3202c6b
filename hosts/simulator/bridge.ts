// SPDX-License-Identifier: Apache-2.0
/**
 * The cloud's services beside a foreign broker, over MQTT.js: a `CloudChannel` that reconnects and subscribes again.
 *
 * What the services publish while the broker is away is dropped once a bounded number waits: devices ask for their
 * shadow when they come back, so that nothing is lost for good.
 */
import { connectAsync } from "mqtt";
import type { MqttClient } from "mqtt";
import { DeviceError } from "../../src/base/error.js";
import type { CloudChannel } from "./channel.js";
import { matches } from "./broker/topics.js";

export interface BridgeOptions {
	/** `mqtts://name:port` or `mqtt://name:port`. */
	url: string;
	/** Trust anchors, PEM. Needed for `mqtts`. */
	ca?: string | undefined;
	/** The cloud's own certificate and key, PEM. */
	cert?: string | undefined;
	key?: string | undefined;
	/** Must not be a device's id. */
	clientId?: string | undefined;
	username?: string | undefined;
	password?: string | undefined;
	/** The link came up or went down, or the broker refused something. */
	onState?: ((state: "online" | "offline" | "refused", detail?: string) => void) | undefined;
}

export interface Bridge extends CloudChannel {
	readonly connected: boolean;
	/** Publications dropped because too many waited. */
	readonly dropped: number;
	/** Resolves when the broker has taken the subscriptions made so far. @throws DeviceError `rejected`, `closed` */
	ready(): Promise<void>;
	close(): Promise<void>;
}

/** Publications that wait for the broker or for its acknowledgement; further ones are dropped and counted. */
const OUTSTANDING_MAXIMUM = 1_000;
const CONNECT_TIMEOUT = 10_000;
const RECONNECT_PERIOD = 500;

/** @throws DeviceError `unreachable` when the first connection fails */
export async function connectBridge(options: BridgeOptions): Promise<Bridge> {
	const { url, ca, cert, key, username, password, clientId = `moorline-cloud-${process.pid}` } = options;
	try {
		const client = await connectAsync(url, {
			clientId, clean: true, protocolVersion: 4, connectTimeout: CONNECT_TIMEOUT, reconnectPeriod: RECONNECT_PERIOD, resubscribe: true,
			...(ca === undefined ? {} : { ca }), ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }),
			...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }),
		}, false);
		return new MqttBridge(client, options.onState ?? (() => {}));
	} catch (error) {
		throw new DeviceError("unreachable", `cannot reach the broker at ${url}: ${error instanceof Error ? error.message : ""}`, { cause: error });
	}
}

class MqttBridge implements Bridge {
	readonly #client: MqttClient;
	readonly #onState: NonNullable<BridgeOptions["onState"]>;
	readonly #subscriptions: { filter: string; onMessage: Parameters<CloudChannel["subscribe"]>[1] }[] = [];
	readonly #granted: Promise<void>[] = [];
	readonly #watchers: (() => void)[] = [];
	#outstanding = 0;
	#dropped = 0;

	constructor(client: MqttClient, onState: NonNullable<BridgeOptions["onState"]>) {
		this.#client = client;
		this.#onState = onState;
		client.on("message", (topic, payload, packet) => {
			for (const { filter, onMessage } of this.#subscriptions) if (matches(filter, topic)) onMessage(topic, payload, packet.retain);
		});
		client.on("connect", () => {
			onState("online");
			for (const onBack of this.#watchers) onBack();
		});
		client.on("offline", () => { onState("offline"); });
		client.on("error", error => { onState("refused", error.message); });
	}

	get connected(): boolean { return this.#client.connected; }
	get dropped(): number { return this.#dropped; }

	publish(topic: string, payload: Uint8Array, options: { qos?: 0 | 1; retain?: boolean } = {}): void {
		if (this.#outstanding >= OUTSTANDING_MAXIMUM) {
			this.#dropped++;
			return;
		}
		this.#outstanding++;
		const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
		this.#client.publish(topic, bytes, { qos: options.qos ?? 1, retain: options.retain ?? false }, error => {
			this.#outstanding--;
			if (error) this.#dropped++;
		});
	}

	subscribe(filter: string, onMessage: (topic: string, payload: Uint8Array, retain: boolean) => void): void {
		this.#subscriptions.push({ filter, onMessage });
		const granted = this.#client.subscribeAsync(filter, { qos: 1 }).then(() => {}, (error: unknown) => {
			// MQTT.js attaches the SUBACK when there was one: then the broker refused, else the connection was lost.
			const isRefused = (error as { packet?: unknown }).packet !== undefined;
			throw new DeviceError(isRefused ? "rejected" : "closed", `cannot subscribe to ${filter}`, { cause: error });
		});
		granted.catch((error: unknown) => { this.#onState("refused", error instanceof Error ? error.message : ""); });
		this.#granted.push(granted);
	}

	watch(onBack: () => void): void { this.#watchers.push(onBack); }

	async ready(): Promise<void> {
		await Promise.all(this.#granted);
	}

	async close(): Promise<void> {
		await this.#client.endAsync(true);
	}
}
