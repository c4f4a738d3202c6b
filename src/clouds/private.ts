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
import type { Host, SecureOptions } from "../host.js";
import type { Credentials } from "../identity/credentials.js";
import { Collector } from "../mqtt/collector.js";
import { Client, type Server } from "../mqtt/client.js";
import { SUBSCRIBE_FAILURE } from "../mqtt/constants.js";
import { isTopic } from "../mqtt/topic.js";
import { isObject, type JSONObject } from "../shadow/document.js";
import type { Cloud, Connection, ConnectionOptions } from "./cloud.js";

export interface PrivateCloudOptions {
	/** `mqtts://name:port` or `mqtt://name:port`; the factory's, where it assigned one, goes before it. */
	endpoint?: string | undefined;
	/** ms. Default: 60,000. */
	keepAlive?: number | undefined;
	/** Default: full jitter from 1 s, at most 2 minutes. */
	reconnect?: Backoff | undefined;
}

/** Bytes of the largest message that is taken from the cloud. */
export const MESSAGE_MAXIMUM = 8_192;
/** Bytes for messages to the cloud that wait: the largest report is a little smaller. */
const INFLIGHT_LENGTH = 4_096;

const PORTS = Object.freeze({ mqtt: 1883, mqtts: 8883 });
const ANSWERS = Object.freeze(["document", "delta", "accepted", "rejected"]);

/** A cloud of one's own: `moorline simulate`, or any broker with the services beside it. */
export function privateCloud(options: PrivateCloudOptions = {}): Cloud {
	return { connect: (connection) => new PrivateConnection(options, connection) };
}

class PrivateConnection implements Connection {
	readonly #host: Host;
	readonly #options: ConnectionOptions;
	readonly #prefix: string;
	readonly #client: Client;
	readonly #collector: Collector;

	constructor(options: PrivateCloudOptions, connection: ConnectionOptions) {
		const { host, credentials } = connection;
		if (!isTopic(credentials.id) || credentials.id.includes("/") || credentials.id.includes("\0")) {
			throw new DeviceError("credential", "a device's id is one topic level");
		}
		this.#host = host;
		this.#options = connection;
		this.#prefix = `moorline/${credentials.id}/`;
		this.#collector = new Collector(
			MESSAGE_MAXIMUM,
			(topic, bytes, start, end) => this.#message(topic, bytes, start, end),
			(error) => connection.onError(error),
		);
		this.#client = new Client({
			host,
			server: server(options, credentials),
			clientId: credentials.id,
			keepAlive: options.keepAlive,
			reconnect: options.reconnect,
			inflightLength: INFLIGHT_LENGTH,
			will: { topic: `${this.#prefix}status`, payload: `{"online":false}`, qos: 1, retain: true },
			onConnected: () => this.#connected(),
			onSubscribed: (filter, reasonCode) => this.#subscribed(filter, reasonCode),
			onMessage: (message) => this.#collector.take(message),
			onDisconnected: (error, delay) => {
				this.#collector.reset();
				connection.onLost(error, delay);
			},
		});
		for (const answer of ANSWERS) this.#client.subscribe(`${this.#prefix}shadow/${answer}`);
	}

	get(token: string): boolean {
		return this.#send("shadow/get", { token });
	}

	report(token: string, patch: JSONObject): boolean {
		return this.#send("shadow/report", { token, reported: patch });
	}

	close(): void {
		if (this.#client.connected) this.#send("status", { online: false }, true);
		this.#client.close();
	}

	#send(topic: string, message: JSONObject, retain = false): boolean {
		const result = this.#client.publish(this.#prefix + topic, JSON.stringify(message), { qos: 0, retain });
		return result === 0;
	}

	#connected(): void {
		this.#send("status", { online: true, ...this.#options.firmware }, true);
		if (this.#client.session.subscriptions.settled) this.#options.onReady();
	}

	#subscribed(filter: string, reasonCode: number): void {
		if (reasonCode === SUBSCRIBE_FAILURE) {
			this.#options.onError(new DeviceError("rejected", `the broker refused ${filter}`, { detail: reasonCode }));
		}
		if (this.#client.session.subscriptions.settled) this.#options.onReady();
	}

	/** Whatever the cloud sends, the worst that can come of it is an error reported. */
	#message(topic: string, bytes: Uint8Array, start: number, end: number): void {
		try {
			const message = parseJSON(this.#host.text, bytes, start, end);
			if (!isObject(message)) throw new DeviceError("malformed", "message is no object");
			this.#translate(topic.slice(this.#prefix.length), message);
		} catch (error) {
			this.#options.onError(toDeviceError(error, "malformed", `message to ${topic}`));
		}
		this.#options.onTurn();
	}

	#translate(topic: string, message: JSONObject): void {
		const { token, version, code } = message;
		const { shadow } = this.#options;
		switch (topic) {
			case "shadow/document":
				return shadow.document(String(token), version as number, message["desired"], message["reported"]);
			case "shadow/delta": return shadow.delta(version as number, message["delta"]);
			case "shadow/accepted": return shadow.accepted(String(token), version as number);
			case "shadow/rejected":
				return shadow.rejected(String(token), Number(code), String(message["message"]), this.#host.time.now());
		}
	}
}

function server(options: PrivateCloudOptions, credentials: Credentials): Server {
	const url = credentials.endpoint ?? options.endpoint;
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
