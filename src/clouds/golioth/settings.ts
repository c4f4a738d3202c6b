// SPDX-License-Identifier: Apache-2.0
/**
 * Settings as the shadow "settings": what an operator sets is what is desired, and what the device goes by is reported.
 *
 * | path        | method       | message                                                                           |
 * |-------------|--------------|-----------------------------------------------------------------------------------|
 * | `.c`        | GET, observe | `{"settings","version"}` in CBOR; `settings` may be null                          |
 * | `.c/status` | POST         | `{"errors"?:[{"setting_key","error_code"}],"version"}`: whether they are in force |
 *
 * The cloud keeps nothing of what is reported: it is said anew on each connection, with the version of the settings
 * that it is about. A setting that nobody knows is an error, and so is one of which the device reports another value.
 */
import { DeviceError } from "../../base/error.js";
import { put, type JSONObject, type JSONValue } from "../../bytes/value.js";
import { Vocabulary } from "../../bytes/vocabulary.js";
import { CBORReader } from "../../cbor/reader.js";
import { Major, type CBORObject } from "../../cbor/value.js";
import { classOf, Code, codeText, ContentFormat } from "../../coap/constants.js";
import type { Cancelable, RequestOptions, Response } from "../../coap/request.js";
import { applyPatch, covers, equal, own } from "../../shadow/document.js";
import type { Held } from "../../shadow/limits.js";
import type { Shadow, ShadowPort, ShadowUpdate } from "../../shadow/shadow.js";
import type { Asker, Translation, Watcher } from "../coap.js";
import type { GoliothConnection } from "./connection.js";
import { encodeValue, isThere, refusalOf } from "./messages.js";

const SETTINGS: RequestOptions = Object.freeze({ code: Code.GET, path: ".c", accept: ContentFormat.CBOR });
/** Settings of a device; further ones are passed over. */
const SETTING_MAXIMUM = 64;
/** The cloud's codes. */
const UNKNOWN = 1;
const WRONG_FORMAT = 3;
const OUT_OF_RANGE = 4;
const GENERAL = 6;

export class GoliothSettings implements Translation, ShadowPort, Asker, Watcher {
	readonly #connection: GoliothConnection;
	readonly #shadow: Shadow;
	readonly #vocabulary: Vocabulary;
	#watch: Cancelable | undefined;
	#asked: Cancelable | undefined;
	/** As the cloud has them; the names that nobody here knows; and the version, -1 before the first. */
	#values: JSONObject = {};
	#unknown: string[] = [];
	#version = -1;
	/** What the device goes by, as the cloud was told. */
	#applied: JSONObject = {};
	/** Token of the document that was asked for, "" for none; and whether there was one on this connection. */
	#fetching = "";
	#fetched = false;

	constructor(connection: GoliothConnection, shadow: Shadow) {
		this.#connection = connection;
		this.#shadow = shadow;
		this.#vocabulary = new Vocabulary(shadow.names, shadow.spare);
	}

	connected(): void {
		this.#watch = this.#connection.watch(SETTINGS, this);
		this.#shadow.connected(this);
	}

	disconnected(): void {
		this.#watch?.cancel();
		this.#asked?.cancel();
		this.#watch = this.#asked = undefined;
		this.#applied = {};
		this.#version = -1;
		this.#fetching = "";
		this.#fetched = false;
		this.#shadow.disconnected();
	}

	get(token: string): boolean {
		this.#fetching = token;
		return this.say(token, SETTINGS);
	}

	update(token: string, { reported = {}, desired }: ShadowUpdate, { reported: held }: Held): boolean {
		if (desired !== undefined) throw new DeviceError("unsupported", "what is set is the cloud's to change");
		this.#applied = applyPatch(applyPatch({}, held), reported);
		this.#fetching = "";
		return this.say(token, this.status());
	}

