// SPDX-License-Identifier: Apache-2.0
/**
 * An MQTT session: what survives a lost connection and, with a store, a lost power supply. Messages that are not
 * acknowledged, identifiers of messages received at QoS 2, and subscriptions.
 *
 * A session has no connection of its own: `Link` borrows it, and is thrown away at each loss.
 * Pure: no sockets, no timers. Read first: MQTT 3.1.1 §4.1, §4.4; MQTT 5 §4.1.
 */
import { DeviceError } from "../base/error.js";
import { inRange } from "../base/range.js";
import type { Traffic } from "../base/traffic.js";
import { Reader } from "../bytes/reader.js";
import { Writer } from "../bytes/writer.js";
import type { TextCodec } from "../host.js";
import { PacketType, RETAIN, type Protocol, type QoS } from "./constants.js";
import {
	connectLength, encodeConnect, type Connect, type Payload, type SubscribeOptions, type Will,
} from "./encode.js";
import { DROPPED, FULL, Outbox, type Source, type WhenFull } from "./outbox.js";
import type { Properties } from "./properties.js";
import type { KeptQueue } from "./queue.js";
import { Received } from "./received.js";
import { RingQueue } from "./ring-queue.js";
import { Subscriptions } from "./subscriptions.js";
import { checkFilter, isShared } from "./topic.js";

/** How a client proves who it is in more than one step (MQTT 5 §4.12). Bytes are given away, not copied. */
export interface Authentication {
	/** The name of the method, such as "SCRAM-SHA-256". */
	method: string;
	/** What CONNECT begins with. Called for each connection, and for `reauthenticate`. */
	begin?(): Uint8Array | undefined;
	/** The answer to what the server said. @throws to give the connection up */
	respond(data: Uint8Array | undefined): Uint8Array | undefined;
}

export interface SessionOptions {
	/** At most 65,535 bytes; empty lets the server choose, and in MQTT 3.1.1 needs `cleanStart`. */
	clientId: string;
	/** Level of the protocol: 4 is MQTT 3.1.1. Default: 4. */
	protocol?: Protocol | undefined;
	/** Begin anew instead of going on with what the server kept. Default: false. */
	cleanStart?: boolean | undefined;
	/** ms, rounded up to whole seconds, at most 65,535 s; 0 switches keep alive off. Default: 60,000. */
	keepAlive?: number | undefined;
	username?: string | undefined;
	password?: Payload | undefined;
	will?: Will | undefined;
	/** MQTT 5: ms for which the server keeps the session. Default: for ever, 0 with `cleanStart`. */
	sessionExpiry?: number | undefined;
	/** Bytes in memory for messages that wait to be sent or acknowledged. Default: 2,048. */
	inflightLength?: number | undefined;
	/** For these: what happens to a message when they have no room. Default: "reject". */
	whenFull?: WhenFull | undefined;
	/** Messages that may be unacknowledged at a time, each way; the server is told in MQTT 5. Default: 16. */
	receiveMaximum?: number | undefined;
	/** Bytes of a packet that is put together when it comes in parts; topic and properties must fit. Default: 512. */
	packetBuffer?: number | undefined;
	/** Bytes of the largest packet that is not refused; the server is told in MQTT 5. Default: as MQTT allows. */
	maximumPacketSize?: number | undefined;
	/** MQTT 5: topics that the server may replace by a number. Default: 0. */
	topicAliasMaximum?: number | undefined;
	/** MQTT 5: topics that we replace by a number, if the server allows: the first ones used. Default: 0. */
	topicAliases?: number | undefined;
	/** MQTT 5. */
	authentication?: Authentication | undefined;
	/** MQTT 5: what else CONNECT is to say. */
	properties?: Properties | undefined;
	/** Where what passes is counted. */
	traffic?: Traffic | undefined;
}

export interface PublishOptions {
	/** Default: 0. */
	qos?: QoS | undefined;
	/** Default: false. */
	retain?: boolean | undefined;
	/** Which of the store's queues, from 0; the highest is sent first. Default: 0. */
	priority?: number | undefined;
	/** MQTT 5. */
	properties?: Properties | undefined;
}

