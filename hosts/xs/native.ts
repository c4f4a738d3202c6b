// SPDX-License-Identifier: Apache-2.0
/**
 * The functions of the C host, as hosts/xs/native defines them; each is documented there.
 *
 * Failures are small negative numbers, because an exception made in C could not carry a code.
 */

/** A socket or look-up of the C host; it stays rooted until it is closed. */
export type Handle = number;

/** What the loop calls: `event` is one of `Event`, `value` and the rest depend on it. */
export type Dispatch<Self> = (self: Self, event: number, value: number, message: string | undefined, detail: number | undefined) => void;

export interface Native {
	tcpOpen<Self>(self: Self, dispatch: Dispatch<Self>, address: string, port: number, nodelay: boolean): Handle;
	relayOpen<Self>(
		self: Self, dispatch: Dispatch<Self>, address: string, port: number, nodelay: boolean, host: string,
		anchors: readonly Uint8Array[], chain: readonly Uint8Array[] | undefined, key: Uint8Array | undefined,
		protocols: readonly string[] | undefined,
	): Handle;
	relayAsk<Self>(
		self: Self, dispatch: Dispatch<Self>, question: string, key: Uint8Array | undefined, bytes: Uint8Array | undefined,
	): Handle;
	streamRead(handle: Handle, target: Uint8Array): number;
	streamWrite(handle: Handle, source: Uint8Array): number;
	streamClose(handle: Handle): void;
	udpOpen<Self>(self: Self, dispatch: Dispatch<Self>, port: number): Handle;
	udpPort(handle: Handle): number;
	udpRead(handle: Handle, target: Uint8Array, remote: object | undefined): number;
	udpWrite(handle: Handle, source: Uint8Array, address: string, port: number): number;
	udpClose(handle: Handle): void;
	resolverStart<Self>(self: Self, dispatch: Dispatch<Self>, host: string): Handle;
	resolverClose(handle: Handle): void;
	timerSet(callback: () => void, delay: number, interval: number): object;
	timerClear(timer: object | undefined): void;
	now(): number;
	storageOpen(domain: string): number;
	storageRead(domain: string, key: string): ArrayBuffer | undefined | number;
	storageWrite(domain: string, key: string, value: Uint8Array): number;
	storageDelete(domain: string, key: string): number;
	storageKeys(domain: string): string[] | number;
	flashOpen(name: string): number;
	flashSize(partition: number): number;
	flashRead(partition: number, target: Uint8Array, offset: number): number;
	flashWrite(partition: number, source: Uint8Array, offset: number): number;
	flashErase(partition: number, from: number, to: number): number;
	textLength(text: string): number;
	textEncode(text: string, target: Uint8Array, start: number): number;
	textDecode(bytes: Uint8Array, start: number, end: number): string | number;
	digestOpen(algorithm: number): object;
	digestUpdate(digest: object, bytes: Uint8Array): void;
	digestFinish(digest: object): ArrayBuffer;
	aesChain(key: Uint8Array, bytes: Uint8Array): void;
	aesStream(key: Uint8Array, counter: Uint8Array, bytes: Uint8Array): void;
	random(target: Uint8Array): void;
	restart(): never;
	/** Of the run before this one, as text. */
	crash(): string | undefined;
	/** The memory that a reset leaves as it is: a buffer over it, a new one at each call. */
	retained(): ArrayBuffer;
	resetReason(): string;
	identifier(): string;
	/** What the command line gives after the program. */
	argument(index: number): string | undefined;
	trace(line: string): void;
	/** See `Figure`. */
	figure(index: number): number;
	collect(): void;
	/** While the collector is off, every allocation adds to the counts: they are exact. */
	collector(enabled: boolean): void;
	/** The next peaks are those since now. */
	resetPeaks(): void;
}

export const native = (globalThis as unknown as { native: Native }).native;

/** What `Dispatch` is called for. A resolver's answer is `READABLE` with the address as message. */
export const Event = Object.freeze({ READABLE: 0, WRITABLE: 1, ERROR: 2 });

/** Indexes of `native.figure`. Slots are counted, all else is bytes; `…Allocated` count since the start. */
export const Figure = Object.freeze({
	slots: 0, slotBytes: 1, slotsPeak: 2, chunks: 3, chunksPeak: 4, stack: 5, stackPeak: 6,
	collections: 7, slotsAllocated: 8, chunksAllocated: 9, arena: 10, arenaUsed: 11, aliases: 12,
});
