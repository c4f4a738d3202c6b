// SPDX-License-Identifier: Apache-2.0
/**
 * A device's connection to AWS IoT Core: the ways there, who it says that it is, and the services behind it.
 *
 * With a certificate: port 8883, then 443, where ALPN says that MQTT is spoken. With a custom authorizer: 443 with
 * another ALPN, then a WebSocket. ALPN is sent on 443 alone, where the endpoint cannot do without.
 */
import type { Closer } from "../../base/closer.js";
import { DeviceError } from "../../base/error.js";
import { isName } from "../../base/name.js";
import { inRange } from "../../base/range.js";
import { parseEndpoint } from "../../base/url.js";
import type { SecureOptions } from "../../host.js";
import { readCredentials, type Credentials } from "../../identity/credentials.js";
import type { Provisioning } from "../../identity/provisioning.js";
import type { Server } from "../../mqtt/client.js";
import type { Protocol } from "../../mqtt/constants.js";
import type { Payload } from "../../mqtt/encode.js";
import type { Commands } from "../../operations/commands.js";
import type { Jobs } from "../../operations/jobs.js";
import type { Metrics } from "../../operations/metrics.js";
import type { Reports } from "../../operations/reports.js";
import type { Download } from "../../ota/download.js";
import type { Shadow } from "../../shadow/shadow.js";
import type { ConnectionOptions, PublishOptions } from "../cloud.js";
import { MQTTConnection } from "../mqtt.js";
import { AwsCommands } from "./commands.js";
import { AwsMetrics } from "./defender.js";
import type { AwsOptions, CustomAuthorizer } from "./index.js";
import { AwsJobs } from "./jobs.js";
import type { Format } from "../format.js";
import { AwsProvisioning } from "./provisioning.js";
import { AwsReports } from "./reports.js";
import { AwsShadow } from "./shadow.js";
import { AwsStream } from "./streams.js";

const PORTS = Object.freeze({ mqtt: 1883, mqtts: 8883 });
const WEB_PORT = 443;
const ALPN_CERTIFICATE = Object.freeze(["x-amzn-mqtt-ca"]);
const ALPN_AUTHORIZER = Object.freeze(["mqtt"]);
const WEBSOCKET_PATH = "/mqtt";
/** What AWS takes as it is said; beyond, it takes another. */
const KEEP_ALIVE_MINIMUM = 30_000;
const KEEP_ALIVE_MAXIMUM = 1_200_000;
const KEEP_ALIVE = 60_000;
/** For how long AWS keeps a session, unless the account has it otherwise. */
const SESSION_EXPIRY = 3_600_000;
const MESSAGE_MAXIMUM = 16_384;
const MESSAGE_LIMIT = 131_072;
/** Bytes and levels of a topic, of Basic Ingest without those that name the rule. */
const TOPIC_MAXIMUM = 256;
const LEVEL_MAXIMUM = 8;
const RULES = "$aws/rules/";
const RULE_LEVELS = 3;
/** Bytes for messages to the cloud that wait. */
const INFLIGHT_LENGTH = 4_096;

export class AwsConnection extends MQTTConnection {
	readonly clientId: string;
	readonly protocol: Protocol;
	readonly sessionExpiry: number | undefined;
	readonly inflightLength = INFLIGHT_LENGTH;
	readonly username: string | undefined;
	readonly password: Payload | undefined;
	readonly #endpoint: string | undefined;
	readonly #format: Format;
	readonly #template: string;
	readonly #authorizer: CustomAuthorizer | undefined;

	constructor(options: AwsOptions, connection: ConnectionOptions) {
		const { keepAlive = KEEP_ALIVE, messageMaximum = MESSAGE_MAXIMUM, protocol = 5, customAuthorizer } = options;
		super(connection, {
			messageMaximum: inRange("messageMaximum", messageMaximum, 1, MESSAGE_LIMIT),
			keepAlive: inRange("keepAlive", keepAlive, KEEP_ALIVE_MINIMUM, KEEP_ALIVE_MAXIMUM),
			reconnect: options.reconnect,
		});
		this.clientId = checkThing(connection.id);
		this.protocol = protocol;
		this.sessionExpiry = protocol === 5 ? SESSION_EXPIRY : undefined;
		this.#endpoint = options.endpoint;
		this.#format = options.format ?? "cbor";
		this.#template = options.provisioningTemplate ?? "";
		this.#authorizer = customAuthorizer;
		if (customAuthorizer !== undefined) {
			this.username = `${customAuthorizer.user ?? ""}?${authorizerQuery(customAuthorizer)}`;
			this.password = customAuthorizer.password;
		}
	}

