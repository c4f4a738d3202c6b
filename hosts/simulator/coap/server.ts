// SPDX-License-Identifier: Apache-2.0
/**
 * The simulator's CoAP server: any number of peers, over datagrams and over streams.
 *
 * Pure: bytes, time and randomness are arguments. It stands on another codec than the SDK's (`coap-packet`), and shares
 * with the SDK only the names of numbers, so that each conversation with the SDK's client compares the two.
 */
import { DatagramPeer } from "./datagram-peer.js";
import { CoAPFaults, nameOf } from "./faults.js";
import { DEFAULT_LIMITS, type CoAPLimits } from "./limits.js";
import type { CoAPWay, Peer } from "./peer.js";
import type { CoAPPeer, CoAPRequest } from "./request.js";
import { Service, type ServiceOptions } from "./service.js";
import { StreamPeer } from "./stream-peer.js";

export type { CoAPLink } from "./discovery.js";
export type { CoAPFaults, CoAPFaultScope, CoAPParting, CoAPSpoiling, CoAPTraffic } from "./faults.js";
export type { CoAPLimits } from "./limits.js";
export type { CoAPWay } from "./peer.js";
export type { CoAPHandler, CoAPMethod, CoAPPeer, CoAPReply, CoAPRequest } from "./request.js";
export type { CoAPContext } from "./service.js";

export interface CoAPServerOptions extends ServiceOptions {
	/** Fills the target with random bytes. */
	random(target: Uint8Array): void;
	/** A peer's stream is over. */
	onLost?: ((peer: CoAPPeer) => void) | undefined;
	/** Default: `DEFAULT_LIMITS`. */
	limits?: Partial<CoAPLimits> | undefined;
}

/** A stream's end at the server. */
export interface CoAPConnection {
	readonly peer: CoAPPeer;
	/** Any part of a TCP stream; of a WebSocket one message. */
	receive(bytes: Uint8Array, now: number): void;
	/** The stream is over. */
	lost(): void;
}

/** Messages that are delayed; further ones are lost. */
const LATER_MAXIMUM = 10_000;
/** Rounds of work in one turn: what a handler changes may be observed by itself. */
const ROUNDS = 8;

