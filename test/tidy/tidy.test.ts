// SPDX-License-Identifier: Apache-2.0
/** The rules of the house that a machine can check. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { ROOT, sources, type Source } from "./sources.js";

/** Columns of the device's code, a tab counting as four: it is read beside a specification. */
const WIDTH_MAXIMUM = 120;
/** Written so that this line is none. */
const UNDONE = new RegExp(`\\b(${["TO", "FIX"].join("DO|")}ME|X{3})\\b`);
const device = sources("src");
const everything = [...device, ...sources("hosts"), ...sources("examples"), ...sources("test")];

/** Lower layers first; a file imports from its own layer or from lower ones. */
const LAYERS: readonly (readonly [string, RegExp])[] = [
	["base", /^src\/(base\/|host\.ts$)/],
	["bytes", /^src\/bytes\//],
	["codecs", /^src\/(cbor|crypto)\//],
	["storage", /^src\/storage\//],
	["cores", /^src\/(mqtt\/(?!client|index)|coap\/(?!client|server|index|line)|oscore\/|http\/(?!client)|shadow\/|operations\/|ota\/(?!https))/],
	["drivers", /^src\/((mqtt|coap)\/(client|server|index|line)\.ts$|http\/client\.ts$|ota\/https\.ts$|identity\/)/],
	["clouds", /^src\/clouds\//],
	["device", /^src\/((core|device|operations|updates|index)\.ts$|development\/)/],
];

function layer(path: string): number {
	const index = LAYERS.findIndex(([, pattern]) => pattern.test(path));
	assert.notEqual(index, -1, `${path} belongs to no layer`);
	return index;
}

test("imports in src go down the layers and never leave src", () => {
	assert.ok(device.flatMap(({ imports }) => imports).length > device.length, "imports are seen");
	for (const { path, imports } of device) {
		for (const { from } of imports) {
			assert.ok(from.startsWith("src/"), `${path} imports ${from}`);
			assert.ok(layer(from) <= layer(path), `${path} imports ${from}, of a higher layer`);
		}
	}
});

test("services do not know protocols, and protocols not services", () => {
	// A source of updates on HTTP is where the two meet.
	const services = /^src\/(shadow|operations|ota)\/(?!https)/;
	const protocols = /^src\/(mqtt|http|coap|oscore)\//;
	for (const { path, imports } of device) {
		const others = services.test(path) ? protocols : protocols.test(path) ? services : undefined;
		if (others !== undefined) assert.deepEqual(imports.filter(({ from }) => others.test(from)), [], path);
	}
});

test("cores take the platform as an argument: of the host they import types alone", () => {
	for (const { path, imports } of device) {
		for (const { from, typeOnly } of imports) {
			if (from === "src/host.ts") assert.ok(typeOnly, `${path} imports values of the host`);
		}
	}
});

function exports(): Record<string, { default?: string }> {
	return (JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { exports: Record<string, { default?: string }> }).exports;
}

/** Of both manifests. */
function manifestModules(): Record<string, string> {
	return Object.assign({}, ...["manifest.json", "manifest-development.json"].map((name) =>
		(JSON.parse(readFileSync(join(ROOT, name), "utf8")) as { modules: Record<string, string> }).modules)) as Record<string, string>;
}

test("no file of src is out of use", () => {
	const used = new Set(Object.values(exports()).map((entry) => entry.default?.replace(/^\.\/dist\/(.*)\.js$/, "$1.ts")));
	for (const { imports } of device) for (const { from } of imports) used.add(from);
	assert.deepEqual(device.map(({ path }) => path).filter((path) => !used.has(path)), []);
});

const BANNED: readonly (readonly [RegExp, string])[] = [
	[/\b(Buffer|process|setTimeout|setInterval|queueMicrotask|console)\b/, "the device has none"],
	[/\bText(En|De)coder\b/, "text goes through host.text"],
	[/\bDate\b|\bMath\.random\b|\bperformance\b/, "time and randomness are arguments"],
	[/\basync\b|\bawait\b|\bnew Promise\b/, "a suspended call costs a kilobyte"],
	[/\bfunction\s*\*|\byield\b/, "generators cannot be preloaded"],
	[/\beval\b|\bnew Function\b|\bWeakRef\b/, "stripped on the device"],
	[/^(export )?let\b/m, "nothing mutable at module level"],
	[/^(export )?const \w+(: [^=]+)? = new (Map|Set|WeakMap)\b/m, "read-only once it is preloaded"],
	[/\bstatic\b(?! readonly)/, "static fields are read-only once they are preloaded"],
	[/^(export )?const \w+(: [^=]+)? = [[{]/m, "module-level objects are frozen"],
	[/^(export )?const \w+(: [^=]+)? = \//m, "a preloaded regular expression cannot be executed safely"],
	[/\benum\b|\bnamespace\b/, "mutable objects at run time"],
	[/^\t(get |set )?#\w+\(/m, "on XS a # method takes a slot in every instance and one of the stack in every call: private"],
	[/\bextends \w*Error\b[^]*\bthis\.name\s*=/, "Error.prototype.name is frozen"],
];

/** Evaluates code, and is for builds that never leave the desk. */
const EVALUATES = "src/development/index.ts";

test("nothing that a program has without asking for it evaluates code", () => {
	const reached = new Set(["src/index.ts"]);
	for (const path of reached) {
		for (const { from, typeOnly } of device.find((source) => source.path === path)!.imports) if (!typeOnly) reached.add(from);
	}
	assert.ok(reached.size > 50 && device.some(({ path }) => path === EVALUATES), "imports are followed");
	for (const { path, imports } of [...device, ...sources("hosts")]) {
		if (path !== "hosts/moddable/entry/development.ts") assert.ok(imports.every(({ from }) => from !== EVALUATES), path);
	}
	for (const { path, code } of device) {
		if (path !== EVALUATES) assert.doesNotMatch(code, /\beval\b|\bFunction\s*\(|\bCompartment\b|\bimport\s*\(/, path);
	}
	assert.ok(!reached.has(EVALUATES));
	assert.doesNotMatch(readFileSync(join(ROOT, "manifest.json"), "utf8"), /development/, "no build has it that did not ask for it");
});

test("src uses only what the device has", () => {
	for (const { path, code } of device) {
		// What evaluates code is for a module of its own, which nothing imports.
		for (const [pattern, reason] of BANNED) {
			if (path === EVALUATES && pattern.test("new Function")) continue;
			assert.doesNotMatch(code, pattern, `${path}: ${pattern} (${reason})`);
		}
	}
});

test("only src/bytes indexes bytes, and the CBOR codec, which keeps its position in a local: half the instructions on XS", () => {
	for (const { path, code } of device.filter(({ path }) => !/^src\/(bytes|cbor)\//.test(path))) {
		assert.doesNotMatch(code, /\b(bytes|buffer|target|source)\[/, path);
	}
});

test("every source says its licence, and leaves nothing to do", () => {
	for (const { path, text } of everything) {
		assert.match(text.replace(/^#!.*\n/, ""), /^\/\/ SPDX-License-Identifier: Apache-2\.0\n/, path);
		text.split("\n").forEach((line, index) => assert.doesNotMatch(line, UNDONE, `${path}:${index + 1}`));
	}
});

test("the device's code keeps to the width", () => {
	for (const { path, text } of device) {
		text.split("\n").forEach((line, index) => {
			assert.ok(line.replaceAll("\t", "    ").length <= WIDTH_MAXIMUM, `${path}:${index + 1} is too wide`);
		});
	}
});

test("the manifest names every folder of src, and preloads all of it", () => {
	const { preload } = JSON.parse(readFileSync(join(ROOT, "manifest.json"), "utf8")) as { preload: string[] };
	const modules = manifestModules();
	for (const folder of new Set(device.map(({ path }: Source) => dirname(path)))) {
		assert.equal(modules[`moorline/dist/${folder}/*`], `./dist/${folder}/*`, folder);
	}
	assert.ok(preload.includes("moorline/*"));
});

test("every public module of the device has its name on Moddable, too", () => {
	const modules = manifestModules();
	for (const [name, entry] of Object.entries(exports())) {
		if (name === "./host" || entry.default?.startsWith("./dist/src/")) assert.ok(join("moorline", name) in modules, name);
	}
});
