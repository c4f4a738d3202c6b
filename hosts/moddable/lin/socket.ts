// SPDX-License-Identifier: Apache-2.0
/**
 * The simulator's TCP socket without its worst defect: it forgets the end of a stream that it sees while data is
 * unread. So everything is taken from it at once and kept here.
 */
import TCP from "embedded:io/socket/tcp";
import Timer from "timer";
import type { Socket as SocketType, SocketOptions } from "../platform.js";

/** Unread bytes at which a stream is given up: there is no way to make the peer wait without losing its end. */
const HELD_MAXIMUM = 1_048_576;

export class Socket implements SocketType {
	readonly #native: TCP;
	readonly #onError: () => void;
	readonly #held: Uint8Array[] = [];
	#heldLength = 0;
	#ended = false;

	constructor(options: SocketOptions) {
		const { address, port, nodelay, onReadable, onWritable } = options;
		this.#onError = options.onError;
		this.#native = new TCP({
			address, port, nodelay, onWritable,
			onReadable: () => {
				const bytes = this.#native.read();
				// In the turn in which it is closed the native socket may call once more.
				if (bytes === undefined) return;
				this.#held.push(new Uint8Array(bytes));
				this.#heldLength += bytes.byteLength;
				if (this.#heldLength > HELD_MAXIMUM) this.#end();
				else onReadable(this.#heldLength);
			},
			onError: () => {
				this.#ended = true;
				if (this.#heldLength === 0) this.#end();
			},
		});
	}

	read(target: Uint8Array): number {
		for (let filled = 0; filled < target.byteLength;) {
			const first = this.#held[0]!;
			const count = Math.min(first.byteLength, target.byteLength - filled);
			target.set(first.subarray(0, count), filled);
			if (count === first.byteLength) this.#held.shift();
			else this.#held[0] = first.subarray(count);
			filled += count;
		}
		this.#heldLength -= target.byteLength;
		if (this.#ended && this.#heldLength === 0) Timer.set(() => this.#end());
		return target.byteLength;
	}

	write(source: Uint8Array): number | undefined {
		return this.#native.write(source);
	}

	close(): void {
		this.#native.close();
	}

	#end(): void {
		this.#onError();
	}
}
