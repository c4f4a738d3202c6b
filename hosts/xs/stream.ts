// SPDX-License-Identifier: Apache-2.0
/**
 * TCP and TLS streams over the C host.
 *
 * TLS is carried by the parent process (hosts/xs/node/relay.ts): the engine's sources bring none, and
 * what a device spends on it is measured on the device. Both classes are thin, because each field
 * costs a slot per connection.
 */
import { DeviceError, type ErrorCode } from "../../src/base/error.js";
import type { Stream, StreamCallbacks, TCPOptions, TLSOptions } from "../../src/host.js";
import { checkAddress, checkCallback, checkDER, checkPort } from "./check.js";
import { Event, native, type Handle } from "./native.js";

const CODES: readonly ErrorCode[] = Object.freeze(["unreachable", "closed", "tls", "timeout", "state"] as const);

function dispatch(stream: Socket, event: number, value: number, message: string | undefined, detail: number | undefined): void {
	if (event === Event.READABLE) stream.onReadable?.(value);
	else if (event === Event.WRITABLE) stream.onWritable?.(value);
	else stream.onError?.(new DeviceError(CODES[value] ?? "internal", message ?? "", { detail }));
}

/** The callbacks live in fields that only `dispatch` reads; who assigns them later changes nothing that is promised. */
class Socket implements Stream {
	readonly onReadable: StreamCallbacks["onReadable"];
	readonly onWritable: StreamCallbacks["onWritable"];
	readonly onError: StreamCallbacks["onError"];
	#handle: Handle;

	constructor(options: TCPOptions, open: (self: Socket, options: TCPOptions) => Handle) {
		checkAddress(options.address);
		checkPort(options.port);
		this.onReadable = checkCallback(options.onReadable, "onReadable");
		this.onWritable = checkCallback(options.onWritable, "onWritable");
		this.onError = checkCallback(options.onError, "onError");
		this.#handle = open(this, options);
		if (this.#handle < 0) throw new DeviceError("argument", `address "${options.address}" is no IP address literal`);
	}

	read(target: Uint8Array): number {
		const count = native.streamRead(this.#handle, target);
		if (count === -1) throw new DeviceError("argument", `read: ${target.byteLength} bytes asked, fewer are there, or none were asked`);
		if (count < 0) throw new DeviceError("state", "read: the stream is closed");
		return count;
	}

	write(source: Uint8Array): number {
		const room = native.streamWrite(this.#handle, source);
		if (room === -1) throw new DeviceError("full", `write: no room for ${source.byteLength} bytes`);
		if (room < 0) throw new DeviceError("state", "write: the stream is not open");
		return room;
	}

	close(): void {
		native.streamClose(this.#handle);
	}
}

function openTCP(self: Socket, options: TCPOptions): Handle {
	return native.tcpOpen(self, dispatch, options.address, options.port, options.nodelay === true);
}

function openTLS(self: Socket, options: TCPOptions): Handle {
	const { host, secure } = options as TLSOptions;
	return native.relayOpen(
		self, dispatch, options.address, options.port, options.nodelay === true, host,
		secure.certificates, secure.clientCertificates, secure.clientKey, secure.applicationLayerProtocolNegotiation,
	);
}

export class TCP extends Socket {
	constructor(options: TCPOptions) {
		super(options, openTCP);
	}
}

function checkSecure(options: TLSOptions): void {
	if (options.secure === undefined) throw new DeviceError("argument", "secure is absent; want trust anchors");
	const { certificates, clientCertificates = [], clientKey, applicationLayerProtocolNegotiation: protocols = [] } = options.secure;
	if (typeof options.host !== "string" || options.host === "") throw new DeviceError("argument", "host must be a name");
	if (certificates.length === 0) throw new DeviceError("argument", "secure.certificates is empty; want a trust anchor");
	for (let i = 0; i < certificates.length; i++) checkDER(certificates[i], "secure.certificates");
	for (let i = 0; i < clientCertificates.length; i++) checkDER(clientCertificates[i], "secure.clientCertificates");
	if (clientCertificates.length > 0) checkDER(clientKey, "secure.clientKey");
	for (let i = 0; i < protocols.length; i++) {
		if (typeof protocols[i] !== "string" || protocols[i] === "") throw new DeviceError("argument", "a protocol name is empty");
	}
}

export class TLS extends Socket {
	constructor(options: TLSOptions) {
		checkSecure(options);
		super(options, openTLS);
	}
}