/** Where a session is kept that survives a reset. */
export interface SessionStore {
	/** By priority, lowest first. */
	readonly queues: readonly KeptQueue[];
	readonly whenFull: readonly WhenFull[];
	/** Brings back what was saved; once, before anything else. */
	restore(session: Session): void;
	/** True when one more subscription can be saved. */
	fits(session: Session, filter: string): boolean;
	/** Makes durable what changed since the last time, all in one. @throws DeviceError `storage` */
	save(session: Session): void;
}

/** The largest packet: remaining length, and five bytes before it. */
export const PACKET_SIZE_MAXIMUM = 0x0fff_ffff + 5;
const KEEP_ALIVE_DEFAULT = 60_000;
/** 65,535 s is what CONNECT can say. */
const KEEP_ALIVE_MAXIMUM = 65_535_000;
/** Means that a session never ends. Spec: MQTT 5 §3.1.2.11.2. */
const NEVER = 0xffff_ffff;
/** Identifiers go round, and so many messages never fill a ring of this length. */
const INFLIGHT_MAXIMUM = 0x8_0000;
const BUFFER_MAXIMUM = 0x10_0000;
/** CONNACK and the answer to a SUBSCRIBE of ours need this much. */
const PACKET_BUFFER_MINIMUM = 16;
/** A server of MQTT 3.1.1 cannot be told a maximum, and one of MQTT 5 may not keep to it: more than any sends. */
const RECEIVED_MAXIMUM = 1_024;
/** What is acknowledged out of order is kept as ranges, and so many find room. */
const STORED_MAXIMUM = 64;

export class Session {
	/** As the program gave it. */
	readonly clientId: string;
	readonly connect: Connect;
	readonly outbox: Outbox;
	readonly received: Received;
	readonly subscriptions = new Subscriptions();
	readonly reader: Reader;
	readonly writer: Writer;
	readonly text: TextCodec;
	readonly authentication: Authentication | undefined;
	readonly traffic: Traffic | undefined;
	readonly packetBuffer: number;
	readonly maximumPacketSize: number;
	readonly receiveMaximum: number;
	readonly topicAliasMaximum: number;
	readonly topicAliases: number;
	/**
	 * True from CONNECT to CONNACK. Still true at the next CONNECT, it means that the session which the server then has
	 * may not be the one we know: (1) the server forgets our session, (2) we connect, and it makes a new one, (3) the
	 * link is lost before its CONNACK arrives, (4) we connect again, and it rightly says "session present".
	 */
	connecting = false;
	/** True when a server ever had this session: what it says to be present is what we know [MQTT-3.2.2-4]. */
	established = false;
	/** True within `batch`: what is published is not durable yet, and must not be sent. */
	batching = false;
	/**
	 * True when something may wait to go out. Whoever adds to that says so here, and the link says when it found no
	 * more: nobody else asks, as looking through all that might wait costs more than a message itself.
	 */
	unsent = false;
	/** True while a source is read, inside of our own sending: it must not call back into us. */
	reading = false;
	readonly #cleanStart: boolean;
	/**
	 * The server sent more than the receive maximum once. From then on it may: one that sends the same again on every
	 * connection would never be rid of its messages, nor we.
	 */
	overrun = false;
	readonly #store: SessionStore | undefined;

