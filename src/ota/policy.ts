// SPDX-License-Identifier: Apache-2.0
/** When an update may begin and when it may restart the device, as the program wants it. */
import { inRange } from "../base/range.js";
import { textDigest, type DigestingHost } from "../bytes/text-digest.js";
import { wordAt } from "../bytes/word.js";
import type { Progress } from "./record.js";

/** What an update waits for. */
export type WaitReason = "consent" | "battery" | "budget" | "rollout" | "window" | "clock";

export interface UpdatePolicy {
	/** Minutes after midnight UTC between which the device may restart; the end may lie on the next day. */
	readonly window?: { readonly from: number; readonly to: number } | undefined;
	/** Percent that the battery must have, to begin and to restart; `battery` of the handlers tells. */
	readonly battery?: number | undefined;
	/** Bytes that may be fetched in `period` ms. An update that costs more than what is left does not begin. */
	readonly budget?: { readonly bytes: number; readonly period: number } | undefined;
	/** True: nothing is fetched before the program accepts the offer. */
	readonly consent?: boolean | undefined;
}

const DAY = 1_440;
const MINUTE = 60_000;

/** @throws DeviceError `argument` */
export function checkPolicy({ window, battery, budget }: UpdatePolicy): void {
	if (window !== undefined) {
		inRange("window.from", window.from, 0, DAY);
		inRange("window.to", window.to, 0, DAY);
	}
	if (battery !== undefined) inRange("battery", battery, 0, 100);
	if (budget !== undefined) {
		inRange("budget.bytes", budget.bytes, 0, 2 ** 32 - 1);
		inRange("budget.period", budget.period, MINUTE, 2 ** 32 * 1_000);
	}
}

/** Whether the device may restart now. @param wall ms since 1970, where the clock was set */
export function windowWait({ window }: UpdatePolicy, wall: number | undefined): WaitReason | undefined {
	if (window === undefined) return undefined;
	if (wall === undefined) return "clock";
	const { from, to } = window;
	const minute = Math.floor(wall / MINUTE) % DAY;
	const isInside = from <= to ? minute >= from && minute < to : minute >= from || minute < to;
	return isInside ? undefined : "window";
}

/** @param battery percent that it has; `undefined` where there is none */
export function batteryWait({ battery: least }: UpdatePolicy, battery: number | undefined): WaitReason | undefined {
	return least !== undefined && battery !== undefined && battery < least ? "battery" : undefined;
}

/**
 * Whether what is to be fetched can be paid for. Begins a new period where the last one is over.
 * @param progress with what was spent, which is changed
 * @param cost bytes
 */
export function budgetWait(
	{ budget }: UpdatePolicy, wall: number | undefined, progress: Progress, cost: number,
): WaitReason | undefined {
	if (budget === undefined) return undefined;
	if (wall === undefined) return "clock";
	const { bytes, period } = budget;
	// A clock that went back begins anew, too.
	const elapsed = wall - progress.since * 1_000;
	if (elapsed >= period || elapsed < -DAY * MINUTE) {
		progress.since = Math.floor(wall / 1_000);
		progress.spent = 0;
	}
	return cost > bytes - progress.spent ? "budget" : undefined;
}

/** A number from 0 to 99: the same for the same ticket, and as often one as another. */
export function lot(host: DigestingHost, ticket: string): number {
	return wordAt(textDigest(host, ticket), 0) % 100;
}
