// SPDX-License-Identifier: Apache-2.0
/**
 * What a shadow request says, and the refusals of what cannot be read: AWS's table of codes and messages.
 *
 * Pure. A member that a request inherits from nobody's prototype is none: only own ones are looked at.
 */
import type { JsonObject } from "../../services/json.js";
import { decodeText, depthOf, isObject, isRepresentable } from "../../services/json.js";
import type { Patch, SectionName } from "./document.js";
import type { AwsShadowLimits } from "./limits.js";

export type ShadowErrorCode = 400 | 403 | 404 | 409 | 413 | 415 | 429 | 500;

/** A refusal on its way to the device. */
export class ShadowError extends Error {
	readonly code: ShadowErrorCode;

	constructor(code: ShadowErrorCode, message: string) {
		super(message);
		this.code = code;
	}
}

export interface ShadowRequest {
	readonly clientToken: string | undefined;
	/** Must be the document's, where it is there. */
	readonly version: number | undefined;
	/** The request itself. */
	readonly body: JsonObject;
}

const EMPTY: ShadowRequest = Object.freeze({ clientToken: undefined, version: undefined, body: Object.freeze({}) });
/** A payload this many times the size of a document is refused without being parsed. */
const ENVELOPE_FACTOR = 4;
const SECTIONS: readonly SectionName[] = Object.freeze(["desired", "reported"]);

/** What a request says beside its state. `onToken` hears of the token as soon as it is known, for a refusal. @throws ShadowError */
export function readRequest(payload: Uint8Array, limits: AwsShadowLimits, onToken: (clientToken: string) => void): ShadowRequest {
	if (payload.byteLength === 0) return EMPTY;
	if (payload.byteLength > limits.documentBytesMaximum * ENVELOPE_FACTOR) throw tooLarge();
	const text = decodeText(payload);
	if (text === undefined) throw new ShadowError(415, "Unsupported documented encoding; supported encoding is UTF-8");
	const body = parse(text);
	const clientToken = own(body, "clientToken");
	if (clientToken !== undefined && !isToken(clientToken, limits)) throw new ShadowError(400, "Invalid clientToken");
	if (clientToken !== undefined) onToken(clientToken);
	const version = own(body, "version");
	if (version !== undefined && !isVersion(version)) throw new ShadowError(400, "Invalid version");
	return { clientToken, version, body };
}

/** What an update is to change. @throws ShadowError */
export function readPatch({ body }: ShadowRequest, limits: AwsShadowLimits): Patch {
	const state = own(body, "state");
	if (state === undefined) throw new ShadowError(400, "Missing required node: state");
	if (!isObject(state)) throw new ShadowError(400, "State node must be an object");
	const patch: { [Name in SectionName]?: JsonObject | null } = {};
	for (const name of Object.keys(state)) {
		const section = SECTIONS.find(known => known === name);
		if (!section) throw invalidNode();
		patch[section] = readSection(section, state[name], limits);
	}
	return patch;
}

export function tooLarge(): ShadowError {
	return new ShadowError(413, "The payload exceeds the maximum size allowed");
}

function readSection(name: SectionName, value: unknown, { depthMaximum }: AwsShadowLimits): JsonObject | null {
	if (value === null) return null;
	if (!isObject(value)) throw new ShadowError(400, name === "desired" ? "Desired node must be an object" : "Reported node must be an object");
	if (depthOf(value, depthMaximum) > depthMaximum) {
		throw new ShadowError(400, `JSON contains too many levels of nesting; maximum is ${depthMaximum}`);
	}
	if (!isRepresentable(value) || hasNullInArray(value, false)) throw invalidNode();
	return value;
}

/** Null deletes a member, and an array has none. Only for what is not too deep. */
function hasNullInArray(value: unknown, isInside: boolean): boolean {
	if (value === null) return isInside;
	if (typeof value !== "object") return false;
	return Object.values(value).some(inner => hasNullInArray(inner, isInside || Array.isArray(value)));
}

function parse(text: string): JsonObject {
	let body: unknown;
	try {
		body = JSON.parse(text);
	} catch {
		body = undefined;
	}
	if (!isObject(body)) throw new ShadowError(400, "Invalid JSON");
	return body;
}

function isToken(value: unknown, { tokenBytesMaximum }: AwsShadowLimits): value is string {
	return typeof value === "string" && new TextEncoder().encode(value).byteLength <= tokenBytesMaximum;
}

/** 0 is the version of a document that is not there yet. */
function isVersion(value: unknown): value is number {
	return Number.isSafeInteger(value) && (value as number) >= 0;
}

function own(body: JsonObject, member: string): unknown {
	return Object.hasOwn(body, member) ? body[member] : undefined;
}

function invalidNode(): ShadowError {
	return new ShadowError(400, "State contains an invalid node");
}
