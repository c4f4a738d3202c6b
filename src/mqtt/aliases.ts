// SPDX-License-Identifier: Apache-2.0
/**
 * Topic aliases of MQTT 5, both ways, for one connection: thrown away with it [MQTT-3.3.2-7].
 *
 * Memory: one topic for each alias in use. Outgoing aliases go to the first topics that are used and stay with them.
 * Read first: MQTT 5 §3.3.2.3.4.
 */
import { DeviceError } from "../base/error.js";
import type { Reader } from "../bytes/reader.js";
import type { Writer } from "../bytes/writer.js";
import { QOS, Reason } from "./constants.js";
import { packetLength } from "./encode.js";
import type { Packet } from "./packet.js";
import { blockLength } from "./properties.js";

/** Identifier of the property, and the bytes that it takes. */
const TOPIC_ALIAS = 35;
const PROPERTY_LENGTH = 3;
/** What may follow a topic in a head: a packet identifier and the length of the properties. */
const HEAD_REST = 6;
/** Longer heads are sent as they are. */
export const ALIASED_HEAD_MAXIMUM = 512;

/** What the server's numbers stand for. */
export class IncomingAliases {
	readonly #maximum: number;
	readonly #topics: string[] = [];

	constructor(maximum: number) {
		this.#maximum = maximum;
	}

	/** Gives a PUBLISH with an alias its topic, or learns what the alias stands for. @throws DeviceError `violation` */
	resolve(packet: Packet, alias: number): void {
		if (alias > this.#maximum) { // [MQTT-3.1.2-26] [MQTT-3.1.2-27]
			throw new DeviceError("violation", `topic alias ${alias}, at most ${this.#maximum} is allowed`, {
				detail: Reason.TOPIC_ALIAS_INVALID,
			});
		}
		if (packet.topic !== "") {
			this.#topics[alias] = packet.topic;
			return;
		}
		const topic = this.#topics[alias];
		if (topic === undefined) throw new DeviceError("violation", `topic alias ${alias} stands for nothing`);
		packet.topic = topic;
	}
}

/** What our numbers stand for. */
export class OutgoingAliases {
	/** Bytes of the message that the head which `replace` gave stands for. */
	replaced = 0;
	readonly #maximum: number;
	readonly #aliases = new Map<string, number>();

	constructor(maximum: number) {
		this.#maximum = maximum;
	}

	/**
	 * The head to send instead of a message's own: its topic with a number that the server is to learn, or the number
	 * alone. `undefined` when the message is to go as it is.
	 * @param reader stands on the beginning of an encoded PUBLISH, of which it need not hold all
	 * @param room bytes by which the message may grow [MQTT-3.2.2-15]
	 */
	replace(reader: Reader, writer: Writer, room: number): Uint8Array | undefined {
		const start = reader.position;
		const header = reader.uint8();
		const remaining = reader.varint();
		const topicStart = reader.position;
		const topicLength = reader.uint16();
		// Cut off by the length that is looked at, and not by the end of the message.
		if (reader.end - start === ALIASED_HEAD_MAXIMUM && topicLength + HEAD_REST > reader.remaining) return undefined;
		reader.reset(reader.bytes, topicStart, reader.end);
		const topic = reader.utf8();
		const known = this.#aliases.get(topic);
		if (known === undefined && this.#aliases.size === this.#maximum) return undefined;
		const alias = known ?? this.#aliases.size + 1;
		const packetId = (header & QOS) === 0 ? 0 : reader.uint16();
		const propertiesLength = reader.varint();
		this.replaced = reader.position - start;
		const said = known === undefined ? topicLength : 0;
		const longer = propertiesLength + PROPERTY_LENGTH;
		const growth = said - topicLength + blockLength(longer) - blockLength(propertiesLength);
		const idLength = packetId === 0 ? 0 : 2;
		const head = new Uint8Array(packetLength(remaining + growth) - (remaining + growth)
			+ 2 + said + idLength + blockLength(longer) - propertiesLength);
		if (head.byteLength - this.replaced > room) return undefined;
		this.#aliases.set(topic, alias);
		writer.reset(head, 0, head.byteLength);
		writer.uint8(header);
		writer.varint(remaining + growth);
		writer.utf8(known === undefined ? topic : "");
		if (packetId !== 0) writer.uint16(packetId);
		writer.varint(longer);
		writer.uint8(TOPIC_ALIAS);
		writer.uint16(alias);
		return head;
	}
}
