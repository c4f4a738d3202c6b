// SPDX-License-Identifier: Apache-2.0
/** Makes a build wrong on purpose, for as long as a trial of it lasts. */

export type Method = (...values: never[]) => unknown;

/** What replaces a member: methods are made of the right one. */
export interface Tampering {
	prototype: object;
	name: string;
	/** In place of a method. */
	method?: (right: Method) => Method;
	/** In place of a getter. */
	get?: () => unknown;
}

/** Runs `trial` while all of these are wrong. */
export function wrongly<Result>(tamperings: readonly Tampering[], trial: () => Result): Result {
	const undo: (() => void)[] = [];
	try {
		for (const { prototype, name, method, get } of tamperings) {
			const right = Object.getOwnPropertyDescriptor(prototype, name);
			if (right === undefined) throw new TypeError(`there is no "${name}" to make wrong`);
			Object.defineProperty(prototype, name, get === undefined ? { ...right, value: method!(right.value as Method) } : { ...right, get });
			undo.unshift(() => Object.defineProperty(prototype, name, right));
		}
		return trial();
	} finally {
		for (const restore of undo) restore();
	}
}
