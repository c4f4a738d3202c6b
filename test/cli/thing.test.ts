// SPDX-License-Identifier: Apache-2.0
/**
 * The thing, unchanged, from its claim to its first jobs, through two restarts: the program of `examples/thing` against
 * the simulated AWS, on Node and on the engine of the device.
 */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { createAwsCloud, type AwsCloud } from "../../hosts/simulator/clouds/aws/cloud.js";
import { obstacle } from "../../hosts/xs/node/build.js";
import { toPEM } from "../host/certificates.js";
import { artefactsIn } from "../secrets.js";
import { type Command, moorline, Place, THING } from "./command.js";
import { assertNoSecrets, assertReplays } from "./replays.js";

const TIMEOUT = 300_000;
const NAME = "thing-1";
const RECORDING = "thing.rec";
const STORES = "operations.sqlite";

const noXS = await obstacle(64);
if (noXS !== undefined && process.env["CI"] === "true") throw new Error(noXS);
if (noXS !== undefined) console.warn(`SKIPPED on XS: ${noXS}`);
const hosts = noXS === undefined ? ["node", "xs"] as const : ["node"] as const;

async function serveAws(context: TestContext, place: Place): Promise<AwsCloud> {
	const cloud = await createAwsCloud({
		operations: { file: join(place.path, STORES) },
		// What restarts here is back in no time.
		limits: { connectsPerSecond: 10 },
		provisioning: { templates: { things: { parameters: ["SerialNumber"], thingName: () => NAME } } },
	});
	context.after(() => cloud.close());
	await cloud.serve({ tlsPort: 0 });
	return cloud;
}

/** Runs the thing with a claim, as the factory gives one to every device of a series. */
async function runThing(context: TestContext, place: Place, cloud: AwsCloud, host: string): Promise<Command> {
	const { id, anchor, certificate, key, endpoint } = await cloud.manufactureClaim("claim");
	const files = { ca: toPEM("CERTIFICATE", anchor), cert: toPEM("CERTIFICATE", certificate), key: toPEM("PRIVATE KEY", key) };
	const words = ["--directory", "thing", ...host === "node" ? ["--record", RECORDING] : []];
	for (const [name, text] of Object.entries(files)) {
		const file = join(place.path, `${name}.pem`);
		await writeFile(file, text);
		words.push(`--${name}`, file);
	}
	return moorline(context, place, "run", THING, "--host", host, "--broker", endpoint, "--id", id, ...words);
}

for (const host of hosts) {
	test(`${host}: a thing provisions itself, follows its settings, does jobs and answers commands`, { timeout: TIMEOUT }, async (context) => {
		const place = await Place.make(context), cloud = await serveAws(context, place);
		const { jobs, commands } = cloud.services;
		const thing = await runThing(context, place, cloud, host);
		const said = (line: string): Promise<string> => thing.line((other) => other === line);
		await said(`${NAME}: provisioned`);
		await said(`${NAME}: connected`);
		cloud.shadows.desire(NAME, { intervalSeconds: 5 }, { name: "settings" });
		await said(`${NAME}: every 5 s`);
		commands.send({ thing: NAME }, { payload: new TextEncoder().encode("{}"), contentType: "application/json" });
		await thing.line((line) => line.startsWith(`${NAME}: command `));
		jobs.create({ jobId: "paint", things: [NAME], document: { operation: "paint" } });
		await said(`${NAME}: job paint REJECTED`);
		jobs.create({ jobId: "restart", things: [NAME], document: { operation: "restart" } });
		await said(`${NAME}: job restart SUCCEEDED`);
		const synced = (): number => thing.stdout.filter((line) => line.startsWith(`${NAME}: in sync`)).length;
		await thing.line(() => synced() === 2);
		thing.kill("SIGINT");
		assert.equal((await thing.ended).code, 0);
		if (host === "node") {
			await assertReplays(place, RECORDING, thing.stdout);
			// The cloud made the key, and sent it: it keeps that there was a message, and nothing of what was in it.
			cloud.operations!.stores.flush();
			const handed = cloud.operations!.stores.list("messages", { where: { device: "claim" } }).filter(({ topic }) => /\/(create|provision)\//.test(topic!));
			assert.deepEqual([handed.length > 2, handed.some(({ content }) => (content ?? null) !== null)], [true, false]);
			await assertNoSecrets(place, RECORDING, "thing", { ...artefactsIn(place.path, path => path.includes(STORES)), output: thing.stdout.join("\n") });
		}
		assert.equal(jobs.execution(NAME, "restart")?.status, "SUCCEEDED");
		assert.deepEqual(cloud.shadows.get(NAME, "settings")?.state.reported, { intervalSeconds: 5 });
		assert.equal(cloud.shadows.get(NAME)?.state.reported?.["starts"], 2);
	});
}
