// SPDX-License-Identifier: Apache-2.0
/**
 * Reports to the private cloud: `moorline/<device>/reports/…`.
 *
 * | topic            | direction | message                      |
 * |------------------|-----------|------------------------------|
 * | `<kind>/<token>` | to cloud  | the report, in CBOR always   |
 * | `accepted`       | to device | `{"token"}`                  |
 * | `rejected`       | to device | `{"token","code","message"}` |
 */
import { Vocabulary } from "../../bytes/vocabulary.js";
import type { ReportKind, ReportsPort } from "../../operations/report.js";
import type { Reports } from "../../operations/reports.js";
import { answerOf } from "../answer.js";
import type { Translation } from "../mqtt.js";
import type { PrivateConnection } from "./connection.js";
import { decode } from "./formats.js";
import { refusalOf } from "./refusal.js";

/** Members of the messages themselves, over CoAP, too. */
const NAMES: readonly string[] = Object.freeze(["token", "code", "message"]);
export const VOCABULARY = Object.freeze(new Vocabulary(NAMES)) as Vocabulary;
const ANSWERS: readonly string[] = Object.freeze(["accepted", "rejected"]);

export class PrivateReports implements Translation, ReportsPort {
	readonly isQuiet = true;
	readonly filters: readonly string[];
	readonly #connection: PrivateConnection;
	readonly #prefix: string;
	readonly #reports: Reports;

	constructor(connection: PrivateConnection, prefix: string, reports: Reports) {
		this.#connection = connection;
		this.#prefix = prefix;
		this.#reports = reports;
		this.filters = ANSWERS.map((answer) => prefix + answer);
	}

	connected(): void {
		this.#reports.connected(this);
	}

	disconnected(): void {
		this.#reports.disconnected();
	}

	report(token: string, kind: ReportKind, body: Uint8Array): boolean {
		return this.#connection.tell(`${this.#prefix}${kind}/${token}`, body) >= 0;
	}

	receive(topic: string, bytes: Uint8Array, start: number, end: number): boolean {
		const answer = answerOf(topic, this.#prefix, ANSWERS);
		if (answer === "") return false;
		const { host } = this.#connection;
		const { token, code, message } = decode(host.text, bytes, start, end, VOCABULARY);
		const reports = this.#reports;
		if (answer === "accepted") reports.accepted(String(token));
		else reports.rejected(String(token), refusalOf(Number(code)), String(message), host.time.now());
		return true;
	}
}
