// SPDX-License-Identifier: Apache-2.0
/**
 * A device on the engine that dies in a handler: after its restart the cloud has a report, which leads through the source
 * map to function, file and line; and none of its private key.
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { createHost } from "../../hosts/node/index.js";
import { bundleWithMap } from "../../hosts/simulator/cli/bundle.js";
import { parseStack, Symbols } from "../../hosts/simulator/cli/symbols.js";
import { createCloud, IDENTITY_DOMAIN, writeIdentity } from "../../hosts/simulator/index.js";
import type { Bits } from "../../hosts/xs/node/build.js";
import { runXS, sdkImports } from "../../hosts/xs/node/run.js";
import { availableBits, temporaryDirectory } from "./runner.js";

const LIMIT_MS = 60_000;

/** What the cloud desires of it is what it dies of, in its first run. */
const SOURCE = `
import { Device } from "moorline";
import { privateCloud } from "moorline/clouds/private";
import host from "moorline/host";

interface Lamp { glow(): number }

function blink(lamp: Lamp | undefined): number {
	return lamp!.glow(); // exception
}

function hoard(): void {
	let list: unknown;
	for (;;) list = { list }; // memory
}

function dig(depth: number): number {
	return 1 + dig(depth + 1); // stack
}

const device = new Device({
	host,
	cloud: privateCloud({ reconnect: { base: 50, cap: 200 } }),
	firmware: { product: "lamp", version: "1.2.0" },
	log: { level: "info" },
	heartbeat: {},
	onDelta(delta) {
		// Once is enough.
		if (host.system.crash !== undefined) return;
		log.info("to die", { of: String(delta.way) });
		if (delta.way === "exception") blink(undefined);
		else if (delta.way === "memory") hoard();
		else dig(0);
		this.report(delta);
	},
});
const log = device.log("lamp");
`;

const WAYS = [
	{ reason: "exception", name: "blink", message: /^TypeError: / },
	{ reason: "memory", name: "hoard", message: /^memory full/ },
	{ reason: "stack", name: "dig", message: /^stack overflow/ },
] as const;

for (const bits of await availableBits()) {
	for (const { reason, name, message } of WAYS) {
		test(`XS ${bits}: what a handler dies of, ${reason}, is reported, and leads to function, file and line`, { timeout: 2 * LIMIT_MS }, async context => {
			const { report, symbols, leaks } = await crashed(context, bits, reason);
			assert.equal(report["reason"], reason);
			assert.match(report["message"] as string, message);
			assert.deepEqual([report["product"], report["version"], report["boot"], report["count"]], ["lamp", "1.2.0", 1, 1]);
			const { activity, inside } = report["vitals"] as Record<string, unknown>;
			assert.deepEqual([activity, inside], ["onDelta", true]);
			assert.ok((report["logs"] as unknown[][]).some(([, , , module, text]) => module === "lamp" && text === "to die"));
			const frames = parseStack(report["stack"] as string).map(frame => ({ ...frame, origin: symbols.find(frame) }));
			const frame = frames.find(({ origin }) => origin !== undefined)!;
			assert.equal(frame.name, name, report["stack"] as string);
			assert.match(frame.origin!.source, /lamp\.ts$/);
			assert.match(SOURCE.split("\n")[frame.origin!.line - 1]!, new RegExp(`// ${reason}$`));
			assert.deepEqual(leaks, []);
		});
	}
}

interface Outcome {
	report: Record<string, unknown>;
	symbols: Symbols;
	/** Of what the crash left, what has the device's private key in it. */
	leaks: string[];
}

async function crashed(context: TestContext, bits: Bits, way: string): Promise<Outcome> {
	const directory = temporaryDirectory(), id = `lamp-${way}`;
	context.after(() => rmSync(directory, { recursive: true }));
	const cloud = await createCloud();
	context.after(() => cloud.close());
	await cloud.serve({ port: 0 });
	const identity = await cloud.manufacture(id);
	const state = join(directory, "state");
	mkdirSync(state);
	const storage = createHost({ directory: state }).storage.open({ path: IDENTITY_DOMAIN });
	writeIdentity(storage, identity);
	storage.close();

	const source = join(directory, "lamp.ts"), program = join(directory, "program.mjs"), imports = sdkImports();
	writeFileSync(source, SOURCE);
	const { script, map } = await bundleWithMap(source, { format: "esm", external: Object.keys(imports) });
	writeFileSync(program, script);
	writeFileSync(join(directory, "lamp.map"), map);
	cloud.shadows.desire(id, { way });

	const said: string[] = [], told = new AbortController();
	const reported = new Promise<Record<string, unknown>>(resolve => {
		cloud.reports.onReport = (_, kind, report) => {
			if (kind !== "crash") return;
			resolve(report as unknown as Record<string, unknown>);
			told.abort();
		};
	});
	const options = { program, imports, bits, directory: state, onLine: (line: string) => said.push(line), onErrorLine: (line: string) => said.push(line) };
	const first = await runXS({ ...options, signal: AbortSignal.timeout(LIMIT_MS) });
	assert.notEqual(first.code, 0, said.join("\n"));
	const left = ["crash", "retained"].map(name => ({ name, content: readFileSync(join(state, name)) }));
	await runXS({ ...options, signal: AbortSignal.any([told.signal, AbortSignal.timeout(LIMIT_MS)]) });
	assert.ok(told.signal.aborted, said.join("\n"));
	const report = await reported;
	left.push({ name: "report", content: Buffer.from(JSON.stringify(report)) }, { name: "lines", content: Buffer.from(said.join("\n")) });
	const leaks = left.filter(({ content }) => holdsKey(content, Buffer.from(identity.key!))).map(({ name }) => name);
	return { report, leaks, symbols: await Symbols.read([join(directory, "lamp.map")]) };
}

/** Whether the secret part of a key is in there, as it is or as text. */
function holdsKey(content: Buffer, key: Buffer): boolean {
	// Of PKCS#8 for P-256: behind the identifiers, which are no secret.
	const secret = key.subarray(36, 68);
	return content.includes(secret.subarray(8, 24)) || content.includes(secret.toString("hex")) || content.includes(key.toString("base64").slice(52, 84));
}
