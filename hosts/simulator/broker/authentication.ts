// SPDX-License-Identifier: Apache-2.0
/**
 * Extended authentication: the server's side of a conversation of AUTH packets. Pure. Spec: MQTT 5 §4.12.
 */
import type { Refusal, RefusalDetail } from "./reasons.js";
import { REASON, violation } from "./reasons.js";

/** One step of extended authentication: ask again, or let in. */
export interface AuthenticationStep { step: "challenge" | "accept"; data?: Uint8Array | undefined }

/** The server's side of one authentication, from CONNECT (or re-authentication) to its end. */
export interface Authenticator {
	/** @param data what the client sent, first with CONNECT */
	respond(data: Uint8Array | undefined): AuthenticationStep | Refusal | RefusalDetail;
}

/** Answers of a client in one conversation; one more ends the connection. */
const ANSWERS_MAXIMUM = 16;

/** One conversation, with its limit. */
export class Authentication {
	readonly #authenticator: Authenticator;
	#answers = 0;

	constructor(authenticator: Authenticator) {
		this.#authenticator = authenticator;
	}

	/** @throws DeviceError `violation` */
	respond(data: Uint8Array | undefined): AuthenticationStep | Refusal | RefusalDetail {
		if (++this.#answers > ANSWERS_MAXIMUM) throw violation(`more than ${ANSWERS_MAXIMUM} answers`, REASON.quotaExceeded);
		return this.#authenticator.respond(data);
	}
}

export function isRefusal(step: object | Refusal): step is Refusal | RefusalDetail {
	return typeof step === "string" || "reasonCode" in step;
}
