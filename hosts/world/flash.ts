// SPDX-License-Identifier: Apache-2.0
/**
 * NOR flash: partitions of erase blocks, cells that only go from 1 to 0 until their block is erased.
 *
 * A write is one operation, and so is the erasure of each block: in between, the power may fail.
 */
import { DeviceError } from "../../src/base/error.js";
import type { FlashPartition, FlashProvider } from "../../src/host.js";
import { checkBytes } from "./address.js";
import type { Log } from "./log.js";
import type { Party } from "./party.js";
import type { PowerSupply } from "./power.js";

export const BLOCK_LENGTH = 4096;
const ERASED = 0xff;
const WORD = 4;

/** What a partition keeps, from the world's side: its cells may be looked at, and spoilt, at any time. */
export interface Partition {
	readonly bytes: Uint8Array;
	/** How often each block was erased. */
	readonly wear: Uint32Array;
}

export class Flash {
	readonly #partitions = new Map<string, Partition>();

	/** @param sizes bytes of each partition; whole blocks */
	constructor(sizes: Readonly<Record<string, number>>) {
		for (const [name, size] of Object.entries(sizes)) {
			if (!(size > 0 && size % BLOCK_LENGTH === 0)) {
				throw new DeviceError("argument", `partition ${name} must be a multiple of ${BLOCK_LENGTH} bytes, not ${size}`);
			}
			this.#partitions.set(name, { bytes: new Uint8Array(size).fill(ERASED), wear: new Uint32Array(size / BLOCK_LENGTH) });
		}
	}

	/** @throws DeviceError `argument` when there is none of that name */
	partition(name: string): Partition {
		const partition = this.#partitions.get(name);
		if (partition === undefined) throw new DeviceError("argument", `there is no flash partition "${name}"`);
		return partition;
	}

	/** The `host.flash` of one boot. */
	provider(party: Party, power: PowerSupply, log: Log): FlashProvider {
		return Object.freeze({
			open: ({ path }: { path: string }): FlashPartition => {
				party.check();
				return new OpenPartition(this.partition(path), party, power, log);
			},
		});
	}
}

class OpenPartition implements FlashPartition {
	readonly size: number;
	readonly blockLength = BLOCK_LENGTH;
	readonly #partition: Partition;
	readonly #party: Party;
	readonly #power: PowerSupply;
	readonly #log: Log;
	#closed = false;

	constructor(partition: Partition, party: Party, power: PowerSupply, log: Log) {
		this.size = partition.bytes.byteLength;
		this.#partition = partition;
		this.#party = party;
		this.#power = power;
		this.#log = log;
	}

	read(target: Uint8Array, offset: number): void {
		this.#check("target", target, offset);
		target.set(this.#partition.bytes.subarray(offset, offset + target.byteLength));
	}

	write(source: Uint8Array, offset: number): void {
		this.#check("source", source, offset);
		const { bytes } = this.#partition, count = source.byteLength;
		if (count === 0) return;
		this.#log.add("flash.write", this.#party.id, count);
		this.#power.operate(count, mask => {
			if (mask === undefined) program(bytes, offset, source);
			else for (let index = 0; index < count; index++) bytes[offset + index]! &= source[index]! | ~mask(index);
		});
	}

	eraseBlock(from: number, to = from + 1): void {
		this.#checkOpen();
		const { bytes, wear } = this.#partition;
		if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from <= to && to <= wear.length)) {
			throw new DeviceError("argument", `cannot erase blocks ${from} to ${to}: the partition has ${wear.length}`);
		}
		for (let block = from; block < to; block++) {
			const start = block * BLOCK_LENGTH;
			this.#log.add("flash.erase", this.#party.id, block);
			this.#power.operate(BLOCK_LENGTH, mask => {
				wear[block]!++;
				if (mask === undefined) bytes.fill(ERASED, start, start + BLOCK_LENGTH);
				else for (let index = 0; index < BLOCK_LENGTH; index++) bytes[start + index]! |= mask(index);
			});
		}
	}

	close(): void {
		this.#closed = true;
	}

	#check(name: string, bytes: Uint8Array, offset: number): void {
		this.#checkOpen();
		checkBytes(name, bytes);
		if (Number.isInteger(offset) && offset >= 0 && offset + bytes.byteLength <= this.size) return;
		throw new DeviceError("argument", `${bytes.byteLength} bytes at ${offset} are beyond the partition's ${this.size}`);
	}

	#checkOpen(): void {
		this.#party.check();
		if (this.#closed) throw new DeviceError("state", "the partition is closed");
	}
}

/** ANDs `source` into the cells at `offset`: word by word where it can, for images are long. */
function program(cells: Uint8Array, offset: number, source: Uint8Array): void {
	const count = source.byteLength;
	if ((offset | source.byteOffset | count) % WORD === 0) {
		const words = new Uint32Array(cells.buffer, offset, count / WORD), others = new Uint32Array(source.buffer, source.byteOffset, count / WORD);
		for (let index = 0; index < words.length; index++) words[index]! &= others[index]!;
	} else {
		for (let index = 0; index < count; index++) cells[offset + index]! &= source[index]!;
	}
}
