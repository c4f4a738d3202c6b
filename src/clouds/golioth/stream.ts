// SPDX-License-Identifier: Apache-2.0
/** Reports to LightDB stream: POST `.s/reports/<kind>`, in CBOR always. It takes whatever it is given. */
import { classOf, Code, codeText, ContentFormat } from "../../coap/constants.js";
import type { Cancelable, Response } from "../../coap/request.js";
import type { ReportKind, ReportsPort } from "../../operations/report.js";
import type { Reports } from "../../operations/reports.js";
import type { Asker, Translation } from "../coap.js";
import type { GoliothConnection } from "./connection.js";
import { refusalOf } from "./messages.js";

export class GoliothReports implements Translation, ReportsPort, Asker {
	readonly isQuiet = true;
	readonly #connection: GoliothConnection;
	readonly #reports: Reports;
	#asked: Cancelable | undefined;

	constructor(connection: GoliothConnection, reports: Reports) {
		this.#connection = connection;
		this.#reports = reports;
	}

	connected(): void {
		this.#reports.connected(this);
	}

	disconnected(): void {
		this.#asked?.cancel();
		this.#asked = undefined;
		this.#reports.disconnected();
	}

	report(token: string, kind: ReportKind, body: Uint8Array): boolean {
		this.#asked?.cancel();
		this.#asked = this.#connection.ask(token, {
			code: Code.POST, path: `.s/reports/${kind}`, contentFormat: ContentFormat.CBOR, payload: body.slice(),
		}, this);
		return this.#asked !== undefined;
	}

	onAnswer(token: string, { code }: Response, now: number): void {
		this.#asked = undefined;
		if (classOf(code) === 2) this.#reports.accepted(token);
		else this.#reports.rejected(token, refusalOf(code), codeText(code), now);
	}

	onUnanswered(): void {
		this.#asked = undefined;
	}
}
