// SPDX-License-Identifier: Apache-2.0
/**
 * The driver of a device's own CoAP server on UDP: for tools and other devices on the same network.
 *
 * What the cloud asks comes over the client's connection; this one is for those who come to the device. It keeps few
 * peers: one more takes the place of the one that was silent longest, and what that one observes is over.
 */
import { Alarm, type AlarmOwner } from "../base/alarm.js";
import { DeviceError, toDeviceError } from "../base/error.js";
import { inRange } from "../base/range.js";
import { randomWord } from "../bytes/random.js";
import type { Datagrams, Host, Remote } from "../host.js";
import { Exchanges } from "./exchanges.js";
import type { Answerer } from "./messenger.js";
import type { Security } from "./security.js";
import { PORTS } from "./uri.js";

export interface CoAPServerOptions {
	readonly host: Host;
	/** Default: 5683. */
	readonly port?: number | undefined;
	/** Answers one peer: called for each that comes. */
	answerer(): Answerer;
	/** One peer is all that has it: who speaks otherwise is refused. */
	readonly security?: Security | undefined;
	/** Default: 4. */
	readonly peerMaximum?: number | undefined;
	/** The socket is over, and so is the server. */
	onError?(error: DeviceError): void;
}

const PORT_MAXIMUM = 65_535;
const PEERS = 4;
const PEER_LIMIT = 64;
/** Bytes of the largest datagram that is taken. */
const DATAGRAM_LENGTH = 1_280;
/** Datagrams read in one turn. */
const TURN_MAXIMUM = 64;
const NOTHING = new Uint8Array(0);

class Peer {
	readonly address: string;
	readonly port: number;
	readonly messenger: Exchanges;
	readonly answerer: Answerer;
	heardAt = 0;

	constructor(address: string, port: number, messenger: Exchanges, answerer: Answerer) {
		this.address = address;
		this.port = port;
		this.messenger = messenger;
		this.answerer = answerer;
	}
}

export class CoAPServer implements AlarmOwner {
	readonly #options: CoAPServerOptions;
	readonly #host: Host;
	readonly #peerMaximum: number;
	readonly #alarm: Alarm;
	readonly #socket: Datagrams;
	readonly #peers: Peer[] = [];
	readonly #remote: Remote = { address: "", port: 0 };
	#buffer: Uint8Array = NOTHING;
	#waiting = 0;
	#closed = false;

	/** @throws DeviceError `argument`; `state` when the port is taken */
	constructor(options: CoAPServerOptions) {
		const { host, port = PORTS["coap"]!, peerMaximum = PEERS } = options;
		this.#options = options;
		this.#host = host;
		this.#peerMaximum = inRange("peerMaximum", peerMaximum, 1, PEER_LIMIT);
		this.#alarm = new Alarm(host, this);
		this.#socket = new host.udp.io({
			port: inRange("port", port, 0, PORT_MAXIMUM),
			onReadable: (count) => {
				this.#waiting = count;
				this.pump();
			},
			onError: (error) => {
				this.close();
				options.onError?.(error);
			},
		});
	}

	/** The local port. */
	get port(): number {
		return this.#socket.port;
	}

	/** Something that is observed has changed, or is to be answered: looks at all peers at once. */
	wake(): void {
		if (!this.#closed) this.#alarm.set(this.#host.time.now());
	}

	/** May be called twice; no callback follows. */
	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		this.#alarm.set(Infinity);
		for (const { answerer } of this.#peers.splice(0)) answerer.detach();
		this.#socket.close();
	}

	/** For the server's own alarm. */
	expire(): void {
		const now = this.#host.time.now();
		for (const { messenger, answerer } of this.#peers) {
			messenger.expire(now);
			answerer.expire(now);
		}
		this.pump();
		if (this.#waiting === 0) this.#buffer = NOTHING;
	}

	private pump(): void {
		for (let turn = 0; turn < TURN_MAXIMUM && !this.#closed && this.#waiting > 0; turn++) this.receive();
		if (this.#closed) return;
		const now = this.#host.time.now();
		let deadline = this.#waiting > 0 ? now : Infinity;
		for (const peer of this.#peers) {
			this.serve(peer, now);
			deadline = Math.min(deadline, peer.messenger.deadline, peer.answerer.deadline);
		}
		this.#alarm.set(deadline);
	}

	private receive(): void {
		if (this.#buffer === NOTHING) this.#buffer = new Uint8Array(DATAGRAM_LENGTH);
		const buffer = this.#buffer;
		const count = this.#socket.read(buffer, this.#remote);
		this.#waiting = count < 0 ? 0 : this.#waiting - 1;
		// Of what filled the buffer, the end may be missing.
		if (count < 0 || count === buffer.byteLength) return;
		const now = this.#host.time.now();
		const peer = this.peer(now);
		peer.messenger.receive(buffer, 0, count, now);
		this.serve(peer, now);
	}

	/** News to the answerer, and what he says to the network. */
	private serve({ address, port, messenger, answerer }: Peer, now: number): void {
		for (let news = messenger.next(); news !== undefined; news = messenger.next()) answerer.take(news, now);
		try {
			while (messenger.unsent) {
				if (this.#buffer === NOTHING) this.#buffer = new Uint8Array(DATAGRAM_LENGTH);
				const count = messenger.transmit(this.#buffer, DATAGRAM_LENGTH, now);
				if (count === 0) return;
				this.#socket.write(this.#buffer.subarray(0, count), address, port);
			}
		} catch (error) {
			this.close();
			this.#options.onError?.(toDeviceError(error, "closed", "the socket failed"));
		}
	}

	private peer(now: number): Peer {
		const { address, port } = this.#remote;
		let peer = this.#peers.find((each) => each.address === address && each.port === port);
		if (peer === undefined) {
			if (this.#peers.length >= this.#peerMaximum) this.forget();
			const messenger = new Exchanges({ codec: this.#host.text, seed: randomWord(this.#host) });
			peer = new Peer(address, port, messenger, this.#options.answerer());
			peer.answerer.attach(messenger, this.#options.security);
			this.#peers.push(peer);
		}
		peer.heardAt = now;
		return peer;
	}

	/** The one that was silent longest. */
	private forget(): void {
		let oldest = 0;
		for (let index = 1; index < this.#peers.length; index++) {
			if (this.#peers[index]!.heardAt < this.#peers[oldest]!.heardAt) oldest = index;
		}
		const [peer] = this.#peers.splice(oldest, 1);
		peer!.answerer.detach();
	}
}
