// SPDX-License-Identifier: Apache-2.0
/** A recording as the commands begin it, and as they tell of it. */
import { readFile, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { DeviceError } from "../../../src/base/error.js";
import { Recording, RecordingFile, type Summary } from "../../record/index.js";
import type { Console } from "./console.js";

/** Makes an empty one in the place of what is there. @returns its file, wherever a process that writes it is */
export async function beginRecording(path: string): Promise<string> {
	const file = resolve(path);
	await rm(file, { force: true });
	new RecordingFile(file).close();
	return file;
}

/** @throws DeviceError `storage`, `malformed` */
export async function openRecording(file: string): Promise<Recording> {
	let bytes: Uint8Array;
	try {
		bytes = await readFile(file);
	} catch (error) {
		throw new DeviceError("storage", `cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`, { cause: error });
	}
	return new Recording(bytes);
}

export async function sayRecording(file: string, output: Console): Promise<void> {
	const summary = (await openRecording(file)).summarize();
	output.note("recording", { file, ...summary }, `recording: ${describe(summary)}`);
}

export function describe({ boots, events, calls, bytes, fingerprint }: Summary): string {
	return `${boots} boot${boots === 1 ? "" : "s"}, ${events} events, ${calls} calls, ${bytes} bytes: fingerprint ${fingerprint}`;
}
