// SPDX-License-Identifier: Apache-2.0
/** A shadow alone, whose answers the test gives; connected, with a document of version 5. */
import type { JSONObject } from "../../../src/bytes/value.js";
import { model, number, type Rule } from "../../../src/shadow/model.js";
import { Shadow, type ShadowPort, type ShadowUpdate } from "../../../src/shadow/shadow.js";

export class Alone {
	now = 1_000;
	lines: string[] = [];
	told: JSONObject[] = [];
	updates: ShadowUpdate[] = [];
	failure: ((update: ShadowUpdate) => Error | undefined) | undefined;
	readonly shadow: Shadow;
	#tokens = 0;

	constructor(rule?: Rule, desired: JSONObject = {}, reported: JSONObject = {}) {
		const field = number({ merge: rule });
		this.shadow = new Shadow({
			onDelta: (delta, version) => {
				this.told.push(delta);
				this.lines.push(`delta ${version} ${JSON.stringify(delta)}`);
			},
			onSync: (version) => this.lines.push(`sync ${version}`),
			onError: ({ code }) => this.lines.push(`error ${code}`),
		}, rule === undefined ? {} : { model: model({ n: field, m: field, x: number() }) });
		this.shadow.connected(this.#port);
		this.turn(() => {});
		this.document(5, desired, reported);
		this.lines = [];
	}

	readonly #port: ShadowPort = {
		get: () => {
			this.#tokens++;
			this.lines.push("get");
			return true;
		},
		update: (_, update) => {
			const failure = this.failure?.(update);
			if (failure !== undefined) throw failure;
			this.#tokens++;
			this.updates.push(update);
			this.lines.push(`update ${JSON.stringify(update)}`);
			return true;
		},
	};

	get token(): string {
		return String(this.#tokens);
	}

	turn(step: (shadow: Shadow) => void): string[] {
		step(this.shadow);
		for (let count = 0; this.shadow.deadline <= this.now; count++) {
			if (count > 50) throw new Error("due for ever");
			this.shadow.expire(this.now);
		}
		return this.lines.splice(0);
	}

	document(version: number, desired: JSONObject, reported: JSONObject): string[] {
		return this.turn((shadow) => shadow.document(this.token, version, desired, reported));
	}

	delta(version: number, delta: JSONObject): string[] {
		return this.turn((shadow) => shadow.delta(version, delta));
	}

	accepted(version: number): string[] {
		return this.turn((shadow) => shadow.accepted(this.token, version));
	}

	report(patch: JSONObject): string[] {
		return this.turn((shadow) => shadow.report(patch, 1));
	}
}
