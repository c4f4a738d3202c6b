// SPDX-License-Identifier: Apache-2.0
/**
 * A device's connection to Golioth: CoAP over DTLS, with a key that it shares with the cloud.
 *
 * First of all it says which firmware runs. The cloud does not know devices by their messages: a plain connection is
 * for tests and simulators.
 */
import type { Closer } from "../../base/closer.js";
import { DeviceError } from "../../base/error.js";
import { isName } from "../../base/name.js";
import { inRange } from "../../base/range.js";
import { parseEndpoint } from "../../base/url.js";
import type { CoAPServerAddress } from "../../coap/client.js";
import { Code, ContentFormat } from "../../coap/constants.js";
import type { RequestOptions, Response } from "../../coap/request.js";
import { PORTS as COAP_PORTS } from "../../coap/uri.js";
import { readCredentials, type Credentials } from "../../identity/credentials.js";
import type { Commands } from "../../operations/commands.js";
import type { Jobs } from "../../operations/jobs.js";
import type { Reports } from "../../operations/reports.js";
import type { Download } from "../../ota/download.js";
import type { Shadow } from "../../shadow/shadow.js";
import type { ConnectionOptions, PublishOptions } from "../cloud.js";
import { CoAPFile } from "../coap-file.js";
import { CoAPConnection } from "../coap.js";
import type { Format } from "../format.js";
import { GoliothCommands } from "./commands.js";
import type { GoliothOptions } from "./index.js";
import { GoliothJobs } from "./jobs.js";
import { encodeValue } from "./messages.js";
import { IDLE, reportOf, type Progress } from "./reports.js";
import { GoliothSettings } from "./settings.js";
import { GoliothShadow, type Sections } from "./shadow.js";
import { GoliothReports } from "./stream.js";

/** Bytes of the largest representation that is taken: blocks of artifacts come one by one. */
export const BODY_MAXIMUM = 16_384;
const BODY_LIMIT = 131_072;
export const ENDPOINT = "coaps://coap.golioth.io";
const PORTS = Object.freeze({ coap: COAP_PORTS["coap"]!, coaps: COAP_PORTS["coaps"]! });
/** Characters of packages and versions. */
const PACKAGE_MAXIMUM = 16;
/** Characters of one part of a path, as the vendor's SDK has room for the whole of them. */
const NAME_MAXIMUM = 32;
/** Of the shadow that is none, but the cloud's settings. */
const SETTINGS_NAME = "settings";
/** There on every device, and small: what is asked first where there is nothing to say. */
const SETTINGS: RequestOptions = Object.freeze({ code: Code.GET, path: ".c", accept: ContentFormat.CBOR });

export class GoliothConnection extends CoAPConnection {
	readonly format: Format;
	readonly #endpoint: string;
	readonly #sections: Sections;
	readonly #package: string;
	#jobs: GoliothJobs | undefined;

	/** @throws DeviceError `argument` */
	constructor(options: GoliothOptions, connection: ConnectionOptions) {
		const { bodyMaximum = BODY_MAXIMUM, keepAlive, reconnect, format = "cbor", endpoint = ENDPOINT } = options;
		super(connection, { bodyMaximum: inRange("bodyMaximum", bodyMaximum, 1, BODY_LIMIT), keepAlive, reconnect });
		const { desired = "desired", reported = "reported", package: name = "main" } = options;
		if (desired === reported) throw new DeviceError("argument", "what is desired and what is reported are apart");
		this.format = format;
		this.#endpoint = endpoint;
		this.#sections = { desired: segment(desired), reported: segment(reported) };
		this.#package = name;
		if (!isName(name, PACKAGE_MAXIMUM, "._-")) throw new DeviceError("argument", `"${name}" is no package`);
	}

	get server(): CoAPServerAddress {
		return addressOf(readCredentials(this.host), this.#endpoint);
	}

	addShadow(name: string, shadow: Shadow): void {
		if (name === SETTINGS_NAME) return this.add(new GoliothSettings(this, shadow));
		const { desired, reported } = this.#sections;
		if (name === desired || name === reported) {
			throw new DeviceError("argument", `"${name}" is a part of the device's own shadow`);
		}
		this.add(new GoliothShadow(this, name === "" ? ".d/" : `.d/${segment(name)}/`, this.#sections, shadow));
	}

	override addJobs(jobs: Jobs): void {
		const { firmware } = this.options;
		if (firmware === undefined) throw new DeviceError("unsupported", "Golioth has updates alone, of firmware");
		this.#jobs = new GoliothJobs(this, this.#package, firmware.version, jobs);
		this.add(this.#jobs);
	}

	override addCommands(commands: Commands): void {
		this.add(new GoliothCommands(this, commands));
	}

	override addReports(reports: Reports): void {
		this.add(new GoliothReports(this, reports));
	}

	override addDownload(name: string, file: number, download: Download): Closer {
		if (!isName(name, 2 * PACKAGE_MAXIMUM + 1, "._-@+") || file !== 0) {
			throw new DeviceError("argument", `"${name}" is no artifact: <package>@<version>, file 0`);
		}
		const opened = new CoAPFile(this, `.u/c/${name}`, download);
		this.add(opened);
		return opened;
	}

	/** To LightDB stream, at `.s/<topic>`: text is JSON, and bytes are bytes. */
	publish(topic: string, payload: Uint8Array | string, options?: PublishOptions): boolean {
		const isText = typeof payload === "string";
		return this.post({
			code: Code.POST, path: `.s/${topic}`, confirmable: options?.qos === 1,
			contentFormat: isText ? ContentFormat.JSON : ContentFormat.OCTET_STREAM,
			payload: isText ? this.encode(payload) : payload.slice(),
		});
	}

	/** Says how far an update is. @param target the version that it is about */
	reporting(progress: Progress, target?: string): RequestOptions {
		const report = reportOf(this.#package, progress, this.options.firmware?.version ?? "", target);
		return {
			code: Code.POST, path: `.u/c/${this.#package}`, contentFormat: ContentFormat.CBOR,
			payload: encodeValue(this.host.text, "cbor", report),
		};
	}

	/** Any answer but a refusal tells that the cloud is there. */
	override onResponse(response: Response, now: number): void {
		super.onResponse(response.code === Code.NOT_FOUND ? { ...response, code: Code.CONTENT } : response, now);
	}

	protected get greeting(): RequestOptions {
		// What was begun tells by itself how far it is.
		return this.options.firmware === undefined || this.#jobs?.isBusy ? SETTINGS : this.reporting(IDLE);
	}

	protected get heartbeat(): number {
		return Infinity;
	}

	protected forgot(): boolean {
		return false;
	}

	private encode(value: string): Uint8Array {
		const { text } = this.host;
		const bytes = new Uint8Array(text.byteLength(value));
		text.encode(value, bytes, 0);
		return bytes;
	}
}

/** @throws DeviceError `argument` */
function segment(name: string): string {
	if (!isName(name, NAME_MAXIMUM, "_-")) throw new DeviceError("argument", `"${name}" is no part of a path`);
	return name;
}

/** @throws DeviceError `argument`, `credential` */
function addressOf(credentials: Credentials, endpoint: string): CoAPServerAddress {
	const { scheme, name, port } = parseEndpoint(credentials.endpoint ?? endpoint, PORTS);
	const { psk: key, pskIdentity: identity } = credentials;
	if (scheme === "coap") return { transport: "udp", name, port };
	if (key === undefined || identity === undefined) throw new DeviceError("credential", "no key for DTLS");
	return { transport: "dtls", name, port, psk: { identity, key } };
}
