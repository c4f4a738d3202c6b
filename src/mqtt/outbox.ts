// SPDX-License-Identifier: Apache-2.0
/**
 * Outgoing messages: encoded once, kept in order until the protocol is done with them, and sent again from where
 * they lie when a connection was lost. Also the one place that hands out their packet identifiers.
 *
 * Two parts. Queues hold the bytes, one per priority, in memory or in flash. The window holds a small record for each
 * message that was sent and is not acknowledged, in the order of sending; after a lost connection it is gone through
 * again from its beginning. A message at QoS 2 leaves its queue with PUBREC, and its identifier the window with
 * PUBCOMP.
 *
 * Survives connections. Memory: the window's records, made once for at most `windowMaximum` messages.
 * Read first: MQTT 3.1.1 §2.3.1, §4.3, §4.4, §4.6; MQTT 5 §4.9.
 */
import { DeviceError } from "../base/error.js";
import type { Reader } from "../bytes/reader.js";
import type { Writer } from "../bytes/writer.js";
import type { TextCodec } from "../host.js";
import { PacketType, QOS, QOS_2, Reason, SUBSCRIBE_ID, type Protocol } from "./constants.js";
import { encodePublishHead, packetLength, writePayload, type Payload } from "./encode.js";
import { blockLength, encodeProperties, propertiesLength, type Properties } from "./properties.js";
import type { KeptQueue, Queue, QueueOwner } from "./queue.js";
import { topicLength } from "./topic.js";

/** A payload that is read piece by piece while it is sent. Must stay readable until the message is acknowledged. */
export interface Source {
	readonly byteLength: number;
	/** Fills all of `target` with the payload's bytes from `offset` on. */
	read(target: Uint8Array, offset: number): void;
}

/** What to do with a message for which a queue has no room: refuse it, or let the oldest that wait go. */
export type WhenFull = "reject" | "drop-oldest" | "drop-newest";
const WHEN_FULL: readonly WhenFull[] = Object.freeze(["reject", "drop-oldest", "drop-newest"]);

/** UNSENT: not sent in this session of the server's. SENT: until PUBACK or PUBREC. RELEASED: until PUBCOMP. */
const State = Object.freeze({ UNSENT: 0, SENT: 1, RELEASED: 2 });

/** A message sent or being sent. */
class Entry {
	state = 0;
	id = 0;
	queue = 0;
	/** Of its bytes in the queue. */
	position = -1;
}

/** Outcomes of `append` that are no packet identifier. */
export const FULL = -1;
export const DROPPED = -2;

export class Outbox implements QueueOwner {
	/** True when what `save` writes has changed. */
	dirty = false;
	/** False when nothing waits to be taken: it is not worth looking. */
	waiting = true;
	/** The message on its way out, as `take` left it; `undefined` for none. */
	current: Entry | undefined;
	/** Of the current message: bytes of its record, and the payload that follows them. */
	length = 0;
	source: Source | undefined;
	/** The current message may have been sent before [MQTT-3.3.1-1]. */
	duplicate = false;
	readonly #text: TextCodec;
	readonly #writer: Writer;
	readonly #queues: readonly Queue[];
	readonly #whenFull: readonly WhenFull[];
	/** By queue: the oldest message that was never sent; -1 for none. */
	readonly #nexts: number[];
	readonly #windowMaximum: number;
	readonly #protocol: Protocol;
	/** Identifiers of each queue: none of another's, and none of SUBSCRIBE's. */
	readonly #range: number;
	/** The topic of the last message, found good, and its bytes. */
	#topic: string | undefined;
	#topicLength = 0;
	/** A ring of records that are used again; the oldest is at `#head`. */
	readonly #window: Entry[] = [];
	#head = 0;
	#count = 0;
	/** Records of the window before this one were sent on this connection. */
	#cursor = 0;
	#releasedCount = 0;
	/** By queue: messages at its front that may have been sent before a reset. */
	readonly #doubtful: number[];
	/** True while messages are sent of which `save` cannot tell. */
	#connected = false;
	/** For a message at QoS 0, which has no place in the window. */
	readonly #unnumbered = new Entry();
	/** Packet identifier and reason code of what ended without an acknowledgement, alternating. */
	readonly #settled: number[] = [];
	/** Those of them that `nextSettled` was not asked for. */
	unreported = 0;
	#sources: Map<number, Source> | undefined;

