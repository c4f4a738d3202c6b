// SPDX-License-Identifier: Apache-2.0
/** What the simulated Golioth shall do wrong: refuse, or not answer, the next requests of a kind. */
import type { CoAPMethod, CoAPRequest } from "../../coap/request.js";

export interface GoliothFault {
	/** Of the path, segments with slashes between them. Default: any. */
	readonly path?: string | undefined;
	readonly method?: CoAPMethod | undefined;
	/** Such as "5.03"; "silence": none. */
	readonly code: string;
	/** Requests. Default: 1. */
	readonly count?: number | undefined;
}

export class GoliothFaults {
	readonly #rules: { readonly fault: GoliothFault; left: number }[] = [];

	add(fault: GoliothFault): void {
		this.#rules.push({ fault, left: fault.count ?? 1 });
	}

	clear(): void { this.#rules.length = 0; }

	/** What the request is answered with; `undefined` for what it should be. */
	take({ path, method }: CoAPRequest): string | undefined {
		const whole = path.join("/");
		const rule = this.#rules.find(({ fault, left }) => {
			return left > 0 && (fault.method === undefined || fault.method === method) && whole.startsWith(fault.path ?? "");
		});
		if (rule === undefined) return undefined;
		rule.left--;
		return rule.fault.code;
	}
}
