// SPDX-License-Identifier: Apache-2.0
/**
 * AWS IoT Device Shadow: `$aws/things/<thing>/shadow/…`, and `…/shadow/name/<name>/…` for named ones, in JSON.
 *
 * | topic                | direction | message                                                                   |
 * |----------------------|-----------|---------------------------------------------------------------------------|
 * | `get`                | to cloud  | `{"clientToken"}`                                                         |
 * | `get/accepted`       | to device | `{"state":{"desired"?,"reported"?},"metadata","version","clientToken"}`   |
 * | `update`             | to cloud  | `{"state":{"reported"?,"desired"?},"version"?,"clientToken"}`             |
 * | `update/accepted`    | to device | `{"version","clientToken"}`, and what was said                            |
 * | `update/delta`       | to device | `{"state","metadata","version"}`                                          |
 * | `delete/accepted`    | to device | `{"version"}`: versions may begin anew                                    |
 * | …`/rejected`         | to device | `{"code","message","clientToken"}`                                        |
 *
 * Requests are QoS 0: each is answered, or made anew from the document. Subscriptions are QoS 1.
 */
import { DeviceError } from "../../base/error.js";
import { Refusal } from "../../base/service.js";
import { isName } from "../../base/name.js";
import { parseJSON } from "../../bytes/json.js";
import { isObject, type JSONObject } from "../../bytes/value.js";
import { Vocabulary } from "../../bytes/vocabulary.js";
import { checkUpdate, type Held, type Limits } from "../../shadow/limits.js";
import type { Shadow, ShadowPort, ShadowUpdate } from "../../shadow/shadow.js";
import { answerOf } from "../answer.js";
import type { MQTTConnection, Translation } from "../mqtt.js";

/** Members of the messages themselves. */
const NAMES: readonly string[] = Object.freeze([
	"state", "desired", "reported", "version", "clientToken", "code", "message",
]);
/** Those that only a shadow needs for which the last change counts: without, they are left out while parsing. */
const TIME_NAMES: readonly string[] = Object.freeze(["metadata", "timestamp"]);
const ANSWERS: readonly string[] = Object.freeze([
	"update/delta", "get/accepted", "get/rejected", "update/accepted", "update/rejected", "delete/accepted",
]);
const LIMITS: Limits = Object.freeze({ documentMaximum: 8_192, depthMaximum: 6 });
/** AWS takes 20 requests a second for a thing, and so many at once. */
const INTERVAL = 50;
const BURST = 20;

export class AwsShadow implements Translation, ShadowPort {
	readonly filters: readonly string[];
	readonly #connection: MQTTConnection;
	readonly #prefix: string;
	readonly #shadow: Shadow;
	readonly #vocabulary: Vocabulary;
	/** When the requests made so far would have been due at the rate that AWS takes: monotonic ms. */
	#spentUntil = 0;

	/** @param name "" for the thing's classic shadow. @throws DeviceError `argument` for what is no name of one */
	constructor(connection: MQTTConnection, thing: string, name: string, shadow: Shadow) {
		if (name !== "" && !isName(name, 64, "$:_-")) {
			throw new DeviceError("argument", "a shadow's name is 1 to 64 letters, digits and any of $:_-");
		}
		this.#connection = connection;
		this.#shadow = shadow;
		const prefix = this.#prefix = `$aws/things/${thing}/shadow/${name === "" ? "" : `name/${name}/`}`;
		const names = shadow.wantsTimes ? [...NAMES, ...TIME_NAMES, ...shadow.names] : [...NAMES, ...shadow.names];
		this.#vocabulary = new Vocabulary(names, shadow.spare);
		this.filters = ANSWERS.map((answer) => prefix + answer);
	}

	connected(): void {
		this.#shadow.connected(this);
	}

	disconnected(): void {
		this.#shadow.disconnected();
	}

	get(token: string): boolean {
		return this.request("get", { clientToken: token });
	}

	update(token: string, { reported, desired, version }: ShadowUpdate, held: Held): boolean {
		checkUpdate(this.#connection.host.text, LIMITS, held, reported, desired);
		return this.request("update", { state: { reported, desired }, version, clientToken: token });
	}

	receive(topic: string, bytes: Uint8Array, start: number, end: number): boolean {
		const answer = answerOf(topic, this.#prefix, ANSWERS);
		if (answer === "") return false;
		const { host } = this.#connection;
		const message = parseJSON(host.text, bytes, start, end, this.#vocabulary);
		if (!isObject(message)) throw new DeviceError("malformed", "message is no object");
		const { clientToken, version, state, metadata, code } = message;
		const token = String(clientToken);
		const shadow = this.#shadow;
		switch (answer) {
			case "update/delta":
				shadow.delta(version, state, metadata);
				break;
			case "get/accepted": {
				const { desired, reported } = section(state);
				const times = isObject(metadata) ? metadata["desired"] : undefined;
				shadow.document(token, version, desired, reported, times);
				break;
			}
			case "update/accepted":
				shadow.accepted(token, version);
				break;
			case "delete/accepted":
				shadow.deleted();
				break;
			default:
				shadow.rejected(token, refusalOf(code), Number(code), String(message["message"]), host.time.now());
		}
		return true;
	}

	/** @returns false when there is no room, or AWS would have none */
	private request(verb: string, message: object): boolean {
		const now = this.#connection.host.time.now();
		const spent = Math.max(this.#spentUntil, now) + INTERVAL;
		if (spent - now > INTERVAL * BURST) return false;
		const sent = this.#connection.send(this.#prefix + verb, JSON.stringify(message));
		if (sent) this.#spentUntil = spent;
		return sent;
	}
}

function section(state: unknown): JSONObject {
	if (!isObject(state)) throw new DeviceError("malformed", "shadow state is no object");
	return state;
}

function refusalOf(code: unknown): number {
	switch (code) {
		case 404: return Refusal.GONE;
		case 409: return Refusal.STALE;
		case 429:
		case 500: return Refusal.BUSY;
		default: return Refusal.REFUSED;
	}
}
