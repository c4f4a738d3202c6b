// SPDX-License-Identifier: Apache-2.0
/**
 * A shadow in LightDB state, which is a tree of values without versions: below `.d/`, or `.d/<name>/` for a named one,
 *
 * | path                | method       | value                                                              |
 * |---------------------|--------------|--------------------------------------------------------------------|
 * | `desired`           | GET, observe | what is desired, all of it                                         |
 * | `reported`          | GET          | what is reported, all of it                                        |
 * | `reported/<member>` | POST         | one member, where only that changed; otherwise all at `reported`   |
 * | `reported/<path>`   | DELETE       | what is not there any more                                         |
 *
 * and `desired` as `reported`, for fields with a rule. The versions are this device's own: they count the changes that
 * it saw. So nothing fences an update, and one that needs several requests is seen in parts: what is desired at the
 * very moment at which the device changes the same member is lost, and a sum may be counted twice when the power fails
 * then.
 */
import { DeviceError } from "../../base/error.js";
import { isEqual } from "../../bytes/word.js";
import { Vocabulary } from "../../bytes/vocabulary.js";
import { classOf, Code, codeText } from "../../coap/constants.js";
import type { Cancelable, RequestOptions, Response } from "../../coap/request.js";
import { applyPatch, covers, isObject, type JSONObject, type JSONValue } from "../../shadow/document.js";
import { checkUpdate, type Held, type Limits } from "../../shadow/limits.js";
import type { Shadow, ShadowPort, ShadowUpdate } from "../../shadow/shadow.js";
import type { Asker, Watcher, Translation } from "../coap.js";
import type { GoliothConnection } from "./connection.js";
import { contentFormatOf, decodeObject, encodeValue, isThere, refusalOf } from "./messages.js";

const LIMITS: Limits = Object.freeze({ documentMaximum: 8_192, depthMaximum: 7 });

/** Names of the two parts of a shadow. */
export interface Sections {
	readonly desired: string;
	readonly reported: string;
}

export class GoliothShadow implements Translation, ShadowPort, Asker, Watcher {
	readonly #connection: GoliothConnection;
	readonly #shadow: Shadow;
	readonly #desiredPath: string;
	readonly #reportedPath: string;
	readonly #vocabulary: Vocabulary;
	#watch: Cancelable | undefined;
	#asked: Cancelable | undefined;
	/** What is desired, as it came on this connection. */
	#desired: Uint8Array | undefined;
	/** What is reported, while what is desired is asked for. */
	#reported: JSONObject | undefined;
	/** Token of the document that was asked for, "" for none; and whether there was one on this connection. */
	#fetching = "";
	#fetched = false;
	/** Requests that are left of an update; the last one is under way. And whether it holds for one version alone. */
	#steps: RequestOptions[] = [];
	#isFenced = false;

	/** @param prefix of its paths */
	constructor(connection: GoliothConnection, prefix: string, { desired, reported }: Sections, shadow: Shadow) {
		this.#connection = connection;
		this.#shadow = shadow;
		this.#desiredPath = prefix + desired;
		this.#reportedPath = prefix + reported;
		this.#vocabulary = new Vocabulary(shadow.names, shadow.spare);
	}

	connected(): void {
		this.#watch = this.#connection.watch(this.reading(this.#desiredPath), this);
		this.#shadow.connected(this);
	}

	disconnected(): void {
		this.#watch?.cancel();
		this.#asked?.cancel();
		this.#watch = this.#asked = this.#desired = this.#reported = undefined;
		this.#steps = [];
		this.#fetching = "";
		this.#fetched = false;
		this.#shadow.disconnected();
	}

