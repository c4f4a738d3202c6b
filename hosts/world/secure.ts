// SPDX-License-Identifier: Apache-2.0
/**
 * A stream that begins with a handshake: carries its messages, then passes bytes through.
 *
 * Who says what is `tls.ts`; here is how it travels: type byte, length, JSON. The messages respect the
 * stream's window and come together from pieces, like everything else on a stream.
 */
import { DeviceError } from "../../src/base/error.js";
import type { Stream, StreamCallbacks } from "../../src/host.js";
import { isCertificate, type Certificate, type Refusal } from "./certificate.js";
import type { Connection } from "./connection.js";
import type { Peer } from "./listener.js";
import type { Network } from "./network.js";
import type { Party } from "./party.js";
import { fromBytes, toBytes } from "./text.js";

/** First byte of a handshake record (RFC 5246 §6.2.1), and the longest record taken. */
const HANDSHAKE = 22, RECORD_MAXIMUM = 16_384, HEADER_LENGTH = 3;
const DECODE_ERROR = 50;

export type Message =
	| { type: "hello"; serverName: string | undefined; protocols: readonly string[] }
	| { type: "server"; chain: readonly Certificate[]; keyId: string; asks: boolean }
	| { type: "client"; chain: readonly Certificate[]; keyId: string | undefined }
	| { type: "finished" }
	| { type: "alert"; alert: number };

/** What a handshake may do with the stream that it runs on. */
export interface Wire {
	send(message: Message): void;
	finish(): void;
	refuse(refusal: Refusal): void;
}

export interface Handshake {
	/** What was learnt of the other side. */
	readonly peer: Partial<Peer>;
	begin(wire: Wire): void;
	receive(wire: Wire, message: Message): void;
}

export class SecureStream implements Stream, Wire {
	readonly #network: Network;
	readonly #party: Party;
	readonly #handshake: Handshake;
	readonly #stream: Stream;
	#callbacks: StreamCallbacks;
	#phase: "handshake" | "open" | "ended" | "closed" = "handshake";
	#begun = false;
	#finished = false;
	/** Bytes of the stream below that the handshake has not taken. */
	#available = 0;
	/** The header or record that is coming, and how much of it came. */
	#incoming = new Uint8Array(HEADER_LENGTH);
	#filled = 0;
	#inBody = false;
	/** Handshake bytes that found no room yet. */
	#outgoing: Uint8Array = new Uint8Array(0);

