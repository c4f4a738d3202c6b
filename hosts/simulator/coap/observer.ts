// SPDX-License-Identifier: Apache-2.0
/**
 * One observation of a resource (RFC 7641): what is sent when the resource changes, and when.
 *
 * At most one confirmable notification is under way. What changes meanwhile is not queued: the newest state alone waits,
 * and takes the place of the older one when that would be sent again (§4.5.2).
 */
import type { Content, Peer } from "./peer.js";
import type { CoAPReply, CoAPRequest } from "./request.js";

/** What the server does for an observation. */
export interface ObserverMeans {
	/** Has the handler asked; `observer.took` is to be called with what it replies, in a later turn or this one. */
	ask(observer: Observer): void;
	/** A notification, or the last response, of what the handler replied. `undefined`: it cannot be made. */
	notification(observer: Observer, reply: CoAPReply, now: number): Content | undefined;
}

/** Milliseconds between two notifications that make sure that the peer is still interested (§4.5). */
const CONFIRM_INTERVAL = 24 * 60 * 60 * 1_000;

export class Observer {
	readonly peer: Peer;
	readonly request: CoAPRequest;
	readonly token: Uint8Array;
	readonly tokenKey: string;
	/** What the request came with, for whoever makes the notifications. */
	readonly context: unknown;
	readonly #means: ObserverMeans;
	readonly #confirmEvery: number;
	/** What the handler was asked for, and whether that is too old by now. */
	#isAsking = false;
	#isAskedAgain = false;
	#isUnderWay = false;
	#isOver = false;
	/** The newest state, while an older one is under way. */
	#newest: CoAPReply | undefined;
	#sinceConfirmed = 0;
	#confirmedAt: number;

	constructor(
		peer: Peer, request: CoAPRequest, token: Uint8Array, tokenKey: string, context: unknown, means: ObserverMeans, confirmEvery: number, now: number,
	) {
		this.peer = peer;
		this.request = request;
		this.token = token;
		this.tokenKey = tokenKey;
		this.context = context;
		this.#means = means;
		this.#confirmEvery = confirmEvery;
		this.#confirmedAt = now;
	}

	/** The resource has changed. */
	changed(): void {
		if (this.#isAsking) this.#isAskedAgain = true;
		else this.#ask();
	}

	/** What the handler replied. */
	took(reply: CoAPReply, now: number): void {
		this.#isAsking = false;
		if (this.#isOver) return;
		if (this.#isUnderWay) this.#newest = reply;
		else this.#send(reply, now);
		if (!this.#isAskedAgain) return;
		this.#isAskedAgain = false;
		this.#ask();
	}

	/** The notification under way has arrived. */
	acknowledged(now: number): void {
		this.#isUnderWay = false;
		const newest = this.#newest;
		this.#newest = undefined;
		if (newest && !this.#isOver) this.#send(newest, now);
	}

	/** The notification under way is to be sent again: what takes its place, if the state is newer. */
	renewed(now: number): Content | undefined {
		const newest = this.#newest;
		if (!newest || this.#isOver) return undefined;
		this.#newest = undefined;
		if (!continues(newest)) this.end();
		return this.#means.notification(this, newest, now);
	}

	/** The peer does not want it any more, or is not there. */
	end(): void {
		this.#isOver = true;
		if (this.peer.observers.get(this.tokenKey) === this) this.peer.observers.delete(this.tokenKey);
	}

	#ask(): void {
		if (this.#isOver) return;
		this.#isAsking = true;
		this.#means.ask(this);
	}

	#send(reply: CoAPReply, now: number): void {
		const confirmable = reply.confirmable ?? (!continues(reply) || this.#isToBeConfirmed(now));
		const content = this.#means.notification(this, reply, now);
		if (!continues(reply)) this.end();
		if (!content) return;
		if (confirmable) {
			this.#sinceConfirmed = 0;
			this.#confirmedAt = now;
		} else {
			this.#sinceConfirmed++;
		}
		this.#isUnderWay = !this.peer.notify(this, content, confirmable, now);
	}

	#isToBeConfirmed(now: number): boolean {
		if (now - this.#confirmedAt >= CONFIRM_INTERVAL) return true;
		return this.#confirmEvery > 0 && this.#sinceConfirmed + 1 >= this.#confirmEvery;
	}
}

/** Whether an observation goes on after this reply. Spec: RFC 7641 §4.2. */
export function continues({ code, observable = false }: CoAPReply): boolean {
	return observable && code.startsWith("2.");
}
