// SPDX-License-Identifier: Apache-2.0
/**
 * What a device remembers of commands through every reset, so that none is done twice: their ids, and what came of
 * them.
 *
 * One value of the storage for each of the last REMEMBERED commands, which a write replaces whole or not at all: one
 * write when a command begins, one when it ends, and one for each checkpoint between. A journal on flash would wear
 * less by a little, and need a partition of its own and a kilobyte while it writes; commands are rare, and storage is
 * everywhere. In memory there are eight bytes for each, from which a stranger is known without a look at the storage.
 *
 * What makes room is the oldest that is over. Of those forgotten, the highest number is kept in the value that took
 * the place: no command up to that number begins any more, for it may have been done.
 *
 * That the cloud knows how a command ended costs no write: with each value goes the sequence from which on it may not.
 */
import { DeviceError, toDeviceError } from "../base/error.js";
import type { Vocabulary } from "../bytes/vocabulary.js";
import { setWord, wordAt } from "../bytes/word.js";
import { decodeCBOR } from "../cbor/decode.js";
import { encodeCBOR } from "../cbor/encode.js";
import { CBORReader, type CBORScalar } from "../cbor/reader.js";
import type { CBORValue } from "../cbor/value.js";
import type { Host, StorageDomain } from "../host.js";
import { Command, type CommandOwner, type CommandResult, type CommandStatus } from "./command.js";

/** Name of the storage domain. */
export const COMMANDS = "commands";
/** Commands that are remembered. */
export const REMEMBERED = 32;
/** Bytes of a payload that is kept for after a reset; the payload of a command with more is null then. */
export const PAYLOAD_MAXIMUM = 1_024;
/** Characters of a description and of a result as JSON; what is longer is not said again after a reset. */
export const OUTCOME_MAXIMUM = 384;

/** What memory needs of a host. */
export type MemoryHost = Pick<Host, "text" | "storage" | "crypto" | "time">;

/** Begins each value. */
const FORMAT = 1;
/** Of a slot in the table: a word for the id, and the sequence, which is 0 where nothing is remembered. */
const ENTRY = 8;
const SEQUENCE = 4;
const HASH_FACTOR = 31;
const STATUSES: readonly CommandStatus[] = Object.freeze([
	"CREATED", "IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED", "TIMED_OUT", "CANCELED",
]);
/** The first status of those that are over. */
const OVER = 2;

/** The beginning of a value: what is looked at when nothing else is. */
interface Head {
	readonly sequence: number;
	readonly open: number;
	readonly fence: number;
	readonly number: number;
	readonly id: string;
	readonly status: number;
}

export class CommandMemory {
	/** What is remembered was read: nothing begins before that. */
	loaded = false;
	/** No command up to this number begins any more. */
	fence = 0;
	/** Values that could not be read: they are as good as forgotten. */
	lost = 0;
	readonly #host: MemoryHost;
	#opened: StorageDomain | undefined;
	readonly #table = new Uint8Array(REMEMBERED * ENTRY);
	/** Bit n: there is something about slot n that the cloud may not know. */
	#open = 0;
	/** Bit n: slot n is that of a command in memory, which is not to make room. */
	#busy = 0;
	#next = 1;

	constructor(host: MemoryHost) {
		this.#host = host;
	}

