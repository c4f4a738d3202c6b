// SPDX-License-Identifier: Apache-2.0
/** The real sockets of a server of the simulator, so that its end is theirs. */
import type { Duplex } from "node:stream";

/** Milliseconds that a connection the server ended may take to send what is left. */
const LINGER = 1_000;

export class HeldSockets {
	readonly #open = new Set<Duplex>();
	#isClosed = false;

	get isClosed(): boolean { return this.#isClosed; }

	/** Keeps a socket so that `close` can end it; after that, ends it. */
	hold(socket: Duplex): void {
		if (this.#isClosed) {
			socket.destroy();
			return;
		}
		if (this.#open.has(socket)) return;
		this.#open.add(socket);
		// Without a listener a reset would end the process; `close` follows each error.
		socket.on("error", () => {});
		socket.on("close", () => { this.#open.delete(socket); });
	}

	close(): void {
		this.#isClosed = true;
		for (const socket of this.#open) socket.destroy();
	}
}

/** What is said last should reach a client that reads, and must not keep the socket of one that does not. */
export function endGently(socket: Duplex): void {
	socket.end();
	socket.resume();
	const timer = setTimeout(() => { socket.destroy(); }, LINGER);
	socket.once("close", () => { clearTimeout(timer); });
}
