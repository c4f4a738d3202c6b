// SPDX-License-Identifier: Apache-2.0
/** How much a record matters, and from where on it is written: what is configured, and what is set for a time. */
import { DeviceError } from "../base/error.js";

export type LogLevel = "error" | "warning" | "info" | "debug";

/** As numbers, as records have them: what matters less has the higher one. */
export const Level = Object.freeze({ ERROR: 0, WARNING: 1, INFO: 2, DEBUG: 3 });
/** Less than all that matter. */
export const NO_LEVEL = -1;

const NAMES: readonly LogLevel[] = Object.freeze(["error", "warning", "info", "debug"]);

/** @throws DeviceError `argument` */
export function levelOf(name: LogLevel): number {
	const level = NAMES.indexOf(name);
	if (level < 0) throw new DeviceError("argument", `there is no level "${String(name)}"`);
	return level;
}

export function levelName(level: number): LogLevel {
	return NAMES[level]!;
}

/** The level of a module, or of all that have none of their own. */
export class LevelSetting {
	readonly #configured: number;
	/** NO_LEVEL: none was set. */
	#set = NO_LEVEL;
	/** When what was set ends: monotonic ms. */
	until = Infinity;

	/** @param configured NO_LEVEL: none */
	constructor(configured: number) {
		this.#configured = configured;
	}

	/** NO_LEVEL: that of all. */
	get level(): number {
		return this.#set === NO_LEVEL ? this.#configured : this.#set;
	}

	/** @param level NO_LEVEL: the one that is configured */
	set(level: number, until: number): void {
		this.#set = level;
		this.until = level === NO_LEVEL ? Infinity : until;
	}

	/** Ends what is to end by now. */
	expire(now: number): void {
		if (now >= this.until) this.set(NO_LEVEL, Infinity);
	}
}
