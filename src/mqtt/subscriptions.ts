// SPDX-License-Identifier: Apache-2.0
/**
 * What we are subscribed to, and how far the server has been told.
 *
 * Survives connections: a server that lost its session is told again, one that kept it is not.
 */
import { DeviceError } from "../base/error.js";
import type { Reader } from "../bytes/reader.js";
import type { Writer } from "../bytes/writer.js";
import type { TextCodec } from "../host.js";
import { Reason } from "./constants.js";
import type { Subscription } from "./encode.js";

/** Filters that one client may hold. */
export const SUBSCRIPTION_MAXIMUM = 50;
/** Filters per SUBSCRIBE: the least that a public cloud allows (AWS: 8). */
const BATCH_MAXIMUM = 8;

const Progress = Object.freeze({ WANTED: 0, SUBSCRIBING: 1, ACTIVE: 2, REFUSED: 3, UNWANTED: 4, UNSUBSCRIBING: 5 });

class Entry implements Subscription {
	progress: number = Progress.WANTED;
	options: number;
	identifier: number;
	/** Of an earlier life: a program that asks for the same has it already. */
	restored = false;
	readonly filter: string;

	constructor(filter: string, options: number, identifier: number) {
		this.filter = filter;
		this.options = options;
		this.identifier = identifier;
	}
}

export class Subscriptions {
	/** True when what `save` writes has changed. */
	dirty = false;
	/** True when there may be something to tell the server; without it nobody needs to look through the filters. */
	unsaid = false;
	readonly #entries: Entry[] = [];

	/** True when the server answered for every filter. */
	get settled(): boolean {
		return this.#entries.every(({ progress }) => progress === Progress.ACTIVE || progress === Progress.REFUSED);
	}

	/** @throws DeviceError `full` */
	add(filter: string, options: number, identifier = 0): void {
		const entry = this.#entries.find((candidate) => candidate.filter === filter);
		if (entry) {
			const { restored } = entry;
			entry.restored = false;
			const asked = entry.progress !== Progress.UNWANTED && entry.progress !== Progress.UNSUBSCRIBING;
			if (restored && asked && entry.options === options && entry.identifier === identifier) return;
			entry.options = options;
			entry.identifier = identifier;
			entry.progress = Progress.WANTED;
			this.unsaid = this.dirty = true;
			return;
		}
		if (this.#entries.length === SUBSCRIPTION_MAXIMUM) {
			throw new DeviceError("full", `over ${SUBSCRIPTION_MAXIMUM} subscriptions`);
		}
		this.#entries.push(new Entry(filter, options, identifier));
		this.unsaid = this.dirty = true;
	}

	/** Filters that nobody subscribed to are passed over. */
	remove(filter: string): void {
		const entry = this.#entries.find((candidate) => candidate.filter === filter);
		if (entry === undefined) return;
		entry.progress = Progress.UNWANTED;
		this.unsaid = this.dirty = true;
	}

	/** On a new connection: what was under way is to be said again, and all of it to a server without session. */
	reset(sessionPresent: boolean): void {
		this.unsaid = this.#entries.length > 0;
		for (const entry of this.#entries) {
			if (entry.progress === Progress.UNSUBSCRIBING) entry.progress = Progress.UNWANTED;
			else if (entry.progress === Progress.SUBSCRIBING) entry.progress = Progress.WANTED;
			else if (!sessionPresent && entry.progress !== Progress.UNWANTED) entry.progress = Progress.WANTED;
		}
	}

	/** The filters of the next SUBSCRIBE, to be asked for first, which are under way from now on; empty without any. */
	takeWanted(): Subscription[] {
		return this.take(Progress.WANTED, Progress.SUBSCRIBING);
	}

	/** The filters of the next UNSUBSCRIBE, which are under way from now on; empty when there is nothing to tell. */
	takeUnwanted(): Subscription[] {
		const batch = this.take(Progress.UNWANTED, Progress.UNSUBSCRIBING);
		this.unsaid = batch.length > 0;
		return batch;
	}

	/** Notes the server's answer for a filter that was taken; `subscribe` again in between is not undone. */
	subscribed(subscription: Subscription, reasonCode: number): void {
		const entry = subscription as Entry;
		if (entry.progress !== Progress.SUBSCRIBING) return;
		entry.progress = reasonCode >= Reason.FAILURE ? Progress.REFUSED : Progress.ACTIVE;
		this.dirty = true;
	}

	/** As `subscribed`. A server that refuses to unsubscribe goes on sending. */
	unsubscribed(subscription: Subscription, reasonCode: number): void {
		const entry = subscription as Entry;
		if (entry.progress !== Progress.UNSUBSCRIBING) return;
		this.dirty = true;
		if (reasonCode >= Reason.FAILURE) entry.progress = Progress.ACTIVE;
		else this.#entries.splice(this.#entries.indexOf(entry), 1);
	}

	/** Bytes that `save` writes. */
	saveLength(text: TextCodec): number {
		let length = 1;
		for (const { filter } of this.#entries) length += 6 + 2 + text.byteLength(filter);
		return length;
	}

	save(writer: Writer): void {
		writer.uint8(this.#entries.length);
		for (const { progress, options, identifier, filter } of this.#entries) {
			writer.uint8(progress);
			writer.uint8(options);
			writer.uint32(identifier);
			writer.utf8(filter);
		}
	}

	/** What was under way is said again: `reset` sees to it. @throws DeviceError `malformed` */
	restore(reader: Reader): void {
		for (let count = reader.uint8(); count > 0; count--) {
			const progress = reader.uint8();
			const options = reader.uint8();
			const identifier = reader.uint32();
			const entry = new Entry(reader.utf8(), options, identifier);
			entry.progress = progress;
			entry.restored = true;
			this.#entries.push(entry);
		}
	}

	private take(from: number, to: number): Subscription[] {
		const batch: Entry[] = [];
		for (const entry of this.#entries) {
			// One SUBSCRIBE, one subscription identifier.
			if (entry.progress !== from || (batch.length > 0 && entry.identifier !== batch[0]!.identifier)) continue;
			entry.progress = to;
			if (batch.push(entry) === BATCH_MAXIMUM) break;
		}
		return batch;
	}
}
