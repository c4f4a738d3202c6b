// SPDX-License-Identifier: Apache-2.0
/** A network in memory as Moddable's ECMA-419 MQTT client wants it: single bytes, new buffers, writes of any kind. */
import MQTTClient from "mqttclient";
import { CONNACK } from "./memory.js";
import { due } from "./xs-timer.js";

const ROOM = 5744;

interface SocketOptions { onReadable(count: number): void; onWritable(count: number): void }

let options: SocketOptions;
let incoming: Uint8Array = CONNACK;
let position = 0;
let resolved = (): void => {};

class Socket {
	format = "number";

	constructor(given: SocketOptions) {
		options = given;
	}

	read(count?: number): number | ArrayBuffer {
		if (this.format === "number") return incoming[position++]!;
		const from = position;
		position += count!;
		return incoming.buffer.slice(from, position) as ArrayBuffer;
	}

	write(): number {
		return ROOM;
	}

	close(): void {}
}

class Resolver {
	resolve({ onResolved }: { onResolved(host: string, address: string): void }): void {
		resolved = () => onResolved("broker", "127.0.0.1");
	}
}

/** Delivers bytes to the client. */
export function receive(bytes: Uint8Array): void {
	incoming = bytes;
	position = 0;
	options.onReadable(bytes.byteLength);
	while (due.length > 0) due.shift()!();
}

/** @param onBytes is told of each piece of a payload that was read */
export function connect(onBytes: (count: number) => void): MQTTClient {
	(globalThis as { trace?: () => void }).trace ??= () => {};
	const client = new MQTTClient({
		host: "broker", id: "bench", dns: { io: Resolver }, socket: { io: Socket },
		onReadable(count) { onBytes(this.read(count).byteLength); },
	});
	resolved();
	resolved = () => {};
	options.onWritable(ROOM);
	receive(CONNACK);
	return client;
}
