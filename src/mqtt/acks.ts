// SPDX-License-Identifier: Apache-2.0
/**
 * Acknowledgements that wait to be sent, in the order of the messages they answer [MQTT-4.6.0-2].
 *
 * Kept as numbers, because moving four bytes costs ten times as much as writing them. Grows to what one delivery of
 * the network can ask for and never further, because a driver reads again only after these went out.
 */
import type { Writer } from "../bytes/writer.js";
import { PacketType } from "./constants.js";
import { ACK_LENGTH, ackWord, REASONED_LENGTH } from "./encode.js";

/** A reason code stands above the packet's first 32 bits. */
const REASON_UNIT = 2 ** 32;
/** What a burst has grown to is let go with it. */
const KEPT = 16;

export class Acks {
	/** Those of which not all went out. */
	length = 0;
	/** PUBACKs that did not leave yet: the server counts their messages as under way. */
	pubacks = 0;
	/** The first four bytes of each, with the reason code. */
	readonly #words: number[] = [];
	#first = 0;
	/** Bytes of the first one that went out. */
	#written = 0;

	/** `reasonCode` other than 0 is for MQTT 5. */
	push(type: number, packetId: number, reasonCode: number): void {
		this.#words[this.#first + this.length++] = ackWord(type, packetId, reasonCode) + reasonCode * REASON_UNIT;
		if (type === PacketType.PUBACK) this.pubacks++;
	}

	/** Writes what there is room for; nothing else may be sent in the middle of one. @returns the bytes written */
	transmit(writer: Writer): number {
		const start = writer.position;
		while (this.length > 0) {
			const word = this.#words[this.#first]!;
			const whole = this.#written === 0 && word < REASON_UNIT && writer.end - writer.position >= ACK_LENGTH;
			if (whole) writer.uint32(word);
			else if (!this.part(word, writer)) break;
			this.#first++;
			this.length--;
		}
		if (this.length === 0) {
			this.#first = this.pubacks = 0;
			if (this.#words.length > KEPT) this.#words.length = 0;
		}
		return writer.position - start;
	}

	/** Byte by byte. True when it was the last. */
	private part(word: number, writer: Writer): boolean {
		const length = word < REASON_UNIT ? ACK_LENGTH : REASONED_LENGTH;
		for (; this.#written < length; this.#written++) {
			if (writer.remaining === 0) return false;
			const byte = this.#written === ACK_LENGTH ? word / REASON_UNIT : word >>> (24 - 8 * this.#written);
			writer.uint8(byte & 0xff);
		}
		this.#written = 0;
		return true;
	}
}
