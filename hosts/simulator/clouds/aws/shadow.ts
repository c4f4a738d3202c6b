// SPDX-License-Identifier: Apache-2.0
/**
 * The Device Shadow service: classic and named documents of each thing, as AWS IoT keeps them.
 *
 * Pure. Topics, all below `$aws/things/<thing>/shadow` or `$aws/things/<thing>/shadow/name/<name>`: the device publishes
 * to `get`, `update` and `delete`; the answers are ordinary publications to `…/accepted` and `…/rejected`; updates that
 * were accepted also make `update/documents` and, while desired and reported differ, `update/delta`.
 */
import { DeviceError } from "../../../../src/base/error.js";
import type { JsonObject } from "../../services/json.js";
import { encodeJson } from "../../services/json.js";
import type { Document, Patch } from "./document.js";
import { described, difference, stamped, updated } from "./document.js";
import type { AwsShadowLimits } from "./limits.js";
import { DEFAULT_AWS_SHADOW_LIMITS } from "./limits.js";
import { Rates } from "./rates.js";
import type { AwsContext, AwsMessage, AwsService } from "./service.js";
import type { Answer, AnswerKind, ShadowFaults } from "./shadow-answers.js";
import { ShadowAnswers } from "./shadow-answers.js";
import type { ShadowRequest } from "./shadow-request.js";
import { readPatch, readRequest, ShadowError, tooLarge } from "./shadow-request.js";

/** A document as a device that asks for it gets it. */
export interface AwsShadowDocument {
	version: number;
	/** Seconds since 1970. */
	timestamp: number;
	state: { desired?: JsonObject; reported?: JsonObject; delta?: JsonObject };
	metadata: { desired?: JsonObject; reported?: JsonObject };
}

export interface AwsShadowName {
	thing: string;
	/** Absent: the classic shadow. */
	name: string | undefined;
}

export interface AwsUpdateOptions {
	/** Absent: the classic shadow. */
	name?: string | undefined;
	/** Refuses the update when the document's version is another. */
	version?: number | undefined;
	clientToken?: string | undefined;
}

type Verb = "get" | "update" | "delete";

/** Where a document is, and where its messages go. */
interface Place extends AwsShadowName {
	readonly prefix: string;
}

/** What is left of a document that was deleted. */
interface Tombstone { readonly version: number; readonly until: number }

const VERBS: readonly string[] = Object.freeze(["get", "update", "delete"]);
const SHADOW_NAME = /^[$a-zA-Z0-9:_-]{1,64}$/;
const THING_NAME = /^[a-zA-Z0-9:_-]{1,128}$/;

export class AwsShadows implements AwsService {
	/** Runs after each accepted update and deletion; then the document is `undefined`. */
	onChanged: ((shadow: AwsShadowName, document: AwsShadowDocument | undefined) => void) | undefined;
	readonly #context: AwsContext;
	readonly #limits: AwsShadowLimits;
	readonly #rates: Rates;
	readonly #answers: ShadowAnswers;
	readonly #documents = new Map<string, { readonly place: Place; readonly document: Document }>();
	readonly #tombstones = new Map<string, Tombstone>();

	constructor(context: AwsContext, options: { limits?: Partial<AwsShadowLimits> | undefined } = {}) {
		this.#context = context;
		this.#limits = { ...DEFAULT_AWS_SHADOW_LIMITS, ...options.limits };
		this.#rates = new Rates(this.#limits.requestsPerSecond);
		this.#answers = new ShadowAnswers((topic, payload) => { context.publish(topic, payload); });
	}

