// SPDX-License-Identifier: Apache-2.0
/**
 * The numbers within a private key that are as secret as the whole: the scalar of P-256; of RSA the exponent, the primes
 * and what is computed from them. Where they lie in PKCS#8 (RFC 5958), SEC 1 (RFC 5915) or PKCS#1 (RFC 8017 §A.1.2).
 */

export interface Part {
	readonly start: number;
	readonly end: number;
}

const INTEGER = 0x02, OCTET_STRING = 0x04, SEQUENCE = 0x30;
/** Values within values: the key in its wrapping. */
const DEPTH_MAXIMUM = 4;
const PART_MINIMUM = 16;
/** Of RSA: version, modulus and public exponent come first. */
const PUBLIC_INTEGERS = 3;

interface Value extends Part {
	readonly tag: number;
}

/** Empty for what is no key of these forms. */
export function partsOf(key: Uint8Array): Part[] {
	const parts: Part[] = [];
	let level = valuesIn(key, { start: 0, end: key.byteLength });
	if (level.length !== 1 || level[0]!.tag !== SEQUENCE) return parts;
	for (let depth = 0; depth < DEPTH_MAXIMUM && level.length > 0; depth++) {
		const integers = level.filter(({ tag }) => tag === INTEGER);
		// A number whose first bit is set has a zero before it.
		parts.push(...integers.slice(PUBLIC_INTEGERS).map(({ start, end }) => ({ start: key[start] === 0 ? start + 1 : start, end })));
		const octets = level.filter(({ tag }) => tag === OCTET_STRING), wraps = octets.filter(part => valuesIn(key, part)[0]?.tag === SEQUENCE);
		parts.push(...octets.filter(part => !wraps.includes(part)));
		const inner = depth === 0 ? level : wraps;
		level = inner.flatMap(part => valuesIn(key, part)).flatMap(value => depth > 0 && value.tag === SEQUENCE ? valuesIn(key, value) : [value]);
	}
	return parts.filter(({ start, end }) => end - start >= PART_MINIMUM);
}

/** The values that `part` is made of; none when it is not made of values. */
function valuesIn(key: Uint8Array, part: Part): Value[] {
	const values: Value[] = [];
	for (let at = part.start; at < part.end;) {
		const tag = key[at]!;
		let length = key[at + 1] ?? 0, start = at + 2;
		if (length >= 0x80) {
			const count = length & 0x7f;
			if (count < 1 || count > 3) return [];
			length = 0;
			for (; start < at + 2 + count; start++) length = length * 256 + (key[start] ?? 0);
		}
		at = start + length;
		if (at > part.end) return [];
		values.push({ tag, start, end: at });
	}
	return values;
}
