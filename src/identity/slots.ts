// SPDX-License-Identifier: Apache-2.0
/**
 * Where a credential is kept: one of two slots, and in each one value that is there whole or not at all.
 *
 * | key           | value                                                                             |
 * |---------------|-----------------------------------------------------------------------------------|
 * | `slot0`       | a credential, see below                                                           |
 * | `slot1`       | another                                                                           |
 * | `active`      | the number of the credential in force, 32 bits; absent: 0, the factory's          |
 *
 * Credentials are numbered as they come, and each goes to the slot of its parity: the one in force is never written to.
 * Number 0 is the factory's, which is kept in keys of its own (see credentials.ts) and not in `slot0`.
 *
 * A credential is a check (32 bits), its number (32 bits), id, endpoint, anchor, key, the count of certificates (8
 * bits), the certificates, the note, each behind its length of 16 bits and empty for absent; then zeros to a whole
 * number of words.
 */
import { DeviceError } from "../base/error.js";
import { Reader } from "../bytes/reader.js";
import { wordAt } from "../bytes/word.js";
import { Writer } from "../bytes/writer.js";
import type { TextCodec } from "../host.js";
import { mix } from "../storage/header.js";
import type { Credentials } from "./credentials.js";

export interface Slot {
	number: number;
	credentials: Credentials;
	note: Uint8Array | undefined;
}

/** Bytes of a value: two chains with RSA keys fit the storage of 24 KB that a device has, old and new. */
export const SLOT_MAXIMUM = 8_192;
/** Certificates of a chain, which TLS takes. */
const CHAIN_MAXIMUM = 5;
/** Lengths of id, endpoint, anchor, key and note, and the count. */
const LENGTHS = 5 * 2 + 1;
const CHECK_LENGTH = 4;
/** Layout 1 of a Moorline credential; so that no value of zeros has the right check. */
const MAGIC = 0x4d43_0001;
const NOTHING = new Uint8Array(0);

/** @throws DeviceError `argument`, `too-large` */
export function encodeSlot(text: TextCodec, { number, credentials, note = NOTHING }: Slot): Uint8Array {
	const { id, endpoint = "", anchor = NOTHING, key = NOTHING } = credentials;
	const chain = chainOf(credentials);
	let length = CHECK_LENGTH + 4 + LENGTHS + text.byteLength(id) + text.byteLength(endpoint) + anchor.byteLength
		+ key.byteLength + note.byteLength;
	for (const certificate of chain) length += 2 + certificate.byteLength;
	if (length > SLOT_MAXIMUM || chain.length > CHAIN_MAXIMUM) {
		throw new DeviceError("too-large", `a credential of ${length} bytes and ${chain.length} certificates`);
	}
	const bytes = new Uint8Array((length + 3) & -4);
	const writer = new Writer(text);
	writer.reset(bytes, CHECK_LENGTH, bytes.byteLength);
	writer.uint32(number);
	writer.utf8(id);
	writer.utf8(endpoint);
	writer.binary(anchor);
	writer.binary(key);
	writer.uint8(chain.length);
	for (const certificate of chain) writer.binary(certificate);
	writer.binary(note);
	writer.reset(bytes, 0, CHECK_LENGTH);
	writer.uint32(checkOf(bytes));
	return bytes;
}

/** @throws DeviceError `corrupt` */
export function decodeSlot(text: TextCodec, bytes: Uint8Array): Slot {
	const { byteLength } = bytes;
	if (byteLength % 4 !== 0 || byteLength < CHECK_LENGTH + 4 + LENGTHS || wordAt(bytes, 0) !== checkOf(bytes)) {
		throw new DeviceError("corrupt", "a credential in the storage is damaged");
	}
	const reader = new Reader(text);
	reader.reset(bytes, CHECK_LENGTH, byteLength);
	const number = reader.uint32();
	const id = reader.utf8();
	const endpoint = reader.utf8();
	const anchor = reader.binary();
	const key = reader.binary();
	const chain: Uint8Array[] = [];
	for (let count = reader.uint8(); count > 0; count--) chain.push(reader.binary());
	const note = reader.binary();
	return {
		number,
		credentials: {
			id,
			endpoint: endpoint === "" ? undefined : endpoint,
			anchor: present(anchor),
			certificate: chain[0],
			intermediates: chain.slice(1),
			key: present(key),
		},
		note: present(note),
	};
}

function chainOf({ certificate, intermediates = [] }: Credentials): readonly Uint8Array[] {
	return certificate === undefined ? intermediates : [certificate, ...intermediates];
}

function present(bytes: Uint8Array): Uint8Array | undefined {
	return bytes.byteLength === 0 ? undefined : bytes;
}

/** Of all but the check itself. Against wear and accidents: who can write to the storage can do worse. */
function checkOf(bytes: Uint8Array): number {
	const { byteLength } = bytes;
	let check = mix(MAGIC, byteLength);
	for (let at = CHECK_LENGTH; at < byteLength; at += 4) check = mix(check, wordAt(bytes, at));
	return check;
}
