// SPDX-License-Identifier: Apache-2.0
/** A host of which the test says how the last run ended, what memory it left, and what the wall clock shows. */
import { Vocabulary } from "../../../src/bytes/vocabulary.js";
import { decodeCBOR } from "../../../src/cbor/decode.js";
import type { Clocks, Crash, Heap, ResetReason, System } from "../../../src/host.js";
import { FakeHost } from "../fake-host.js";
import { text } from "../text.js";

export class TelemetryHost extends FakeHost {
	resetReason: ResetReason = "power-on";
	crash: Crash | undefined;
	retained: Uint8Array | undefined;
	heap: Heap | undefined;
	wallClock: number | undefined;
	override readonly system: System;
	override readonly time: Clocks = { now: () => this.clock, wall: () => this.wallClock };

	constructor() {
		super();
		const host = this;
		this.system = {
			restart() {
				throw new Error("not part of this host");
			},
			identifier: "fake",
			get resetReason() { return host.resetReason; },
			get crash() { return host.crash; },
			get retained() { return host.retained; },
			heap: () => host.heap,
		};
	}

	/** Writes and deletes of the storage since the last time. */
	takeWrites(): number {
		return this.stores.splice(0).filter((operation) => operation === "write" || operation === "delete").length;
	}
}

export type Report = Record<string, unknown>;

/** What a report says. */
export function read(report: Uint8Array | undefined): Report | undefined {
	return report && decodeCBOR(text, report, 0, report.byteLength, new Vocabulary([], 200)) as unknown as Report;
}
