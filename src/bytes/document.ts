// SPDX-License-Identifier: Apache-2.0
/**
 * What readers of foreign documents have in common, whatever their format: objects and arrays are put together without
 * recursion, to a limit of depth, of the members that a `Vocabulary` admits.
 */
import { DeviceError } from "../base/error.js";
import type { TextCodec } from "../host.js";
import { Reader } from "./reader.js";
import { put } from "./value.js";
import type { Vocabulary } from "./vocabulary.js";

/** Levels of objects and arrays within each other. */
export const DEPTH_MAXIMUM = 16;

/** @typeParam Value what is in objects and arrays, these included */
export class DocumentReader<Value> extends Reader {
	/** Levels that are open, those of members that are left out included. */
	protected depth = 0;
	/** The level of the object whose member is being left out; 0: none is. */
	protected leftOut = 0;
	readonly #vocabulary: Vocabulary;
	/** What is open and kept, outermost first; and by level, the name of the member whose value is to come. */
	readonly #open: (Value[] | Record<string, Value>)[] = [];
	readonly #names: string[] = [];
	/** Bit n says that level n is an object. */
	#objects = 0;

	constructor(text: TextCodec, vocabulary: Vocabulary) {
		super(text);
		this.#vocabulary = vocabulary;
	}

	/** Opens an object, or an array. @throws DeviceError `too-large` beyond `DEPTH_MAXIMUM` */
	protected enter(isObject: boolean): void {
		const depth = ++this.depth;
		if (depth > DEPTH_MAXIMUM) throw new DeviceError("too-large", `more than ${DEPTH_MAXIMUM} levels`);
		if (isObject) this.#objects |= 1 << depth;
		else this.#objects &= ~(1 << depth);
		if (this.leftOut === 0) this.#open.push(isObject ? {} : []);
	}

	/** Closes the innermost. @returns it; `undefined` when it is left out */
	protected leave(): Value | undefined {
		this.depth--;
		return this.leftOut > 0 ? undefined : this.#open.pop() as Value;
	}

	/** Whether the innermost that is open is an object. */
	protected get inObject(): boolean {
		return (this.#objects >> this.depth & 1) !== 0;
	}

	/** Names the next value's member; if that is not to be kept, what follows is left out until its value ends. */
	protected name(name: string): void {
		if (this.#vocabulary.admits(name)) this.#names[this.depth] = name;
		else this.leftOut = this.depth;
	}

	/** A value of the innermost is there. @throws DeviceError `malformed` for a second member of one name */
	protected keep(value: Value): void {
		const { depth, leftOut } = this;
		if (leftOut > 0) {
			if (leftOut === depth) this.leftOut = 0;
			return;
		}
		const into = this.#open[depth - 1]!;
		if (Array.isArray(into)) {
			into.push(value);
		} else {
			const name = this.#names[depth]!;
			if (!(name in into)) into[name] = value;
			else if (Object.hasOwn(into, name)) throw new DeviceError("malformed", "two members of one name");
			else put(into, name, value);
		}
	}
}
