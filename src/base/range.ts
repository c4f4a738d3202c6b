// SPDX-License-Identifier: Apache-2.0
/** The one check of numbers that a program gives. */
import { DeviceError } from "./error.js";

/** @throws DeviceError `argument` when `value` is no whole number from `least` to `most` */
export function inRange(name: string, value: number, least: number, most: number): number {
	if (Number.isInteger(value) && value >= least && value <= most) return value;
	throw new DeviceError("argument", `${name} of ${String(value)} is not within ${least} to ${most}`);
}
