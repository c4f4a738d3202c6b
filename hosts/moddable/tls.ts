// SPDX-License-Identifier: Apache-2.0
/**
 * TLS of a device: the SDK's TLS 1.2 client, made strict by session.ts, between our TCP and the program.
 *
 * Everything in the SDK's client fails by throwing, which in a callback of a socket restarts the device. Here each
 * call into it is contained and ends in one `onError`. The SDK's TLSSocket is not used: it hides why a stream
 * failed and reports a handshake that an alert ended as a success.
 *
 * Client keys are RSA: the SDK cannot sign with another. Extended master secret, tickets and renegotiation are not
 * supported by it; sessions are resumed by their identifiers. Memory: READ_AHEAD unread bytes and one record (as long as the server makes them, at most 16 KB)
 * and, during the handshake, what of our flight the TCP window did not take.
 */
import RNG from "rng";
import Alert from "ssl/alert";
import type { Link } from "ssl/session";
import Timer from "timer";
import platform from "moddable:moorline/platform";
import { DeviceError } from "../../src/base/error.js";
import type { Stream, TLSOptions } from "../../src/host.js";
import { checkBytes } from "./check.js";
import { checkSecure } from "./secure.js";
import { StrictSession } from "./session.js";
import { checkTCP, TCP } from "./tcp.js";

/** What a record adds to its content, rounded up well: 29 bytes with AES-GCM. */
const RECORD_OVERHEAD = 96;
/** Unread bytes from which on no further record is decrypted. */
const READ_AHEAD = 4096;
/** RFC 5246 §6.2.1. */
const RECORD_MAXIMUM = 16_384;
/** The longest flight of ours that is kept while TCP has no room for it: a chain of several certificates. */
const BACKLOG_MAXIMUM = 8192;
/** Bytes of fresh randomness that go into the generator for each stream. */
const SEED_LENGTH = 64;
/** Messages that make it our turn (RFC 5246 §7.4). */
const SERVER_HELLO_DONE = 14;
const FINISHED = 20;

export class TLS implements Stream {
	readonly #onReadable: TLSOptions["onReadable"];
	readonly #onWritable: TLSOptions["onWritable"];
	readonly #onError: TLSOptions["onError"];
	readonly #session: StrictSession;
	readonly #tcp: TCP;
	readonly #link: TCPLink;
	/** Decrypted and unread. */
	readonly #records: Uint8Array[] = [];
	#available = 0;
	#state: "handshake" | "open" | "over" | "closed" = "handshake";
	/** The room last reported. */
	#room = 0;
	#isReceiving = false;
	#resume: object | undefined;

