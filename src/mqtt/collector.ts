// SPDX-License-Identifier: Apache-2.0
/**
 * Whole messages out of fragments, for receivers that cannot work piece by piece.
 *
 * A message that arrives whole is passed on where it lies; only one that comes in parts is collected, and then for as
 * long as that takes. What is longer than the limit is refused before anything is kept.
 */
import { DeviceError } from "../base/error.js";
import type { MQTTEvent } from "./event.js";

export class Collector {
	readonly #maximum: number;
	readonly #onMessage: (topic: string, bytes: Uint8Array, start: number, end: number) => void;
	readonly #onError: (error: DeviceError) => void;
	#bytes: Uint8Array | undefined;

	/**
	 * @param maximum bytes of the largest message that is taken
	 * @param onMessage gets `bytes[start, end)`, borrowed until it returns
	 */
	constructor(
		maximum: number,
		onMessage: (topic: string, bytes: Uint8Array, start: number, end: number) => void,
		onError: (error: DeviceError) => void,
	) {
		this.#maximum = maximum;
		this.#onMessage = onMessage;
		this.#onError = onError;
	}

	take(message: MQTTEvent): void {
		const { topic, bytes, start, end, offset, total } = message;
		if (offset === 0) {
			this.#bytes = undefined;
			if (total > this.#maximum) {
				const what = `message of ${total} bytes to ${topic}, at most ${this.#maximum} are taken`;
				return this.#onError(new DeviceError("too-large", what));
			}
			if (!message.more) return this.#onMessage(topic, bytes, start, end);
			this.#bytes = new Uint8Array(total);
		}
		// The rest of a message that was refused.
		if (this.#bytes === undefined) return;
		this.#bytes.set(bytes.subarray(start, end), offset);
		if (message.more) return;
		const whole = this.#bytes;
		this.#bytes = undefined;
		this.#onMessage(topic, whole, 0, total);
	}

	/** Forgets a message that will not be completed: the connection was lost. */
	reset(): void {
		this.#bytes = undefined;
	}
}
