// SPDX-License-Identifier: Apache-2.0
/**
 * Signatures of Ed25519, over the arithmetic of `@noble/ed25519`.
 *
 * Of that package only points are used. Its own `verify` fills a table of 4,224 points, a megabyte and more on the
 * device, and takes SHA-512 from a variable of its module; here both multiplications share their doublings, and nothing
 * is kept. All of it is public, so that nothing need take constant time.
 *
 * What is valid is what RFC 8032 calls so, read strictly: S below the order, canonical encodings of both points, no
 * public key of small order, and the equation without the cofactor. OpenSSL and libsodium judge alike.
 *
 * Spec: RFC 8032 §5.1.7.
 */
import type { Digest } from "../host.js";
import type { Ed25519 } from "./manifest.js";

/** What is used of a point. */
export interface EdwardsPoint {
	add(other: EdwardsPoint): EdwardsPoint;
	double(): EdwardsPoint;
	negate(): EdwardsPoint;
	equals(other: EdwardsPoint): boolean;
	isSmallOrder(): boolean;
}

/** What is used of the class `Point` of `@noble/ed25519`. */
export interface EdwardsCurve {
	readonly BASE: EdwardsPoint;
	readonly ZERO: EdwardsPoint;
	/** Throws for what is no canonical encoding of a point. */
	fromBytes(bytes: Uint8Array): EdwardsPoint;
	CURVE(): { readonly n: bigint };
}

const LENGTH = 32;
const WORD_BITS = 32n;
const WORD_MASK = 0xffff_ffffn;
/** Of a scalar. */
const WORDS = 8;

/**
 * What `ReleaseKey.ed25519` is for keys of Ed25519.
 * @param Point the class of that name of `@noble/ed25519` 3
 */
export function ed25519(Point: EdwardsCurve): Ed25519 {
	return new Verifier(Point);
}

class Verifier implements Ed25519 {
	readonly #curve: EdwardsCurve;

	constructor(curve: EdwardsCurve) {
		this.#curve = curve;
	}

	verify(signature: Uint8Array, bytes: Uint8Array, key: Uint8Array, digest: Digest): boolean {
		if (signature.byteLength !== 2 * LENGTH || key.byteLength !== LENGTH) return false;
		const { n } = this.#curve.CURVE();
		const S = integerOf(signature, LENGTH, LENGTH);
		if (S >= n) return false;
		const encodedR = signature.subarray(0, LENGTH);
		const R = this.decode(encodedR);
		const A = this.decode(key);
		if (R === undefined || A === undefined || A.isSmallOrder()) return false;
		digest.update(encodedR);
		digest.update(key);
		digest.update(bytes);
		const k = integerOf(digest.digest(), 0, 2 * LENGTH) % n;
		return this.sum(wordsOf(S), wordsOf(k), A.negate()).equals(R);
	}

	private decode(encoded: Uint8Array): EdwardsPoint | undefined {
		try {
			return this.#curve.fromBytes(encoded);
		} catch {
			return undefined;
		}
	}

	/** The base point times one scalar, and `point` times the other, added while they are made. */
	private sum(scalar: readonly number[], other: readonly number[], point: EdwardsPoint): EdwardsPoint {
		const { BASE, ZERO } = this.#curve;
		const addends = [ZERO, BASE, point, BASE.add(point)];
		let sum = ZERO;
		for (let index = WORDS - 1; index >= 0; index--) {
			const one = scalar[index]!;
			const two = other[index]!;
			for (let bit = 31; bit >= 0; bit--) {
				sum = sum.double();
				const which = one >>> bit & 1 | (two >>> bit & 1) << 1;
				if (which !== 0) sum = sum.add(addends[which]!);
			}
		}
		return sum;
	}
}

/** Little-endian, as all numbers of Ed25519. */
function integerOf(bytes: Uint8Array, start: number, length: number): bigint {
	const view = new DataView(bytes.buffer, bytes.byteOffset + start, length);
	let value = 0n;
	for (let offset = length - 4; offset >= 0; offset -= 4) {
		value = value << WORD_BITS | BigInt(view.getUint32(offset, true));
	}
	return value;
}

/** The words of a scalar, lowest first: to look at bits of a BigInt takes a new one for each. */
function wordsOf(scalar: bigint): number[] {
	const words: number[] = [];
	for (let rest = scalar; words.length < WORDS; rest >>= WORD_BITS) words.push(Number(rest & WORD_MASK));
	return words;
}
