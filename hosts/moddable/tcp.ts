// SPDX-License-Identifier: Apache-2.0
/**
 * TCP of a device over Moddable's native socket.
 *
 * The native socket throws "would block", loses the reason of a failure, reports it more than once on lwIP, and on
 * Linux may run one more callback in the turn in which it was closed. All of that ends here. It reports the end
 * of the stream only after everything before it was read, so `onError` waits for the reader.
 */
import Timer from "timer";
import platform from "moddable:moorline/platform";
import { DeviceError } from "../../src/base/error.js";
import type { Stream, TCPOptions } from "../../src/host.js";
import { checkAddress, checkBytes, checkCallback, checkPort } from "./check.js";
import type { Socket } from "./platform.js";

export class TCP implements Stream {
	readonly #onReadable: TCPOptions["onReadable"];
	readonly #onWritable: TCPOptions["onWritable"];
	readonly #onError: TCPOptions["onError"];
	/** Absent after `close` and where none could be made. */
	#socket: Socket | undefined;
	#readable = 0;
	/** The room last reported; -1 before the connection stands. */
	#writable = -1;
	#state: "open" | "over" | "closed" = "open";

	constructor(options: TCPOptions) {
		checkTCP(options);
		const { address, port, nodelay = false } = options;
		this.#onReadable = options.onReadable;
		this.#onWritable = options.onWritable;
		this.#onError = options.onError;
		try {
			this.#socket = new platform.Socket({
				address, port, nodelay,
				onReadable: count => {
					if (this.#state !== "open") return;
					this.#readable = count;
					this.#onReadable?.(count);
				},
				onWritable: count => {
					if (this.#state !== "open") return;
					this.#writable = count;
					this.#onWritable?.(count);
				},
				onError: () => this.#end(),
			});
		} catch (error) {
			// No route, no socket left, no network yet: the network's fault, and so not the constructor's.
			this.#endSoon(error);
		}
	}

	read(target: Uint8Array): number {
		if (this.#state === "closed") throw new DeviceError("state", "the stream is closed");
		checkBytes(target);
		const count = target.byteLength;
		if (count === 0 || count > this.#readable) {
			throw new DeviceError("argument", `reading ${count} bytes of ${this.#readable} available`);
		}
		this.#socket!.read(target);
		this.#readable -= count;
		return count;
	}

	write(source: Uint8Array): number {
		if (this.#state !== "open") throw new DeviceError("state", "the stream is over");
		if (this.#writable < 0) throw new DeviceError("state", "writing before the stream is connected");
		checkBytes(source);
		const count = source.byteLength;
		if (count > this.#writable) throw new DeviceError("full", `writing ${count} bytes into room for ${this.#writable}`);
		if (count === 0) return this.#writable;
		const room = this.#socket!.write(source);
		// Refused although there was room: the connection is gone. Linux never tells, lwIP tells later.
		if (room === undefined) this.#endSoon();
		return this.#writable = room ?? 0;
	}

	close(): void {
		this.#state = "closed";
		this.#socket?.close();
		this.#socket = undefined;
	}

	#endSoon(cause?: unknown): void {
		Timer.set(() => this.#end(cause));
	}

	#end(cause?: unknown): void {
		if (this.#state !== "open") return;
		this.#state = "over";
		this.#onError?.(this.#writable < 0
			? new DeviceError("unreachable", "the connection cannot be made", { cause })
			: new DeviceError("closed", "the peer closed the connection", { cause }));
	}
}

export function checkTCP(options: TCPOptions): void {
	checkAddress(options.address);
	checkPort(options.port, 1);
	checkCallback(options.onReadable);
	checkCallback(options.onWritable);
	checkCallback(options.onError);
}
