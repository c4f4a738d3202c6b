// SPDX-License-Identifier: Apache-2.0
/**
 * A crash report as it is kept: the pairs of its map behind their number, so that what is not known before it is sent
 * can be put in front of them.
 *
 * What is longer than a report may be loses the outer frames of its stack first, then its oldest log records.
 */
import type { Firmware } from "../base/firmware.js";
import { encodeCBOR } from "../cbor/encode.js";
import { CBORReader } from "../cbor/reader.js";
import type { CBORObject } from "../cbor/value.js";
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

/** @returns at most `BODY_LENGTH` bytes and one */
export function encodeBody(text: TextCodec, facts: CrashFacts): Uint8Array {
	const { crash, firmware, wall, vitals, logs } = facts;
	const body: CBORObject = {
		boot: facts.boot, fingerprint: facts.fingerprint, reason: crash.reason, vitals: vitals?.board ?? {},
	};
	if (crash.message !== "") body["message"] = crash.message;
	if (firmware !== undefined) {
		body["product"] = legible(text, firmware.product, NAME_MAXIMUM);
		body["version"] = legible(text, firmware.version, NAME_MAXIMUM);
	}
	if (wall !== undefined) body["wall"] = wall;
	if (vitals !== undefined && Object.keys(vitals.heap).length > 0) body["heap"] = vitals.heap;
	let pairs = encodeCBOR(text, body);
	if (crash.stack !== "") {
		const room = BODY_LENGTH - pairs.byteLength - HEADS - (logs === undefined ? HEADS : LOGS_LENGTH);
		body["stack"] = innermost(text, crash.stack, room);
		pairs = encodeCBOR(text, body);
	}
	const records = newest(text, logs, BODY_LENGTH - pairs.byteLength - HEADS);
	const name = encodeCBOR(text, "logs");
	const whole = new Uint8Array(pairs.byteLength + name.byteLength + records.byteLength);
	// In place of the map's head, which is one byte of few pairs.
	whole.set(pairs);
	whole.fill(Object.keys(body).length + 1, 0, 1);
	whole.set(name, pairs.byteLength);
	whole.set(records, pairs.byteLength + name.byteLength);
	return whole;
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
