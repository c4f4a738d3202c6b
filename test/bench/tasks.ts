// SPDX-License-Identifier: Apache-2.0
/** What is measured on XS. */

export interface Task {
	direction: "received" | "sent";
	qos: 0 | 1;
	/** Bytes of payload. */
	size: number;
	/** Messages that are measured: counts of instructions repeat, so that few will do. */
	count: number;
}

const SIZES = [20, 200, 4_096, 65_536] as const;
const COUNT = 20;
const LONG = 65_536;
const LONG_COUNT = 4;

export const TASKS: readonly Task[] = (["received", "sent"] as const).flatMap((direction) =>
	([0, 1] as const).flatMap((qos) =>
		SIZES.map((size) => ({ direction, qos, size, count: size < LONG ? COUNT : LONG_COUNT }))));
