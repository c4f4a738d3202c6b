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
import { DeviceError } from "../base/error.js";
import { parseEndpoint } from "../base/url.js";
import { parseJSON } from "../bytes/json.js";
import { isObject, type JSONObject } from "../bytes/value.js";
import { Vocabulary } from "../bytes/vocabulary.js";
import type { SecureOptions } from "../host.js";
import { readCredentials, type Credentials } from "../identity/credentials.js";
import type { Server } from "../mqtt/client.js";
import type { Will } from "../mqtt/encode.js";
import { isTopic } from "../mqtt/topic.js";
import type { Refusal, Shadow, ShadowPort, ShadowUpdate } from "../shadow/shadow.js";
import type { Cloud, ConnectionOptions } from "./cloud.js";
import { MQTTConnection, type Translation } from "./mqtt.js";

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
/** Bytes for messages to the cloud that wait: the largest report is a little smaller. */
const INFLIGHT_LENGTH = 4_096;

const PORTS = Object.freeze({ mqtt: 1883, mqtts: 8883 });
/** Members of the messages themselves. */
const NAMES: readonly string[] = Object.freeze([
	"token", "version", "desired", "reported", "delta", "metadata", "timestamp", "code", "message",
]);
const ANSWERS = Object.freeze(["document", "delta", "accepted", "rejected"]);

/** A cloud of one's own: `moorline simulate`, or any broker with the services beside it. */
export function privateCloud(options: PrivateCloudOptions = {}): Cloud {
	return { connect: (connection) => new PrivateConnection(options, connection) };
}

class PrivateConnection extends MQTTConnection {
	readonly clientId: string;
	readonly inflightLength = INFLIGHT_LENGTH;
	readonly will: Will;
	readonly #endpoint: string | undefined;
	readonly #prefix: string;

	constructor({ endpoint, keepAlive, reconnect }: PrivateCloudOptions, connection: ConnectionOptions) {
		super(connection, { messageMaximum: MESSAGE_MAXIMUM, keepAlive, reconnect });
		const { id } = connection;
		if (!isTopic(id) || id.includes("/") || id.includes("\0")) {
			throw new DeviceError("credential", "a device's id is one topic level");
		}
		this.clientId = id;
		this.#endpoint = endpoint;
		this.#prefix = `moorline/${id}/`;
		this.will = { topic: `${this.#prefix}status`, payload: `{"online":false}`, qos: 1, retain: true };
		this.open();
	}

	get server(): Server {
		return server(readCredentials(this.host), this.#endpoint);
	}

	addShadow(name: string, shadow: Shadow): void {
		if (name !== "") throw new DeviceError("unsupported", "the private cloud has one shadow for each device");
		this.add(new PrivateShadow(this, `${this.#prefix}shadow/`, shadow));
	}

	override onConnected(): void {
		this.status({ online: true, ...this.options.firmware });
		super.onConnected();
	}

	override close(): void {
		if (this.connected) this.status({ online: false });
		super.close();
	}

	private status(status: JSONObject): void {
		this.send(`${this.#prefix}status`, JSON.stringify(status), { retain: true });
	}
}

class PrivateShadow implements Translation, ShadowPort {
	readonly filters: readonly string[];
	readonly #connection: MQTTConnection;
	readonly #prefix: string;
	readonly #shadow: Shadow;
	readonly #vocabulary: Vocabulary;

	constructor(connection: MQTTConnection, prefix: string, shadow: Shadow) {
		this.#connection = connection;
		this.#prefix = prefix;
		this.#shadow = shadow;
		this.#vocabulary = new Vocabulary([...NAMES, ...shadow.names], shadow.spare);
		this.filters = ANSWERS.map((answer) => prefix + answer);
	}

	connected(): void {
		this.#shadow.connected(this);
	}

	disconnected(): void {
		this.#shadow.disconnected();
	}

	get(token: string): boolean {
		return this.#connection.send(`${this.#prefix}get`, JSON.stringify({ token }));
	}

	update(token: string, update: ShadowUpdate): boolean {
		return this.#connection.send(`${this.#prefix}report`, JSON.stringify({ token, ...update }));
	}

	receive(topic: string, bytes: Uint8Array, start: number, end: number): boolean {
		if (!topic.startsWith(this.#prefix)) return false;
		const { host } = this.#connection;
		const message = parseJSON(host.text, bytes, start, end, this.#vocabulary);
		if (!isObject(message)) throw new DeviceError("malformed", "message is no object");
		const { token, version, code } = message;
		const shadow = this.#shadow;
		switch (topic.slice(this.#prefix.length)) {
			case "document":
				shadow.document(String(token), version, message["desired"], message["reported"], message["metadata"]);
				break;
			case "delta":
				shadow.delta(version, message["delta"], message["metadata"]);
				break;
			case "accepted":
				shadow.accepted(String(token), version);
				break;
			case "rejected":
				shadow.rejected(
					String(token), refusalOf(Number(code)), Number(code), String(message["message"]), host.time.now(),
				);
		}
		return true;
	}
}

function refusalOf(code: number): Refusal {
	switch (code) {
		case 409: return "conflict";
		case 404: return "missing";
		case 429: return "busy";
		default: return code >= 500 ? "busy" : "refused";
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
