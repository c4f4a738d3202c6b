// SPDX-License-Identifier: Apache-2.0
/** A relay for datagrams on loopback, which a test tells what to lose, double and put in. For one client at a time. */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

export type Direction = "up" | "down";

export class DatagramRelay {
	/** Decides about the `index`-th datagram of its direction, from 0: how often it is passed on. Default: once. */
	copies: (direction: Direction, index: number, bytes: Buffer) => number = () => 1;
	/** Called after each datagram that was passed on or lost. */
	onDatagram: ((direction: Direction, bytes: Buffer) => void) | undefined;
	readonly counts: Record<Direction, number> = { up: 0, down: 0 };
	readonly #front = createSocket("udp4");
	readonly #back = createSocket("udp4");
	readonly #target: number;
	#client: RemoteInfo | undefined;

	static async lay(context: TestContext, target: number): Promise<DatagramRelay> {
		const relay = new DatagramRelay(target);
		for (const socket of [relay.#front, relay.#back]) {
			context.after(() => { socket.close(); });
			await new Promise<void>(resolve => { socket.bind(0, "127.0.0.1", resolve); });
		}
		return relay;
	}

	private constructor(target: number) {
		this.#target = target;
		this.#front.on("message", (bytes, remote) => {
			this.#client = remote;
			this.#pass("up", bytes);
		});
		this.#back.on("message", bytes => { this.#pass("down", bytes); });
		// A server that is gone is a datagram lost.
		for (const socket of [this.#front, this.#back]) socket.on("error", () => {});
	}

	get port(): number {
		return (this.#front.address() as AddressInfo).port;
	}

	/** As if the server had sent it. */
	putIn(bytes: Uint8Array): void {
		this.#send("down", bytes);
	}

	#pass(direction: Direction, bytes: Buffer): void {
		const copies = this.copies(direction, this.counts[direction]++, bytes);
		for (let copy = 0; copy < copies; copy++) this.#send(direction, bytes);
		this.onDatagram?.(direction, bytes);
	}

	#send(direction: Direction, bytes: Uint8Array): void {
		const [socket, port]: [Socket, number] = direction === "up" ? [this.#back, this.#target] : [this.#front, this.#client!.port];
		socket.send(bytes, port, "127.0.0.1", () => {});
	}
}
