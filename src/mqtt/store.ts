// SPDX-License-Identifier: Apache-2.0
/**
 * A session on a flash partition: what it takes to go on after a power cut as if the connection had been lost.
 *
 * The partition's first blocks hold the state, the others the messages, in a queue for each priority. The state is two
 * records of which the newest counts: one small and written often (what is acknowledged, what was received at QoS 2),
 * one larger and written seldom (who we are, what we are subscribed to). `save` writes what changed, in one program,
 * before anything goes out that tells of it.
 *
 * Memory: the journals', and nothing per message.
 */
import { DeviceError } from "../base/error.js";
import type { Writer } from "../bytes/writer.js";
import type { Crypto, FlashPartition } from "../host.js";
import { Journal } from "../storage/journal.js";
import { steps } from "../storage/serial.js";
import { FlashQueue } from "./flash-queue.js";
import type { WhenFull } from "./outbox.js";
import { inRange } from "../base/range.js";
import type { Session, SessionStore } from "./session.js";

export interface QueueOptions {
	/** Bytes of flash, rounded up to whole blocks, at least two. Default, for the last queue: all that is left. */
	length?: number | undefined;
	/** Default: "reject". */
	whenFull?: WhenFull | undefined;
}

export interface StoreOptions {
	/** Name of the flash partition, for this session alone. */
	partition: string;
	/** By priority, lowest first. Default: one for all. */
	queues?: readonly QueueOptions[] | undefined;
}

/** One block is filled while the others hold what still counts. */
const STATE_BLOCKS = 4;
const QUEUE_BLOCKS_MINIMUM = 2;
const QUEUES_MAXIMUM = 8;
const DEFAULT_QUEUES: readonly QueueOptions[] = Object.freeze([Object.freeze({})]);

/** Of a subscription beside its filter: see `Subscriptions.save`. */
const ENTRY_LENGTH = 8;

/** Kinds of records. */
const STATE = 1;
const SESSION = 2;

export class Store implements SessionStore {
	readonly queues: FlashQueue[] = [];
	readonly whenFull: WhenFull[] = [];
	readonly #partition: FlashPartition;
	readonly #journal: Journal;
	/** Positions of the newest records, -1 for none. */
	#state = -1;
	#session = -1;
	#established = false;

	/** @throws DeviceError `argument` when the partition is too small, `storage` */
	constructor(crypto: Crypto, partition: FlashPartition, queues: readonly QueueOptions[] = DEFAULT_QUEUES) {
		this.#partition = partition;
		const { blockLength, size } = partition;
		inRange("number of queues", queues.length, 1, QUEUES_MAXIMUM);
		this.#journal = new Journal(crypto, partition, { count: STATE_BLOCKS });
		let first = STATE_BLOCKS;
		const blocks = Math.floor(size / blockLength);
		queues.forEach(({ length, whenFull = "reject" }, index) => {
			const left = blocks - first;
			const rest = index === queues.length - 1 ? left * blockLength : 0;
			const wanted = Math.ceil((length ?? rest) / blockLength);
			const count = inRange("blocks of a queue", wanted, QUEUE_BLOCKS_MINIMUM, left);
			this.queues.push(new FlashQueue(new Journal(crypto, partition, { first, count })));
			this.whenFull.push(whenFull);
			first += count;
		});
	}

	/** Lets the partition go. */
	close(): void {
		this.#partition.close();
	}

	restore(session: Session): void {
		const journal = this.#journal;
		for (let at = journal.first(); at >= 0; at = journal.after(at)) {
			if (!journal.verify(at)) continue;
			if (journal.kind(at) === STATE) this.#state = at;
			else if (journal.kind(at) === SESSION) this.#session = at;
		}
		if (!this.restoreSession(session)) return this.forget(session);
		if (this.#state < 0) return;
		this.trim();
		this.load(session, this.#state);
		session.received.restore(session.reader);
		session.outbox.restore(session.reader);
	}

	/** False when what is there is nobody's, or another client's [MQTT-3.1.3-2]. */
	private restoreSession(session: Session): boolean {
		if (this.#session < 0) return false;
		this.load(session, this.#session);
		const { reader, connect } = session;
		if (reader.utf8() !== session.clientId) return false;
		// The server may have assigned another than the program asked for.
		connect.clientId = reader.utf8();
		session.established = this.#established = reader.uint8() !== 0;
		session.subscriptions.restore(reader);
		return true;
	}

	/** Begins anew, and says so first where a reset must not find the old messages under the new name. */
	private forget(session: Session): void {
		session.outbox.clear();
		this.#journal.trim(-1);
		this.writeState(session);
		this.#journal.flush();
		this.writeSession(session);
		this.#journal.flush();
	}

	/** True when the session's record has room for one more subscription. */
	fits({ subscriptions, text, clientId, connect }: Session, filter: string): boolean {
		const ids = 5 + text.byteLength(clientId) + text.byteLength(connect.clientId);
		const length = subscriptions.saveLength(text) + ENTRY_LENGTH + text.byteLength(filter);
		return ids + length <= this.#journal.lengthMaximum;
	}

	save(session: Session): void {
		const { outbox, received, subscriptions, established } = session;
		const changed = subscriptions.dirty || established !== this.#established;
		if (!changed && !outbox.dirty && !received.dirty) return;
		const journal = this.#journal, state = this.#state, known = this.#session;
		try {
			if (outbox.dirty || received.dirty || state < 0) this.writeState(session);
			// With the state, so that what must be kept never spans many blocks: a reset may close one.
			if (changed || !journal.areTogether(this.#session, this.#state)) this.writeSession(session);
			journal.flush();
		} catch (error) {
			// What was not durable is gone, and nothing is to be trimmed for it.
			this.#state = state;
			this.#session = known;
			throw error;
		}
		// Only what is durable may be forgotten by what came before it.
		outbox.dirty = received.dirty = subscriptions.dirty = false;
		this.#established = established;
		this.trim();
	}

	/** Lets go of what came before the newest records. A reset brings it back: so to be done at boot, too. */
	private trim(): void {
		const journal = this.#journal;
		const age = steps(journal.number(this.#session), journal.number(this.#state));
		journal.trim(age > 0 ? this.#session : this.#state);
	}

	private writeState({ received, outbox, writer }: Session): void {
		const length = received.saveLength + outbox.saveLength;
		this.reserve(length, writer);
		received.save(writer);
		outbox.save(writer);
		this.#state = this.#journal.commit(STATE, 0);
	}

	private writeSession({ clientId, connect, established, subscriptions, writer, text }: Session): void {
		const ids = 4 + text.byteLength(clientId) + text.byteLength(connect.clientId);
		this.reserve(ids + 1 + subscriptions.saveLength(text), writer);
		writer.utf8(clientId);
		writer.utf8(connect.clientId);
		writer.uint8(established ? 1 : 0);
		subscriptions.save(writer);
		this.#session = this.#journal.commit(SESSION, 0);
	}

	private reserve(length: number, writer: Writer): void {
		if (!this.#journal.reserve(length, writer)) throw new DeviceError("storage", "no room for the session's state");
	}

	/** Points the session's reader at a record. */
	private load({ reader, writer }: Session, position: number): void {
		const journal = this.#journal;
		const length = journal.length(position);
		const bytes = new Uint8Array(length);
		writer.reset(bytes, 0, length);
		journal.read(position, 0, length, writer);
		reader.reset(bytes, 0, length);
	}
}
