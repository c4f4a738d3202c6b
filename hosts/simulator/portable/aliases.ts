// SPDX-License-Identifier: Apache-2.0
/**
 * How to bundle the simulator's pure parts for an engine that is not Node, such as XS: `alias` for esbuild.
 *
 * Besides these the bundle needs the packages `buffer` and `events` for the built-in modules of those names, and the
 * engine `TextEncoder` and `TextDecoder` (with `fatal`).
 */
import { fileURLToPath } from "node:url";

const standIn = (file: string) => fileURLToPath(new URL(file, import.meta.url));

export const aliases: Readonly<Record<string, string>> = Object.freeze({
	bl: standIn("bl.cjs"),
	debug: standIn("debug.cjs"),
	"process-nextick-args": standIn("nexttick.cjs"),
});
