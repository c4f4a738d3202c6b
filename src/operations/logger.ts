// SPDX-License-Identifier: Apache-2.0
/** What a module of a program writes its records with. What is off costs a call and a comparison. */
import type { Allowance } from "./allowance.js";
import { Level, type LevelSetting } from "./log-level.js";
import type { LogFields } from "./log-record.js";

export interface Logger {
	/**
	 * @param message of at most MESSAGE_MAXIMUM bytes: of a longer one, the beginning is kept
	 * @param fields not kept, so that the object may be used again
	 */
	error(message: string, fields?: LogFields): void;
	/** As `error`. */
	warning(message: string, fields?: LogFields): void;
	/** As `error`. */
	info(message: string, fields?: LogFields): void;
	/** As `error`. */
	debug(message: string, fields?: LogFields): void;
}

/** Takes what is on. */
export interface LogSink {
	record(logger: ModuleLogger, level: number, message: string, fields: LogFields | undefined): void;
}

export class ModuleLogger implements Logger {
	/** What matters less is off. */
	threshold: number = Level.ERROR;
	readonly module: string;
	readonly allowance: Allowance;
	readonly setting: LevelSetting;
	readonly #sink: LogSink;

	constructor(sink: LogSink, module: string, setting: LevelSetting, allowance: Allowance) {
		this.#sink = sink;
		this.module = module;
		this.setting = setting;
		this.allowance = allowance;
	}

	error(message: string, fields?: LogFields): void {
		this.#sink.record(this, Level.ERROR, message, fields);
	}

	warning(message: string, fields?: LogFields): void {
		if (this.threshold >= Level.WARNING) this.#sink.record(this, Level.WARNING, message, fields);
	}

	info(message: string, fields?: LogFields): void {
		if (this.threshold >= Level.INFO) this.#sink.record(this, Level.INFO, message, fields);
	}

	debug(message: string, fields?: LogFields): void {
		if (this.threshold >= Level.DEBUG) this.#sink.record(this, Level.DEBUG, message, fields);
	}
}
