// SPDX-License-Identifier: Apache-2.0
/** What the error codes of AWS's services mean for what is done next. */
import { Refusal } from "../../operations/service.js";

/** @returns one of `Refusal` */
export function refusalOf(code: unknown): number {
	switch (code) {
		case "RequestThrottled":
		case "InternalError": return Refusal.BUSY;
		case "ResourceNotFound":
		case "TerminalStateReached": return Refusal.GONE;
		case "VersionMismatch":
		case "InvalidStateTransition": return Refusal.STALE;
		default: return Refusal.REFUSED;
	}
}