export class CoAPServer {
	readonly limits: Readonly<CoAPLimits>;
	/** What the server shall do to its peers: lose, repeat, delay, refuse, spoil. */
	readonly faults = new CoAPFaults(() => { this.#hasten(); });
	readonly #onLost: ((peer: CoAPPeer) => void) | undefined;
	readonly #service: Service;
	readonly #surroundings;
	/** The one that was silent longest first. */
	readonly #datagramPeers = new Map<string, DatagramPeer>();
	readonly #streamPeers = new Set<StreamPeer>();
	/** Those that may have a deadline. */
	readonly #timed = new Set<Peer>();
	/** In the order of their times. */
	readonly #later: { readonly at: number; readonly peer: Peer; readonly bytes: Uint8Array }[] = [];
	readonly #watchers = new Set<() => void>();
	#work: ((now: number) => void)[] = [];
	#isInTurn = false;
	#connections = 0;

	constructor(options: CoAPServerOptions) {
		const random = (target: Uint8Array) => { options.random(target); };
		this.#onLost = options.onLost;
		this.limits = Object.freeze({ ...DEFAULT_LIMITS, ...options.limits });
		this.#service = new Service(options, { limits: this.limits, faults: this.faults, random, defer: work => { this.#defer(work); } });
		this.#surroundings = {
			limits: this.limits, faults: this.faults, random,
			serve: this.#service.serve.bind(this.#service),
			timed: (peer: Peer) => { this.#timed.add(peer); },
			later: (at: number, peer: Peer, bytes: Uint8Array) => { this.#postpone(at, peer, bytes); },
		};
	}

	/** Monotonic ms at which `expire` has something to do; 0: at once; `Infinity`: never. */
	get deadline(): number {
		if (this.#work.length > 0 || this.faults.isUrgent) return 0;
		let deadline = this.#later[0]?.at ?? Infinity;
		for (const peer of this.#timed) {
			if (peer.deadline === Infinity) this.#timed.delete(peer);
			else deadline = Math.min(deadline, peer.deadline);
		}
		return deadline;
	}

	/** Observations that there are. */
	get observations(): number {
		return [...this.#datagramPeers.values(), ...this.#streamPeers].reduce((sum, { observers }) => sum + observers.size, 0);
	}

	/** Tells when the deadline has become earlier outside of `receive` and `expire`. @returns ends it */
	watch(onDeadline: () => void): () => void {
		this.#watchers.add(onDeadline);
		return () => { this.#watchers.delete(onDeadline); };
	}

	/**
	 * A datagram.
	 * @param from `key` is its address and port, or the session's
	 * @param way back to it; does not call the server
	 */
	receive(bytes: Uint8Array, from: { readonly key: string; readonly identity?: string | undefined }, way: CoAPWay, now: number): void {
		const peer = this.#datagramPeer(from.key, from.identity, way);
		for (let arrivals = peer.takeArrivals(); arrivals > 0; arrivals--) {
			this.#turn(now, () => { peer.receive(bytes, now); });
			peer.settle(now);
		}
	}

	/**
	 * A stream came in.
	 * @param form `ws`: each `receive` and each `send` is one message
	 * @returns `undefined` where there are too many: it is to be closed
	 */
	connect(form: "tcp" | "ws", identity: string | undefined, way: CoAPWay, now: number): CoAPConnection | undefined {
		if (this.#streamPeers.size >= this.limits.streamMaximum) return undefined;
		const close = () => {
			this.#streamPeers.delete(peer);
			way.close?.();
		};
		const peer = new StreamPeer(form, `stream ${++this.#connections}`, identity, { send: bytes => { way.send(bytes); }, close }, this.#surroundings, now);
		this.#streamPeers.add(peer);
		this.#turn(now, () => { peer.start(now); });
		return {
			peer,
			receive: (bytes, at) => { this.#turn(at, () => { peer.receive(bytes, at); }); },
			lost: () => {
				this.#streamPeers.delete(peer);
				peer.end();
				this.#onLost?.(peer);
			},
		};
	}

	/** Asks the handler again for each such observer and sends what it replies: in this turn, or in one of its own at once. */
	notify(match: (request: CoAPRequest) => boolean): void {
		this.#defer(() => {
			for (const peer of [...this.#datagramPeers.values(), ...this.#streamPeers]) {
				for (const observer of [...peer.observers.values()]) if (match(observer.request)) observer.changed();
			}
		});
	}

	expire(now: number): void {
		this.#turn(now, () => {
			for (const action of this.faults.takeActions()) {
				if (action.kind === "forget") this.#forget();
				else for (const peer of [...this.#streamPeers]) if ((action.peer ?? nameOf(peer)) === nameOf(peer)) peer.part(action.how, action.holdOff, now);
			}
			for (const peer of [...this.#timed]) if (peer.deadline <= now) peer.expire(now);
		});
		while (this.#later.length > 0 && this.#later[0]!.at <= now) {
			const { peer, bytes } = this.#later.shift()!;
			if (!peer.isGone) peer.way.send(bytes);
		}
	}

	#datagramPeer(key: string, identity: string | undefined, way: CoAPWay): DatagramPeer {
		const peers = this.#datagramPeers;
		let peer = peers.get(key);
		if (peer?.identity !== identity) peer = undefined;
		peer ??= new DatagramPeer(key, identity, way, this.#surroundings);
		peer.way = way;
		const former = peers.get(key);
		if (former !== peer) former?.end();
		peers.delete(key);
		if (peers.size >= this.limits.peerMaximum) {
			const [oldest] = peers.values();
			oldest!.end();
			peers.delete(oldest!.key);
		}
		peers.set(key, peer);
		return peer;
	}

	#forget(): void {
		for (const peer of this.#datagramPeers.values()) peer.end();
		this.#datagramPeers.clear();
		for (const peer of [...this.#streamPeers]) peer.close();
		this.#later.length = 0;
	}

	#turn(now: number, action: () => void): void {
		this.#isInTurn = true;
		action();
		for (let round = 0; round < ROUNDS && this.#work.length > 0; round++) {
			const work = this.#work;
			this.#work = [];
			for (const each of work) each(now);
		}
		this.#isInTurn = false;
		if (this.#work.length > 0) this.#hasten();
	}

	#defer(work: (now: number) => void): void {
		this.#work.push(work);
		if (!this.#isInTurn) this.#hasten();
	}

	#postpone(at: number, peer: Peer, bytes: Uint8Array): void {
		if (this.#later.length >= LATER_MAXIMUM) return;
		const after = this.#later.findIndex(each => each.at > at);
		this.#later.splice(after < 0 ? this.#later.length : after, 0, { at, peer, bytes });
	}

	#hasten(): void {
		for (const onDeadline of this.#watchers) onDeadline();
	}
}
