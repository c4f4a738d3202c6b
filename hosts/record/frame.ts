// SPDX-License-Identifier: Apache-2.0
/**
 * How a recording lies in its file: behind eight bytes that say what it is, frames that are whole or not there.
 *
 * | bytes | of a frame                                                        |
 * |-------|-------------------------------------------------------------------|
 * | 0     | 1: records; 2: a piece of a program                               |
 * | 1-3   | length of what follows the head, big-endian, FRAME_MAXIMUM at most |
 * | 4-7   | check of what follows                                             |
 * | 8…    | CBOR: an array of records, or the piece as an array               |
 *
 * A frame is written with one call, so that a process which is killed leaves at most its last one unfinished: everything
 * before can be replayed. A frame that is whole and has another check was altered, and then nothing is believed.
 */
import { Encoder } from "cbor-x";
import { Hash } from "../world/hash.js";
import { isKind } from "./kind.js";
import { malformed, type Chunk, type Record, type Value } from "./record.js";

export const MAGIC: Uint8Array = Buffer.from("MOORREC1", "latin1");
export const HEAD_LENGTH = 8;
/** Bytes behind the head of a frame. */
export const FRAME_MAXIMUM = 2 ** 18;
/** Bytes that one record may carry; longer contents are cut into several. */
export const CONTENT_MAXIMUM = 2 ** 16;

export const FrameType = Object.freeze({ RECORDS: 1, PROGRAM: 2 } as const);
export type FrameType = typeof FrameType[keyof typeof FrameType];

const codec = new Encoder({ useRecords: false, tagUint8Array: false, mapsAsObjects: true, variableMapSize: true });

export function encodeFrame(type: FrameType, value: readonly unknown[]): Uint8Array {
	const payload = codec.encode(value), frame = Buffer.alloc(HEAD_LENGTH + payload.byteLength);
	if (payload.byteLength > FRAME_MAXIMUM) throw new RangeError(`a frame of ${payload.byteLength} bytes`);
	frame.writeUInt32BE(type << 24 | payload.byteLength, 0);
	frame.writeUInt32BE(checkOf(payload), 4);
	frame.set(payload, HEAD_LENGTH);
	return frame;
}

/** Where the payload begins and ends; `undefined` when the file ends before it does. @throws DeviceError `malformed` */
export function locateFrame(head: Buffer, start: number, size: number): { type: FrameType; start: number; end: number } | undefined {
	if (head.byteLength < HEAD_LENGTH) return undefined;
	const type = head.readUInt8(0), length = head.readUIntBE(1, 3);
	if (type !== FrameType.RECORDS && type !== FrameType.PROGRAM || length > FRAME_MAXIMUM) throw malformed(`no frame at byte ${start}`);
	const end = start + HEAD_LENGTH + length;
	return end > size ? undefined : { type, start: start + HEAD_LENGTH, end };
}

export function readMagic(bytes: Uint8Array): void {
	if (Buffer.compare(bytes.subarray(0, MAGIC.byteLength), MAGIC) !== 0) throw malformed("it does not begin like one");
}

/** @throws DeviceError `malformed` */
export function decodeRecords(head: Buffer, payload: Buffer): readonly Record[] {
	const records = decode(head, payload);
	for (const record of records) if (!Array.isArray(record) || !isKind(record[0])) throw malformed("a record is none");
	return records.map(plain) as unknown as readonly Record[];
}

/** Without Node's own kind of bytes, which a program would know from others. */
function plain(value: Value): Value {
	if (value instanceof Uint8Array) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
	return Array.isArray(value) ? (value as readonly Value[]).map(plain) : value;
}

/** @throws DeviceError `malformed` */
export function decodeChunk(head: Buffer, payload: Buffer): Chunk {
	const [digest, total, offset, bytes] = decode(head, payload);
	if (typeof digest !== "string" || !isCount(total) || !isCount(offset) || !(bytes instanceof Uint8Array)) throw malformed("a piece of a program is none");
	return [digest, total, offset, bytes];
}

function isCount(value: Value): value is number {
	return Number.isSafeInteger(value) && (value as number) >= 0;
}

function decode(head: Buffer, payload: Buffer): readonly Value[] {
	if (head.readUInt32BE(4) !== checkOf(payload)) throw malformed("a check is wrong");
	let value: unknown;
	try {
		value = codec.decode(payload);
	} catch {
		throw malformed("a frame is no CBOR");
	}
	if (!Array.isArray(value)) throw malformed("a frame is no list");
	return value as Value[];
}

function checkOf(payload: Uint8Array): number {
	return Number.parseInt(new Hash().bytes(payload).hex().slice(0, 8), 16);
}
