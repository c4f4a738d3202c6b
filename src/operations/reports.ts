// SPDX-License-Identifier: Apache-2.0
/**
 * Tells the cloud what the device has to tell of itself: one report at a time, what matters most first, and no more
 * bytes a minute than were set, so that what the device is for never waits for it.
 *
 * What is not answered is told again, the same, so that the cloud may see a report twice: its boot and the numbers in
 * it say so. What is refused is given up.
 *
 * Pure: knows no topics; a cloud translates between `ReportsPort` and its messages.
 */
import { DeviceError, toDeviceError } from "../base/error.js";
import { inRange } from "../base/range.js";
import { ANSWER_TIMEOUT, Refusal, RETRY, Service } from "../base/service.js";
import { Allowance } from "./allowance.js";
import { REPORT_LENGTH, type ReportKind, type ReportsPort, type ReportSource } from "./report.js";

export interface ReportsOptions {
	/** Bytes of reports in any minute, at most. Default: `BYTES_PER_MINUTE`. */
	bytesPerMinute?: number | undefined;
	/** Begins every token: different at each boot. */
	prefix?: string | undefined;
}

/** Run from `expire`. */
export interface ReportsCallbacks {
	/** A report was refused, or cannot be sent: it is given up. */
	onError?: ((error: DeviceError) => void) | undefined;
}

export const BYTES_PER_MINUTE = 8_192;
/** Bytes that each report counts besides its own: its topic, and the packet around it. */
export const REPORT_OVERHEAD = 128;
const LONGEST = REPORT_LENGTH + REPORT_OVERHEAD;
/** With half of it, what was told last is made up for before the minute is over. */
export const BYTES_PER_MINUTE_MINIMUM = 2 * LONGEST;
const BYTES_PER_MINUTE_MAXIMUM = 1_048_576;
/** ms after which a report is told again that the connection ended upon: a cloud that does not permit it does that. */
const LOSS_MAXIMUM = 3_600_000;

/** What matters most comes first. */
const PRIORITIES: readonly ReportKind[] = Object.freeze(["crash", "metrics", "logs", "trace"]);

const Outcome = Object.freeze({ NONE: 0, ACCEPTED: 1, REFUSED: 2 });

export class Reports extends Service<ReportsPort> {
	readonly #callbacks: ReportsCallbacks;
	/** By priority. */
	readonly #sources: ReportSource[] = [];
	readonly #bytesPerMinute: number;
	/** There from the first report on. */
	#allowance: Allowance | undefined;
	/** When the next may be told, and when the last one was; monotonic ms. */
	#next = -Infinity;
	#toldAt = -Infinity;
	/** ms to wait should the connection end upon the one that is under way. */
	#patience = ANSWER_TIMEOUT;
	/** Whose report was told last: others go before him. And its token until that is answered. */
	#last: ReportSource | undefined;
	#unanswered: string | undefined;
	#outcome: number = Outcome.NONE;
	#refusal: DeviceError | undefined;

	/** @throws DeviceError `argument` */
	constructor(callbacks: ReportsCallbacks, { bytesPerMinute = BYTES_PER_MINUTE, prefix }: ReportsOptions = {}) {
		super(prefix);
		this.#callbacks = callbacks;
		inRange("bytesPerMinute", bytesPerMinute, BYTES_PER_MINUTE_MINIMUM, BYTES_PER_MINUTE_MAXIMUM);
		this.#bytesPerMinute = bytesPerMinute;
	}

	/** Tells what comes from `source`, too: one for each kind. */
	add(source: ReportSource): void {
		const rank = PRIORITIES.indexOf(source.kind);
		const index = this.#sources.findIndex(({ kind }) => PRIORITIES.indexOf(kind) > rank);
		this.#sources.splice(index < 0 ? this.#sources.length : index, 0, source);
	}

	override get deadline(): number {
		const due = super.deadline;
		if (due !== Infinity || !this.online) return due;
		let earliest = Infinity;
		const sources = this.#sources;
		for (let index = 0; index < sources.length; index++) {
			const { deadline } = sources[index]!;
			if (deadline < earliest) earliest = deadline;
		}
		return Math.max(earliest, this.#next, this.#allowance?.availableAt(LONGEST) ?? 0);
	}

	/** The cloud has the report; that counts as well when it was waited for no more. */
	accepted(token: string): void {
		if (token === this.#unanswered) this.end(Outcome.ACCEPTED);
	}

	/** @param refusal one of `Refusal` */
	rejected(token: string, refusal: number, message: string, now: number): void {
		if (token !== this.#unanswered) return;
		if (refusal === Refusal.BUSY) {
			if (this.asking) this.postpone(now);
			return;
		}
		this.#refusal = new DeviceError("rejected", `report of ${this.#last!.kind} refused: ${message}`);
		this.end(Outcome.REFUSED);
	}

	protected override tell(now: number): void {
		const outcome = this.#outcome;
		this.#outcome = Outcome.NONE;
		if (outcome === Outcome.ACCEPTED) this.#last!.accepted(now);
		if (outcome !== Outcome.REFUSED) return;
		// A cloud that refuses one is not to refuse all that there are at once.
		this.#next = now + ANSWER_TIMEOUT;
		this.giveUp(this.#last!, this.#refusal!, now);
	}

	protected override ask(port: ReportsPort, token: string, now: number): boolean | undefined {
		const allowance = this.#allowance ??= new Allowance(this.#bytesPerMinute, now);
		if (now < this.#next || !allowance.has(LONGEST, now)) return undefined;
		const source = this.choose(now);
		if (source === undefined) return undefined;
		const body = this.bodyOf(source, now);
		if (body === undefined) {
			// Who says that there is something and gives nothing is not asked all the time, nor before the others.
			this.#next = now + RETRY;
			this.#last = source;
			this.#unanswered = undefined;
			return undefined;
		}
		const { byteLength } = body;
		try {
			if (byteLength > REPORT_LENGTH) throw new DeviceError("too-large", `report of ${byteLength} bytes`);
			if (!port.report(token, source.kind, body)) return false;
		} catch (error) {
			this.giveUp(source, toDeviceError(error, "internal", "report failed"), now);
			this.wake();
			return undefined;
		}
		this.#last = source;
		this.#unanswered = token;
		this.#toldAt = now;
		allowance.spend(byteLength + REPORT_OVERHEAD);
		return true;
	}

	/** Nothing of what a source reads is to throw into the event loop. */
	private bodyOf(source: ReportSource, now: number): Uint8Array | undefined {
		try {
			return source.next(now);
		} catch (error) {
			this.giveUp(source, toDeviceError(error, "internal", "report failed"), now);
			return undefined;
		}
	}

	/** Longer each time: if it is the report that the connection ends upon, all else is to have a chance. */
	protected override lost(): void {
		this.#next = Math.max(this.#next, this.#toldAt + this.#patience);
		this.#patience = Math.min(2 * this.#patience, LOSS_MAXIMUM);
	}

	/** Of those who have something; who had a turn lets the others go first, or a flood of his would keep them back. */
	private choose(now: number): ReportSource | undefined {
		let chosen: ReportSource | undefined;
		for (const source of this.#sources) {
			if (source.deadline > now) continue;
			if (source !== this.#last) return source;
			chosen = source;
		}
		return chosen;
	}

	private end(outcome: number): void {
		this.#outcome = outcome;
		this.#unanswered = undefined;
		this.#patience = ANSWER_TIMEOUT;
		this.answered();
	}

	private giveUp(source: ReportSource, error: DeviceError, now: number): void {
		source.refused(error, now);
		this.#callbacks.onError?.(error);
	}
}
