// SPDX-License-Identifier: Apache-2.0
/**
 * A cable between a client and a server on loopback, which the test can cut, unplug, or make lose what it names.
 *
 * While one question and one answer are under way, a piece of the stream is a packet, so it can be known by its type.
 */
import type { TestContext } from "node:test";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { parser } from "mqtt-packet";
import { PacketType } from "../../src/mqtt/constants.js";
import { Inbox } from "./inbox.js";

/** Whether a piece of the stream, with this type of packet in front, is lost on the way. */
export type Lossy = (type: number) => boolean;
const types: Readonly<Record<string, number>> = {
	publish: PacketType.PUBLISH, puback: PacketType.PUBACK, pubrec: PacketType.PUBREC, pubrel: PacketType.PUBREL, pubcomp: PacketType.PUBCOMP,
};
const lossless: Lossy = () => false;

export class Cable {
	/** Where the client connects to. */
	readonly port: number;
	/** Of what the client sends. */
	loseUp = lossless;
	/** Of what the server sends. */
	loseDown = lossless;
	/** Told of each packet that the client or the server sends, by its type. */
	seeUp: ((type: number) => void) | undefined;
	seeDown: ((type: number) => void) | undefined;
	/** What was lost, as the type of each piece. */
	readonly lost = new Inbox<{ type: number }>();
	/** Connections of clients that came to their end. */
	readonly ended = new Inbox<Socket>();
	/** What clients sent and was not looked at. */
	#sent: Buffer[] = [];
	#plugged = true;
	readonly #server: Server;
	readonly #sockets = new Set<Socket>();
	readonly #target: number;

	static async lay(context: TestContext, target: number): Promise<Cable> {
		const server = createServer({ noDelay: true });
		await new Promise<void>((resolve) => { server.listen(0, "127.0.0.1", resolve); });
		const cable = new Cable(server, target);
		context.after(() => {
			cable.unplug();
			server.close();
		});
		return cable;
	}

	private constructor(server: Server, target: number) {
		this.#server = server;
		this.#target = target;
		this.port = (server.address() as AddressInfo).port;
		this.#server.on("connection", (client) => { this.#join(client); });
	}

	/** Ends every connection without a goodbye, on both sides. */
	cut(): void {
		for (const socket of this.#sockets) socket.destroy();
	}

	/** Everything that clients sent since the last time, as hexadecimal text. */
	take(): string {
		return Buffer.concat(this.#sent.splice(0)).toString("hex");
	}

	/** From here on nothing is lost. */
	repair(): void {
		this.loseUp = this.loseDown = lossless;
	}

	/** Cuts, and lets nobody through until it is plugged in again. */
	unplug(): void {
		this.#plugged = false;
		this.cut();
	}

	plug(): void {
		this.#plugged = true;
	}

	#join(client: Socket): void {
		if (!this.#plugged) {
			client.destroy();
			return;
		}
		const server = connect({ host: "127.0.0.1", port: this.#target, noDelay: true });
		const pair = [client, server] as const;
		for (const [socket, other] of [pair, [server, client] as const]) {
			this.#sockets.add(socket);
			socket.on("error", () => { /* "close" follows. */ });
			socket.on("close", () => {
				this.#sockets.delete(socket);
				other.destroy();
			});
		}
		client.once("close", () => { this.ended.put(client); });
		const up = parser({ protocolVersion: 5 });
		up.on("packet", ({ cmd }) => this.seeUp?.(types[cmd] ?? 0));
		const down = parser({ protocolVersion: 5 });
		down.on("packet", ({ cmd }) => this.seeDown?.(types[cmd] ?? 0));
		client.on("data", (bytes: Buffer) => {
			this.#sent.push(bytes);
			if (this.seeUp) up.parse(bytes);
			this.#carry(bytes, server, this.loseUp);
		});
		server.on("data", (bytes: Buffer) => {
			if (this.seeDown) down.parse(bytes);
			this.#carry(bytes, client, this.loseDown);
		});
	}

	#carry(bytes: Buffer, target: Socket, lossy: Lossy): void {
		const type = bytes[0]! >> 4;
		if (lossy(type)) this.lost.put({ type });
		else target.write(bytes);
	}
}
