// SPDX-License-Identifier: Apache-2.0
/** Command lines for people to paste into their shell. */
import { existsSync } from "node:fs";
import { basename, relative } from "node:path";
import { fileURLToPath } from "node:url";

const EXAMPLE = fileURLToPath(new URL("../../../../examples/lamp", import.meta.url));

/** `words` as one line for a POSIX shell. */
export function commandLine(...words: readonly string[]): string {
	return words.map(word => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
}

/** How this process was called: by its name where the shell finds it, or through npx, or as a script of Node. */
export function ownCommand(): readonly string[] {
	const script = process.argv[1]!;
	if (process.env["npm_command"] === "exec") return ["npx", "moorline"];
	return basename(script) === "moorline" ? ["moorline"] : ["node", relative("", script)];
}

/** The lamp of this package, or where it did not come with it, a word that stands for the reader's program. */
export function exampleProgram(): string {
	return existsSync(EXAMPLE) ? relative("", EXAMPLE) || "." : "PROGRAM";
}
