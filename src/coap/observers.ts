// SPDX-License-Identifier: Apache-2.0
/**
 * Who observes our resources: what each asked for, and whether a notification is due.
 *
 * A notification is made of the newest state only: what changes while one is under way is told once, afterwards. Over
 * datagrams, notifications that are not confirmed keep a distance, and one in a few minutes is confirmable, which
 * shows that the observer is still there (RFC 7641 §4.5; a day would do).
 *
 * Spec: RFC 7641 §4. Memory: `OBSERVER_MAXIMUM` records with a copy of the request each.
 */
import type { Message } from "./message.js";
import type { Inquiry } from "./inquiry.js";
import type { Binding } from "./security.js";

export const OBSERVER_MAXIMUM = 4;
/** ms between two notifications that nobody confirms. Spec: RFC 7641 §4.5.1. */
export const NOTIFY_INTERVAL = 3_000;
/** ms after which the observer is to confirm again that it is there. */
export const CONFIRM_INTERVAL = 300_000;

export class Observer {
	readonly message: Message;
	/** Of its request, the whole body: its message may hold the last block alone. */
	readonly payload: Uint8Array;
	readonly path: string;
	readonly binding: Binding | undefined;
	/** Of the last message, 0 for none that anything is heard of. */
	handle = 0;
	/** That message is to be acknowledged, and is not yet. */
	isAwaited = false;
	/** The resource has changed since the representation was asked for that was told last. */
	isDirty = false;
	/** The representation is asked for. */
	inquiry: Inquiry | undefined;
	/** No notification before; monotonic ms. */
	notBefore = 0;
	confirmedAt: number;

	constructor(inquiry: Inquiry, now: number) {
		this.message = inquiry.message;
		this.payload = inquiry.payload;
		this.path = inquiry.path;
		this.binding = inquiry.binding;
		this.inquiry = inquiry;
		this.confirmedAt = now;
	}

	/** When a notification is due, or `Infinity`. */
	get due(): number {
		return this.isDirty && !this.isAwaited && this.inquiry === undefined ? this.notBefore : Infinity;
	}
}

export class Observers {
	readonly #list: Observer[] = [];

	get count(): number {
		return this.#list.length;
	}

	get deadline(): number {
		let at = Infinity;
		for (let index = 0; index < this.#list.length; index++) at = Math.min(at, this.#list[index]!.due);
		return at;
	}

	/** @returns `undefined` when there is no room: then it is answered, and not told of changes (RFC 7641 §4.1) */
	add(inquiry: Inquiry, now: number): Observer | undefined {
		this.removeSame(inquiry);
		if (this.#list.length === OBSERVER_MAXIMUM) return undefined;
		const observer = new Observer(inquiry, now);
		this.#list.push(observer);
		return observer;
	}

	/** The one that registered with the same token for the same resource. */
	removeSame(inquiry: Inquiry): void {
		const list = this.#list;
		for (let index = list.length - 1; index >= 0; index--) {
			const { path, message: { token } } = list[index]!;
			if (inquiry.isSame(path, token)) list.splice(index, 1);
		}
	}

	remove(observer: Observer): void {
		const index = this.#list.indexOf(observer);
		if (index >= 0) this.#list.splice(index, 1);
	}

	clear(): void {
		this.#list.length = 0;
	}

	/** @returns whether anybody observes it */
	mark(path: string): boolean {
		let isObserved = false;
		for (let index = 0; index < this.#list.length; index++) {
			const observer = this.#list[index]!;
			if (observer.path !== path) continue;
			observer.isDirty = isObserved = true;
		}
		return isObserved;
	}

	/** The first whose notification is due. */
	next(now: number): Observer | undefined {
		for (let index = 0; index < this.#list.length; index++) {
			const observer = this.#list[index]!;
			if (observer.due <= now) return observer;
		}
		return undefined;
	}

	/** The one that waits for this inquiry. */
	of(inquiry: Inquiry): Observer | undefined {
		for (let index = 0; index < this.#list.length; index++) {
			const observer = this.#list[index]!;
			if (observer.inquiry === inquiry) return observer;
		}
		return undefined;
	}

	acknowledged(handle: number, now: number): void {
		const observer = this.withHandle(handle);
		if (observer === undefined) return;
		observer.isAwaited = false;
		observer.confirmedAt = now;
	}

	/** It is not there any more, or wants no more. Spec: RFC 7641 §4.5. */
	failed(handle: number): void {
		const observer = this.withHandle(handle);
		if (observer !== undefined) this.remove(observer);
	}

	private withHandle(handle: number): Observer | undefined {
		for (let index = 0; index < this.#list.length; index++) {
			const observer = this.#list[index]!;
			if (handle !== 0 && observer.handle === handle) return observer;
		}
		return undefined;
	}
}
