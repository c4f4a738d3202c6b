// SPDX-License-Identifier: Apache-2.0
/**
 * Heartbeats as reports of Device Defender: what the connection counted as network statistics, all other counters and
 * gauges as custom metrics. Their timers, and of which boot they are, have no words there.
 */
import { isName } from "../../base/name.js";
import type { JSONObject } from "../../bytes/value.js";
import { CBORReader } from "../../cbor/reader.js";
import type { TextCodec } from "../../host.js";
import { REPORT_INTERVAL } from "../../operations/metrics.js";
import { encodeMessage, type Format } from "../format.js";
import type { MQTTConnection } from "../mqtt.js";
import { defenderRefusal, defenderTopic, DEFENDER_VERSION, type DefenderRefusal } from "./defender.js";

/** Counters of the SDK's own, and what Device Defender calls them. */
const NETWORK: readonly string[] = Object.freeze(["bytesIn", "bytesOut", "messagesIn", "messagesOut"]);
const NETWORK_NAMES: readonly string[] = Object.freeze(["bi", "bo", "pi", "po"]);
const NAME_MAXIMUM = 128;

export class Heartbeats {
	readonly filters: readonly string[];
	readonly #connection: MQTTConnection;
	readonly #topic: string;
	readonly #format: Format;
	/** Of the one under way, "" for none. */
	token = "";
	/** Number of the last, and when another is taken: monotonic ms. */
	#id = 0;
	#next = -Infinity;

	constructor(connection: MQTTConnection, thing: string, format: Format) {
		this.#connection = connection;
		this.#format = format;
		const topic = this.#topic = defenderTopic(thing, format);
		this.filters = [`${topic}/accepted`, `${topic}/rejected`];
	}

	/** @returns false when it cannot go this way, or not now. @throws DeviceError `malformed` */
	report(token: string, body: Uint8Array): boolean {
		const { text, time } = this.#connection.host;
		const now = time.now();
		const wall = time.wall();
		// Without the clock, numbers would begin again after a reset.
		if (now < this.#next || wall === undefined) return false;
		const id = Math.max(this.#id + 1, Math.floor(wall / 1000));
		const report = heartbeatOf(text, id, body);
		if (report === undefined) return false;
		if (this.#connection.tell(this.#topic, encodeMessage(text, this.#format, report)) < 0) return false;
		this.#id = id;
		this.#next = now + REPORT_INTERVAL;
		this.token = token;
		return true;
	}

	/** Whether a message to this topic answers the one under way. */
	awaits(topic: string): boolean {
		return this.token !== "" && topic.startsWith(this.#topic);
	}

	/** @returns `undefined` when it was accepted. @throws DeviceError `malformed` */
	answer(topic: string, bytes: Uint8Array, start: number, end: number): DefenderRefusal | undefined {
		const { text } = this.#connection.host;
		const refused = topic.endsWith("/accepted") ? undefined
			: defenderRefusal(text, this.#format, bytes, start, end);
		this.token = "";
		return refused;
	}

	forget(): void {
		this.token = "";
	}
}

/** @returns `undefined` where there is nothing that Device Defender takes. @throws DeviceError `malformed` */
function heartbeatOf(text: TextCodec, id: number, body: Uint8Array): JSONObject | undefined {
	const network: JSONObject = {};
	const custom: JSONObject = {};
	const reader = new CBORReader(text);
	reader.reset(body, 0, body.byteLength);
	reader.map();
	while (reader.more()) {
		const name = reader.string();
		if (name === "counters" || name === "gauges") readMetrics(reader, network, custom);
		else reader.skipItem();
	}
	const report: JSONObject = { hed: { rid: id, v: DEFENDER_VERSION } };
	const hasNetwork = Object.keys(network).length > 0;
	const hasCustom = Object.keys(custom).length > 0;
	if (hasNetwork) report["met"] = { ns: network };
	if (hasCustom) report["cmet"] = custom;
	return hasNetwork || hasCustom ? report : undefined;
}

function readMetrics(reader: CBORReader, network: JSONObject, custom: JSONObject): void {
	reader.map();
	while (reader.more()) {
		const name = reader.string();
		const value = reader.scalar();
		const index = NETWORK.indexOf(name);
		if (typeof value !== "number") continue;
		if (index >= 0) network[NETWORK_NAMES.at(index)!] = value;
		else if (isName(name, NAME_MAXIMUM, ":_-")) custom[name] = [{ number: value }];
	}
}
