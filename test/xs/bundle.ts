// SPDX-License-Identifier: Apache-2.0
/**
 * Bundles compiled tests for the XS engine. Modules that the host preloads stay outside the bundle,
 * so that the SDK under test is the preloaded one; all else goes in, with stand-ins for Node's parts.
 */
import { build, type Plugin } from "esbuild";
import { createRequire } from "node:module";
import { dirname, isAbsolute, join } from "node:path";
import { packageRoot } from "../../hosts/xs/node/build.js";

const require = createRequire(import.meta.url);
const shim = (name: string): string => join(packageRoot, "dist/test/xs/shim", `${name}.js`);

const TESTS = join(packageRoot, "dist/test/");
/** Globals; a bundle takes what it refers to. */
const GLOBALS = shim("globals");
const INJECTED = [GLOBALS, shim("buffer")];

/** Stand-ins for Node's modules; the packages come with the simulator's dependencies. */
const ALIASES: Readonly<Record<string, string>> = Object.freeze({
	"node:test": shim("test"),
	"node:assert": shim("assert"),
	"node:assert/strict": shim("assert"),
	"buffer/": "buffer/",
	"buffer": "buffer/",
	"node:buffer": "buffer/",
	"events": "events/",
	"node:events": "events/",
	"stream": "readable-stream/lib/ours/browser.js",
	"node:stream": "readable-stream/lib/ours/browser.js",
	"string_decoder": "string_decoder/",
	"process": shim("globals"),
	"process/": shim("globals"),
	"abort-controller": shim("globals"),
	"../../hosts/node/digest.js": shim("digest"),
	"../../../hosts/node/digest.js": shim("digest"),
});

function resolveAlias(target: string): string {
	return isAbsolute(target) ? target : require.resolve(target);
}

/** Leaves what is preloaded outside, under its absolute path, and puts the stand-ins in place. */
function placement(preloaded: ReadonlySet<string>, aliases: Readonly<Record<string, string>>): Plugin {
	return {
		name: "placement",
		setup(bundler) {
			bundler.onResolve({ filter: /.*/ }, (found) => {
				const alias = aliases[found.path];
				// Without side effects: an injected stand-in that nothing refers to is left out.
				if (alias !== undefined) return { path: resolveAlias(alias), sideEffects: false };
				if (!found.path.startsWith(".") && !isAbsolute(found.path)) return undefined;
				const path = isAbsolute(found.path) ? found.path : join(dirname(found.importer), found.path);
				if (preloaded.has(path)) return { path, external: true };
				// The package says that its modules have no side effects; its tests do nothing else.
				return path.startsWith(TESTS) && !INJECTED.includes(path) ? { path, sideEffects: true } : undefined;
			});
		},
	};
}

export interface BundleOptions {
	/** Compiled modules, run in this order. */
	entries: readonly string[];
	outfile: string;
	/** What the host preloads. */
	preloaded: readonly string[];
	/** Further module names and the files that stand for them. */
	aliases?: Readonly<Record<string, string>>;
	/** False: without a global `Buffer`, as a device is. */
	buffer?: boolean;
	/** Runs the collected tests at the end. */
	tests?: boolean;
}

export async function bundle(options: BundleOptions): Promise<void> {
	const lines = options.entries.map((entry) => `import ${JSON.stringify(entry)};`);
	if (options.tests) lines.push(`import { run } from ${JSON.stringify(shim("test"))};`, "await run();");
	await build({
		stdin: { contents: lines.join("\n"), resolveDir: packageRoot },
		outfile: options.outfile,
		bundle: true,
		format: "esm",
		target: "es2022",
		platform: "neutral",
		mainFields: ["browser", "module", "main"],
		conditions: ["browser"],
		// The engine takes some fifty times as long as Node does.
		define: { global: "globalThis", "globalThis.SEEDS": "20" },
		inject: options.buffer === false ? [GLOBALS] : INJECTED,
		plugins: [placement(new Set(options.preloaded), { ...ALIASES, ...options.aliases })],
		logLevel: "silent",
	});
}
