// SPDX-License-Identifier: Apache-2.0
/** What a link tells its driver: one record, used again for each event. */
import type { DeviceError } from "../base/error.js";
import type { QoS } from "./constants.js";
import type { Properties } from "./properties.js";

export const EventType = Object.freeze({
	/** The server accepted us; `sessionPresent` says whether it still had our session. */
	CONNECTED: 1,
	/** A message, or a fragment of one. */
	MESSAGE: 2,
	/** The message with `packetId` is done: the server has it, or, with a `reasonCode` from 0x80 on, refused it. */
	ACKNOWLEDGED: 3,
	/** The server answered for `filter`: `reasonCode` is the granted QoS, or a refusal from 0x80 on. */
	SUBSCRIBED: 4,
	/** `filter` is gone, unless `reasonCode` is a refusal. */
	UNSUBSCRIBED: 5,
	/** The link is over, for the reason in `error`. Always the last. */
	CLOSED: 6,
});

/** Shared and never written to: an array of its own would take seven slots. */
const NOTHING = new Uint8Array(0);

export class MQTTEvent {
	type = 0;
	topic = "";
	/** The payload's bytes that are here: borrowed until the next call on the link. */
	bytes: Uint8Array = NOTHING;
	start = 0;
	end = 0;
	/** Where in the payload `start` lies; 0 for the first fragment. */
	offset = 0;
	/** Bytes of the whole payload. */
	total = 0;
	qos: QoS = 0;
	retain = false;
	duplicate = false;
	packetId = 0;
	filter = "";
	reasonCode = 0;
	sessionPresent = false;
	/** MQTT 5: of a message, and of what the server granted. */
	properties: Properties | undefined;
	error: DeviceError | undefined;

	/** True when more fragments of this message follow. */
	get more(): boolean {
		return this.offset + (this.end - this.start) < this.total;
	}
}
