// SPDX-License-Identifier: Apache-2.0
/**
 * A request and what belongs to it: its responses are sealed with its number in what is additional, so that none can be
 * taken for the answer to another.
 *
 * Spec: RFC 8613 §7.1, §7.4.1, §8.4.2.
 */
import { DeviceError } from "../base/error.js";
import { additionalOf, type Context } from "./context.js";

export class Exchange {
	readonly context: Context;
	/** Of whoever asked, and the number of the request. */
	readonly kid: Uint8Array;
	readonly partialIV: Uint8Array;
	/** It registers an observation, so that there may be several responses. */
	readonly observes: boolean;
	/** As server: the nonce of the request has been used for a response. */
	isAnswered = false;
	/** As client: the notifications that were taken. */
	count = 0;
	/** The number of the newest response that was taken; -1 for one without, and before the first. */
	#newest = -1;
	#isTaken = false;

	constructor(context: Context, kid: Uint8Array, partialIV: Uint8Array, observes: boolean) {
		this.context = context;
		this.kid = kid;
		this.partialIV = partialIV;
		this.observes = observes;
	}

	get additional(): Uint8Array {
		return additionalOf(this.kid, this.partialIV);
	}

	/** Of the request; a response may have it, too, once. */
	get nonce(): Uint8Array {
		return this.context.nonce(this.kid, this.partialIV);
	}

	/** A response has been taken before. */
	get isTaken(): boolean {
		return this.#isTaken;
	}

	/**
	 * As client: a response that was opened is taken.
	 * @param number -1 for one with the nonce of the request, which is older than all others
	 * @throws DeviceError `violation` for one that came before, or after a newer one
	 */
	take(number: number, isNotification: boolean): void {
		if (isNotification && !this.observes) throw new DeviceError("violation", "a notification of nothing observed");
		if (this.#isTaken && (!this.observes || number <= this.#newest)) {
			throw new DeviceError("violation", "a response that came before, or that is older than the newest");
		}
		this.#isTaken = true;
		this.#newest = number;
		if (isNotification) this.count++;
	}
}
