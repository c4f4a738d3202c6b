// SPDX-License-Identifier: Apache-2.0
/** Random numbers out of the host's random bytes. */
import type { Host } from "../host.js";
import { Reader } from "./reader.js";

/** A whole number from 0 to 2^32 - 1. */
export function randomWord(host: Host): number {
	const bytes = new Uint8Array(4);
	host.random(bytes);
	const reader = new Reader(host.text);
	reader.reset(bytes, 0, bytes.byteLength);
	return reader.uint32();
}
