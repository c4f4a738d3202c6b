// SPDX-License-Identifier: Apache-2.0
/** A connection to AWS on a host that the test plays, over MQTT 5, and the cloud's side of the wire. */
import assert from "node:assert/strict";
import { encodeCBOR } from "../../../src/cbor/encode.js";
import type { CBORValue } from "../../../src/cbor/value.js";
import { aws, type AwsOptions } from "../../../src/clouds/aws/index.js";
import type { Connection, MessageTracer } from "../../../src/clouds/cloud.js";
import { FakeHost, type FakeStream } from "../fake-host.js";
import { fromHex, toHex } from "../hex.js";
import type { Driven } from "../operations/service-rig.js";
import { text } from "../text.js";
import { PINGRESP, utf8 } from "../wire.js";
import { connack5, publish5, suback5, unsuback5 } from "../wire5.js";

export const THING = "lamp-1";
export const ENDPOINT = "a1b2-ats.iot.eu-west-1.amazonaws.com";
export const IDENTITY: Readonly<Record<string, string>> = { id: THING, endpoint: ENDPOINT, anchor: "a", certificate: "c", key: "k" };

export interface AwsRigOptions {
	identity?: Readonly<Record<string, string>>;
	cloud?: AwsOptions;
	tracer?: MessageTracer;
}

/** Turns at one instant. */
const TURN_MAXIMUM = 20;

/** A message in CBOR, as hexadecimal bytes. */
export function cbor(value: CBORValue): string {
	return toHex(encodeCBOR(text, value));
}

interface Sent {
	header: number;
	/** Behind the fixed header. */
	body: Uint8Array;
}

export class AwsRig {
	readonly host = new FakeHost();
	readonly connection: Connection;
	/** Services, which are given their turns. */
	readonly services: Driven[] = [];
	lines: string[] = [];
	/** Filters that were subscribed to. */
	filters: string[] = [];
	/** What the broker answers for a filter. */
	code = 1;
	#id = 0;

	constructor({ identity = IDENTITY, cloud = {}, tracer }: AwsRigOptions = {}) {
		const domain: Record<string, Uint8Array> = {};
		for (const [key, value] of Object.entries(identity)) domain[key] = fromHex(utf8(value));
		this.host.stored["identity"] = domain;
		this.connection = aws(cloud).connect({
			host: this.host,
			tracer,
			id: identity["id"] ?? "",
			firmware: undefined,
			onReady: () => this.lines.push("ready"),
			onLost: ({ code }) => this.lines.push(`lost ${code}`),
			onFault: ({ code, message }) => this.lines.push(`fault ${code}: ${message}`),
			onTurn: () => undefined,
		});
	}

	get stream(): FakeStream {
		return this.host.stream;
	}

	/** Plays the network up to CONNECT, which is answered with. */
	reach(): string {
		return this.host.reach();
	}

	/** Plays network and broker until everything is subscribed to. */
	accept(sessionPresent = false): void {
		this.reach();
		this.stream.deliver(connack5(sessionPresent));
		this.lines.push(...this.said());
	}

	/** A message of the cloud; objects as JSON, text as hexadecimal bytes. */
	message(topic: string, message: object | string): void {
		const payload = typeof message === "string" ? message : utf8(JSON.stringify(message));
		this.stream.deliver(publish5({ topic, payload, qos: 1, id: ++this.#id }));
	}

	/** Does what is due at once. */
	run(): void {
		const { clock } = this.host;
		for (const service of this.services) {
			for (let turns = 0; service.deadline <= clock; turns++) {
				assert.ok(turns < TURN_MAXIMUM, "due for ever");
				service.expire(clock);
			}
		}
		this.host.advance(0);
	}

	/** What was said and told since the last time. */
	take(): string[] {
		this.run();
		const lines = [...this.lines, ...this.said()];
		this.lines = [];
		return lines;
	}

	/** What went to the cloud since the last time: topic and message, a line for each PUBLISH. Filters are granted. */
	said(): string[] {
		this.host.advance(0);
		const lines: string[] = [];
		for (let hex = this.stream.take(); hex !== ""; hex = this.stream.take()) {
			for (const { header, body } of packets(fromHex(hex))) {
				if (header >> 4 === 3) lines.push(published(header, body));
				else if (header === 0x82) this.#grant(body);
				else if (header === 0xa2) this.#withdraw(body);
				else if (header === 0xc0) this.stream.deliver(PINGRESP);
				else assert.equal(header, 0x40, "an acknowledgement");
			}
		}
		return lines;
	}

	#grant(body: Uint8Array): void {
		const codes: number[] = [];
		for (let at = 3; at < body.length;) {
			const length = body[at]! * 256 + body[at + 1]!;
			this.filters.push(text.decode(body, at + 2, at + 2 + length));
			codes.push(this.code);
			at += 2 + length + 1;
		}
		this.stream.deliver(suback5(body[0]! * 256 + body[1]!, ...codes));
	}

	#withdraw(body: Uint8Array): void {
		const codes: number[] = [];
		for (let at = 3; at < body.length;) {
			const length = body[at]! * 256 + body[at + 1]!;
			const filter = text.decode(body, at + 2, at + 2 + length);
			assert.ok(this.filters.includes(filter));
			this.filters = this.filters.filter((candidate) => candidate !== filter);
			codes.push(0);
			at += 2 + length;
		}
		this.stream.deliver(unsuback5(body[0]! * 256 + body[1]!, ...codes));
	}
}

function packets(bytes: Uint8Array): Sent[] {
	const list: Sent[] = [];
	for (let at = 0; at < bytes.length;) {
		const header = bytes[at++]!;
		let length = 0;
		for (let digit = 0x80, factor = 1; digit >= 0x80; factor *= 128) {
			digit = bytes[at++]!;
			length += (digit % 128) * factor;
		}
		list.push({ header, body: bytes.subarray(at, at += length) });
	}
	return list;
}

/** A payload that is no text as hexadecimal bytes. */
function published(header: number, body: Uint8Array): string {
	const end = 2 + body[0]! * 256 + body[1]!;
	const start = end + ((header & 6) === 0 ? 0 : 2) + 1;
	const topic = text.decode(body, 2, end);
	const payload = body[start]! < 0x80 ? text.decode(body, start, body.length) : toHex(body, start, body.length);
	return `${topic}${(header & 1) === 0 ? "" : " retained"} ${payload}`;
}
