// SPDX-License-Identifier: Apache-2.0
/** The cloud around one service of the simulated AWS, without a broker: virtual time, and a record of what was sent. */
import assert from "node:assert/strict";
import { decode, encode, type Format } from "../../hosts/simulator/services/formats.js";
import type { AwsContext, AwsService } from "../../hosts/simulator/clouds/aws/service.js";

export interface Sent {
	/** The client that it went straight to; absent: an ordinary publication. */
	to?: string;
	topic: string;
	body: any;
}

/** 2026-01-01, in seconds. */
export const EPOCH = 1_767_225_600;

export class Cloud implements AwsContext {
	/** Monotonic ms. */
	now = 0;
	readonly things = new Set(["lamp"]);
	readonly sent: Sent[] = [];
	service!: AwsService;

	wall(): number { return EPOCH * 1000 + this.now; }
	hasThing(name: string): boolean { return this.things.has(name); }
	publish(topic: string, payload: Uint8Array): void { this.sent.push({ topic, body: bodyOf(topic, payload) }); }
	deliver(to: string, topic: string, payload: Uint8Array): void { this.sent.push({ to, topic, body: bodyOf(topic, payload) }); }

	/** What was sent since the last look. */
	take(): Sent[] { return this.sent.splice(0); }

	/** Time passes, and the service does what is due. */
	advance(ms: number): void {
		this.now += ms;
		if (this.service.deadline <= this.now) this.service.expire(this.now);
	}

	/** A client publishes. @returns false when the service says that this is not its own */
	receive(topic: string, body: unknown, clientId = "lamp"): boolean {
		const payload = body instanceof Uint8Array ? body : encode(formatOf(topic), body);
		return this.service.receive({ topic, levels: topic.split("/"), payload, clientId, now: this.now });
	}

	/** A client asks what is the service's to answer. @returns what was sent then */
	ask(topic: string, body: unknown = {}, clientId?: string): Sent[] {
		this.take();
		assert.ok(this.receive(topic, body, clientId), topic);
		return this.take();
	}
}

function formatOf(topic: string): Format {
	return topic.split("/").includes("cbor") ? "cbor" : "json";
}

function bodyOf(topic: string, payload: Uint8Array): unknown {
	return ordinary(decode(formatOf(topic), payload));
}

/** Objects with the prototype that literals have, so that they compare. */
function ordinary(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(ordinary);
	if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
	return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, ordinary(member)]));
}
