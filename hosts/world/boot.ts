// SPDX-License-Identifier: Apache-2.0
/**
 * One life of a device's RAM: from a reset to the next.
 *
 * Whatever the program made belongs to its boot. When the boot is over, nothing of it is called any
 * more, and a program that is still running (it sits in the write that the power failed at) is
 * unwound by `PowerCut` at every further call of its host, however often it catches; `close` alone
 * stays silent, as everywhere.
 */
import { DeviceError } from "../../src/base/error.js";
import type { Party, Resource } from "./party.js";

/** Thrown through a program whose boot is over. Not an Error: programs catch those and go on. */
export class PowerCut {
	readonly message = "the boot is over";
}

/** Sockets and resolvers open at once, as on lwIP with its stock configuration. */
const RESOURCES_MAXIMUM = 16;

export class Boot implements Party {
	readonly id: string;
	readonly address: string;
	/** Monotonic ms of the world at the reset. */
	readonly began: number;
	readonly #onCrash: (error: unknown) => void;
	readonly #resources = new Set<Resource>();
	#alive = true;

	constructor(id: string, address: string, began: number, onCrash: (error: unknown) => void) {
		this.id = id;
		this.address = address;
		this.began = began;
		this.#onCrash = onCrash;
	}

	get alive(): boolean {
		return this.#alive;
	}

	check(): void {
		if (!this.#alive) throw new PowerCut();
	}

	enter<Value>(callback: (value: Value) => void, value: Value): void {
		if (!this.#alive) return;
		try {
			callback(value);
		} catch (error) {
			// What a dying program throws while it unwinds is no crash.
			if (this.#alive) this.#onCrash(error);
		}
	}

	own(resource: Resource): void {
		if (this.#resources.size >= RESOURCES_MAXIMUM) throw new DeviceError("full", `${RESOURCES_MAXIMUM} sockets are open`);
		this.#resources.add(resource);
	}

	disown(resource: Resource): void {
		this.#resources.delete(resource);
	}

	end(): void {
		this.#alive = false;
		for (const resource of this.#resources) resource.abandon();
		this.#resources.clear();
	}
}