	constructor(network: Network, party: Party, handshake: Handshake, callbacks: StreamCallbacks, open: (callbacks: StreamCallbacks) => Stream) {
		this.#network = network;
		this.#party = party;
		this.#handshake = handshake;
		const { onReadable, onWritable, onError } = callbacks;
		this.#callbacks = { onReadable, onWritable, onError };
		this.#stream = open({
			onReadable: count => this.#readable(count),
			onWritable: room => this.#writable(room),
			onError: error => this.#end(error),
		});
	}

	get connection(): Connection | undefined {
		return (this.#stream as Stream & { connection?: Connection }).connection;
	}

	read(target: Uint8Array): number {
		this.#party.check();
		if (this.#phase === "handshake") throw new DeviceError("argument", "cannot read: the handshake is not over");
		return this.#stream.read(target);
	}

	write(source: Uint8Array): number {
		this.#party.check();
		if (this.#phase !== "open") throw new DeviceError("state", `cannot write: the stream is ${this.#phase}`);
		return this.#stream.write(source);
	}

	close(): void {
		this.#phase = "closed";
		this.#stream.close();
	}

	/** Replaces the callbacks, once, for who takes an incoming stream; they begin with `onWritable`. */
	adopt(callbacks: StreamCallbacks): void {
		const { onReadable, onWritable, onError } = callbacks;
		this.#callbacks = { onReadable, onWritable, onError };
		this.#network.clock.after(0, () => {
			if (this.#phase === "open") this.#callbacks.onWritable?.(this.#room());
		});
	}

	send(message: Message): void {
		const body = toBytes(JSON.stringify(message)), before = this.#outgoing, bytes = new Uint8Array(before.byteLength + HEADER_LENGTH + body.byteLength);
		bytes.set(before);
		bytes.set([HANDSHAKE, body.byteLength >> 8, body.byteLength & 0xff], before.byteLength);
		bytes.set(body, before.byteLength + HEADER_LENGTH);
		this.#outgoing = bytes;
		this.#flush();
	}

	finish(): void {
		this.#finished = true;
		if (this.#outgoing.byteLength > 0) return;
		this.#phase = "open";
		this.#network.log.add("tls.open", this.#party.id, 0);
		this.#callbacks.onWritable?.(this.#room());
	}

	refuse(refusal: Refusal): void {
		this.send({ type: "alert", alert: refusal.alert });
		this.#fail(new DeviceError("tls", refusal.reason));
	}

	#readable(count: number): void {
		this.#available = count;
		while (this.#phase === "handshake" && this.#record()) {}
		if (this.#phase === "open" && this.#available > 0) this.#callbacks.onReadable?.(this.#available);
	}

	#writable(room: number): void {
		if (this.#phase === "open") {
			this.#callbacks.onWritable?.(room);
			return;
		}
		if (this.#phase !== "handshake") return;
		if (!this.#begun) {
			this.#begun = true;
			this.#handshake.begin(this);
		}
		this.#flush();
		if (this.#finished) this.finish();
	}

	/** Collects a header or the record behind it, and acts on it when whole. @returns whether there may be more */
	#record(): boolean {
		const record = this.#incoming, count = Math.min(this.#available, record.byteLength - this.#filled);
		if (count === 0) return false;
		this.#stream.read(record.subarray(this.#filled, this.#filled + count));
		this.#available -= count;
		this.#filled += count;
		if (this.#filled < record.byteLength) return false;
		this.#filled = 0;
		if (this.#inBody) {
			this.#inBody = false;
			this.#incoming = new Uint8Array(HEADER_LENGTH);
			this.#act(parse(record));
		} else {
			const length = record[1]! << 8 | record[2]!;
			this.#inBody = record[0] === HANDSHAKE && length > 0 && length <= RECORD_MAXIMUM;
			if (this.#inBody) this.#incoming = new Uint8Array(length);
			else this.#act(undefined);
		}
		return true;
	}

	#act(message: Message | undefined): void {
		if (message === undefined) this.refuse({ alert: DECODE_ERROR, reason: "the peer does not speak TLS" });
		else if (message.type === "alert") {
			this.#fail(new DeviceError("tls", `the peer refused the handshake with alert ${message.alert}`, { detail: message.alert }));
		} else this.#handshake.receive(this, message);
	}

	#flush(): void {
		const outgoing = this.#outgoing, count = Math.min(outgoing.byteLength, this.#room());
		if (count === 0) return;
		this.#stream.write(outgoing.subarray(0, count));
		this.#outgoing = outgoing.subarray(count);
	}

	#room(): number {
		return this.#stream.write(this.#outgoing.subarray(0, 0));
	}

	#fail(error: DeviceError): void {
		this.#stream.close();
		this.#end(error);
	}

	#end(error: DeviceError): void {
		this.#network.log.add("tls.end", this.#party.id, error.detail ?? 0, error.message);
		this.#phase = "ended";
		this.#callbacks.onError?.(error);
	}
}

/** A message, or `undefined` for what is none: the other side may be anybody. */
function parse(bytes: Uint8Array): Message | undefined {
	let value: unknown;
	try {
		value = JSON.parse(fromBytes(bytes));
	} catch {
		return undefined;
	}
	if (typeof value !== "object" || value === null) return undefined;
	const { type, chain, alert, protocols } = value as Record<string, unknown>;
	switch (type) {
	case "hello": return Array.isArray(protocols) ? value as Message : undefined;
	case "server": case "client": return Array.isArray(chain) && chain.every(isCertificate) ? value as Message : undefined;
	case "alert": return typeof alert === "number" ? value as Message : undefined;
	case "finished": return { type };
	default: return undefined;
	}
}
