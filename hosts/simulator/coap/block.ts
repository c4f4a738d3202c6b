// SPDX-License-Identifier: Apache-2.0
/**
 * Blocks of bodies (RFC 7959, and BERT of RFC 8323 §6): putting requests together, cutting responses up.
 *
 * Pure. Time is an argument: what waits for its next block too long is forgotten when it is looked for.
 */
import type { CoAPLimits } from "./limits.js";
import { uint, uintBytes } from "./options.js";
import type { CoAPReply } from "./request.js";

export interface Block {
	readonly number: number;
	readonly more: boolean;
	/** Size exponent: blocks of 16 to 1,024 bytes; 7 is BERT. */
	readonly exponent: number;
}

/** What a peer may be sent: `length` is a block's, or with BERT any number of them; up to `whole` a body needs no blocks. */
export interface BlockRange { readonly exponent: number; readonly length: number; readonly whole: number }

export const BERT = 7;
const UNIT = 1_024;

export function blockOf(value: Uint8Array): Block {
	const number = uint(value);
	return { number: Math.floor(number / 16), more: (number & 8) !== 0, exponent: number & 7 };
}

export function blockValue({ number, more, exponent }: Block): Uint8Array {
	return uintBytes(number * 16 + (more ? 8 : 0) + exponent);
}

/** Bytes that a block's number counts in. */
export function unitOf(exponent: number): number {
	return exponent === BERT ? UNIT : 16 << exponent;
}

/** Of a length from 16 to 1,024. */
export function exponentOf(length: number): number {
	return Math.floor(Math.log2(length)) - 4;
}

export interface Slice { readonly block: Block; readonly payload: Uint8Array }

/**
 * Any block of a body, in the size that was asked for or in a smaller one of ours: then it is counted again.
 * @returns `undefined` for one beyond the body
 */
export function slice(body: Uint8Array, asked: Block | undefined, { exponent, length }: BlockRange): Slice | undefined {
	const start = asked ? asked.number * unitOf(asked.exponent) : 0;
	if (start > 0 && start >= body.byteLength) return undefined;
	const chosen = asked ? Math.min(asked.exponent, exponent) : exponent;
	const end = start + (chosen === BERT ? length : unitOf(chosen));
	return {
		block: { number: start / unitOf(chosen), more: end < body.byteLength, exponent: chosen },
		payload: body.subarray(start, end),
	};
}

/** Made from the body: eight bytes of two sums (FNV-1a), which is enough where nobody means harm. */
export function etagOf(body: Uint8Array): Uint8Array {
	const sums = [0x811c9dc5, 0x9e3779b1];
	for (const byte of body) {
		sums[0] = Math.imul(sums[0]! ^ byte, 0x01000193);
		sums[1] = Math.imul(sums[1]! ^ byte, 0x85ebca6b);
	}
	const etag = new Uint8Array(8), view = new DataView(etag.buffer);
	view.setUint32(0, sums[0]! >>> 0);
	view.setUint32(4, (sums[1]! ^ body.byteLength) >>> 0);
	return etag;
}

interface Assembly { readonly chunks: Uint8Array[]; length: number; at: number }

export type AssemblyOutcome = "incomplete" | "too-large" | "malformed" | "continue" | Uint8Array;

/** Bodies of one peer that come in blocks. */
export class Assemblies {
	readonly #limits: CoAPLimits;
	readonly #assemblies = new Map<string, Assembly>();

	constructor(limits: CoAPLimits) {
		this.#limits = limits;
	}

	/** @param size what the peer says of the whole body */
	add(key: string, block: Block, payload: Uint8Array, size: number | undefined, now: number): AssemblyOutcome {
		const { assemblyTimeout, bodyMaximum, assemblyMaximum } = this.#limits;
		const unit = unitOf(block.exponent), start = block.number * unit;
		const isWhole = block.exponent === BERT ? payload.byteLength > 0 && payload.byteLength % unit === 0 : payload.byteLength === unit;
		if (block.more ? !isWhole : block.exponent !== BERT && payload.byteLength > unit) return "malformed";
		const before = block.number === 0 ? { chunks: [], length: 0, at: now } : this.#assemblies.get(key);
		this.#assemblies.delete(key);
		if (before === undefined || now - before.at > assemblyTimeout || before.length !== start) return "incomplete";
		if (before.length + payload.byteLength > bodyMaximum || (size ?? 0) > bodyMaximum) return "too-large";
		before.chunks.push(payload);
		before.length += payload.byteLength;
		before.at = now;
		if (!block.more) return joined(before);
		if (this.#assemblies.size >= assemblyMaximum) this.#assemblies.delete(this.#assemblies.keys().next().value!);
		this.#assemblies.set(key, before);
		return "continue";
	}
}

function joined({ chunks, length }: Assembly): Uint8Array {
	const body = new Uint8Array(length);
	let position = 0;
	for (const chunk of chunks) {
		body.set(chunk, position);
		position += chunk.byteLength;
	}
	return body;
}

/** Answers of which a peer has not asked for every block, where asking the handler again would do something again. */
export class Kept {
	readonly #limits: CoAPLimits;
	readonly #replies = new Map<string, { readonly reply: CoAPReply; at: number }>();

	constructor(limits: CoAPLimits) {
		this.#limits = limits;
	}

	keep(key: string, reply: CoAPReply, now: number): void {
		this.#replies.delete(key);
		if (this.#replies.size >= this.#limits.assemblyMaximum) this.#replies.delete(this.#replies.keys().next().value!);
		this.#replies.set(key, { reply, at: now });
	}

	get(key: string, now: number): CoAPReply | undefined {
		const kept = this.#replies.get(key);
		if (!kept || now - kept.at > this.#limits.assemblyTimeout) return undefined;
		kept.at = now;
		return kept.reply;
	}
}
