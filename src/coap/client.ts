// SPDX-License-Identifier: Apache-2.0
/**
 * The driver of a CoAP connection: name resolution, UDP, DTLS, TCP, TLS or WebSocket, one timer, and reconnecting.
 *
 * What a connection is: over a stream, from the peer's CSM to its end; over DTLS, from the handshake on; over UDP, from
 * the first answer on. It is lost when the peer does not acknowledge what it should. Observations are registered again
 * on the next one; requests end with an error, as nobody knows what became of them.
 *
 * All callbacks run from IO or timer callbacks, never from inside a call into the client.
 */
import { Alarm, type AlarmOwner } from "../base/alarm.js";
import { backoffDelay, RECONNECT, REFUSED, type Backoff } from "../base/backoff.js";
import { DeviceError, toDeviceError } from "../base/error.js";
import { inRange } from "../base/range.js";
import type { Traffic } from "../base/traffic.js";
import { randomWord } from "../bytes/random.js";
import type { Host, Resolver, SecureOptions } from "../host.js";
import { BLOCK_MAXIMUM, BLOCK_MINIMUM } from "./block.js";
import { MESSAGE_MAXIMUM } from "./constants.js";
import { Exchanges } from "./exchanges.js";
import { DatagramLine, StreamLine, type Line, type LineOwner, type PresharedKey } from "./line.js";
import { MessengerEvent, type Answerer, type Messenger, type MessengerNews } from "./messenger.js";
import { Reliable, type ReliableOptions } from "./reliable.js";
import { commonOptions } from "./pending.js";
import type { Cancelable, ObservationOwner, Requester, RequestOptions, RequestOwner, Response } from "./request.js";
import { Requests } from "./requests.js";
import type { Security } from "./security.js";

export type Transport = "udp" | "dtls" | "tcp" | "tls" | "ws" | "wss";

/** Where the server is, and how to know that it is the right one. */
export interface CoAPServerAddress {
	readonly transport: Transport;
	/** Name or IP address; with TLS also what the server's certificate must be for. */
	readonly name: string;
	readonly port: number;
	/** For TLS and for WebSockets over TLS. */
	readonly secure?: SecureOptions | undefined;
	/** For DTLS. */
	readonly psk?: PresharedKey | undefined;
}

export interface CoAPClientOptions {
	readonly host: Host;
	/** Read at each attempt to connect, and not kept. */
	readonly server: CoAPServerAddress;
	/** Protects each message from end to end, whatever carries it. */
	readonly security?: Security | undefined;
	/** ms of silence after which the peer is asked whether it is there. Default: 60,000. */
	readonly keepAlive?: number | undefined;
	/** ms for name resolution, handshakes and the first answer together. Default: 30,000. */
	readonly connectTimeout?: number | undefined;
	/** Default: decorrelated jitter from 1 s, at most 2 minutes. */
	readonly reconnect?: Backoff | undefined;
	/** Bytes of the largest representation that is taken whole. Default: 16,384. */
	readonly bodyMaximum?: number | undefined;
	/** Bytes of a block, a power of two from 16 to 1,024. Default: 1,024. */
	readonly blockLength?: number | undefined;
	/** Streams: bytes of the largest message that is taken, 1,152 or more. Default: 1,152. */
	readonly messageMaximum?: number | undefined;
	/** What the server may ask of us over the same connection. */
	readonly resources?: Answerer | undefined;
	/** Where what passes is counted. */
	readonly traffic?: Traffic | undefined;
	onConnected?(): void;
	/** The connection, or an attempt at one, ended; the next attempt follows in `delay` ms. */
	onDisconnected?(error: DeviceError, delay: number): void;
}

const KEEP_ALIVE = 60_000;
const CONNECT_TIMEOUT = 30_000;
const BODY_MAXIMUM = 16_384;
const BODY_LIMIT = 0x100_0000;
const DAY = 86_400_000;
/** ms in which no peer can keep us from coming back. */
const HOLD_OFF_MAXIMUM = 3_600_000;
/** A connection that lasted this long, ms, was a good one: the next attempt is a first attempt. */
const STABLE = 60_000;
/** Observations that outlive connections. */
const OBSERVATION_MAXIMUM = 12;
/** Turns of the loop within one callback: a peer that sends without end must not keep everybody else from running. */
const TURN_MAXIMUM = 64;

/** One that outlives connections. */
class Observation implements Cancelable, ObservationOwner {
	readonly options: RequestOptions;
	/** On the connection that stands. */
	current: Cancelable | undefined;
	readonly #client: CoAPClient;
	readonly #owner: ObservationOwner;

