// SPDX-License-Identifier: Apache-2.0
/** What reports of devices say, and whether they say it rightly. Members that nobody here knows stay as they are. Pure. */
import type { ReportKind } from "../../../src/operations/report.js";
import type { Value } from "./formats.js";
import { isObject } from "./json.js";
import { Rejection } from "./rejection.js";

/** Number within the boot, ms since it, level (0 debug to 3 error), module, message, fields. */
export type LogRecord = readonly [
	number: number, at: number, level: number, module: string, message: string, fields?: { readonly [name: string]: Value },
];

/** Records of one boot. */
export interface LogsReport {
	readonly boot: number;
	/** Records that the device had no room for since its last batch. */
	readonly lost?: number | undefined;
	readonly records: readonly LogRecord[];
}

export interface HeartbeatReport {
	readonly boot: number;
	readonly number: number;
	/** ms since boot, at the end of the period. */
	readonly at: number;
	/** ms. */
	readonly period: number;
	/** ms since 1970, where the device knows it. */
	readonly wall?: number | undefined;
	readonly counters: { readonly [name: string]: number };
	readonly gauges: { readonly [name: string]: number };
	readonly timers: { readonly [name: string]: readonly [count: number, sum: number, maximum: number] };
}

export interface CrashReport {
	/** Of the run that crashed. */
	readonly boot: number;
	readonly fingerprint: string;
	readonly count: number;
	readonly reason: string;
	readonly message?: string | undefined;
	readonly stack?: string | undefined;
	readonly product?: string | undefined;
	readonly version?: string | undefined;
	readonly wall?: number | undefined;
	readonly heap?: Value | undefined;
	readonly vitals: { readonly [name: string]: Value };
	readonly logs: readonly LogRecord[];
}

/** Number within the boot, ms since it, whether the device sent it, topic or path, bytes, and of these the first. */
export type TracedMessage = readonly [
	number: number, at: number, sent: 0 | 1, topic: string, size: number, content?: Uint8Array | string,
];

export interface TraceReport {
	readonly boot: number;
	/** Messages that the device had no room for. */
	readonly lost?: number | undefined;
	readonly messages: readonly TracedMessage[];
}

export type ReportBody = LogsReport | HeartbeatReport | CrashReport | TraceReport;

type Members = { readonly [name: string]: unknown };
type Check = (value: unknown) => boolean;

const LEVEL_MAXIMUM = 3;
const FINGERPRINT = /^[0-9a-f]{8}$/;

const isText: Check = value => typeof value === "string";
const isNumber: Check = value => typeof value === "number" && Number.isFinite(value);
const isCount: Check = value => Number.isSafeInteger(value) && value as number >= 0;
const isTime: Check = value => isNumber(value) && value as number >= 0;
const isMap: Check = value => isObject(value) && !(value instanceof Uint8Array);
const isMapOf = (check: Check): Check => value => isMap(value) && Object.values(value as Members).every(check);
const isListOf = (check: Check): Check => value => Array.isArray(value) && value.every(check);
const isTuple = (...checks: Check[]): Check => value => Array.isArray(value) && value.length === checks.length
	&& checks.every((check, index) => check(value[index]));
const isEither = (...checks: Check[]): Check => value => checks.some(check => check(value));

const isLevel: Check = value => isCount(value) && value as number <= LEVEL_MAXIMUM;
const isDirection: Check = value => value === 0 || value === 1;
const RECORD = [isCount, isTime, isLevel, isText, isText];
const isRecord = isEither(isTuple(...RECORD), isTuple(...RECORD, isMap));
const MESSAGE = [isCount, isTime, isDirection, isText, isCount];
const isMessage = isEither(isTuple(...MESSAGE), isTuple(...MESSAGE, value => isText(value) || value instanceof Uint8Array));

const NEEDED: Readonly<Record<ReportKind, Readonly<Record<string, Check>>>> = Object.freeze({
	logs: { boot: isCount, records: isListOf(isRecord) },
	metrics: {
		boot: isCount, number: isCount, at: isTime, period: isTime, counters: isMapOf(isNumber), gauges: isMapOf(isNumber),
		timers: isMapOf(isTuple(isCount, isNumber, isNumber)),
	},
	crash: {
		boot: isCount, fingerprint: value => isText(value) && FINGERPRINT.test(value as string), count: isCount, reason: isText,
		vitals: isMap, logs: isListOf(isRecord),
	},
	trace: { boot: isCount, messages: isListOf(isMessage) },
});
const POSSIBLE: Readonly<Record<string, Check>> = Object.freeze({
	lost: isCount, wall: isTime, message: isText, stack: isText, product: isText, version: isText,
});

export function isReportKind(kind: string): kind is ReportKind {
	return Object.hasOwn(NEEDED, kind);
}

/** @throws Rejection when a member is missing or of another type, or records are not in order */
export function readReport(kind: ReportKind, report: Members): ReportBody {
	for (const [name, check] of Object.entries(NEEDED[kind])) {
		if (!check(report[name])) throw new Rejection(400, `${name} is missing or of another type`);
	}
	for (const [name, check] of Object.entries(POSSIBLE)) {
		if (report[name] !== undefined && !check(report[name])) throw new Rejection(400, `${name} is of another type`);
	}
	for (const list of ["records", "logs", "messages"]) {
		const records = report[list];
		if (Array.isArray(records) && !isAscending(records)) throw new Rejection(400, `${list} are not in order`);
	}
	return report as unknown as ReportBody;
}

function isAscending(records: readonly (readonly [number])[]): boolean {
	return records.every(([number], index) => index === 0 || number > records[index - 1]![0]);
}
