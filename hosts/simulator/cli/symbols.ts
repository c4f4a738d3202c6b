// SPDX-License-Identifier: Apache-2.0
/** Where in the sources a frame of a crash was: through the source maps that the build made. */
import { readdir, stat } from "node:fs/promises";
import { SourceMap, type SourceMapPayload } from "node:module";
import { basename, join, posix } from "node:path";
import { DeviceError } from "../../../src/base/error.js";
import { readText } from "./release-files.js";

/** A frame as the device told it; 0 for what its engine does not know. */
export interface Frame {
	readonly name: string;
	readonly module: string;
	readonly line: number;
	readonly column: number;
}

export interface Origin {
	readonly source: string;
	/** From 1 on. */
	readonly line: number;
	readonly column: number;
	/** What stands there is called so in the source, where the map says it. */
	readonly name: string | undefined;
	/** Without a column it is the first on the line: in a bundle that was made small that may be anything. */
	readonly isExact: boolean;
}

/** Columns of a line: beyond any. */
const COLUMN_MAXIMUM = 2 ** 30;
const EXTENSION = /\.(?:[cm]?[jt]s|xsb)$/;
/** These are sources, to which somebody led already: Node does where it is asked to. */
const SOURCE = /\.[cm]?tsx?$/;

interface Entry { generatedLine: number; generatedColumn: number; originalSource: string; originalLine: number; originalColumn: number; name?: string }

/** The map of one module. */
class ModuleMap {
	/** Its path without extension, by folders. */
	readonly path: readonly string[];
	readonly #map: SourceMap;

	constructor(module: string, payload: SourceMapPayload) {
		this.path = pathOf(module);
		this.#map = new SourceMap(payload);
	}

	/** Folders from the end on, with the name itself, that are those of `module`. */
	likeness(module: readonly string[]): number {
		let count = 0;
		while (count < module.length && module.at(-1 - count) === this.path.at(-1 - count)) count++;
		return count;
	}

	find({ line, column }: Frame): Origin | undefined {
		const entry = column > 0 ? this.#entryAt(line - 1, column - 1) : this.#firstOf(line - 1);
		if (entry === undefined) return undefined;
		const { originalSource, originalLine, originalColumn, name } = entry;
		return { source: sourceName(originalSource), line: originalLine + 1, column: originalColumn + 1, name, isExact: column > 0 };
	}

	/** `undefined` where that line has none. */
	#entryAt(line: number, column: number): Entry | undefined {
		const entry = this.#map.findEntry(line, column) as Partial<Entry>;
		return entry.generatedLine === line && entry.originalSource !== undefined ? entry as Entry : undefined;
	}

	/** What a line begins with. */
	#firstOf(line: number): Entry | undefined {
		const end = this.#entryAt(line, COLUMN_MAXIMUM);
		if (end === undefined) return undefined;
		let first = 0, last = end.generatedColumn;
		while (first < last) {
			const middle = first + last >> 1;
			if (this.#entryAt(line, middle) === undefined) first = middle + 1;
			else last = middle;
		}
		return this.#entryAt(line, last);
	}
}

export class Symbols {
	readonly #maps: readonly ModuleMap[];

	private constructor(maps: readonly ModuleMap[]) {
		this.#maps = maps;
	}

	/** @param files source maps, and folders with any, at any depth @throws DeviceError `storage`, `argument` */
	static async read(files: readonly string[]): Promise<Symbols> {
		const maps: ModuleMap[] = [];
		for (const file of (await Promise.all(files.map(mapsIn))).flat()) {
			const payload = parse(file, await readText(file));
			// Only its own name says where a module lies among others; a map for one alone says which it is of.
			maps.push(new ModuleMap(join(file, "..", payload.file || basename(file, ".map")), payload));
		}
		if (maps.length === 0) throw new DeviceError("argument", "no source map in these folders");
		return new Symbols(maps);
	}

	/** @param maps the texts of source maps that say which file they are of @throws DeviceError `argument` */
	static of(maps: readonly string[]): Symbols {
		return new Symbols(maps.map(text => {
			const payload = parse("a source map", text);
			return new ModuleMap(payload.file, payload);
		}));
	}

	/** `undefined` where no map leads from there, or several maps might. */
	find(frame: Frame): Origin | undefined {
		const { module, line, column } = frame;
		if (line === 0) return undefined;
		if (SOURCE.test(module)) return { source: module, line, column, name: undefined, isExact: column > 0 };
		const path = pathOf(module);
		const most = Math.max(...this.#maps.map(map => map.likeness(path)));
		const found = most === 0 ? [] : this.#maps.filter(map => map.likeness(path) === most);
		return found.length === 1 ? found[0]!.find(frame) : undefined;
	}
}

/** The lines of a stack: `name (module:line:column)`, without what is not known; and, as they are, those of V8 and XS. */
export function parseStack(stack: string): Frame[] {
	return stack.split("\n").map(line => line.trim().replace(/^at (?:async )?/, "")).filter(line => line !== "").map(line => {
		const [, called = "", place = line] = /^(.*?) ?\((.*)\)$/.exec(line) ?? [];
		const [, module = "", row = "0", column = "0"] = /^(.+?):(\d+)(?::(\d+))?$/.exec(place) ?? [];
		const name = module === "" && called === "" ? line : called;
		return { name, module: module.replace(/^file:\/\//, ""), line: Number(row), column: Number(column) };
	});
}

function pathOf(module: string): string[] {
	return module.replaceAll("\\", "/").replace(/[?#].*$/, "").replace(EXTENSION, "").split("/").filter(part => part !== "");
}

/** Without the way there from wherever the map was. */
function sourceName(source: string): string {
	return posix.normalize(source.replace(/^file:\/\//, "")).replace(/^(?:\.\.\/)+/, "");
}

async function mapsIn(path: string): Promise<string[]> {
	const found = await stat(path).catch(() => undefined);
	if (found?.isDirectory() !== true) return [path];
	const names = await readdir(path, { recursive: true });
	return names.filter(name => name.endsWith(".map")).sort().map(name => join(path, name));
}

function parse(file: string, text: string): SourceMapPayload {
	try {
		const payload = JSON.parse(text) as Partial<SourceMapPayload> | null;
		if (payload?.version === 3 && typeof payload.mappings === "string" && Array.isArray(payload.sources)) return payload as SourceMapPayload;
	} catch {
		// Told below.
	}
	throw new DeviceError("argument", `${file} is no source map of version 3`);
}
