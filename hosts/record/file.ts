// SPDX-License-Identifier: Apache-2.0
/** The file that a recording is written to, by one process after the other: each boot of a device goes on where the last one ended. */
import { createHash } from "node:crypto";
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { DeviceError } from "../../src/base/error.js";
import { CONTENT_MAXIMUM, decodeChunk, encodeFrame, FrameType, HEAD_LENGTH, locateFrame, MAGIC, readMagic } from "./frame.js";
import type { Record } from "./record.js";

export class RecordingFile {
	readonly #descriptor: number;
	/** Digests of the programs in it. */
	readonly #programs = new Set<string>();
	#size: number;

	/** Makes the file, or takes off what a process left unfinished. @throws DeviceError `storage`, `malformed` */
	constructor(path: string) {
		try {
			this.#descriptor = openSync(path, "a+", 0o600);
			this.#size = fstatSync(this.#descriptor).size;
		} catch (error) {
			throw new DeviceError("storage", `cannot write ${path}: ${(error as NodeJS.ErrnoException).code}`, { cause: error });
		}
		if (this.#size < MAGIC.byteLength) {
			ftruncateSync(this.#descriptor, 0);
			this.#size = 0;
			this.#append(MAGIC);
		} else {
			readMagic(this.#read(0, MAGIC.byteLength));
			this.#size = this.#walk();
			ftruncateSync(this.#descriptor, this.#size);
		}
	}

	/** Bytes so far. */
	get size(): number {
		return this.#size;
	}

	add(records: readonly Record[]): void {
		this.#append(encodeFrame(FrameType.RECORDS, records));
	}

	/** Puts a program into the recording, unless it is there already. @returns its digest */
	addProgram(program: Uint8Array): string {
		const digest = createHash("sha256").update(program).digest("hex"), { byteLength } = program;
		if (this.#programs.has(digest)) return digest;
		this.#programs.add(digest);
		for (let offset = 0; offset < byteLength; offset += CONTENT_MAXIMUM) {
			this.#append(encodeFrame(FrameType.PROGRAM, [digest, byteLength, offset, program.subarray(offset, offset + CONTENT_MAXIMUM)]));
		}
		return digest;
	}

	close(): void {
		closeSync(this.#descriptor);
	}

	#append(bytes: Uint8Array): void {
		for (let taken = 0; taken < bytes.byteLength;) taken += writeSync(this.#descriptor, bytes, taken);
		this.#size += bytes.byteLength;
	}

	/** @returns where the last whole frame ends */
	#walk(): number {
		let at = MAGIC.byteLength;
		for (;;) {
			const head = this.#read(at, HEAD_LENGTH), frame = locateFrame(head, at, this.#size);
			if (frame === undefined) return at;
			if (frame.type === FrameType.PROGRAM) this.#programs.add(decodeChunk(head, this.#read(frame.start, frame.end - frame.start))[0]);
			at = frame.end;
		}
	}

	#read(start: number, length: number): Buffer {
		const bytes = Buffer.alloc(length);
		return bytes.subarray(0, readSync(this.#descriptor, bytes, 0, length, start));
	}
}
