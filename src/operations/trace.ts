// SPDX-License-Identifier: Apache-2.0
/**
 * What passed between device and cloud, for whoever has to find out why: the last messages, in a few KB of memory.
 *
 * Off until it is started, and then on for a time. A message is written into the buffer in place; the oldest make
 * room. Contents are left out unless they are asked for, and those of messages that hand out credentials always are.
 * What was recorded goes to the cloud when it is asked for, and is gone then.
 */
import type { DeviceError } from "../base/error.js";
import { inRange } from "../base/range.js";
import { cut } from "../bytes/cut.js";
import { Reader } from "../bytes/reader.js";
import { Ring } from "../bytes/ring.js";
import { Writer } from "../bytes/writer.js";
import type { CBORValue } from "../cbor/value.js";
import { CBORWriter } from "../cbor/writer.js";
import type { Host, TextCodec } from "../host.js";
import { REPORT_LENGTH, type ReportSource } from "./report.js";

export interface MessageTraceOptions {
	/** Bytes of memory for what is recorded, taken when it is started. Default: 4,096. */
	length?: number | undefined;
	/** Bytes of each message's content that are recorded, from the first on. Default: 0. */
	content?: number | undefined;
	/** @returns true: of messages with this topic or path, no content is recorded */
	redact?: ((topic: string) => boolean) | undefined;
	/** From inside of `upload`: `deadline` moved. */
	onTurn?: (() => void) | undefined;
}

const LENGTH = 4_096;
const LENGTH_MINIMUM = 1_024;
const LENGTH_MAXIMUM = 65_536;
export const CONTENT_MAXIMUM = 512;
/** Bytes of a topic that are recorded. */
const TOPIC_MAXIMUM = 128;
/** ms for which it may be on. */
const DURATION_MAXIMUM = 86_400_000;
/** Of a topic that hands out credentials. In lower case, as those of all clouds are. */
const SECRETS: readonly string[] = Object.freeze(["certificate", "provision", "credential", "-cert", "/key"]);

/** Of a record: ms since boot, size with the direction in its lowest bit, length of the topic; topic, content. */
const HEAD_LENGTH = 4 + 4 + 2;
const WORD = 0x1_0000_0000;
/** Bytes that a record takes in a report beyond its topic and content: heads of all items, numbers in 32 bits. */
const ITEM_OVERHEAD = 1 + 5 + 5 + 1 + 3 + 5 + 3;
/** The same of the report around it, with its names. */
const REPORT_HEAD = 48;

export class MessageTrace implements ReportSource {
	readonly kind = "trace";
	readonly #host: Host;
	readonly #boot: number;
	readonly #length: number;
	readonly #content: number;
	readonly #redact: ((topic: string) => boolean) | undefined;
	readonly #onTurn: (() => void) | undefined;
	readonly #startedAt: number;
	/** There from the first start on. */
	#ring: Ring | undefined;
	#writer: Writer | undefined;
	/** Recorded until then: monotonic ms. */
	#until = -Infinity;
	/** Of the last message in this boot. */
	#number = 0;
	/** Messages up to this one are to be uploaded, and the next to be. */
	#wanted = 0;
	#next = 1;
	/** On its way to the cloud. */
	#report: Uint8Array | undefined;

	/** @param boot as `countBoot` has it. @throws DeviceError `argument` */
	constructor(host: Host, boot: number, options: MessageTraceOptions = {}) {
		const { length = LENGTH, content = 0, redact, onTurn } = options;
		this.#host = host;
		this.#boot = boot;
		this.#length = inRange("length", length, LENGTH_MINIMUM, LENGTH_MAXIMUM);
		this.#content = inRange("content", content, 0, CONTENT_MAXIMUM);
		this.#redact = redact;
		this.#onTurn = onTurn;
		this.#startedAt = host.time.now();
	}

	get active(): boolean {
		return this.#host.time.now() < this.#until;
	}

	/** Records from now on, for so many ms; once more, it is so many from then. @throws DeviceError `argument` */
	start(duration: number): void {
		inRange("duration", duration, 1, DURATION_MAXIMUM);
		this.#ring ??= new Ring(this.#length);
		this.#writer ??= new Writer(this.#host.text);
		this.#until = this.#host.time.now() + duration;
	}

	stop(): void {
		this.#until = -Infinity;
	}

	/** Gives what was recorded up to now to the cloud. @returns how many messages that is */
	upload(): number {
		this.#wanted = this.#number;
		this.#onTurn?.();
		return this.#ring?.count ?? 0;
	}

