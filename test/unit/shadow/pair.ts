// SPDX-License-Identifier: Apache-2.0
/** A shadow and a cloud that answers at once, or not at all. */
import { ModelCloud, copy } from "../../simulation/shadow-cloud.js";
import { ShadowFlash } from "../../simulation/shadow-flash.js";
import type { JSONObject } from "../../../src/bytes/value.js";
import type { Model } from "../../../src/shadow/model.js";
import { Shadow, type ShadowPort } from "../../../src/shadow/shadow.js";
import { StorageStore } from "../../../src/shadow/store.js";
import { ANSWER_TIMEOUT, Refusal } from "../../../src/base/service.js";

export interface PairOptions {
	model?: Model | undefined;
	/** The program takes over what it is told. Default: true. */
	adopts?: boolean;
	dropsEmpty?: boolean;
}

export class Pair {
	now = 1_000;
	/** Wall clocks: the device's in ms, the cloud's in seconds. */
	wall: number | undefined = 1_700_000_000_000;
	seconds = 1_700_000_000;
	readonly cloud: ModelCloud;
	readonly flash = new ShadowFlash();
	shadow!: Shadow;
	lines: string[] = [];
	/** Requests that do not arrive, and answers that do not come back, from now on. */
	losesRequests = false;
	losesAnswers = false;
	online = false;
	readonly #options: PairOptions;
	readonly #messages: (() => void)[] = [];
	#boots = 0;

	constructor(options: PairOptions = {}) {
		this.#options = options;
		this.cloud = new ModelCloud(options.dropsEmpty ?? true);
		this.cloud.onDelta = ({ version, delta, metadata }) => this.#send(() => this.shadow.delta(version, delta, metadata));
		this.boot();
	}

	/** The power comes back: what is not kept is lost. */
	boot(): void {
		this.online = false;
		this.#messages.length = 0;
		const shadow: Shadow = new Shadow({
			onDelta: (delta, version) => {
				this.lines.push(`delta ${version} ${JSON.stringify(delta)}`);
				if (this.#options.adopts ?? true) shadow.report(delta, this.wall);
			},
			onSync: (version) => this.lines.push(`sync ${version}`),
			onError: ({ code }) => this.lines.push(`error ${code}`),
		}, { model: this.#options.model, store: new StorageStore(this.flash.host, ""), prefix: `${++this.#boots}-` });
		this.shadow = shadow;
	}

	connect(): this {
		this.online = true;
		this.shadow.connected(this.#port);
		return this.turn();
	}

	disconnect(): void {
		this.online = false;
		this.#messages.length = 0;
		this.shadow.disconnected();
	}

	report(patch: JSONObject): this {
		this.shadow.report(patch, this.wall);
		return this.turn();
	}

	desire(patch: JSONObject): this {
		this.cloud.update(undefined, patch, undefined, this.seconds);
		return this.turn();
	}

	/** All that happens at once. */
	turn(): this {
		for (;;) {
			if (this.shadow.deadline <= this.now) this.shadow.expire(this.now);
			else if (this.#messages.length > 0) this.#messages.shift()!();
			else return this;
		}
	}

	/** Time for answers that do not come. */
	wait(duration = ANSWER_TIMEOUT): this {
		this.now += duration;
		return this.turn();
	}

	take(): string[] {
		const { lines } = this;
		this.lines = [];
		return lines;
	}

	readonly #port: ShadowPort = {
		get: (token) => {
			this.lines.push("get");
			this.#request(() => {
				const { exists, version, desired, reported, desiredAt } = copy(this.cloud);
				if (exists) this.#answer(() => this.shadow.document(token, version, desired, reported, desiredAt));
				else this.#answer(() => this.shadow.rejected(token, Refusal.GONE, 404, "none", this.now));
			});
			return true;
		},
		update: (token, update) => {
			this.lines.push(`update ${JSON.stringify(update)}`);
			const { reported, desired, version } = copy(update);
			this.#request(() => {
				const taken = this.cloud.update(reported, desired, version, this.seconds);
				const now = this.cloud.version;
				if (taken) this.#answer(() => this.shadow.accepted(token, now));
				else this.#answer(() => this.shadow.rejected(token, Refusal.STALE, 409, "version", this.now));
			});
			return true;
		},
	};

	#request(run: () => void): void {
		if (!this.losesRequests) this.#messages.push(run);
	}

	#answer(run: () => void): void {
		if (!this.losesAnswers) this.#send(run);
	}

	#send(run: () => void): void {
		if (this.online && !this.losesAnswers) this.#messages.push(run);
	}
}
