// SPDX-License-Identifier: Apache-2.0
/**
 * What a link tells its driver: one record, used again for each event. It is also what packets are decoded into, so
 * that nothing is copied from the one to the other.
 */
import type { DeviceError } from "../base/error.js";
import { PacketType } from "./constants.js";
import { Packet } from "./packet.js";

/** Numbers are those of the packets that such events are made of. */
export const EventType = Object.freeze({
	/** The server accepted us; `sessionPresent` says whether it still had our session. */
	CONNECTED: PacketType.CONNACK,
	/** A message, or a fragment of one. */
	MESSAGE: PacketType.PUBLISH,
	/** The message with `packetId` is done: the server has it, or, with a `reasonCode` from 0x80 on, refused it. */
	ACKNOWLEDGED: PacketType.PUBACK,
	/** The server answered for `filter`: `reasonCode` is the granted QoS, or a refusal from 0x80 on. */
	SUBSCRIBED: PacketType.SUBACK,
	/** `filter` is gone, unless `reasonCode` is a refusal. */
	UNSUBSCRIBED: PacketType.UNSUBACK,
	/** The link is over, for the reason in `error`. Always the last. */
	CLOSED: PacketType.DISCONNECT,
});

/** Shared and never written to: an array of its own would take seven slots. */
const NOTHING = new Uint8Array(0);

export class MQTTEvent extends Packet {
	/** The payload's bytes that are here, from `start` to `end`: borrowed until the next call on the link. */
	bytes: Uint8Array = NOTHING;
	end = 0;
	/** Where in the payload `start` lies; 0 for the first fragment. */
	offset = 0;
	/** Bytes of the whole payload. */
	total = 0;
	filter = "";
	error: DeviceError | undefined;

	/** Lets go of the bytes. */
	clear(): void {
		this.bytes = NOTHING;
	}

	/** True when more fragments of this message follow. */
	get more(): boolean {
		return this.offset + (this.end - this.start) < this.total;
	}
}
