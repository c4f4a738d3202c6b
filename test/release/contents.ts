// SPDX-License-Identifier: Apache-2.0
/** Contents for releases. */

/** Noise that no patch makes smaller. */
export function noise(length: number, seed: number): Uint8Array {
	let state = seed >>> 0 || 1;
	return Uint8Array.from({ length }, () => {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
		return state >>> 24;
	});
}

/** `base` with `count` bytes changed, spread over it. */
export function touched(base: Uint8Array, count: number): Uint8Array {
	const changed = base.slice();
	for (let index = 0; index < count; index++) changed[Math.floor(index * base.byteLength / count)]! ^= 0x55;
	return changed;
}
