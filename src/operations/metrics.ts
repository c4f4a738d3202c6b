// SPDX-License-Identifier: Apache-2.0
/**
 * Metrics: what a device counts and measures of itself, reported to the cloud now and then for it to find the odd one.
 *
 * One report at a time, and no more often than clouds take them. What is not answered is given up and said to be:
 * repeated, it might be counted twice, and the next one follows soon.
 *
 * Pure: knows no topics; a cloud translates between `MetricsPort` and its messages.
 */
import { DeviceError, toDeviceError } from "../base/error.js";
import type { Clocks } from "../host.js";
import { Refusal, Service } from "../base/service.js";

/** IP addresses, as text. */
export interface Addresses {
	readonly addresses: readonly string[];
}

export type Metric = number | readonly number[] | readonly string[] | Addresses;

/** Since the last report. */
export interface NetworkStatistics {
	readonly bytesIn: number;
	readonly bytesOut: number;
	readonly packetsIn: number;
	readonly packetsOut: number;
}

export interface MetricsReport {
	/** By the names that they have in the cloud. */
	readonly metrics?: Readonly<Record<string, Metric>> | undefined;
	readonly network?: NetworkStatistics | undefined;
}

/** What metrics ask of a cloud. False: there is no room now, ask again later; what throws is dropped. */
export interface MetricsPort {
	/** @param id greater than that of any report before */
	report(id: number, report: MetricsReport): boolean;
}

/** Run from `expire`. */
export interface MetricsCallbacks {
	/** The cloud has the report. */
	onReported?: ((id: number) => void) | undefined;
	/** The cloud refused the report, did not answer, or it cannot be said: it is dropped. */
	onError?: ((error: DeviceError) => void) | undefined;
}

/** ms between reports: clouds take no more. */
export const REPORT_INTERVAL = 300_000;

export class Metrics extends Service<MetricsPort> {
	readonly #callbacks: MetricsCallbacks;
	/** Of the last report. */
	#id = 0;
	/** There until the cloud answered for it. */
	#report: MetricsReport | undefined;
	/** When another is taken. */
	#next = -Infinity;
	#reported = 0;
	#refusal: DeviceError | undefined;

	constructor(callbacks: MetricsCallbacks) {
		super();
		this.#callbacks = callbacks;
	}

	/**
	 * Takes a report, which is not copied and not to be changed.
	 * @param time the host's: identifiers are seconds since 1970 where it knows them, to go on rising after a reset
	 * @returns its identifier; "full" while the last one is not answered, or not old enough
	 */
	report(report: MetricsReport, time: Clocks): number | "full" {
		const now = time.now();
		if (this.#report !== undefined || now < this.#next) return "full";
		this.#report = report;
		this.#next = now + REPORT_INTERVAL;
		this.#id = Math.max(this.#id + 1, Math.floor((time.wall() ?? 0) / 1000));
		this.wake();
		return this.#id;
	}

	/** The cloud has the report. */
	accepted(): void {
		if (!this.asking) return;
		this.#report = undefined;
		this.#reported = this.#id;
		this.answered();
	}

	/** @param refusal one of `Refusal` */
	rejected(refusal: number, message: string, now: number): void {
		if (!this.asking) return;
		if (refusal === Refusal.BUSY) return this.postpone(now);
		this.drop(new DeviceError("rejected", `metrics refused: ${message}`));
		this.answered();
	}

	protected override tell(): void {
		const refusal = this.#refusal;
		const reported = this.#reported;
		this.#refusal = undefined;
		this.#reported = 0;
		if (refusal !== undefined) this.#callbacks.onError?.(refusal);
		if (reported !== 0) this.#callbacks.onReported?.(reported);
	}

	protected override ask(port: MetricsPort): boolean | undefined {
		if (this.#report === undefined) return undefined;
		try {
			return port.report(this.#id, this.#report);
		} catch (error) {
			this.drop(toDeviceError(error, "internal", "report failed"));
			this.wake();
			return undefined;
		}
	}

	protected override lost(): void {
		this.drop(new DeviceError("timeout", "no answer for the report of metrics"));
		this.wake();
	}

	private drop(error: DeviceError): void {
		this.#report = undefined;
		this.#refusal = error;
	}
}
