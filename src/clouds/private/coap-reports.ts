// SPDX-License-Identifier: Apache-2.0
/** Reports to the private cloud over CoAP: POST `moorline/<device>/reports/<kind>`, in CBOR always. */
import type { Vocabulary } from "../../bytes/vocabulary.js";
import { Code, ContentFormat } from "../../coap/constants.js";
import type { Response } from "../../coap/request.js";
import type { ReportKind, ReportsPort } from "../../operations/report.js";
import type { Reports } from "../../operations/reports.js";
import type { PrivateCoAPConnection } from "./coap-connection.js";
import { PrivateResource } from "./coap-resource.js";
import { VOCABULARY } from "./reports.js";

export class PrivateCoAPReports extends PrivateResource implements ReportsPort {
	readonly isQuiet = true;
	readonly #reports: Reports;

	constructor(connection: PrivateCoAPConnection, path: string, reports: Reports) {
		super(connection, path);
		this.#reports = reports;
	}

	protected get vocabulary(): Vocabulary {
		return VOCABULARY;
	}

	connected(): void {
		this.#reports.connected(this);
	}

	override disconnected(): void {
		super.disconnected();
		this.#reports.disconnected();
	}

	report(token: string, kind: ReportKind, body: Uint8Array): boolean {
		return this.ask(token, {
			code: Code.POST, path: `${this.path}/${kind}`, contentFormat: ContentFormat.CBOR, payload: body.slice(),
		});
	}

	onAnswer(token: string, response: Response, now: number): void {
		const refused = this.refused(response);
		if (refused === undefined) this.#reports.accepted(token);
		else this.#reports.rejected(token, refused.refusal, refused.message, now);
	}

	onChange(): void {
		// Nothing is observed.
	}
}