	/** @param queues by priority, lowest first; the last one also takes QoS 0 and streams, and is in memory */
	constructor(
		text: TextCodec, writer: Writer, protocol: Protocol, queues: readonly Queue[], whenFull: readonly WhenFull[],
		windowMaximum: number,
	) {
		for (const policy of whenFull) {
			if (!WHEN_FULL.includes(policy)) throw new DeviceError("argument", `whenFull of "${String(policy)}"`);
		}
		this.#text = text;
		this.#writer = writer;
		this.#queues = queues;
		this.#whenFull = whenFull;
		this.#nexts = queues.map((queue) => queue.first());
		this.#doubtful = queues.map(() => 0);
		this.#windowMaximum = windowMaximum;
		this.#protocol = protocol;
		this.#range = Math.floor((SUBSCRIBE_ID - 1) / queues.length);
	}

	/** Messages sent on this connection and not acknowledged. */
	get unacknowledged(): number {
		return this.#cursor;
	}

	/** Messages that wait to be sent or acknowledged. */
	get queued(): number {
		return this.#queues.reduce((sum, queue) => sum + queue.count, 0);
	}

	/** True when nothing waits to be sent or acknowledged. */
	get empty(): boolean {
		return this.#count === 0 && this.current === undefined && this.#nexts.every((next) => next < 0);
	}

