// SPDX-License-Identifier: Apache-2.0
/**
 * The forms in which a secret may stand in what a program says: its bytes, hexadecimal, and base64 as it begins in any
 * of the three places of a group, also in the lines of PEM.
 *
 * Each form has what to look for, and puts a stand-in of the same length there. Base64 does not end where bytes do: the
 * characters at both ends hold bits of what stands around, which stay as they are.
 */

export interface Form {
	readonly needle: Buffer;
	/** Puts the stand-in where the needle was found. */
	replace(target: Buffer, at: number): void;
}

const STANDARD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** Characters in a line of PEM, and how lines end: as they are, and in JSON. */
const PEM_LINE = 64;
const LINE_ENDS = Object.freeze(["\n", "\r\n", "\\n", "\\r\\n"]);
const SIX_BITS = 6;

export function rawForm(real: Uint8Array, standIn: Uint8Array): Form {
	return literal(Buffer.from(real), Buffer.from(standIn));
}

export function textForms(real: Uint8Array, standIn: Uint8Array): Form[] {
	const [from, to] = [Buffer.from(real), Buffer.from(standIn)];
	const forms = [
		literal(Buffer.from(from.toString("hex")), Buffer.from(to.toString("hex"))),
		literal(Buffer.from(from.toString("hex").toUpperCase()), Buffer.from(to.toString("hex").toUpperCase())),
	];
	for (const alphabet of [STANDARD, URL_SAFE]) for (const place of [0, 1, 2]) forms.push(base64(from, to, place, alphabet));
	if (from.byteLength > PEM_LINE / 4 * 3) for (const end of LINE_ENDS) forms.push(literal(pem(from, end), pem(to, end)));
	return forms;
}

function literal(needle: Buffer, other: Buffer): Form {
	return { needle, replace: (target, at) => { target.set(other, at); } };
}

/** Whole lines, and the last: a key ends where its PEM does. */
function pem(bytes: Buffer, end: string): Buffer {
	return Buffer.from(bytes.toString("base64").match(/.{1,64}/g)!.join(end));
}

/** @param place bytes of others before it in its group of three */
function base64(from: Buffer, to: Buffer, place: number, alphabet: string): Form {
	const first = Math.ceil(place * 8 / SIX_BITS), end = Math.floor((place + from.byteLength) * 8 / SIX_BITS);
	const [real, other] = [from, to].map(bytes => encode(bytes, place, alphabet)) as [string, string];
	const before = place * 8 % SIX_BITS, after = (place + from.byteLength) * 8 % SIX_BITS;
	return {
		needle: Buffer.from(real.slice(first, end)),
		replace(target, at) {
			target.write(other.slice(first, end), at, "latin1");
			// The lower bits of the character before are the secret's, and the upper ones of the one behind.
			if (before > 0) mix(target, at - 1, other[first - 1]!, (1 << SIX_BITS - before) - 1, alphabet);
			if (after > 0) mix(target, at + end - first, other[end]!, 0x3f & ~((1 << SIX_BITS - after) - 1), alphabet);
		},
	};
}

function encode(bytes: Buffer, place: number, alphabet: string): string {
	const padded = Buffer.alloc(Math.ceil((place + bytes.byteLength) / 3) * 3);
	padded.set(bytes, place);
	return padded.toString(alphabet === STANDARD ? "base64" : "base64url");
}

function mix(target: Buffer, at: number, other: string, mask: number, alphabet: string): void {
	const character = at < 0 || at >= target.byteLength ? "" : String.fromCharCode(target[at]!);
	// Of the character alone: what was found may be the same in both alphabets.
	const value = character === "" ? -1 : Math.max(STANDARD.indexOf(character), URL_SAFE.indexOf(character));
	if (value >= 0) target.write(alphabet[value & ~mask | alphabet.indexOf(other) & mask]!, at, "latin1");
}