	/** What shall go wrong with the answers. */
	get faults(): ShadowFaults { return this.#answers.faults; }
	get deadline(): number { return this.#answers.deadline; }

	expire(now: number): void { this.#answers.expire(now); }

	receive({ levels, payload, clientId, now }: AwsMessage): boolean {
		const [aws, things, thing = "", shadow] = levels;
		if (aws !== "$aws" || things !== "things" || shadow !== "shadow") return false;
		const isNamed = levels.length === 7 && levels[4] === "name";
		const verb = levels.at(-1)!;
		if (!(isNamed || levels.length === 5) || !VERBS.includes(verb)) return false;
		const place = placeOf(thing, isNamed ? levels[5] : undefined);
		if (!place) return false;
		this.#answers.send(this.#handle(place, verb as Verb, payload, clientId, now), clientId, now);
		return true;
	}

	/** All documents, or those of one thing. */
	list(thing?: string): AwsShadowName[] {
		return [...this.#documents.values()].map(({ place }) => ({ thing: place.thing, name: place.name })).filter(each => thing === undefined || each.thing === thing);
	}

	/** A copy, as a device would get it; `undefined` where there is none. */
	get(thing: string, name?: string): AwsShadowDocument | undefined {
		const document = this.#documents.get(prefixOf(thing, name))?.document;
		return document && JSON.parse(JSON.stringify(this.#whole(document))) as AwsShadowDocument;
	}

	/**
	 * Changes what is desired, as an application does.
	 * @param patch null deletes a member, or, in its place, all that is desired; an array is replaced whole
	 * @returns the new version
	 * @throws DeviceError `version` when the document has another, `too-large`, `argument` and `state` for other refusals;
	 * its `detail` is the code that a device would be told
	 */
	desire(thing: string, patch: JsonObject | null, options: AwsUpdateOptions = {}): number {
		return this.update(thing, { desired: patch }, options);
	}

	/** As `desire`, for both sections. */
	update(thing: string, patch: Patch, options: AwsUpdateOptions = {}): number {
		const { name, version, clientToken } = options;
		return this.#ask(thing, name, place => this.#update(place, encodeJson({ state: patch, version, clientToken }), () => {})).version;
	}

	/** Deletes a document, as an application does. @returns its last version @throws DeviceError as `desire` */
	delete(thing: string, name?: string): number {
		return this.#ask(thing, name, place => this.#delete(place, new Uint8Array(0), () => {})).version;
	}

	#ask<Result extends { answers: readonly Answer[] }>(thing: string, name: string | undefined, request: (place: Place) => Result): Result {
		const place = placeOf(thing, name);
		if (!place) throw new DeviceError("argument", `no shadow can be called ${thing}${name === undefined ? "" : ` ${name}`}`);
		try {
			const result = request(place);
			this.#answers.send(result.answers, undefined, 0);
			return result;
		} catch (error) {
			if (!(error instanceof ShadowError)) throw error;
			throw new DeviceError(errorCodeOf(error), `the shadow service refused: ${error.message}`, { detail: error.code, cause: error });
		}
	}

	#handle(place: Place, verb: Verb, payload: Uint8Array, clientId: string, now: number): readonly Answer[] {
		let clientToken: string | undefined;
		const onToken = (token: string): void => { clientToken = token; };
		try {
			if (this.#answers.pending(clientId) >= this.#limits.inflightMaximum || !this.#rates.take(place.thing, now)) {
				readToken(payload, this.#limits, onToken);
				throw new ShadowError(429, "Too many requests");
			}
			switch (verb) {
				case "get": return this.#get(place, payload, onToken);
				case "update": return this.#update(place, payload, onToken).answers;
				case "delete": return this.#delete(place, payload, onToken).answers;
			}
		} catch (error) {
			if (!(error instanceof ShadowError)) throw error;
			const { code, message } = error;
			return [this.#answer(place, `${verb}/rejected`, { code, message, timestamp: this.#timestamp(), clientToken })];
		}
	}

	#get(place: Place, payload: Uint8Array, onToken: (token: string) => void): readonly Answer[] {
		const { clientToken } = this.#read(place, payload, onToken);
		const { document } = this.#found(place);
		return [this.#answer(place, "get/accepted", { ...this.#whole(document), clientToken })];
	}

	#update(place: Place, payload: Uint8Array, onToken: (token: string) => void): { version: number; answers: readonly Answer[] } {
		const request = this.#read(place, payload, onToken);
		const patch = readPatch(request, this.#limits);
		const timestamp = this.#timestamp();
		const stored = this.#documents.get(place.prefix)?.document;
		const current = stored ?? this.#newDocument(place);
		// A document that is not there has version 0 for its writer, whatever its number will be.
		checkVersion(request, stored?.version ?? 0);
		const document = updated(current, patch, timestamp, this.#limits.keepsEmptyObjects);
		const { state } = described(document);
		if (encodeJson(state).byteLength > this.#limits.documentBytesMaximum) throw tooLarge();
		this.#keep(place, document);
		const { version } = document;
		const { clientToken } = request;
		const answers = [
			this.#answer(place, "update/accepted", { state: patch, metadata: stampedSections(patch, timestamp), version, timestamp, clientToken }),
			this.#answer(place, "update/documents", {
				previous: { ...described(current), version: current.version }, current: { ...described(document), version }, timestamp, clientToken,
			}),
		];
		const delta = difference(document);
		if (delta) answers.push(this.#answer(place, "update/delta", { version, timestamp, ...delta, clientToken }));
		this.onChanged?.({ thing: place.thing, name: place.name }, this.get(place.thing, place.name));
		return { version, answers };
	}

	#delete(place: Place, payload: Uint8Array, onToken: (token: string) => void): { version: number; answers: readonly Answer[] } {
		const request = this.#read(place, payload, onToken);
		const { document: { version } } = this.#found(place);
		checkVersion(request, version);
		this.#documents.delete(place.prefix);
		this.#tombstones.set(place.prefix, { version, until: this.#context.wall() + this.#limits.versionKeptFor });
		const { clientToken } = request;
		const answers = [this.#answer(place, "delete/accepted", { version, timestamp: this.#timestamp(), clientToken })];
		this.onChanged?.({ thing: place.thing, name: place.name }, undefined);
		return { version, answers };
	}

	#read({ thing, name }: Place, payload: Uint8Array, onToken: (token: string) => void): ShadowRequest {
		const request = readRequest(payload, this.#limits, onToken);
		const { needsThing } = this.#limits;
		const mustExist = needsThing === "all" || (needsThing === "named" && name !== undefined);
		if (mustExist && !this.#context.hasThing(thing)) throw new ShadowError(404, "Thing not found");
		return request;
	}

	#found({ thing, name, prefix }: Place): { readonly document: Document } {
		const found = this.#documents.get(prefix);
		if (!found) throw new ShadowError(404, `No shadow exists with name: '${name ?? thing}'`);
		return found;
	}

	#newDocument({ prefix }: Place): Document {
		const tombstone = this.#tombstones.get(prefix);
		const version = tombstone && this.#context.wall() < tombstone.until ? tombstone.version : 0;
		return { version, desired: undefined, reported: undefined };
	}

	#keep(place: Place, document: Document): void {
		const { prefix } = place;
		if (!this.#documents.has(prefix) && this.#documents.size + this.#tombstones.size >= this.#limits.documentCountMaximum) this.#forgetTombstones();
		if (!this.#documents.has(prefix) && this.#documents.size >= this.#limits.documentCountMaximum) throw new ShadowError(500, "Internal service failure");
		this.#tombstones.delete(prefix);
		this.#documents.set(prefix, { place, document });
	}

	#forgetTombstones(): void {
		for (const [prefix, { until }] of this.#tombstones) if (until <= this.#context.wall()) this.#tombstones.delete(prefix);
		const [oldest] = this.#tombstones.keys();
		if (oldest !== undefined && this.#documents.size + this.#tombstones.size >= this.#limits.documentCountMaximum) this.#tombstones.delete(oldest);
	}

	#whole(document: Document): AwsShadowDocument {
		const { state, metadata } = described(document);
		const delta = difference(document);
		if (delta) state["delta"] = delta.state;
		return { state, metadata, version: document.version, timestamp: this.#timestamp() } as AwsShadowDocument;
	}

	#answer({ thing, prefix }: Place, suffix: string, body: object): Answer {
		return { kind: suffix.slice(suffix.indexOf("/") + 1) as AnswerKind, thing, topic: `${prefix}/${suffix}`, payload: encodeJson(body) };
	}

	#timestamp(): number { return Math.floor(this.#context.wall() / 1000); }
}

function placeOf(thing: string, name: string | undefined): Place | undefined {
	if (!THING_NAME.test(thing) || (name !== undefined && !SHADOW_NAME.test(name))) return undefined;
	return { thing, name, prefix: prefixOf(thing, name) };
}

function prefixOf(thing: string, name: string | undefined): string {
	return `$aws/things/${thing}/shadow${name === undefined ? "" : `/name/${name}`}`;
}

/** Of the sections that an update says something about. */
function stampedSections(patch: Patch, timestamp: number): object {
	const { desired, reported } = patch;
	return { desired: desired ? stamped(desired, timestamp) : undefined, reported: reported ? stamped(reported, timestamp) : undefined };
}

function checkVersion({ version }: ShadowRequest, current: number): void {
	if (version !== undefined && version !== current) throw new ShadowError(409, "Version conflict");
}

/** For a refusal that does not look at the request otherwise. */
function readToken(payload: Uint8Array, limits: AwsShadowLimits, onToken: (token: string) => void): void {
	try {
		readRequest(payload, limits, onToken);
	} catch (error) {
		if (!(error instanceof ShadowError)) throw error;
	}
}

function errorCodeOf({ code }: ShadowError): "argument" | "version" | "too-large" | "state" | "full" {
	switch (code) {
		case 400: return "argument";
		case 409: return "version";
		case 413: return "too-large";
		case 500: return "full";
		default: return "state";
	}
}
