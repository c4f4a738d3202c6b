// SPDX-License-Identifier: Apache-2.0
/** TCP of a device over `node:net`. */
import { connect } from "node:net";
import { DeviceError, type ErrorCode } from "../../src/base/error.js";
import type { TCPOptions } from "../../src/host.js";
import { checkAddress, checkPort } from "./check.js";
import { SocketStream } from "./stream.js";

/** The rest is `closed` once connected and `unreachable` before. */
const CODES: Readonly<Record<string, ErrorCode>> = Object.freeze({
	ECONNREFUSED: "unreachable",
	EHOSTUNREACH: "unreachable",
	ENETUNREACH: "unreachable",
	ENETDOWN: "unreachable",
	EADDRNOTAVAIL: "unreachable",
	ETIMEDOUT: "timeout",
	ECONNRESET: "closed",
	EPIPE: "closed",
});

export class TCP extends SocketStream {
	constructor(options: TCPOptions) {
		checkTCP(options);
		const { address, port, nodelay = false } = options;
		super(options, {
			open: (onread, connected) => connect({ host: address, port, noDelay: nodelay, onread }).once("connect", connected),
			explain: (error, connected) => explainSocket(error, connected, address, port),
		});
	}
}

export function checkTCP(options: TCPOptions): void {
	checkAddress(options.address);
	checkPort(options.port);
	if (options.nodelay !== undefined && typeof options.nodelay !== "boolean") {
		throw new DeviceError("argument", "nodelay is no boolean");
	}
}

export function explainSocket(error: NodeJS.ErrnoException, connected: boolean, address: string, port: number): DeviceError {
	const code = CODES[error.code ?? ""] ?? (connected ? "closed" : "unreachable");
	return new DeviceError(code, `the connection to ${address} port ${port} failed: ${error.code ?? error.message}`, { cause: error });
}