	constructor(options: TLSOptions) {
		checkTCP(options);
		checkSecure(options.host, options.secure);
		const { address, port, nodelay, host, secure } = options;
		this.#onReadable = options.onReadable;
		this.#onWritable = options.onWritable;
		this.#onError = options.onError;
		const seed = new Uint8Array(SEED_LENGTH);
		platform.random(seed);
		RNG.init(seed.buffer);
		this.#session = new StrictSession(host, port, secure);
		this.#session.initiateHandshake();
		this.#tcp = new TCP({
			address, port, nodelay,
			onReadable: count => {
				this.#link.readable = count;
				this.#receive();
			},
			onWritable: count => this.#grow(count),
			onError: error => this.#end(error),
		});
		this.#link = new TCPLink(this.#tcp);
	}

	read(target: Uint8Array): number {
		if (this.#state === "closed") throw new DeviceError("state", "the stream is closed");
		checkBytes(target);
		const count = target.byteLength;
		if (count === 0 || count > this.#available) {
			throw new DeviceError("argument", `reading ${count} bytes of ${this.#available} available`);
		}
		for (let filled = 0; filled < count;) {
			const first = this.#records[0]!;
			const piece = Math.min(first.byteLength, count - filled);
			target.set(piece === first.byteLength ? first : first.subarray(0, piece), filled);
			if (piece === first.byteLength) this.#records.shift();
			else this.#records[0] = first.subarray(piece);
			filled += piece;
		}
		this.#available -= count;
		if (this.#link.readable > 0 && !this.#isReceiving) {
			this.#resume ??= Timer.set(() => {
				this.#resume = undefined;
				this.#receive();
			});
		}
		return count;
	}

	write(source: Uint8Array): number {
		if (this.#state !== "open") throw new DeviceError("state", "writing to a stream that is not connected");
		checkBytes(source);
		const count = source.byteLength;
		if (count > this.#room) throw new DeviceError("full", `writing ${count} bytes into room for ${this.#room}`);
		if (count === 0) return this.#room;
		try {
			this.#session.write(this.#link, source);
			this.#link.flush();
		} catch (error) {
			Timer.set(() => this.#fail(error));
			return this.#room = 0;
		}
		return this.#room = this.#link.contentRoom;
	}

	close(): void {
		if (this.#state === "open") this.#notifyClose();
		this.#state = "closed";
		Timer.clear(this.#resume);
		this.#resume = undefined;
		this.#records.length = this.#available = 0;
		this.#tcp.close();
	}

	#grow(count: number): void {
		this.#link.grow(count);
		if (this.#state === "handshake") this.#receive();
		else if (this.#state === "open") this.#announceRoom();
	}

	#announceRoom(): void {
		this.#room = this.#link.contentRoom;
		if (this.#room > 0) this.#onWritable?.(this.#room);
	}

	/** Takes from TCP as long as the program takes from us, so that back-pressure reaches the server. */
	#receive(): void {
		this.#isReceiving = true;
		if (this.#state === "handshake" && this.#advance()) {
			this.#state = "open";
			this.#announceRoom();
		}
		while (this.#state === "open" && this.#available < READ_AHEAD && this.#link.readable > 0) {
			const record = this.#decrypt();
			if (record === undefined || record.byteLength === 0) continue;
			this.#records.push(record);
			this.#available += record.byteLength;
			this.#onReadable?.(this.#available);
		}
		this.#isReceiving = false;
	}

	/** @returns whether the handshake is over */
	#advance(): boolean {
		const session = this.#session;
		const link = this.#link;
		try {
			do {
				if (!session.handshake(link)) continue;
				// An alert ends the stream, whatever it is and whenever it comes.
				if (session.alert !== undefined) throw new Error("the handshake was broken off");
				// Of a session that is resumed the last word is ours.
				link.flush();
				return true;
			} while (link.readable > 0 || session.handshakeProcess === SERVER_HELLO_DONE || session.handshakeProcess === FINISHED);
			link.flush();
		} catch (error) {
			this.#fail(error);
		}
		return false;
	}

	#decrypt(): Uint8Array | undefined {
		try {
			const record = this.#session.read(this.#link);
			if (record !== null) return record;
			this.#end(new DeviceError("closed", "the peer closed the connection"));
		} catch (error) {
			this.#fail(error);
		}
		return undefined;
	}

	#fail(error: unknown): void {
		if (error instanceof DeviceError) return this.#end(error);
		const reason = error instanceof Error ? error.message : "";
		const detail = this.#session.alert?.description;
		this.#end(new DeviceError("tls", `the server's side of TLS cannot be accepted: ${reason}`, { detail, cause: error }));
	}

	#end(error: DeviceError): void {
		if (this.#state === "over" || this.#state === "closed") return;
		this.#state = "over";
		this.#tcp.close();
		this.#onError?.(error);
	}

	/** So that the peer can tell the end from a cut (RFC 5246 §7.2.1). Not worth a failure. */
	#notifyClose(): void {
		if (this.#link.contentRoom === 0) return;
		try {
			this.#tcp.write(Alert.packetize(this.#session, 1, 0));
		} catch {
			// The connection is about to be closed; the peer will see that, too.
		}
	}
}

/**
 * The SDK's view of our TCP: it counts `readable` and `writable` itself, and its flights ignore the window.
 *
 * A flight goes out as one write: a server that refuses its first message closes at once, and what we would write
 * after that makes the network throw the server's alert away.
 */
class TCPLink implements Link {
	readable = 0;
	writable = 0;
	readonly #tcp: TCP;
	#room = 0;
	#backlog: Uint8Array[] = [];

	constructor(tcp: TCP) {
		this.#tcp = tcp;
	}

	/** What one record may carry now. */
	get contentRoom(): number {
		if (this.#backlog.length > 0) return 0;
		return Math.max(0, Math.min(this.#room - RECORD_OVERHEAD, RECORD_MAXIMUM));
	}

	read(target: Uint8Array): number {
		return this.#tcp.read(target);
	}

	write(source: Uint8Array): number {
		this.#backlog.push(source);
		return this.#room;
	}

	grow(room: number): void {
		this.#room = this.writable = room;
		this.flush();
	}

	/** @throws DeviceError `tls` when more is left than may be kept */
	flush(): void {
		const bytes = this.#backlog.length === 1 ? this.#backlog[0]! : concatenate(this.#backlog);
		const count = Math.min(bytes.byteLength, this.#room);
		if (count > 0) this.#room = this.#tcp.write(bytes.subarray(0, count));
		this.#backlog = count === bytes.byteLength ? [] : [bytes.subarray(count)];
		if (bytes.byteLength - count > BACKLOG_MAXIMUM) throw new DeviceError("tls", "our flight of the handshake is too long");
	}
}

function concatenate(pieces: readonly Uint8Array[]): Uint8Array {
	const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.byteLength, 0));
	let position = 0;
	for (const piece of pieces) {
		whole.set(piece, position);
		position += piece.byteLength;
	}
	return whole;
}
