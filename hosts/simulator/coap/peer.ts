// SPDX-License-Identifier: Apache-2.0
/** What the server keeps of one peer, whatever carries its messages; `datagram-peer.ts` and `stream-peer.ts` carry them. */
import type { Message } from "../../../src/coap/message.js";
import { Assemblies, Kept, type BlockRange } from "./block.js";
import type { CoAPFaults, CoAPTraffic } from "./faults.js";
import type { CoAPLimits } from "./limits.js";
import type { Observer } from "./observer.js";
import type { CoAPPeer } from "./request.js";

/** How the server reaches a peer. */
export interface CoAPWay {
	/** Bytes of one datagram, of one WebSocket message, or of a stream; not changed afterwards. */
	send(bytes: Uint8Array): void;
	/** Streams: the connection is to end when what was sent is gone. */
	close?(): void;
}

/** What a response is made of; what carries it adds the rest. */
export type Content = Pick<Message, "code" | "token" | "options" | "payload">;

/** A request that came, as what carries it knows it. */
export interface Exchange {
	readonly token: Uint8Array;
	readonly confirmable: boolean;
}

/** What peers need of their server. */
export interface Surroundings {
	readonly limits: Readonly<CoAPLimits>;
	readonly faults: CoAPFaults;
	random(target: Uint8Array): void;
	/** A request came. */
	serve(peer: Peer, message: Message, exchange: Exchange, now: number): void;
	/** Sends bytes at a later time, in the order of the times. */
	later(at: number, peer: Peer, bytes: Uint8Array): void;
	/** The peer has a deadline. */
	timed(peer: Peer): void;
}

/** Echo values of one peer that are accepted. */
const ECHOES_MAXIMUM = 4;

export abstract class Peer implements CoAPPeer {
	readonly key: string;
	readonly identity: string | undefined;
	readonly assemblies: Assemblies;
	readonly kept: Kept;
	/** By their tokens. */
	readonly observers = new Map<string, Observer>();
	/** Echo values given out, the newest last. */
	readonly echoes: Uint8Array[] = [];
	/** Requests that the handler has not answered. */
	pending = 0;
	isGone = false;
	way: CoAPWay;
	protected readonly surroundings: Surroundings;
	readonly #secured = new Map<string, CoAPPeer>();

	constructor(key: string, identity: string | undefined, way: CoAPWay, surroundings: Surroundings) {
		this.key = key;
		this.identity = identity;
		this.way = way;
		this.surroundings = surroundings;
		this.assemblies = new Assemblies(surroundings.limits);
		this.kept = new Kept(surroundings.limits);
	}

	/** Nothing is lost on the way, and nothing overtaken. */
	abstract readonly reliable: boolean;
	/** What it may be sent. */
	abstract readonly blocks: BlockRange;
	/** Largest size exponent of the blocks that it may send. */
	abstract readonly requestExponent: number;
	/** Monotonic ms. */
	abstract readonly deadline: number;
	abstract expire(now: number): void;
	/** @param content `undefined` for no answer: the request is acknowledged, and no more */
	abstract respond(exchange: Exchange, content: Content | undefined, now: number): void;
	/** The request means nothing. */
	abstract reject(exchange: Exchange, now: number): void;
	/** @returns true where nothing more is heard of it; else `observer.acknowledged` is called, or `observer.end` */
	abstract notify(observer: Observer, content: Content, confirmable: boolean, now: number): boolean;
	/** Nothing is pending any more. */
	abstract idle(): void;
	/** No notification of it is sent again. */
	abstract abandon(observer: Observer): void;

	/** Who this is where a request is protected by a context that has a name. */
	as(identity: string | undefined): CoAPPeer {
		if (identity === undefined || identity === this.identity) return this;
		const known = this.#secured.get(identity);
		if (known) return known;
		const peer = { key: this.key, identity };
		if (this.#secured.size < ECHOES_MAXIMUM) this.#secured.set(identity, peer);
		return peer;
	}

	issueEcho(): Uint8Array {
		const echo = new Uint8Array(8);
		this.surroundings.random(echo);
		this.echoes.push(echo);
		if (this.echoes.length > ECHOES_MAXIMUM) this.echoes.shift();
		return echo;
	}

	/** Whatever was kept is forgotten. */
	end(): void {
		this.isGone = true;
		for (const observer of [...this.observers.values()]) observer.end();
	}

	/** Sends bytes, unless a fault says otherwise. */
	protected emit(traffic: CoAPTraffic, bytes: Uint8Array, now: number): void {
		const { faults } = this.surroundings;
		if (faults.isSilent(this) || faults.takeLoss(traffic, this)) return;
		const delay = faults.delayOf(this);
		for (let copies = faults.takeDuplicate(traffic, this) ? 2 : 1; copies > 0; copies--) {
			if (delay > 0) this.surroundings.later(now + delay, this, bytes);
			else this.way.send(bytes);
		}
	}
}
