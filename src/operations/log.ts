// SPDX-License-Identifier: Apache-2.0
/**
 * The log of a device: what its modules say, as records that are kept in RAM and, from a level up, on flash, and told
 * to the cloud in batches.
 *
 * Each record has a number, counted up within a boot, and the boot has one: together they are the exact order, and
 * what is missing shows. Limited are the length of a record, the bytes a minute of each module and of all, those that
 * go to the flash, and those that go to the cloud. Nothing is ever logged about the log: what is said while it works is
 * left out.
 *
 * Where the platform has memory that survives a reset, the records in RAM lie there, so that the last of them are
 * found after a crash. They are not sent in batches then: those that matter are on flash.
 */
import { Alarm, type AlarmOwner } from "../base/alarm.js";
import { DeviceError } from "../base/error.js";
import { isName } from "../base/name.js";
import { inRange } from "../base/range.js";
import type { Host } from "../host.js";
import { Allowance } from "./allowance.js";
import type { FlashOptions } from "./flash-records.js";
import { levelName, levelOf, LevelSetting, NO_LEVEL, type LogLevel } from "./log-level.js";
import { lineOf, MESSAGE_MAXIMUM, MODULE_MAXIMUM, RECORD_LENGTH, type LogFields } from "./log-record.js";
import { LogRecords, type LogRecordsOwner } from "./log-records.js";
import { ModuleLogger, type Logger, type LogSink } from "./logger.js";
import { RING_MINIMUM } from "./record-ring.js";
import { REPORT_LENGTH, type ReportSource } from "./report.js";

/** Where the log's part of the memory begins that survives a reset: what is before belongs to the vital signs. */
export const RETAINED_START = 512;
export const MODULES_MAXIMUM = 32;
/** Of the bytes a minute, the part that one module may use up, so that the others are heard beside it. */
const MODULE_SHARE = 0.5;
/** Bytes a minute: half of the least, which can be spent at once, is the longest report. */
const BYTES_PER_MINUTE = Object.freeze({ MINIMUM: 2 * REPORT_LENGTH, DEFAULT: 8_192, MAXIMUM: 1_048_576 });
/** Bytes for the records in RAM where no memory survives a reset. */
const MEMORY = Object.freeze({ DEFAULT: 2_048, MAXIMUM: 65_536 });
/** ms that a record on flash may wait to be committed. */
export const FLUSH_DELAY = 2_000;
/** ms that a record may wait for others to be sent with; and how many make a batch at once. */
export const BATCH_DELAY = 10_000;
export const BATCH_RECORDS = 12;
/** ms until the next batch after one that was refused: else what programs log of that would go round in circles. */
export const REFUSAL_DELAY = 600_000;
const TIME_TO_LIVE_MAXIMUM = 2 ** 31 - 1;
/** In place of a record's number: nothing is to be sent. */
const NOTHING = -1;

export interface LogOptions {
	/** Of all modules that have none of their own. Default "info". */
	readonly level?: LogLevel | undefined;
	/** By the names of modules. */
	readonly modules?: Readonly<Record<string, LogLevel>> | undefined;
	/**
	 * Bytes of records in any minute, at most: half of it at once, and half of it minute for minute. Of one module,
	 * half of that. As many to the cloud. Default 8,192.
	 */
	readonly bytesPerMinute?: number | undefined;
	/** Bytes for records in RAM, where no memory survives a reset. Default 2,048. */
	readonly memory?: number | undefined;
	/** Where records of this level (default "warning") survive resets. Default: nowhere. */
	readonly flash?: FlashOptions & { readonly level?: LogLevel | undefined } | undefined;
	/** "always": records are sent as they come; "demand": those that are there when `upload` is called. Default. */
	readonly upload?: "demand" | "always" | undefined;
	/** Records of this level are shown to the developer, too. Default: none. */
	readonly echo?: LogLevel | undefined;
}

