// SPDX-License-Identifier: Apache-2.0
/**
 * Acknowledgements that wait to be sent, in the order of the messages they answer [MQTT-4.6.0-2].
 *
 * Grows to what one delivery of the network can ask for and never further, because a driver reads again only
 * after these went out. Memory: a number for each, its first four bytes, and one for a reason.
 */
import type { Writer } from "../bytes/writer.js";
import { PacketType } from "./constants.js";
import { ACK_LENGTH, ackHead, REASONED, REASONED_LENGTH } from "./encode.js";

/** A head as short as any. */
const PUBACK = ackHead(PacketType.PUBACK, 0, 0);

export class Acks {
	/** Numbers that wait: at least one for each acknowledgement. */
	length = 0;
	readonly #numbers: number[] = [];
	#first = 0;

	/** `reasonCode` other than 0 is for MQTT 5. */
	push(type: number, packetId: number, reasonCode: number): void {
		this.#numbers[this.#first + this.length++] = ackHead(type, packetId, reasonCode);
		if (reasonCode !== 0) this.#numbers[this.#first + this.length++] = reasonCode;
	}

	/** Bytes of the first one. */
	get firstLength(): number {
		return (this.#numbers[this.#first]! & REASONED) === 0 ? ACK_LENGTH : REASONED_LENGTH;
	}

	/** Takes and writes those that there is room for: whole ones. */
	transmit(writer: Writer): void {
		const numbers = this.#numbers;
		let at = this.#first;
		let left = this.length;
		for (let room = writer.end - writer.position; left > 0 && room >= ACK_LENGTH; room -= ACK_LENGTH) {
			const head = numbers[at]!;
			if ((head & REASONED) !== 0) {
				if (room < REASONED_LENGTH) break;
				writer.uint32(head);
				writer.uint8(numbers[at + 1]!);
				at += 2;
				left -= 2;
				room--;
			} else {
				writer.uint32(head);
				at++;
				left--;
			}
		}
		this.length = left;
		this.#first = left === 0 ? 0 : at;
	}

	/** PUBACKs among them: the server counts their messages as under way. */
	get pubacks(): number {
		let count = 0;
		for (let index = 0; index < this.length; index++) {
			if ((this.#numbers[this.#first + index]! & ~0xffff) === PUBACK) count++;
		}
		return count;
	}
}
