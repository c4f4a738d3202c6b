// SPDX-License-Identifier: Apache-2.0
/**
 * The cloud's side of the device shadows: documents with what is desired and what the device reported.
 *
 * Pure. The wire format is in `docs/private-cloud.md`. In short, below `moorline/<id>/shadow/`, or below
 * `moorline/<id>/shadow/name/<name>/` for the shadows that have a name, at QoS 1:
 *
 * | topic      | direction       | message                                                                   |
 * |------------|-----------------|---------------------------------------------------------------------------|
 * | `get`      | to cloud        | `{"token"}`                                                               |
 * | `report`   | to cloud        | `{"token","reported"?,"desired"?,"version"?}`: RFC 7396 patches           |
 * | `delete`   | to cloud        | `{"token","version"?}`                                                    |
 * | `document` | cloud → device  | `{"token"?,"version","desired","reported","metadata"?}`, also retained    |
 * | `delta`    | cloud → device  | `{"version","delta","metadata"?}`, after a change while anything differs  |
 * | `accepted` | cloud → device  | `{"token","version"}`                                                     |
 * | `rejected` | cloud → device  | `{"token","code","message"}`                                              |
 * | `deleted`  | cloud → device  | `{"token"?,"version"}`                                                    |
 */
import { DeviceError } from "../../../src/base/error.js";
import type { Task } from "../broker/agenda.js";
import type { CloudChannel } from "../channel.js";
import type { Patches, SectionName, ShadowDocument, ShadowLimits, StoredDocument } from "./document.js";
import { DEFAULT_SHADOW_LIMITS, NO_DOCUMENT, timesOf, updated } from "./document.js";
import { encode } from "./formats.js";
import { Gatherer } from "./gatherer.js";
import type { JsonObject } from "./json.js";
import { deltaOf, encodeJson, isObject, parseJson } from "./json.js";
import { MannersBook } from "./manners.js";
import { isDeviceId } from "./registry.js";
import { Rejection } from "./rejection.js";
import { member, readMessage, tokenOf, versionOf } from "./request.js";

export type { ShadowDocument, ShadowLimits } from "./document.js";

/** A document with its place. */
export interface StoredShadow extends StoredDocument {
	readonly id: string;
	/** "" for the device's own shadow. */
	readonly name: string;
}

/** Where documents outlive the cloud. */
export interface ShadowStore {
	load(): Iterable<StoredShadow>;
	/** Called before anybody is told of the change; what it throws refuses the change. */
	save(shadow: StoredShadow): void;
}

export interface ShadowServiceOptions {
	limits?: Partial<ShadowLimits> | undefined;
	/** The wall clock in ms since 1970, for when something was desired. Default: it was always 1970. */
	wall?: (() => number) | undefined;
	/** Default: documents end with the service. */
	store?: ShadowStore | undefined;
}

export type ShadowChange = SectionName | "deleted";

const VERBS = Object.freeze(["get", "report", "delete"] as const);
type Verb = typeof VERBS[number];

const SHADOW_NAME = /^[$a-zA-Z0-9:_-]{1,64}$/;
const PLACE = /^[^/]+\/shadow\/(name\/[$a-zA-Z0-9:_-]{1,64}\/)?$/;
/** A payload this many times the size of a document is refused without being parsed. */
const ENVELOPE_FACTOR = 4;
const NOTHING = new Uint8Array(0);

/** True for what can be the name of a shadow, beside the device's own. */
export function isShadowName(name: string): boolean {
	return SHADOW_NAME.test(name);
}

export class ShadowService implements Task {
	/** Runs after each accepted update, once for each section, with a copy of the document. */
	onChanged: ((id: string, document: ShadowDocument, changed: ShadowChange, name: string) => void) | undefined;
	/** How devices want to be spoken to. */
	readonly manners: MannersBook;
	readonly #limits: ShadowLimits;
	readonly #wall: () => number;
	readonly #store: ShadowStore | undefined;
	readonly #channels: CloudChannel[] = [];
	/** By the part of the topic that names them. */
	readonly #shadows = new Map<string, StoredShadow>();
	readonly #gatherer: Gatherer;

