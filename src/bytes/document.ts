// SPDX-License-Identifier: Apache-2.0
/**
 * Puts a foreign document together: objects and arrays without recursion, to a limit of depth, of the members that a
 * `Vocabulary` admits.
 */
import { DeviceError } from "../base/error.js";
import type { TextCodec } from "../host.js";
import { Reader } from "./reader.js";
import { put, type JSONObject, type JSONValue } from "./value.js";
import type { Vocabulary } from "./vocabulary.js";

/** Levels of objects and arrays within each other. */
export const DEPTH_MAXIMUM = 16;

export class DocumentReader extends Reader {
	/** Levels that are open, those of members that are left out included. */
	protected depth = 0;
	/** The level of the object whose member is being left out; 0: none is. */
	protected leftOut = 0;
	/** What has been read: good when all of it is. */
	protected document: JSONValue | undefined;
	readonly #vocabulary: Vocabulary;
	/** What is open and kept, outermost first. Each stands where it belongs from the beginning. */
	readonly #open: (JSONValue[] | JSONObject)[] = [];
	/** Of the member whose value is next. */
	#name = "";
	/** Bit n says that level n is an object. */
	#objects = 0;

	constructor(text: TextCodec, vocabulary: Vocabulary) {
		super(text);
		this.#vocabulary = vocabulary;
	}

	/** Whether the innermost that is open is an object. */
	protected get inObject(): boolean {
		return (this.#objects >> this.depth & 1) !== 0;
	}

	/** Opens an object, or an array. @throws DeviceError as `keep`; `too-large` beyond `DEPTH_MAXIMUM` */
	protected enter(isObject: boolean): void {
		if (this.depth === DEPTH_MAXIMUM) throw new DeviceError("too-large", `more than ${DEPTH_MAXIMUM} levels`);
		if (this.leftOut === 0) {
			const container: JSONValue[] | JSONObject = isObject ? {} : [];
			this.keep(container);
			this.#open.push(container);
		}
		const level = 1 << ++this.depth;
		if (isObject) this.#objects |= level;
		else this.#objects &= ~level;
	}

	/** Closes the innermost. */
	protected leave(): void {
		const depth = --this.depth;
		if (this.leftOut === 0) this.#open.pop();
		else if (this.leftOut === depth) this.leftOut = 0;
	}

	/** Names the next value's member; if that is not to be kept, what follows is left out until its value ends. */
	protected name(name: string): void {
		if (this.#vocabulary.admits(name)) this.#name = name;
		else this.leftOut = this.depth;
	}

	/** Puts a value where it belongs. @throws DeviceError `malformed` for a second member of one name */
	protected keep(value: JSONValue): void {
		const depth = this.depth;
		if (this.leftOut > 0) {
			if (this.leftOut === depth) this.leftOut = 0;
			return;
		}
		if (depth === 0) {
			this.document = value;
			return;
		}
		const into = this.#open[depth - 1]!;
		if (Array.isArray(into)) {
			into.push(value);
			return;
		}
		const name = this.#name;
		if (!(name in into)) into[name] = value;
		else if (Object.hasOwn(into, name)) throw new DeviceError("malformed", "two members of one name");
		else put(into, name, value);
	}
}
