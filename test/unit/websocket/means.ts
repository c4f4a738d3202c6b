// SPDX-License-Identifier: Apache-2.0
/** What a WebSocket needs of a platform, without one: nothing here is random, and digests only tell inputs apart. */
import type { Means } from "../../../hosts/websocket/handshake.js";
import { text } from "../text.js";

export class FakeMeans implements Means {
	readonly text = text;
	readonly due = new Set<{ callback: () => void }>();
	#dice = 0;

	readonly timer: Means["timer"] = {
		set: callback => {
			const timer = { callback };
			this.due.add(timer);
			return timer;
		},
		repeat() { throw new Error("not used"); },
		clear: timer => { this.due.delete(timer as { callback: () => void }); },
	};

	readonly crypto: Means["crypto"] = {
		digest: () => {
			const sums = new Uint8Array(20);
			return {
				update: bytes => bytes.forEach((byte, at) => { sums[at % 20] = sums[at % 20]! * 31 + byte; }),
				digest: () => sums,
			};
		},
		seal() { throw new Error("not used"); },
		open() { throw new Error("not used"); },
	};

	random(target: Uint8Array): void {
		for (let at = 0; at < target.length; at++) target[at] = ++this.#dice;
	}

	/** Lets each timer fire that is set now. */
	fire(): void {
		for (const timer of [...this.due]) {
			if (this.due.delete(timer)) timer.callback();
		}
	}
}
