// SPDX-License-Identifier: Apache-2.0
/**
 * UDP of a device over Moddable's native socket, which cannot tell the port that the platform chose for it. So the
 * port is chosen here: at random among the dynamic ones (RFC 6335 §6), which also makes it hard to guess.
 */
import UDPSocket from "embedded:io/socket/udp";
import { DeviceError } from "../../src/base/error.js";
import type { Datagrams, Remote, UDPOptions } from "../../src/host.js";
import { checkAddress, checkBytes, checkCallback, checkPort } from "./check.js";
import platform from "moddable:moorline/platform";

const DYNAMIC_FIRST = 49_152;
/** Tries to find a port that is free. */
const TRIES = 8;

export class UDP implements Datagrams {
	readonly port: number;
	readonly #socket: UDPSocket;
	#closed = false;

	constructor(options: UDPOptions) {
		const { port = 0, onReadable, onError } = options;
		checkPort(port, 0);
		checkCallback(onReadable);
		checkCallback(onError);
		for (let tries = port === 0 ? TRIES : 1; ; tries--) {
			const candidate = port === 0 ? choosePort() : port;
			try {
				this.#socket = new UDPSocket({
					port: candidate,
					onReadable: count => { if (!this.#closed) onReadable?.(count); },
				});
				this.port = candidate;
				return;
			} catch (error) {
				if (tries === 1) throw new DeviceError("state", `UDP port ${candidate} cannot be used`, { cause: error });
			}
		}
	}

	read(target: Uint8Array, remote?: Remote): number {
		this.#checkOpen();
		checkBytes(target);
		const datagram = this.#socket.read();
		if (datagram === undefined) return -1;
		const count = Math.min(target.byteLength, datagram.byteLength);
		target.set(new Uint8Array(datagram, 0, count));
		if (remote !== undefined) {
			remote.address = datagram.address;
			remote.port = datagram.port;
		}
		return count;
	}

	write(source: Uint8Array, address: string, port: number): void {
		this.#checkOpen();
		checkBytes(source);
		checkAddress(address);
		checkPort(port, 1);
		try {
			this.#socket.write(source, address, port);
		} catch {
			// Too long, no route, no memory: lost, as UDP may.
		}
	}

	close(): void {
		this.#closed = true;
		this.#socket.close();
	}

	#checkOpen(): void {
		if (this.#closed) throw new DeviceError("state", "the UDP socket is closed");
	}
}

function choosePort(): number {
	const bytes = new Uint8Array(2);
	platform.random(bytes);
	return DYNAMIC_FIRST + (bytes[0]! << 8 | bytes[1]!) % (65_536 - DYNAMIC_FIRST);
}
