// SPDX-License-Identifier: Apache-2.0
/**
 * The driver of an MQTT session: name resolution, TCP or TLS, one timer, and reconnecting.
 *
 * Owns the one stream and the one timer; parses nothing. All callbacks run from IO or timer callbacks, never from
 * inside a call into the client.
 */
import { Alarm, type AlarmOwner } from "../base/alarm.js";
import { backoffDelay, RECONNECT, REFUSED, type Backoff } from "../base/backoff.js";
import { DeviceError, toDeviceError } from "../base/error.js";
import { randomWord } from "../bytes/random.js";
import type { Host, Resolver, SecureOptions, Stream } from "../host.js";
import type { QoS } from "./constants.js";
import { EventType, type MQTTEvent } from "./event.js";
import { Ladder } from "./ladder.js";
import { Link } from "./link.js";
import type { Payload, SubscribeOptions } from "./encode.js";
import type { Source } from "./outbox.js";
import type { Properties } from "./properties.js";
import { inRange } from "../base/range.js";
import { isTemporary } from "./reason.js";
import { Session, type PublishOptions, type SessionOptions } from "./session.js";
import { Store, type StoreOptions } from "./store.js";

/** Where the server is, and how to know that it is the right one. */
export interface Server {
	/** Name or IP address; with TLS also what the server's certificate must be for. */
	name: string;
	port: number;
	/** Absent: plain TCP. */
	secure?: SecureOptions | undefined;
	/** Path of the request, such as "/mqtt": over a WebSocket. */
	websocket?: string | undefined;
}

export interface ClientOptions extends SessionOptions {
	host: Host;
	/**
	 * Read at each attempt to connect, and not kept. Several are ways to the same server: where one does not lead
	 * there, the next is tried, and what worked is tried first from then on, by network.
	 */
	server: Server | readonly Server[];
	/** Name of the network that we are in, as far as the program knows one: its SSID. Default: "". */
	network?(): string;
	/** Keeps the session on flash: messages, what was received at QoS 2 and subscriptions survive a reset. */
	store?: StoreOptions | undefined;
	/** ms for name resolution, TCP and TLS together. Default: 30,000. */
	connectTimeout?: number | undefined;
	/** Default: decorrelated jitter from 1 s, at most 2 minutes. */
	reconnect?: Backoff | undefined;
	/** Bytes read or written at a time, at most. Default: 1,460. */
	bufferLength?: number | undefined;
	/**
	 * The server accepted us, and in MQTT 5 granted `properties`. Messages queued before, and subscriptions, follow by
	 * themselves.
	 */
	onConnected?(sessionPresent: boolean, properties: Properties | undefined): void;
	/** A message or a fragment of one; the record and its bytes are borrowed until the callback returns. */
	onMessage?(message: MQTTEvent): void;
	/**
	 * The message that `publish` gave this identifier is done: the server has it, or, with a reason code from 0x80 on,
	 * it was refused by the server, or here for what the server would refuse, or dropped by a full queue.
	 */
	onAcknowledged?(packetId: number, reasonCode: number): void;
	/** The server's answer for a filter: the granted QoS, or a refusal from 0x80 on. */
	onSubscribed?(filter: string, reasonCode: number): void;
	/** The server's answer: from 0x80 on it goes on sending. */
	onUnsubscribed?(filter: string, reasonCode: number): void;
	/** The connection, or an attempt at one, ended; the next attempt follows in `delay` ms. */
	onDisconnected?(error: DeviceError, delay: number): void;
}

/** Spec: §6.0 [MQTT-6.0.0-3]. */
const SUBPROTOCOL = "mqtt";
const CONNECT_TIMEOUT = 30_000;
/** A packet identifier, 0 at QoS 0; or why the message was not taken. */
export type Published = number | "full" | "dropped" | "closed";

/** What one segment on Ethernet brings: a stream of them is read without a view for each. */
const BUFFER_LENGTH = 1_460;
/** Bytes that the buffer begins with, as a device's messages are short; and by which it grows. */
const BUFFER_STEP = 256;
const NOTHING = new Uint8Array(0);
const BUFFER_MAXIMUM = 0x10_0000;
/** A connection that lasted this long, ms, was a good one: the next attempt is a first attempt. */
const STABLE = 60_000;
/** ms that the last messages and their answers may take; and that DISCONNECT may take to leave. */
const CLOSE_TIMEOUT = 2_000;

