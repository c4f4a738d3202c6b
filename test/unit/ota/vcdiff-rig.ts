// SPDX-License-Identifier: Apache-2.0
/** Patches made by hand, and a caller that follows them as an update does, watching what the decoder reads and makes. */
import assert from "node:assert/strict";
import type { UpdateError } from "../../../src/ota/failure.js";
import { PatchDecoder, WINDOW_MAXIMUM, type PatchSource } from "../../../src/ota/vcdiff.js";

export const HEADER = Object.freeze([0xd6, 0xc3, 0xc4, 0, 0]);

/** §2: base 128, the highest digit first. */
export function integer(value: number): number[] {
	const digits = [value % 128];
	for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) digits.unshift(128 + rest % 128);
	return digits;
}

export interface WindowParts {
	indicator?: number;
	sourceLength?: number;
	sourceOffset?: number;
	/** Of the delta: default as long as it is. */
	deltaLength?: readonly number[];
	length: number;
	deltaIndicator?: number;
	data?: readonly number[];
	codes?: readonly number[];
	addresses?: readonly number[];
}

/** A window by its parts (§4.2, §4.3); with a length of source, VCD_SOURCE unless said otherwise. */
export function windowOf(parts: WindowParts): number[] {
	const { data = [], codes = [], addresses = [], sourceLength, sourceOffset = 0 } = parts;
	const { indicator = sourceLength === undefined ? 0 : 1 } = parts;
	const delta = [
		...integer(parts.length), parts.deltaIndicator ?? 0,
		...integer(data.length), ...integer(codes.length), ...integer(addresses.length), ...data, ...codes, ...addresses,
	];
	const source = sourceLength === undefined ? [] : [...integer(sourceLength), ...integer(sourceOffset)];
	return [indicator, ...source, ...parts.deltaLength ?? integer(delta.length), ...delta];
}

export function patchOf(...windows: readonly (readonly number[])[]): Uint8Array {
	return Uint8Array.from([...HEADER, ...windows.flat()]);
}

export interface FollowOptions {
	size: number;
	windowMaximum?: number;
	/** How many bytes are pushed at a time. Default: all that there are. */
	cut?(): number;
	/** Called at the end of each window. */
	onWindow?(patchOffset: number, outputOffset: number): void;
	/** Goes on from there; `made` is what was made before. */
	patchOffset?: number;
	made?: Uint8Array;
}

class Content implements PatchSource {
	reads = 0;
	bytes: Uint8Array;

	constructor(bytes: Uint8Array) {
		this.bytes = bytes;
	}

	read(target: Uint8Array, offset: number): void {
		assert.ok(target.length > 0 && offset >= 0 && offset + target.length <= this.bytes.length, "reads what there is");
		this.reads++;
		target.set(this.bytes.subarray(offset, offset + target.length));
	}
}

/** What `patch` makes of `base`. @throws UpdateError as the decoder does */
export function follow(base: Uint8Array, patch: Uint8Array, options: FollowOptions): Uint8Array {
	const { size, patchOffset = 0, made: before = new Uint8Array(0), windowMaximum = WINDOW_MAXIMUM } = options;
	const output = new Uint8Array(size);
	output.set(before);
	const source = new Content(base);
	const made = new Content(before);
	const decoder = new PatchDecoder({
		base: source, baseSize: base.length, made, size, patchOffset, outputOffset: before.length, windowMaximum,
	});
	let at = patchOffset;
	while (at < patch.length) {
		const end = Math.min(at + Math.max(options.cut?.() ?? patch.length, 1), patch.length);
		const from = decoder.outputOffset;
		const reads = source.reads + made.reads;
		const taken = decoder.push(patch, at, end);
		assert.ok(taken > at && taken <= end, "takes something, and no more than there is");
		assert.ok(source.reads + made.reads - reads <= windowMaximum, "reads no more often than the window has bytes");
		at = taken;
		const count = decoder.end - decoder.start;
		assert.equal(decoder.outputOffset, from + count);
		if (count === 0) continue;
		assert.ok(count <= windowMaximum && from + count <= size);
		assert.equal(decoder.patchOffset, at);
		output.set(decoder.bytes.subarray(decoder.start, decoder.end), from);
		made.bytes = output.subarray(0, from + count);
		options.onWindow?.(at, from + count);
	}
	decoder.finish();
	return output;
}

/** The reason of the `UpdateError` that `call` throws; "nothing" when it returns. Anything else that is thrown goes on. */
export function reasonThrown(call: () => unknown): string {
	try {
		call();
	} catch (error) {
		const { reason } = error as Partial<UpdateError>;
		if (reason !== undefined) return reason;
		throw error;
	}
	return "nothing";
}
