// SPDX-License-Identifier: Apache-2.0
/**
 * Bytes to MQTT packets and back, on the npm package `mqtt-packet`.
 *
 * Pure. The codec is third-party on purpose: every run against the SDK is then a differential test of the SDK's own.
 * Boundaries are found here and not by the package's parser, for two reasons: the size limit is enforced before a
 * packet is collected, and the parser, shown one whole packet at a time, cannot read past its end into the next.
 * The package accepts some packets that the specification calls malformed; `wellformed.ts` refuses those first.
 *
 * Memory: what one `receive` brought, and one packet of at most `packetMaximum` bytes.
 */
import { Buffer } from "buffer";
import { generate, parser, writeToStream } from "mqtt-packet";
import type { Packet, Parser } from "mqtt-packet";
import { DeviceError, toDeviceError } from "../../../src/base/error.js";
import type { Properties } from "./properties.js";
import { malformed, REASON } from "./reasons.js";
import type { Blocks } from "./wellformed.js";
import { checkPacket } from "./wellformed.js";

export type { IAuthPacket, IConnectPacket, IDisconnectPacket, IPublishPacket, ISubscribePacket, IUnsubscribePacket, Packet, QoS } from "mqtt-packet";

// The package otherwise fills a cache of 65,536 small buffers when it encodes its first packet.
writeToStream.cacheNumbers = false;

export type ProtocolVersion = 4 | 5;

/** First byte of the first packet ([MQTT-3.1.0-1]): type 1, no flags. */
const CONNECT_HEADER = 0x10;
const AUTH_HEADER = 0xF0;
const PROTOCOL_NAME = Buffer.from([0, 4, 0x4D, 0x51, 0x54, 0x54]);
/** MQTT 3.1 called itself `MQIsdp`. */
const EARLIER_NAME = Buffer.from([0, 6, 0x4D, 0x51, 0x49, 0x73, 0x64, 0x70]);
const FIRST_CAPACITY = 256;
/** A larger buffer is given back when it is empty, so that an idle connection costs little. */
const KEPT_CAPACITY = 4096;
/** One byte of type and flags, and at most four of remaining length (MQTT 3.1.1 §2.2.3). */
const LENGTH_BYTES_MAXIMUM = 4;

/** A packet from a client, with its properties as it sent them; those of `packet` itself are not to be used. */
export interface Incoming extends Blocks { packet: Packet }

/** A packet as bytes. `properties` are left out in 3.1.1. */
export function encode(packet: Packet, version: ProtocolVersion, properties?: Properties): Uint8Array {
	if (version === 4 || !properties) return generate(packet, { protocolVersion: version });
	const { userProperties, correlationData, authenticationData } = properties;
	const written = {
		...properties,
		correlationData: correlationData && toBuffer(correlationData),
		authenticationData: authenticationData && toBuffer(authenticationData),
		// One object for each pair: the package writes them in this order, where one object for all would group them by name.
		userProperties: userProperties?.map(([name, value]) => ({ [name]: value })),
	};
	return generate({ ...packet, properties: written } as unknown as Packet, { protocolVersion: version });
}

