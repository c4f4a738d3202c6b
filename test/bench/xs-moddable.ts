// SPDX-License-Identifier: Apache-2.0
/** Runs on XS: Moddable's ECMA-419 MQTT client at work, out of an SDK that is not ours. */
import MQTTClient from "mqttclient";
import { CONNACK, puback, publishSegments, TOPIC } from "./memory.js";
import { perform } from "./xs-perform.js";
import { due } from "./xs-timer.js";

const ROOM = 5744;

interface SocketOptions { onReadable(count: number): void; onWritable(count: number): void }

let options: SocketOptions;
let incoming: Uint8Array = CONNACK;
let position = 0;
let connect = (): void => {};

/** As `Memory`'s stream, with what ECMA-419 has besides: single bytes, and new buffers. */
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
		connect = () => onResolved("broker", "127.0.0.1");
	}
}

function receive(bytes: Uint8Array): void {
	incoming = bytes;
	position = 0;
	options.onReadable(bytes.byteLength);
	while (due.length > 0) due.shift()!();
}

(globalThis as { trace?: () => void }).trace ??= () => {};

perform(({ direction, qos, size }) => {
	let received = 0;
	const client = new MQTTClient({
		host: "broker", id: "bench", dns: { io: Resolver }, socket: { io: Socket },
		onReadable(count) { received += this.read(count).byteLength; },
	});
	connect();
	options.onWritable(ROOM);
	receive(CONNACK);
	if (direction === "received") {
		const segments = publishSegments(size, qos);
		return (count) => {
			received = 0;
			for (let index = 0; index < count; index++) {
				for (let at = 0; at < segments.length; at++) receive(segments[at]!);
			}
			if (received !== size * count) throw new Error(`received ${received} bytes`);
		};
	}
	// What is longer than the socket takes at once is written in pieces.
	const piece = new Uint8Array(Math.min(size, 1024)).fill(0x41);
	const message = { topic: TOPIC, QoS: qos, byteLength: size };
	const answer = new Uint8Array(4);
	return (count) => {
		for (let index = 0; index < count; index++) {
			client.write(piece, message);
			for (let left = size - piece.byteLength; left > 0; left -= piece.byteLength) client.write(piece);
			if (qos > 0) receive(puback(answer, 2));
		}
	};
});
