// SPDX-License-Identifier: Apache-2.0
/** The lamp of the examples at AWS: one import and its call are another's, and nothing else. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { LAMP, moorline, Place, type Event } from "../cli/command.js";
import { credentialsOf } from "../simulator/clients.js";
import { makeCloud } from "./cloud.js";

const TIMEOUT = 60_000;
const ID = "lamp";
const CHANGES: readonly (readonly [string, string])[] = [
	[`import { privateCloud } from "moorline/clouds/private";`, `import { aws } from "moorline/clouds/aws";`],
	["cloud: privateCloud(),", "cloud: aws(),"],
];

/** In sync, and not at an earlier version. */
const synced = (version: number) => ({ line }: Event): boolean => {
	const [, at] = new RegExp(`^${ID}: in sync at version (\\d+)$`).exec(String(line)) ?? [];
	return at !== undefined && Number(at) >= version;
};

test("the lamp with another cloud imported connects to AWS, does what is desired, and is in sync", { timeout: TIMEOUT }, async context => {
	const { aws, tap } = await makeCloud(context);
	const { endpoint, ...identity } = await aws.manufacture(ID);
	const place = await Place.make(context);
	let program = await readFile(join(LAMP, "main.ts"), "utf8");
	for (const [before, after] of CHANGES) {
		assert.equal(program.split(before).length, 2, `once in the lamp: ${before}`);
		program = program.replace(before, after);
	}
	await writeFile(join(place.path, "lamp.ts"), program);
	const { ca, cert, key } = credentialsOf({ ...identity, endpoint });
	const words: string[] = [];
	for (const [name, text] of Object.entries({ ca, cert, key })) {
		await writeFile(join(place.path, `${name}.pem`), text);
		words.push(`--${name}`, `${name}.pem`);
	}

	const lamp = moorline(context, place, "run", "lamp.ts", "--broker", endpoint, "--id", ID, "--json", ...words);
	await lamp.event("trace", synced(1));
	assert.deepEqual(aws.shadows.get(ID)?.state, { reported: { on: false, brightness: 100 } });
	const version = aws.shadows.desire(ID, { on: true, brightness: 30 });
	await lamp.event("trace", synced(version + 1));
	assert.ok(lamp.stdout.some(line => line.includes(`${ID}: on=true brightness=30`)));
	assert.deepEqual(aws.shadows.get(ID)?.state, { desired: { on: true, brightness: 30 }, reported: { on: true, brightness: 30 } });

	lamp.kill("SIGINT");
	assert.equal((await lamp.ended).code, 0);
	assert.ok(tap.take().every(({ connection }) => connection === 0), "it connected once");
});