	constructor({ limits, wall = () => 0, store }: ShadowServiceOptions = {}) {
		this.#limits = { ...DEFAULT_SHADOW_LIMITS, ...limits };
		this.#wall = wall;
		this.#store = store;
		this.manners = new MannersBook(id => { this.#repeat(id); });
		this.#gatherer = new Gatherer(place => { this.#retain(place); });
		for (const shadow of store?.load() ?? []) this.#shadows.set(placeOf(shadow.id, shadow.name), shadow);
	}

	/** Monotonic ms at which `expire` has something to do; 0: at once. */
	get deadline(): number { return this.#gatherer.deadline; }

	/** Told when the deadline has become earlier. */
	set onDue(onDue: () => void) { this.#gatherer.onDue = onDue; }

	/** Publishes the documents that have changed: retained, so that a device finds them when there is no cloud. */
	expire(now: number): void { this.#gatherer.expire(now); }

	/**
	 * Serves the devices of one broker, and gives it all documents to retain. Deltas go to every broker attached, as it
	 * is not known where a device will come.
	 */
	attach(channel: CloudChannel): void {
		this.#channels.push(channel);
		this.manners.watch(channel);
		for (const verb of VERBS) {
			for (const filter of [`moorline/+/shadow/${verb}`, `moorline/+/shadow/name/+/${verb}`]) {
				channel.subscribe(filter, (topic, payload, retain) => {
					const place = topic.slice("moorline/".length, -verb.length);
					// A retained request is from the past; applying it again would undo what came after it.
					if (!retain && PLACE.test(place) && isDeviceId(place.split("/")[0]!)) this.#answer(channel, place, verb, payload);
				});
			}
		}
		channel.watch?.(() => { this.#repeat(); });
		this.#repeat();
	}

	/** Devices that have a document. */
	ids(): string[] { return [...new Set(this.#all().map(({ id }) => id))]; }

	/** The shadows of a device: "" for its own. */
	names(id: string): string[] { return this.#all().filter(shadow => shadow.id === id).map(({ name }) => name); }

	/** A copy; empty for a shadow that has no document, and then with the version of the last one or 0. */
	get(id: string, name = ""): ShadowDocument {
		const { version, desired, reported } = this.#shadow(placeOf(id, name));
		return JSON.parse(JSON.stringify({ version, desired, reported })) as ShadowDocument;
	}

	/** What `desired` has and `reported` lacks or has different; empty when the device is in sync. */
	delta(id: string, name = ""): JsonObject {
		const { desired, reported } = this.get(id, name);
		return JSON.parse(JSON.stringify(deltaOf(desired, reported))) as JsonObject;
	}

	/**
	 * Changes what is desired and tells the device.
	 * @param patch RFC 7396: null deletes a member, an array is replaced whole
	 * @returns the new version
	 * @throws DeviceError `argument` when the patch is no JSON object or too deep, `too-large`, `full`
	 */
	desire(id: string, patch: JsonObject, name = ""): number {
		const place = checkedPlace(id, name);
		try {
			// Through bytes, so that what a program passes is held to what a message could carry.
			this.#update(place, { desired: isObject(patch) ? parseJson(encodeJson(patch)) : patch ?? null });
		} catch (error) {
			throw new DeviceError(errorCodeOf(error), `cannot change desired: ${error instanceof Error ? error.message : ""}`, { cause: error });
		}
		this.#sendDelta(place);
		this.#changed(place, ["desired"]);
		return this.#shadow(place).version;
	}

	/** Forgets a document, and tells the device; the next one goes on counting versions. */
	delete(id: string, name = ""): void {
		const place = checkedPlace(id, name);
		if (this.#shadow(place).deleted) return;
		this.#delete(place);
		for (const channel of this.#channels) this.#send(channel, place, "deleted", { version: this.#shadow(place).version });
		this.#changed(place, ["deleted"]);
	}

	#answer(channel: CloudChannel, place: string, verb: Verb, payload: Uint8Array): void {
		let token: string | undefined;
		let changes: readonly ShadowChange[];
		try {
			const request = readMessage(payload, this.#limits.documentMaximum * ENVELOPE_FACTOR);
			token = tokenOf(request, this.#limits.tokenMaximum);
			changes = this.#perform(channel, place, verb, request, token);
		} catch (error) {
			const rejection = error instanceof Rejection ? error : new Rejection(500, "internal error");
			this.#send(channel, place, "rejected", { token, code: rejection.code, message: rejection.message });
			if (rejection !== error) throw error;
			return;
		}
		this.#changed(place, changes);
	}

	/** @returns what was changed. @throws Rejection */
	#perform(channel: CloudChannel, place: string, verb: Verb, request: JsonObject, token: string | undefined): readonly ShadowChange[] {
		if (verb === "get") {
			this.#send(channel, place, "document", { token, ...this.#described(place) });
			return [];
		}
		const { version, deleted } = this.#shadow(place), expected = versionOf(request);
		if (verb === "delete" && deleted) throw new Rejection(404, "there is no document");
		if (expected !== undefined && expected !== version) throw new Rejection(409, `version is ${version}`);
		if (verb === "delete") {
			this.#delete(place);
			this.#send(channel, place, "deleted", { token, version: version + 1 });
			return ["deleted"];
		}
		const patches: Patches = { desired: member(request, "desired"), reported: member(request, "reported") };
		this.#update(place, patches);
		this.#send(channel, place, "accepted", { token, version: version + 1 });
		this.#sendDelta(place);
		return (["desired", "reported"] as const).filter(section => patches[section] !== undefined);
	}

	/** @throws Rejection */
	#update(place: string, patches: Patches): void {
		if (!this.#shadows.has(place) && this.#shadows.size >= this.#limits.documentCountMaximum) throw new Rejection(500, "no room for another document");
		const shadow = this.#shadow(place);
		this.#keep({ ...shadow, ...updated(shadow, patches, Math.floor(this.#wall() / 1000), this.#limits) });
	}

	#delete(place: string): void {
		const shadow = this.#shadow(place);
		this.#keep({ ...shadow, ...NO_DOCUMENT, version: shadow.version + 1 });
	}

	#keep(shadow: StoredShadow): void {
		this.#store?.save(shadow);
		const place = placeOf(shadow.id, shadow.name);
		this.#shadows.set(place, shadow);
		this.#gatherer.add(place);
	}

	#sendDelta(place: string): void {
		const { id, version, desired, reported, times } = this.#shadow(place);
		const delta = deltaOf(desired, reported);
		if (Object.keys(delta).length === 0) return;
		const metadata = this.manners.of(id).times ? timesOf(times, delta) : undefined;
		for (const channel of this.#channels) this.#send(channel, place, "delta", { version, delta, metadata });
	}

	/** The broker may not have the documents, or not as they are wanted. */
	#repeat(id?: string): void {
		for (const [place, shadow] of this.#shadows) if (id === undefined || shadow.id === id) this.#gatherer.add(place);
	}

	#retain(place: string): void {
		const { id, deleted } = this.#shadow(place);
		const payload = deleted ? NOTHING : encode(this.manners.of(id).format, this.#described(place));
		for (const channel of this.#channels) channel.publish(`moorline/${place}document`, payload, { qos: 1, retain: true });
	}

	#described(place: string): object {
		const { id, version, desired, reported, times } = this.#shadow(place);
		return { version, desired, reported, metadata: this.manners.of(id).times ? times : undefined };
	}

	#send(channel: CloudChannel, place: string, verb: string, message: object): void {
		const { format } = this.manners.of(this.#shadow(place).id);
		channel.publish(`moorline/${place}${verb}`, encode(format, message), { qos: 1 });
	}

	#changed(place: string, changes: readonly ShadowChange[]): void {
		const { id, name } = this.#shadow(place);
		for (const changed of changes) this.onChanged?.(id, this.get(id, name), changed, name);
	}

	#shadow(place: string): StoredShadow {
		const known = this.#shadows.get(place);
		if (known) return known;
		const [id = "", , , name = ""] = place.split("/");
		return { ...NO_DOCUMENT, id, name };
	}

	#all(): StoredShadow[] { return [...this.#shadows.values()].filter(({ deleted }) => !deleted); }
}

/** What stands between `moorline/` and the verb. */
function placeOf(id: string, name: string): string {
	return `${id}/shadow/${name === "" ? "" : `name/${name}/`}`;
}

/** @throws DeviceError `argument` */
function checkedPlace(id: string, name: string): string {
	if (!isDeviceId(id)) throw new DeviceError("argument", `"${id}" is not a device id`);
	if (name !== "" && !isShadowName(name)) throw new DeviceError("argument", `"${name}" is not a shadow's name`);
	return placeOf(id, name);
}

function errorCodeOf(error: unknown): "argument" | "too-large" | "full" | "internal" {
	if (error instanceof RangeError || error instanceof TypeError || error instanceof SyntaxError) return "argument";
	if (!(error instanceof Rejection)) return "internal";
	return error.code === 413 ? "too-large" : error.code === 500 ? "full" : "argument";
}
