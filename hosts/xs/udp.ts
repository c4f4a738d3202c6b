// SPDX-License-Identifier: Apache-2.0
/** Datagrams over the C host. IPv4 only, as the network stack of a device is usually built. */
import { DeviceError } from "../../src/base/error.js";
import type { Datagrams, Remote, UDPOptions } from "../../src/host.js";
import { checkCallback, checkPort } from "./check.js";
import { native, type Handle } from "./native.js";

function dispatch(udp: UDP, _event: number, value: number): void {
	udp.onReadable?.(value);
}

export class UDP implements Datagrams {
	readonly onReadable: UDPOptions["onReadable"];
	#handle: Handle;

	constructor(options: UDPOptions) {
		const port = options.port ?? 0;
		if (port !== 0) checkPort(port);
		this.onReadable = checkCallback(options.onReadable, "onReadable");
		checkCallback(options.onError, "onError");
		this.#handle = native.udpOpen(this, dispatch, port);
		if (this.#handle < 0) throw new DeviceError("unreachable", `port ${port} cannot be bound: errno ${-this.#handle}`);
	}

	get port(): number {
		return native.udpPort(this.#handle);
	}

	read(target: Uint8Array, remote?: Remote): number {
		const count = native.udpRead(this.#handle, target, remote);
		if (count < -1) throw new DeviceError("state", "read: the socket is closed");
		return count;
	}

	write(source: Uint8Array, address: string, port: number): void {
		checkPort(port);
		const result = native.udpWrite(this.#handle, source, address, port);
		if (result === -1) throw new DeviceError("argument", `address "${address}" is no IPv4 address literal`);
		if (result < 0) throw new DeviceError("state", "write: the socket is closed");
	}

	close(): void {
		native.udpClose(this.#handle);
	}
}
