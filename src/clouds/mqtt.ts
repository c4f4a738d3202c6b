// SPDX-License-Identifier: Apache-2.0
/**
 * What all clouds over MQTT share: one client for all services, and for each service a translation of its own between
 * the neutral model and the vendor's topics.
 *
 * Whatever the cloud sends, the worst that can come of it is an error reported.
 */
import type { Backoff } from "../base/backoff.js";
import { DeviceError, toDeviceError } from "../base/error.js";
import type { Traffic } from "../base/traffic.js";
import type { Host } from "../host.js";
import { Client, type ClientOptions, type Server } from "../mqtt/client.js";
import { Collector, type Receiver } from "../mqtt/collector.js";
import { Reason } from "../mqtt/constants.js";
import type { MQTTEvent } from "../mqtt/event.js";
import type { Payload } from "../mqtt/encode.js";
import type { Shadow } from "../shadow/shadow.js";
import type { Connection, ConnectionOptions, PublishOptions } from "./cloud.js";
import { Lacking } from "./lacking.js";

/** One service in one vendor's words. */
export interface Translation {
	/** Of what comes to this service. */
	readonly filters: readonly string[];
	/** At which it is sent. Default: 1. */
	readonly qos?: 0 | 1 | undefined;
	/** Its messages are not traced: they would bring forth more of the same. */
	readonly isQuiet?: boolean;
	/** The cloud can be reached, and all filters are subscribed to. */
	connected(): void;
	disconnected(): void;
	/**
	 * A message; `bytes[start, end)` is borrowed.
	 * @returns false when the topic is another service's
	 * @throws DeviceError which is reported
	 */
	receive(topic: string, bytes: Uint8Array, start: number, end: number): boolean;
	/**
	 * The broker has a message at QoS 1, or refused it, which a reason code from 0x80 on says.
	 * @returns false when it is another service's
	 */
	acknowledged?(packetId: number, reasonCode: number): boolean;
}

/** A translation and how far it is. */
interface Added {
	readonly translation: Translation;
	/** On this connection: told that it stands. */
	connected: boolean;
	/** On this connection: a filter was refused, so there is nothing to begin. */
	refused: boolean;
}

export interface MQTTSettings {
	/** Bytes of the largest message that is taken. */
	messageMaximum: number;
	/** ms. */
	keepAlive?: number | undefined;
	reconnect?: Backoff | undefined;
}

/** Its own client's options and callbacks, too: a closure for each of them would take eleven slots. */
export abstract class MQTTConnection extends Lacking implements Connection, ClientOptions, Receiver {
	readonly host: Host;
	readonly keepAlive: number | undefined;
	readonly reconnect: Backoff | undefined;
	readonly traffic: Traffic | undefined;
	abstract readonly clientId: string;
	protected readonly options: ConnectionOptions;
	readonly #collector: Collector;
	readonly #added: Added[] = [];
	#client: Client | undefined;
	/** The device was told of this connection. */
	#ready = false;
	#closed = false;
	#paused = false;

	constructor(options: ConnectionOptions, { messageMaximum, keepAlive, reconnect }: MQTTSettings) {
		super();
		this.options = options;
		this.host = options.host;
		this.traffic = options.traffic;
		this.keepAlive = keepAlive;
		this.reconnect = reconnect;
		this.#collector = new Collector(messageMaximum, this);
	}

	/** Read for each connection: what is in the storage need not be in memory, and may have been renewed. */
	abstract get server(): Server | readonly Server[];

	abstract addShadow(name: string, shadow: Shadow): void;

	publish(topic: string, payload: Payload, options?: PublishOptions): boolean {
		const client = this.#client!;
		if ((options?.qos ?? 0) === 0 && !client.connected) return false;
		const taken = typeof client.session.publish(topic, payload, options) === "number";
		if (taken) this.trace(topic, payload);
		this.later();
		return taken;
	}

	/** Begins to connect: once, and not from a constructor, whose stack this would need on top. */
	open(): this {
		// Made once to be refused here, and not when it is time to connect.
		void this.server;
		this.#client = new Client(this);
		const { session } = this.#client;
		// After a reset the session that the server may have kept is none that we know [MQTT-3.2.2-4].
		if (session.connect.protocol === 5 && !session.established) session.distrust();
		return this;
	}

	/** From now on, or as soon as the broker has subscribed us. @throws DeviceError `full`, `argument` */
	protected add(translation: Translation): void {
		this.#added.push({ translation, connected: false, refused: false });
		try {
			const { session } = this.#client!;
			for (const filter of translation.filters) session.subscribe(filter, translation.qos ?? 1);
			this.later();
		} catch (error) {
			this.remove(translation);
			throw error;
		}
	}

