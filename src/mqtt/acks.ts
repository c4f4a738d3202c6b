// SPDX-License-Identifier: Apache-2.0
/**
 * Acknowledgements that wait to be sent, in the order of the messages they answer [MQTT-4.6.0-2].
 *
 * Grows to what one delivery of the network can ask for and never further, because a driver reads again only
 * after these went out.
 */
import type { Writer } from "../bytes/writer.js";
import { ACK_LENGTH, encodeAck, REASONED_LENGTH } from "./encode.js";
import { PacketType } from "./constants.js";

const GROWTH = 16 * ACK_LENGTH;
const NOTHING = new Uint8Array(0);

export class Acks {
	/** PUBACKs that did not leave yet: the server counts their messages as under way. */
	pubacks = 0;
	#bytes: Uint8Array = NOTHING;
	#start = 0;
	#end = 0;

	get length(): number {
		return this.#end - this.#start;
	}

	/** `reasonCode` other than 0 is for MQTT 5. */
	push(writer: Writer, type: number, packetId: number, reasonCode: number): void {
		const length = reasonCode === 0 ? ACK_LENGTH : REASONED_LENGTH;
		if (this.#end + length > this.#bytes.byteLength) {
			const larger = new Uint8Array(this.#bytes.byteLength + GROWTH);
			larger.set(this.#bytes);
			this.#bytes = larger;
		}
		writer.reset(this.#bytes, this.#end, this.#end + length);
		encodeAck(writer, type, packetId, reasonCode);
		this.#end += length;
		if (type === PacketType.PUBACK) this.pubacks++;
	}

	/** Writes what there is room for; nothing else may be sent in the middle of one. @returns the bytes written */
	transmit(writer: Writer): number {
		const count = Math.min(this.length, writer.end - writer.position);
		writer.copy(this.#bytes, this.#start, this.#start + count);
		this.#start += count;
		if (this.#start === this.#end) this.#start = this.#end = this.pubacks = 0;
		return count;
	}
}
