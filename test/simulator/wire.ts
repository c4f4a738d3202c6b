// SPDX-License-Identifier: Apache-2.0
/** A broker that the test plays: what a service publishes is noted, and what it subscribed to can be sent to it. */
import { matches } from "../../hosts/simulator/broker/topics.js";
import type { CloudChannel } from "../../hosts/simulator/channel.js";
import { decode, encode, formatOf } from "../../hosts/simulator/services/formats.js";

type OnMessage = Parameters<CloudChannel["subscribe"]>[1];

export class Wire implements CloudChannel {
	readonly retained = new Map<string, Uint8Array>();
	#lines: string[] = [];
	#back: (() => void)[] = [];
	readonly #subscriptions: { filter: string; onMessage: OnMessage }[] = [];
	/** False: nothing goes through, either way. */
	up = true;

	publish(topic: string, payload: Uint8Array, { retain = false, qos = 1 }: { qos?: 0 | 1 | 2; retain?: boolean } = {}): void {
		if (!this.up) return;
		const format = formatOf(payload) === "cbor" ? " (cbor)" : "";
		const text = payload.byteLength === 0 ? "nothing" : JSON.stringify(decode(formatOf(payload), payload));
		this.#lines.push(`${topic.replace(/^moorline\//, "")}${retain ? " retained" : ""}${qos === 1 ? "" : ` qos ${qos}`}${format} ${text}`);
		if (retain && payload.byteLength > 0) this.retained.set(topic, payload);
		else if (retain) this.retained.delete(topic);
	}

	subscribe(filter: string, onMessage: OnMessage): void {
		this.#subscriptions.push({ filter, onMessage });
	}

	watch(onBack: () => void): void { this.#back.push(onBack); }

	/** The broker was away, and is back without what it retained. */
	reset(): void {
		this.retained.clear();
		for (const onBack of this.#back) onBack();
	}

	/** What came since the last time, without `moorline/`. */
	take(): string[] {
		const lines = this.#lines;
		this.#lines = [];
		return lines;
	}

	/** A message of a device or an operator; below `moorline/`. Objects are encoded. @returns what came of it */
	send(topic: string, message: object | string | Uint8Array, { format = "json", retain = false }: { format?: "json" | "cbor"; retain?: boolean } = {}): string[] {
		const payload = message instanceof Uint8Array ? message : typeof message === "string" ? new TextEncoder().encode(message) : encode(format, message);
		const full = `moorline/${topic}`;
		if (this.up) for (const { filter, onMessage } of this.#subscriptions) if (matches(filter, full)) onMessage(full, payload, retain);
		return this.take();
	}
}
