// SPDX-License-Identifier: Apache-2.0
/**
 * Files as a device needs them: replaced whole or not at all, and on the disk when a call returns.
 *
 * The new content is written beside the old one, brought to the disk and renamed over it; the directory is
 * brought to the disk too, or a power cut of the laptop could undo the rename.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { DeviceError } from "../../src/base/error.js";

/** Marks a file that is being written. No key, domain or partition has a dot in its file name. */
const UNFINISHED = ".new";

export function replaceFile(path: string, content: Uint8Array): void {
	attempt(`writing ${path}`, () => {
		makeDirectory(dirname(path));
		const descriptor = openSync(path + UNFINISHED, "w");
		try {
			writeFileSync(descriptor, content);
			fsyncSync(descriptor);
		} finally {
			closeSync(descriptor);
		}
		renameSync(path + UNFINISHED, path);
		syncDirectory(dirname(path));
	});
}

/** The content, or `undefined` when there is no such file. */
export function readFile(path: string): Uint8Array | undefined {
	return ifPresent(`reading ${path}`, () => new Uint8Array(readFileSync(path)));
}

export function removeFile(path: string): void {
	ifPresent(`deleting ${path}`, () => {
		unlinkSync(path);
		syncDirectory(dirname(path));
	});
}

/** Runs `action`; `undefined` when the file that it asks for is not there. */
export function ifPresent<T>(what: string, action: () => T): T | undefined {
	return attempt(what, () => {
		try {
			return action();
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
			throw error;
		}
	});
}

/** Turns what the file system throws into the codes of the contract. */
export function attempt<T>(what: string, action: () => T): T {
	try {
		return action();
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		const full = code === "ENOSPC" || code === "EDQUOT";
		throw new DeviceError(full ? "full" : "storage", `${what} failed: ${code}`, { cause: error });
	}
}

/** A name as a file name that is safe and distinct on every file system, also where upper and lower case are one. */
export function toFileName(name: string): string {
	return name.replace(/[^a-z0-9_-]/g, character => `%${character.charCodeAt(0).toString(16)}`);
}

/** The name behind a file name, or `undefined` for a file that is not one of ours or is not finished. */
export function fromFileName(fileName: string): string | undefined {
	if (!/^([a-z0-9_-]|%[2-7][0-9a-f])+$/.test(fileName)) return undefined;
	return fileName.replace(/%(..)/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

function makeDirectory(directory: string): void {
	if (existsSync(directory)) return;
	makeDirectory(dirname(directory));
	mkdirSync(directory, { recursive: true });
	syncDirectory(dirname(directory));
}

function syncDirectory(directory: string): void {
	// Windows cannot open a directory, and journals its entries itself.
	if (process.platform === "win32") return;
	const descriptor = openSync(directory, "r");
	try {
		fsyncSync(descriptor);
	} finally {
		closeSync(descriptor);
	}
}
