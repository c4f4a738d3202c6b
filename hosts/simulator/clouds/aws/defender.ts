// SPDX-License-Identifier: Apache-2.0
/**
 * Device Defender: the metrics that devices report of themselves, `$aws/things/{thing}/defender/metrics/`.
 *
 * Pure. A report is written with long or with short names throughout; it is kept with the long ones.
 */
import { decode, encode, isFormat, type Format } from "../../services/formats.js";
import { CUSTOM, HEADER, METRICS, read, type Style } from "./report.js";
import { Rejection, Request } from "./request.js";
import type { AwsContext, AwsMessage, AwsService } from "./service.js";

export interface Report {
	reportId: number;
	/** Wall clock, ms since 1970. */
	receivedAt: number;
	/** With long names. */
	metrics: any;
	/** Name to value. */
	customMetrics: any;
}

export interface DefenderOptions {
	/** ms between two reports of a thing; one that comes sooner is refused with `Throttled`. */
	intervalMinimum?: number | undefined;
	/** Things whose reports are kept; the one that was first makes room. */
	thingCountMaximum?: number | undefined;
}

export const INTERVAL_MINIMUM = 300_000;
const VERSION = "1.0";
/** Reports kept of each thing; the oldest makes room. */
const KEPT_MAXIMUM = 10;
const THING_COUNT_MAXIMUM = 10_000;

export class DefenderService implements AwsService {
	/** Runs after each report that was accepted. */
	onReport: ((thing: string, report: Report) => void) | undefined;
	readonly deadline = Infinity;
	readonly #context: AwsContext;
	readonly #intervalMinimum: number;
	readonly #thingCountMaximum: number;
	readonly #things = new Map<string, { acceptedAt: number; reports: Report[] }>();

	constructor(context: AwsContext, options: DefenderOptions = {}) {
		this.#context = context;
		this.#intervalMinimum = options.intervalMinimum ?? INTERVAL_MINIMUM;
		this.#thingCountMaximum = options.thingCountMaximum ?? THING_COUNT_MAXIMUM;
	}

	/** The last reports of a thing, the newest last. */
	reports(thing: string): readonly Report[] {
		return [...this.#things.get(thing)?.reports ?? []];
	}

	receive(message: AwsMessage): boolean {
		const { levels, topic, now } = message, thing = levels[2]!, format = levels[5];
		if (levels[1] !== "things" || levels[3] !== "defender" || levels[4] !== "metrics" || levels.length !== 6 || !isFormat(format)) return false;
		const answer: Record<string, unknown> = { thingName: thing };
		let status = "ACCEPTED";
		try {
			this.#accept(thing, parse(format, message.payload), now, answer);
		} catch (error) {
			if (!(error instanceof Rejection)) throw error;
			status = "REJECTED";
			answer["statusDetails"] = { ErrorCode: error.code, ErrorMessage: error.message };
		}
		const body = { ...answer, status, timestamp: this.#context.wall() };
		this.#context.publish(`${topic}/${status.toLowerCase()}`, encode(format, body));
		return true;
	}

	expire(): void {
		// Nothing here waits.
	}

	/** @param answer gets the report's id as soon as it is known */
	#accept(thing: string, report: Request, now: number, answer: Record<string, unknown>): void {
		const style: Style = report.member("hed") === undefined ? "long" : "short";
		const header = report.member(style === "long" ? "header" : "hed");
		if (header === undefined) throw new Rejection("MissingHeader", "The report has no header");
		const { report_id: reportId, version } = read(header, HEADER, style) as { report_id: number; version: string };
		answer["reportId"] = reportId;
		if (reportId < 1) throw report.wrong("The report id must be positive");
		if (version !== VERSION) throw report.wrong(`The version must be ${VERSION}`);
		const metrics = report.member(style === "long" ? "metrics" : "met"), custom = report.member(style === "long" ? "custom_metrics" : "cmet");
		if (metrics === undefined && custom === undefined) throw report.wrong("The report has no metrics");
		const entry = {
			reportId, receivedAt: this.#context.wall(),
			metrics: metrics === undefined ? {} : read(metrics, METRICS, style), customMetrics: custom === undefined ? {} : read(custom, CUSTOM, style),
		};
		if (!this.#context.hasThing(thing)) throw report.wrong(`There is no thing ${thing}`);
		const known = this.#things.get(thing), last = known?.reports.at(-1)?.reportId ?? 0;
		if (known !== undefined && now - known.acceptedAt < this.#intervalMinimum) throw new Rejection("Throttled", "The report comes too soon");
		if (reportId <= last) throw report.wrong("The report id must be greater than the last");
		const [oldest] = this.#things.keys();
		if (known === undefined && this.#things.size >= this.#thingCountMaximum) this.#things.delete(oldest!);
		this.#things.set(thing, { acceptedAt: now, reports: [...known?.reports ?? [], entry].slice(-KEPT_MAXIMUM) });
		this.onReport?.(thing, entry);
	}
}

function parse(format: Format, payload: Uint8Array): Request {
	let document: unknown;
	try {
		document = decode(format, payload);
	} catch {
		throw new Rejection("InvalidPayload", `The payload is not ${format.toUpperCase()}`);
	}
	return new Request(document, "InvalidPayload");
}
