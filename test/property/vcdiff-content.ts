// SPDX-License-Identifier: Apache-2.0
/** Content as a release has it, and what becomes of it from one release to the next. */
import type { Random } from "./random.js";

export function randomBytes(random: Random, length: number, values = 256): Uint8Array {
	return Uint8Array.from({ length }, () => random.below(values));
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
	const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
	let at = 0;
	for (const part of parts) {
		whole.set(part, at);
		at += part.length;
	}
	return whole;
}

/** Stretches of much and of little variety, and of one value. */
export function content(random: Random, length: number): Uint8Array {
	const parts: Uint8Array[] = [];
	for (let at = 0; at < length;) {
		const size = 1 + random.below(600);
		const part = random.once(5) ? new Uint8Array(size).fill(random.pick([0, 255, 7])) : randomBytes(random, size, random.pick([4, 40, 256]));
		parts.push(part);
		at += size;
	}
	return joined(parts).subarray(0, length);
}

/** `base` with parts that are left out, new, moved, replaced or repeated, and with pointers that are shifted. */
export function edit(random: Random, base: Uint8Array): Uint8Array {
	let target: Uint8Array = base.slice();
	for (let edits = random.below(8); edits > 0; edits--) {
		const start = random.below(target.length + 1);
		const end = Math.min(start + random.below(random.pick([4, 60, 3_000])), target.length);
		const before = target.subarray(0, start);
		const after = target.subarray(end);
		const part = target.slice(start, end);
		const kind = random.below(6);
		if (kind === 0) target = joined([before, after]);
		else if (kind === 1) target = joined([before, randomBytes(random, random.below(500)), part, after]);
		else if (kind === 2) target = joined([after, part, before]);
		else if (kind === 3) target = joined([before, randomBytes(random, part.length), after]);
		else if (kind === 4) target = joined([before, part, part, part, after]).subarray(0, 3 * base.length + 1_000);
		else target = target.map((byte, index) => index >= start && index % 12 === 0 ? byte + 4 : byte);
	}
	return target;
}
