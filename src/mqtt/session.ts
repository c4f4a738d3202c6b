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
import type { QoS } from "./constants.js";
import { Inflight } from "./inflight.js";
import { connectLength, type Connect, type Payload, type Will } from "./packet.js";
import { Subscriptions } from "./subscriptions.js";
import { checkFilter, checkTopic } from "./topic.js";

export interface SessionOptions {
	/** At most 65,535 bytes; empty lets the server choose and needs `cleanStart`. */
	clientId: string;
	/** Begin anew instead of going on with what the server kept. Default: false. */
	cleanStart?: boolean | undefined;
	/** ms, whole seconds up to 65,535 s; 0 switches keep alive off. Default: 60,000. */
	keepAlive?: number | undefined;
	username?: string | undefined;
	password?: Payload | undefined;
	will?: Will | undefined;
	/** Bytes for messages that wait to be sent or acknowledged. Default: 2,048. */
	inflightLength?: number | undefined;
	/** Messages that may be unacknowledged at a time. Default: 16. */
	receiveMaximum?: number | undefined;
	/** Bytes in which a packet is collected that arrives in parts: the least that topics must fit. Default: 512. */
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
const KEEP_ALIVE_SECONDS_MAXIMUM = 0xffff;

export class Session {
	readonly connect: Connect;
	readonly inflight: Inflight;
	readonly subscriptions = new Subscriptions();
	readonly reader: Reader;
	readonly writer: Writer;
	readonly text: TextCodec;
	/** Where packets that arrive in parts are collected; a link at a time. */
	readonly packetBuffer: Uint8Array;
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
		const keepAlive = options.keepAlive ?? KEEP_ALIVE_DEFAULT;
		const keepAliveSeconds = Math.floor(keepAlive / 1000);
		if (!(keepAlive >= 0 && keepAliveSeconds <= KEEP_ALIVE_SECONDS_MAXIMUM)) {
			throw new DeviceError("argument", `keep alive of ${keepAlive} ms is not within 0 to 65535000`);
		}
		this.connect = {
			clientId: options.clientId,
			cleanStart: options.cleanStart ?? false,
			keepAliveSeconds,
			username: options.username,
			password: options.password,
			will: options.will,
		};
		connectLength(text, this.connect);
		this.text = text;
		this.reader = new Reader(text);
		this.writer = new Writer(text);
		this.inflight = new Inflight(options.inflightLength ?? 2048, this.writer, text);
		this.receiveMaximum = options.receiveMaximum ?? 16;
		this.packetBuffer = new Uint8Array(options.packetBuffer ?? 512);
		this.maximumPacketSize = options.maximumPacketSize ?? PACKET_SIZE_MAXIMUM;
	}

	/**
	 * Queues a message at QoS 1 (kept until the server has it, across connections) or QoS 0 (gone with the connection).
	 * The payload is copied.
	 * @returns its packet identifier, 0 at QoS 0, or `full` when there is no room now
	 * @throws DeviceError `argument`; `too-large` for what never fits
	 */
	publish(topic: string, payload: Payload, options?: PublishOptions): number | "full" {
		checkTopic(topic);
		const qos = options?.qos ?? 0;
		const id = this.inflight.append(topic, payload, qos, options?.retain ?? false, this.pendingId);
		if (id >= 0) return id;
		if (this.inflight.fits(topic, payload, qos)) return "full";
		throw new DeviceError("too-large", `message to ${topic} does not fit ${this.inflight.bytes.byteLength} bytes`);
	}

	/** @throws DeviceError `argument`, `full` */
	subscribe(filter: string, qos: QoS): void {
		checkFilter(filter);
		this.subscriptions.add(filter, qos);
	}

	/** @throws DeviceError `argument` */
	unsubscribe(filter: string): void {
		checkFilter(filter);
		this.subscriptions.remove(filter);
	}
}
