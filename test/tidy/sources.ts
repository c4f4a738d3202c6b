// SPDX-License-Identifier: Apache-2.0
/** The project's own sources, as text: what the tidy tests read. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The package's root: this file runs as dist/test/tidy/sources.js. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../../..");

export interface Source {
	/** From the root, with forward slashes. */
	path: string;
	text: string;
	/** The text without comments and without the contents of strings. */
	code: string;
	/** Paths and packages that it imports or exports from; type-only imports are marked. */
	imports: { from: string; typeOnly: boolean }[];
}

export function sources(folder: string): Source[] {
	return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !entry.name.endsWith(".d.ts"))
		.map((entry) => read(relative(ROOT, join(entry.parentPath, entry.name))));
}

function read(path: string): Source {
	const text = readFileSync(join(ROOT, path), "utf8");
	const imports = [...text.matchAll(/^(?:import|export)\s+(type\s)?[^;]*?\sfrom\s"([^"]+)"|^import\s"([^"]+)"/gm)]
		.map(([, type, from, bare]) => ({ from: resolve(path, from ?? bare!), typeOnly: type !== undefined }));
	return { path, text, code: strip(text), imports };
}

/** A relative import as a path from the root; a package stays as it is. */
function resolve(path: string, from: string): string {
	return from.startsWith(".") ? join(dirname(path), from).replace(/\.js$/, ".ts") : from;
}

function strip(text: string): string {
	return text
		.replace(/\/\*[^]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ""))
		.replace(/"(?:[^"\\\n]|\\.)*"/g, '""')
		.replace(/(^|[^:\\])\/\/.*$/gm, "$1")
		.replace(/`(?:[^`\\$]|\\.|\$(?!\{))*`/g, "``");
}
