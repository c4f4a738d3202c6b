// SPDX-License-Identifier: Apache-2.0
/**
 * Topic aliases of one connection, one table for each direction. Pure. Spec: MQTT 5 §3.3.2.3.4.
 */
import { REASON, violation } from "./reasons.js";

/** What the client uses. */
export class IncomingAliases {
	readonly #maximum: number;
	readonly #topics = new Map<number, string>();

	constructor(maximum: number) {
		this.#maximum = maximum;
	}

	/** The topic that a PUBLISH means. @throws DeviceError `violation` */
	resolve(topic: string, alias: number | undefined): string {
		if (alias === undefined) return topic;
		if (alias > this.#maximum) throw violation(`topic alias ${alias}, allowed up to ${this.#maximum}`, REASON.topicAliasInvalid);
		if (topic !== "") {
			this.#topics.set(alias, topic);
			return topic;
		}
		const known = this.#topics.get(alias);
		if (known === undefined) throw violation(`topic alias ${alias} was never set`);
		return known;
	}
}

/** What the broker uses: the first topics get an alias each, later ones go without. */
export class OutgoingAliases {
	readonly #maximum: number;
	readonly #aliases = new Map<string, number>();

	constructor(maximum: number) {
		this.#maximum = maximum;
	}

	/** @returns what goes into the PUBLISH; call `keep` once it is sent */
	encode(topic: string): { topic: string; alias: number | undefined } {
		const known = this.#aliases.get(topic);
		if (known !== undefined) return { topic: "", alias: known };
		return { topic, alias: this.#aliases.size < this.#maximum ? this.#aliases.size + 1 : undefined };
	}

	keep(topic: string, alias: number | undefined): void {
		if (alias !== undefined) this.#aliases.set(topic, alias);
	}
}
