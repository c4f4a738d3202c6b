// SPDX-License-Identifier: Apache-2.0
/** A session and its link on a bench: the test is the network, the peer and the clock. */
import assert from "node:assert/strict";
import { DeviceError } from "../../../src/base/error.js";
import { EventType, type MQTTEvent } from "../../../src/mqtt/event.js";
import { Link } from "../../../src/mqtt/link.js";
import { Session, type SessionOptions } from "../../../src/mqtt/session.js";
import { fromHex, toHex } from "../hex.js";
import { text } from "../text.js";
import { connack } from "../wire.js";

/** ms at which a bench begins: not zero, which would hide what forgets to add it. */
export const START = 5_000;

/** Events that one delivery may cause: more means that the link does not come to an end. */
const EVENTS_MAXIMUM = 10_000;

export class Bench {
	now = START;
	readonly session: Session;
	link: Link;
	/** True once the link said that it is over. */
	closed = false;

	constructor(options: Partial<SessionOptions> = {}) {
		this.session = new Session(text, { clientId: "id", ...options });
		this.link = new Link(this.session, this.now);
	}

	/** A bench whose server has accepted, with nothing left to send. */
	static open(options: Partial<SessionOptions> = {}, sessionPresent = false): Bench {
		const bench = new Bench(options);
		bench.accept(sessionPresent);
		return bench;
	}

	/** The server accepts: what CONNECT was is of no interest. */
	accept(sessionPresent = false): void {
		this.send();
		assert.deepEqual(this.receive(connack(sessionPresent)), [`connected ${sessionPresent}`]);
	}

	/** The stream is lost, and a new link made. */
	reconnect(sessionPresent = true): void {
		this.lose();
		this.relink();
		this.accept(sessionPresent);
	}

	lose(): void {
		this.link.lost(new DeviceError("closed", "the network is gone"));
		assert.deepEqual(this.events(), ["closed closed"]);
	}

	relink(): void {
		this.link = new Link(this.session, this.now);
		this.closed = false;
	}

	/** All that goes out now, `limit` bytes at a time. */
	send(limit = 4096): string {
		this.link.expire(this.now);
		return this.transmit(limit);
	}

	/** As `send`, for a driver that has not looked at the clock. */
	transmit(limit = 4096): string {
		const target = new Uint8Array(limit + 1).fill(0xaa);
		let sent = "";
		for (let count = -1; count !== 0;) {
			count = this.link.transmit(target, limit);
			assert.ok(count >= 0 && count <= limit);
			sent += toHex(target, 0, count);
			assert.equal(target[limit], 0xaa, "nothing is written beyond the limit");
		}
		return sent;
	}

	/** Delivers bytes in pieces of `step` and answers with the events, a line for each. */
	receive(hex: string, step = 4096): string[] {
		const bytes = fromHex(hex);
		const lines: string[] = [];
		for (let at = 0; at < bytes.length; at += step) {
			this.link.receive(bytes, at, Math.min(at + step, bytes.length), this.now);
			lines.push(...this.events());
		}
		return lines;
	}

	events(): string[] {
		const lines: string[] = [];
		for (let event = this.link.next(); event !== undefined; event = this.link.next()) {
			assert.ok(!this.closed, "CLOSED is the last event");
			this.closed = event.type === EventType.CLOSED;
			lines.push(describe(event));
			assert.ok(lines.length < EVENTS_MAXIMUM);
		}
		return lines;
	}

	/** Lets time pass, up to the link's deadline at most: what is due then is done then. */
	wait(duration: number): void {
		this.now += duration;
		this.link.expire(this.now);
	}
}

export function describe(event: MQTTEvent): string {
	switch (event.type) {
		case EventType.CONNECTED: return `connected ${event.sessionPresent}`;
		case EventType.MESSAGE: {
			const { topic, bytes, start, end, offset, total, qos, packetId, duplicate, retain, more } = event;
			const place = offset === 0 && !more ? "" : ` ${offset}+${end - start}/${total}`;
			const flags = `${duplicate ? " dup" : ""}${retain ? " retain" : ""}`;
			return `message ${topic} q${qos}${qos > 0 ? ` #${packetId}` : ""}${flags}${place} ${toHex(bytes, start, end)}`;
		}
		case EventType.ACKNOWLEDGED: return `acknowledged ${event.packetId}`;
		case EventType.SUBSCRIBED: return `subscribed ${event.filter} ${event.reasonCode}`;
		case EventType.UNSUBSCRIBED: return `unsubscribed ${event.filter}`;
		case EventType.CLOSED: return `closed ${event.error!.code}${event.error!.detail === undefined ? "" : ` ${event.error!.detail}`}`;
		default: return `event ${event.type}`;
	}
}
