// SPDX-License-Identifier: Apache-2.0
/** A relay on loopback that resets connections at offsets out of a seed, measured in what the server sent. */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import type { TestContext } from "node:test";
import type { Random } from "../property/random.js";

export interface Relay {
	readonly port: number;
	/** Connections that it took, and those that it reset. */
	readonly connections: number;
	readonly resets: number;
}

/**
 * @param most bytes that a connection may carry at most before it is reset, on both sides
 * @param patience resets after which it lets everything pass
 */
export async function layRelay(context: TestContext, target: number, random: Random, most: number, patience: number): Promise<Relay> {
	const relay = { port: 0, connections: 0, resets: 0 };
	const sockets = new Set<Socket>();
	const server = createServer({ noDelay: true }, (client) => {
		relay.connections++;
		let left = relay.resets < patience ? 1 + random.below(most) : Infinity;
		const upstream = connect({ host: "127.0.0.1", port: target, noDelay: true });
		for (const [socket, other] of [[client, upstream], [upstream, client]] as const) {
			sockets.add(socket);
			socket.on("error", () => { /* "close" follows. */ });
			socket.on("end", () => { other.end(); });
			socket.on("close", () => {
				sockets.delete(socket);
				other.destroy();
			});
		}
		client.pipe(upstream, { end: false });
		upstream.on("data", (bytes: Buffer) => {
			const isLast = bytes.byteLength >= left;
			const piece = bytes.subarray(0, Math.min(left, bytes.byteLength));
			left -= piece.byteLength;
			if (!client.write(piece)) {
				upstream.pause();
				client.once("drain", () => { upstream.resume(); });
			}
			if (!isLast) return;
			relay.resets++;
			// What is still in the kernel is lost with it, as in a reset.
			client.resetAndDestroy();
			upstream.resetAndDestroy();
		});
	});
	await new Promise<void>((resolve) => { server.listen(0, "127.0.0.1", resolve); });
	relay.port = (server.address() as AddressInfo).port;
	context.after(() => {
		for (const socket of sockets) socket.destroy();
		server.close();
	});
	return relay;
}
