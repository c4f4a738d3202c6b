// SPDX-License-Identifier: Apache-2.0
/** What a device tells of itself without being asked: logs, metrics, crashes and messages that passed, in batches. */
import type { DeviceError } from "../base/error.js";

export type ReportKind = "logs" | "metrics" | "crash" | "trace";

/** Bytes of one report, the longest: small enough that what matters more need not wait for it. */
export const REPORT_LENGTH = 1_024;

/** Where reports of one kind come from, the oldest first. Who has more than it can keep gives up the oldest. */
export interface ReportSource {
	readonly kind: ReportKind;
	/** Monotonic ms from which on `next` has something: 0 for at once, `Infinity` for nothing. */
	readonly deadline: number;
	/**
	 * @returns the oldest report that the cloud does not have, in CBOR, at most REPORT_LENGTH bytes: borrowed until the
	 * next call. The same again until `accepted` or `refused`, and nothing is lost if none of them ever comes.
	 */
	next(now: number): Uint8Array | undefined;
	/** The cloud has what `next` gave last. */
	accepted(now: number): void;
	/** The cloud will never take it. */
	refused(error: DeviceError, now: number): void;
}

/** What reports ask of a cloud. False: there is no room now, ask again later; what throws is given up. */
export interface ReportsPort {
	/** @param token what the answer names @param body in CBOR, borrowed */
	report(token: string, kind: ReportKind, body: Uint8Array): boolean;
}
