// SPDX-License-Identifier: Apache-2.0
/**
 * Reports to AWS: QoS 1 to `moorline/<thing>/reports/<kind>`, in CBOR always, for whatever rule the account has; the
 * broker's acknowledgement is the answer. The account's policy must permit it, or AWS ends the connection.
 *
 * Heartbeats go to Device Defender, as often as that takes one; those between go the way of the others.
 */
import { DeviceError } from "../../base/error.js";
import { Refusal } from "../../base/service.js";
import { Reason } from "../../mqtt/constants.js";
import type { ReportKind, ReportsPort } from "../../operations/report.js";
import type { Reports } from "../../operations/reports.js";
import type { PublishOptions } from "../cloud.js";
import type { Format } from "../format.js";
import type { MQTTConnection, Translation } from "../mqtt.js";
import { Heartbeats } from "./heartbeats.js";

/** Reason code of MQTT 5: later it may be taken. */
const QUOTA_EXCEEDED = 0x97;
const QOS_1: PublishOptions = Object.freeze({ qos: 1 });

export class AwsReports implements Translation, ReportsPort {
	readonly isQuiet = true;
	readonly filters: readonly string[];
	readonly #connection: MQTTConnection;
	readonly #prefix: string;
	readonly #reports: Reports;
	readonly #heartbeats: Heartbeats;
	/** Of the message that the broker has not acknowledged, on this connection or one before; 0 for none. */
	#packetId = 0;
	#kind: ReportKind | undefined;
	#token = "";

	constructor(connection: MQTTConnection, thing: string, format: Format, reports: Reports) {
		this.#connection = connection;
		this.#prefix = `moorline/${thing}/reports/`;
		this.#reports = reports;
		this.#heartbeats = new Heartbeats(connection, thing, format);
		this.filters = this.#heartbeats.filters;
	}

	connected(): void {
		this.#reports.connected(this);
	}

	disconnected(): void {
		this.#heartbeats.forget();
		this.#reports.disconnected();
	}

	report(token: string, kind: ReportKind, body: Uint8Array): boolean {
		if (this.#packetId !== 0) {
			// MQTT sends it again by itself: once more would fill the queue with the same.
			if (kind !== this.#kind) return false;
			this.#token = token;
			return true;
		}
		if (kind === "metrics" && this.#heartbeats.report(token, body)) return true;
		const packetId = this.#connection.tell(this.#prefix + kind, body, QOS_1);
		if (packetId < 0) return false;
		this.#packetId = packetId;
		this.#kind = kind;
		this.#token = token;
		return true;
	}

	acknowledged(packetId: number, reasonCode: number): boolean {
		if (packetId !== this.#packetId) return false;
		this.#packetId = 0;
		if (reasonCode < Reason.FAILURE) {
			this.#reports.accepted(this.#token);
		} else {
			const refusal = reasonCode === QUOTA_EXCEEDED ? Refusal.BUSY : Refusal.REFUSED;
			const { host } = this.#connection;
			this.#reports.rejected(this.#token, refusal, `the broker's reason is ${reasonCode}`, host.time.now());
		}
		return true;
	}

	receive(topic: string, bytes: Uint8Array, start: number, end: number): boolean {
		const heartbeats = this.#heartbeats;
		if (!heartbeats.awaits(topic)) return false;
		const { token } = heartbeats;
		const refused = heartbeats.answer(topic, bytes, start, end);
		if (refused === undefined) {
			this.#reports.accepted(token);
		} else {
			// As it comes too soon for another, it goes the way of the others next.
			this.#reports.rejected(token, Refusal.BUSY, refused.message, this.#connection.host.time.now());
			if (refused.refusal !== Refusal.BUSY) {
				this.#connection.onRefused(new DeviceError("rejected", `heartbeat refused: ${refused.message}`));
			}
		}
		return true;
	}
}
