// SPDX-License-Identifier: Apache-2.0
/** What a service of the simulated Golioth is, and what it has of the cloud. */
import { ContentFormat } from "../../../../src/coap/constants.js";
import type { CoAPReply, CoAPRequest } from "../../coap/request.js";
import { encodeCbor } from "./codec.js";

export interface GoliothContext {
	/** Wall clock, ms since 1970. */
	wall(): number;
	/** Monotonic ms. */
	now(): number;
	/** Asks a service again for each observer of that device whose path leads to this one, or on from it. */
	notify(device: string, path: readonly string[]): void;
	/** Messages to devices have maps of indefinite length. */
	readonly indefinite: boolean;
}

export interface GoliothService {
	/** The first segment of its paths. */
	readonly segment: string;
	/**
	 * @param rest the path behind that segment, without empty segments at its end
	 * @throws SyntaxError for a payload that cannot be read: 4.00
	 */
	handle(device: string, rest: readonly string[], request: CoAPRequest): CoAPReply;
	/** What an observer asked for, now or when it registered, is on its way: what is to follow may. */
	observed?(device: string, request: CoAPRequest): void;
}

export const CHANGED: CoAPReply = Object.freeze({ code: "2.04" });
export const METHOD_NOT_ALLOWED: CoAPReply = Object.freeze({ code: "4.05" });
export const NOT_FOUND: CoAPReply = Object.freeze({ code: "4.04" });

export function cborReply(context: Pick<GoliothContext, "indefinite">, value: unknown): CoAPReply {
	return { code: "2.05", payload: encodeCbor(value, context.indefinite), contentFormat: ContentFormat.CBOR, observable: true };
}

/** What an observation that was just registered is told where there is nothing yet: to be passed over. */
export function okReply(): CoAPReply {
	return { code: "2.05", payload: encodeCbor("OK"), contentFormat: ContentFormat.CBOR, observable: true };
}
