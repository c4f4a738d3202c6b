// SPDX-License-Identifier: Apache-2.0
/**
 * Basic Ingest: `$aws/rules/{rule}/{topic…}` goes to a rule and nowhere else.
 *
 * Pure. A rule that there is not takes messages as well, as the device cannot tell: here they are forgotten.
 */
import type { AwsMessage, AwsService } from "./service.js";

export interface Ingested {
	/** What the rule's `topic()` says: without the first three levels. */
	topic: string;
	payload: Uint8Array;
	clientId: string;
}

/** Messages kept of each rule; the oldest makes room. */
const KEPT_MAXIMUM = 100;

export class IngestService implements AwsService {
	readonly deadline = Infinity;
	/** Runs for each message to a rule that there is. */
	onMessage: ((rule: string, message: Ingested) => void) | undefined;
	readonly #rules: ReadonlyMap<string, { count: number; last: Ingested[] }>;
	#unknown = 0;

	/** @param rules the names of those that there are */
	constructor(rules: readonly string[]) {
		this.#rules = new Map(rules.map(name => [name, { count: 0, last: [] }]));
	}

	/** Messages to rules that there are not. */
	get unknown(): number { return this.#unknown; }

	/** Messages that a rule took. */
	count(rule: string): number {
		return this.#rules.get(rule)?.count ?? 0;
	}

	/** The last messages that a rule took, the newest last. */
	messages(rule: string): readonly Ingested[] {
		return [...this.#rules.get(rule)?.last ?? []];
	}

	receive({ levels, payload, clientId }: AwsMessage): boolean {
		const name = levels[2];
		if (levels[1] !== "rules" || name === undefined || name === "") return false;
		const rule = this.#rules.get(name);
		if (rule === undefined) {
			this.#unknown++;
			return true;
		}
		const message = { topic: levels.slice(3).join("/"), payload: Uint8Array.from(payload), clientId };
		rule.count++;
		rule.last = [...rule.last, message].slice(-KEPT_MAXIMUM);
		this.onMessage?.(name, message);
		return true;
	}

	expire(): void {
		// Nothing here waits.
	}
}
