// SPDX-License-Identifier: Apache-2.0
/**
 * Acknowledgements that wait to be sent, in the order of the messages they answer [MQTT-4.6.0-2].
 *
 * Grows to what one delivery of the network can ask for and never further, because a driver reads again only
 * after these went out. Memory: a number for each.
 */
import type { Writer } from "../bytes/writer.js";
import { PacketType } from "./constants.js";
import { ACK_LENGTH, encodeAck, REASONED_LENGTH } from "./encode.js";

/** Where in its number an acknowledgement has its type and its reason code; below them is the packet identifier. */
const TYPE_SHIFT = 16;
const REASON_SHIFT = 20;

export class Acks {
	/** Those that wait. */
	length = 0;
	readonly #waiting: number[] = [];
	#first = 0;

	/** `reasonCode` other than 0 is for MQTT 5. */
	push(type: number, packetId: number, reasonCode: number): void {
		this.#waiting[this.#first + this.length++] = reasonCode << REASON_SHIFT | type << TYPE_SHIFT | packetId;
	}

	/** Bytes of the first one. */
	get firstLength(): number {
		return this.#waiting[this.#first]! >> REASON_SHIFT === 0 ? ACK_LENGTH : REASONED_LENGTH;
	}

	/** Takes the first one and writes it. */
	shift(writer: Writer): void {
		const first = this.#waiting[this.#first]!;
		if (--this.length === 0) this.#first = 0;
		else this.#first++;
		encodeAck(writer, first >> TYPE_SHIFT & 0xf, first & 0xffff, first >> REASON_SHIFT);
	}

	/** PUBACKs among them: the server counts their messages as under way. */
	get pubacks(): number {
		let count = 0;
		for (let index = 0; index < this.length; index++) {
			if ((this.#waiting[this.#first + index]! >> TYPE_SHIFT & 0xf) === PacketType.PUBACK) count++;
		}
		return count;
	}
}
