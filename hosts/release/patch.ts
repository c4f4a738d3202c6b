// SPDX-License-Identifier: Apache-2.0
/** Follows a patch as a device does, with the device's own decoder. */
import { PatchDecoder, type PatchSource } from "../../src/ota/vcdiff.js";

/**
 * What `patch` makes of `base`.
 * @param size bytes that it makes, as the manifest says
 * @throws UpdateError `patch`, `patch-bomb`
 */
export function applyPatch(patch: Uint8Array, base: Uint8Array, size: number): Uint8Array {
	const made = new Uint8Array(size);
	const decoder = new PatchDecoder({ base: sourceOf(base), baseSize: base.byteLength, made: sourceOf(made), size });
	for (let at = 0; at < patch.byteLength;) {
		at = decoder.push(patch, at, patch.byteLength);
		const { bytes, start, end, outputOffset } = decoder;
		if (end > start) made.set(bytes.subarray(start, end), outputOffset - (end - start));
	}
	decoder.finish();
	return made;
}

function sourceOf(content: Uint8Array): PatchSource {
	return { read: (target, offset) => target.set(content.subarray(offset, offset + target.byteLength)) };
}
