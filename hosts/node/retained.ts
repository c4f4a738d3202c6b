// SPDX-License-Identifier: Apache-2.0
/**
 * Memory that a reset leaves as it is: written to the device's directory when its process ends, however the program
 * ends it. A process that is killed writes nothing, as the file is gone since it began: that is the power cut.
 */
import { randomFillSync } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { RETAINED_LENGTH } from "../../src/host.js";
import { attempt, readFile, removeFile, replaceFile } from "./file.js";

/** By directory: whoever makes the host of a device anew in one process finds the device's memory again. */
const memories = new Map<string, Uint8Array>();

/** Found or made when the program first asks: a device that never does needs no file. */
export function retained(directory: string): Uint8Array {
	const place = resolve(directory);
	let memory = memories.get(place);
	if (memory === undefined) {
		attempt(`making ${place}`, () => mkdirSync(place, { recursive: true }));
		memory = load(join(place, "retained"));
		if (memories.size === 0) process.on("exit", save);
		memories.set(place, memory);
	}
	return memory;
}

function load(file: string): Uint8Array {
	const kept = readFile(file);
	if (kept !== undefined) removeFile(file);
	return kept?.byteLength === RETAINED_LENGTH ? kept : randomFillSync(new Uint8Array(RETAINED_LENGTH));
}

function save(): void {
	for (const [directory, memory] of memories) {
		// A device that was taken away since has no memory.
		if (!existsSync(directory)) continue;
		try {
			replaceFile(join(directory, "retained"), memory);
		} catch {
			// Lost, as by a power cut: how the process ends is not changed by that.
		}
	}
}
