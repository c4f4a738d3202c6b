// SPDX-License-Identifier: Apache-2.0
/**
 * The boot loader's memory, in ESP-IDF's own format: one entry in each of two sectors, of which the higher sequence number
 * counts. An odd number is for slot 0, an even one for slot 1.
 *
 * | bytes | what                                             |
 * |-------|--------------------------------------------------|
 * | 4     | sequence number, little-endian, from 1 on        |
 * | 20    | 0xFF                                             |
 * | 4     | state                                            |
 * | 4     | CRC-32 of the sequence number                    |
 *
 * A change erases a sector and writes it anew, and the power may fail in between or in the middle of either. What then
 * counts is the other sector, so a change never touches the one that would have to boot without it. The check comes last,
 * so that what was written in part is no entry.
 */
import type { FlashPartition } from "../../src/host.js";
import { OTADATA, SECTOR_LENGTH, SECTORS, type Platform, type Slot } from "./partitions.js";

/** Of an image, as ESP-IDF numbers them. */
export const State = Object.freeze({ NEW: 0, PENDING_VERIFY: 1, VALID: 2, INVALID: 3, ABORTED: 4, UNDEFINED: 0xffff_ffff });

export interface Entry {
	sector: number;
	sequence: number;
	slot: Slot;
	/** One of `State`. */
	state: number;
}

const ENTRY_LENGTH = 32;
/** Where in an entry. */
const SEQUENCE = 0, STATE = 24, CHECK = 28;
const NO_SEQUENCE = 0xffff_ffff;
const POLYNOMIAL = 0xedb8_8320;

export class OTAData {
	readonly #partition: FlashPartition;

	/** To be closed. */
	constructor({ flash }: Platform) {
		this.#partition = flash.open({ path: OTADATA });
	}

	/** Whole entries, whatever their state. */
	entries(): Entry[] {
		const found: Entry[] = [];
		for (let sector = 0; sector < SECTORS; sector++) {
			const entry = this.#read(sector);
			if (entry !== undefined) found.push(entry);
		}
		return found;
	}

	/** The entry that says what boots; `undefined` when none does. */
	active(): Entry | undefined {
		return newest(this.entries().filter(isUsable));
	}

	/** The entry of `slot` by which it would boot. */
	of(slot: Slot): Entry | undefined {
		return newest(this.entries().filter(entry => entry.slot === slot && isUsable(entry)));
	}

	/** Makes `slot` the one that boots next. */
	point(slot: Slot, state: number): void {
		const active = this.active();
		if (active === undefined) this.#write(0, slot + 1, state);
		else if (active.slot === slot) this.mark(active, state);
		else this.#write(1 - active.sector, active.sequence + 1, state);
	}

	mark({ sector, sequence }: Entry, state: number): void {
		this.#write(sector, sequence, state);
	}

	/** Takes every entry of `slot` away. */
	forget(slot: Slot): void {
		for (const entry of this.entries()) if (entry.slot === slot) this.#partition.eraseBlock(entry.sector);
	}

	close(): void {
		this.#partition.close();
	}

	#read(sector: number): Entry | undefined {
		const bytes = new Uint8Array(ENTRY_LENGTH), view = new DataView(bytes.buffer);
		this.#partition.read(bytes, sector * SECTOR_LENGTH);
		const sequence = view.getUint32(SEQUENCE, true);
		if (sequence === NO_SEQUENCE || view.getUint32(CHECK, true) !== checkOf(sequence)) return undefined;
		return { sector, sequence, slot: sequence % 2 === 1 ? 0 : 1, state: view.getUint32(STATE, true) };
	}

	#write(sector: number, sequence: number, state: number): void {
		const bytes = new Uint8Array(ENTRY_LENGTH).fill(0xff), view = new DataView(bytes.buffer);
		view.setUint32(SEQUENCE, sequence, true);
		view.setUint32(STATE, state, true);
		view.setUint32(CHECK, checkOf(sequence), true);
		this.#partition.eraseBlock(sector);
		this.#partition.write(bytes, sector * SECTOR_LENGTH);
	}
}

/** Does `action` with the entries, and closes their partition. */
export function withOTAData<Result>(platform: Platform, action: (otadata: OTAData) => Result): Result {
	const otadata = new OTAData(platform);
	try {
		return action(otadata);
	} finally {
		otadata.close();
	}
}

/** What is invalid or aborted never boots again. */
function isUsable({ state }: Entry): boolean {
	return state !== State.INVALID && state !== State.ABORTED;
}

function newest(entries: readonly Entry[]): Entry | undefined {
	const [first, second] = entries;
	return first !== undefined && second !== undefined && second.sequence > first.sequence ? second : first;
}

/** CRC-32 as the chip's ROM computes it for a start value of all ones: its register begins with zero. */
function checkOf(sequence: number): number {
	let register = sequence;
	for (let bit = 0; bit < 32; bit++) register = register & 1 ? register >>> 1 ^ POLYNOMIAL : register >>> 1;
	return ~register >>> 0;
}