/** Run from a timer. */
export interface LogCallbacks {
	/** There is a batch for the cloud: `deadline` is another one. */
	onReport?(): void;
	/** The flash refused something. Told once: the log goes on without. */
	onError?(error: DeviceError): void;
}

export class Log implements ReportSource, AlarmOwner, LogSink, LogRecordsOwner {
	readonly kind = "logs";
	readonly #host: Host;
	readonly #records: LogRecords;
	readonly #began: number;
	readonly #allowance: Allowance;
	readonly #flashLevel: number;
	readonly #echo: number;
	/** The log works: what is said now is about itself. */
	#isBusy = false;
	/** Number of the last record that is to be sent; Infinity: all that come. */
	#wanted: number;
	/** When the next batch is due, and before when there is none: monotonic ms. */
	#due = Infinity;
	#refusedUntil = 0;
	/** The last batch was answered, or none was ever made, and nothing planned since. */
	#isAnswered = false;
	/** Of the way to the cloud. */
	readonly #uplink: Allowance;
	readonly #setting: LevelSetting;
	readonly #loggers: ModuleLogger[] = [];
	/** When each of them is due: a level ends, the flash is to be flushed, somebody to be told of a batch. */
	#levelAt = Infinity;
	#flushAt = Infinity;
	#tellAt = Infinity;
	readonly #alarm: Alarm;
	readonly #options: LogOptions;
	readonly #callbacks: LogCallbacks;
	#fault: DeviceError | undefined;
	#isFaultTold = false;

	/**
	 * Takes over what the run before left.
	 * @param boot its number, from `countBoot`
	 * @throws DeviceError `argument`
	 */
	constructor(host: Host, boot: number, options: LogOptions = {}, callbacks: LogCallbacks = {}) {
		const { level = "info", bytesPerMinute = BYTES_PER_MINUTE.DEFAULT, flash, upload, echo } = options;
		const { MINIMUM, MAXIMUM } = BYTES_PER_MINUTE;
		inRange("bytes per minute", bytesPerMinute, MINIMUM, MAXIMUM);
		this.#host = host;
		this.#options = options;
		this.#callbacks = callbacks;
		const now = this.#began = host.time.now();
		this.#allowance = new Allowance(bytesPerMinute, now);
		this.#uplink = new Allowance(bytesPerMinute, now);
		this.#setting = new LevelSetting(levelOf(level));
		this.#echo = echo === undefined ? NO_LEVEL : levelOf(echo);
		this.#flashLevel = flash === undefined ? NO_LEVEL : levelOf(flash.level ?? "warning");
		this.#wanted = upload === "always" ? Infinity : NOTHING;
		this.#alarm = new Alarm(host, this);
		this.#records = new LogRecords(host, boot, memoryOf(host, options), flash, this);
		// The flash is opened in a turn of its own; what is there then is as after any other batch.
		this.#isAnswered = flash !== undefined;
		this.arm();
	}

