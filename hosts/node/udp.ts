// SPDX-License-Identifier: Apache-2.0
/**
 * UDP of a device over `node:dgram`: one socket that speaks IPv6 and IPv4 where the machine has both.
 *
 * Binding is made synchronous with a `lookup` that answers at once, because the local port must be known when
 * the constructor returns.
 */
import { createSocket, type Socket } from "node:dgram";
import { isIPv4 } from "node:net";
import { DeviceError } from "../../src/base/error.js";
import type { Datagrams, Remote, UDPOptions } from "../../src/host.js";
import { checkAddress, checkBytes, checkCallback, checkPort } from "./check.js";

/** Datagrams that wait unread; later ones are lost, as on a device whose buffers are full. */
export const DATAGRAM_QUEUE = 32;

/** How an IPv6 socket writes an IPv4 address (RFC 4291 §2.5.5.2). */
const MAPPED = "::ffff:";

interface Datagram { bytes: Uint8Array; address: string; port: number }

export class UDP implements Datagrams {
	readonly port: number;
	readonly #socket: Socket;
	readonly #mapped: boolean;
	readonly #waiting: Datagram[] = [];
	#closed = false;

	constructor(options: UDPOptions) {
		const { port = 0, onReadable, onError } = options;
		checkPort(port, 0);
		checkCallback("onReadable", onReadable);
		checkCallback("onError", onError);
		const { socket, mapped } = bind(port);
		this.#socket = socket;
		this.#mapped = mapped;
		this.port = socket.address().port;
		socket.on("message", (bytes, { address, port }) => {
			if (this.#waiting.length === DATAGRAM_QUEUE) return;
			const plain = address.startsWith(MAPPED) ? address.slice(MAPPED.length) : address;
			this.#waiting.push({ bytes, address: plain, port });
			onReadable?.(this.#waiting.length);
		});
		socket.on("error", error => {
			if (this.#closed) return;
			this.close();
			onError?.(new DeviceError("closed", `the UDP socket failed: ${error.message}`, { cause: error }));
		});
	}

	read(target: Uint8Array, remote?: Remote): number {
		this.#checkOpen();
		checkBytes("the target of a read", target);
		const datagram = this.#waiting.shift();
		if (datagram === undefined) return -1;
		const count = Math.min(target.byteLength, datagram.bytes.byteLength);
		target.set(datagram.bytes.subarray(0, count));
		if (remote !== undefined) {
			remote.address = datagram.address;
			remote.port = datagram.port;
		}
		return count;
	}

	write(source: Uint8Array, address: string, port: number): void {
		this.#checkOpen();
		checkBytes("the source of a write", source);
		checkAddress(address);
		checkPort(port);
		// The callback takes the failures of this datagram (too long, no route): lost, as UDP may.
		this.#socket.send(source.slice(), port, this.#mapped && isIPv4(address) ? MAPPED + address : address, () => {});
	}

	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		this.#waiting.length = 0;
		this.#socket.close();
	}

	#checkOpen(): void {
		if (this.#closed) throw new DeviceError("state", "the UDP socket is closed");
	}
}

function bind(port: number): { socket: Socket; mapped: boolean } {
	try {
		return { socket: bindAs("udp6", port), mapped: true };
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code !== "EAFNOSUPPORT" && code !== "EADDRNOTAVAIL" && code !== "EINVAL") {
			throw new DeviceError("state", `UDP port ${port} cannot be used: ${code}`, { cause: error });
		}
		return { socket: bindAs("udp4", port), mapped: false };
	}
}

function bindAs(type: "udp4" | "udp6", port: number): Socket {
	const family = type === "udp4" ? 4 : 6;
	const socket = createSocket({ type, lookup: (name, _, callback) => callback(null, name, family) });
	let failure: Error | undefined;
	const onFailure = (error: Error) => { failure = error; };
	socket.on("error", onFailure);
	socket.bind(port, type === "udp4" ? "0.0.0.0" : "::");
	socket.off("error", onFailure);
	if (failure !== undefined) {
		socket.close();
		throw failure;
	}
	return socket;
}
