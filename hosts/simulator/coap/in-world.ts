// SPDX-License-Identifier: Apache-2.0
/**
 * Serves CoAP in a seeded world: datagrams and streams on virtual time and a faulty network.
 *
 * Of the world only what is used here is named, as in the simulator's other files.
 */
import type { Datagrams, Remote, UDPOptions } from "../../../src/host.js";
import { acceptWebSocket } from "../../websocket/server.js";
import { text } from "../../world/text.js";
import type { WorldLike, WorldTls } from "../in-world.js";
import { TaskAlarm } from "../alarm.js";
import type { CoAPServer } from "./server.js";
import { StreamPort } from "./stream-port.js";

export interface CoAPWorldLike extends WorldLike {
	readonly network: WorldLike["network"] & { bind(address: string, options: UDPOptions): Datagrams };
}

export interface CoAPWorldServeOptions {
	/** IP address literal to listen on. */
	address: string;
	/** Ports; absent: not served. */
	udpPort?: number | undefined;
	tcpPort?: number | undefined;
	tlsPort?: number | undefined;
	/** The world must have been given digests. */
	webSocketPort?: number | undefined;
	secureWebSocketPort?: number | undefined;
	/** Needed with the ports of TLS. */
	tls?: WorldTls | undefined;
}

/** Spec: RFC 8323 §8.1. */
const SUBPROTOCOL = "coap";
/** More than any datagram that the server takes, so that a longer one is seen as one. */
const DATAGRAM_MAXIMUM = 2_048;

/** @returns ends it, as a server that is killed */
export function serveCoAPInWorld(server: CoAPServer, world: CoAPWorldLike, options: CoAPWorldServeOptions): { close(): void } {
	const { address, udpPort, tcpPort, tlsPort, webSocketPort, secureWebSocketPort, tls } = options;
	const alarm = new TaskAlarm(server, { timer: world.timer, time: { now: () => world.clock.now } });
	const ports = new Set<StreamPort>();
	const open: { close(): void }[] = [];
	const listen = (port: number | undefined, form: "tcp" | "ws", secure: WorldTls | undefined) => {
		if (port === undefined) return;
		open.push(world.network.listen({ address, port, ...secure ? { tls: secure } : {} }, incoming => {
			const each = new StreamPort({
				server, form, identity: incoming.peer.certificate?.subject, now: () => world.clock.now, timer: world.timer,
				accept: callbacks => form === "tcp" ? incoming.accept(callbacks) : acceptWebSocket(
					SUBPROTOCOL, { crypto: world.crypto, timer: world.timer, text }, callbacks, incoming.accept, true,
				),
				onReceived: () => { alarm.arm(); }, onClosed: () => { ports.delete(each); },
			});
			ports.add(each);
			each.start();
		}));
	};
	if (udpPort !== undefined) open.push(serveDatagrams(server, world, alarm, address, udpPort));
	listen(tcpPort, "tcp", undefined);
	listen(tlsPort, "tcp", tls);
	listen(webSocketPort, "ws", undefined);
	listen(secureWebSocketPort, "ws", tls);
	return {
		close() {
			alarm.stop();
			for (const each of open) each.close();
			for (const port of [...ports]) port.close();
		},
	};
}

function serveDatagrams(server: CoAPServer, world: CoAPWorldLike, alarm: TaskAlarm, address: string, port: number): { close(): void } {
	let isClosed = false;
	const remote: Remote = { address: "", port: 0 }, target = new Uint8Array(DATAGRAM_MAXIMUM);
	const socket = world.network.bind(address, {
		port,
		onReadable: () => {
			for (let count = socket.read(target, remote); count >= 0; count = socket.read(target, remote)) {
				const { address: from, port: fromPort } = remote;
				server.receive(target.slice(0, count), { key: `${from}:${fromPort}` }, {
					send: bytes => { if (!isClosed) socket.write(bytes, from, fromPort); },
				}, world.clock.now);
			}
			alarm.arm();
		},
	});
	return {
		close() {
			isClosed = true;
			socket.close();
		},
	};
}
