// SPDX-License-Identifier: Apache-2.0
/**
 * What a device asks for: the members of its document, read with their types and ranges, and the refusal of one.
 *
 * Nothing is taken on trust: what is not of its type is refused and not converted, as a device that relies on a
 * conversion here would fail in the field.
 */
import { Buffer } from "buffer";
import { decode, type Format } from "../../services/formats.js";
import { isObject } from "../../services/json.js";

/** A refusal on its way to the device. */
export class Rejection extends Error {
	/** One of the service's codes. */
	readonly code: string;
	/** Members that the answer carries besides. */
	readonly members: object | undefined;

	constructor(code: string, message: string, members?: object) {
		super(message);
		this.code = code;
		this.members = members;
	}
}

export class Request {
	readonly #members: Readonly<Record<string, unknown>>;
	readonly #code: string;

	/**
	 * @param value the decoded document
	 * @param code what a member that is wrong is refused with
	 */
	constructor(value: unknown, code = "InvalidRequest") {
		if (!isObject(value) || value instanceof Uint8Array) throw new Rejection(code, "The document is not an object");
		this.#members = value;
		this.#code = code;
	}

	/** The member as it came; undefined when it is absent. */
	member(name: string): unknown {
		return Object.hasOwn(this.#members, name) ? this.#members[name] : undefined;
	}

	/** @param maximum bytes of UTF-8 */
	text(name: string, maximum: number): string | undefined {
		const value = this.member(name);
		if (value === undefined) return undefined;
		if (typeof value !== "string" || Buffer.byteLength(value) > maximum) throw this.wrong(`${name} must be a string of at most ${maximum} bytes`);
		return value;
	}

	integer(name: string, least: number, most: number = Number.MAX_SAFE_INTEGER): number | undefined {
		const value = this.member(name);
		if (value === undefined) return undefined;
		if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most) {
			throw this.wrong(`${name} must be a whole number from ${least} to ${most}`);
		}
		return value as number;
	}

	flag(name: string): boolean | undefined {
		const value = this.member(name);
		if (value !== undefined && typeof value !== "boolean") throw this.wrong(`${name} must be a boolean`);
		return value;
	}

	/** A map from text to text. */
	texts(name: string): Record<string, string> | undefined {
		const value = this.member(name);
		if (value === undefined) return undefined;
		if (!isObject(value) || value instanceof Uint8Array) throw this.wrong(`${name} must be an object`);
		const texts = Object.create(null) as Record<string, string>;
		for (const [key, text] of Object.entries(value)) {
			if (typeof text !== "string") throw this.wrong(`${name} must hold strings`);
			texts[key] = text;
		}
		return texts;
	}

	wrong(message: string): Rejection {
		return new Rejection(this.#code, message);
	}
}

/** @throws Rejection for what is not in that format, or no document */
export function parseRequest(format: Format, payload: Uint8Array): Request {
	let document: unknown;
	try {
		document = decode(format, payload);
	} catch {
		throw new Rejection(format === "json" ? "InvalidJson" : "InvalidCbor", `The payload is not ${format.toUpperCase()}`);
	}
	return new Request(document);
}