	constructor(client: CoAPClient, options: RequestOptions, owner: ObservationOwner) {
		this.#client = client;
		this.options = options;
		this.#owner = owner;
	}

	cancel(): void {
		this.current?.cancel();
		this.#client.forget(this);
	}

	onNotification(response: Response, now: number): void {
		this.#owner.onNotification(response, now);
	}

	onEnded(error: DeviceError, now: number): void {
		this.#client.forget(this);
		this.#owner.onEnded(error, now);
	}
}

export class CoAPClient implements AlarmOwner, LineOwner, Requester {
	readonly #options: CoAPClientOptions;
	readonly #host: Host;
	readonly #alarm: Alarm;
	readonly #observations: Observation[] = [];
	readonly #keepAlive: number;
	readonly #bodyMaximum: number;
	readonly #blockLength: number;
	#resolver: Resolver | undefined;
	/** Of the server, once its name is resolved and while there is no line to it. */
	#address = "";
	#line: Line | undefined;
	/** The line carries bytes; each is a message. */
	#isUp = false;
	#isDatagram = false;
	#messenger: Messenger | undefined;
	#requests: Requests | undefined;
	#connected = false;
	/** It is connected, and nobody was told. */
	#isNew = false;
	/** Of the ping under way, 0 for none. */
	#ping = 0;
	#pingedAt = 0;
	/** When something came last, monotonic ms. */
	#heardAt = 0;
	#connectedAt = Infinity;
	/** When something other than the layers' own deadlines is due: the connect timeout, or the next attempt. */
	#due = Infinity;
	/** The last delay before an attempt, ms. */
	#delay = 0;
	#isIdle = false;
	#isPumping = false;
	#closed = false;

	/** Starts to connect. @throws DeviceError `argument` */
	constructor(options: CoAPClientOptions) {
		this.#options = options;
		this.#host = options.host;
		const { keepAlive = KEEP_ALIVE, bodyMaximum = BODY_MAXIMUM, blockLength = BLOCK_MAXIMUM } = options;
		this.#keepAlive = inRange("keepAlive", keepAlive, 1, DAY);
		this.#bodyMaximum = inRange("bodyMaximum", bodyMaximum, 1, BODY_LIMIT);
		this.#blockLength = inRange("blockLength", blockLength, BLOCK_MINIMUM, BLOCK_MAXIMUM);
		this.#alarm = new Alarm(options.host, this);
		this.schedule(0);
	}

	get connected(): boolean {
		return this.#connected;
	}

