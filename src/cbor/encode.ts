// SPDX-License-Identifier: Apache-2.0
/**
 * CBOR of what JSON can say, and bytes, in preferred serialization (RFC 8949 §4.1): every number in the fewest bytes
 * that keep its value, lengths known. Members stand in their own order, as in JSON.
 */
import { DeviceError } from "../base/error.js";
import { DEPTH_MAXIMUM } from "../bytes/document.js";
import type { Writer } from "../bytes/writer.js";
import type { TextCodec } from "../host.js";
import { Info, Major, type CBORObject, type CBORValue } from "./value.js";

const WORD = 0x1_0000_0000;

/** Where an encoding goes: a `Writer`, or nowhere but into a sum. */
type Target = Pick<Writer, "uint8" | "uint16" | "uint32" | "utf8Bytes" | "copy">;

/**
 * Bytes that `value` takes.
 * @throws DeviceError `argument` for what is no value, numbers that are not finite, unpaired surrogates and more than
 * `DEPTH_MAXIMUM` levels
 */
export function cborLength(text: TextCodec, value: CBORValue): number {
	const meter = new Meter(text);
	new Encoder(meter, text).encode(value);
	return meter.length;
}

/** @throws DeviceError as `cborLength`; `too-large` when it does not fit where `writer` stands */
export function encodeCBOR(writer: Writer, text: TextCodec, value: CBORValue): void {
	new Encoder(writer, text).encode(value);
}

class Meter implements Target {
	length = 0;
	readonly #text: TextCodec;

	constructor(text: TextCodec) {
		this.#text = text;
	}

	uint8(): void { this.length++; }
	uint16(): void { this.length += 2; }
	uint32(): void { this.length += 4; }
	utf8Bytes(value: string): number {
		const length = this.#text.byteLength(value);
		this.length += length;
		return length;
	}
	copy(_source: Uint8Array, start: number, end: number): void { this.length += end - start; }
}

class Encoder {
	readonly #target: Target;
	readonly #text: TextCodec;
	/** What is being written, outermost first; the names of its members, `undefined` of an array; and the next. */
	readonly #open: (CBORValue[] | CBORObject)[] = [];
	readonly #names: (string[] | undefined)[] = [];
	readonly #indexes: number[] = [];
	/** For the bits of floats, from the first on. */
	#scratch: DataView | undefined;

	constructor(target: Target, text: TextCodec) {
		this.#target = target;
		this.#text = text;
	}

	encode(value: CBORValue): void {
		for (let next: CBORValue | undefined = value; ;) {
			this.item(next);
			while (this.atEnd()) {
				if (this.#open.length === 0) return;
				this.#open.pop();
				this.#names.pop();
				this.#indexes.pop();
			}
			next = this.following();
		}
	}

	/** Whether nothing is to come of the innermost. */
	private atEnd(): boolean {
		const level = this.#open.length - 1;
		if (level < 0) return true;
		return this.#indexes[level] === (this.#names[level] ?? this.#open[level] as CBORValue[]).length;
	}

	/** The next value of the innermost, whose name, if it has one, is written. */
	private following(): CBORValue | undefined {
		const level = this.#open.length - 1;
		const index = this.#indexes[level]!++;
		const names = this.#names[level];
		if (names === undefined) return (this.#open[level] as CBORValue[])[index];
		const name = names[index]!;
		this.string(name);
		return (this.#open[level] as CBORObject)[name];
	}

	/** A scalar, or the head of an array or an object. */
	private item(value: CBORValue | undefined): void {
		switch (typeof value) {
			case "string": return this.string(value);
			case "number": return this.number(value);
			case "boolean": return this.head(Major.SIMPLE, value ? Info.TRUE : Info.FALSE);
			case "object": return this.object(value);
			default: throw new DeviceError("argument", `no CBOR is made of a value of type ${typeof value}`);
		}
	}

	private object(value: CBORValue[] | CBORObject | Uint8Array | null): void {
		if (value === null) return this.head(Major.SIMPLE, Info.NULL);
		if (value instanceof Uint8Array) {
			this.head(Major.BYTES, value.byteLength);
			return this.#target.copy(value, 0, value.byteLength);
		}
		if (this.#open.length === DEPTH_MAXIMUM) {
			throw new DeviceError("argument", `a value of more than ${DEPTH_MAXIMUM} levels`);
		}
		const names = Array.isArray(value) ? undefined : Object.keys(value);
		if (names === undefined) this.head(Major.ARRAY, (value as CBORValue[]).length);
		else this.head(Major.MAP, names.length);
		this.#open.push(value);
		this.#names.push(names);
		this.#indexes.push(0);
	}

	private string(value: string): void {
		this.head(Major.TEXT, this.#text.byteLength(value));
		this.#target.utf8Bytes(value);
	}

	private number(value: number): void {
		if (!Number.isSafeInteger(value) || Object.is(value, -0)) this.float(value);
		else if (value >= 0) this.head(Major.UNSIGNED, value);
		else this.head(Major.NEGATIVE, -1 - value);
	}

	private head(major: number, argument: number): void {
		const target = this.#target;
		const first = major << 5;
		if (argument < Info.UINT8) {
			target.uint8(first | argument);
		} else if (argument < 0x100) {
			target.uint8(first | Info.UINT8);
			target.uint8(argument);
		} else if (argument < 0x1_0000) {
			target.uint8(first | Info.UINT16);
			target.uint16(argument);
		} else if (argument < WORD) {
			target.uint8(first | Info.UINT32);
			target.uint32(argument);
		} else {
			target.uint8(first | Info.UINT64);
			target.uint32(Math.floor(argument / WORD));
			target.uint32(argument % WORD);
		}
	}

	private float(value: number): void {
		if (!Number.isFinite(value)) throw new DeviceError("argument", `no CBOR is made of ${value}`);
		const target = this.#target;
		const scratch = this.#scratch ??= new DataView(new ArrayBuffer(8));
		scratch.setFloat32(0, value);
		if (scratch.getFloat32(0) !== value) {
			scratch.setFloat64(0, value);
			target.uint8(Major.SIMPLE << 5 | Info.FLOAT64);
			target.uint32(scratch.getUint32(0));
			target.uint32(scratch.getUint32(4));
			return;
		}
		const bits = scratch.getUint32(0);
		const short = half(bits);
		if (short < 0) {
			target.uint8(Major.SIMPLE << 5 | Info.FLOAT32);
			target.uint32(bits);
		} else {
			target.uint8(Major.SIMPLE << 5 | Info.FLOAT16);
			target.uint16(short);
		}
	}
}

/** The 16 bits of the half that has the value of a finite float of 32 bits; -1 when none has. */
function half(bits: number): number {
	const sign = bits >>> 16 & 0x8000;
	const exponent = (bits >>> 23 & 0xff) - 127;
	const significand = bits & 0x7f_ffff;
	if (exponent === -127 && significand === 0) return sign;
	if (exponent > 15 || exponent < -24) return -1;
	if (exponent >= -14) return (significand & 0x1fff) === 0 ? sign | exponent + 15 << 10 | significand >> 13 : -1;
	// Below these it has no leading one of its own.
	const whole = significand | 0x80_0000;
	const shift = -1 - exponent;
	return (whole & (1 << shift) - 1) === 0 ? sign | whole >> shift : -1;
}