	/** @throws DeviceError `argument` */
	constructor(text: TextCodec, options: SessionOptions, store?: SessionStore) {
		const keepAlive = inRange("keepAlive", options.keepAlive ?? KEEP_ALIVE_DEFAULT, 0, KEEP_ALIVE_MAXIMUM);
		const { protocol = 4, cleanStart = false, whenFull = "reject" } = options;
		this.clientId = options.clientId;
		this.text = text;
		this.reader = new Reader(text);
		this.writer = new Writer(text);
		this.receiveMaximum = inRange("receiveMaximum", options.receiveMaximum ?? 16, 1, 0xffff);
		this.packetBuffer = inRange("packetBuffer", options.packetBuffer ?? 512, PACKET_BUFFER_MINIMUM, BUFFER_MAXIMUM);
		const { maximumPacketSize = PACKET_SIZE_MAXIMUM } = options;
		this.maximumPacketSize = inRange(
			"maximumPacketSize", maximumPacketSize, PACKET_BUFFER_MINIMUM, PACKET_SIZE_MAXIMUM,
		);
		this.topicAliasMaximum = inRange("topicAliasMaximum", options.topicAliasMaximum ?? 0, 0, 0xffff);
		this.topicAliases = inRange("topicAliases", options.topicAliases ?? 0, 0, 0xffff);
		this.authentication = options.authentication;
		this.traffic = options.traffic;
		this.connect = {
			protocol, cleanStart,
			clientId: options.clientId,
			keepAliveSeconds: Math.ceil(keepAlive / 1000),
			username: options.username,
			password: options.password,
			will: options.will,
			properties: protocol === 5 ? this.connectProperties(options, cleanStart) : options.properties,
		};
		// Encoded once to be refused here, and not when a connection stands.
		const length = connectLength(text, this.connect);
		this.writer.reset(new Uint8Array(length), 0, length);
		encodeConnect(this.writer, text, this.connect);
		const inflightLength = inRange("inflightLength", options.inflightLength ?? 2048, 0, INFLIGHT_MAXIMUM);
		this.outbox = new Outbox(
			text, this.writer, protocol, [...store?.queues ?? [], new RingQueue(inflightLength)],
			[...store?.whenFull ?? [], whenFull], this.receiveMaximum,
		);
		this.received = new Received(RECEIVED_MAXIMUM);
		this.#cleanStart = cleanStart;
		this.#store = store;
		if (store === undefined) return;
		inRange("receiveMaximum with a store", this.receiveMaximum, 1, STORED_MAXIMUM);
		store.restore(this);
	}

	private connectProperties(options: SessionOptions, cleanStart: boolean): Properties {
		const { sessionExpiry = cleanStart ? 0 : Infinity } = options;
		const seconds = sessionExpiry === Infinity ? NEVER : Math.ceil(sessionExpiry / 1000);
		return {
			sessionExpirySeconds: inRange("sessionExpiry", seconds, 0, NEVER),
			receiveMaximum: this.receiveMaximum,
			maximumPacketSize: this.maximumPacketSize < PACKET_SIZE_MAXIMUM ? this.maximumPacketSize : undefined,
			topicAliasMaximum: this.topicAliasMaximum || undefined,
			authenticationMethod: this.authentication?.method,
			...options.properties,
		};
	}

