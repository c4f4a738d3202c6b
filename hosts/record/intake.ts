// SPDX-License-Identifier: Apache-2.0
/**
 * Secrets that come in through a stream, before anybody knows them: private keys in PEM, and the token that proves whose
 * a certificate is. A cloud that makes keys for its devices sends both.
 *
 * They come in pieces, as all bytes do. From the first that may belong to one until its end is there, what was read is
 * held back from the recording; then stand-ins are put into the pieces.
 */
import type { Secrets } from "./secrets.js";

/** Bytes that one stream may have held back; more than any key, with the certificate between. */
const HELD_MAXIMUM = 32_768;
const TOKEN = "certificateOwnershipToken";
/** What a secret begins with; a piece may end anywhere in it. */
const BEGINNINGS = Object.freeze(["-----BEGIN PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN EC PRIVATE KEY-----", TOKEN]);
/** Shorter ends of a piece are too common to wait for. */
const BEGINNING_MINIMUM = 2;
/** Behind the token's name: in JSON a colon and quotes; in CBOR the head of a text. */
const TOKEN_HEAD_MAXIMUM = 4;

interface Held {
	/** The pieces as they will be recorded. */
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
		return this.#streams.size > 0;
	}

	/** @param piece as it will be recorded: it may be changed until nothing is held back */
	add(id: number, piece: Uint8Array): void {
		const held = this.#streams.get(id) ?? { pieces: [] };
		held.pieces.push(piece);
		if (this.#look(held.pieces)) this.#streams.set(id, held);
		else this.#streams.delete(id);
	}

	/** Nothing more is waited for: what has begun and not ended is lost. */
	release(): void {
		for (const { pieces } of this.#streams.values()) this.#spoil(pieces);
		this.#streams.clear();
	}

	/** @returns true when a secret may have begun and not ended */
	#look(pieces: Uint8Array[]): boolean {
		const all = Buffer.concat(pieces), text = all.toString("latin1");
		let at = 0;
		for (;;) {
			const begun = BEGINNINGS.map(beginning => text.indexOf(beginning, at)).filter(found => found >= 0);
			if (begun.length === 0) break;
			const start = Math.min(...begun), end = text.startsWith(TOKEN, start) ? this.#takeToken(all, text, start) : this.#takeKey(all, text, start);
			if (end === undefined) {
				if (all.byteLength - start <= HELD_MAXIMUM) return put(all, pieces, true);
				this.#spoil(pieces);
				return false;
			}
			at = end;
		}
		const rest = text.slice(at);
		return put(all, pieces, BEGINNINGS.some(beginning => endsWithin(rest, beginning)));
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

	/** Whatever follows the first beginning is no secret any more. */
	#spoil(pieces: Uint8Array[]): void {
		const all = Buffer.concat(pieces), text = all.toString("latin1");
		const begun = BEGINNINGS.map(beginning => text.indexOf(beginning)).filter(found => found >= 0);
		if (begun.length > 0) all.fill("?", Math.min(...begun));
		put(all, pieces, false);
	}
}

function put(all: Buffer, pieces: readonly Uint8Array[], result: boolean): boolean {
	let at = 0;
	for (const piece of pieces) {
		piece.set(all.subarray(at, at + piece.byteLength));
		at += piece.byteLength;
	}
	return result;
}

function endsWithin(text: string, beginning: string): boolean {
	for (let length = Math.min(beginning.length - 1, text.length); length >= BEGINNING_MINIMUM; length--) {
		if (text.endsWith(beginning.slice(0, length))) return true;
	}
	return false;
}