	/**
	 * Queues a message.
	 * @param header the first byte of its PUBLISH
	 * @returns its packet identifier (0 at QoS 0), `FULL` or `DROPPED` when there is no room now
	 * @throws DeviceError `argument`; `too-large` for what never fits; `storage`
	 */
	append(
		topic: string, payload: Payload | Source, header: number, priority: number, properties: Properties | undefined,
	): number {
		// As a rule, a device has few topics: the last one is not looked through and measured again.
		if (topic !== this.#topic) this.learn(topic);
		const source = typeof payload === "object" && "read" in payload ? payload : undefined;
		const payloadBytes = typeof payload === "string" ? this.#text.byteLength(payload) : payload.byteLength;
		const unnumbered = (header & QOS) === 0;
		let remaining = this.#topicLength + (unnumbered ? 2 : 4) + payloadBytes;
		let propertiesBytes = 0;
		if (this.#protocol === 5) {
			propertiesBytes = propertiesLength(this.#text, properties, PacketType.PUBLISH);
			remaining += blockLength(propertiesBytes);
		}
		const length = packetLength(remaining) - (source === undefined ? 0 : payloadBytes);
		const last = this.#queues.length - 1;
		const index = priority >= last || unnumbered || source !== undefined ? last : priority;
		if (source !== undefined && (header & QOS) === QOS_2 && last > 0) {
			throw new DeviceError("unsupported", "a stream at QoS 2 cannot be told from another message after a reset");
		}
		const queue = this.#queues[index]!;
		const writer = this.#writer;
		const isRoom = queue.count < this.#range && this.reserved(queue, index, length);
		if (!isRoom && !this.makeRoom(queue, index, length)) {
			if (!queue.fits(length)) throw new DeviceError("too-large", `message of ${length} bytes for its queue`);
			return this.#whenFull[index] === "drop-newest" ? DROPPED : FULL;
		}
		const id = unnumbered ? 0 : this.nextId(queue, index);
		encodePublishHead(writer, header, remaining, topic, this.#topicLength, id);
		if (this.#protocol === 5) encodeProperties(writer, propertiesBytes, properties);
		if (source === undefined) writePayload(writer, payload as Payload);
		if (writer.position !== writer.end) {
			throw new DeviceError("internal", `PUBLISH ends ${writer.remaining} bytes early`);
		}
		const position = queue.commit(id);
		if (this.#nexts[index]! < 0) this.#nexts[index] = position;
		this.waiting = true;
		if (source !== undefined) (this.#sources ??= new Map()).set(position, source);
		return id;
	}

	private learn(topic: string): void {
		this.#topicLength = topicLength(this.#text, topic);
		this.#topic = topic;
	}

	/** Makes what was appended durable. @throws DeviceError `storage` */
	flush(): void {
		for (let index = 0; index < this.#queues.length; index++) {
			try {
				this.#queues[index]!.flush();
			} catch (error) {
				this.#nexts[index] = this.firstUnsent(index);
				throw error;
			}
		}
	}

	/** Lets the oldest go, where that was asked for, until there is room; false when there is none. */
	private makeRoom(queue: Queue, index: number, length: number): boolean {
		do {
			if (this.#whenFull[index] !== "drop-oldest" || !queue.fits(length)) return false;
			// What is under way goes only when there is no connection to be in the way of.
			const from = this.#cursor === 0 ? queue.first() : this.#nexts[index]!;
			const inMemory = index === this.#queues.length - 1;
			// In memory, room comes of the very first alone.
			if (inMemory && from !== queue.first()) return false;
			if (!queue.dropOldest(from, this)) return false;
			this.#nexts[index] = this.firstUnsent(index);
		} while (queue.count >= this.#range || !this.reserved(queue, index, length));
		return true;
	}

	/** Room in a queue, which may have to bring to flash what was appended before. @throws DeviceError `storage` */
	private reserved(queue: Queue, index: number, length: number): boolean {
		try {
			return queue.reserve(length, this.#writer);
		} catch (error) {
			this.#nexts[index] = this.firstUnsent(index);
			throw error;
		}
	}

	/** For a queue that drops its oldest, and for nobody else: it calls back. */
	dropped(position: number, id: number): void {
		this.#sources?.delete(position);
		this.settle(id, Reason.FAILURE);
		const index = this.find(id, this.#count);
		if (index < 0) return;
		const entry = this.at(index);
		// Its bytes are gone, and with them the connection on which they were half sent.
		if (entry === this.current) this.length = -1;
		entry.position = -1;
		this.remove(index);
	}

	/** The window's records are the oldest of their queue. */
	private firstUnsent(index: number): number {
		let position = -1;
		for (let at = 0; at < this.#count; at++) {
			const entry = this.at(at);
			if (entry.queue === index && entry.position >= 0) position = entry.position;
		}
		const queue = this.#queues[index]!;
		return position < 0 ? queue.first() : queue.after(position);
	}

	/** An identifier that no message holds [MQTT-2.3.1-2]: queues are shorter than their range, and go round. */
	private nextId(queue: Queue, index: number): number {
		const range = this.#range;
		const base = index * range;
		let id = queue.lastId;
		do id = id <= base || id >= base + range ? base + 1 : id + 1;
		while (this.#releasedCount > 0 && this.find(id, this.#count) >= 0);
		return id;
	}

	/**
	 * Makes the next message the current one: those of the window first, in their order [MQTT-4.6.0-1], then the
	 * queues by priority.
	 * @param quota messages that may be unacknowledged on this connection
	 * @returns false when there is none, or none that may go
	 */
	take(quota: number): boolean {
		if (this.#cursor < this.#count) {
			const entry = this.at(this.#cursor);
			if (entry.state !== State.RELEASED && this.#cursor >= quota) return false;
			this.#cursor++;
			this.duplicate = entry.state === State.SENT;
			return this.begin(entry);
		}
		const room = this.#count < quota && this.#count < this.#windowMaximum;
		let blocked = false;
		for (let index = this.#queues.length - 1; index >= 0; index--) {
			const position = this.#nexts[index]!;
			if (position < 0) continue;
			const queue = this.#queues[index]!;
			const id = queue.id(position);
			if (id !== 0 && !room) {
				blocked = true;
				continue;
			}
			const next = this.#nexts[index] = queue.after(position);
			this.waiting = next >= 0 || index > 0 || blocked;
			const entry = id === 0 ? this.#unnumbered : this.push();
			entry.id = id;
			entry.queue = index;
			entry.position = position;
			this.duplicate = id !== 0 && this.#doubtful[index]! > 0;
			if (this.duplicate) this.#doubtful[index]!--;
			if (queue.verify(position)) return this.begin(entry);
			this.current = entry;
			this.refuse(Reason.FAILURE);
			index++; // The same queue once more.
		}
		this.waiting = blocked;
		return false;
	}

	private begin(entry: Entry): boolean {
		this.current = entry;
		if (entry.state === State.RELEASED) return true;
		entry.state = State.SENT;
		this.length = this.#queues[entry.queue]!.length(entry.position);
		this.source = this.#sources?.get(entry.position);
		return true;
	}

	/** True when of the current message only its release is to be sent again, not the message. */
	get releasing(): boolean {
		return this.current!.state === State.RELEASED;
	}

	/** Copies `count` bytes of the current message's record to where `writer` stands. */
	read(from: number, count: number, writer: Writer): void {
		const entry = this.current!;
		this.#queues[entry.queue]!.read(entry.position, from, count, writer);
	}

	/** All of the current message was sent; at QoS 0 that is the end of it. */
	sent(): void {
		const entry = this.current!;
		if (entry.id === 0) this.releaseBytes(entry);
		this.current = undefined;
	}

	/** The current message cannot be sent as it is: it ends, for the reason that `nextSettled` will say. */
	refuse(reasonCode: number): void {
		const entry = this.current!;
		this.settle(entry.id, reasonCode);
		if (entry.id === 0) this.releaseBytes(entry);
		else this.remove(this.#cursor - 1);
		this.current = undefined;
	}

	/** PUBACK, or PUBREC with an error. False when nobody waits for it: a late or foreign acknowledgement. */
	acknowledge(packetId: number): boolean {
		const index = this.find(packetId, this.#cursor);
		if (index < 0 || this.at(index) === this.current || this.at(index).state !== State.SENT) return false;
		this.remove(index);
		return true;
	}

	/** PUBREC: the server has the message, only its identifier is still in use. False as with `acknowledge`. */
	received(packetId: number): boolean {
		const index = this.find(packetId, this.#cursor);
		if (index < 0 || this.at(index) === this.current) return false;
		const entry = this.at(index);
		if (entry.state !== State.RELEASED) {
			entry.state = State.RELEASED;
			this.#releasedCount++;
			this.releaseBytes(entry);
			this.dirty = true;
		}
		return true;
	}

	/** PUBCOMP. False as with `acknowledge`. */
	complete(packetId: number): boolean {
		const index = this.find(packetId, this.#cursor);
		if (index < 0 || this.at(index).state !== State.RELEASED) return false;
		this.remove(index);
		return true;
	}

	/** Gives back memory, where there is nothing that it is needed for. */
	shrink(): void {
		for (let index = 0; index < this.#queues.length; index++) this.#queues[index]!.shrink();
	}

	/** Messages may go out from now on. */
	connected(): void {
		this.#connected = true;
		this.dirty = true;
	}

	/** After a lost connection: what is not acknowledged will be sent again, what asked for no answer is gone. */
	rewind(): void {
		const last = this.#queues.length - 1;
		const queue = this.#queues[last]!;
		if (this.current?.id === 0) this.releaseBytes(this.current);
		this.current = undefined;
		this.#cursor = 0;
		this.waiting = true;
		this.dirty ||= this.#connected;
		this.#connected = false;
		let next = -1;
		let following = -1;
		for (let position = this.#nexts[last]!; position >= 0; position = following) {
			following = queue.after(position);
			if (queue.id(position) !== 0) {
				if (next < 0) next = position;
				continue;
			}
			this.#sources?.delete(position);
			queue.release(position);
		}
		this.#nexts[last] = next;
	}

	/** The server has no session of ours: what it had taken over is done, all else is new to it [MQTT-3.1.2-6]. */
	renew(): void {
		this.#doubtful.fill(0);
		for (let index = this.#count - 1; index >= 0; index--) {
			const entry = this.at(index);
			if (entry.state === State.SENT) entry.state = State.UNSENT;
			if (entry.state !== State.RELEASED) continue;
			this.settle(entry.id, Reason.SUCCESS);
			this.remove(index);
		}
	}

	/** What a reset must not take. Queues that keep no bytes across one have nothing to say. */
	save(writer: Writer): void {
		const { savedQueues } = this;
		writer.uint16(this.#releasedCount);
		for (let index = 0; index < this.#count; index++) {
			const { state, id } = this.at(index);
			if (state === State.RELEASED) writer.uint16(id);
		}
		for (let index = 0; index < savedQueues; index++) {
			const queue = this.#queues[index] as KeptQueue;
			const doubtful = this.#doubtful[index]! + this.sentOf(index);
			// Before a reset the window may have been larger than it is now.
			writer.uint16(this.#connected && doubtful < this.#windowMaximum ? this.#windowMaximum : doubtful);
			writer.uint32(queue.headNumber);
			writer.uint16(queue.released.length);
			for (const number of queue.released) writer.uint32(number);
		}
	}

	/** Bytes that `save` writes. */
	get saveLength(): number {
		let length = 2 + 2 * this.#releasedCount;
		for (let index = 0; index < this.savedQueues; index++) {
			length += 8 + 4 * (this.#queues[index] as KeptQueue).released.length;
		}
		return length;
	}

	/** @throws DeviceError `malformed` */
	restore(reader: Reader): void {
		for (let count = reader.uint16(); count > 0; count--) {
			const entry = this.push();
			entry.id = reader.uint16();
			entry.state = State.RELEASED;
			entry.position = -1;
			this.#releasedCount++;
		}
		this.#cursor = 0;
		for (let index = 0; index < this.savedQueues; index++) {
			const queue = this.#queues[index] as KeptQueue;
			this.#doubtful[index] = reader.uint16();
			const headNumber = reader.uint32();
			const released: number[] = [];
			for (let count = reader.uint16(); count > 0; count--) released.push(reader.uint32());
			queue.restore(headNumber, released);
			this.#nexts[index] = queue.first();
		}
	}

	/** Forgets what was kept by another session. To be called instead of `restore`. */
	clear(): void {
		for (let index = 0; index < this.savedQueues; index++) {
			(this.#queues[index] as KeptQueue).clear();
			this.#nexts[index] = -1;
		}
	}

	/** All but the last, which is in memory. */
	private get savedQueues(): number {
		return this.#queues.length - 1;
	}

	/** Messages of a queue that the server may have. */
	private sentOf(queue: number): number {
		let sent = 0;
		for (let index = 0; index < this.#count; index++) {
			const entry = this.at(index);
			if (entry.queue === queue && entry.state === State.SENT) sent++;
		}
		return sent;
	}

	/** Packet identifier of a message that ended without an answer from the server. Some must be `unreported`. */
	nextSettled(): number {
		this.unreported--;
		this.settledReason = this.#settled.pop()!;
		return this.#settled.pop()!;
	}

	/** Of what `nextSettled` gave. */
	settledReason = 0;

	private settle(id: number, reasonCode: number): void {
		this.#settled.push(id, reasonCode);
		this.unreported++;
	}

	private at(index: number): Entry {
		const at = this.#head + index;
		return this.#window[at < this.#window.length ? at : at - this.#window.length]!;
	}

	/** Index of the record with this identifier among the first `end`, or -1. */
	private find(id: number, end: number): number {
		for (let index = 0; index < end; index++) {
			if (this.at(index).id === id) return index;
		}
		return -1;
	}

	private push(): Entry {
		if (this.#count === this.#window.length) this.grow();
		const entry = this.at(this.#count++);
		entry.state = State.UNSENT;
		this.#cursor++;
		return entry;
	}

	/** One record more: they are made as they are needed, and kept. */
	private grow(): void {
		this.#window.splice(this.#head, 0, new Entry());
		this.#head = this.#head + 1 < this.#window.length ? this.#head + 1 : 0;
	}

	/** The records before it move up by one, and its own becomes a free one. */
	private remove(index: number): void {
		const entry = this.at(index);
		if (entry.position >= 0) this.releaseBytes(entry);
		if (entry.state === State.RELEASED) this.#releasedCount--;
		const { length } = this.#window;
		for (let at = index; at > 0; at--) this.#window[(this.#head + at) % length] = this.at(at - 1);
		this.#window[this.#head] = entry;
		this.#head = this.#head + 1 === length ? 0 : this.#head + 1;
		this.#count--;
		if (index < this.#cursor) this.#cursor--;
		this.dirty = true;
	}

	private releaseBytes(entry: Entry): void {
		this.#sources?.delete(entry.position);
		this.#queues[entry.queue]!.release(entry.position);
		entry.position = -1;
	}
}
