// SPDX-License-Identifier: Apache-2.0
/**
 * The private cloud: any MQTT 3.1.1 broker, with JSON messages that are simple enough to serve by hand.
 *
 * All topics begin with `moorline/<device>/`. Messages to the device are QoS 1. Messages to the cloud are QoS 0: each
 * is answered, or said again on every connection, so that an older one sent again by MQTT could only do harm.
 *
 * | topic             | direction | message                                                         |
 * |-------------------|-----------|-----------------------------------------------------------------|
 * | `status`          | to cloud  | `{"online":true,"product":…,"version":…}`, retained; will: `false` |
 * | `shadow/get`      | to cloud  | `{"token":…}`                                                   |
 * | `shadow/document` | to device | `{"token":…,"version":n,"desired":{…},"reported":{…}}`          |
 * | `shadow/delta`    | to device | `{"version":n,"delta":{…}}`                                     |
 * | `shadow/report`   | to cloud  | `{"token":…,"reported":{…}}`: a patch (RFC 7396)                |
 * | `shadow/accepted` | to device | `{"token":…,"version":n}`                                       |
 * | `shadow/rejected` | to device | `{"token":…,"code":n,"message":…}`                              |
 *
 * The version counts the changes of a device's document, whoever made them.
 */
import type { Backoff } from "../base/backoff.js";
import { DeviceError, toDeviceError } from "../base/error.js";
import { parseEndpoint } from "../base/url.js";
import { parseJSON } from "../bytes/json.js";
import { isObject, type JSONObject } from "../bytes/value.js";
import { Vocabulary } from "../bytes/vocabulary.js";
import type { Host, SecureOptions } from "../host.js";
import { readCredentials, type Credentials } from "../identity/credentials.js";
import { Collector, type Receiver } from "../mqtt/collector.js";
import { Client, type ClientOptions, type Server } from "../mqtt/client.js";
import { Reason } from "../mqtt/constants.js";
import type { MQTTEvent } from "../mqtt/event.js";
import type { Will } from "../mqtt/encode.js";
import { isTopic } from "../mqtt/topic.js";
import type { Cloud, Connection, ConnectionOptions } from "./cloud.js";

export interface PrivateCloudOptions {
	/** `mqtts://name:port` or `mqtt://name:port`; the factory's, where it assigned one, goes before it. */
	endpoint?: string | undefined;
	/** ms. Default: 60,000. */
	keepAlive?: number | undefined;
	/** Default: decorrelated jitter from 1 s, at most 2 minutes. */
	reconnect?: Backoff | undefined;
}

/** Bytes of the largest message that is taken from the cloud. */
export const MESSAGE_MAXIMUM = 8_192;
/** Names of members of the device's document: on XS each is kept for good. */
const NAMES_MAXIMUM = 256;
/** Bytes for messages to the cloud that wait: the largest report is a little smaller. */
const INFLIGHT_LENGTH = 4_096;

const PORTS = Object.freeze({ mqtt: 1883, mqtts: 8883 });
const NAMES = Object.freeze(["token", "version", "desired", "reported", "delta", "code", "message"]);
const ANSWERS = Object.freeze(["document", "delta", "accepted", "rejected"]);

/** A cloud of one's own: `moorline simulate`, or any broker with the services beside it. */
export function privateCloud(options: PrivateCloudOptions = {}): Cloud {
	return { connect: (connection) => new PrivateConnection(options, connection) };
}

/** Its own client's options and callbacks, too: a closure for each of them would take eleven slots. */
class PrivateConnection implements Connection, ClientOptions, Receiver {
	readonly host: Host;
	readonly clientId: string;
	readonly keepAlive: number | undefined;
	readonly reconnect: Backoff | undefined;
	readonly inflightLength = INFLIGHT_LENGTH;
	readonly will: Will;
	readonly #endpoint: string | undefined;
	readonly #options: ConnectionOptions;
	readonly #prefix: string;
	readonly #client: Client;
	readonly #collector: Collector;
	readonly #vocabulary = new Vocabulary(NAMES, NAMES_MAXIMUM);

