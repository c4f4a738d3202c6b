// SPDX-License-Identifier: Apache-2.0
/**
 * Secrets that come in through a stream, before anybody knows them: private keys in PEM, and the token that proves whose
 * a certificate is. A cloud that makes keys for its devices sends both.
 *
 * They come in pieces, as all bytes do. Once one has begun, what was read is held back from the recording until its end is
 * there; then stand-ins are put into the pieces.
 */
import type { Secrets } from "./secrets.js";

/** Bytes that one stream may have held back; more than any key, with the certificate between. */
const HELD_MAXIMUM = 32_768;
const TOKEN = "certificateOwnershipToken";
/** What comes before a secret; a piece may end anywhere in it. */
const BEGINNINGS = Object.freeze(["-----BEGIN PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN EC PRIVATE KEY-----", TOKEN]);
/** Bytes that a beginning may have in the pieces before. */
const CONTEXT = 32;
/** Behind the token's name: in JSON a colon and quotes; in CBOR the head of a text. */
const TOKEN_HEAD_MAXIMUM = 4;

interface Held {
	/** The last of what was let go. */
	context: Uint8Array;
	/** As they will be recorded. */
	pieces: Uint8Array[];
}

export class Intake {
	readonly #secrets: Secrets;
	readonly #streams = new Map<number, Held>();

	constructor(secrets: Secrets) {
		this.#secrets = secrets;
	}

	/** True while what was read must not be written yet. */
	get isHolding(): boolean {
		for (const { pieces } of this.#streams.values()) if (pieces.length > 0) return true;
		return false;
	}

	/** @param piece as it will be recorded: it may be changed until nothing is held back */
	add(id: number, piece: Uint8Array): void {
		let held = this.#streams.get(id);
		if (held === undefined) this.#streams.set(id, held = { context: new Uint8Array(0), pieces: [] });
		held.pieces.push(piece);
		const all = Buffer.concat([held.context, ...held.pieces]), end = this.#replace(all);
		const isLong = all.byteLength > HELD_MAXIMUM;
		if (end === undefined && isLong) spoil(all);
		put(all, held);
		if (end === undefined && !isLong) return;
		held.pieces = [];
		held.context = new Uint8Array(all.subarray(Math.max(end ?? 0, all.byteLength - CONTEXT)));
	}

	/** Nothing more comes from this stream: what has begun and not ended is lost. */
	end(id: number): void {
		const held = this.#streams.get(id);
		if (held === undefined) return;
		const all = Buffer.concat([held.context, ...held.pieces]);
		if (held.pieces.length > 0) spoil(all);
		put(all, held);
		this.#streams.delete(id);
	}

	/** Nothing more is waited for at all. */
	release(): void {
		for (const id of [...this.#streams.keys()]) this.end(id);
	}

	/** @returns where the last secret ends; `undefined` when one has begun and not ended */
	#replace(all: Buffer): number | undefined {
		const text = all.toString("latin1");
		for (let at = 0;;) {
			const start = beginningIn(text, at);
			if (start < 0) return at;
			const end = text.startsWith(TOKEN, start) ? this.#takeToken(all, text, start) : this.#takeKey(all, text, start);
			if (end === undefined) return undefined;
			at = end;
		}
	}

	#takeKey(all: Buffer, text: string, start: number): number | undefined {
		const match = /^-----BEGIN ((?:RSA |EC )?PRIVATE KEY)-----([^-]*)-----END \1-----/.exec(text.slice(start));
		if (match === null) return undefined;
		const [whole, , body = ""] = match, bodyStart = start + whole.indexOf(body, whole.indexOf("KEY-----") + 8);
		// Line ends, also those of JSON, are kept where they are.
		const characters = [...body.matchAll(/\\[nr]|[A-Za-z0-9+/=]/g)].filter(([character]) => character.length === 1);
		const der = Buffer.from(characters.map(([character]) => character).join(""), "base64");
		const standIn = Buffer.from(this.#secrets.learn(der)).toString("base64");
		characters.forEach(({ index }, place) => { all.write(standIn[place] ?? "=", bodyStart + index, "latin1"); });
		return start + whole.length;
	}

	#takeToken(all: Buffer, text: string, start: number): number | undefined {
		const head = start + TOKEN.length;
		if (text.length < head + TOKEN_HEAD_MAXIMUM) return undefined;
		const json = /^"\s?:\s?"/.exec(text.slice(head, head + TOKEN_HEAD_MAXIMUM + 1));
		let from: number, to: number;
		if (json !== null) {
			from = head + json[0].length;
			to = text.indexOf('"', from);
		} else {
			const type = all.readUInt8(head), length = type === 0x79 ? all.readUInt16BE(head + 1) : type === 0x78 ? all.readUInt8(head + 1) : type >> 5 === 3 ? type & 0x1f : undefined;
			// The name alone, such as in what we ask.
			if (length === undefined) return head;
			from = head + (type === 0x79 ? 3 : type === 0x78 ? 2 : 1);
			to = from + length;
		}
		if (to < 0 || to > text.length) return undefined;
		all.set(this.#secrets.learnText(all.subarray(from, to)), from);
		return to;
	}
}

/** Whatever follows the first beginning is no secret any more. */
function spoil(all: Buffer): void {
	const start = beginningIn(all.toString("latin1"), 0);
	if (start >= 0) all.fill("?", start);
}

/** Puts what has become of the pieces into them; the context was let go before. */
function put(all: Buffer, { context, pieces }: Held): void {
	let at = context.byteLength;
	for (const piece of pieces) {
		piece.set(all.subarray(at, at + piece.byteLength));
		at += piece.byteLength;
	}
}

function beginningIn(text: string, at: number): number {
	const begun = BEGINNINGS.map(beginning => text.indexOf(beginning, at)).filter(found => found >= 0);
	return begun.length === 0 ? -1 : Math.min(...begun);
}