	/**
	 * What a module writes its records with: the same each time.
	 * @param module its name: letters, digits and `-_.:/`, at most MODULE_MAXIMUM
	 * @throws DeviceError `argument`; `full` beyond MODULES_MAXIMUM
	 */
	logger(module: string): Logger {
		const known = this.find(module);
		if (known !== undefined) return known;
		if (!isName(module, MODULE_MAXIMUM, "-_.:/")) {
			throw new DeviceError("argument", `a module's name is 1 to ${MODULE_MAXIMUM} letters, digits or -_.:/`);
		}
		if (this.#loggers.length === MODULES_MAXIMUM) {
			throw new DeviceError("full", `more than ${MODULES_MAXIMUM} modules that log`);
		}
		const { modules = {}, bytesPerMinute = BYTES_PER_MINUTE.DEFAULT } = this.#options;
		const own = Object.hasOwn(modules, module) ? modules[module] : undefined;
		const setting = new LevelSetting(own === undefined ? NO_LEVEL : levelOf(own));
		const allowance = new Allowance(bytesPerMinute * MODULE_SHARE, this.#host.time.now());
		const logger = new ModuleLogger(this, module, setting, allowance);
		this.#loggers.push(logger);
		this.setThresholds();
		return logger;
	}

	/**
	 * Sets the level of a module, or of all that have none of their own, until it is set again or a reset.
	 * @param module `undefined`: of all
	 * @param level `undefined`: what is configured
	 * @param timeToLive ms after which it is what is configured; absent: it stays
	 * @throws DeviceError `argument`, also for a module that is not there
	 */
	setLevel(module: string | undefined, level: LogLevel | undefined, timeToLive?: number): void {
		const setting = module === undefined ? this.#setting : this.find(module)?.setting;
		if (setting === undefined) throw new DeviceError("argument", "there is no such module");
		const until = timeToLive === undefined ? Infinity
			: this.#host.time.now() + inRange("time to live", timeToLive, 1, TIME_TO_LIVE_MAXIMUM);
		setting.set(level === undefined ? NO_LEVEL : levelOf(level), until);
		this.setThresholds();
		this.arm();
	}

	/** Levels as they are now: of the modules that have one of their own, and as "" of all others. */
	levels(): Record<string, LogLevel> {
		const levels: Record<string, LogLevel> = { "": levelName(this.#setting.level) };
		for (const { module, setting } of this.#loggers) {
			if (setting.level !== NO_LEVEL) levels[module] = levelName(setting.level);
		}
		return levels;
	}

	/** The last records of the run before, in an array in CBOR, where the platform has kept them. Handed over once. */
	previous(): Uint8Array | undefined {
		const { previous } = this.#records;
		this.#records.previous = undefined;
		return previous;
	}

	/** All records that are there are to be sent. */
	upload(): void {
		this.#wanted = Math.max(this.#wanted, this.#records.number);
		this.#refusedUntil = 0;
		if (this.#records.hasUpTo(this.#wanted)) this.setDue(0);
	}

	/** Makes durable what is on its way to the flash: before a restart that is meant. */
	flush(): void {
		this.#flushAt = Infinity;
		this.#records.keep();
		this.#records.flush();
	}

	/** No callback follows, and no record. */
	close(): void {
		this.flush();
		this.#alarm.set(Infinity);
		this.#isBusy = true;
	}

	/** For loggers. */
	record(logger: ModuleLogger, level: number, message: string, fields: LogFields | undefined): void {
		if (this.#isBusy) return;
		const now = this.#host.time.now();
		if (!logger.allowance.has(RECORD_LENGTH, now) || !this.#allowance.has(RECORD_LENGTH, now)) {
			this.#records.lost++;
			return;
		}
		const records = this.#records;
		const { encoder } = records;
		const ms = Math.max(0, Math.floor(now - this.#began));
		// All from here, and little within: the stack is the program's.
		this.#isBusy = true;
		records.begin(ms, level);
		encoder.text(logger.module, MODULE_MAXIMUM);
		encoder.text(message, MESSAGE_MAXIMUM);
		if (fields !== undefined) encoder.fields(fields);
		const length = records.end(level, level <= this.#flashLevel);
		logger.allowance.spend(length);
		this.#allowance.spend(length);
		if (level <= this.#echo) this.#host.trace(lineOf(ms, level, logger.module, message, fields));
		this.#isBusy = false;
		if (this.#records.hasPending) this.arm();
		this.plan(now);
	}

	get deadline(): number {
		const { batch, hasPending } = this.#records;
		if (batch !== undefined) return 0;
		if (hasPending || this.#due === Infinity) return Infinity;
		return Math.max(this.#due, this.#refusedUntil, this.#uplink.availableAt(REPORT_LENGTH));
	}

	next(now: number): Uint8Array | undefined {
		const records = this.#records;
		if (records.batch === undefined && now >= this.deadline && this.#uplink.has(REPORT_LENGTH, now)) {
			const batch = records.makeBatch(this.#wanted);
			if (batch !== undefined) {
				this.#uplink.spend(batch.report.byteLength);
			} else {
				this.#due = Infinity;
				if (this.#wanted !== Infinity) this.#wanted = NOTHING;
			}
		}
		return records.batch?.report;
	}

	accepted(now: number): void {
		const records = this.#records;
		if (records.batch === undefined) return;
		records.accepted();
		this.#due = Infinity;
		this.#isAnswered = true;
		if (records.hasPending) this.arm();
		else this.settle(now);
	}

	refused(_error: DeviceError, now: number): void {
		const count = this.#records.batch?.count ?? 0;
		this.accepted(now);
		this.#records.lost += count;
		this.#refusedUntil = now + REFUSAL_DELAY;
	}

	/** The flash refused something. */
	fail(error: DeviceError): void {
		if (this.#fault !== undefined) return;
		this.#fault = error;
		this.#alarm.set(0);
	}

	expire(): void {
		const now = this.#host.time.now();
		if (now >= this.#levelAt) {
			this.#setting.expire(now);
			for (let index = 0; index < this.#loggers.length; index++) this.#loggers[index]!.setting.expire(now);
			this.setThresholds();
		}
		this.expireFlash(now);
		this.tellFault();
		if (now >= this.#tellAt) {
			this.#tellAt = Infinity;
			this.#callbacks.onReport?.();
		}
		this.arm();
	}

	private expireFlash(now: number): void {
		const records = this.#records;
		if (records.hasPending) {
			records.keep();
			// Batches waited for it.
			this.#tellAt = this.#due;
			if (this.#isAnswered) this.settle(now);
		}
		if (now >= this.#flushAt) this.flush();
		else if (this.#flushAt === Infinity && records.hasStaged) this.#flushAt = now + FLUSH_DELAY;
	}

	/** A batch was answered: when the next is due. */
	private settle(now: number): void {
		this.#isAnswered = false;
		if (this.#wanted === Infinity && !this.#records.hasFormer) return this.plan(now);
		if (this.#records.hasUpTo(this.#wanted)) this.setDue(0);
		else this.#wanted = NOTHING;
	}

	/** What waits is to be sent, together with what may come until then. */
	private plan(now: number): void {
		const { waiting } = this.#records;
		if (this.#wanted !== Infinity || waiting === 0) return;
		const due = waiting >= BATCH_RECORDS ? now : now + BATCH_DELAY;
		if (due < this.#due) this.setDue(due);
	}

	private setDue(due: number): void {
		this.#due = this.#tellAt = due;
		this.arm();
	}

	private tellFault(): void {
		const fault = this.#fault;
		if (fault === undefined || this.#isFaultTold) return;
		this.#isFaultTold = true;
		this.#isBusy = true;
		try {
			this.#callbacks.onError?.(fault);
		} finally {
			this.#isBusy = false;
		}
	}

	private find(module: string): ModuleLogger | undefined {
		return this.#loggers.find((logger) => logger.module === module);
	}

	private setThresholds(): void {
		const loggers = this.#loggers, { level, until } = this.#setting;
		this.#levelAt = until;
		for (let index = 0; index < loggers.length; index++) {
			const logger = loggers[index]!;
			const { setting } = logger;
			logger.threshold = setting.level === NO_LEVEL ? level : setting.level;
			this.#levelAt = Math.min(this.#levelAt, setting.until);
		}
	}

	private arm(): void {
		const isFaultNew = this.#fault !== undefined && !this.#isFaultTold;
		const isUrgent = isFaultNew || this.#records.hasPending;
		this.#alarm.set(isUrgent ? 0 : Math.min(this.#levelAt, this.#flushAt, this.#tellAt));
	}
}

/** Memory that survives a reset, where there is some. */
function memoryOf(host: Host, { memory = MEMORY.DEFAULT }: LogOptions): Uint8Array {
	const length = inRange("memory of the log", memory, RING_MINIMUM, MEMORY.MAXIMUM);
	return host.system.retained?.subarray(RETAINED_START) ?? new Uint8Array(length);
}
