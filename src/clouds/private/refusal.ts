// SPDX-License-Identifier: Apache-2.0
/** What the private cloud's codes, which are HTTP's, mean for what is done next. */
import { Refusal } from "../../base/service.js";

/** @returns one of `Refusal` */
export function refusalOf(code: number): number {
	switch (code) {
		case 404: return Refusal.GONE;
		case 409: return Refusal.STALE;
		case 429: return Refusal.BUSY;
		default: return code >= 500 ? Refusal.BUSY : Refusal.REFUSED;
	}
}
