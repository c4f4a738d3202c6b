// SPDX-License-Identifier: Apache-2.0
/**
 * What the broker has to say on one connection, and when: at once, or later while a fault delays it.
 *
 * Pure. The order is kept whatever the delays.
 * Memory: at most `DELAYED_MAXIMUM` bytes, and one read's worth of answers; messages wait in their session meanwhile.
 */
interface Delayed { at: number; bytes: Uint8Array; onSent: (() => void) | undefined }

/** Bytes that are delayed; then the connection counts as not writable. */
const DELAYED_MAXIMUM = 1024 * 1024;

export class Outbox {
	readonly #send: (bytes: Uint8Array) => void;
	readonly #delayed: Delayed[] = [];
	#bytes = 0;

	constructor(send: (bytes: Uint8Array) => void) {
		this.#send = send;
	}

	/** When `flush` has something to send, or `Infinity`. */
	get deadline(): number { return this.#delayed[0]?.at ?? Infinity; }
	get isFull(): boolean { return this.#bytes >= DELAYED_MAXIMUM; }

	/** @param onSent called when the bytes go to the network */
	put(bytes: Uint8Array, now: number, delay: number, onSent?: () => void): void {
		if (delay === 0 && this.#delayed.length === 0) {
			this.#send(bytes);
			onSent?.();
			return;
		}
		this.#delayed.push({ at: Math.max(now + delay, this.#delayed.at(-1)?.at ?? 0), bytes, onSent });
		this.#bytes += bytes.byteLength;
	}

	/** Sends what is due. */
	flush(now: number): void {
		while (this.#delayed.length > 0 && this.#delayed[0]!.at <= now) {
			const { bytes, onSent } = this.#delayed.shift()!;
			this.#bytes -= bytes.byteLength;
			this.#send(bytes);
			onSent?.();
		}
	}
}
