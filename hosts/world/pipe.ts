// SPDX-License-Identifier: Apache-2.0
/**
 * One direction of a TCP connection: a reliable, ordered byte stream with a finite window.
 *
 * The window is also the buffer: what was written and not yet read by the peer's program lives in one
 * ring of `window` bytes, so a write copies once, a read copies once and a segment is only a count.
 * TCP hides loss, so loss shows as what it costs: a retransmission delay, doubled each time, and at
 * last a connection given up. Only the head segment is scheduled; order is kept by construction.
 */
import { DeviceError } from "../../src/base/error.js";
import { Task } from "./queue.js";
import type { Network } from "./network.js";
import type { Connection } from "./connection.js";
import type { TCPStream } from "./tcp.js";

/** First retransmission time-out (ms), its ceiling, and the losses in a row after which TCP gives up. */
const RETRANSMISSION = 200, RETRANSMISSION_MAXIMUM = 60_000, RETRANSMISSIONS_MAXIMUM = 12;
/** A write is cut into at most this many segments. */
const PIECES_MAXIMUM = 8;
/** Cuts within the first bytes are as likely as all others: that is where a protocol's header is. */
const HEAD = 4;

export type SegmentKind = "open" | "data" | "end" | "reset" | "lost";

interface Segment { kind: SegmentKind; count: number; at: number }

export class Pipe {
	readonly sender: TCPStream;
	readonly receiver: TCPStream;
	readonly #network: Network;
	readonly #connection: Connection;
	readonly #window: number;
	readonly #segments: Segment[] = [];
	readonly #arrival = new Task(() => this.#arrive());
	readonly #acknowledgement = new Task(() => this.#acknowledge());
	#ring: Uint8Array | undefined;
	// Running totals of bytes; each is at most the one before.
	#written = 0;
	#delivered = 0;
	#read = 0;
	#acknowledged = 0;
	#stalled = false;

	constructor(network: Network, connection: Connection, sender: TCPStream, receiver: TCPStream) {
		this.#network = network;
		this.#connection = connection;
		this.#window = network.window;
		this.sender = sender;
		this.receiver = receiver;
	}

	/** Bytes that may be written now. */
	get room(): number {
		return this.#window - (this.#written - this.#acknowledged);
	}

	/** Bytes that arrived and are not read yet. */
	get available(): number {
		return this.#delivered - this.#read;
	}

	/** At most `room` bytes. */
	write(source: Uint8Array): void {
		const ring = this.#ring ??= new Uint8Array(this.#window), count = source.byteLength;
		const start = this.#written % this.#window, first = Math.min(count, this.#window - start);
		if (first === count) ring.set(source, start);
		else {
			ring.set(source.subarray(0, first), start);
			ring.set(source.subarray(first), 0);
		}
		this.#written += count;
		this.#cut(count);
	}

	/** Fills `target`, at most `available` bytes, and lets the sender know of the room. */
	read(target: Uint8Array): void {
		const ring = this.#ring!, count = target.byteLength;
		const start = this.#read % this.#window, first = Math.min(count, this.#window - start);
		target.set(ring.subarray(start, start + first), 0);
		if (first < count) target.set(ring.subarray(0, count - first), first);
		this.#read += count;
		if (!this.#acknowledgement.waiting) this.#network.clock.schedule(this.#acknowledgement, this.#network.latency());
	}

	send(kind: SegmentKind, count = 0): void {
		const { clock } = this.#network, segments = this.#segments;
		const travel = this.#travel();
		if (travel.lost) kind = "lost";
		segments.push({ kind, count, at: clock.now + travel.time });
		if (segments.length === 1 && !this.#stalled) clock.schedule(this.#arrival, travel.time);
	}

	/** The sender's RAM is gone: only what is already in the air may still arrive, and dice say how much. */
	truncate(): void {
		this.#segments.length = this.#network.random.between(0, this.#segments.length);
		if (this.#segments.length === 0) this.#network.clock.cancel(this.#arrival);
	}

	/** The link works again: what was held up is sent once more. */
	resume(): void {
		if (!this.#stalled) return;
		this.#stalled = false;
		const { clock } = this.#network, wait = this.#network.random.between(0, RETRANSMISSION) + this.#network.latency();
		if (this.#segments.length > 0 && !this.#arrival.waiting) clock.schedule(this.#arrival, wait);
		if (this.#read > this.#acknowledged && !this.#acknowledgement.waiting) clock.schedule(this.#acknowledgement, wait);
	}

	#cut(count: number): void {
		const { random, faults } = this.#network;
		if (random.chance(faults.split)) {
			for (let piece = 1; piece < PIECES_MAXIMUM && count > 1; piece++) {
				const most = random.chance(0.5) ? Math.min(HEAD, count - 1) : count - 1, length = random.between(1, most);
				this.send("data", length);
				count -= length;
			}
		}
		this.send("data", count);
	}

	#travel(): { time: number; lost: boolean } {
		const { random, faults } = this.#network;
		let time = this.#network.latency(), timeout = RETRANSMISSION;
		for (let losses = 0; random.chance(faults.loss); timeout = Math.min(timeout * 2, RETRANSMISSION_MAXIMUM)) {
			time += timeout;
			if (++losses === RETRANSMISSIONS_MAXIMUM) return { time, lost: true };
		}
		return { time, lost: false };
	}

	#arrive(): void {
		if (this.#connection.severed) return;
		if (this.#blocked()) {
			this.#stalled = true;
			return;
		}
		const segment = this.#segments.shift()!, { clock, log } = this.#network;
		const next = this.#segments[0];
		if (next !== undefined) clock.schedule(this.#arrival, next.at - clock.now);
		log.add(`tcp.${segment.kind}`, this.receiver.party.id, segment.count);
		switch (segment.kind) {
		case "open": return this.receiver.opened();
		case "data":
			this.#delivered += segment.count;
			if (this.receiver.over) this.#connection.reset(this);
			else this.receiver.arrived();
			return;
		case "end": return this.receiver.ended(new DeviceError("closed", "the peer closed the connection"));
		case "reset": return this.receiver.ended(new DeviceError("closed", "the peer reset the connection"));
		case "lost":
			this.#connection.severed = true;
			return this.sender.ended(new DeviceError("timeout", "the peer acknowledged nothing"));
		}
	}

	#acknowledge(): void {
		if (this.#connection.severed) return;
		if (this.#blocked()) {
			this.#stalled = true;
			return;
		}
		this.#acknowledged = this.#read;
		this.sender.drained();
	}

	#blocked(): boolean {
		const { receiver, sender } = this;
		return this.#network.isDown(sender.party.address) || this.#network.isDown(receiver.party.address)
			|| this.#network.isOff(receiver.party.address);
	}
}
