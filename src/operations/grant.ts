// SPDX-License-Identifier: Apache-2.0
/**
 * Leave to evaluate code, for a while: signed, at most an hour, and gone with a reset.
 *
 * What evaluates is no part of this: a program that is to have it imports `moorline/development`. Without that there
 * are neither of these commands.
 */
import type { Clocks } from "../host.js";
import { model, number, string } from "../shadow/model.js";
import { Reason, type Call, type CommandTable } from "./declared.js";

/** What evaluates code: from `moorline/development`. */
export interface Evaluator {
	/** @returns the value of an expression. @throws whatever it throws */
	evaluate(code: string): unknown;
}

/** s, the longest that leave is given. */
export const GRANT_MAXIMUM = 3_600;
/** Characters of a value that are told. */
const VALUE_MAXIMUM = 1_024;
const GRANT = model({ seconds: number() });
const EVALUATE = model({ code: string() });

export class Grant {
	/** Both commands: nothing of them is done unsigned. */
	readonly commands: CommandTable;
	readonly #time: Clocks;
	readonly #evaluator: Evaluator;
	/** Monotonic ms. */
	#until = -Infinity;

	constructor(time: Clocks, evaluator: Evaluator) {
		this.#time = time;
		this.#evaluator = evaluator;
		this.commands = Object.freeze({
			grant: { signed: true, parameters: GRANT, handler: (call: Call<typeof GRANT>) => this.grant(call) },
			evaluate: {
				signed: true, parameters: EVALUATE, handler: (call: Call<typeof EVALUATE>) => this.evaluate(call),
			},
		});
	}

	private grant(call: Call<typeof GRANT>): void {
		const { seconds } = call.parameters;
		if (!(seconds >= 0 && seconds <= GRANT_MAXIMUM)) {
			return call.reject(Reason.BAD_PARAMETERS, `seconds is not within 0 to ${GRANT_MAXIMUM}`);
		}
		this.#until = this.#time.now() + seconds * 1_000;
		call.succeed();
	}

	private evaluate(call: Call<typeof EVALUATE>): void {
		if (!(this.#time.now() < this.#until)) return call.reject(Reason.NOT_GRANTED);
		const value = this.#evaluator.evaluate(call.parameters.code);
		call.succeed({ value: textOf(value) });
	}
}

function textOf(value: unknown): string {
	const text = typeof value === "string" ? value : JSON.stringify(value) ?? String(value);
	return text.slice(0, VALUE_MAXIMUM);
}