	/**
	 * Reads what there is. @returns bit n: the command of slot n was begun, and has not ended
	 * @throws DeviceError `storage`
	 */
	load(): number {
		let begun = 0;
		let open = 1;
		this.fence = this.lost = 0;
		for (let slot = 0; slot < REMEMBERED; slot++) {
			const head = this.headIn(slot);
			if (head === undefined) {
				setWord(this.#table, slot * ENTRY + SEQUENCE, 0);
				continue;
			}
			this.enter(slot, head.id, head.sequence);
			if (head.status < OVER) begun |= 1 << slot;
			this.#next = Math.max(this.#next, head.sequence + 1);
			this.fence = Math.max(this.fence, head.fence);
			open = Math.max(open, head.open);
		}
		this.#open = 0;
		for (let slot = 0; slot < REMEMBERED; slot++) {
			if (this.sequenceOf(slot) >= open) this.#open |= 1 << slot;
		}
		this.loaded = true;
		return begun;
	}

	/** The slot of a command, or -1. @throws DeviceError `storage` */
	find(id: string): number {
		const word = wordOf(id);
		for (let slot = 0; slot < REMEMBERED; slot++) {
			if (this.sequenceOf(slot) === 0 || wordAt(this.#table, slot * ENTRY) !== word) continue;
			if (this.headIn(slot)?.id === id) return slot;
		}
		return -1;
	}

	/** A slot with an outcome that the cloud may not know and that no command in memory has; -1 for none. */
	unsaid(): number {
		const waiting = this.#open & ~this.#busy;
		for (let slot = 0; waiting !== 0 && slot < REMEMBERED; slot++) {
			if ((waiting >> slot & 1) !== 0) return slot;
		}
		return -1;
	}

	/**
	 * The command of a slot, as it was.
	 * @throws DeviceError `corrupt`, `storage`
	 */
	restore(slot: number, owner: CommandOwner, vocabulary: Vocabulary): Command {
		const reader = new CBORReader(this.#host.text);
		const head = this.headIn(slot, reader);
		if (head === undefined) throw new DeviceError("corrupt", "a command in the storage");
		try {
			const reason = textOf(reader.scalar());
			const description = textOf(reader.scalar());
			const result = textOf(reader.scalar());
			const length = reader.scalar();
			const digest = textOf(reader.scalar());
			const checkpoint = textOf(reader.scalar());
			const resumptions = Number(reader.scalar());
			const timeout = numberOf(reader.scalar());
			const expires = numberOf(reader.scalar());
			const number = head.number === 0 ? undefined : head.number;
			const payload = this.payloadOf(reader.scalar(), vocabulary);
			const command = new Command(owner, head.id, payload, { number, timeout, expires });
			command.status = STATUSES[head.status]!;
			command.reason = reason;
			command.description = description;
			// Our own writing: native, and its member names are the program's.
			if (result !== undefined) command.result = JSON.parse(result) as CommandResult;
			if (typeof length === "number") command.replied = { length, digest };
			command.checkpoint = checkpoint;
			command.resumptions = resumptions;
			command.told = true;
			command.slot = slot;
			this.#busy |= 1 << slot;
			return command;
		} catch (error) {
			throw toDeviceError(error, "corrupt", "a command in the storage");
		}
	}

	/**
	 * Writes down what is known of a command, which has a slot from then on.
	 * @throws DeviceError `storage`, `full`, `argument`: nothing is changed then
	 */
	save(command: Command): void {
		const isNew = command.slot < 0;
		const slot = isNew ? this.choose() : command.slot;
		const sequence = isNew ? this.#next : this.sequenceOf(slot);
		const fence = isNew ? Math.max(this.fence, this.numberIn(slot)) : this.fence;
		const open = this.openFrom(slot, sequence);
		this.domain.write(keyOf(slot), this.encode(command, sequence, open, fence));
		if (isNew) {
			this.fence = fence;
			this.#next++;
			this.enter(slot, command.id, sequence);
			command.slot = slot;
		}
		this.#open |= 1 << slot;
		this.#busy |= 1 << slot;
	}

	/** The cloud knows how it ended: it is remembered, and no longer in memory. */
	settle({ slot }: Command): void {
		this.#open &= ~(1 << slot);
		this.#busy &= ~(1 << slot);
	}

	/** It cannot be read. */
	forget(slot: number): void {
		this.lost++;
		this.#open &= ~(1 << slot);
	}

	/** Opened when it is needed: a storage that has trouble is no reason not to start. @throws DeviceError `storage` */
	private get domain(): StorageDomain {
		return this.#opened ??= this.#host.storage.open({ path: COMMANDS });
	}

	private encode(command: Command, sequence: number, open: number, fence: number): Uint8Array {
		const { terms: { number = 0, timeout = null }, reason = null, replied, checkpoint = null } = command;
		const result = command.result === undefined ? null : JSON.stringify(command.result);
		const description = command.description ?? null;
		const length = replied?.length ?? null;
		const digest = replied?.digest ?? null;
		return encodeCBOR(this.#host.text, [
			FORMAT, sequence, open, fence, number, command.id, STATUSES.indexOf(command.status), reason,
			kept(description), kept(result), length, digest, command.isOver ? null : checkpoint,
			command.resumptions, timeout, this.expiryOf(command), this.encodedPayload(command),
		]);
	}

	/** Wall clock by which it must have ended, where one can tell. */
	private expiryOf({ deadline, terms }: Command): number | null {
		const { time } = this.#host;
		const wall = time.wall();
		if (deadline === Infinity || wall === undefined) return terms.expires ?? null;
		return Math.round(wall + deadline - time.now());
	}

	private encodedPayload({ payload, isOver }: Command): Uint8Array | null {
		if (payload === null || isOver) return null;
		const bytes = encodeCBOR(this.#host.text, payload);
		return bytes.byteLength > PAYLOAD_MAXIMUM ? null : bytes;
	}

	private payloadOf(bytes: CBORScalar, vocabulary: Vocabulary): CBORValue {
		if (!(bytes instanceof Uint8Array)) return null;
		return decodeCBOR(this.#host.text, bytes, 0, bytes.byteLength, vocabulary);
	}

	/** The head of a value, with the reader behind it; `undefined` for none, and for what is none of ours. */
	private headIn(slot: number, reader = new CBORReader(this.#host.text)): Head | undefined {
		const bytes = this.domain.read(keyOf(slot));
		if (bytes === undefined) return undefined;
		try {
			reader.reset(bytes, 0, bytes.byteLength);
			reader.array();
			if (reader.uint() === FORMAT) {
				const head = {
					sequence: reader.uint(), open: reader.uint(), fence: reader.uint(), number: reader.uint(),
					id: reader.string(), status: reader.uint(),
				};
				if (head.status < STATUSES.length && head.sequence > 0) return head;
			}
		} catch {
			// Counted like all that is none of ours.
		}
		this.lost++;
		return undefined;
	}

	/** For a command that begins: what is empty, or else the oldest that the cloud knows all about. */
	private choose(): number {
		const settled = this.oldest(this.#busy | this.#open);
		return settled >= 0 ? settled : this.oldest(this.#busy);
	}

	/** The slot with the lowest sequence, but for those of the mask; -1 for none. */
	private oldest(but: number): number {
		let oldest = -1;
		let lowest = Infinity;
		for (let slot = 0; slot < REMEMBERED; slot++) {
			const sequence = this.sequenceOf(slot);
			if ((but >> slot & 1) !== 0 || sequence >= lowest) continue;
			oldest = slot;
			lowest = sequence;
		}
		return oldest;
	}

	/** The sequence from which on the cloud may not know everything, with the slot that is written. */
	private openFrom(written: number, sequence: number): number {
		let lowest = sequence;
		for (let slot = 0; slot < REMEMBERED; slot++) {
			if (slot === written || (this.#open >> slot & 1) === 0) continue;
			lowest = Math.min(lowest, this.sequenceOf(slot));
		}
		return lowest;
	}

	/** Number of the command in the slot; 0 for none. */
	private numberIn(slot: number): number {
		return this.sequenceOf(slot) === 0 ? 0 : this.headIn(slot)?.number ?? 0;
	}

	private enter(slot: number, id: string, sequence: number): void {
		setWord(this.#table, slot * ENTRY, wordOf(id));
		setWord(this.#table, slot * ENTRY + SEQUENCE, sequence);
	}

	private sequenceOf(slot: number): number {
		return wordAt(this.#table, slot * ENTRY + SEQUENCE);
	}

}

/** A word for an id: of two that share one, the storage tells which it is. */
function wordOf(id: string): number {
	let word = 0;
	for (let at = 0; at < id.length; at++) word = Math.imul(word, HASH_FACTOR) + id.charCodeAt(at) | 0;
	return word >>> 0;
}

function keyOf(slot: number): string {
	return `${slot}`;
}

function kept(text: string | null): string | null {
	return text === null || text.length > OUTCOME_MAXIMUM ? null : text;
}

function textOf(value: CBORScalar): string | undefined {
	return typeof value === "string" ? value : undefined;
}

function numberOf(value: CBORScalar): number | undefined {
	return typeof value === "number" ? value : undefined;
}
