// SPDX-License-Identifier: Apache-2.0
/** When an update may begin and when it may restart the device, as the program wants it. */
import { inRange } from "../base/range.js";

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
