// SPDX-License-Identifier: Apache-2.0
/**
 * Makes one script of a device program, in memory: TypeScript or JavaScript, with what it imports.
 *
 * `moorline` and its parts are this package, wherever the program lives, so that nothing needs to be installed beside it.
 * Types are not checked: that is the work of the developer's editor and of `tsc`.
 */
import { fileURLToPath } from "node:url";
import { build, type BuildFailure, type Plugin } from "esbuild";
import { DeviceError } from "../../../src/base/error.js";

export interface BundleOptions {
	/** A module for Node, or a function body, or whatever else esbuild's word stands for. */
	format: "esm" | "iife";
	/** Specifiers that the bundle keeps as they are: the one who runs it has these modules. */
	external?: readonly string[] | undefined;
	/** The text of a module that stands in for `moorline/host`. */
	host?: string | undefined;
	/** False: without the map to the sources, which is for debuggers, and holds all of the developer's files. Default: true. */
	sourceMap?: boolean | undefined;
}

/**
 * A module has no `require`, and CommonJS packages that it is bundled with ask for Node's own modules by it. Global, and
 * under a name that no program has: the bundler does not look at it.
 */
const REQUIRE = `import { createRequire as moorlineRequire } from "node:module"; globalThis.require ??= moorlineRequire("file:///");`;

/** @throws DeviceError `argument` with the place of the first mistake */
export async function bundle(file: string, options: BundleOptions): Promise<string> {
	return (await bundleApart(file, options, options.sourceMap === false ? false : "inline")).script;
}

/** The name of a program among a device's modules. */
const PROGRAM = "program.mjs";

/** As `bundle`, without the map in it: that stays where crashes are read. */
export async function bundleWithMap(file: string, options: BundleOptions): Promise<{ script: string; map: string }> {
	const { script, map } = await bundleApart(file, options, "external");
	// By this name the device tells of it.
	return { script, map: JSON.stringify({ ...JSON.parse(map!) as object, file: PROGRAM }) };
}

async function bundleApart(file: string, options: BundleOptions, sourcemap: false | "inline" | "external"): Promise<{ script: string; map: string | undefined }> {
	try {
		const { outputFiles } = await build({
			entryPoints: [file],
			bundle: true,
			write: false,
			outfile: PROGRAM,
			format: options.format,
			platform: options.format === "esm" ? "node" : "neutral",
			mainFields: ["module", "main"],
			target: "es2022",
			charset: "utf8",
			sourcemap,
			logLevel: "silent",
			external: [...options.external ?? []],
			...(options.format === "esm" && options.external === undefined && { banner: { js: REQUIRE } }),
			plugins: [moorline(options.host, options.external ?? [])],
		});
		const map = outputFiles.find(({ path }) => path.endsWith(".map"));
		return { script: outputFiles.find(each => each !== map)!.text, map: map?.text };
	} catch (error) {
		const [first] = (error as Partial<BuildFailure>).errors ?? [];
		if (first === undefined) throw error;
		const { location, text } = first;
		const place = location ? `${location.file}:${location.line}:${location.column}` : file;
		throw new DeviceError("argument", `cannot bundle ${place}: ${text}`, { cause: error });
	}
}

function moorline(host: string | undefined, external: readonly string[]): Plugin {
	return {
		name: "moorline",
		setup({ onResolve, onLoad }) {
			onResolve({ filter: /^moorline(\/|$)/ }, ({ path }) => {
				if (external.includes(path)) return { path, external: true };
				if (path === "moorline/host" && host !== undefined) return { path, namespace: "host" };
				try {
					return { path: fileURLToPath(import.meta.resolve(path)) };
				} catch {
					return { errors: [{ text: `moorline has no "${path}"` }] };
				}
			});
			// Node's host needs it as it is: it asks for Node's own modules while it runs, which a module of one piece cannot.
			onResolve({ filter: /^ws$/ }, ({ path }) => ({ path: import.meta.resolve(path), external: true }));
			onLoad({ filter: /.*/, namespace: "host" }, () => ({ contents: host!, loader: "js" }));
		},
	};
}
