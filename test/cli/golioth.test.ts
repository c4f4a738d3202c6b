// SPDX-License-Identifier: Apache-2.0
/** The lamp of the examples on Golioth: one import and its call are another's, and nothing else, as a user starts it. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { request } from "coap";
import { LAMP, moorline, Place, type Event } from "./command.js";

const TIMEOUT = 60_000;
const ID = "lamp-1";
const CHANGES: readonly (readonly [string, string])[] = [
	[`import { privateCloud } from "moorline/clouds/private";`, `import { golioth } from "moorline/clouds/golioth";`],
	["cloud: privateCloud(),", "cloud: golioth(),"],
];

test("the lamp with another cloud imported connects to Golioth, does what is desired, and is in sync", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	let program = await readFile(join(LAMP, "main.ts"), "utf8");
	for (const [before, after] of CHANGES) {
		assert.equal(program.split(before).length, 2, `once in the lamp: ${before}`);
		program = program.replace(before, after);
	}
	await writeFile(join(place.path, "lamp.ts"), program);

	const cloud = moorline(context, place, "simulate", "--cloud", "golioth", "--port", "0", "--device", ID, "--json");
	const { endpoint } = await cloud.event("cloud") as unknown as { endpoint: string };
	await cloud.event("ready");
	const lamp = moorline(context, place, "run", "lamp.ts", "--broker", endpoint, "--id", ID, "--json");
	await cloud.event("state", ({ path, value }) => path === "reported" && JSON.stringify(value) === `{"on":false,"brightness":100}`);
	const synced = ({ line }: Event) => String(line).startsWith(`${ID}: in sync`);
	await lamp.event("trace", synced);

	// The one device of a plain server is whoever asks: here, the operator in its place.
	const { port } = new URL(endpoint);
	const outgoing = request({ hostname: "127.0.0.1", port: Number(port), method: "POST", pathname: "/.d/desired" });
	outgoing.setOption("Content-Format", "application/json");
	outgoing.end(`{"on":true,"brightness":30}`);
	await lamp.event("trace", ({ line }) => line === `${ID}: on=true brightness=30`);
	await cloud.event("state", ({ path, value }) => path === "reported" && JSON.stringify(value) === `{"on":true,"brightness":30}`);

	for (const command of [lamp, cloud]) {
		command.kill("SIGINT");
		assert.equal((await command.ended).code, 0);
	}
});
