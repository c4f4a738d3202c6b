// SPDX-License-Identifier: Apache-2.0
/**
 * AWS IoT Device Defender: `$aws/things/<thing>/defender/metrics/<format>`, answered below it by `accepted` and
 * `rejected`. Members have the short ones of their two names.
 */
import { DeviceError } from "../../base/error.js";
import type { JSONObject, JSONValue } from "../../bytes/value.js";
import { Vocabulary } from "../../bytes/vocabulary.js";
import type { TextCodec } from "../../host.js";
import type { Metric, Metrics, MetricsPort, MetricsReport } from "../../operations/metrics.js";
import type { MQTTConnection, Translation } from "../mqtt.js";
import { encodeMessage, type Format } from "../format.js";
import { decodeMessage, refusalOf } from "./messages.js";

const NAMES: readonly string[] = Object.freeze(["statusDetails", "ErrorCode", "ErrorMessage"]);
const VOCABULARY = Object.freeze(new Vocabulary(NAMES)) as Vocabulary;
/** Of the report's form. */
export const DEFENDER_VERSION = "1.0";

export interface DefenderRefusal {
	/** One of `Refusal`. */
	readonly refusal: number;
	readonly message: string;
}

export class AwsMetrics implements Translation, MetricsPort {
	readonly filters: readonly string[];
	readonly #connection: MQTTConnection;
	readonly #topic: string;
	readonly #metrics: Metrics;
	readonly #format: Format;
	/** The next answer is ours: heartbeats are answered on the same topics. */
	#isAsked = false;

	constructor(connection: MQTTConnection, thing: string, format: Format, metrics: Metrics) {
		this.#connection = connection;
		this.#metrics = metrics;
		this.#format = format;
		const topic = this.#topic = defenderTopic(thing, format);
		this.filters = [`${topic}/accepted`, `${topic}/rejected`];
	}

	connected(): void {
		this.#metrics.connected(this);
	}

	disconnected(): void {
		this.#isAsked = false;
		this.#metrics.disconnected();
	}

	report(id: number, { metrics = {}, network }: MetricsReport): boolean {
		const report: JSONObject = { hed: { rid: id, v: DEFENDER_VERSION } };
		if (network !== undefined) {
			const { bytesIn, bytesOut, packetsIn, packetsOut } = network;
			report["met"] = { ns: { bi: bytesIn, bo: bytesOut, pi: packetsIn, po: packetsOut } };
		}
		const names = Object.keys(metrics);
		if (names.length > 0) {
			const custom: JSONObject = report["cmet"] = {};
			for (const name of names) custom[name] = [typed(name, metrics[name]!)];
		}
		const payload = encodeMessage(this.#connection.host.text, this.#format, report);
		return this.#isAsked = this.#connection.send(this.#topic, payload);
	}

	receive(topic: string, bytes: Uint8Array, start: number, end: number): boolean {
		if (!this.#isAsked || !topic.startsWith(this.#topic)) return false;
		const { host } = this.#connection;
		// The answer names the report, but not always in the same way, and only one is under way.
		if (topic.endsWith("/accepted")) {
			this.#metrics.accepted();
		} else {
			const { refusal, message } = defenderRefusal(host.text, this.#format, bytes, start, end);
			this.#metrics.rejected(refusal, message, host.time.now());
		}
		this.#isAsked = false;
		return true;
	}
}

export function defenderTopic(thing: string, format: Format): string {
	return `$aws/things/${thing}/defender/metrics/${format}`;
}

/** What an answer says that is a refusal. @throws DeviceError `malformed` */
export function defenderRefusal(
	text: TextCodec, format: Format, bytes: Uint8Array, start: number, end: number,
): DefenderRefusal {
	const { statusDetails } = decodeMessage(text, format, bytes, start, end, VOCABULARY);
	const { ErrorCode: code, ErrorMessage: message } = statusDetails as JSONObject ?? {};
	return { refusal: refusalOf(code), message: `${String(code)} ${String(message)}` };
}

/** A value with the name of its type. @throws DeviceError `argument` */
function typed(name: string, metric: Metric): JSONObject {
	if (typeof metric === "number") return { number: metric };
	if ("addresses" in metric) return { ip_list: [...metric.addresses] };
	const values: JSONValue[] = [...metric];
	if (values.every((value) => typeof value === "number")) return { number_list: values };
	if (values.every((value) => typeof value === "string")) return { string_list: values };
	throw new DeviceError("argument", `metric ${name} is neither numbers nor text`);
}
