// SPDX-License-Identifier: Apache-2.0
/**
 * Datagrams of a device that are protected by DTLS 1.2 and a key that the server has, too. The shape is UDP's, with one
 * peer: whoever speaks CoAP over it need not know the difference.
 */
import { DeviceError } from "../../src/base/error.js";
import { PSK_IDENTITY_MAXIMUM, PSK_MAXIMUM, type Datagrams, type DTLSOptions, type Remote } from "../../src/host.js";
import { checkAddress, checkBytes, checkCallback, checkPort } from "./check.js";
import { Session } from "./dtls-session.js";
import { DATAGRAM_QUEUE } from "./udp.js";

export class DTLS implements Datagrams {
	readonly port: number;
	readonly #address: string;
	readonly #remotePort: number;
	readonly #session: Session;
	readonly #waiting: Uint8Array[] = [];
	#closed = false;

	constructor(options: DTLSOptions) {
		const { address, port, psk, onReadable, onWritable, onError } = options;
		checkAddress(address);
		checkPort(port);
		checkPSK(psk);
		checkCallback("onReadable", onReadable);
		checkCallback("onWritable", onWritable);
		checkCallback("onError", onError);
		this.#address = address;
		this.#remotePort = port;
		this.#session = new Session({ address, port, identity: psk.identity, key: psk.key }, {
			onConnected: () => onWritable?.(),
			onDatagram: bytes => {
				if (this.#waiting.length === DATAGRAM_QUEUE) return;
				this.#waiting.push(bytes);
				onReadable?.(this.#waiting.length);
			},
			onEnded: error => {
				this.#closed = true;
				onError?.(error);
			},
		});
		this.port = this.#session.port;
	}

	read(target: Uint8Array, remote?: Remote): number {
		this.#checkOpen();
		checkBytes("the target of a read", target);
		const bytes = this.#waiting.shift();
		if (bytes === undefined) return -1;
		const count = Math.min(target.byteLength, bytes.byteLength);
		target.set(bytes.subarray(0, count));
		if (remote !== undefined) {
			remote.address = this.#address;
			remote.port = this.#remotePort;
		}
		return count;
	}

	write(source: Uint8Array, address: string, port: number): void {
		this.#checkOpen();
		checkBytes("the source of a write", source);
		if (address !== this.#address || port !== this.#remotePort) {
			throw new DeviceError("argument", `a DTLS session has one peer, which is not ${address} port ${port}`);
		}
		if (!this.#session.connected) throw new DeviceError("state", "the DTLS handshake is not over");
		this.#session.send(source);
	}

	close(): void {
		this.#closed = true;
		this.#waiting.length = 0;
		this.#session.close();
	}

	#checkOpen(): void {
		if (this.#closed) throw new DeviceError("state", "the DTLS session is closed");
	}
}

/** The messages say nothing of the key. */
function checkPSK(psk: DTLSOptions["psk"] | undefined): void {
	const length = typeof psk?.identity === "string" ? Buffer.byteLength(psk.identity) : 0;
	if (length === 0 || length > PSK_IDENTITY_MAXIMUM) {
		throw new DeviceError("argument", `the identity of a shared key must have 1-${PSK_IDENTITY_MAXIMUM} bytes of UTF-8`);
	}
	checkBytes("a shared key", psk!.key);
	if (psk!.key.byteLength === 0 || psk!.key.byteLength > PSK_MAXIMUM) {
		throw new DeviceError("argument", `a shared key must have 1-${PSK_MAXIMUM} bytes`);
	}
}
