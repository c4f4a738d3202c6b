// SPDX-License-Identifier: Apache-2.0
/**
 * How endpoints that lost their context agree on a new one, by random numbers in its ID.
 *
 * 1. The client asks with an ID context of its own, R1 or whatever it had: a context that the server may not know.
 * 2. The server answers 4.01 under the context R2 | R1, and says R2.
 * 3. The client asks again under R2 | R3, which holds randomness of both: from now on that is the context.
 *
 * Here the client keeps its newest ID context before it uses it and names it in each request, so that it need not know
 * how far the server has come: whenever one has lost what the other has, the next request begins at 1.
 *
 * The server keeps nothing about the runs under way but one key: R2 is a random number and its code under that key.
 *
 * Spec: RFC 8613 Appendix B.2, B.2.1.
 */
import { isAt, isEqual } from "../bytes/word.js";
import { HMAC } from "../crypto/hmac.js";
import type { Host } from "../host.js";
import { byteString, SHORT_MAXIMUM } from "./bytes.js";

/** Bytes of each random number. */
const RANDOM = 8;
const CODE = 8;
const KEY = 32;
const OFFER = RANDOM + CODE;
/** What is taken for an ID context of the peer, or for its R2. */
const PART_MINIMUM = 8;
const PART_MAXIMUM = 48;

export class Renewal {
	readonly #host: Pick<Host, "crypto" | "random">;
	/** While there may be runs. */
	#key: Uint8Array | undefined;

	constructor(host: Pick<Host, "crypto" | "random">) {
		this.#host = host;
	}

	/** R1 or R3. */
	random(): Uint8Array {
		return this.fill(RANDOM);
	}

	/** Another R2. */
	offer(): Uint8Array {
		const offer = new Uint8Array(OFFER);
		const random = this.random();
		offer.set(random);
		offer.set(this.codeOf(random), RANDOM);
		return offer;
	}

	/** Whether this ID context begins with an R2 of ours, and none has been accepted since. */
	isOffered(idContext: Uint8Array): boolean {
		if (this.#key === undefined || idContext.byteLength < OFFER + PART_MINIMUM) return false;
		return isAt(this.codeOf(idContext.subarray(0, RANDOM)), idContext, RANDOM);
	}

	/** A run is over: what was offered before counts no longer. */
	end(): void {
		this.#key = undefined;
	}

	private codeOf(random: Uint8Array): Uint8Array {
		this.#key ??= this.fill(KEY);
		const hmac = new HMAC(this.#host.crypto, this.#key);
		hmac.update(random);
		return hmac.digest().subarray(0, CODE);
	}

	private fill(length: number): Uint8Array {
		const bytes = new Uint8Array(length);
		this.#host.random(bytes);
		return bytes;
	}
}

/** What a `kid context` of a run wraps; `undefined` for what is none, or has another length than any that is good. */
export function unwrapPart(kidContext: Uint8Array): Uint8Array | undefined {
	const { byteLength } = kidContext;
	if (byteLength > PART_MAXIMUM) return undefined;
	const part = kidContext.slice(byteLength - 1 > SHORT_MAXIMUM ? 2 : 1);
	return part.byteLength >= PART_MINIMUM && isEqual(byteString(part), kidContext) ? part : undefined;
}
