// SPDX-License-Identifier: Apache-2.0
/** A log on a host in the hands of the test, and what it says, read as a cloud would. */
import assert from "node:assert/strict";
import { Vocabulary } from "../../../src/bytes/vocabulary.js";
import { decodeCBOR } from "../../../src/cbor/decode.js";
import type { FlashPartition, FlashProvider, System } from "../../../src/host.js";
import { RETAINED_LENGTH } from "../../../src/host.js";
import { Log, type LogCallbacks, type LogOptions } from "../../../src/operations/log.js";
import { REPORT_LENGTH } from "../../../src/operations/report.js";
import { FakeHost } from "../fake-host.js";
import { guarded } from "../storage/guarded.js";
import { MemoryPartition } from "../storage/memory-partition.js";
import { text } from "../text.js";

export type Fields = Record<string, unknown>;
/** Number, ms, level, module, message, fields. */
export type LogRecord = [number, number, number, string, string, Fields?];
export interface Batch { boot: number; lost?: number; records: LogRecord[] }

export class LogHost extends FakeHost {
	readonly lines: string[] = [];
	readonly partition: MemoryPartition;
	override readonly flash: FlashProvider = { open: () => guarded(this.partition) as FlashPartition };
	override readonly system: System;

	/** @param retained memory that survives the host; `undefined`: there is none */
	constructor(partition = new MemoryPartition(4096, 4), retained?: Uint8Array) {
		super();
		this.partition = partition;
		this.system = { restart: () => assert.fail(), resetReason: "software", identifier: "fake", crash: undefined, retained, heap: () => undefined };
	}

	override trace(line?: string): void {
		this.lines.push(line!);
	}
}

export const retained = (): Uint8Array => new Uint8Array(RETAINED_LENGTH);

export function open(host: LogHost, options?: LogOptions, boot = 1, callbacks?: LogCallbacks): Log {
	return new Log(host, boot, options, callbacks);
}

export function decoded(bytes: Uint8Array): unknown {
	return decodeCBOR(text, bytes, 0, bytes.byteLength, new Vocabulary([], 64));
}

/** What the log offers now, not accepted yet. */
export function offered(log: Log, host: LogHost): Batch | undefined {
	const report = log.next(host.clock);
	if (report === undefined) return undefined;
	assert.ok(report.byteLength <= REPORT_LENGTH);
	return decoded(report) as Batch;
}

/** Takes all that the log offers, as fast as it does, until it has nothing. */
export function drain(log: Log, host: LogHost): Batch[] {
	const batches: Batch[] = [];
	// What is for the flash goes there first; and what the cloud has is forgotten there in a turn of its own.
	host.advance(0);
	while (log.deadline !== Infinity) {
		host.advance(Math.max(0, log.deadline - host.clock));
		const batch = offered(log, host);
		if (batch === undefined) continue;
		batches.push(batch);
		log.accepted(host.clock);
		host.advance(0);
	}
	return batches;
}

/** All records that are there. */
export function records(log: Log, host: LogHost): LogRecord[] {
	log.upload();
	return drain(log, host).flatMap((batch) => batch.records);
}