	/** A message passed. */
	onMessage(sent: boolean, topic: string, bytes: Uint8Array | string, start: number, end: number): void {
		const until = this.#until;
		if (until === -Infinity) return;
		const now = this.#host.time.now();
		if (now >= until) return this.stop();
		const { text } = this.#host;
		const size = typeof bytes === "string" ? text.byteLength(bytes) : end - start;
		const head = beginning(text, topic, TOPIC_MAXIMUM);
		const topicLength = text.byteLength(head);
		const content = this.isOpen(topic) ? this.#content : 0;
		if (typeof bytes !== "string") {
			const length = Math.min(content, size);
			this.begin(now, sent, size, head, topicLength, length).copy(bytes, start, start + length);
		} else {
			const part = beginning(text, bytes, content);
			this.begin(now, sent, size, head, topicLength, text.byteLength(part)).utf8Bytes(part);
		}
		this.#ring!.commit(0);
	}

	get deadline(): number {
		return this.#report !== undefined || this.isWanted() ? 0 : Infinity;
	}

	next(): Uint8Array | undefined {
		if (this.#report === undefined && this.isWanted()) this.#report = this.encode();
		return this.#report;
	}

	accepted(): void {
		this.#report = undefined;
		if (!this.active) this.#ring?.shrink();
	}

	refused(_: DeviceError): void {
		this.accepted();
	}

	/** Of the oldest message that is recorded; that after the last one when there is none. */
	private get first(): number {
		return this.#number + 1 - (this.#ring?.count ?? 0);
	}

	private isWanted(): boolean {
		return this.first <= Math.min(this.#wanted, this.#number);
	}

	/** Whether the content of messages with this topic is recorded. */
	private isOpen(topic: string): boolean {
		if (this.#content === 0) return false;
		for (let index = 0; index < SECRETS.length; index++) if (topic.includes(SECRETS.at(index)!)) return false;
		return this.#redact === undefined || !this.#redact(topic);
	}

	/** Makes room for a record, and writes all of it but the content. */
	private begin(
		now: number, sent: boolean, size: number, topic: string, topicLength: number, contentLength: number,
	): Writer {
		const ring = this.#ring!;
		const writer = this.#writer!;
		while (!ring.reserve(HEAD_LENGTH + topicLength + contentLength, writer)) ring.release(ring.first());
		this.#number++;
		writer.uint32(Math.floor(now - this.#startedAt) % WORD);
		writer.uint32((2 * size + (sent ? 1 : 0)) % WORD);
		writer.utf8Known(topic, topicLength);
		return writer;
	}

	/** As many of those that are wanted as fit; they leave the ring. */
	private encode(): Uint8Array {
		const ring = this.#ring!;
		const { first } = this;
		const lost = first - this.#next;
		const count = this.countFitting(first);
		this.#next = first + count;
		const writer = new CBORWriter(this.#host.text);
		writer.map(lost === 0 ? 2 : 3);
		writer.write("boot");
		writer.write(this.#boot);
		if (lost > 0) {
			writer.write("lost");
			writer.write(lost);
		}
		writer.write("messages");
		writer.array(count);
		const bytes = new Uint8Array(REPORT_LENGTH);
		for (let number = first; number < this.#next; number++) {
			const offset = ring.first();
			writer.write(this.read(offset, number, bytes));
			ring.release(offset);
		}
		return writer.finish();
	}

	private countFitting(first: number): number {
		const ring = this.#ring!;
		const last = Math.min(this.#wanted, this.#number);
		let room = REPORT_LENGTH - REPORT_HEAD;
		let number = first;
		for (let offset = ring.first(); number <= last; offset = ring.after(offset), number++) {
			room -= ring.length(offset) - HEAD_LENGTH + ITEM_OVERHEAD;
			if (room < 0) break;
		}
		return number - first;
	}

	/** @param bytes the record is copied there, and its content stays there */
	private read(offset: number, number: number, bytes: Uint8Array): CBORValue[] {
		const { text } = this.#host;
		const length = this.#ring!.length(offset);
		const writer = this.#writer!;
		writer.reset(bytes, 0, length);
		this.#ring!.read(offset, 0, length, writer);
		writer.clear();
		const reader = new Reader(text);
		reader.reset(bytes, 0, length);
		const at = reader.uint32();
		const size = reader.uint32();
		const start = HEAD_LENGTH + reader.uint16();
		const topic = text.decode(bytes, HEAD_LENGTH, start);
		const record: CBORValue[] = [number, at, size % 2, topic, Math.floor(size / 2)];
		if (start < length) record.push(bytes.subarray(start, length));
		return record;
	}
}

/** Of `value` at most so many bytes, whole characters; where some take several bytes, perhaps fewer than would fit. */
function beginning(text: TextCodec, value: string, maximum: number): string {
	let part = cut(value, maximum);
	while (text.byteLength(part) > maximum) part = cut(part, part.length >> 1);
	return part;
}