	constructor(options: PrivateCloudOptions, connection: ConnectionOptions) {
		const { host, id } = connection;
		if (!isTopic(id) || id.includes("/") || id.includes("\0")) {
			throw new DeviceError("credential", "a device's id is one topic level");
		}
		this.host = host;
		this.clientId = id;
		this.keepAlive = options.keepAlive;
		this.reconnect = options.reconnect;
		this.#endpoint = options.endpoint;
		this.#options = connection;
		this.#prefix = `moorline/${id}/`;
		this.will = { topic: `${this.#prefix}status`, payload: `{"online":false}`, qos: 1, retain: true };
		this.#collector = new Collector(MESSAGE_MAXIMUM, this);
		// Made once to be refused here, and not when it is time to connect.
		void this.server;
		this.#client = new Client(this);
		for (const answer of ANSWERS) this.#client.subscribe(`${this.#prefix}shadow/${answer}`);
	}

	/** Read for each connection: what is in the storage need not be in memory, and may have been renewed. */
	get server(): Server {
		return server(readCredentials(this.host), this.#endpoint);
	}

	get(token: string): boolean {
		return this.send("shadow/get", { token });
	}

	report(token: string, patch: JSONObject): boolean {
		return this.send("shadow/report", { token, reported: patch });
	}

	close(): void {
		if (this.#client.connected) this.send("status", { online: false }, true);
		this.#client.close();
	}

	private send(topic: string, message: JSONObject, retain = false): boolean {
		const result = this.#client.publish(this.#prefix + topic, JSON.stringify(message), { qos: 0, retain });
		return result === 0;
	}

	onConnected(): void {
		this.send("status", { online: true, ...this.#options.firmware }, true);
		if (this.#client.session.subscriptions.settled) this.#options.onReady();
	}

	onSubscribed(filter: string, reasonCode: number): void {
		if (reasonCode >= Reason.FAILURE) {
			this.onRefused(new DeviceError("rejected", `the broker refused ${filter}`, { detail: reasonCode }));
		}
		if (this.#client.session.subscriptions.settled) this.#options.onReady();
	}

	onMessage(message: MQTTEvent): void {
		this.#collector.take(message);
	}

	onDisconnected(error: DeviceError, delay: number): void {
		this.#collector.reset();
		this.#options.onLost(error, delay);
	}

	onRefused(error: DeviceError): void {
		this.#options.onFault(error);
	}

	/** Whatever the cloud sends, the worst that can come of it is an error reported. */
	onWhole(topic: string, bytes: Uint8Array, start: number, end: number): void {
		try {
			const message = parseJSON(this.host.text, bytes, start, end, this.#vocabulary);
			if (!isObject(message)) throw new DeviceError("malformed", "message is no object");
			this.translate(topic.slice(this.#prefix.length), message);
		} catch (error) {
			this.onRefused(toDeviceError(error, "malformed", `message to ${topic}`));
		}
		this.#options.onTurn();
	}

	private translate(topic: string, message: JSONObject): void {
		const { token, version, code } = message;
		const { shadow } = this.#options;
		switch (topic) {
			case "shadow/document":
				return shadow.document(String(token), version as number, message["desired"], message["reported"]);
			case "shadow/delta": return shadow.delta(version as number, message["delta"]);
			case "shadow/accepted": return shadow.accepted(String(token), version as number);
			case "shadow/rejected":
				return shadow.rejected(String(token), Number(code), String(message["message"]), this.host.time.now());
		}
	}
}

function server(credentials: Credentials, endpoint: string | undefined): Server {
	const url = credentials.endpoint ?? endpoint;
	if (url === undefined) throw new DeviceError("credential", "no endpoint: the factory and the program name none");
	const { scheme, name, port } = parseEndpoint(url, PORTS);
	return { name, port, secure: scheme === "mqtts" ? secure(credentials) : undefined };
}

function secure({ anchor, certificate, key }: Credentials): SecureOptions {
	if (anchor === undefined) throw new DeviceError("credential", "no trust anchor in the device's storage");
	return {
		certificates: [anchor],
		clientCertificates: certificate && [certificate],
		clientKey: key,
	};
}
