// SPDX-License-Identifier: Apache-2.0
/**
 * Holds the Moddable host to the promises of every host, in Moddable's simulator.
 *
 * Run it with `node dist/test/moddable/promises/run.js`; simulator.ts says what that needs.
 */
import { build } from "esbuild";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { makeCertificates } from "../../host/certificates.js";
import { makeNodePlatform } from "../../host/node-platform.js";
import { simulate } from "../simulator.js";
import { serve } from "./service.js";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = resolve(HERE, "../../../..");
/** Slots of stack for the suite's async functions; the SDK's own need is measured elsewhere. */
const STACK = 4096;

const directory = mkdtempSync(join(tmpdir(), "moorline-"));
const platform = await makeNodePlatform();
let kept = 0;
let broken = 0;
const { port, server } = await serve(platform, await makeCertificates("RSA-2048"), (shape, name, error) => {
	if (error === undefined) kept++;
	else broken++;
	console.log(error === undefined ? `ok     ${shape}: ${name}` : `BROKEN ${shape}: ${name}\n       ${error}`);
});

const program = join(directory, "promises");
mkdirSync(program);
await build({
	entryPoints: [join(HERE, "main.js")], outfile: join(program, "main.js"),
	bundle: true, format: "esm", target: "es2022", platform: "neutral", external: ["moorline/*"],
	alias: { "node:assert/strict": join(ROOT, "dist/test/xs/shim/assert.js"), "node:test": join(HERE, "absent.js") },
});
writeFileSync(join(program, "manifest.json"), JSON.stringify({
	include: ["$(MODDABLE)/examples/manifest_base.json", join(ROOT, "manifest.json")],
	modules: { "*": "./main" },
	creation: { stack: STACK },
}));
mkdirSync(join(directory, "storage", "promises"), { recursive: true });
writeFileSync(join(directory, "storage", "promises", "port"), String(port));

await simulate(program, directory, line => {
	if (/promises|service/.test(line)) console.log(line);
	return /promises (tried|failed)/.test(line);
});
server.close();
for (const place of [directory, platform.directory]) rmSync(place, { recursive: true });
console.log(`${kept} promises kept, ${broken} broken`);
process.exit(broken === 0 ? 0 : 1);
