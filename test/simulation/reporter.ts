// SPDX-License-Identifier: Apache-2.0
/** A program with a shadow and reports on one connection, on any cloud, and a source that has always something to tell. */
import { Alarm, type AlarmOwner } from "../../src/base/alarm.js";
import type { DeviceError } from "../../src/base/error.js";
import { randomWord } from "../../src/bytes/random.js";
import type { JSONObject } from "../../src/bytes/value.js";
import { encodeCBOR } from "../../src/cbor/encode.js";
import type { Cloud, Connection, ConnectionOptions, MessageTracer } from "../../src/clouds/cloud.js";
import type { Host } from "../../src/host.js";
import type { ReportKind, ReportSource } from "../../src/operations/report.js";
import { Reports, type ReportsOptions } from "../../src/operations/reports.js";
import { Shadow, type ShadowCallbacks } from "../../src/shadow/shadow.js";
import { text } from "../unit/text.js";

export const ID = "lamp";

/** Batches of one record each, numbered from 1, of the same length every time. */
export class Flood implements ReportSource {
	readonly kind: ReportKind = "logs";
	/** Number of the record that the cloud is known to have. It stands for what is in flash. */
	has = 0;
	/** Of the last one there is. */
	readonly count: number;
	readonly #filling: string;

	constructor(count = Infinity, length = 960) {
		this.count = count;
		this.#filling = "x".repeat(length);
	}

	get deadline(): number {
		return this.has < this.count ? 0 : Infinity;
	}

	next(_: number): Uint8Array {
		const number = this.has + 1;
		return encodeCBOR(text, { boot: 1, records: [[number, number, 1, "flood", this.#filling]] });
	}

	accepted(): void {
		this.has++;
	}

	refused(error: DeviceError): void {
		throw error;
	}
}

export interface ReporterOptions extends ReportsOptions {
	readonly host: Host;
	readonly cloud: Cloud;
	readonly sources: readonly ReportSource[];
	readonly tracer?: MessageTracer | undefined;
	onFault?(error: DeviceError): void;
}

export class Reporter implements ConnectionOptions, AlarmOwner, ShadowCallbacks {
	readonly id = ID;
	readonly firmware = undefined;
	readonly host: Host;
	readonly tracer: MessageTracer | undefined;
	readonly shadow: Shadow;
	readonly reports: Reports;
	readonly connection: Connection;
	/** What is desired is so after a moment. */
	readonly #alarm: Alarm;
	readonly #onFault: ((error: DeviceError) => void) | undefined;
	connections = 0;

	constructor(options: ReporterOptions) {
		const { host, cloud, sources, tracer, bytesPerMinute, onFault } = options;
		this.host = host;
		this.tracer = tracer;
		this.#onFault = onFault;
		this.#alarm = new Alarm(host, this);
		const prefix = `${randomWord(host).toString(36)}-`;
		this.shadow = new Shadow(this, { prefix });
		this.reports = new Reports({ onError: (error) => { throw error; } }, { prefix, bytesPerMinute });
		for (const source of sources) this.reports.add(source);
		this.connection = cloud.connect(this);
		this.connection.addShadow("", this.shadow);
		this.connection.addReports(this.reports);
		this.onTurn();
	}

	onReady(): void {
		this.connections++;
	}

	onLost(): void {
		// It reconnects by itself.
	}

	onFault(error: DeviceError): void {
		if (this.#onFault === undefined) throw error;
		this.#onFault(error);
	}

	onTurn(): void {
		this.#alarm.set(Math.min(this.shadow.deadline, this.reports.deadline));
	}

	expire(): void {
		const now = this.host.time.now();
		if (this.shadow.deadline <= now) this.shadow.expire(now);
		if (this.reports.deadline <= now) this.reports.expire(now);
		this.onTurn();
	}

	onDelta(delta: JSONObject): void {
		this.shadow.report({ ...delta });
	}
}
