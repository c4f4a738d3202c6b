// SPDX-License-Identifier: Apache-2.0
/**
 * The same work for two codecs: a stream of PUBLISH packets decoded, and PUBLISH packets encoded.
 *
 * Runs on Node and, bundled, on XS: nothing of a platform is used. The peer is `mqtt-packet`, as it comes, but for its
 * cache of 65,536 two-byte buffers, which takes 7 MB and is switched off.
 */
import type mqttPacket from "mqtt-packet";
import type { IPublishPacket } from "mqtt-packet";
import { Reader } from "../../src/bytes/reader.js";
import { Writer } from "../../src/bytes/writer.js";
import type { TextCodec } from "../../src/host.js";
import { PacketType } from "../../src/mqtt/constants.js";
import { Frame, Framer } from "../../src/mqtt/framer.js";
import { encodePublishHead, packetLength, writePayload } from "../../src/mqtt/encode.js";
import { decodePacket, Packet } from "../../src/mqtt/packet.js";
import { SEGMENT, TOPIC } from "./memory.js";

/** Bytes of payload. */
export const SIZES = Object.freeze([20, 200, 4096]);

/** One thing to measure: `run(count)` handles that many messages. */
export interface Work {
	run(count: number): void;
}

export type Direction = "decode" | "encode";

export function ours(text: TextCodec, direction: Direction, size: number): Work {
	const payload = new Uint8Array(size).fill(0x41);
	const writer = new Writer(text);
	const remaining = 2 + TOPIC.length + 2 + size;
	const header = PacketType.PUBLISH << 4 | 1 << 1;
	const length = packetLength(remaining);
	const packet = new Uint8Array(length);
	const encode = (id: number) => {
		writer.reset(packet, 0, length);
		encodePublishHead(writer, header, remaining, TOPIC, TOPIC.length, id);
		writePayload(writer, payload);
	};
	if (direction === "encode") {
		return { run(count) { for (let index = 0; index < count; index++) encode(1 + (index & 0x7fff)); } };
	}
	encode(7);
	const reader = new Reader(text);
	const framer = new Framer(reader, 512, 0x0fff_ffff);
	const decoded = new Packet(4);
	return {
		run(count) {
			for (let index = 0; index < count; index++) {
				let received = 0;
				for (let start = 0; start < length; start += SEGMENT) {
					framer.push(packet, start, Math.min(start + SEGMENT, length));
					for (let frame = framer.next(); frame !== Frame.NONE; frame = framer.next()) {
						if (frame === Frame.HEAD) {
							reader.reset(framer.bytes, framer.start, framer.end);
							decodePacket(decoded, framer.header, reader);
							received += framer.end - decoded.start;
						} else {
							received += framer.end - framer.start;
						}
					}
				}
				if (decoded.type !== PacketType.PUBLISH || received !== size) throw new Error("decoded wrongly");
			}
		},
	};
}

export function theirs(mqtt: typeof mqttPacket, direction: Direction, size: number, qos: 0 | 1 = 1): Work {
	(mqtt.writeToStream as unknown as { cacheNumbers: boolean }).cacheNumbers = false;
	const payload = Buffer.alloc(size, 0x41);
	const message = { cmd: "publish", topic: TOPIC, payload, qos, dup: false, retain: false, messageId: 7 } as const;
	if (direction === "encode") {
		return {
			run(count) {
				for (let index = 0; index < count; index++) mqtt.generate({ ...message, messageId: 1 + (index & 0x7fff) });
			},
		};
	}
	const packet = mqtt.generate(message);
	const parser = mqtt.parser({ protocolVersion: 4 });
	let received = 0;
	parser.on("packet", (decoded) => { received += (decoded as IPublishPacket).payload.length; });
	return {
		run(count) {
			received = 0;
			for (let index = 0; index < count; index++) {
				for (let start = 0; start < packet.length; start += SEGMENT) {
					parser.parse(packet.subarray(start, Math.min(start + SEGMENT, packet.length)));
				}
			}
			if (received !== size * count) throw new Error("decoded wrongly");
		},
	};
}