export class Client implements AlarmOwner {
	readonly session: Session;
	readonly #options: ClientOptions;
	readonly #host: Host;
	readonly #bufferLength: number;
	/** For what is read or written: it grows with that, and is let go when nothing moved for a while. */
	#buffer: Uint8Array = NOTHING;
	/** The buffer's beginning, as long as last read and last written: most packets are as long as the one before. */
	#readView: Uint8Array = NOTHING;
	#writeView: Uint8Array = NOTHING;
	/** Nothing moved since the alarm rang. */
	#isIdle = false;
	readonly #alarm: Alarm;
	#resolver: Resolver | undefined;
	#stream: Stream | undefined;
	#link: Link | undefined;
	#readable = 0;
	#writable = 0;
	/** The link may have events: bytes came, time went by, or it failed. */
	#stirred = false;
	readonly #store: Store | undefined;
	/** The last delay before an attempt, ms. */
	#delay = 0;
	#ladder: Ladder | undefined;
	/** Ways to the server, as the last attempt found them. */
	#ways = 1;
	#connectedAt = Infinity;
	/** When something other than the link's own deadline is due: the connect timeout, the next attempt, the close. */
	#due = Infinity;
	#draining = false;
	#paused = false;
	#closing = false;

	/** Starts to connect. @throws DeviceError `argument` */
	constructor(options: ClientOptions) {
		this.#options = options;
		this.#host = options.host;
		const { store, bufferLength = BUFFER_LENGTH } = options;
		if (store !== undefined) {
			const { flash, crypto } = options.host;
			this.#store = new Store(crypto, flash.open({ path: store.partition }), store.queues);
		}
		this.session = new Session(options.host.text, options, this.#store);
		if (options.traffic !== undefined) options.traffic.queue = this.session.outbox;
		this.#bufferLength = inRange("bufferLength", bufferLength, 1, BUFFER_MAXIMUM);
		this.#alarm = new Alarm(this.#host, this);
		this.schedule(0);
	}

	/** True between CONNACK and the loss of the connection. */
	get connected(): boolean {
		return this.#link?.open ?? false;
	}

	/**
	 * Sends a message: at QoS 1 and 2 now or as soon as there is a connection, at QoS 0 only now. Bytes and text are
	 * copied; a `Source` is read when the message is sent, and again when it must be sent again.
	 * @returns its packet identifier (0 at QoS 0); `full` when there is no room, and `dropped` where that is how the
	 * queue was asked to deal with it; `closed` at QoS 0 when not connected
	 * @throws DeviceError `argument`; `too-large` for what never fits; `storage`; `state` after `close`
	 */
	publish(topic: string, payload: Payload | Source, options?: PublishOptions): Published {
		this.check();
		if ((options?.qos ?? 0) === 0 && !this.connected) return "closed";
		const id = this.session.publish(topic, payload, options);
		this.kick();
		return id;
	}

	/**
	 * Runs `publishing` and makes what it published durable all at once: with a store, one program of the flash.
	 * @throws DeviceError `storage`, `state`
	 */
	batch(publishing: () => void): void {
		this.check();
		try {
			this.session.batch(publishing);
		} finally {
			this.kick();
		}
	}

	/** Subscribes now and on every later connection. @throws DeviceError `argument`, `full`, `state` */
	subscribe(filter: string, options: QoS | SubscribeOptions = 1): void {
		this.check();
		this.session.subscribe(filter, options);
		this.kick();
	}

	/** @throws DeviceError `argument`, `state` */
	unsubscribe(filter: string): void {
		this.check();
		this.session.unsubscribe(filter);
		this.kick();
	}

	/** Reads nothing more until `resume`: what the server sends stays in the network. */
	pause(): void {
		this.check();
		this.#paused = true;
	}

	resume(): void {
		this.check();
		this.#paused = false;
		this.#alarm.set(this.#host.time.now());
	}

	/** MQTT 5: authenticates anew on the connection that stands. @throws DeviceError `state` */
	reauthenticate(): void {
		this.check();
		if (this.#link === undefined) throw new DeviceError("state", "no connection");
		this.#link.reauthenticate();
		this.kick();
	}

	/**
	 * Sends what is queued, waits for the answers, says goodbye and lets everything go. May be called twice; no
	 * callback follows.
	 * @param drain ms that sending and answers may take
	 */
	close(drain = CLOSE_TIMEOUT): void {
		if (this.#closing) return;
		this.#closing = true;
		if (this.#link?.open) {
			this.#paused = false;
			this.#link.disconnect(this.#host.time.now() + drain);
			this.schedule(drain + CLOSE_TIMEOUT);
			this.kick();
		} else {
			this.release();
		}
	}

	private check(): void {
		if (this.#closing) throw new DeviceError("state", "the client is closed");
		if (this.session.reading) throw new DeviceError("state", "called by the source of a message");
	}

	/** Sends what a call into us queued. Events wait for a callback of their own. */
	private kick(): void {
		const link = this.#link;
		const { batching, reading } = this.session;
		if (link === undefined || this.#draining || batching || reading) return;
		link.expire(this.#host.time.now());
		if (this.transmit(link) && this.#closing) this.release();
		else if (link.due < this.#alarm.at) this.arm();
	}

	private connect(): void {
		this.schedule(this.#options.connectTimeout ?? CONNECT_TIMEOUT);
		try {
			const server = this.choose();
			this.#resolver = new this.#host.dns.io();
			this.#resolver.resolve({
				host: server.name,
				onResolved: (_, address) => this.open(server, address),
				onError: (error) => this.lost(error, false),
			});
		} catch (error) {
			this.lost(toDeviceError(error, "unreachable", "no server"), false);
		}
	}

	/** The way to try. @throws DeviceError `argument` when there is none */
	private choose(): Server {
		const { server, network } = this.#options;
		if (!Array.isArray(server)) return server as Server;
		this.#ladder ??= new Ladder(this.#host);
		this.#ways = server.length;
		this.#ladder.enter(network?.call(this.#options) ?? "", server.length);
		const way = server[this.#ladder.rung] as Server | undefined;
		if (way === undefined) throw new DeviceError("argument", "no server");
		return way;
	}

	private open({ name, port, secure, websocket }: Server, address: string): void {
		this.closeResolver();
		const { tcp, tls } = this.#host;
		const options = {
			address, port, nodelay: true,
			onReadable: (count: number) => {
				this.#readable = count;
				this.pump();
			},
			onWritable: (count: number) => {
				this.#writable = count;
				this.#link ??= this.linkUp();
				this.wake(this.#link);
			},
			onError: (error: DeviceError) => this.streamLost(error),
		};
		try {
			if (websocket !== undefined) {
				const { io } = this.#host.websocket;
				this.#stream = new io({ ...options, host: name, secure, path: websocket, protocol: SUBPROTOCOL });
			} else {
				const { io } = tls;
				this.#stream = secure === undefined ? new tcp.io(options) : new io({ ...options, host: name, secure });
			}
		} catch (error) {
			this.lost(toDeviceError(error, "unreachable", "no stream"));
		}
	}

	/** The stream stands: from here on the link watches the time. */
	private linkUp(): Link {
		this.#due = Infinity;
		return new Link(this.session, this.#host.time.now());
	}

	private streamLost(error: DeviceError): void {
		if (this.#link === undefined) {
			this.lost(error);
		} else {
			this.#link.lost(error);
			this.wake(this.#link);
		}
	}

	/** Does what may have become due, and looks for events, before anything moves. */
	private wake(link: Link): void {
		link.expire(this.#host.time.now());
		this.#stirred = true;
		this.pump();
	}

	/**
	 * Moves bytes and events until nothing moves. What cannot have changed is not asked for: events come of bytes that
	 * came, and bytes go out when the session says so. A timer moves only when something is due earlier than it rings.
	 */
	private pump(): void {
		const link = this.#link;
		if (link === undefined) return;
		for (;;) {
			if (this.#stirred) {
				this.drain(link);
				if (link !== this.#link) return;
			}
			if (this.session.unsent && this.transmit(link)) {
				this.#stirred = true;
				continue;
			}
			// While there is room, nothing that could go out is left.
			if (this.#readable === 0 || (this.#writable === 0 && !link.flushed)) break;
			if (this.#paused && link.open) {
				link.paused();
				break;
			}
			this.receive(link);
		}
		if (link.due < this.#alarm.at) this.arm();
	}

	private receive(link: Link): void {
		const readable = this.#readable;
		if (readable > this.#buffer.byteLength) this.grow(readable);
		const buffer = this.#buffer;
		const byteLength = buffer.byteLength;
		let count = readable < byteLength ? readable : byteLength;
		// To its end and no further: whoever pauses for a large message then has not begun to hold the next one.
		const { missing } = link;
		if (missing > 0 && missing < count) count = missing;
		this.#stirred = true;
		this.#isIdle = false;
		try {
			if (this.#readView.byteLength !== count) this.#readView = buffer.subarray(0, count);
			this.#stream!.read(this.#readView);
			this.#readable = readable - count;
			const { traffic } = this.session;
			if (traffic !== undefined) traffic.bytesIn += count;
			link.receive(buffer, 0, count, this.#host.time.now());
		} catch (error) {
			this.#readable = 0;
			link.lost(toDeviceError(error, "closed", "reading failed"));
		}
	}

	/** Writes what fits. True when the link ended by it, so that its event is to be drained. */
	private transmit(link: Link): boolean {
		this.#isIdle = false;
		while (this.#writable > 0 && this.session.unsent) {
			if (this.#buffer === NOTHING) this.grow(BUFFER_STEP);
			const buffer = this.#buffer;
			const byteLength = buffer.byteLength;
			const count = link.transmit(buffer, this.#writable < byteLength ? this.#writable : byteLength);
			if (count === 0) break;
			try {
				if (this.#writeView.byteLength !== count) this.#writeView = buffer.subarray(0, count);
				this.#writable = this.#stream!.write(this.#writeView);
			} catch (error) {
				link.lost(toDeviceError(error, "closed", "writing failed"));
				break;
			}
			if (this.session.traffic !== undefined) this.session.traffic.bytesOut += count;
			// What did not fit goes out in larger pieces.
			if (count === byteLength) this.grow(2 * count);
		}
		return link.failed;
	}

	/** Makes another buffer, of `length` bytes or as many as it may have, unless it has them. */
	private grow(length: number): void {
		const wanted = Math.min(Math.ceil(length / BUFFER_STEP) * BUFFER_STEP, this.#bufferLength);
		if (wanted <= this.#buffer.byteLength) return;
		this.#buffer = new Uint8Array(wanted);
		this.#readView = this.#writeView = NOTHING;
	}

	private drain(link: Link): void {
		this.#draining = true;
		try {
			for (let event = link.next(); event !== undefined; event = link.next()) {
				this.dispatch(event);
				if (this.#link !== link) return;
			}
			this.#stirred = false;
		} finally {
			this.#draining = false;
		}
	}

	private dispatch(event: MQTTEvent): void {
		const options = this.#options;
		const { traffic } = this.session;
		if (this.#closing && event.type !== EventType.CLOSED) return;
		switch (event.type) {
			case EventType.CONNECTED:
				this.#connectedAt = this.#host.time.now();
				this.#ladder?.reached();
				if (traffic !== undefined) traffic.connections++;
				options.onConnected?.(event.sessionPresent, event.properties);
				break;
			case EventType.MESSAGE:
				if (traffic !== undefined && event.offset === 0) traffic.messagesIn++;
				options.onMessage?.(event);
				break;
			case EventType.ACKNOWLEDGED: options.onAcknowledged?.(event.packetId, event.reasonCode); break;
			case EventType.SUBSCRIBED: options.onSubscribed?.(event.filter, event.reasonCode); break;
			case EventType.UNSUBSCRIBED: options.onUnsubscribed?.(event.filter, event.reasonCode); break;
			case EventType.CLOSED: this.lost(event.error!); break;
		}
	}

	/**
	 * The connection or the attempt is over: try again later, and another way where this one did not lead anywhere.
	 * @param onTheWay false when not even the server's address was known
	 */
	private lost(error: DeviceError, onTheWay = true): void {
		const answered = this.#connectedAt !== Infinity || (error.code === "rejected" && this.#link !== undefined);
		this.release();
		if (this.#closing) return;
		if (this.session.traffic !== undefined) this.session.traffic.losses++;
		const { reconnect = RECONNECT } = this.#options;
		const fraction = randomWord(this.#host) / 2 ** 32;
		let delay: number;
		if (this.#ladder !== undefined && onTheWay && !answered && this.#ladder.failed(this.#ways)) {
			// The other ways are tried soon: it is the network that is in the way, not the server.
			delay = Math.floor(fraction * Math.min(reconnect.base, reconnect.cap));
		} else {
			if (this.#host.time.now() - this.#connectedAt >= STABLE) this.#delay = 0;
			const backoff = error.code === "rejected" && !isTemporary(error) ? REFUSED : reconnect;
			this.#delay = delay = backoffDelay(backoff, this.#delay, fraction);
		}
		this.#connectedAt = Infinity;
		this.schedule(delay);
		this.#options.onDisconnected?.(error, delay);
	}

	/** Closes whatever is open. */
	private release(): void {
		this.closeResolver();
		this.#link = undefined;
		this.#stream?.close();
		this.#stream = undefined;
		this.#readable = this.#writable = 0;
		this.#due = Infinity;
		if (this.#closing) this.#store?.close();
		this.arm();
	}

	private closeResolver(): void {
		this.#resolver?.close();
		this.#resolver = undefined;
	}

	private schedule(delay: number): void {
		this.#due = this.#host.time.now() + delay;
		this.arm();
	}

	private arm(): void {
		this.#alarm.set(Math.min(this.#due, this.#link?.due ?? Infinity));
	}

	/** For the client's own alarm, and for nobody else: it calls back. */
	expire(): void {
		const now = this.#host.time.now();
		if (now >= this.#due) {
			this.#due = Infinity;
			if (this.#closing) return this.release();
			if (this.#resolver === undefined && this.#stream === undefined) return this.connect();
			return this.lost(new DeviceError("timeout", "no connection in time"), this.#stream !== undefined);
		}
		const link = this.#link;
		if (link !== undefined) {
			if (this.#isIdle && !this.#stirred) {
				this.#buffer = this.#readView = this.#writeView = NOTHING;
				link.rest();
			}
			this.#isIdle = true;
			this.wake(link);
		}
		this.arm();
	}
}
