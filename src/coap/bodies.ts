// SPDX-License-Identifier: Apache-2.0
/**
 * Bodies between the blocks of a request for one of our resources: those that come, until they are whole, and those
 * that go, until the peer has fetched the rest of them.
 *
 * Spec: RFC 7959 §2; RFC 9175 §3. Memory: `UPLOAD_MAXIMUM` bodies that come, and `SERVED_MAXIMUM` that go.
 */
import { toDeviceError } from "../base/error.js";
import { isAt, isEqual, wordAt } from "../bytes/word.js";
import type { Block } from "./block.js";
import { Code, OptionNumber } from "./constants.js";
import type { Inquiry } from "./inquiry.js";
import { uintOf } from "./message.js";
import { findOption } from "./option.js";
import type { ResourceResponse } from "./resource.js";
import { Assembly, Taken } from "./transfer.js";

/** Bodies that come at one time; a third puts the oldest aside. */
export const UPLOAD_MAXIMUM = 2;
export const SERVED_MAXIMUM = 2;
/** ms between two blocks. Spec: RFC 7959 §2.4: EXCHANGE_LIFETIME or more; here as long as a peer tries. */
export const BLOCK_TIMEOUT = 93_000;

interface Upload {
	readonly key: string;
	readonly tag: Uint8Array | undefined;
	readonly assembly: Assembly;
	due: number;
}

interface Served {
	readonly key: string;
	readonly response: ResourceResponse;
	due: number;
}

export class Bodies {
	readonly #maximum: number;
	readonly #uploads: Upload[] = [];
	readonly #served: Served[] = [];

	/** @param maximum bytes of a body that comes */
	constructor(maximum: number) {
		this.#maximum = maximum;
	}

	get deadline(): number {
		let at = Infinity;
		for (let index = 0; index < this.#uploads.length; index++) at = Math.min(at, this.#uploads[index]!.due);
		for (let index = 0; index < this.#served.length; index++) at = Math.min(at, this.#served[index]!.due);
		return at;
	}

	clear(): void {
		this.#uploads.length = this.#served.length = 0;
	}

	expire(now: number): void {
		dropOverdue(this.#uploads, now);
		dropOverdue(this.#served, now);
	}

	/**
	 * Takes a block of a body that comes.
	 * @returns 0 when the inquiry has its whole body now, else the code that answers the block
	 */
	take(inquiry: Inquiry, block: Block, now: number): number {
		const { message } = inquiry;
		const announced = uintOf(message, OptionNumber.SIZE1) ?? 0;
		if (announced > this.#maximum) return Code.REQUEST_ENTITY_TOO_LARGE;
		const before = this.find(inquiry);
		// A copy that was late, or one whose answer was lost.
		if (before !== undefined && block.more && has(before, message.payload, block)) return Code.CONTINUE;
		const upload = block.number === 0 ? this.begin(inquiry, before) : before;
		if (upload === undefined) return Code.REQUEST_ENTITY_INCOMPLETE;
		try {
			upload.due = now + BLOCK_TIMEOUT;
			if (upload.assembly.take(message, block) === Taken.MORE) return Code.CONTINUE;
			inquiry.payload = upload.assembly.body;
		} catch (error) {
			this.drop(upload);
			const { code } = toDeviceError(error, "internal", "a block");
			return code === "too-large" ? Code.REQUEST_ENTITY_TOO_LARGE : Code.REQUEST_ENTITY_INCOMPLETE;
		}
		this.drop(upload);
		return 0;
	}

	/** What was answered, for the blocks that are asked for next. */
	keep(key: string, response: ResourceResponse, now: number): void {
		this.forget(key);
		if (this.#served.length === SERVED_MAXIMUM) this.#served.shift();
		this.#served.push({ key, response, due: now + BLOCK_TIMEOUT });
	}

	kept(key: string): ResourceResponse | undefined {
		for (let index = 0; index < this.#served.length; index++) {
			const served = this.#served[index]!;
			if (served.key === key) return served.response;
		}
		return undefined;
	}

	forget(key: string): void {
		const served = this.#served;
		for (let index = served.length - 1; index >= 0; index--) {
			if (served[index]!.key === key) served.splice(index, 1);
		}
	}

	private begin(inquiry: Inquiry, before: Upload | undefined): Upload {
		const uploads = this.#uploads;
		if (before !== undefined) this.drop(before);
		if (uploads.length === UPLOAD_MAXIMUM) uploads.shift();
		const upload = { key: inquiry.key, tag: tagOf(inquiry), assembly: new Assembly(this.#maximum), due: Infinity };
		uploads.push(upload);
		return upload;
	}

	/** Blocks with different tags belong to different bodies. Spec: RFC 9175 §3.4. */
	private find(inquiry: Inquiry): Upload | undefined {
		const { key } = inquiry;
		const tag = tagOf(inquiry);
		for (let index = 0; index < this.#uploads.length; index++) {
			const upload = this.#uploads[index]!;
			if (upload.key !== key) continue;
			const { tag: of } = upload;
			if (tag === undefined || of === undefined ? tag === of : isEqual(tag, of)) return upload;
		}
		return undefined;
	}

	private drop(upload: Upload): void {
		this.#uploads.splice(this.#uploads.indexOf(upload), 1);
	}
}

/** A tag for a representation that has none: the same for the same bytes, so that a handler may be asked again. */
export function tagFor(body: Uint8Array): Uint8Array {
	let hash = 0x811c_9dc5 ^ body.byteLength;
	const end = body.byteLength - body.byteLength % 4;
	for (let index = 0; index < end; index += 4) hash = mix(hash, wordAt(body, index));
	for (let index = end; index < body.byteLength; index++) hash = mix(hash, body.at(index)!);
	const tag = new Uint8Array(4);
	for (let index = 0; index < 4; index++) tag.fill(hash >>> 8 * index, index, index + 1);
	return tag;
}

/** Whether a block came before. */
function has({ assembly }: Upload, payload: Uint8Array, { number, size }: Block): boolean {
	const start = number * size;
	return start < assembly.length && isAt(payload, assembly.body, start);
}

function mix(hash: number, value: number): number {
	const mixed = Math.imul(hash ^ value, 0x0100_0193);
	return mixed ^ mixed >>> 15;
}

function tagOf({ options }: Inquiry): Uint8Array | undefined {
	return findOption(options, OptionNumber.REQUEST_TAG)?.value;
}

function dropOverdue(list: { due: number }[], now: number): void {
	for (let index = list.length - 1; index >= 0; index--) if (list[index]!.due <= now) list.splice(index, 1);
}
