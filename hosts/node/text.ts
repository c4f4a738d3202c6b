// SPDX-License-Identifier: Apache-2.0
/** UTF-8 by the codec of the platform, refusing what Node would silently replace. */
import { DeviceError } from "../../src/base/error.js";
import type { TextCodec } from "../../src/host.js";
import { checkBytes, isIntegerIn } from "./check.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** With the `u` flag a well-formed pair is one character, so only unpaired halves are of this class. */
const UNPAIRED = /\p{Surrogate}/u;

export const text: TextCodec = Object.freeze({
	byteLength,

	encode(text: string, target: Uint8Array, start: number): number {
		const count = byteLength(text);
		checkBytes("the target of a text", target);
		if (!isIntegerIn(start, 0, target.byteLength)) throw new DeviceError("argument", `the text starts at ${start} of ${target.byteLength} bytes`);
		if (count > target.byteLength - start) {
			throw new DeviceError("full", `the text needs ${count} bytes of ${target.byteLength - start}`);
		}
		encoder.encodeInto(text, target.subarray(start));
		return count;
	},

	decode(bytes: Uint8Array, start: number, end: number): string {
		checkBytes("a text", bytes);
		if (!isIntegerIn(end, 0, bytes.byteLength) || !isIntegerIn(start, 0, end)) {
			throw new DeviceError("argument", `the text is from ${start} to ${end} of ${bytes.byteLength} bytes`);
		}
		try {
			return decoder.decode(bytes.subarray(start, end));
		} catch (error) {
			throw new DeviceError("malformed", "the bytes are no well-formed UTF-8", { cause: error });
		}
	},
});

function byteLength(text: string): number {
	if (UNPAIRED.test(text)) throw new DeviceError("argument", "the text has an unpaired surrogate");
	return Buffer.byteLength(text, "utf8");
}
