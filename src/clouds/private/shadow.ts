// SPDX-License-Identifier: Apache-2.0
/**
 * A shadow on the private cloud: `moorline/<device>/shadow/…`, and `…/shadow/name/<name>/…` for named ones.
 *
 * | topic      | direction | message                                                                              |
 * |------------|-----------|--------------------------------------------------------------------------------------|
 * | `get`      | to cloud  | `{"token"}`                                                                          |
 * | `document` | to device | `{"token"?,"version","desired","reported","metadata"?}`; without token it is retained |
 * | `report`   | to cloud  | `{"token","reported"?,"desired"?,"version"?}`: patches (RFC 7396)                    |
 * | `accepted` | to device | `{"token","version"}`                                                                |
 * | `rejected` | to device | `{"token","code","message"}`                                                         |
 * | `delta`    | to device | `{"version","delta","metadata"?}`: all that is desired and not reported              |
 * | `deleted`  | to device | `{"version"}`                                                                        |
 *
 * The retained document is what the device goes by while the cloud is away.
 */
import { DeviceError, toDeviceError } from "../../base/error.js";
import { isName } from "../../base/name.js";
import type { JSONObject } from "../../bytes/value.js";
import { Vocabulary } from "../../bytes/vocabulary.js";
import { checkUpdate, type Held, type Limits } from "../../shadow/limits.js";
import type { Shadow, ShadowPort, ShadowUpdate } from "../../shadow/shadow.js";
import { answerOf } from "../answer.js";
import type { Translation } from "../mqtt.js";
import type { PrivateConnection } from "./connection.js";
import { decode } from "./formats.js";
import { refusalOf } from "./refusal.js";

/** Members of the messages themselves, over CoAP, too. */
export const NAMES: readonly string[] = Object.freeze([
	"token", "version", "desired", "reported", "delta", "deleted", "code", "message",
]);
/** Those that only a shadow needs for which the last change counts: without, they are left out while parsing. */
export const TIME_NAMES: readonly string[] = Object.freeze(["metadata", "timestamp"]);
const ANSWERS: readonly string[] = Object.freeze(["document", "delta", "accepted", "rejected", "deleted"]);
export const LIMITS: Limits = Object.freeze({ documentMaximum: 8_192, depthMaximum: 7 });

export class PrivateShadow implements Translation, ShadowPort {
	readonly filters: readonly string[];
	readonly #connection: PrivateConnection;
	readonly #prefix: string;
	readonly #shadow: Shadow;
	readonly #vocabulary: Vocabulary;
	#connected = false;
	/** A retained document that the broker sent before it had answered for all subscriptions, and when that was. */
	#early: JSONObject | undefined;
	#earlyCount = 0;

	/**
	 * @param prefix of all the device's topics
	 * @param name "" for the device's own shadow
	 * @throws DeviceError `argument` for what is no name of one
	 */
	constructor(connection: PrivateConnection, prefix: string, name: string, shadow: Shadow) {
		if (name !== "" && !isName(name, 64, "$:_-")) {
			throw new DeviceError("argument", "a shadow's name is 1 to 64 letters, digits and any of $:_-");
		}
		this.#connection = connection;
		this.#prefix = `${prefix}shadow/${name === "" ? "" : `name/${name}/`}`;
		this.#shadow = shadow;
		const names = shadow.wantsTimes ? [...NAMES, ...TIME_NAMES, ...shadow.names] : [...NAMES, ...shadow.names];
		this.#vocabulary = new Vocabulary(names, shadow.spare);
		this.filters = ANSWERS.map((answer) => this.#prefix + answer);
	}

	connected(): void {
		this.#connected = true;
		this.#shadow.connected(this);
		const early = this.#early;
		this.#early = undefined;
		if (early === undefined || this.#earlyCount !== this.#connection.count) return;
		try {
			this.offer(early);
		} catch (error) {
			this.#connection.onRefused(toDeviceError(error, "malformed", "retained document"));
		}
	}

	disconnected(): void {
		this.#connected = false;
		this.#shadow.disconnected();
	}

	get(token: string): boolean {
		return this.#connection.say(`${this.#prefix}get`, { token });
	}

	update(token: string, { reported, desired, version }: ShadowUpdate, held: Held): boolean {
		checkUpdate(this.#connection.host.text, LIMITS, held, reported, desired);
		const message: JSONObject = { token };
		if (reported !== undefined) message["reported"] = reported;
		if (desired !== undefined) message["desired"] = desired;
		if (version !== undefined) message["version"] = version;
		return this.#connection.say(`${this.#prefix}report`, message);
	}

	receive(topic: string, bytes: Uint8Array, start: number, end: number): boolean {
		const answer = answerOf(topic, this.#prefix, ANSWERS);
		if (answer === "") return false;
		// A retained document that was taken away: `deleted` is what says that there is none.
		if (answer === "document" && start === end) return true;
		const { host } = this.#connection;
		const message = decode(host.text, bytes, start, end, this.#vocabulary);
		const { token, version, code } = message;
		const shadow = this.#shadow;
		switch (answer) {
			case "document":
				if (token !== undefined) this.answer(String(token), message);
				else if (this.#connected) this.offer(message);
				else this.keep(message);
				break;
			case "delta":
				shadow.delta(version, message["delta"], message["metadata"]);
				break;
			case "accepted":
				shadow.accepted(String(token), version);
				break;
			case "deleted":
				shadow.deleted();
				break;
			default:
				shadow.rejected(
					String(token), refusalOf(Number(code)), Number(code), String(message["message"]), host.time.now(),
				);
		}
		return true;
	}

	private keep(message: JSONObject): void {
		this.#early = message;
		this.#earlyCount = this.#connection.count;
	}

	private answer(token: string, { version, desired, reported, metadata }: JSONObject): void {
		this.#shadow.document(token, version, desired, reported, metadata);
	}

	private offer({ version, desired, reported, metadata }: JSONObject): void {
		this.#shadow.offered(version, desired, reported, metadata);
	}
}
