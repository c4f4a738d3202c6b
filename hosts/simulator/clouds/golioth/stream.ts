// SPDX-License-Identifier: Apache-2.0
/** What devices say of themselves: `.s/<path>` takes any message, and `.s/logs`, formerly `logs`, those of a log. */
import { ContentFormat } from "../../../../src/coap/constants.js";
import type { CoAPReply, CoAPRequest } from "../../coap/request.js";
import type { ReportService } from "../../services/reports.js";
import { decodeBody } from "./codec.js";
import { CHANGED, METHOD_NOT_ALLOWED, type GoliothContext, type GoliothService } from "./service.js";

export interface StreamMessage {
	readonly device: string;
	/** Behind `.s/`. */
	readonly path: string;
	readonly contentFormat: number | undefined;
	readonly payload: Uint8Array;
	/** What JSON and CBOR say. */
	readonly value: unknown;
	/** Wall clock, ms. */
	readonly time: number;
}

/** Messages that are kept; the oldest makes room. */
const MESSAGE_MAXIMUM = 1_000;
const LOGS = "logs";

export class GoliothStream implements GoliothService {
	readonly segment: string;
	onMessage: ((message: StreamMessage) => void) | undefined;
	readonly messages: StreamMessage[] = [];
	readonly #context: GoliothContext;
	readonly #reports: ReportService | undefined;

	/**
	 * @param segment `.s`, or `logs`
	 * @param reports what the SDK says at `reports/<kind>`; the vendor takes anything, so nothing of it is refused
	 */
	constructor(context: GoliothContext, segment: string, reports?: ReportService) {
		this.#context = context;
		this.segment = segment;
		this.#reports = reports;
	}

	handle(device: string, path: readonly string[], { method, contentFormat, payload }: CoAPRequest): CoAPReply {
		if (method !== "POST" && method !== "PUT") return METHOD_NOT_ALLOWED;
		const isDocument = contentFormat === ContentFormat.JSON || contentFormat === ContentFormat.CBOR;
		const value = isDocument ? decodeBody(contentFormat, payload) : undefined;
		const message = { device, path: this.segment === LOGS ? LOGS : path.join("/"), contentFormat, payload, value, time: this.#context.wall() };
		this.messages.push(message);
		if (this.messages.length > MESSAGE_MAXIMUM) this.messages.shift();
		this.onMessage?.(message);
		const [root, kind, ...more] = path;
		if (root === "reports" && kind !== undefined && more.length === 0) this.#reports?.offer(device, kind, payload);
		return CHANGED;
	}
}
