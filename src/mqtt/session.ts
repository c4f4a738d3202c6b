// SPDX-License-Identifier: Apache-2.0
/**
 * An MQTT session: what survives a lost connection. Messages that are not acknowledged, and subscriptions.
 *
 * A session has no connection of its own: `Link` borrows it, and is thrown away at each loss.
 * Pure: no sockets, no timers. Read first: MQTT 3.1.1 §4.1, §4.4.
 */
import { DeviceError } from "../base/error.js";
import { Reader } from "../bytes/reader.js";
import { Writer } from "../bytes/writer.js";
import type { TextCodec } from "../host.js";
import { Inflight } from "./inflight.js";
import { connectLength, encodeConnect, type Connect, type Payload, type Will } from "./packet.js";
import { Subscriptions } from "./subscriptions.js";
import { checkFilter, checkTopic } from "./topic.js";

export interface SessionOptions {
	/** At most 65,535 bytes; empty lets the server choose and needs `cleanStart`. */
	clientId: string;
	/** Begin anew instead of going on with what the server kept. Default: false. */
	cleanStart?: boolean | undefined;
	/** ms, rounded up to whole seconds, at most 65,535 s; 0 switches keep alive off. Default: 60,000. */
	keepAlive?: number | undefined;
	username?: string | undefined;
	password?: Payload | undefined;
	will?: Will | undefined;
	/** Bytes for messages that wait to be sent or acknowledged. Default: 2,048. */
	inflightLength?: number | undefined;
	/** Messages that may be unacknowledged at a time. Default: 16. */
	receiveMaximum?: number | undefined;
	/** Bytes of a packet that is put together when it comes in parts; topics must fit. Default: 512. */
	packetBuffer?: number | undefined;
	/** Bytes of the largest packet that is not refused. Default: 268,435,455, as MQTT allows. */
	maximumPacketSize?: number | undefined;
}

export interface PublishOptions {
	/** Default: 0. */
	qos?: 0 | 1 | undefined;
	/** Default: false. */
	retain?: boolean | undefined;
}

export const PACKET_SIZE_MAXIMUM = 0x0fff_ffff;
const KEEP_ALIVE_DEFAULT = 60_000;
/** 65,535 s is what CONNECT can say. */
const KEEP_ALIVE_MAXIMUM = 65_535_000;
/** The answer to a SUBSCRIBE of ours needs 10 bytes. */
const PACKET_BUFFER_MINIMUM = 16;
const BUFFER_MAXIMUM = 0x10_0000;

export class Session {
	readonly connect: Connect;
	readonly inflight: Inflight;
	readonly subscriptions = new Subscriptions();
	readonly reader: Reader;
	readonly writer: Writer;
	readonly text: TextCodec;
	readonly packetBuffer: number;
	readonly maximumPacketSize: number;
	readonly receiveMaximum: number;
	/**
	 * True from CONNECT to CONNACK. Still true at the next CONNECT, it means that the session which the server then has
	 * may not be the one we know: (1) the server forgets our session, (2) we connect, and it makes a new one, (3) the
	 * link is lost before its CONNACK arrives, (4) we connect again, and it rightly says "session present".
	 */
	connecting = false;
	/** Identifier of the SUBSCRIBE or UNSUBSCRIBE under way, 0 for none. */
	pendingId = 0;

	/** @throws DeviceError `argument` */
	constructor(text: TextCodec, options: SessionOptions) {
		const keepAlive = inRange("keepAlive", options.keepAlive ?? KEEP_ALIVE_DEFAULT, 0, KEEP_ALIVE_MAXIMUM);
		this.connect = {
			clientId: options.clientId,
			cleanStart: options.cleanStart ?? false,
			keepAliveSeconds: Math.ceil(keepAlive / 1000),
			username: options.username,
			password: options.password,
			will: options.will,
		};
		this.text = text;
		this.reader = new Reader(text);
		this.writer = new Writer(text);
		// Encoded once to be refused here, and not when a connection stands.
		const length = connectLength(text, this.connect);
		this.writer.reset(new Uint8Array(length), 0, length);
		encodeConnect(this.writer, text, this.connect);
		this.inflight = new Inflight(
			inRange("inflightLength", options.inflightLength ?? 2048, 0, BUFFER_MAXIMUM), this.writer, text,
		);
		this.receiveMaximum = inRange("receiveMaximum", options.receiveMaximum ?? 16, 1, 0xffff);
		this.packetBuffer = inRange("packetBuffer", options.packetBuffer ?? 512, PACKET_BUFFER_MINIMUM, BUFFER_MAXIMUM);
		const { maximumPacketSize = PACKET_SIZE_MAXIMUM } = options;
		this.maximumPacketSize = inRange(
			"maximumPacketSize", maximumPacketSize, PACKET_BUFFER_MINIMUM, PACKET_SIZE_MAXIMUM,
		);
	}

	/**
	 * Queues a message at QoS 1 (kept until the server has it, across connections) or QoS 0 (gone with the connection).
	 * The payload is copied.
	 * @returns its packet identifier, 0 at QoS 0, or `full` when there is no room now
	 * @throws DeviceError `argument`; `too-large` for what never fits
	 */
	publish(topic: string, payload: Payload, options?: PublishOptions): number | "full" {
		checkTopic(topic);
		const qos = checkQoS(options?.qos ?? 0);
		const id = this.inflight.append(topic, payload, qos, options?.retain ?? false, this.pendingId);
		if (id >= 0) return id;
		if (this.inflight.fits(topic, payload, qos)) return "full";
		throw new DeviceError("too-large", `message to ${topic} does not fit ${this.inflight.bytes.byteLength} bytes`);
	}

	/** @throws DeviceError `argument`, `full` */
	subscribe(filter: string, qos: 0 | 1): void {
		checkFilter(this.text, filter);
		this.subscriptions.add(filter, checkQoS(qos));
	}

	/** @throws DeviceError `argument` */
	unsubscribe(filter: string): void {
		checkFilter(this.text, filter);
		this.subscriptions.remove(filter);
	}
}

function checkQoS(qos: 0 | 1): 0 | 1 {
	if (qos !== 0 && qos !== 1) throw new DeviceError("argument", `QoS ${String(qos)} is not 0 or 1`);
	return qos;
}

/** @throws DeviceError `argument` when `value` is no whole number from `least` to `most` */
export function inRange(name: string, value: number, least: number, most: number): number {
	if (Number.isInteger(value) && value >= least && value <= most) return value;
	throw new DeviceError("argument", `${name} of ${String(value)} is not within ${least} to ${most}`);
}