	request(options: RequestOptions, owner: RequestOwner): Cancelable {
		this.check();
		if (!this.#connected) throw new DeviceError("state", "no connection");
		const request = this.#requests!.request(options, owner);
		const { traffic } = this.#options;
		if (traffic !== undefined) traffic.messagesOut++;
		this.soon();
		return request;
	}

	observe(options: RequestOptions, owner: ObservationOwner): Cancelable {
		this.check();
		if (this.#observations.length >= OBSERVATION_MAXIMUM) {
			throw new DeviceError("full", `more than ${OBSERVATION_MAXIMUM} observations`);
		}
		const observation = new Observation(this, options, owner);
		if (this.#connected) {
			observation.current = this.#requests!.observe(options, observation);
			this.soon();
		} else {
			// Refused here, and not when there is a connection.
			commonOptions(this.#host.text, options);
		}
		this.#observations.push(observation);
		return observation;
	}

	/** For observations that are over. */
	forget(observation: Observation): void {
		const index = this.#observations.indexOf(observation);
		if (index >= 0) this.#observations.splice(index, 1);
		if (!this.#closed) this.soon();
	}

	/** What is offered to the server has changed, or is to be answered: `onWake` of `Resources` is for this. */
	wake(): void {
		if (!this.#closed) this.soon();
	}

	/** Lets everything go. May be called twice; no callback follows. */
	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		this.#requests?.drop();
		this.release();
		this.#alarm.set(Infinity);
	}

	/** Bytes came, or there is room for some. Below a stream may be TLS, or a WebSocket, and no stack is left there. */
	onLine(): void {
		this.#isUp = true;
		if (this.#isDatagram) this.pump();
		else this.soon();
	}

	onLineLost(error: DeviceError): void {
		this.lost(error);
	}

	/** For the client's own alarm, and for nobody else: it calls back. */
	expire(): void {
		const now = this.#host.time.now();
		if (now >= this.#due) {
			this.#due = Infinity;
			if (this.#resolver === undefined && this.#line === undefined) return this.connect();
			return this.lost(new DeviceError("timeout", "no connection in time"));
		}
		if (this.#address !== "") return this.open();
		if (this.#isNew) this.welcome();
		if (this.#isIdle) this.#line?.rest();
		this.#isIdle = true;
		if (this.#messenger !== undefined) {
			this.#messenger.expire(now);
			this.#requests!.expire(now);
			this.#options.resources?.expire(now);
			const isSilent = this.#connected && now >= this.#heardAt + this.#keepAlive;
			if (isSilent && this.#ping === 0) this.ping(now);
		}
		this.pump();
		this.arm();
	}

	private check(): void {
		if (this.#closed) throw new DeviceError("state", "the client is closed");
	}

	/** What was asked for goes out in a turn of its own: from inside a callback there is little stack left. */
	private soon(): void {
		if (!this.#isPumping) this.#alarm.set(this.#host.time.now());
	}

	private connect(): void {
		this.schedule(this.#options.connectTimeout ?? CONNECT_TIMEOUT);
		try {
			const { server } = this.#options;
			this.#resolver = new this.#host.dns.io();
			this.#resolver.resolve({
				host: server.name,
				onResolved: (_, address) => {
					this.#address = address;
					this.soon();
				},
				onError: (error) => this.lost(error),
			});
		} catch (error) {
			this.lost(toDeviceError(error, "unreachable", "no server"));
		}
	}

	private open(): void {
		const { traffic } = this.#options;
		const { transport, name, port, secure, psk } = this.#options.server;
		const address = this.#address;
		this.closeResolver();
		this.#isDatagram = transport === "udp" || transport === "dtls";
		try {
			if (this.#isDatagram) {
				const isSecure = transport === "dtls";
				if (isSecure && psk === undefined) throw new DeviceError("credential", "no key for DTLS");
				const options = { address, port, psk: isSecure ? psk : undefined, traffic };
				this.#line = new DatagramLine(this.#host, options, this);
				// Nothing else would tell that the peer is there.
				if (!isSecure) this.onLine();
			} else {
				const isSecure = transport === "tls" || transport === "wss";
				if (isSecure && secure === undefined) throw new DeviceError("credential", "no trust anchor for TLS");
				const websocket = transport === "ws" || transport === "wss";
				const options = { name, address, port, secure: isSecure ? secure : undefined, websocket, traffic };
				this.#line = new StreamLine(this.#host, options, this);
			}
		} catch (error) {
			return this.lost(toDeviceError(error, "unreachable", "no socket"));
		}
		this.arm();
	}

	/** The line stands. */
	private lineUp(): Messenger {
		const { transport } = this.#options.server;
		const { text } = this.#host;
		const now = this.#host.time.now();
		const messenger: Messenger = this.#isDatagram
			? new Exchanges({ codec: text, seed: randomWord(this.#host) })
			: new Reliable(text, this.reliable(transport), now);
		this.#messenger = messenger;
		const { security, resources } = this.#options;
		this.#requests = new Requests(messenger, text, {
			tokenPrefix: randomWord(this.#host), security,
			bodyMaximum: this.#bodyMaximum, blockLength: this.#blockLength,
		});
		resources?.attach(messenger, security);
		this.#heardAt = now;
		if (transport === "udp") this.ping(now);
		else if (transport === "dtls") this.established();
		return messenger;
	}

	private reliable(transport: Transport): ReliableOptions {
		const { messageMaximum } = this.#options;
		if (transport !== "ws" && transport !== "wss") return { form: "stream", messageMaximum };
		// One message is one write there, and the line has a buffer for no longer ones.
		return { form: "websocket", messageMaximum, sendMaximum: MESSAGE_MAXIMUM };
	}

	private ping(now: number): void {
		const handle = this.#messenger!.ping(now);
		this.#pingedAt = now;
		if (handle !== "full") this.#ping = handle;
		// What there is no room behind tells as well whether the peer is there.
		else this.#heardAt = now;
	}

	private established(): void {
		if (this.#connected) return;
		this.#connected = true;
		this.#due = Infinity;
		this.#connectedAt = this.#host.time.now();
		if (this.#options.traffic !== undefined) this.#options.traffic.connections++;
		this.#isNew = true;
	}

	/** In a turn of its own, as it takes stack: observations that there were, and whoever waits for a connection. */
	private welcome(): void {
		this.#isNew = false;
		for (const observation of this.#observations) {
			observation.current ??= this.#requests!.observe(observation.options, observation);
		}
		this.#options.onConnected?.();
	}

	/** Moves bytes and news until nothing moves. */
	private pump(): void {
		const line = this.#line;
		if (this.#isPumping || !this.#isUp || line === undefined) return;
		const messenger = this.#messenger ?? this.lineUp();
		this.#isPumping = true;
		this.#isIdle = false;
		try {
			for (let turn = 0; ; turn++) {
				this.drain(messenger);
				if (messenger !== this.#messenger) return;
				const now = this.#host.time.now();
				this.#requests!.flush(now);
				if (!this.move(line, messenger, now)) break;
				if (turn < TURN_MAXIMUM) continue;
				this.#alarm.set(now);
				return;
			}
		} finally {
			this.#isPumping = false;
		}
		this.arm();
	}

	/** Both ways. @returns false when nothing came, and all is gone that could go */
	private move(line: Line, messenger: Messenger, now: number): boolean {
		try {
			line.transmit(messenger, now);
			if (!line.receive(messenger, now)) return false;
			this.#heardAt = now;
			return true;
		} catch (error) {
			this.lost(toDeviceError(error, "closed", "the connection failed"));
			return false;
		}
	}

	private drain(messenger: Messenger): void {
		for (let news = messenger.next(); news !== undefined; news = messenger.next()) {
			this.dispatch(messenger, news);
			if (messenger !== this.#messenger) return;
		}
	}

	private dispatch(messenger: Messenger, news: MessengerNews): void {
		const now = this.#host.time.now();
		const { traffic } = this.#options;
		const { type, handle, error } = news;
		if (type === MessengerEvent.CLOSED) return this.lost(error!);
		if (type === MessengerEvent.READY) return this.established();
		// Whatever it was that is not acknowledged: with all else that is under way it ends as the connection does.
		if (type === MessengerEvent.FAILED && error!.code === "timeout") return this.lost(error!);
		if (handle !== 0 && handle === this.#ping && type !== MessengerEvent.MESSAGE) {
			this.#ping = 0;
			if (traffic !== undefined) traffic.roundTrip = now - this.#pingedAt;
			return this.established();
		}
		if (traffic !== undefined && type === MessengerEvent.MESSAGE) traffic.messagesIn++;
		const { resources } = this.#options;
		const isOurs = this.#requests!.take(news, now);
		// No server: whoever asks is told that nobody is here.
		if (resources === undefined && !isOurs) messenger.reject();
		else if (type !== MessengerEvent.MESSAGE || !isOurs) resources?.take(news, now);
	}

	/** The connection or the attempt is over: try again later. */
	private lost(error: DeviceError): void {
		if (this.#closed) return;
		const now = this.#host.time.now();
		const { reconnect = RECONNECT } = this.#options;
		if (now - this.#connectedAt >= STABLE) this.#delay = 0;
		if (this.#options.traffic !== undefined) this.#options.traffic.losses++;
		const holdOff = Math.min(this.#messenger?.holdOff ?? 0, HOLD_OFF_MAXIMUM);
		this.release();
		const backoff = error.code === "rejected" ? REFUSED : reconnect;
		this.#delay = backoffDelay(backoff, this.#delay, randomWord(this.#host) / 2 ** 32);
		const delay = Math.max(this.#delay, holdOff);
		this.schedule(delay);
		this.#requests?.close(new DeviceError("closed", "the connection was lost", { cause: error }), now);
		if (this.#closed) return;
		this.#requests = undefined;
		this.#options.onDisconnected?.(error, delay);
	}

	/** Closes whatever is open. */
	private release(): void {
		this.closeResolver();
		this.farewell();
		this.#line?.close();
		this.#line = this.#messenger = undefined;
		this.#connected = this.#isNew = this.#isUp = false;
		this.#connectedAt = Infinity;
		this.#ping = 0;
		for (const observation of this.#observations) observation.current = undefined;
		this.#options.resources?.detach();
	}

	/** What is left to say: over a stream, why it ends. */
	private farewell(): void {
		const messenger = this.#messenger;
		if (messenger === undefined || !messenger.reliable) return;
		try {
			this.#line!.transmit(messenger, this.#host.time.now());
		} catch {
			// The stream is over, too.
		}
	}

	private closeResolver(): void {
		this.#address = "";
		this.#resolver?.close();
		this.#resolver = undefined;
	}

	private schedule(delay: number): void {
		this.#due = this.#host.time.now() + delay;
		this.arm();
	}

	private arm(): void {
		if (this.#closed) return;
		let at = this.#due;
		const messenger = this.#messenger;
		if (messenger !== undefined) {
			const { resources } = this.#options;
			at = Math.min(at, messenger.deadline, this.#requests!.deadline, resources?.deadline ?? Infinity);
			if (this.#connected && this.#ping === 0) at = Math.min(at, this.#heardAt + this.#keepAlive);
			if (this.#isNew) at = 0;
		}
		this.#alarm.set(at);
	}
}
