// SPDX-License-Identifier: Apache-2.0
/**
 * A device's connection to a private cloud over MQTT: who it says it is, how it is to be spoken to, and the services.
 *
 * | topic    | direction | message                                                                                 |
 * |----------|-----------|-----------------------------------------------------------------------------------------|
 * | `status` | to cloud  | `{"online":true,"product"?,"version"?,"format"?,"times"?}`, retained; will: offline     |
 *
 * All topics begin with `moorline/<device>/`. Messages to the device are QoS 1, those of files 0. Messages to the cloud
 * are QoS 0: each is answered, or said again on every connection, so that an older one sent again by MQTT could only do
 * harm.
 */
import type { Closer } from "../../base/closer.js";
import { DeviceError } from "../../base/error.js";
import { isName } from "../../base/name.js";
import { inRange } from "../../base/range.js";
import type { JSONObject } from "../../bytes/value.js";
import { readCredentials, type Credentials } from "../../identity/credentials.js";
import type { Server } from "../../mqtt/client.js";
import type { Will } from "../../mqtt/encode.js";
import { isTopic } from "../../mqtt/topic.js";
import type { Commands } from "../../operations/commands.js";
import type { Jobs } from "../../operations/jobs.js";
import type { Reports } from "../../operations/reports.js";
import type { Download } from "../../ota/download.js";
import type { Shadow } from "../../shadow/shadow.js";
import type { ConnectionOptions, PublishOptions } from "../cloud.js";
import { MQTTConnection } from "../mqtt.js";
import { encodeMessage, type Format } from "../format.js";
import { PrivateCommands } from "./commands.js";
import { endpointOf, secure } from "./endpoint.js";
import { PrivateFile } from "./files.js";
import type { PrivateCloudOptions } from "./index.js";
import { PrivateJobs } from "./jobs.js";
import { PrivateReports } from "./reports.js";
import { PrivateShadow } from "./shadow.js";

/** Bytes of the largest message that is taken: a document with the times of its values is twice as long as without. */
export const MESSAGE_MAXIMUM = 16_384;
export const MESSAGE_LIMIT = 131_072;
/** Bytes for messages to the cloud that wait: the largest report is a little smaller. */
const INFLIGHT_LENGTH = 4_096;

const FILE_MAXIMUM = 255;

const RETAINED: PublishOptions = Object.freeze({ retain: true });

export class PrivateConnection extends MQTTConnection {
	readonly clientId: string;
	readonly inflightLength = INFLIGHT_LENGTH;
	readonly will: Will;
	readonly #endpoint: string | undefined;
	/** Until they were looked at for the first time: then they are read for each connection, and not kept. */
	#known: Credentials | undefined;
	readonly #format: Format;
	readonly #prefix: string;
	/** Connections made so far. */
	count = 0;
	/** A shadow must know when what is desired was set. */
	#times = false;

	/** @param credentials those in force now */
	constructor(options: PrivateCloudOptions, connection: ConnectionOptions, credentials: Credentials) {
		const { endpoint, format = "json", keepAlive, reconnect, messageMaximum = MESSAGE_MAXIMUM } = options;
		super(connection, {
			messageMaximum: inRange("messageMaximum", messageMaximum, 1, MESSAGE_LIMIT), keepAlive, reconnect,
		});
		const { id } = connection;
		if (!isTopic(id) || id.includes("/") || id.includes("\0")) {
			throw new DeviceError("credential", "a device's id is one topic level");
		}
		this.clientId = id;
		this.#endpoint = endpoint;
		this.#known = credentials;
		this.#format = format;
		this.#prefix = `moorline/${id}/`;
		this.will = { topic: `${this.#prefix}status`, payload: `{"online":false}`, qos: 1, retain: true };
	}

	get server(): Server {
		const credentials = this.#known ?? readCredentials(this.host);
		this.#known = undefined;
		return server(credentials, this.#endpoint);
	}

	addShadow(name: string, shadow: Shadow): void {
		this.add(new PrivateShadow(this, this.#prefix, name, shadow));
		if (!shadow.wantsTimes || this.#times) return;
		this.#times = true;
		if (this.connected) this.greet();
	}

	override addJobs(jobs: Jobs): void {
		this.add(new PrivateJobs(this, `${this.#prefix}jobs/`, jobs));
	}

	override addCommands(commands: Commands): void {
		this.add(new PrivateCommands(this, `${this.#prefix}commands/`, commands));
	}

	override addReports(reports: Reports): void {
		this.add(new PrivateReports(this, `${this.#prefix}reports/`, reports));
	}

	override addDownload(name: string, file: number, download: Download): Closer {
		if (!isName(name, 128, "_-")) throw new DeviceError("argument", `"${name}" is no name of files`);
		inRange("file", file, 0, FILE_MAXIMUM);
		const opened = new PrivateFile(this, this.#prefix, name, file, download);
		this.add(opened);
		return opened;
	}

	/** @returns false when it cannot be sent now. @throws DeviceError `argument`, `too-large` */
	say(topic: string, message: JSONObject): boolean {
		return this.send(topic, encodeMessage(this.host.text, this.#format, message));
	}

	override onConnected(): void {
		this.count++;
		this.greet();
		super.onConnected();
	}

	override close(): void {
		if (this.connected) this.send(this.will.topic, this.will.payload, RETAINED);
		super.close();
	}

	/** In JSON always: it is what says in which format the rest is. */
	private greet(): void {
		const status: JSONObject = { online: true };
		const { firmware } = this.options;
		if (firmware !== undefined) {
			status["product"] = firmware.product;
			status["version"] = firmware.version;
		}
		if (this.#format !== "json") status["format"] = this.#format;
		if (this.#times) status["times"] = true;
		this.send(this.will.topic, JSON.stringify(status), RETAINED);
	}
}

function server(credentials: Credentials, endpoint: string | undefined): Server {
	const { scheme, name, port } = endpointOf(credentials, endpoint);
	if (scheme === "mqtts") return { name, port, secure: secure(credentials) };
	if (scheme !== "mqtt") throw new DeviceError("argument", "no endpoint of MQTT");
	return { name, port, secure: undefined };
}
