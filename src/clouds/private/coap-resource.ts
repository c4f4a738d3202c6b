// SPDX-License-Identifier: Apache-2.0
/** What a private cloud's services have in common over CoAP: one request at a time, and one thing that is observed. */
import { Refusal } from "../../base/service.js";
import type { JSONObject } from "../../bytes/value.js";
import type { Vocabulary } from "../../bytes/vocabulary.js";
import { classOf, Code, codeText } from "../../coap/constants.js";
import type { Cancelable, RequestOptions, Response } from "../../coap/request.js";
import type { Asker, Translation, Watcher } from "../coap.js";
import type { PrivateCoAPConnection } from "./coap-connection.js";
import { decode } from "./formats.js";

/** What a refusal says. */
export interface Said {
	/** One of `Refusal`. */
	readonly refusal: number;
	readonly message: string;
	/** Whatever else it says. */
	readonly members: JSONObject;
}

export abstract class PrivateResource implements Translation, Asker, Watcher {
	protected readonly connection: PrivateCoAPConnection;
	protected readonly path: string;
	protected abstract readonly vocabulary: Vocabulary;
	#asked: Cancelable | undefined;
	#watched: Cancelable | undefined;

	constructor(connection: PrivateCoAPConnection, path: string) {
		this.connection = connection;
		this.path = path;
	}

	abstract connected(): void;
	abstract onAnswer(token: string, response: Response, now: number): void;
	abstract onChange(response: Response, now: number): void;

	disconnected(): void {
		this.#asked?.cancel();
		this.#watched?.cancel();
		this.#asked = this.#watched = undefined;
	}

	onUnanswered(): void {
		// The service asks again when the answer is overdue.
	}

	protected watch(path: string): void {
		this.#watched = this.connection.watch(this.connection.asking(path), this);
	}

	/** In the place of what was asked before, which is overdue. @returns false when it cannot be sent now */
	protected ask(token: string, request: RequestOptions): boolean {
		this.#asked?.cancel();
		this.#asked = this.connection.ask(token, request, this);
		return this.#asked !== undefined;
	}

	/** @throws DeviceError `malformed`, `too-large` */
	protected read({ payload }: Response): JSONObject {
		return decode(this.connection.host.text, payload, 0, payload.byteLength, this.vocabulary);
	}

	/** What an answer says that is a refusal, else `undefined`. */
	protected refused(response: Response): Said | undefined {
		const { code } = response;
		if (classOf(code) === 2) return undefined;
		const members = this.explained(response);
		const { message } = members;
		return {
			refusal: refusalOf(code), members,
			message: typeof message === "string" ? message : `answered with ${codeText(code)}`,
		};
	}

	/** What comes with a refusal need not be a message of ours: servers explain themselves in plain text, too. */
	private explained(response: Response): JSONObject {
		if (response.payload.byteLength === 0) return {};
		try {
			return this.read(response);
		} catch {
			return {};
		}
	}
}

function refusalOf(code: number): number {
	switch (code) {
		case Code.NOT_FOUND: return Refusal.GONE;
		case Code.CONFLICT: return Refusal.STALE;
		case Code.TOO_MANY_REQUESTS: return Refusal.BUSY;
		default: return classOf(code) === 5 ? Refusal.BUSY : Refusal.REFUSED;
	}
}