	get server(): readonly Server[] {
		const credentials = readCredentials(this.host);
		const url = credentials.endpoint ?? this.#endpoint;
		if (url === undefined) throw new DeviceError("credential", "neither factory nor program name an endpoint");
		const { scheme, name, port } = parseEndpoint(url.includes("://") ? url : `mqtts://${url}`, PORTS);
		if (scheme === "mqtt") return [{ name, port }];
		const authorizer = this.#authorizer;
		const alpn = authorizer === undefined ? ALPN_CERTIFICATE : ALPN_AUTHORIZER;
		const secure = secureOptions(credentials, authorizer === undefined);
		const web: Server = {
			name, port: WEB_PORT, secure: { ...secure, applicationLayerProtocolNegotiation: alpn },
		};
		if (port === WEB_PORT) return [web];
		if (port !== PORTS.mqtts) return [{ name, port, secure }];
		if (authorizer === undefined) return [{ name, port, secure }, web];
		return [web, {
			name, port: WEB_PORT, secure, websocket: `${WEBSOCKET_PATH}?${authorizerQuery(authorizer)}`,
		}];
	}

	addShadow(name: string, shadow: Shadow): void {
		this.add(new AwsShadow(this, this.clientId, name, shadow));
	}

	override addJobs(jobs: Jobs): void {
		this.add(new AwsJobs(this, this.clientId, jobs));
	}

	override addCommands(commands: Commands): void {
		this.add(new AwsCommands(this, this.clientId, commands));
	}

	override addMetrics(metrics: Metrics): void {
		this.add(new AwsMetrics(this, this.clientId, this.#format, metrics));
	}

	override addReports(reports: Reports): void {
		this.add(new AwsReports(this, this.clientId, this.#format, reports));
	}

	override addProvisioning(provisioning: Provisioning): void {
		const template = this.#template;
		if (!isName(template, 36, "_-")) throw new DeviceError("argument", `"${template}" is no template`);
		this.add(new AwsProvisioning(this, template, this.#format, provisioning));
	}

	/** @param name of the stream */
	override addDownload(name: string, file: number, download: Download): Closer {
		if (!isName(name, 128, "_-")) throw new DeviceError("argument", `"${name}" is no name of a stream`);
		const stream = new AwsStream(this, this.clientId, name, file, this.#format, download);
		this.add(stream);
		return stream;
	}

	override publish(topic: string, payload: Payload, options?: PublishOptions): boolean {
		if (options?.retain && topic.startsWith("$")) {
			throw new DeviceError("unsupported", "AWS retains nothing on topics of its own");
		}
		this.checkTopic(topic);
		return super.publish(topic, payload, options);
	}

	/** AWS ends the connection of who exceeds these, and a message at QoS 1 would be sent again on the next. */
	private checkTopic(topic: string): void {
		const levels = topic.split("/");
		const free = topic.startsWith(RULES) ? levels.slice(RULE_LEVELS) : levels;
		if (free.length > LEVEL_MAXIMUM || this.host.text.byteLength(free.join("/")) > TOPIC_MAXIMUM) {
			throw new DeviceError("argument", `AWS takes topics of ${TOPIC_MAXIMUM} bytes in ${LEVEL_MAXIMUM} levels`);
		}
	}
}

function checkThing(id: string): string {
	if (!isName(id, 128, ":_-")) {
		throw new DeviceError("credential", "a thing's name is 1 to 128 letters, digits and any of :_-");
	}
	return id;
}

/** As a user name and as a URL have it. */
function authorizerQuery({ name, tokenKey, token, signature }: CustomAuthorizer): string {
	const pairs: string[] = [];
	if (name !== undefined) pairs.push(pair("x-amz-customauthorizer-name", name));
	if (signature !== undefined) pairs.push(pair("x-amz-customauthorizer-signature", signature));
	if (tokenKey !== undefined && token !== undefined) pairs.push(pair(encodeURIComponent(tokenKey), token));
	return pairs.join("&");
}

function pair(name: string, value: string): string {
	return `${name}=${encodeURIComponent(value)}`;
}

/** @param own whether we show a certificate: an authorizer goes without */
function secureOptions({ anchor, certificate, intermediates = [], key }: Credentials, own: boolean): SecureOptions {
	if (anchor === undefined) throw new DeviceError("credential", "no trust anchor in the device's storage");
	if (!own) return { certificates: [anchor] };
	if (certificate === undefined) throw new DeviceError("credential", "no certificate in the device's storage");
	return { certificates: [anchor], clientCertificates: [certificate, ...intermediates], clientKey: key };
}
