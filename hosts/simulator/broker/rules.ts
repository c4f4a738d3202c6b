// SPDX-License-Identifier: Apache-2.0
/** Faults of one kind that are armed: each meets so many of the next events that fit. Pure. */
import { DeviceError } from "../../../src/base/error.js";

export interface FaultScope {
	/** How many events the fault meets. Default: all, until `clear`. */
	count?: number | undefined;
	/** Default: every client. */
	clientId?: string | undefined;
}

interface Rule<Value> { count: number; readonly clientId: string | undefined; readonly value: Value }

/** Faults of one kind that are armed, and actions that wait; one more is refused with `full`. */
export const RULES_MAXIMUM = 1_000;

export class Rules<Value> {
	readonly #rules: Rule<Value>[] = [];

	/** @throws DeviceError `argument`, `full` */
	arm(value: Value, { count = Infinity, clientId }: FaultScope): void {
		if (!(count > 0)) throw new DeviceError("argument", `cannot arm a fault for ${count} events`);
		if (this.#rules.length >= RULES_MAXIMUM) throw full();
		this.#rules.push({ count, clientId, value });
	}

	/** The first that is for this client and fits; it meets one event less from now on. */
	take(clientId: string | undefined, fits: (value: Value) => boolean = () => true): { readonly value: Value } | undefined {
		const index = this.#rules.findIndex(rule => (rule.clientId === undefined || rule.clientId === clientId) && fits(rule.value));
		const rule = this.#rules[index];
		if (!rule) return undefined;
		rule.count--;
		if (rule.count <= 0) this.#rules.splice(index, 1);
		return rule;
	}

	clear(): void { this.#rules.length = 0; }
}

export function full(): DeviceError {
	return new DeviceError("full", `cannot arm a fault: ${RULES_MAXIMUM} are armed already`);
}
