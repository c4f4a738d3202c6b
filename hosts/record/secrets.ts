// SPDX-License-Identifier: Apache-2.0
/**
 * The secrets of a device, and what stands in for them in its recording.
 *
 * Each has a stand-in of its length. What is recorded has that in its place, and so has what goes out before it is
 * digested: a replay, whose program was given the stand-in to begin with, says the very same. What is computed from a
 * secret by a digest, as all keys of HKDF are, is a secret too.
 *
 * A stand-in is random from a seed and the number of the secret: it tells nothing of it.
 */
import { decodeSlot, encodeSlot } from "../../src/identity/slots.js";
import { IDENTITY } from "../../src/identity/credentials.js";
import { decodeParameters, encodeParameters } from "../../src/oscore/parameters.js";
import { Random } from "../world/random.js";
import { text } from "../world/text.js";
import { rawForm, textForms, type Form } from "./forms.js";
import { partsOf } from "./key-parts.js";

/** Bytes; anything shorter would be found everywhere. It is replaced only where it stands by itself. */
const SEARCHED_MINIMUM = 8;
/** Secrets that are searched for, those that were computed included. */
const SECRETS_MAXIMUM = 512;
/** Bits of a stand-in: with never more than three set in a row, and none at the ends, base64 of all kinds is the same. */
const PLAIN = 0x6e;
/** Of a stand-in for text: from a on. */
const LETTER = 0x61, LETTERS = 26;
/** Bytes of a secret that is known by itself, without a search. */
const WHOLE_MAXIMUM = 4096;
/** What HMAC mixes a key with before it digests it (RFC 2104 §2), and the longest key that it takes as it is. */
const PADS = Object.freeze([0x36, 0x5c]);
const BLOCK_LENGTH = 64;
/** Keys of the domain `identity` whose whole value is secret. */
const WHOLE: readonly string[] = Object.freeze(["key", "psk"]);
const SLOTS: readonly string[] = Object.freeze(["slot0", "slot1"]);

export class Secrets {
	readonly #random = new Random("stand-in");
	readonly #standIns = new Map<string, Uint8Array>();
	/** Longest first: what contains another is replaced as a whole. */
	#forms: Form[] = [];
	readonly #mixed: Buffer[] = [];

	/** @returns the stand-in */
	learn(secret: Uint8Array, isDerived = false): Uint8Array {
		const name = nameOf(secret), known = this.#standIns.get(name);
		if (known !== undefined) return known;
		const masked = this.mask(secret);
		// A wrapping of what is known already: a program that was given the stand-in wraps that.
		if (masked !== secret) {
			this.#keep(secret, masked, isDerived);
			return masked;
		}
		const standIn = this.#makeStandIn(secret.byteLength, byte => byte & PLAIN);
		this.#keep(secret, standIn, isDerived);
		for (const { start, end } of isDerived ? [] : partsOf(secret)) this.#keep(secret.subarray(start, end), standIn.subarray(start, end), false);
		return standIn;
	}

	/** A secret that is text without anything that is escaped anywhere. @returns the stand-in, letters */
	learnText(secret: Uint8Array): Uint8Array {
		const known = this.#standIns.get(nameOf(secret));
		if (known !== undefined) return known;
		const standIn = this.#makeStandIn(secret.byteLength, byte => LETTER + byte % LETTERS);
		this.#keep(secret, standIn, true);
		return standIn;
	}

	/** `bytes` with stand-ins for all secrets in them; the very same bytes where there are none. */
	mask(bytes: Uint8Array): Uint8Array {
		if (bytes.byteLength < SEARCHED_MINIMUM || this.#standIns.size === 0) return bytes;
		const whole = bytes.byteLength > WHOLE_MAXIMUM ? undefined : this.#standIns.get(nameOf(bytes));
		if (whole !== undefined) return whole;
		let masked = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), isCopy = false;
		for (const { needle, replace } of this.#forms) {
			for (let at = masked.indexOf(needle); at >= 0; at = masked.indexOf(needle, at + needle.byteLength)) {
				if (!isCopy) masked = Buffer.from(masked);
				isCopy = true;
				replace(masked, at);
			}
		}
		return isCopy ? new Uint8Array(masked) : bytes;
	}

	maskText(line: string): string {
		if (line.length < SEARCHED_MINIMUM || this.#forms.length === 0) return line;
		const bytes = Buffer.from(line), masked = this.mask(bytes);
		return masked === bytes ? line : Buffer.from(masked).toString();
	}

	/** True when a digest of this tells something of a secret. */
	isIn(bytes: Uint8Array): boolean {
		if (bytes.byteLength < SEARCHED_MINIMUM) return false;
		return this.mask(bytes) !== bytes || this.#mixed.some(needle => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(needle));
	}

	/** A value of the storage as it is recorded. What is secret by its place is learnt. */
	maskValue(path: string, key: string, value: Uint8Array): Uint8Array {
		if (path === IDENTITY) {
			if (WHOLE.includes(key)) return this.learn(value);
			if (SLOTS.includes(key)) return this.#maskSlot(value);
			if (key === "oscore") return this.#maskParameters(value);
		}
		return this.mask(value);
	}

	#makeStandIn(length: number, limit: (byte: number) => number): Uint8Array {
		const standIn = new Uint8Array(length);
		this.#random.fork(String(this.#standIns.size)).fill(standIn);
		return standIn.map(limit);
	}

	#keep(secret: Uint8Array, standIn: Uint8Array, isDerived: boolean): void {
		const name = nameOf(secret);
		if (this.#standIns.has(name)) return;
		this.#standIns.set(name, standIn);
		if (secret.byteLength < SEARCHED_MINIMUM || this.#standIns.size > SECRETS_MAXIMUM) return;
		this.#forms.push(rawForm(secret, standIn), ...isDerived ? [] : textForms(secret, standIn));
		this.#forms.sort((one, other) => other.needle.byteLength - one.needle.byteLength);
		if (secret.byteLength <= BLOCK_LENGTH) for (const pad of PADS) this.#mixed.push(Buffer.from(secret.map(byte => byte ^ pad)));
	}

	/** Encoded again, because it has a check of itself. */
	#maskSlot(value: Uint8Array): Uint8Array {
		try {
			const slot = decodeSlot(text, value), { key } = slot.credentials;
			if (key === undefined && slot.note === undefined) return this.mask(value);
			const credentials = { ...slot.credentials, key: key && this.learn(key) };
			return encodeSlot(text, { ...slot, credentials, note: slot.note && this.mask(slot.note) });
		} catch {
			// Damaged, so that nobody knows where in it the key is.
			return this.learn(value);
		}
	}

	#maskParameters(value: Uint8Array): Uint8Array {
		try {
			const parameters = decodeParameters(text, value);
			return encodeParameters(text, { ...parameters, masterSecret: this.learn(parameters.masterSecret) });
		} catch {
			return this.learn(value);
		}
	}
}

function nameOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
	return Buffer.from(buffer, byteOffset, byteLength).toString("latin1");
}