/** The same bytes as the `Buffer` that the package insists on. */
export function toBuffer(bytes: Uint8Array): Buffer {
	return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Collects bytes and hands out whole packets. */
export class Decoder {
	readonly #packetMaximum: number;
	readonly #parser: Parser = parser();
	#bytes = new Uint8Array(0);
	#start = 0;
	#end = 0;
	#isFirst = true;
	#version: ProtocolVersion | undefined;
	#packet: Packet | undefined;
	#failure: unknown;

	/** @param packetMaximum bytes of the largest packet that is accepted, its fixed header included */
	constructor(packetMaximum: number) {
		this.#packetMaximum = packetMaximum;
		this.#parser.on("packet", packet => { this.#packet = packet; });
		this.#parser.on("error", error => { this.#failure = error; });
	}

	/** What the CONNECT asked for, known even when the rest of it was refused. */
	get version(): ProtocolVersion | undefined { return this.#version; }
	/** Bytes that were taken and not yet handed out. */
	get waiting(): number { return this.#end - this.#start; }

	/** Takes bytes from the network. They are copied. Call `next` until it returns `undefined` after each call. */
	receive(bytes: Uint8Array): void {
		const waiting = this.#end - this.#start;
		const needed = waiting + bytes.byteLength;
		if (this.#bytes.byteLength - this.#end < bytes.byteLength) {
			const capacity = needed <= this.#bytes.byteLength ? this.#bytes.byteLength : Math.max(FIRST_CAPACITY, needed, waiting * 2);
			const larger = new Uint8Array(capacity);
			larger.set(this.#bytes.subarray(this.#start, this.#end));
			this.#bytes = larger;
			this.#start = 0;
			this.#end = waiting;
		}
		this.#bytes.set(bytes, this.#end);
		this.#end += bytes.byteLength;
	}

	/**
	 * The next whole packet, or `undefined` while more bytes are needed.
	 * @throws DeviceError `too-large`; `unsupported` for a CONNECT of another protocol level; `malformed` for all else.
	 * After that the decoder is of no more use.
	 */
	next(): Incoming | undefined {
		// Another protocol is told apart at its first byte: its "length" would make us wait for more.
		if (this.#isFirst && this.#end > this.#start && this.#bytes[this.#start] !== CONNECT_HEADER) throw malformed("not MQTT");
		const header = this.#readHeader();
		if (!header) return undefined;
		const { bodyAt, endAt } = header;
		if (endAt - this.#start > this.#packetMaximum) {
			throw new DeviceError("too-large", `packet of ${endAt - this.#start} bytes refused, limit ${this.#packetMaximum}`, { detail: REASON.packetTooLarge });
		}
		if (endAt > this.#end) return undefined;
		// A copy: the packet's payload is a view of it and lives on in queues.
		const raw = Buffer.from(this.#bytes.subarray(this.#start, endAt));
		const body = raw.subarray(bodyAt - this.#start);
		this.#isFirst = false;
		this.#start = endAt;
		if (this.#start === this.#end) {
			this.#start = this.#end = 0;
			if (this.#bytes.byteLength > KEPT_CAPACITY) this.#bytes = new Uint8Array(0);
		}
		return this.#parse(raw, body);
	}

	#readHeader(): { bodyAt: number; endAt: number } | undefined {
		let remainingLength = 0;
		for (let index = 0; index < LENGTH_BYTES_MAXIMUM; index++) {
			const at = this.#start + 1 + index;
			if (at >= this.#end) return undefined;
			const byte = this.#bytes[at]!;
			remainingLength += (byte & 0x7F) * 2 ** (7 * index);
			if (byte >= 0x80) continue;
			// [MQTT-1.5.5-1]; 3.1.1 does not say so.
			if (byte === 0 && index > 0 && this.#version === 5) throw malformed("remaining length in more bytes than it needs");
			return { bodyAt: at + 1, endAt: at + 1 + remainingLength };
		}
		throw malformed(`remaining length longer than ${LENGTH_BYTES_MAXIMUM} bytes`);
	}

	#parse(raw: Buffer, body: Buffer): Incoming {
		if (raw[0] === CONNECT_HEADER) this.#version = protocolLevel(body) ?? this.#version;
		const blocks = checkPacket(raw[0]!, body, this.#version ?? 4);
		// Legal, and nothing but "success" (MQTT 5 §3.15.2.1), but the package does not take it.
		if (raw[0] === AUTH_HEADER && body.byteLength === 0) return { packet: { cmd: "auth", reasonCode: 0 }, ...blocks };
		this.#packet = undefined;
		try {
			const left = this.#parser.parse(raw);
			if (this.#failure !== undefined) throw this.#failure;
			const packet = this.#packet as Packet | undefined;
			if (!packet || left !== 0) throw malformed("packet does not end where its length says");
			return { packet, ...blocks };
		} catch (error) {
			throw toDeviceError(error, "malformed", "packet refused");
		}
	}
}

/** [MQTT-3.1.2-2]: an unknown level is answered, not dropped; the package's parser would only say "malformed". */
function protocolLevel(body: Buffer): ProtocolVersion | undefined {
	if (body.byteLength < 7) return undefined;
	if (body.subarray(0, 8).equals(EARLIER_NAME)) throw new DeviceError("unsupported", "MQTT 3.1 refused, expected 3.1.1 or 5");
	if (!body.subarray(0, 6).equals(PROTOCOL_NAME)) return undefined;
	const level = body[6]!;
	if (level !== 4 && level !== 5) throw new DeviceError("unsupported", `protocol level ${level} refused, expected 4 or 5`);
	return level;
}
