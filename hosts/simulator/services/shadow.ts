// SPDX-License-Identifier: Apache-2.0
/**
 * The cloud's side of the device shadow: one document per device, with what is desired and what the device reported.
 *
 * Pure. Wire protocol (JSON in UTF-8, QoS 1), all topics below `moorline/<id>/shadow/`:
 *
 * | topic      | direction      | payload |
 * |------------|----------------|---------|
 * | `get`      | device → cloud | `{"token"}` |
 * | `document` | cloud → device | `{"token","version","desired","reported"}` |
 * | `delta`    | cloud → device | `{"version","delta"}`, when desired changed and differs from reported |
 * | `report`   | device → cloud | `{"token","reported","version"?}`: an RFC 7396 patch |
 * | `accepted` | cloud → device | `{"token","version"}` |
 * | `rejected` | cloud → device | `{"token","code","message"}` |
 *
 * The version is one counter per document: 0 at first, one more at each accepted update of either side, even one that
 * leaves the values as they were; a report that names another version than the current is refused.
 */
import { DeviceError } from "../../../src/base/error.js";
import type { CloudChannel } from "../channel.js";
import { isDeviceId } from "./registry.js";
import type { JsonObject } from "./json.js";
import { deltaOf, depthOf, emptyObject, encodeJson, isObject, isRepresentable, mergePatch, parseJson } from "./json.js";

export interface ShadowDocument {
	version: number;
	desired: JsonObject;
	reported: JsonObject;
}

export interface ShadowLimits {
	/** Bytes of `{"desired":…,"reported":…}` as JSON; an update that would exceed it is refused with 413. */
	documentMaximum: number;
	/** Objects and arrays inside each other, the section itself included; a deeper update is refused with 400. */
	depthMaximum: number;
	/** Characters of a token; a longer one is refused with 400. */
	tokenMaximum: number;
	/** Documents; reports of further devices are refused with 500, `desire` throws `full`. */
	documentCountMaximum: number;
}

export const DEFAULT_SHADOW_LIMITS: Readonly<ShadowLimits> = Object.freeze({
	documentMaximum: 8 * 1024, depthMaximum: 8, tokenMaximum: 64, documentCountMaximum: 100_000,
});

export type RejectionCode = 400 | 409 | 413 | 500;

/** A refusal on its way to the device. */
class Rejection extends Error {
	readonly code: RejectionCode;
	constructor(code: RejectionCode, message: string) {
		super(message);
		this.code = code;
	}
}

/** A payload this many times the size of a document is refused without being parsed. */
const ENVELOPE_FACTOR = 4;

export class ShadowService {
	/** Runs after each accepted update, with a copy of the document. */
	onChanged: ((id: string, document: ShadowDocument, changed: "desired" | "reported") => void) | undefined;
	readonly #limits: ShadowLimits;
	readonly #channels: CloudChannel[] = [];
	readonly #documents = new Map<string, ShadowDocument>();

	constructor(options: { limits?: Partial<ShadowLimits> | undefined } = {}) {
		this.#limits = { ...DEFAULT_SHADOW_LIMITS, ...options.limits };
	}

	/** Serves the devices of one broker. Deltas go to every broker attached, as it is not known where a device will come. */
	attach(channel: CloudChannel): void {
		this.#channels.push(channel);
		for (const verb of ["get", "report"] as const) {
			channel.subscribe(`moorline/+/shadow/${verb}`, (topic, payload, retain) => {
				// A retained request is from the past; applying it again would undo what came after it.
				const id = topic.split("/")[1]!;
				if (!retain && isDeviceId(id)) this.#answer(channel, id, verb, payload);
			});
		}
	}