	/** For services that are there for a while. May be called twice, and after `close`. */
	remove(translation: Translation): void {
		const index = this.#added.findIndex((added) => added.translation === translation);
		if (index < 0) return;
		const [added] = this.#added.splice(index, 1);
		if (added!.connected) translation.disconnected();
		if (this.#closed) return;
		for (const filter of translation.filters) {
			const isShared = this.#added.some((other) => other.translation.filters.includes(filter));
			if (!isShared) this.#client!.session.unsubscribe(filter);
		}
		this.later();
	}

	get connected(): boolean {
		return this.#client?.connected ?? false;
	}

	/** @returns false when it cannot be sent now. @throws DeviceError `argument`, `too-large` */
	send(topic: string, payload: Payload, options?: PublishOptions): boolean {
		const sent = typeof this.#client!.publish(topic, payload, options) === "number";
		if (sent) this.trace(topic, payload);
		return sent;
	}

	/**
	 * As `send`, of a message that is not traced.
	 * @returns its packet identifier, which is 0 at QoS 0; -1 when it cannot be sent now
	 */
	tell(topic: string, payload: Payload, options?: PublishOptions): number {
		const id = this.#client!.publish(topic, payload, options);
		return typeof id === "number" ? id : -1;
	}

	/** Leaves what the broker sends in the network until `resume`. */
	pause(): void {
		if (this.#closed) return;
		this.#paused = true;
		this.#client!.pause();
	}

	resume(): void {
		this.#paused = false;
		if (!this.#closed) this.later();
	}

	close(): void {
		this.#closed = true;
		this.lose();
		this.#client!.close();
	}

	onConnected(): void {
		this.settle();
	}

	onSubscribed(filter: string, reasonCode: number): void {
		if (reasonCode >= Reason.FAILURE) {
			for (const added of this.#added) {
				if (added.translation.filters.includes(filter)) added.refused = true;
			}
			this.onRefused(new DeviceError("rejected", `the broker refused ${filter}`, { detail: reasonCode }));
		}
		this.settle();
	}

	/** Of messages at QoS 1, which hardly anybody waits for. */
	onAcknowledged(packetId: number, reasonCode: number): void {
		const added = this.#added;
		for (let index = 0; index < added.length; index++) {
			if (added[index]!.translation.acknowledged?.(packetId, reasonCode)) return this.options.onTurn();
		}
		if (reasonCode < Reason.FAILURE) return;
		this.onRefused(new DeviceError("rejected", "the broker refused a message", { detail: reasonCode }));
	}

	/** What waits for the answers to all filters may have waited for this one. */
	onUnsubscribed(): void {
		this.settle();
	}

	onMessage(message: MQTTEvent): void {
		this.#collector.take(message);
	}

	onDisconnected(error: DeviceError, delay: number): void {
		this.#collector.reset();
		this.lose();
		this.options.onLost(error, delay);
	}

	onRefused(error: DeviceError): void {
		this.options.onFault(error);
	}

	onWhole(topic: string, bytes: Uint8Array, start: number, end: number): void {
		let isQuiet = false;
		try {
			for (const { translation } of this.#added) {
				if (!translation.receive(topic, bytes, start, end)) continue;
				isQuiet = translation.isQuiet ?? false;
				break;
			}
		} catch (error) {
			this.onRefused(toDeviceError(error, "malformed", `message to ${topic}`));
		}
		if (!isQuiet) this.options.tracer?.onMessage(false, topic, bytes, start, end);
		this.options.onTurn();
	}

	/**
	 * Lets the client send what its session was given in a turn of its own. Programs call from inside of callbacks, and
	 * from there the way to the wire takes more than the stack of a device.
	 */
	private later(): void {
		// Who paused resumes soon.
		if (!this.#paused) this.#client!.resume();
	}

	private trace(topic: string, payload: Payload): void {
		const { tracer } = this.options;
		if (tracer === undefined) return;
		tracer.onMessage(true, topic, payload, 0, typeof payload === "string" ? payload.length : payload.byteLength);
	}

	private lose(): void {
		// Who paused cannot reach us any more to resume.
		if (this.#paused) this.resume();
		this.#ready = false;
		for (const added of this.#added) {
			if (added.connected) added.translation.disconnected();
			added.connected = added.refused = false;
		}
	}

	/** Once the server has answered for every filter, whoever got all of his may begin. */
	private settle(): void {
		if (!this.#client!.session.subscriptions.settled) return;
		for (const added of this.#added) {
			if (added.connected || added.refused) continue;
			added.connected = true;
			added.translation.connected();
		}
		if (!this.#ready) {
			this.#ready = true;
			this.options.onReady();
		}
		this.options.onTurn();
	}
}