	/**
	 * Queues a message: at QoS 1 and 2 kept until the server has it, across connections and, with a store, resets; at
	 * QoS 0 gone with the connection. A payload of bytes or text is copied.
	 * @returns its packet identifier, 0 at QoS 0, or `full` when there is no room now
	 * @throws DeviceError `argument`; `too-large` for what never fits; `storage`
	 */
	publish(topic: string, payload: Payload | Source, options?: PublishOptions): number | "full" | "dropped" {
		const { qos = 0, retain = false, priority = 0, properties } = options ?? NO_OPTIONS;
		if (qos !== 0) {
			checkQoS(qos);
			if (priority !== 0) inRange("priority", priority, 0, (this.#store?.queues.length ?? 1) - 1);
		}
		if (properties !== undefined) checkPublishProperties(this.connect.protocol, properties);
		const header = PacketType.PUBLISH << 4 | qos << 1 | (retain ? RETAIN : 0);
		this.unsent = true;
		const id = this.outbox.append(topic, payload, header, priority, properties);
		if (this.#store !== undefined && !this.batching) this.outbox.flush();
		if (this.traffic !== undefined && typeof id === "number") this.traffic.messagesOut++;
		return id === FULL ? "full" : id === DROPPED ? "dropped" : id;
	}

	/**
	 * Runs `publishing` and makes all that it published durable at once: one program of the flash instead of many.
	 * @throws DeviceError `storage`: none of it may have been kept
	 */
	batch(publishing: () => void): void {
		// Within a batch: that one will commit them.
		if (this.batching) return publishing();
		this.batching = true;
		try {
			publishing();
		} finally {
			this.batching = false;
			this.outbox.flush();
		}
	}

	/** @throws DeviceError `argument`, `full` */
	subscribe(filter: string, options: QoS | SubscribeOptions): void {
		checkFilter(this.text, filter);
		this.unsent = true;
		if (this.#store?.fits(this, filter) === false) throw new DeviceError("full", "no room to keep a subscription");
		const { protocol } = this.connect;
		if (typeof options === "number") return this.subscriptions.add(filter, checkQoS(options));
		const { qos = 1, noLocal = false, retainAsPublished = false, retainHandling = 0 } = options;
		const { subscriptionIdentifier = 0 } = options;
		inRange("retainHandling", retainHandling, 0, 2);
		inRange("subscriptionIdentifier", subscriptionIdentifier, 0, 0x0fff_ffff);
		const byte = checkQoS(qos) | (noLocal ? 4 : 0) | (retainAsPublished ? 8 : 0) | retainHandling << 4;
		if (protocol === 4 && (byte > 2 || subscriptionIdentifier > 0)) {
			throw new DeviceError("argument", "subscribe options need protocol 5");
		}
		if (noLocal && isShared(filter)) { // [MQTT-3.8.3-4]
			throw new DeviceError("argument", "noLocal is not for shared subscriptions");
		}
		this.subscriptions.add(filter, byte, subscriptionIdentifier);
	}

	/** @throws DeviceError `argument` */
	unsubscribe(filter: string): void {
		checkFilter(this.text, filter);
		this.subscriptions.remove(filter);
		this.unsent = true;
	}

	/** Says that CONNECT is on its way, and whether a session that the server still has is the one we know. */
	beginConnect(): boolean {
		const { connect, authentication } = this;
		const familiar = !this.connecting;
		this.connecting = true;
		if (authentication?.begin) {
			connect.properties = { ...connect.properties, authenticationData: authentication.begin() };
		}
		return familiar;
	}

	/** Makes durable what changed: before anything is sent that tells of it. @throws DeviceError `storage` */
	commit(): void {
		this.#store?.save(this);
	}

	/** The server accepted us, with the session that it has or with a new one. */
	accepted(sessionPresent: boolean, familiar: boolean): void {
		this.connecting = false;
		this.established = true;
		this.outbox.connected();
		this.connect.cleanStart = this.#cleanStart;
		this.received.begin();
		this.subscriptions.reset(sessionPresent && familiar);
		if (sessionPresent) return;
		this.outbox.renew();
		this.received.clear();
	}

	/** The server has a session that is none of ours: the next connection begins anew. */
	distrust(): void {
		this.connect.cleanStart = true;
	}

	/**
	 * Notes that a message at QoS 2 is being delivered, durably: before its last byte is.
	 * @throws DeviceError `storage`: then it is not to be delivered
	 */
	accept(packetId: number): void {
		this.received.add(packetId);
		try {
			this.commit();
		} catch (error) {
			this.received.delete(packetId);
			throw error;
		}
	}
}

const NO_OPTIONS: PublishOptions = Object.freeze({});

function checkPublishProperties(protocol: Protocol, properties: Properties): void {
	if (protocol < 5) throw new DeviceError("argument", "properties need protocol 5");
	if (properties.topicAlias !== undefined || properties.subscriptionIdentifiers !== undefined) { // [MQTT-3.3.4-6]
		throw new DeviceError("argument", "topic alias and subscription identifiers are not the program's to give");
	}
}

function checkQoS(qos: QoS): QoS {
	if (qos !== 0 && qos !== 1 && qos !== 2) throw new DeviceError("argument", `QoS ${String(qos)} is not 0, 1 or 2`);
	return qos;
}
