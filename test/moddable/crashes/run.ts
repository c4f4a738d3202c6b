// SPDX-License-Identifier: Apache-2.0
/**
 * Crashes in Moddable's simulator, and what the next run is told of them.
 *
 * Run it with `node dist/test/moddable/crashes/run.js`; simulator.ts says what that needs. Of a stack that is full the
 * engine tells nobody, so nothing can be tried there.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { BODY, checkCrash, CRASHES, programOf, REJECTION, type CrashCase } from "../../host/crashes.js";
import { buildProgram, run } from "../simulator.js";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../../../..");
const LAST = "the program has ended";

/** A rejection is noticed when its promise is collected. */
const COLLECTED: CrashCase = { ...REJECTION, body: `${REJECTION.body} host.timer.repeat(() => new Uint8Array(10_000), 1);` };

const OWN: readonly CrashCase[] = [{
	name: "a chunk that finds no room",
	body: `
		function greedy() { return new Uint8Array(2_147_480_000); }
		host.timer.set(function callback() { greedy().fill(1); }, 1);
	`,
	crash: { reason: "memory", message: "memory full", stack: /^(?:.*\n)*greedy\ncallback$/ },
}, {
	name: "what was left out of the build",
	body: `
		const name = ["ev", "al"].join("");
		host.timer.set(function callback() { return globalThis[name]("1") + 1; }, 1);
	`,
	crash: { reason: "engine", message: "dead strip", stack: /^eval\ncallback$/ },
}];

const cases = [...CRASHES, BODY, COLLECTED, ...OWN];
const directory = mkdtempSync(join(tmpdir(), "moorline-"));
const program = join(directory, "crashes");
mkdirSync(program);
writeFileSync(join(program, "main.js"), `
	import host from "moorline/host";
	const programs = [${cases.map(one => `() => {${programOf(one)} if (boots === 3) trace(${JSON.stringify(LAST)}, "\\n"); }`).join()}];
	programs[host.storage.open({ path: "case" }).read("number")[0]]();
`);
writeFileSync(join(program, "manifest.json"), JSON.stringify({
	include: ["$(MODDABLE)/examples/manifest_base.json", join(ROOT, "manifest.json")], modules: { "*": "./main" },
}));
const library = buildProgram(program, directory);
let failed = 0;

async function runThrice(lines: string[]): Promise<void> {
	const note = (line: string): boolean => {
		if (line.startsWith("{")) lines.push(line);
		return line === LAST;
	};
	const aborted = await run(library, directory, note).then(() => false, (error: Error) => error.message.includes("XS abort"));
	if (!aborted) throw new Error("the program did not crash");
	await run(library, directory, note);
	await run(library, directory, note);
}

for (const [number, one] of cases.entries()) {
	for (const kept of ["storage", "crash", "retained"]) rmSync(join(directory, kept), { recursive: true, force: true });
	mkdirSync(join(directory, "storage", "case"), { recursive: true });
	writeFileSync(join(directory, "storage", "case", "number"), Uint8Array.of(number));
	try {
		const lines: string[] = [];
		await runThrice(lines);
		// The simulator's reset has no reason.
		checkCrash(one, lines.map(line => line.replace('"resetReason":"power-on"', '"resetReason":"software"')));
		console.log(`ok     ${one.name}`);
	} catch (error) {
		failed++;
		console.log(`BROKEN ${one.name}\n       ${(error as Error).message}`);
	}
}
rmSync(directory, { recursive: true });
console.log(`${cases.length - failed} of ${cases.length} as promised`);
process.exit(failed === 0 ? 0 : 1);
