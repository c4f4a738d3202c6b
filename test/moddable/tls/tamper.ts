// SPDX-License-Identifier: Apache-2.0
/**
 * A man in the middle who changes what a TLS 1.2 server says before its ChangeCipherSpec.
 *
 * Handshake messages are handed to a rewriter one by one, as OpenSSL sends them: each in records of its own.
 */
import { connect, createServer, type Server } from "node:net";

/** Gets a record of the server; returns what goes on to the device. */
export type Rewriter = (record: Buffer, message: number) => Buffer;

export const Message = { HELLO: 2, CERTIFICATE: 11, KEY_EXCHANGE: 12, HELLO_DONE: 14 } as const;
export const HEADER = 5;
const MESSAGE_HEADER = 4;
const HANDSHAKE = 22;
const CHANGE_CIPHER_SPEC = 20;
const VERSION = [3, 3];

export function record(type: number, body: Uint8Array | readonly number[]): Buffer {
	return Buffer.from([type, ...VERSION, body.length >> 8, body.length & 0xff, ...body]);
}

/** A rewriter that changes the body of one kind of message in place. */
export function editing(message: number, edit: (body: Buffer) => void): Rewriter {
	return (bytes, kind) => {
		if (kind === message) edit(bytes.subarray(HEADER + MESSAGE_HEADER));
		return bytes;
	};
}

/** A rewriter that puts `extra` before one kind of message, or in its place. */
export function replacing(message: number, extra: Buffer, keep: boolean): Rewriter {
	return (bytes, kind) => kind !== message ? bytes : keep ? Buffer.concat([extra, bytes]) : extra;
}

/** Listens on a port of its own and forwards to `port`. */
export function tamper(port: number, rewrite: Rewriter): Server {
	return createServer(device => {
		const server = connect(port, "127.0.0.1");
		let waiting: Buffer = Buffer.alloc(0);
		let isClear = true;
		server.on("data", bytes => {
			waiting = Buffer.concat([waiting, bytes]);
			while (waiting.length >= HEADER && waiting.length >= HEADER + waiting.readUInt16BE(3)) {
				const length = HEADER + waiting.readUInt16BE(3);
				const whole = Buffer.from(waiting.subarray(0, length));
				waiting = waiting.subarray(length);
				if (whole[0] === CHANGE_CIPHER_SPEC) isClear = false;
				device.write(isClear && whole[0] === HANDSHAKE ? rewrite(whole, whole[HEADER]!) : whole);
			}
		});
		device.on("data", bytes => server.write(bytes));
		for (const [one, other] of [[device, server], [server, device]] as const) {
			one.on("error", () => other.destroy());
			one.on("close", () => other.destroy());
		}
	});
}
