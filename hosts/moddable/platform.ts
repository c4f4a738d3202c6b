// SPDX-License-Identifier: Apache-2.0
/** What differs between an ESP32 and the simulator on Linux. Types only; lin/ and esp32/ each have one. */
import type { FlashProvider, Images, StorageProvider, System } from "../../src/host.js";

/** Native TCP with its own semantics: counts are levels, `onError` has no argument and may come after `close`. */
export interface Socket {
	read(target: Uint8Array): number | undefined;
	/** `undefined` when the bytes were refused; the socket is over then. */
	write(source: Uint8Array): number | undefined;
	close(): void;
}

export interface SocketOptions {
	address: string;
	port: number;
	nodelay: boolean;
	onReadable(count: number): void;
	onWritable(count: number): void;
	onError(): void;
}

export interface Platform {
	readonly Socket: new (options: SocketOptions) => Socket;
	readonly storage: StorageProvider;
	readonly flash: FlashProvider;
	readonly images: Images | undefined;
	/** All but what the engine tells. */
	readonly system: Omit<System, "heap" | "crash" | "retained">;
	/** Where the native functions keep what outlives a reset: a directory, or nothing where that is memory. */
	readonly directory: string;
	random(target: Uint8Array): void;
	/** Monotonic milliseconds. */
	now(): number;
}