	onAnswer(token: string, response: Response, now: number): void {
		this.#asked = undefined;
		const { code } = response;
		const isDocument = token === this.#fetching;
		if (isDocument ? !isThere(response) : classOf(code) !== 2) {
			return this.#shadow.rejected(token, refusalOf(code), code, codeText(code), now);
		}
		const version = this.#shadow.version + 1;
		if (!isDocument) return this.#shadow.accepted(token, version);
		this.read(response);
		this.#fetching = "";
		this.#fetched = true;
		this.#shadow.document(token, version, this.desired, applyPatch({}, this.#applied));
		this.settle();
	}

	onUnanswered(): void {
		this.#asked = undefined;
	}

	onChange(response: Response): void {
		const former = this.#version;
		const values = this.#values;
		if (!this.read(response) || this.#version === former || !this.#fetched || this.#fetching !== "") return;
		// What is set no more, no delta tells: a gap makes the shadow ask.
		this.#shadow.delta(this.#shadow.version + (covers(this.#values, values) ? 1 : 2), this.desired);
		this.settle();
	}

	/** Where the device has nothing to change, nobody else says that the new version is in force. */
	private settle(): void {
		for (const name of Object.keys(this.#values)) {
			if (!equal(own(this.#values, name), own(this.#applied, name))) return;
		}
		this.#connection.ask("", this.status(), this);
	}

	private say(token: string, request: RequestOptions): boolean {
		this.#asked?.cancel();
		this.#asked = this.#connection.ask(token, request, this);
		return this.#asked !== undefined;
	}

	private status(): RequestOptions {
		const message: CBORObject = {};
		const errors: CBORObject[] = [];
		for (const name of this.#unknown) errors.push({ setting_key: name, error_code: UNKNOWN });
		for (const name of Object.keys(this.#values)) {
			const wanted = own(this.#values, name)!;
			const code = this.errorOf(wanted, own(this.#applied, name));
			if (code !== 0) errors.push({ setting_key: name, error_code: code });
		}
		if (errors.length > 0) message["errors"] = errors;
		message["version"] = this.#version;
		return {
			code: Code.POST, path: ".c/status", contentFormat: ContentFormat.CBOR,
			payload: encodeValue(this.#connection.host.text, "cbor", message),
		};
	}

	private errorOf(wanted: JSONValue, actual: JSONValue | undefined): number {
		if (equal(wanted, actual)) return 0;
		if (actual === undefined) return this.#shadow.names.length === 0 ? UNKNOWN : WRONG_FORMAT;
		if (typeof actual !== typeof wanted) return WRONG_FORMAT;
		return typeof wanted === "number" ? OUT_OF_RANGE : GENERAL;
	}

	/** A copy: it becomes the shadow's. */
	private get desired(): JSONObject {
		return applyPatch({}, this.#values);
	}

	/** @returns false for what is no message of settings, such as the text "OK". @throws DeviceError `malformed` */
	private read({ code, payload }: Response): boolean {
		const reader = new CBORReader(this.#connection.host.text);
		reader.reset(payload, 0, payload.byteLength);
		if (code === Code.NOT_FOUND || !reader.is(Major.MAP)) return false;
		const values: JSONObject = {};
		const unknown: string[] = [];
		let version = 0;
		reader.map();
		while (reader.more()) {
			const name = reader.string();
			if (name === "version") version = reader.uint();
			else if (name !== "settings" || !reader.is(Major.MAP)) reader.skipItem();
			else this.take(reader, values, unknown);
		}
		this.#values = values;
		this.#unknown = unknown;
		this.#version = version;
		return true;
	}

	private take(reader: CBORReader, values: JSONObject, unknown: string[]): void {
		reader.map();
		for (let count = 0; reader.more(); count++) {
			const name = reader.string();
			const value = reader.scalar();
			if (count >= SETTING_MAXIMUM || value === null || value instanceof Uint8Array) continue;
			if (this.#vocabulary.admits(name)) put(values, name, value);
			else unknown.push(name);
		}
	}
}
