// SPDX-License-Identifier: Apache-2.0
/**
 * A value that is not to be seen by accident: whoever needs it says so, and everything else gets a word for it.
 *
 * It is none of the types that a field of a record has, so that the compiler refuses it there, and where types are
 * evaded, it is written as what it is called.
 */

/** Stands for the value wherever it would be shown. */
export const SECRET = "[secret]";

export class Secret<T> {
	readonly #value: T;

	constructor(value: T) {
		this.#value = value;
	}

	/** The value itself. */
	reveal(): T {
		return this.#value;
	}

	toString(): string {
		return SECRET;
	}

	toJSON(): string {
		return SECRET;
	}
}
