// SPDX-License-Identifier: Apache-2.0
/**
 * The module `moorline/development`: for builds that never leave the desk. Nothing else of the SDK evaluates code, and
 * nothing of it imports this; on Moddable it has a manifest of its own, so that it is in no other build.
 */
import type { Evaluator } from "../operations/grant.js";

export type { Evaluator } from "../operations/grant.js";

/**
 * What the option `development` of a device is.
 * @param scope what code finds, by its names
 */
export function evaluator(scope: Readonly<Record<string, unknown>> = {}): Evaluator {
	return new Scope(scope);
}

class Scope implements Evaluator {
	readonly #scope: Readonly<Record<string, unknown>>;

	constructor(scope: Readonly<Record<string, unknown>>) {
		this.#scope = scope;
	}

	evaluate(code: string): unknown {
		// An expression, in brackets of its own; on a line of its own, as it may end with a comment.
		const run = new Function(...Object.keys(this.#scope), `"use strict"; return (${code}\n);`);
		return run(...Object.values(this.#scope)) as unknown;
	}
}
