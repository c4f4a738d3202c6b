// SPDX-License-Identifier: Apache-2.0
/**
 * One DTLS 1.2 session with a key that both ends have, by node-dtls-client, and what that library leaves to its user.
 *
 * It shakes hands and protects records. It does not send a flight again, does not look at who sent a datagram or at
 * which epoch a record may have by now, and throws on what it cannot parse. So the socket underneath is connected to
 * its peer, each record passes `admits`, and the flights are repeated here. All that goes through members which it
 * does not declare: they are in `Inner`, and the version is pinned.
 *
 * Spec: RFC 6347, RFC 4279, RFC 6655 §4; RFC 7252 §9.1.3.1 for the one suite.
 */
import type { RemoteInfo, Socket } from "node:dgram";
import { isIPv4 } from "node:net";
import { dtls } from "node-dtls-client";
import { DeviceError } from "../../src/base/error.js";

/** What CoAP requires of everybody who has a shared key. */
const SUITE = "TLS_PSK_WITH_AES_128_CCM_8";
/** ms until a flight is sent again, doubled each time. Spec: RFC 6347 §4.2.4.1. */
const FLIGHT_TIMEOUT = 1_000;
/** Then nobody waits any longer: 15 s all in all, less than clients give a connection. */
const FLIGHT_REPEATS = 3;
/** Bytes that one record holds. Spec: RFC 5246 §6.2.1. */
const RECORD_MAXIMUM = 2 ** 14;

/** Handshake messages of one flight, and the bytes of each: with a shared key three come, and a hint is the longest part. */
const FLIGHT_MAXIMUM = 8;
const MESSAGE_MAXIMUM = 4_096;

const RECORD_HEADER = 13;
const HANDSHAKE_HEADER = 12;
const RecordType = Object.freeze({ CHANGE_CIPHER_SPEC: 20, ALERT: 21, HANDSHAKE: 22, APPLICATION_DATA: 23 });

export interface SessionOptions {
	readonly address: string;
	readonly port: number;
	readonly identity: string;
	readonly key: Uint8Array;
}

export interface SessionOwner {
	onConnected(): void;
	onDatagram(bytes: Uint8Array): void;
	/** The last call. */
	onEnded(error: DeviceError): void;
}

/** What is used of the library's socket without being declared. */
interface Inner {
	readonly udp: Socket;
	readonly recordLayer: { readonly readEpochNr: number; _writeEpochNr: number };
	readonly handshakeHandler: {
		readonly lastFlight: readonly unknown[];
		readonly expectedResponses: readonly unknown[] | null;
		readonly lastSentSeqNum: number;
		readonly lastProcessedSeqNum: number;
		sendFlight(flight: readonly unknown[], expectedResponses: readonly unknown[] | null, retransmit: boolean): void;
	};
	readonly _connectionTimeout: NodeJS.Timeout;
	readonly _handshakeFinished: boolean;
	udp_onMessage(bytes: Buffer, remote: RemoteInfo): void;
}

export class Session {
	readonly port: number;
	readonly #owner: SessionOwner;
	readonly #peer: string;
	readonly #socket: dtls.Socket;
	readonly #inner: Inner;
	/** What came out of the datagram that the library has in its hands. */
	readonly #came: Buffer[] = [];
	#connected = false;
	#handling = false;
	/** Number of the last alert that was not protected. */
	#alert: number | undefined;
	#failure: DeviceError | undefined;
	#over = false;
	#timer: NodeJS.Timeout | undefined;
	#repeats = 0;
	/** Sequence number of the newest handshake message sent: another one means another flight. */
	#sent = 0;