	get(token: string): boolean {
		this.#reported = undefined;
		this.#steps = [];
		this.#fetching = token;
		return this.say(token, this.reading(this.#reportedPath));
	}

	update(token: string, { reported, desired, version }: ShadowUpdate, held: Held): boolean {
		checkUpdate(this.#connection.host.text, LIMITS, held, reported, desired);
		const steps: RequestOptions[] = [];
		if (reported !== undefined) this.addSteps(steps, this.#reportedPath, held.reported, reported);
		// Done first: if it stays at that, the device's change is still seen to be one. A report alone would not be.
		if (desired !== undefined) this.addSteps(steps, this.#desiredPath, held.desired, desired);
		this.#fetching = "";
		this.#steps = steps;
		this.#isFenced = version !== undefined;
		return this.proceed(token);
	}

	onUnanswered(): void {
		this.#asked = undefined;
	}

	onAnswer(token: string, response: Response, now: number): void {
		this.#asked = undefined;
		const { code } = response;
		if (this.#fetching === "") {
			if (classOf(code) !== 2) return this.refuse(token, code, now);
			this.#steps.pop();
			if (this.#steps.length > 0) this.proceed(token);
			else this.#shadow.accepted(token, this.#shadow.version + 1);
		} else if (!isThere(response)) {
			this.refuse(token, code, now);
		} else {
			this.take(token, response);
		}
	}

	/** What is desired is another than before, or the same once more. */
	onChange({ payload }: Response): void {
		const former = this.#desired;
		if (former !== undefined && isEqual(former, payload)) return;
		const desired = this.decode(payload);
		this.#desired = payload.slice();
		if (this.#fetching !== "" || !this.#fetched || former === undefined) return;
		// What is desired no more, no delta tells, and what comes while the device changes it may be anybody's: a gap
		// makes the shadow ask.
		const isGap = (this.#steps.length > 0 && this.#isFenced) || !covers(desired, this.decode(former));
		this.#shadow.delta(this.#shadow.version + (isGap ? 2 : 1), desired);
	}

	/** A part of the document that was asked for. */
	private take(token: string, { code, payload }: Response): void {
		const bytes = code === Code.NOT_FOUND ? payload.subarray(0, 0) : payload;
		if (this.#reported === undefined) {
			this.#reported = this.decode(bytes);
			// As a rule the observation was quicker.
			if (this.#desired === undefined) {
				this.say(token, this.reading(this.#desiredPath));
				return;
			}
		} else {
			this.#desired ??= bytes.slice();
		}
		const desired = this.decode(this.#desired!);
		const reported = this.#reported;
		this.#reported = undefined;
		this.#fetching = "";
		this.#fetched = true;
		this.#shadow.document(token, this.#shadow.version + 1, desired, reported);
	}

	private refuse(token: string, code: number, now: number): void {
		this.#fetching = "";
		this.#steps = [];
		this.#shadow.rejected(token, refusalOf(code), code, codeText(code), now);
	}

	/** Asks for what is next of an update. */
	private proceed(token: string): boolean {
		return this.say(token, this.#steps.at(-1)!);
	}

	private say(token: string, request: RequestOptions): boolean {
		this.#asked?.cancel();
		this.#asked = this.#connection.ask(token, request, this);
		return this.#asked !== undefined;
	}

	/**
	 * What makes `path`, where `held` is, what it becomes by `patch`; last steps first.
	 * @throws DeviceError `unsupported`
	 */
	private addSteps(steps: RequestOptions[], path: string, held: JSONObject, patch: JSONObject): void {
		const document = applyPatch(applyPatch({}, held), patch);
		const members = Object.keys(patch).filter((member) => patch[member] !== null);
		for (const deleted of deletions(path, patch)) steps.push({ code: Code.DELETE, path: deleted });
		const [first] = members;
		// A patch of deletions within an object may leave none of it.
		const isOne = members.length === 1 && isSegment(first!) && document[first!] !== undefined;
		if (isOne) steps.push(this.writing(`${path}/${first}`, document[first!]!));
		else if (members.length > 0 || Object.keys(patch).length === 0) steps.push(this.writing(path, document));
	}

	private writing(path: string, value: JSONValue): RequestOptions {
		const { format, host } = this.#connection;
		const payload = encodeValue(host.text, format, value);
		return { code: Code.POST, path, contentFormat: contentFormatOf(format), payload };
	}

	private reading(path: string): RequestOptions {
		return { code: Code.GET, path, accept: contentFormatOf(this.#connection.format) };
	}

	private decode(bytes: Uint8Array): JSONObject {
		return decodeObject(this.#connection.host.text, bytes, this.#vocabulary);
	}
}

/** Paths of what `patch` deletes. @throws DeviceError `unsupported` for a name that no path can have */
function deletions(path: string, patch: JSONObject): string[] {
	const deleted: string[] = [];
	const paths = [path];
	const patches = [patch];
	for (let from = patches.pop(); from !== undefined; from = patches.pop()) {
		const parent = paths.pop()!;
		for (const member of Object.keys(from)) {
			const value = from[member]!;
			if (value !== null && !isObject(value)) continue;
			const inner = `${parent}/${member}`;
			if (isObject(value)) {
				paths.push(inner);
				patches.push(value);
				continue;
			}
			if (!isSegment(member)) throw new DeviceError("unsupported", `"${member}" cannot be part of a path`);
			deleted.push(inner);
		}
	}
	return deleted;
}

function isSegment(name: string): boolean {
	return name !== "" && !name.includes("/");
}
