// SPDX-License-Identifier: Apache-2.0
/**
 * A crash report as it is kept: the pairs of its map behind their number, so that what is not known before it is sent
 * can be put in front of them.
 *
 * What is longer than a report may be loses the outer frames of its stack first, then its oldest log records.
 */
import type { Firmware } from "../base/firmware.js";
import { CBORReader } from "../cbor/reader.js";
import type { CBORObject, CBORValue } from "../cbor/value.js";
import { CBORWriter } from "../cbor/writer.js";
import type { Crash, TextCodec } from "../host.js";
import { REPORT_LENGTH } from "./report.js";
import type { LastVitals } from "./vitals.js";

/** Bytes kept: a report, less the head of its map, `count` and `consecutive` with a word each. */
export const BODY_LENGTH = REPORT_LENGTH - 1 - 6 - 5 - 12 - 5;
/** Bytes that the stack leaves for log records, where there are any. */
const LOGS_LENGTH = 224;
/** Bytes of a short member's name, and of the heads of it and a value. */
const HEADS = 10;
/** Characters of what the firmware calls itself. */
const NAME_MAXIMUM = 40;

export interface CrashFacts {
	/** Of the run that crashed. */
	readonly boot: number;
	readonly fingerprint: string;
	readonly crash: Crash;
	readonly firmware: Pick<Firmware, "product" | "version"> | undefined;
	/** ms since 1970. */
	readonly wall: number | undefined;
	readonly vitals: LastVitals | undefined;
	/** The last log records of that run: an array in CBOR. */
	readonly logs: Uint8Array | undefined;
}

class Pairs {
	readonly #writer: CBORWriter;
	count = 0;

	constructor(text: TextCodec) {
		this.#writer = new CBORWriter(text);
	}

	add(name: string, value: CBORValue | undefined): void {
		if (value === undefined) return;
		this.#writer.write(name);
		this.#writer.write(value);
		this.count++;
	}

	/** @param logs an array in CBOR */
	finish(logs: Uint8Array): Uint8Array {
		this.#writer.write("logs");
		const pairs = this.#writer.finish();
		const whole = new Uint8Array(1 + pairs.byteLength + logs.byteLength);
		whole.fill(this.count + 1, 0, 1);
		whole.set(pairs, 1);
		whole.set(logs, 1 + pairs.byteLength);
		return whole;
	}

	get length(): number {
		return this.#writer.finish().byteLength;
	}
}

/** @returns at most `BODY_LENGTH` bytes and one */
export function encodeBody(text: TextCodec, facts: CrashFacts): Uint8Array {
	const { crash, firmware, vitals, logs } = facts;
	const pairs = new Pairs(text);
	const heap: CBORObject = vitals?.heap ?? {};
	pairs.add("boot", facts.boot);
	pairs.add("fingerprint", facts.fingerprint);
	pairs.add("reason", crash.reason);
	if (crash.message !== "") pairs.add("message", crash.message);
	if (firmware !== undefined) {
		pairs.add("product", legible(text, firmware.product, NAME_MAXIMUM));
		pairs.add("version", legible(text, firmware.version, NAME_MAXIMUM));
	}
	pairs.add("wall", facts.wall);
	if (Object.keys(heap).length > 0) pairs.add("heap", heap);
	pairs.add("vitals", vitals?.board ?? {});
	const room = BODY_LENGTH - pairs.length - HEADS - (logs === undefined ? 1 : LOGS_LENGTH);
	const stack = innermost(text, crash.stack, room);
	if (stack !== "") pairs.add("stack", stack);
	return pairs.finish(newest(text, logs, BODY_LENGTH - pairs.length - HEADS));
}

/** A report: what was kept of it, and what is known by now. */
export function completeBody(text: TextCodec, kept: Uint8Array, count: number, consecutive: number): Uint8Array {
	const writer = new CBORWriter(text);
	writer.map((kept.at(0) ?? 0) + 2);
	writer.write("count");
	writer.write(count);
	writer.write("consecutive");
	writer.write(consecutive);
	const front = writer.finish();
	const report = new Uint8Array(front.byteLength + kept.byteLength - 1);
	report.set(front);
	report.set(kept.subarray(1), front.byteLength);
	return report;
}

/** The first characters of a text; where they are not Unicode, those of ASCII alone. */
export function legible(text: TextCodec, value: string, most: number): string {
	const kept = value.slice(0, most);
	try {
		text.byteLength(kept);
		return kept;
	} catch {
		let plain = "";
		for (let at = 0; at < kept.length; at++) plain += kept.charCodeAt(at) < 0x80 ? kept.charAt(at) : "?";
		return plain;
	}
}

/** As many whole lines, from the first on, as take no more than `most` bytes. */
function innermost(text: TextCodec, stack: string, most: number): string {
	let kept = stack;
	while (kept !== "" && text.byteLength(kept) > most) kept = kept.slice(0, Math.max(0, kept.lastIndexOf("\n")));
	return kept;
}

/** As many of the last records as take no more than `most` bytes with their head; none where they are no records. */
function newest(text: TextCodec, logs: Uint8Array | undefined, most: number): Uint8Array {
	const starts = logs === undefined ? [] : itemsOf(text, logs);
	const end = starts.pop() ?? 0;
	const room = most - HEADS / 2;
	let first = 0;
	while (first < starts.length && end - starts[first]! > room) first++;
	const writer = new CBORWriter(text);
	writer.array(starts.length - first);
	const head = writer.finish();
	if (logs === undefined || first === starts.length) return head;
	const whole = new Uint8Array(head.byteLength + end - starts[first]!);
	whole.set(head);
	whole.set(logs.subarray(starts[first]!, end), head.byteLength);
	return whole;
}

/** Where the items of an array begin, and where it ends; nothing where it is none. */
function itemsOf(text: TextCodec, bytes: Uint8Array): number[] {
	const reader = new CBORReader(text);
	const starts: number[] = [];
	try {
		reader.reset(bytes, 0, bytes.byteLength);
		reader.array();
		while (reader.more()) {
			starts.push(reader.position);
			reader.skipItem();
		}
	} catch {
		return [];
	}
	starts.push(reader.position);
	return starts;
}
