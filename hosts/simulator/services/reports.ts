// SPDX-License-Identifier: Apache-2.0
/**
 * What devices tell of themselves: logs, metrics, crashes and messages that passed, in CBOR, below
 * `moorline/<id>/reports/`.
 *
 * | topic            | direction      | message                      |
 * |------------------|----------------|------------------------------|
 * | `<kind>/<token>` | to cloud       | the report itself            |
 * | `accepted`       | cloud → device | `{"token"}`                  |
 * | `rejected`       | cloud → device | `{"token","code","message"}` |
 *
 * A device that hears no answer says the same again: here it is known again, accepted, and not told a second time.
 * Of logs and traces that holds for each record, as a device may put them together otherwise.
 *
 * Pure.
 */
import { REPORT_LENGTH, type ReportKind } from "../../../src/operations/report.js";
import type { CloudChannel } from "../channel.js";
import { decode, encode } from "./formats.js";
import { isObject } from "./json.js";
import type { MannersBook } from "./manners.js";
import { isDeviceId } from "./registry.js";
import { Rejection, type RejectionCode } from "./rejection.js";
import { isReportKind, readReport, type ReportBody } from "./report-body.js";

export interface DeviceReport {
	readonly kind: ReportKind;
	readonly report: ReportBody;
	/** Wall clock, ms since 1970. */
	readonly receivedAt: number;
}

export interface ReportServiceOptions {
	/** The wall clock in ms since 1970. */
	wall: () => number;
	/** How devices want to be spoken to. Default: in JSON. */
	manners?: Pick<MannersBook, "of"> | undefined;
	/** Reports of one kind that are kept of a device, and known again; the oldest makes room. Default: 32. */
	keptMaximum?: number | undefined;
}

const KEPT_MAXIMUM = 32;
/** Devices whose reports are kept; the one that was first makes room. */
const DEVICE_COUNT_MAXIMUM = 10_000;
const TOKEN = /^[A-Za-z0-9._-]{1,64}$/;

export class ReportService {
	/** Runs once for each report, or what is new in it. */
	onReport: ((device: string, kind: ReportKind, report: ReportBody, receivedAt: number) => void) | undefined;
	/** While it is set, every report is refused with this code, and "silence" answers none. */
	failing: RejectionCode | "silence" | undefined;
	readonly #wall: () => number;
	readonly #manners: Pick<MannersBook, "of"> | undefined;
	readonly #keptMaximum: number;
	readonly #devices = new Map<string, Map<ReportKind, DeviceReport[]>>();

	constructor({ wall, manners, keptMaximum = KEPT_MAXIMUM }: ReportServiceOptions) {
		this.#wall = wall;
		this.#manners = manners;
		this.#keptMaximum = keptMaximum;
	}

	/** Serves the devices of one broker. */
	attach(channel: CloudChannel): void {
		channel.subscribe("moorline/+/reports/+/+", (topic, payload, retain) => {
			const [, device = "", , kind = "", token = ""] = topic.split("/");
			if (!retain && isDeviceId(device) && TOKEN.test(token)) this.#answer(channel, { device, kind, token }, payload);
		});
	}

	/** What is kept of a device, the newest last. */
	reports(device: string, kind: ReportKind): readonly DeviceReport[] {
		return [...this.#devices.get(device)?.get(kind) ?? []];
	}

	/**
	 * Takes a report, whichever way it came.
	 * @returns false when it was known
	 * @throws Rejection
	 */
	take(device: string, kind: string, body: Uint8Array): boolean {
		if (typeof this.failing === "number") throw new Rejection(this.failing, "reports are not taken now");
		if (!isReportKind(kind)) throw new Rejection(404, "there is no such kind of reports");
		if (body.byteLength > REPORT_LENGTH) throw new Rejection(413, `report larger than ${REPORT_LENGTH} bytes`);
		const kept = this.#kept(device, kind), report = news(readReport(kind, parse(body)), kept);
		if (report === undefined) return false;
		const receivedAt = this.#wall();
		kept.push({ kind, report, receivedAt });
		if (kept.length > this.#keptMaximum) kept.shift();
		this.onReport?.(device, kind, report, receivedAt);
		return true;
	}

	/** The same, where nobody waits for an answer: what is no report is passed over. */
	offer(device: string, kind: string, body: Uint8Array): void {
		try {
			this.take(device, kind, body);
		} catch (error) {
			if (!(error instanceof Rejection)) throw error;
		}
	}

	#kept(device: string, kind: ReportKind): DeviceReport[] {
		let kinds = this.#devices.get(device);
		if (kinds === undefined) {
			const [oldest] = this.#devices.keys();
			if (this.#devices.size >= DEVICE_COUNT_MAXIMUM) this.#devices.delete(oldest!);
			this.#devices.set(device, kinds = new Map());
		}
		const kept = kinds.get(kind) ?? [];
		kinds.set(kind, kept);
		return kept;
	}

	#answer(channel: CloudChannel, { device, kind, token }: { device: string; kind: string; token: string }, body: Uint8Array): void {
		if (this.failing === "silence") return;
		const say = (verb: string, message: object) => {
			channel.publish(`moorline/${device}/reports/${verb}`, encode(this.#manners?.of(device).format ?? "json", { token, ...message }), { qos: 1 });
		};
		try {
			this.take(device, kind, body);
		} catch (error) {
			const { code, message } = error instanceof Rejection ? error : new Rejection(500, "internal error");
			say("rejected", { code, message });
			if (!(error instanceof Rejection)) throw error;
			return;
		}
		say("accepted", {});
	}
}

/** @throws Rejection */
function parse(body: Uint8Array): { [member: string]: unknown } {
	let value: unknown;
	try {
		value = decode("cbor", body);
	} catch {
		throw new Rejection(400, "report is not CBOR");
	}
	if (!isObject(value) || value instanceof Uint8Array) throw new Rejection(400, "report is not a map");
	return value;
}

/** What of a report is not known yet; `undefined` for nothing. */
function news(report: ReportBody, kept: readonly DeviceReport[]): ReportBody | undefined {
	const bodies = kept.map(each => each.report);
	if ("records" in report) {
		const known = new Set(bodies.flatMap(each => "records" in each && each.boot === report.boot ? each.records.map(keyOf) : []));
		const records = report.records.filter(record => !known.has(keyOf(record)));
		return records.length === 0 && report.records.length > 0 ? undefined : { ...report, records };
	}
	if ("messages" in report) {
		const known = new Set(bodies.flatMap(each => "messages" in each && each.boot === report.boot ? each.messages.map(keyOf) : []));
		const messages = report.messages.filter(message => !known.has(keyOf(message)));
		return messages.length === 0 && report.messages.length > 0 ? undefined : { ...report, messages };
	}
	const key = keyOf(report);
	return bodies.some(each => keyOf(each) === key) ? undefined : report;
}

/** By all that it says: a device whose storage was erased counts its boots anew. */
function keyOf(value: unknown): string {
	return JSON.stringify(value);
}
