// SPDX-License-Identifier: Apache-2.0
/**
 * Files of the simulated device, in the layout of the Node host, so that a directory made there or by the command
 * line works here: `<directory>/storage/<domain>/<key>`, `<directory>/flash/<partition>`, `<directory>/identifier`.
 */
import { Directory, File, Iterator } from "file";
import config from "mc/config";
import { DeviceError } from "../../../src/base/error.js";

/** Marks a file that is being written. No key, domain or partition has a dot in its file name. */
const UNFINISHED = ".new";

/** `mcconfig … moorline=<directory>`; else in the working directory of the simulator. */
export function pathOf(...segments: string[]): string {
	return [config.moorline ?? ".moorline", ...segments].join("/");
}

export function readFile(path: string): Uint8Array | undefined {
	if (!File.exists(path)) return undefined;
	return attempt(path, () => {
		const file = new File(path);
		const { length } = file;
		const content = length === 0 ? new ArrayBuffer(0) : file.read(ArrayBuffer, length);
		file.close();
		return new Uint8Array(content);
	});
}

/** `undefined` without the file. */
export function lengthOf(path: string): number | undefined {
	if (!File.exists(path)) return undefined;
	return attempt(path, () => {
		const file = new File(path);
		const { length } = file;
		file.close();
		return length;
	});
}

/** Writes beside the old content and renames over it: a kill of the simulator leaves one or the other. */
export function replaceFile(directory: string, name: string, content: Uint8Array): void {
	const unfinished = `${directory}/${name}${UNFINISHED}`;
	attempt(unfinished, () => {
		makeDirectory(directory);
		File.delete(unfinished);
		const file = new File(unfinished, true);
		file.write(content.slice().buffer);
		file.close();
		if (!File.rename(unfinished, name)) throw new Error("not renamed");
	});
}

export function removeFile(path: string): void {
	if (File.exists(path) && !File.delete(path)) throw new DeviceError("storage", `deleting ${path} failed`);
}

export function listFiles(directory: string): string[] {
	const names: string[] = [];
	if (!File.exists(directory)) return names;
	attempt(directory, () => {
		const entries = new Iterator(directory);
		for (let entry = entries.next(); entry !== undefined; entry = entries.next()) {
			if (entry.length !== undefined) names.push(entry.name);
		}
	});
	return names;
}

export function attempt<T>(what: string, action: () => T): T {
	try {
		return action();
	} catch (error) {
		throw new DeviceError("storage", `access to ${what} failed`, { cause: error });
	}
}

/** A name as a file name that is safe and distinct on every file system. */
export function toFileName(name: string): string {
	return name.replace(/[^a-z0-9_-]/g, character => `%${character.charCodeAt(0).toString(16)}`);
}

/** The name behind a file name, or `undefined` for a file that is not one of ours or is not finished. */
export function fromFileName(fileName: string): string | undefined {
	if (!/^([a-z0-9_-]|%[2-7][0-9a-f])+$/.test(fileName)) return undefined;
	return fileName.replace(/%(..)/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

function makeDirectory(path: string): void {
	for (let slash = path.indexOf("/", 1); slash > 0; slash = path.indexOf("/", slash + 1)) Directory.create(path.slice(0, slash));
	Directory.create(path);
}
