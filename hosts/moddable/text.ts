// SPDX-License-Identifier: Apache-2.0
/**
 * UTF-8 by native code. XS keeps strings as UTF-8, so encoding is a copy.
 *
 * `String.fromArrayBuffer` would be the cheaper decoder, but it takes overlong forms (U+0000 as C0 80), surrogates
 * and bytes that are no UTF-8 at all; the SDK's text/decoder does not.
 */
import TextDecoder from "text/decoder";
import TextEncoder from "text/encoder";
import { DeviceError } from "../../src/base/error.js";
import type { TextCodec } from "../../src/host.js";
import { checkBytes, isIntegerIn } from "./check.js";

/** Made at run time: a preloaded module cannot hold a native object. */
let decoder: TextDecoder | undefined;

export const text: TextCodec = Object.freeze({
	byteLength: (text: string) => encodeWhole(text).byteLength,

	encode(text: string, target: Uint8Array, start: number): number {
		checkBytes(target);
		const { byteLength } = target;
		if (!isIntegerIn(start, 0, byteLength)) throw new DeviceError("argument", `the text starts at ${start} of ${byteLength} bytes`);
		const bytes = encodeWhole(text);
		const room = byteLength - start;
		if (bytes.byteLength > room) throw new DeviceError("full", `the text needs ${bytes.byteLength} bytes of ${room}`);
		target.set(bytes, start);
		return bytes.byteLength;
	},

	decode(bytes: Uint8Array, start: number, end: number): string {
		checkBytes(bytes);
		if (!isIntegerIn(end, 0, bytes.byteLength) || !isIntegerIn(start, 0, end)) {
			throw new DeviceError("argument", `the text is from ${start} to ${end} of ${bytes.byteLength} bytes`);
		}
		try {
			return decodeStrictly(bytes.subarray(start, end));
		} catch (error) {
			throw new DeviceError("malformed", "the bytes are no well-formed UTF-8", { cause: error });
		}
	},
});

function encodeWhole(text: string): Uint8Array {
	if (text.isWellFormed()) return new Uint8Array(ArrayBuffer.fromString(text));
	// Unpaired halves of surrogates, or halves that became a pair only at run time: the encoder joins those, and what
	// is left of the others is ill-formed.
	const bytes = new TextEncoder().encode(text);
	try {
		decodeStrictly(bytes);
	} catch {
		throw new DeviceError("argument", "the text has an unpaired surrogate");
	}
	return bytes;
}

function decodeStrictly(bytes: Uint8Array): string {
	return (decoder ??= new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })).decode(bytes);
}
