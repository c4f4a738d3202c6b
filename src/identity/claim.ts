// SPDX-License-Identifier: Apache-2.0
/**
 * The note beside a certificate that is not registered yet: the token that proves that it is ours, and until when.
 *
 * A byte for the kind of note, then the expiry (seconds since 1970, 32 bits; 0: not known), then the token, UTF-8.
 */
import { Reader } from "../bytes/reader.js";
import { Writer } from "../bytes/writer.js";
import type { TextCodec } from "../host.js";

export interface Claim {
	token: string;
	/** Wall clock ms; 0: not known. */
	expiry: number;
}

const CLAIM = 1;
const HEAD_LENGTH = 1 + 4;
const REGISTERED = 2;

/** The note of a certificate that was registered: only the write that puts it in force is missing. */
export function registeredNote(): Uint8Array {
	return Uint8Array.of(REGISTERED);
}

export function encodeClaim(text: TextCodec, { token, expiry }: Claim): Uint8Array {
	const bytes = new Uint8Array(HEAD_LENGTH + text.byteLength(token));
	const writer = new Writer(text);
	writer.reset(bytes, 0, bytes.byteLength);
	writer.uint8(CLAIM);
	writer.uint32(Math.floor(expiry / 1000));
	writer.utf8Bytes(token);
	return bytes;
}

/** `undefined` for a note of another kind, or none. @throws DeviceError `malformed` */
export function decodeClaim(text: TextCodec, note: Uint8Array | undefined): Claim | undefined {
	if (note === undefined || note.byteLength <= HEAD_LENGTH || kindOf(note) !== CLAIM) return undefined;
	const reader = new Reader(text);
	reader.reset(note, 1, note.byteLength);
	const expiry = reader.uint32() * 1000;
	return { token: text.decode(note, HEAD_LENGTH, note.byteLength), expiry };
}

export function isRegistered(note: Uint8Array | undefined): boolean {
	return note?.byteLength === 1 && kindOf(note) === REGISTERED;
}

function kindOf(note: Uint8Array): number | undefined {
	return note.at(0);
}
