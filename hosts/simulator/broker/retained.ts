// SPDX-License-Identifier: Apache-2.0
/**
 * The last retained message of each topic. Pure. Spec: MQTT 3.1.1 and 5, §3.3.1.3.
 */
import type { Message } from "./message.js";
import { isExpired } from "./message.js";
import type { BrokerLimits } from "./limits.js";
import { matches } from "./topics.js";

export class Retained {
	readonly #limits: Pick<BrokerLimits, "retainedMaximum" | "retainedForWildcards" | "hashIncludesParent">;
	readonly #messages = new Map<string, Message>();

	constructor(limits: Pick<BrokerLimits, "retainedMaximum" | "retainedForWildcards" | "hashIncludesParent">) {
		this.#limits = limits;
	}

	get size(): number { return this.#messages.size; }

	/** @returns false when the store is full and the topic is new to it */
	keep(message: Message, now: number): boolean {
		if (message.payload.byteLength === 0) {
			this.#messages.delete(message.topic);
			return true;
		}
		const { retainedMaximum } = this.#limits;
		if (this.#messages.size >= retainedMaximum && !this.#messages.has(message.topic)) this.#forgetExpired(now);
		if (this.#messages.size >= retainedMaximum && !this.#messages.has(message.topic)) return false;
		this.#messages.set(message.topic, message);
		return true;
	}

	clear(): void { this.#messages.clear(); }

	matching(filter: string, now: number): Message[] {
		if (!filter.includes("+") && !filter.includes("#")) {
			const message = this.#messages.get(filter);
			return message && !isExpired(message, now) ? [message] : [];
		}
		const { retainedForWildcards, hashIncludesParent } = this.#limits;
		if (!retainedForWildcards) return [];
		const found: Message[] = [];
		for (const message of this.#messages.values()) {
			if (matches(filter, message.topic, hashIncludesParent) && !isExpired(message, now)) found.push(message);
		}
		return found;
	}

	#forgetExpired(now: number): void {
		for (const [topic, message] of this.#messages) if (isExpired(message, now)) this.#messages.delete(topic);
	}
}
