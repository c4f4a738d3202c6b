// SPDX-License-Identifier: Apache-2.0
/**
 * Which signed commands were done: each is kept until it has expired, across resets, so that none is done twice.
 *
 * A record is the beginning of the SHA-256 of what tells it from others, and when it expires. An unexpired one is never
 * given up: where there is no room, the next command is refused. What was given up leaves the latest time of them
 * behind, and nothing that expires by then is taken any more: a clock that is set back makes nothing good again.
 */
import { DeviceError } from "../base/error.js";
import { textDigest, type DigestingHost } from "../bytes/text-digest.js";
import { isAt, setWord, wordAt } from "../bytes/word.js";
import type { Host } from "../host.js";
import { Reason } from "./declared.js";
import { Shelf } from "./shelf.js";

/** Signed commands that can be unexpired at one time. */
export const USED_MAXIMUM = 32;
/** s that a signed command may be valid. */
export const VALIDITY_MAXIMUM = 86_400;
const KEY = "signed";
/** Bytes of a digest that are kept. */
const DIGEST_LENGTH = 8;
/** Digest, and seconds since 1970. */
const RECORD_LENGTH = DIGEST_LENGTH + 4;
/** Before the records: the latest time of those that were given up. */
const HEADER_LENGTH = 4;
const SECONDS_MAXIMUM = 2 ** 32 - 1;

export type UsingHost = DigestingHost & Pick<Host, "storage" | "time">;

/**
 * Writes down that a command is done now.
 * @param key tells it from all others that are ever signed @param expires s since 1970
 * @returns "" when it may be done; else one of `Reason`
 * @throws DeviceError `storage`, `full`, `corrupt`
 */
export function admit(host: UsingHost, key: string, expires: number): string {
	const shelf = new Shelf(host.storage);
	const kept = shelf.read(KEY) ?? new Uint8Array(HEADER_LENGTH);
	const isWhole = (kept.byteLength - HEADER_LENGTH) % RECORD_LENGTH === 0;
	if (!isWhole) throw new DeviceError("corrupt", "no such records");
	const digest = textDigest(host, key).subarray(0, DIGEST_LENGTH);
	if (isKnown(kept, digest)) return Reason.REPLAYED;
	const wall = host.time.wall();
	if (wall === undefined) return Reason.NO_CLOCK;
	const now = Math.floor(wall / 1_000);
	if (expires <= now || expires <= wordAt(kept, 0)) return Reason.EXPIRED;
	if (expires > now + VALIDITY_MAXIMUM || expires > SECONDS_MAXIMUM) return Reason.TOO_LONG_VALID;
	const next = withRoom(kept, now);
	if (next === undefined) return Reason.FULL;
	next.set(digest, next.byteLength - RECORD_LENGTH);
	setWord(next, next.byteLength - 4, expires);
	shelf.write(KEY, next);
	return "";
}

function isKnown(kept: Uint8Array, digest: Uint8Array): boolean {
	const { byteLength } = kept;
	for (let at = HEADER_LENGTH; at < byteLength; at += RECORD_LENGTH) if (isAt(digest, kept, at)) return true;
	return false;
}

/**
 * A copy with room for a record at its end: where it is full, without those that have expired.
 * @returns `undefined` when none has
 */
function withRoom(kept: Uint8Array, now: number): Uint8Array | undefined {
	const { byteLength } = kept;
	const next = new Uint8Array(byteLength + RECORD_LENGTH);
	if (byteLength < HEADER_LENGTH + USED_MAXIMUM * RECORD_LENGTH) {
		next.set(kept);
		return next;
	}
	let latest = wordAt(kept, 0);
	let end = HEADER_LENGTH;
	for (let at = HEADER_LENGTH; at < byteLength; at += RECORD_LENGTH) {
		const expires = wordAt(kept, at + DIGEST_LENGTH);
		if (expires > now) {
			next.set(kept.subarray(at, at + RECORD_LENGTH), end);
			end += RECORD_LENGTH;
		} else if (expires > latest) {
			latest = expires;
		}
	}
	if (end === byteLength) return undefined;
	setWord(next, 0, latest);
	return next.slice(0, end + RECORD_LENGTH);
}