	/** @throws DeviceError `state` when there is no port left, or no such address family */
	constructor(options: SessionOptions, owner: SessionOwner) {
		const { address, port } = options;
		this.#owner = owner;
		this.#peer = `${address} port ${port}`;
		this.#socket = open(options);
		this.#inner = this.#socket as unknown as Inner;
		const { udp } = this.#inner;
		this.port = udp.address().port;
		// The library would wait for the whole handshake at once.
		clearTimeout(this.#inner._connectionTimeout);
		this.#attach(udp, port, address);
		this.#socket
			.on("connected", () => { this.#connected = true; })
			.on("message", (bytes: Buffer) => { this.#came.push(bytes); })
			.on("error", (error: NodeJS.ErrnoException) => { this.#fail(this.#explain(error)); })
			.on("close", () => { this.#fail(this.#leave()); });
		this.#wait();
	}

	get connected(): boolean {
		return this.#inner._handshakeFinished && !this.#over;
	}

	/** What is too long is lost, as any datagram may be. */
	send(bytes: Uint8Array): void {
		if (bytes.byteLength <= RECORD_MAXIMUM) this.#socket.send(Buffer.from(bytes), () => {});
	}

	close(): void {
		if (this.#over) return;
		this.#over = true;
		clearTimeout(this.#timer);
		this.#inner.udp.removeAllListeners("message");
		this.#socket.close();
	}

	/** Connected, so that the kernel keeps away what is not the peer's and tells when nobody listens there. */
	#attach(udp: Socket, port: number, address: string): void {
		udp.connect(port, address);
		const send = udp.send.bind(udp) as (bytes: Uint8Array, callback: (error: Error | null) => void) => void;
		const close = udp.close.bind(udp);
		let isOpen = true;
		udp.send = ((bytes: Buffer, start: number, length: number, _port: number, _address: string, callback?: () => void) => {
			if (!isOpen) return callback?.();
			send(bytes.subarray(start, start + length), error => {
				if (error !== null && !this.#inner._handshakeFinished) this.#fail(this.#explain(error));
				callback?.();
			});
		}) as Socket["send"];
		// The library closes at each reason to do so, and a socket may be closed only once.
		udp.close = () => {
			if (isOpen) close();
			isOpen = false;
			return udp;
		};
		udp.removeAllListeners("message").on("message", (bytes, remote) => { this.#receive(bytes, remote); });
	}

	#receive(bytes: Buffer, remote: RemoteInfo): void {
		this.#handling = true;
		// One at a time: what one record changes decides about the next.
		for (let start = 0; start + RECORD_HEADER <= bytes.byteLength && this.#failure === undefined;) {
			const end = start + RECORD_HEADER + bytes.readUInt16BE(start + 11);
			if (end > bytes.byteLength) break;
			const record = bytes.subarray(start, end);
			start = end;
			if (!this.#admits(record)) continue;
			try {
				this.#inner.udp_onMessage(record, remote);
			} catch {
				// Not well-formed: as if it had not come. Spec: RFC 6347 §4.1.2.7.
			}
		}
		this.#handling = false;
		this.#tell();
	}

	#admits(record: Buffer): boolean {
		const type = record.readUInt8(0), epoch = record.readUInt16BE(3);
		const { recordLayer: { readEpochNr, _writeEpochNr }, handshakeHandler, _handshakeFinished } = this.#inner;
		if (_handshakeFinished) return epoch === 1 && (type === RecordType.APPLICATION_DATA || type === RecordType.ALERT);
		// Protected: nothing but the server's Finished is due, and not before it said that it protects.
		if (epoch !== 0) return epoch === 1 && readEpochNr === 1 && (type === RecordType.HANDSHAKE || type === RecordType.ALERT);
		switch (type) {
			case RecordType.CHANGE_CIPHER_SPEC: return _writeEpochNr === 1 && readEpochNr === 0;
			case RecordType.ALERT:
				// The library tells only its name.
				this.#alert = record.byteLength === RECORD_HEADER + 2 ? record.readUInt8(RECORD_HEADER + 1) : undefined;
				return this.#alert !== undefined;
			case RecordType.HANDSHAKE:
				return _writeEpochNr === 0 && isNewMessage(record.subarray(RECORD_HEADER), handshakeHandler.lastProcessedSeqNum);
			default: return false;
		}
	}

	/** Tells the owner what came, with nothing of the library on the stack. */
	#tell(): void {
		if (this.#handling || this.#over) return;
		const { lastSentSeqNum } = this.#inner.handshakeHandler;
		if (this.#connected) {
			this.#connected = false;
			clearTimeout(this.#timer);
			this.#owner.onConnected();
		} else if (lastSentSeqNum !== this.#sent) {
			this.#sent = lastSentSeqNum;
			this.#repeats = 0;
			this.#wait();
		}
		for (const bytes of this.#came.splice(0)) {
			if (!this.#over) this.#owner.onDatagram(bytes);
		}
		if (this.#failure === undefined || this.#over) return;
		this.#over = true;
		clearTimeout(this.#timer);
		this.#inner.udp.removeAllListeners("message").close();
		this.#owner.onEnded(this.#failure);
	}

	#fail(error: DeviceError): void {
		this.#failure ??= error;
		this.#tell();
	}

	#wait(): void {
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => { this.#repeat(); }, FLIGHT_TIMEOUT * 2 ** this.#repeats);
	}

	#repeat(): void {
		const { recordLayer, handshakeHandler } = this.#inner;
		const proved = recordLayer._writeEpochNr === 1;
		if (this.#repeats++ === FLIGHT_REPEATS) {
			this.#fail(proved
				? new DeviceError("tls", `${this.#peer} answers no more since it was shown the key: it has another, or none for this identity`)
				: new DeviceError("timeout", `${this.#peer} does not answer the handshake`));
			return;
		}
		// Of the last flight only what follows the change of epoch is protected.
		recordLayer._writeEpochNr = 0;
		handshakeHandler.sendFlight(handshakeHandler.lastFlight, handshakeHandler.expectedResponses, true);
		this.#wait();
	}

	/** The peer said goodbye. */
	#leave(): DeviceError {
		if (this.#inner._handshakeFinished) return new DeviceError("closed", `${this.#peer} closed the session`);
		return new DeviceError("tls", `${this.#peer} gave the handshake up`, { detail: this.#alert });
	}

	#explain(error: NodeJS.ErrnoException): DeviceError {
		if (error.message.includes("fatal alert")) {
			return new DeviceError("tls", `${this.#peer} ended the session: ${error.message}`, { detail: this.#alert, cause: error });
		}
		if (error.syscall !== undefined) {
			return new DeviceError("unreachable", `${this.#peer} cannot be reached: ${error.code}`, { cause: error });
		}
		return new DeviceError("tls", `the handshake with ${this.#peer} failed: ${error.message}`, { cause: error });
	}
}

/** One message or a fragment of it, well-formed, and not before or far beyond the newest that was dealt with. */
function isNewMessage(bytes: Buffer, newest: number): boolean {
	if (bytes.byteLength < HANDSHAKE_HEADER) return false;
	const whole = bytes.readUIntBE(1, 3), number = bytes.readUInt16BE(4), from = bytes.readUIntBE(6, 3), length = bytes.readUIntBE(9, 3);
	return number > newest && number <= newest + FLIGHT_MAXIMUM
		&& whole <= MESSAGE_MAXIMUM && from + length <= whole && HANDSHAKE_HEADER + length === bytes.byteLength;
}

/** Binding is made synchronous by a `lookup` that answers at once, as for UDP; the first flight is sent here. */
function open({ address, port, identity, key }: SessionOptions): dtls.Socket {
	const family = isIPv4(address) ? 4 : 6;
	const options: dtls.Options & { lookup: unknown } = {
		type: family === 4 ? "udp4" : "udp6",
		address, port,
		// The library makes a byte of each character.
		psk: { [Buffer.from(identity).toString("latin1")]: Buffer.from(key).toString("latin1") },
		ciphers: [SUITE],
		lookup: (name: string, _: unknown, callback: (error: null, address: string, family: number) => void) => callback(null, name, family),
	};
	try {
		return dtls.createSocket(options);
	} catch (error) {
		throw new DeviceError("state", `no UDP port can be had: ${(error as NodeJS.ErrnoException).code}`, { cause: error });
	}
}
