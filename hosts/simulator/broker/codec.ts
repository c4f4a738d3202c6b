// SPDX-License-Identifier: Apache-2.0
/**
 * Bytes to MQTT packets and back, on the npm package `mqtt-packet`.
 *
 * Pure. The codec is third-party on purpose: every run against the SDK is then a differential test of the SDK's own.
 * Boundaries are found here and not by the package's parser, for two reasons: the size limit is enforced before a
 * packet is collected, and the parser, shown one whole packet at a time, cannot read past its end into the next.
 * The package accepts some packets that the specification calls malformed; `assertWellFormed` refuses those.
 *
 * Memory: what one `receive` brought, and one packet of at most `packetMaximum` bytes.
 */
import { Buffer } from "buffer";
import { generate, parser, writeToStream } from "mqtt-packet";
import type { Packet, Parser } from "mqtt-packet";
import { DeviceError, toDeviceError } from "../../../src/base/error.js";

export type { IConnectPacket, IPublishPacket, ISubscribePacket, IUnsubscribePacket, Packet, QoS } from "mqtt-packet";

// The package otherwise fills a cache of 65,536 small buffers when it encodes its first packet.
writeToStream.cacheNumbers = false;

export type ProtocolVersion = 4 | 5;

/** First byte of the first packet ([MQTT-3.1.0-1]): type 1, no flags. */
const CONNECT_HEADER = 0x10;
const FIRST_CAPACITY = 256;
/** A larger buffer is given back when it is empty, so that an idle connection costs little. */
const KEPT_CAPACITY = 4096;
/** One byte of type and flags, and at most four of remaining length (MQTT 3.1.1 §2.2.3). */
const LENGTH_BYTES_MAXIMUM = 4;

/** A packet as bytes. `payload` of a PUBLISH may be any Uint8Array. */
export function encode(packet: Packet, version: ProtocolVersion): Uint8Array {
	return generate(packet, { protocolVersion: version });
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
	#packet: Packet | undefined;
	#failure: unknown;

	/** @param packetMaximum bytes of the largest packet that is accepted, its fixed header included */
	constructor(packetMaximum: number) {
		this.#packetMaximum = packetMaximum;
		this.#parser.on("packet", packet => { this.#packet = packet; });
		this.#parser.on("error", error => { this.#failure = error; });
	}

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
	next(): Packet | undefined {
		// Another protocol is told apart at its first byte: its "length" would make us wait for more.
		if (this.#isFirst && this.#end > this.#start && this.#bytes[this.#start] !== CONNECT_HEADER) fail("not MQTT");
		const header = this.#readHeader();
		if (!header) return undefined;
		const { bodyAt, endAt } = header;
		if (endAt - this.#start > this.#packetMaximum) {
			throw new DeviceError("too-large", `packet of ${endAt - this.#start} bytes refused, limit ${this.#packetMaximum}`);
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
			if (byte < 0x80) return { bodyAt: at + 1, endAt: at + 1 + remainingLength };
		}
		throw new DeviceError("malformed", `remaining length longer than ${LENGTH_BYTES_MAXIMUM} bytes`);
	}

	#parse(raw: Buffer, body: Buffer): Packet {
		if (raw[0] === CONNECT_HEADER) assertProtocolLevel(body);
		this.#packet = undefined;
		try {
			const left = this.#parser.parse(raw);
			if (this.#failure !== undefined) throw this.#failure;
			const packet = this.#packet as Packet | undefined;
			if (!packet || left !== 0) throw new DeviceError("malformed", "packet does not end where its length says");
			assertWellFormed(packet, body);
			return packet;
		} catch (error) {
			throw toDeviceError(error, "malformed", "packet refused");
		}
	}
}

/** [MQTT-3.1.2-2]: an unknown level is answered, not dropped; the package's parser would only say "malformed". */
function assertProtocolLevel(body: Buffer): void {
	const name = Buffer.from("MQTT");
	if (body.byteLength < 7 || !body.subarray(2, 6).equals(name)) return;
	const level = body[6]!;
	if (level !== 4 && level !== 5) throw new DeviceError("unsupported", `protocol level ${level} refused, expected 4 or 5`);
}

/** Whatever else the package lets pass: trailing bytes, identifiers of 0, ill-formed UTF-8, U+0000, odd flags. */
function assertWellFormed(packet: Packet, body: Buffer): void {
	if (packet.messageId !== undefined && packet.cmd !== "publish" && packet.messageId < 1) fail("packet identifier is 0");
	for (const text of textsOf(packet)) assertText(text, body);
	if (packet.cmd === "publish") {
		if (packet.qos === 0 ? packet.dup : packet.messageId! < 1) fail("duplicate flag or packet identifier does not fit the QoS");
		return;
	}
	if (packet.cmd === "connect") {
		if (packet.will && packet.will.qos! > 2) fail("will QoS is 3");
		if (packet.password !== undefined && packet.username === undefined) fail("password without user name");
		if (packet.protocolVersion === 5) return;
		// `clean: true` only lets an empty client identifier through: it is answered with a return code, not here.
		assertLength({ ...packet, clean: true }, body);
		return;
	}
	if (packet.cmd !== "auth" && !("properties" in packet) && !("reasonCode" in packet)) assertLength(packet, body);
}

/** What is encoded again must come out as long as it was: else bytes were skipped or replaced in decoding. */
function assertLength(packet: Packet, body: Buffer): void {
	const again = encode(packet, 4);
	let bodyAt = 1;
	while (again[bodyAt]! >= 0x80) bodyAt++;
	if (again.byteLength - bodyAt - 1 !== body.byteLength) fail("packet has bytes that mean nothing");
}

function textsOf(packet: Packet): string[] {
	switch (packet.cmd) {
		case "connect": return [packet.clientId, packet.will?.topic ?? "", packet.username ?? ""];
		case "publish": return [packet.topic];
		case "subscribe": return packet.subscriptions.map(subscription => subscription.topic);
		case "unsubscribe": return packet.unsubscriptions;
		default: return [];
	}
}

/** [MQTT-1.5.3-1], [MQTT-1.5.3-2]. The package turns ill-formed UTF-8 into U+FFFD, which may also be meant. */
function assertText(text: string, body: Buffer): void {
	if (text.includes("\u0000")) fail("text holds U+0000");
	if (text.includes("\uFFFD") && !body.includes(Buffer.from(text))) fail("text is not UTF-8");
}

function fail(message: string): never {
	throw new DeviceError("malformed", message);
}
