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
import { TaskAlarm } from "./alarm.js";
import type { Broker } from "./broker/broker.js";
import type { Caller } from "./broker/client.js";
import type { Connection } from "./broker/connection.js";
import { endGently, HeldSockets } from "./held.js";
import { nodeClock } from "./node-clock.js";

/** The sockets of one `serve`, and the broker's one timer. */
export class Sockets {
	readonly #broker: Broker;
	readonly #held = new HeldSockets();
	readonly #connections = new Set<Connection>();
	readonly #alarm: TaskAlarm;

	constructor(broker: Broker) {
		this.#broker = broker;
		this.#alarm = new TaskAlarm(broker, nodeClock);
	}

	/** Keeps a socket so that `close` can end it. */
	hold(socket: Duplex): void {
		this.#held.hold(socket);
	}

	open(socket: Duplex, caller: Caller): void {
		this.hold(socket);
		if (this.#held.isClosed) return;
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
		this.#alarm.stop();
		for (const connection of this.#connections) connection.close("restart", performance.now());
		this.#held.close();
	}
}