	ids(): string[] { return [...this.#documents.keys()]; }

	/** A copy; version 0 and empty for a device that has no document yet. */
	get(id: string): ShadowDocument {
		return JSON.parse(JSON.stringify(this.#documents.get(id) ?? newDocument())) as ShadowDocument;
	}

	/** What `desired` has and `reported` lacks or has different; empty when the device is in sync. */
	delta(id: string): JsonObject {
		const { desired, reported } = this.get(id);
		return JSON.parse(JSON.stringify(deltaOf(desired, reported))) as JsonObject;
	}

	/**
	 * Changes what is desired and tells the device.
	 * @param patch RFC 7396: null deletes a member, an array is replaced whole
	 * @returns the new version
	 * @throws DeviceError `argument` when the patch is no JSON object or too deep, `too-large`, `full`
	 */
	desire(id: string, patch: JsonObject): number {
		if (!isDeviceId(id)) throw new DeviceError("argument", `cannot change desired of "${id}": not a device id`);
		let document: ShadowDocument;
		try {
			// Through bytes, so that what a program passes is held to what a message could carry.
			const value = isObject(patch) ? parseJson(encodeJson(patch)) : patch;
			document = this.#update(id, "desired", value);
		} catch (error) {
			throw new DeviceError(errorCodeOf(error), `cannot change desired: ${error instanceof Error ? error.message : ""}`, { cause: error });
		}
		const delta = deltaOf(document.desired, document.reported);
		if (Object.keys(delta).length > 0) {
			for (const channel of this.#channels) send(channel, id, "delta", { version: document.version, delta });
		}
		this.onChanged?.(id, this.get(id), "desired");
		return document.version;
	}

	/** Forgets a document; the next one begins at version 0 again. */
	delete(id: string): void { this.#documents.delete(id); }

	#answer(channel: CloudChannel, id: string, verb: "get" | "report", payload: Uint8Array): void {
		let token: string | undefined;
		try {
			const request = this.#parse(payload);
			token = this.#tokenOf(request);
			if (verb === "get") {
				send(channel, id, "document", { token, ...(this.#documents.get(id) ?? newDocument()) });
				return;
			}
			const { version } = this.#report(id, request);
			send(channel, id, "accepted", { token, version });
		} catch (error) {
			const rejection = error instanceof Rejection ? error : new Rejection(500, "internal error");
			send(channel, id, "rejected", { token, code: rejection.code, message: rejection.message });
			if (rejection !== error) throw error;
			return;
		}
		this.onChanged?.(id, this.get(id), "reported");
	}

	#parse(payload: Uint8Array): JsonObject {
		if (payload.byteLength > this.#limits.documentMaximum * ENVELOPE_FACTOR) throw new Rejection(413, "message too large");
		let request: unknown;
		try {
			request = parseJson(payload);
		} catch {
			throw new Rejection(400, "payload is not JSON");
		}
		if (!isObject(request)) throw new Rejection(400, "payload is not an object");
		return request;
	}

	#tokenOf(request: JsonObject): string | undefined {
		if (!Object.hasOwn(request, "token")) return undefined;
		const { token } = request;
		if (typeof token !== "string" || token.length > this.#limits.tokenMaximum) {
			throw new Rejection(400, `token is not a string of at most ${this.#limits.tokenMaximum} characters`);
		}
		return token;
	}

	#report(id: string, request: JsonObject): ShadowDocument {
		if (Object.hasOwn(request, "version")) {
			const { version } = request;
			if (!Number.isSafeInteger(version) || (version as number) < 0) throw new Rejection(400, "version is not a whole number");
			const current = this.#documents.get(id)?.version ?? 0;
			if (version !== current) throw new Rejection(409, `version is ${current}`);
		}
		return this.#update(id, "reported", Object.hasOwn(request, "reported") ? request["reported"] : undefined);
	}

	#update(id: string, section: "desired" | "reported", patch: unknown): ShadowDocument {
		const { documentMaximum, depthMaximum, documentCountMaximum } = this.#limits;
		if (!isObject(patch)) throw new Rejection(400, `${section} is not an object`);
		if (depthOf(patch, depthMaximum) > depthMaximum) throw new Rejection(400, `${section} is deeper than ${depthMaximum}`);
		if (!isRepresentable(patch)) throw new Rejection(400, `${section} holds a number out of range`);
		const current = this.#documents.get(id) ?? newDocument();
		if (!this.#documents.has(id) && this.#documents.size >= documentCountMaximum) throw new Rejection(500, "no room for another document");
		const document = { ...current, version: current.version + 1 };
		document[section] = mergePatch(current[section], patch) as JsonObject;
		const { desired, reported } = document;
		if (encodeJson({ desired, reported }).byteLength > documentMaximum) throw new Rejection(413, `document larger than ${documentMaximum} bytes`);
		this.#documents.set(id, document);
		return document;
	}
}

function newDocument(): ShadowDocument {
	return { version: 0, desired: emptyObject(), reported: emptyObject() };
}

function send(channel: CloudChannel, id: string, verb: string, body: object): void {
	channel.publish(`moorline/${id}/shadow/${verb}`, encodeJson(body), { qos: 1 });
}

function errorCodeOf(error: unknown): "argument" | "too-large" | "full" | "internal" {
	if (error instanceof RangeError || error instanceof TypeError || error instanceof SyntaxError) return "argument";
	if (!(error instanceof Rejection)) return "internal";
	return error.code === 413 ? "too-large" : error.code === 500 ? "full" : "argument";
}
