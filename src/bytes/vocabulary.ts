// SPDX-License-Identifier: Apache-2.0
/**
 * The names that members of foreign documents may have.
 *
 * On XS each property name that was ever used, if only to look something up, is a key that is never freed, and with
 * some ten thousands of them the machine ends. So a name out of a document becomes a property only when it is known
 * here; until then it is compared and kept as a string, of which none stays behind.
 */
import { DeviceError } from "../base/error.js";

/** Characters of a name that is learned: its memory is gone for good. */
export const NAME_MAXIMUM = 128;

export class Vocabulary {
	readonly names: readonly string[];
	readonly #spare: number;
	/** Names of strangers. A Set makes no keys of them. */
	#learned: Set<string> | undefined;

	/**
	 * @param names known beforehand, as a rule a frozen constant; not copied
	 * @param spare how many other names may be learned, in all; 0: members of other names are left out
	 */
	constructor(names: readonly string[], spare = 0) {
		this.names = names;
		this.#spare = spare;
	}

	/**
	 * Whether a member of this name becomes a property; a name that is learned counts from now on, even if the rest of
	 * the document is refused.
	 * @throws DeviceError `malformed` for `__proto__`, which would change what an object inherits; `too-large` when one
	 * name more than `spare` were to be learned, or one of more than `NAME_MAXIMUM` characters
	 */
	admits(name: string): boolean {
		return this.find(name) >= 0;
	}

	/**
	 * As `admits`, for whoever looks at `names` first: many documents have theirs in the same order.
	 * @returns the index behind the name in `names`, 0 for one that is learned, -1 for one that is not admitted
	 */
	find(name: string): number {
		if (name === "__proto__") throw new DeviceError("malformed", "a document cannot have a member __proto__");
		const index = this.names.indexOf(name);
		if (index >= 0) return index + 1;
		return this.learns(name) ? 0 : -1;
	}

	private learns(name: string): boolean {
		const spare = this.#spare;
		if (spare === 0) return false;
		const learned = this.#learned ??= new Set();
		if (learned.has(name)) return true;
		if (learned.size >= spare) throw new DeviceError("too-large", `more than ${spare} names of members`);
		if (name.length > NAME_MAXIMUM) throw new DeviceError("too-large", `a name of ${name.length} characters`);
		learned.add(name);
		return true;
	}
}
