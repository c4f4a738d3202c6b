// SPDX-License-Identifier: Apache-2.0
/**
 * The socket under a messenger: datagrams, with DTLS or without, or a stream. Moves bytes, and understands none.
 *
 * The buffer is made for what moves, grows with it, and is let go when nothing moved for a while.
 */
import { toDeviceError, type DeviceError } from "../base/error.js";
import type { Traffic } from "../base/traffic.js";
import type { Datagrams, Host, Remote, SecureOptions, Stream } from "../host.js";
import type { Messenger } from "./messenger.js";

/** Whom a line tells, always from IO callbacks. */
export interface LineOwner {
	/** The socket stands: bytes may go out. More than once, and at each change of what can be read or written. */
	onLine(): void;
	onLineLost(error: DeviceError): void;
}

export interface Line {
	/** Moves a piece of what came into the messenger. @returns false when nothing is left */
	receive(messenger: Messenger, now: number): boolean;
	/** Moves what the messenger has to the network, as far as there is room. @throws DeviceError */
	transmit(messenger: Messenger, now: number): void;
	/** Lets the buffer go. */
	rest(): void;
	close(): void;
}

/** A name and a key that both sides have (RFC 4279). */
export interface PresharedKey {
	readonly identity: string;
	readonly key: Uint8Array;
}

export interface DatagramOptions {
	readonly address: string;
	readonly port: number;
	/** DTLS. */
	readonly psk: PresharedKey | undefined;
	readonly traffic: Traffic | undefined;
}

export interface StreamLineOptions {
	readonly name: string;
	readonly address: string;
	readonly port: number;
	/** TLS. */
	readonly secure: SecureOptions | undefined;
	readonly websocket: boolean;
	readonly traffic: Traffic | undefined;
}

/** Every path of IPv6 carries as much; blocks of 1,024 bytes fit with their options. */
const DATAGRAM_LENGTH = 1_280;
const BUFFER_LENGTH = 1_460;
const NOTHING = new Uint8Array(0);
/** Spec: RFC 8323 §4.1, §8.1. */
const WEBSOCKET_PATH = "/.well-known/coap";
const PROTOCOL = "coap";
const APPLICATIONS: readonly string[] = Object.freeze([PROTOCOL]);

export class DatagramLine implements Line {
	readonly #address: string;
	readonly #port: number;
	readonly #socket: Datagrams;
	readonly #remote: Remote = { address: "", port: 0 };
	readonly #traffic: Traffic | undefined;
	#buffer: Uint8Array = NOTHING;
	#waiting = 0;
	/** With DTLS, once the handshake is over. */
	#open: boolean;

	/** @throws DeviceError `unsupported` for DTLS where the platform has none; as the socket's constructor */
	constructor(host: Host, { address, port, psk, traffic }: DatagramOptions, owner: LineOwner) {
		this.#traffic = traffic;
		this.#address = address;
		this.#port = port;
		this.#open = psk === undefined;
		const callbacks = {
			onReadable: (count: number) => {
				this.#waiting = count;
				owner.onLine();
			},
			onError: (error: DeviceError) => owner.onLineLost(error),
		};
		if (psk === undefined) {
			this.#socket = new host.udp.io(callbacks);
			return;
		}
		const { dtls } = host;
		if (dtls === undefined) throw toDeviceError(undefined, "unsupported", "this platform has no DTLS");
		const onWritable = (): void => {
			this.#open = true;
			owner.onLine();
		};
		this.#socket = new dtls.io({ ...callbacks, address, port, psk, onWritable });
	}

	receive(messenger: Messenger, now: number): boolean {
		const remote = this.#remote;
		while (this.#waiting > 0) {
			const buffer = this.use();
			const count = this.#socket.read(buffer, remote);
			this.#waiting = count < 0 ? 0 : this.#waiting - 1;
			// What others send is no sign of life; and of what filled the buffer, the end may be missing.
			const isOurs = remote.port === this.#port && remote.address === this.#address;
			if (count < 0 || count === buffer.byteLength || !isOurs) continue;
			if (this.#traffic !== undefined) this.#traffic.bytesIn += count;
			messenger.receive(buffer, 0, count, now);
			return true;
		}
		return false;
	}

	transmit(messenger: Messenger, now: number): void {
		while (this.#open && messenger.unsent) {
			const buffer = this.use();
			const count = messenger.transmit(buffer, buffer.byteLength, now);
			if (count === 0) return;
			if (this.#traffic !== undefined) this.#traffic.bytesOut += count;
			this.#socket.write(buffer.subarray(0, count), this.#address, this.#port);
		}
	}

	rest(): void {
		if (this.#waiting === 0) this.#buffer = NOTHING;
	}

	close(): void {
		this.#socket.close();
	}

	private use(): Uint8Array {
		if (this.#buffer === NOTHING) this.#buffer = new Uint8Array(DATAGRAM_LENGTH);
		return this.#buffer;
	}
}

export class StreamLine implements Line {
	readonly #stream: Stream;
	readonly #traffic: Traffic | undefined;
	#buffer: Uint8Array = NOTHING;
	#readable = 0;
	#writable = 0;

	/** @throws DeviceError as the stream's constructor */
	constructor(host: Host, from: StreamLineOptions, owner: LineOwner) {
		const { name, address, port, secure, websocket } = from;
		this.#traffic = from.traffic;
		const options = {
			address, port, nodelay: true,
			onReadable: (count: number) => {
				this.#readable = count;
				owner.onLine();
			},
			onWritable: (count: number) => {
				this.#writable = count;
				owner.onLine();
			},
			onError: (error: DeviceError) => owner.onLineLost(error),
		};
		if (websocket) {
			const { io } = host.websocket;
			this.#stream = new io({
				...options, host: name, secure, path: WEBSOCKET_PATH, protocol: PROTOCOL, messages: true,
			});
		} else if (secure === undefined) {
			this.#stream = new host.tcp.io(options);
		} else {
			const applicationLayerProtocolNegotiation = secure.applicationLayerProtocolNegotiation ?? APPLICATIONS;
			this.#stream = new host.tls.io({
				...options, host: name, secure: { ...secure, applicationLayerProtocolNegotiation },
			});
		}
	}

	receive(messenger: Messenger, now: number): boolean {
		const readable = this.#readable;
		if (readable === 0) return false;
		const buffer = this.use();
		const count = Math.min(readable, buffer.byteLength);
		this.#stream.read(count === buffer.byteLength ? buffer : buffer.subarray(0, count));
		this.#readable = readable - count;
		if (this.#traffic !== undefined) this.#traffic.bytesIn += count;
		messenger.receive(buffer, 0, count, now);
		return true;
	}

	transmit(messenger: Messenger, now: number): void {
		while (this.#writable > 0 && messenger.unsent) {
			const buffer = this.use();
			const count = messenger.transmit(buffer, Math.min(this.#writable, buffer.byteLength), now);
			if (count === 0) return;
			if (this.#traffic !== undefined) this.#traffic.bytesOut += count;
			this.#writable = this.#stream.write(buffer.subarray(0, count));
		}
	}

	rest(): void {
		if (this.#readable === 0) this.#buffer = NOTHING;
	}

	close(): void {
		this.#stream.close();
	}

	private use(): Uint8Array {
		if (this.#buffer === NOTHING) this.#buffer = new Uint8Array(BUFFER_LENGTH);
		return this.#buffer;
	}
}
