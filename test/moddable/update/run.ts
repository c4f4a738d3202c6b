// SPDX-License-Identifier: Apache-2.0
/**
 * An update of the firmware over MQTT, and the way back, in Moddable's simulator on Linux: two builds of one program, of
 * which the second comes from the cloud, and a boot loader that runs what is in the slots.
 *
 * Run it with `node dist/test/moddable/update/run.js`; simulator.ts says what that needs.
 */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { wrapImage } from "../../../hosts/boot/index.js";
import { crypto } from "../../../hosts/node/digest.js";
import { createHost } from "../../../hosts/node/host.js";
import { createRelease, generateReleaseKey } from "../../../hosts/release/index.js";
import { createCloud, writeIdentity } from "../../../hosts/simulator/index.js";
import { buildProgram, simulateImages } from "../simulator.js";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = resolve(HERE, "../../../..");
/** Slots of stack: the SDK's least. */
const STACK = 384;
const DEVICE = "lamp-1";
const BEFORE = "1.0.0";
const AFTER = "1.1.0";

/** Each line of the device, and what the cloud does then. */
const PLAN: readonly (readonly [line: string, action?: "offer" | "rollback"])[] = [
	[`lamp ${BEFORE}: boots`], [`lamp ${BEFORE}: in sync`, "offer"], [`lamp ${BEFORE}: restarts for ${AFTER}`],
	[`lamp ${AFTER}: boots on trial`], [`lamp ${AFTER}: in sync`], [`lamp ${AFTER}: ${AFTER} ended with success`, "rollback"],
	[`lamp ${AFTER}: restarts for ${BEFORE}`],
	[`lamp ${BEFORE}: boots`], [`lamp ${BEFORE}: ${BEFORE} ended with success`],
];

const directory = mkdtempSync(join(tmpdir(), "moorline-"));
const key = generateReleaseKey();

function build(version: string): string {
	const program = join(directory, "program");
	mkdirSync(program, { recursive: true });
	writeFileSync(join(program, "build.js"), `export const version = "${version}", key = "${key.text}";\n`);
	writeFileSync(join(program, "manifest.json"), JSON.stringify({
		include: ["$(MODDABLE)/examples/manifest_base.json", join(ROOT, "manifest.json")],
		modules: { "*": [join(HERE, "main"), "./build"] },
		creation: { stack: STACK },
	}));
	const library = join(directory, `${version}.so`);
	copyFileSync(buildProgram(program, directory), library);
	return library;
}

const libraries = [build(BEFORE), build(AFTER)] as const;
const cloud = await createCloud();
// The simulator's TLS signs with RSA.
await cloud.serve({ tlsPort: 0, keyType: "RSA-2048" });
writeIdentity(createHost({ directory }).storage.open({ path: "identity" }), await cloud.manufacture(DEVICE, { keyType: "RSA-2048" }));
const { file } = createRelease({
	product: "lamp", version: AFTER, counter: 0, key: key.privateKey,
	components: [{ name: "main", kind: "image", content: wrapImage(readFileSync(libraries[1]), crypto) }],
});

let job = "";
const told: string[] = [];
await simulateImages(libraries[0], directory, ({ slot }) => console.log(`ota_${slot}`), line => {
	const [found] = /lamp \d.*/.exec(line) ?? [];
	if (found === undefined) return false;
	console.log(found);
	const [expected, action] = PLAN[told.length]!;
	told.push(found);
	if (action === "offer") job = cloud.updates.offer({ release: file, devices: [DEVICE] });
	if (action === "rollback") cloud.updates.rollback([DEVICE]);
	return found !== expected || told.length === PLAN.length;
});
rmSync(directory, { recursive: true });
assert.deepEqual(told, PLAN.map(([line]) => line));
assert.equal(cloud.jobs.get(DEVICE, job)?.status, "SUCCEEDED");
console.log("as planned");
process.exit(0);
