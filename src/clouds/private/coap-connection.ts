// SPDX-License-Identifier: Apache-2.0
/**
 * A device's connection to a private cloud over CoAP: as over MQTT, with resources in place of topics.
 *
 * | resource   | method    | body                                                                           |
 * |------------|-----------|--------------------------------------------------------------------------------|
 * | `status`   | POST      | `{"online":true,"keepAlive","product"?,"version"?,"times"?}`                   |
 * | any other  | POST, PUT | messages of the program's own; what is PUT is kept for those who come later    |
 *
 * All paths begin with `moorline/<device>/`. The status is the greeting: 2.01 where the cloud did not know that we are
 * there, so that it has no observations of ours either, else 2.04.
 */
import type { Closer } from "../../base/closer.js";
import { DeviceError } from "../../base/error.js";
import { isName } from "../../base/name.js";
import { inRange } from "../../base/range.js";
import type { JSONObject } from "../../bytes/value.js";
import type { CoAPServerAddress, Transport } from "../../coap/client.js";
import { Code, ContentFormat } from "../../coap/constants.js";
import type { RequestOptions, Response } from "../../coap/request.js";
import type { Security } from "../../coap/security.js";
import { readCredentials, type Credentials } from "../../identity/credentials.js";
import type { Commands } from "../../operations/commands.js";
import type { Jobs } from "../../operations/jobs.js";
import type { Reports } from "../../operations/reports.js";
import { Oscore } from "../../oscore/oscore.js";
import { decodeParameters } from "../../oscore/parameters.js";
import type { Download } from "../../ota/download.js";
import type { Shadow } from "../../shadow/shadow.js";
import type { ConnectionOptions, PublishOptions } from "../cloud.js";
import { CoAPFile } from "../coap-file.js";
import { CoAPConnection } from "../coap.js";
import { encodeMessage, type Format } from "../format.js";
import { PrivateCoAPCommands } from "./coap-commands.js";
import { PrivateCoAPJobs } from "./coap-jobs.js";
import { PrivateCoAPReports } from "./coap-reports.js";
import { PrivateCoAPShadow } from "./coap-shadow.js";
import { MESSAGE_LIMIT, MESSAGE_MAXIMUM } from "./connection.js";
import { endpointOf, secure } from "./endpoint.js";
import type { PrivateCloudOptions } from "./index.js";

/** ms. */
const KEEP_ALIVE = 60_000;
const DAY = 86_400_000;
const FILE_MAXIMUM = 255;
/** More than the heartbeat, so that it does for both. */
const SILENCE_FACTOR = 1.5;
const TRANSPORTS: Readonly<Record<string, Transport>> = Object.freeze({
	coap: "udp", coaps: "dtls", "coap+tcp": "tcp", "coaps+tcp": "tls", "coap+ws": "ws", "coaps+ws": "wss",
});

export class PrivateCoAPConnection extends CoAPConnection {
	readonly #endpoint: string | undefined;
	readonly #contentFormat: number;
	readonly #format: Format;
	readonly #prefix: string;
	readonly #isDatagram: boolean;
	readonly #interval: number;
	/** Where the device has a context and nothing else protects what it says. */
	readonly #security: Security | undefined;
	/** A shadow must know when what is desired was set. */
	#times = false;

	/** @param credentials those in force now */
	constructor(options: PrivateCloudOptions, connection: ConnectionOptions, credentials: Credentials) {
		const { endpoint, format = "json", keepAlive = KEEP_ALIVE, reconnect } = options;
		const { messageMaximum = MESSAGE_MAXIMUM } = options;
		const address = serverOf(credentials, endpoint);
		const { transport } = address;
		const isDatagram = transport === "udp" || transport === "dtls";
		inRange("keepAlive", keepAlive, 1_000, DAY);
		super(connection, {
			bodyMaximum: inRange("messageMaximum", messageMaximum, 1, MESSAGE_LIMIT),
			keepAlive: isDatagram ? Math.ceil(SILENCE_FACTOR * keepAlive) : keepAlive, reconnect,
		});
		const { id } = connection;
		if (id.includes("/")) throw new DeviceError("credential", "a device's id is one segment of a path");
		this.#endpoint = endpoint;
		this.#format = format;
		this.#contentFormat = format === "json" ? ContentFormat.JSON : ContentFormat.CBOR;
		this.#prefix = `moorline/${id}/`;
		this.#interval = keepAlive;
		this.#isDatagram = isDatagram;
		const { oscore } = credentials;
		const { host } = connection;
		this.#security = isPlain(address) && oscore !== undefined
			? new Oscore({ host, parameters: decodeParameters(host.text, oscore) }) : undefined;
	}

