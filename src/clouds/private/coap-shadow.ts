// SPDX-License-Identifier: Apache-2.0
/**
 * A shadow on the private cloud over CoAP: `moorline/<device>/shadow`, and `…/shadow/name/<name>` for named ones.
 *
 * | resource  | method       | body                                                                             |
 * |-----------|--------------|----------------------------------------------------------------------------------|
 * | it        | GET          | `{"version","desired","reported","metadata"?}`                                   |
 * | it        | iPATCH       | `{"reported"?,"desired"?,"version"?}`: patches (RFC 7396); answered `{"version"}` |
 * | `…/delta` | GET, Observe | `{"version","delta","metadata"?,"deleted"?}`: all that is desired and not reported |
 *
 * The observation begins with what differs now: what changes while the document is on its way is not missed.
 */
import { DeviceError } from "../../base/error.js";
import { isName } from "../../base/name.js";
import type { JSONObject } from "../../bytes/value.js";
import { Vocabulary } from "../../bytes/vocabulary.js";
import { Code } from "../../coap/constants.js";
import type { Response } from "../../coap/request.js";
import { checkUpdate, type Held } from "../../shadow/limits.js";
import type { Shadow, ShadowPort, ShadowUpdate } from "../../shadow/shadow.js";
import type { PrivateCoAPConnection } from "./coap-connection.js";
import { PrivateResource } from "./coap-resource.js";
import { LIMITS, NAMES, TIME_NAMES } from "./shadow.js";

export class PrivateCoAPShadow extends PrivateResource implements ShadowPort {
	protected readonly vocabulary: Vocabulary;
	readonly #shadow: Shadow;
	/** The request under way is an update. */
	#isUpdate = false;
	/** Of the newest delta on this connection; -1 before. */
	#newest = -1;

	/**
	 * @param prefix of all the device's resources
	 * @param name "" for the device's own shadow
	 * @throws DeviceError `argument` for what is no name of one
	 */
	constructor(connection: PrivateCoAPConnection, prefix: string, name: string, shadow: Shadow) {
		if (name !== "" && !isName(name, 64, "$:_-")) {
			throw new DeviceError("argument", "a shadow's name is 1 to 64 letters, digits and any of $:_-");
		}
		super(connection, `${prefix}shadow${name === "" ? "" : `/name/${name}`}`);
		this.#shadow = shadow;
		const names = shadow.wantsTimes ? [...NAMES, ...TIME_NAMES, ...shadow.names] : [...NAMES, ...shadow.names];
		this.vocabulary = new Vocabulary(names, shadow.spare);
	}

	connected(): void {
		this.#newest = -1;
		this.#shadow.connected(this);
		this.watch(`${this.path}/delta`);
	}

	override disconnected(): void {
		super.disconnected();
		this.#shadow.disconnected();
	}

	get(token: string): boolean {
		this.#isUpdate = false;
		return this.ask(token, this.connection.asking(this.path));
	}

	update(token: string, { reported, desired, version }: ShadowUpdate, held: Held): boolean {
		checkUpdate(this.connection.host.text, LIMITS, held, reported, desired);
		const message: JSONObject = {};
		if (reported !== undefined) message["reported"] = reported;
		if (desired !== undefined) message["desired"] = desired;
		if (version !== undefined) message["version"] = version;
		this.#isUpdate = true;
		return this.ask(token, this.connection.saying(Code.IPATCH, this.path, message));
	}

	onAnswer(token: string, response: Response, now: number): void {
		const refused = this.refused(response);
		if (refused !== undefined) {
			return this.#shadow.rejected(token, refused.refusal, response.code, refused.message, now);
		}
		const { version, desired, reported, metadata } = this.read(response);
		if (this.#isUpdate) this.#shadow.accepted(token, version);
		else this.#shadow.document(token, version, desired, reported, metadata);
	}

	onChange(response: Response): void {
		const { version, delta, metadata, deleted } = this.read(response);
		const isOlder = typeof version === "number" && version < this.#newest;
		this.#newest = Number(version);
		// Versions that go back are of another document.
		if (deleted === true || isOlder) this.#shadow.deleted();
		else this.#shadow.delta(version, delta, metadata);
	}
}
