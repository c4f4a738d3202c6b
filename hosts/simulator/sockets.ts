// SPDX-License-Identifier: Apache-2.0
/**
 * A broker's connections on real sockets, and its one timer.
 *
 * A client whose socket takes no more is not read from either, until it is drained: so what is buffered for it stays
 * within the socket's high-water mark, the answers to the bytes that were just read, and one message; its keep-alive
 * ends it if it never drains.
 */
import { performance } from "node:perf_hooks";
import type { Duplex } from "node:stream";
import { BrokerAlarm } from "./alarm.js";
import type { Broker } from "./broker/broker.js";
import type { Caller } from "./broker/client.js";
import type { Connection } from "./broker/connection.js";
import { nodeClock } from "./node-clock.js";

/** Milliseconds that a connection the broker ended may take to send what is left. */
const LINGER = 1_000;

/** The sockets of one `serve`, and the broker's one timer. */
export class Sockets {
	readonly #broker: Broker;
	readonly #open = new Set<Duplex>();
	readonly #connections = new Set<Connection>();
	readonly #alarm: BrokerAlarm;
	#isClosed = false;

	constructor(broker: Broker) {
		this.#broker = broker;
		this.#alarm = new BrokerAlarm(broker, nodeClock);
	}

	/** Keeps a socket so that `close` can end it. */
	hold(socket: Duplex): void {
		if (this.#isClosed) {
			socket.destroy();
			return;
		}
		this.#open.add(socket);
		// Without a listener a reset would end the process; `close` follows each error.
		socket.on("error", () => {});
		socket.on("close", () => { this.#open.delete(socket); });
	}

	open(socket: Duplex, caller: Caller): void {
		this.hold(socket);
		if (this.#isClosed) return;
		const connection = this.#broker.open({
			send: bytes => {
				const wantsMore = socket.write(bytes);
				if (!wantsMore) socket.pause();
				return wantsMore;
			},
			close: () => { endGently(socket); },
		}, { ...caller, now: performance.now() });
		this.#connections.add(connection);
		socket.on("data", (bytes: Buffer | string) => {
			if (typeof bytes === "string") {
				socket.destroy();
				return;
			}
			connection.receive(bytes, performance.now());
			this.#alarm.arm();
		});
		socket.on("drain", () => {
			connection.drained(performance.now());
			if (!socket.writableNeedDrain) socket.resume();
		});
		socket.on("end", () => { connection.lost(performance.now()); });
		socket.on("close", () => {
			this.#connections.delete(connection);
			connection.lost(performance.now());
		});
		this.#alarm.arm();
	}

	close(): void {
		this.#isClosed = true;
		this.#alarm.stop();
		for (const connection of this.#connections) connection.close("restart", performance.now());
		for (const socket of this.#open) socket.destroy();
	}
}

/** A refusal should reach a client that reads, and must not keep the socket of one that does not. */
function endGently(socket: Duplex): void {
	socket.end();
	socket.resume();
	const timer = setTimeout(() => { socket.destroy(); }, LINGER);
	socket.once("close", () => { clearTimeout(timer); });
}
