// SPDX-License-Identifier: Apache-2.0
/**
 * Whole messages out of fragments, for receivers that cannot work piece by piece.
 *
 * A message that arrives whole is passed on where it lies; only one that comes in parts is collected, and then for as
 * long as that takes. What is longer than the limit is refused before anything is kept.
 */
import { DeviceError } from "../base/error.js";
import type { MQTTEvent } from "./event.js";

/** Who gets the messages: an object and not two functions, because a closure takes eleven slots. */
export interface Receiver {
	/** `bytes[start, end)` is borrowed until this returns. */
	onWhole(topic: string, bytes: Uint8Array, start: number, end: number): void;
	onRefused(error: DeviceError): void;
}

export class Collector {
	readonly #maximum: number;
	readonly #receiver: Receiver;
	#bytes: Uint8Array | undefined;

	/** @param maximum bytes of the largest message that is taken */
	constructor(maximum: number, receiver: Receiver) {
		this.#maximum = maximum;
		this.#receiver = receiver;
	}

	take(message: MQTTEvent): void {
		const { topic, bytes, start, end, offset, total } = message;
		if (offset === 0) {
			this.#bytes = undefined;
			if (total > this.#maximum) {
				const what = `message of ${total} bytes to ${topic}, at most ${this.#maximum} are taken`;
				return this.#receiver.onRefused(new DeviceError("too-large", what));
			}
			if (!message.more) return this.#receiver.onWhole(topic, bytes, start, end);
			this.#bytes = new Uint8Array(total);
		}
		// The rest of a message that was refused.
		if (this.#bytes === undefined) return;
		this.#bytes.set(bytes.subarray(start, end), offset);
		if (message.more) return;
		const whole = this.#bytes;
		this.#bytes = undefined;
		this.#receiver.onWhole(topic, whole, 0, total);
	}

	/** Forgets a message that will not be completed: the connection was lost. */
	reset(): void {
		this.#bytes = undefined;
	}
}
