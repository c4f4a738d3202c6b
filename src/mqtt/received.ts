// SPDX-License-Identifier: Apache-2.0
/**
 * Identifiers of the messages at QoS 2 that were delivered and not yet released by the server: a message that comes
 * again under one of them is answered and not delivered [MQTT-4.3.3-2].
 *
 * Survives connections. Memory: two bytes for each, up to the maximum.
 */
import type { Reader } from "../bytes/reader.js";
import type { Writer } from "../bytes/writer.js";

export class Received {
	/** True when what `save` writes has changed. */
	dirty = false;
	readonly #maximum: number;
	/** In the order of their arrival. */
	readonly #ids: number[] = [];
	/** Those of earlier connections, which are the first. */
	#earlier = 0;

	constructor(maximum: number) {
		this.#maximum = maximum;
	}

	get count(): number {
		return this.#ids.length;
	}

	/** Those received on this connection: what the server's quota counts. Spec: MQTT 5 §4.9. */
	get underway(): number {
		return this.#ids.length - this.#earlier;
	}

	/** A connection begins. */
	begin(): void {
		this.#earlier = this.#ids.length;
	}

	has(packetId: number): boolean {
		return this.#ids.includes(packetId);
	}

	/** A server that releases nothing makes us forget the oldest: it will hardly come again. */
	add(packetId: number): void {
		if (this.#ids.length === this.#maximum) this.delete(this.#ids[0]!);
		this.#ids.push(packetId);
		this.dirty = true;
	}

	/** False when there was no such identifier. */
	delete(packetId: number): boolean {
		const index = this.#ids.indexOf(packetId);
		if (index < 0) return false;
		this.#ids.splice(index, 1);
		if (index < this.#earlier) this.#earlier--;
		this.dirty = true;
		return true;
	}

	/** The server has no session of ours. */
	clear(): void {
		if (this.#ids.length === 0) return;
		this.#ids.length = this.#earlier = 0;
		this.dirty = true;
	}

	/** Bytes that `save` writes. */
	get saveLength(): number {
		return 2 + 2 * this.#ids.length;
	}

	save(writer: Writer): void {
		writer.uint16(this.#ids.length);
		for (const id of this.#ids) writer.uint16(id);
	}

	/** @throws DeviceError `malformed` */
	restore(reader: Reader): void {
		this.#ids.length = 0;
		for (let count = reader.uint16(); count > 0; count--) this.#ids.push(reader.uint16());
	}
}
