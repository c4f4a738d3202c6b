// SPDX-License-Identifier: Apache-2.0
/**
 * Globals of Node that the simulator's packages expect, for bundles that run on the XS engine. The
 * bundler takes from here only what a bundle refers to.
 */
import { native } from "../../../hosts/xs/native.js";
import { text as codec } from "../../../hosts/xs/text.js";

type Callback = (...values: unknown[]) => void;

export const setTimeout = (callback: Callback, delay = 0, ...values: unknown[]): object =>
	native.timerSet(() => callback(...values), Math.max(0, delay), 0);
export const setInterval = (callback: Callback, interval = 1, ...values: unknown[]): object =>
	native.timerSet(() => callback(...values), Math.max(1, interval), Math.max(1, interval));
export const setImmediate = (callback: Callback, ...values: unknown[]): object => native.timerSet(() => callback(...values), 0, 0);
export const clearTimeout = (timer: object | undefined): void => native.timerClear(timer);
export const clearInterval = clearTimeout;
export const clearImmediate = clearTimeout;
export const queueMicrotask = (callback: () => void): void => { void Promise.resolve().then(callback); };

const write = (...values: unknown[]): void => native.trace(values.map(String).join(" "));
export const console = { log: write, info: write, debug: write, warn: write, error: write };

export const process = {
	env: {} as Record<string, string | undefined>,
	argv: [] as string[],
	version: "v20.0.0",
	versions: { node: "20.0.0" },
	platform: "linux",
	browser: true,
	cwd: (): string => "/",
	nextTick: (callback: Callback, ...values: unknown[]): void => { void Promise.resolve().then(() => callback(...values)); },
	on: (): void => {},
	once: (): void => {},
	off: (): void => {},
	emit: (): boolean => false,
	emitWarning: (): void => {},
};

/** Enough of it for `readable-stream`, which only asks whether something was aborted. */
export const AbortSignal = {};

export class AbortController {
	readonly signal = { aborted: false, addEventListener: (): void => {}, removeEventListener: (): void => {} };
	abort(): void { this.signal.aborted = true; }
}

export class TextEncoder {
	encode(text: string): Uint8Array {
		const bytes = new Uint8Array(codec.byteLength(text));
		codec.encode(text, bytes, 0);
		return bytes;
	}

	encodeInto(text: string, target: Uint8Array): { written: number } {
		return { written: codec.encode(text, target, 0) };
	}
}

/** Always fatal, which is how the simulator uses it. */
export class TextDecoder {
	decode(bytes: Uint8Array): string {
		return codec.decode(bytes, 0, bytes.byteLength);
	}
}
