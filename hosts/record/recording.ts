// SPDX-License-Identifier: Apache-2.0
/** A recording as it is read: its programs, and its records one after the other. */
import { createHash } from "node:crypto";
import { Hash } from "../world/hash.js";
import { decodeChunk, decodeRecords, FrameType, HEAD_LENGTH, locateFrame, MAGIC, readMagic } from "./frame.js";
import { isCall, isEvent, Kind } from "./kind.js";
import { malformed, type Form, type Record } from "./record.js";

/** Bytes of a program, as of an image that a device could hold. */
const PROGRAM_MAXIMUM = 2 ** 25;

export interface Summary {
	boots: number;
	events: number;
	calls: number;
	bytes: number;
	/** Of all that went out, as 16 hexadecimal digits. */
	fingerprint: string;
	/** Of the program, at its first boot; `undefined` without one. */
	form: Form | undefined;
	/** What the program asked past its host. */
	impure: readonly string[];
}

export class Recording {
	readonly #bytes: Buffer;
	readonly #programs = new Map<string, Buffer>();
	/** Bytes of whole frames: what follows was cut off. */
	readonly #size: number;
	#at = MAGIC.byteLength;
	#records: readonly Record[] = [];
	#next = 0;
	#taken = 0;
	/** Notes are no part of the run. */
	readonly #impure: string[] = [];

	/** Looks at all frames but not at their records. @throws DeviceError `malformed` */
	constructor(bytes: Uint8Array) {
		this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		readMagic(bytes);
		this.#size = this.#walk();
	}

	/** Records taken so far. */
	get taken(): number {
		return this.#taken;
	}

	/** False where the process that wrote it was killed in the middle of that. */
	get isWhole(): boolean {
		return this.#size === this.#bytes.byteLength;
	}

	/** The record that `take` would give; `undefined` at the end. @throws DeviceError `malformed` */
	peek(): Record | undefined {
		for (let record = this.#look(); record?.[0] === Kind.IMPURE; record = this.#look()) {
			this.#impure.push(String(record[1]));
			this.#next++;
		}
		return this.#look();
	}

	take(): Record | undefined {
		const record = this.peek();
		if (record === undefined) return undefined;
		this.#next++;
		this.#taken++;
		return record;
	}

	/** The program of this digest; `undefined` when it is not in the recording. @throws DeviceError `malformed` */
	program(digest: string): string | undefined {
		const program = this.#programs.get(digest);
		if (program === undefined) return undefined;
		if (createHash("sha256").update(program).digest("hex") !== digest) throw malformed("a program is not whole");
		return program.toString();
	}

	/** Of the whole recording; what was taken before plays no part. */
	summarize(): Summary {
		const reader = new Recording(this.#bytes), hash = new Hash(), impure = reader.#impure;
		let boots = 0, events = 0, calls = 0, form: Form | undefined;
		for (let record = reader.take(); record !== undefined; record = reader.take()) {
			const [kind, first] = record;
			if (kind === Kind.BOOT) {
				boots++;
				form ??= record[4] === "function" ? "function" : "module";
			}
			else if (isEvent(kind)) events++;
			else if (isCall(kind)) calls++;
			if ((isCall(kind) || kind === Kind.CRASH) && typeof first === "number") hash.number(first);
		}
		return { boots, events, calls, bytes: this.#bytes.byteLength, fingerprint: hash.hex(), form, impure };
	}

	#look(): Record | undefined {
		while (this.#next === this.#records.length) {
			if (this.#at >= this.#size) return undefined;
			const { head, payload, end } = this.#frame(this.#at)!;
			this.#at = end;
			this.#records = head.readUInt8(0) === FrameType.RECORDS ? decodeRecords(head, payload) : [];
			this.#next = 0;
		}
		return this.#records[this.#next];
	}

	#walk(): number {
		let at = MAGIC.byteLength;
		for (;;) {
			const frame = this.#frame(at);
			if (frame === undefined) return at;
			if (frame.head.readUInt8(0) === FrameType.PROGRAM) this.#keep(frame.head, frame.payload);
			at = frame.end;
		}
	}

	#keep(head: Buffer, payload: Buffer): void {
		const [digest, total, offset, bytes] = decodeChunk(head, payload);
		if (total > PROGRAM_MAXIMUM || offset + bytes.byteLength > total) throw malformed("a program is too long");
		const program = this.#programs.get(digest) ?? Buffer.alloc(total);
		if (program.byteLength !== total) throw malformed("a program has two lengths");
		program.set(bytes, offset);
		this.#programs.set(digest, program);
	}

	#frame(at: number): { head: Buffer; payload: Buffer; end: number } | undefined {
		const head = this.#bytes.subarray(at, at + HEAD_LENGTH), frame = locateFrame(head, at, this.#bytes.byteLength);
		return frame && { head, payload: this.#bytes.subarray(frame.start, frame.end), end: frame.end };
	}
}
