// SPDX-License-Identifier: Apache-2.0
/**
 * A stream under observation: records what it says, lets a test wait for it, and notes each broken rule that
 * holds for all streams at all times. `Bench` asserts that none was broken.
 */
import type { DeviceError } from "../../src/base/error.js";
import type { Stream, StreamCallbacks } from "../../src/host.js";

export interface ProbeHooks {
	onReadable?: (probe: Probe, count: number) => void;
	onWritable?: (probe: Probe, count: number) => void;
	onError?: (probe: Probe, error: DeviceError) => void;
}

export class Probe {
	readonly events: ("writable" | "readable" | "error")[] = [];
	readonly violations: string[] = [];
	/** What `onReadable` and `onWritable` said last, minus what was read and written since. */
	available = 0;
	room = 0;
	error: DeviceError | undefined;
	readonly #stream: Stream;
	#depth = 0;
	#closed = false;
	#waiters: (() => void)[] = [];

	constructor(open: (callbacks: StreamCallbacks) => Stream, hooks: ProbeHooks = {}) {
		this.#stream = this.#call(() => open({
			onReadable: count => this.#note("readable", () => {
				if (!(count > 0)) this.violations.push(`onReadable with ${count}`);
				if (this.events[0] === "readable") this.violations.push("onReadable before onWritable");
				this.available = count;
				hooks.onReadable?.(this, count);
			}),
			onWritable: count => this.#note("writable", () => {
				this.room = count;
				hooks.onWritable?.(this, count);
			}),
			onError: error => this.#note("error", () => {
				this.error = error;
				hooks.onError?.(this, error);
			}),
		}));
	}

	read(target: Uint8Array): number {
		const count = this.#call(() => this.#stream.read(target));
		this.available -= count;
		return count;
	}

	write(source: Uint8Array): number {
		return this.room = this.#call(() => this.#stream.write(source));
	}

	close(): void {
		this.#closed = true;
		this.#call(() => this.#stream.close());
	}

	async connected(): Promise<void> {
		await this.until(() => this.events.length > 0);
		if (this.events[0] !== "writable") throw new Error(`no connection: ${this.error?.code} ${this.error?.message}`);
	}

	async failed(): Promise<DeviceError> {
		await this.until(() => this.error !== undefined);
		return this.error!;
	}

	/** Reads exactly `count` bytes, as they come. Only for probes without an `onReadable` that reads too. */
	async receive(count: number): Promise<Uint8Array> {
		const bytes = new Uint8Array(count);
		for (let filled = 0; filled < count;) {
			await this.until(() => this.available > 0 || this.error !== undefined);
			if (this.available === 0) throw new Error(`the stream ended after ${filled} of ${count} bytes`);
			filled += this.read(bytes.subarray(filled, filled + Math.min(this.available, count - filled)));
		}
		return bytes;
	}

	/** Writes all of `bytes`, as room comes. */
	async send(bytes: Uint8Array): Promise<void> {
		for (let sent = 0; sent < bytes.byteLength;) {
			await this.until(() => this.room > 0 || this.error !== undefined);
			if (this.error !== undefined) throw new Error(`the stream ended after ${sent} of ${bytes.byteLength} bytes`);
			const piece = bytes.subarray(sent, sent + this.room);
			this.write(piece);
			sent += piece.byteLength;
		}
	}

	/** Resolves when `condition` holds; it is looked at after each callback. */
	until(condition: () => boolean): Promise<void> {
		if (condition()) return Promise.resolve();
		return new Promise(resolve => {
			const look = () => {
				if (condition()) resolve();
				else this.#waiters.push(look);
			};
			this.#waiters.push(look);
		});
	}

	#call<T>(action: () => T): T {
		this.#depth++;
		try {
			return action();
		} finally {
			this.#depth--;
		}
	}

	#note(event: "writable" | "readable" | "error", action: () => void): void {
		if (this.#depth > 0) this.violations.push(`${event} from inside a call`);
		if (this.#closed) this.violations.push(`${event} after close`);
		if (this.error !== undefined) this.violations.push(`${event} after onError`);
		this.events.push(event);
		action();
		const waiters = this.#waiters;
		this.#waiters = [];
		for (const look of waiters) look();
	}
}
