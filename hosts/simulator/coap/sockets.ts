// SPDX-License-Identifier: Apache-2.0
/**
 * A CoAP server's datagrams and streams on real sockets, and its one timer.
 *
 * A client whose stream takes no more is not read from either, until it is drained; one for which notifications pile up
 * all the same is let go.
 */
import type { Socket as DatagramSocket } from "node:dgram";
import { performance } from "node:perf_hooks";
import type { Duplex } from "node:stream";
import { endGently, HeldSockets } from "../held.js";
import { nodeClock } from "../node-clock.js";
import { TaskAlarm } from "../alarm.js";
import type { CoAPServer } from "./server.js";

/** Bytes that wait for one client; with more it is let go. */
const WAITING_MAXIMUM = 2 ** 20;

export class CoAPSockets {
	readonly #server: CoAPServer;
	readonly #held = new HeldSockets();
	readonly #alarm: TaskAlarm;

	constructor(server: CoAPServer) {
		this.#server = server;
		this.#alarm = new TaskAlarm(server, nodeClock);
	}

	serveDatagrams(socket: DatagramSocket): void {
		// A datagram that cannot be sent is lost, as datagrams may be.
		socket.on("error", () => {});
		socket.on("message", (bytes, { address, port }) => {
			if (this.#held.isClosed) return;
			this.#server.receive(bytes, { key: `${address}:${port}` }, {
				send: answer => { if (!this.#held.isClosed) socket.send(answer, port, address, () => {}); },
			}, performance.now());
			this.#alarm.arm();
		});
	}

	/** Keeps a socket so that `close` can end it. */
	hold(socket: Duplex): void {
		this.#held.hold(socket);
	}

	open(form: "tcp" | "ws", socket: Duplex, identity: string | undefined): void {
		this.hold(socket);
		if (this.#held.isClosed) return;
		const connection = this.#server.connect(form, identity, {
			send: bytes => {
				if (!socket.write(bytes)) socket.pause();
				if (socket.writableLength > WAITING_MAXIMUM) socket.destroy();
			},
			close: () => { endGently(socket); },
		}, performance.now());
		if (!connection) {
			socket.destroy();
			return;
		}
		socket.on("data", (bytes: Buffer | string) => {
			// A text message of a WebSocket.
			if (typeof bytes === "string") {
				socket.destroy();
				return;
			}
			connection.receive(bytes, performance.now());
			this.#alarm.arm();
		});
		socket.on("drain", () => { socket.resume(); });
		socket.on("end", () => { connection.lost(); });
		socket.on("close", () => { connection.lost(); });
		this.#alarm.arm();
	}

	close(): void {
		this.#alarm.stop();
		this.#held.close();
	}
}
