// SPDX-License-Identifier: Apache-2.0
/**
 * Who owns a socket or a timer: one boot of a device, or the world's own side (the cloud, a test).
 *
 * Everything that calls out goes through its party, which is what makes a dead boot silent and an
 * exception in a callback a crash of that device instead of a failure of the world.
 */

/** Something that ends without a word when its owner's RAM is gone. */
export interface Resource {
	abandon(): void;
}

export interface Party {
	/** For the log: the device's id, or the address. */
	readonly id: string;
	/** IP address literal that its packets carry. */
	readonly address: string;
	/** False once this boot is over. */
	readonly alive: boolean;
	/** @throws PowerCut when this boot is over: the program that still runs must unwind */
	check(): void;
	/** Calls out. Does nothing once the boot is over. */
	enter<Value>(callback: (value: Value) => void, value: Value): void;
	/** @throws DeviceError `full` beyond the party's limit of open resources */
	own(resource: Resource): void;
	disown(resource: Resource): void;
}

/** A party of the world's own side: it never dies, and its exceptions end the run, as a test wants. */
export class Bystander implements Party {
	readonly id: string;
	readonly address: string;
	readonly alive = true;

	constructor(address: string) {
		this.id = address;
		this.address = address;
	}

	check(): void {}

	enter<Value>(callback: (value: Value) => void, value: Value): void {
		callback(value);
	}

	own(): void {}

	disown(): void {}
}