	get server(): CoAPServerAddress {
		const credentials = readCredentials(this.host);
		const address = serverOf(credentials, this.#endpoint);
		// Who has keys for each message never goes on in the clear.
		if (isPlain(address) && credentials.oscore !== undefined && this.#security === undefined) {
			throw new DeviceError("credential", "a context for OSCORE that was not there before");
		}
		return address;
	}

	override get security(): Security | undefined {
		return this.#security;
	}

	protected get greeting(): RequestOptions {
		const { firmware } = this.options;
		const status: JSONObject = { online: true };
		if (this.#isDatagram) status["keepAlive"] = Math.ceil(this.#interval / 1_000);
		if (firmware !== undefined) {
			status["product"] = firmware.product;
			status["version"] = firmware.version;
		}
		if (this.#times) status["times"] = true;
		return this.saying(Code.POST, `${this.#prefix}status`, status);
	}

	protected get heartbeat(): number {
		return this.#isDatagram ? this.#interval : Infinity;
	}

	protected forgot({ code }: Response): boolean {
		return code === Code.CREATED;
	}

	addShadow(name: string, shadow: Shadow): void {
		const times = this.#times;
		this.#times ||= shadow.wantsTimes;
		if (this.#times !== times && this.connected) this.greet();
		this.add(new PrivateCoAPShadow(this, this.#prefix, name, shadow));
	}

	override addJobs(jobs: Jobs): void {
		this.add(new PrivateCoAPJobs(this, `${this.#prefix}jobs`, jobs));
	}

	override addCommands(commands: Commands): void {
		this.add(new PrivateCoAPCommands(this, `${this.#prefix}commands`, commands));
	}

	override addReports(reports: Reports): void {
		this.add(new PrivateCoAPReports(this, `${this.#prefix}reports`, reports));
	}

	override addDownload(name: string, file: number, download: Download): Closer {
		if (!isName(name, 128, "_-")) throw new DeviceError("argument", `"${name}" is no name of files`);
		inRange("file", file, 0, FILE_MAXIMUM);
		const opened = new CoAPFile(this, `${this.#prefix}files/${name}/${file}`, download);
		this.add(opened);
		return opened;
	}

	publish(topic: string, payload: Uint8Array | string, { qos = 0, retain = false }: PublishOptions = {}): boolean {
		return this.post({
			code: retain ? Code.PUT : Code.POST, path: topic, confirmable: qos > 0,
			payload: typeof payload === "string" ? this.bytes(payload) : payload.slice(),
		});
	}

	/** A request for a representation, in the format that was agreed. */
	asking(path: string): RequestOptions {
		return { code: Code.GET, path, accept: this.#contentFormat };
	}

	/** A request with a message. */
	saying(code: number, path: string, message: JSONObject): RequestOptions {
		const payload = this.bytes(encodeMessage(this.host.text, this.#format, message));
		return { code, path, payload, contentFormat: this.#contentFormat, accept: this.#contentFormat };
	}

	/** A request with bytes as they are. */
	giving(path: string, payload: Uint8Array): RequestOptions {
		const contentFormat = ContentFormat.OCTET_STREAM;
		return { code: Code.POST, path, payload, contentFormat, accept: this.#contentFormat };
	}

	private bytes(payload: Uint8Array | string): Uint8Array {
		if (typeof payload !== "string") return payload;
		const { text } = this.host;
		const bytes = new Uint8Array(text.byteLength(payload));
		text.encode(payload, bytes, 0);
		return bytes;
	}
}

/** Under DTLS and TLS nothing is in the clear. */
function isPlain({ transport }: CoAPServerAddress): boolean {
	return transport === "udp" || transport === "tcp" || transport === "ws";
}

/** @throws DeviceError `argument`, `credential` */
function serverOf(credentials: Credentials, endpoint: string | undefined): CoAPServerAddress {
	const { scheme, name, port } = endpointOf(credentials, endpoint);
	const transport = TRANSPORTS[scheme];
	if (transport === undefined) throw new DeviceError("argument", "no endpoint of CoAP");
	switch (transport) {
		case "tls":
		case "wss":
			return { transport, name, port, secure: secure(credentials) };
		case "dtls": {
			const { pskIdentity: identity, psk: key } = credentials;
			if (identity === undefined || key === undefined) throw new DeviceError("credential", "no key for DTLS");
			return { transport, name, port, psk: { identity, key } };
		}
		default:
			return { transport, name, port };
	}
}
