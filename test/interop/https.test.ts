// SPDX-License-Identifier: Apache-2.0
/** A release over HTTPS on real sockets: from the simulated cloud, which is Node's web server, and from nginx. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test, type TestContext } from "node:test";
import { createHost } from "../../hosts/node/index.js";
import { createAuthority, createCloud, type Cloud } from "../../hosts/simulator/index.js";
import { HTTPSSource } from "../../src/ota/https.js";
import { chosenSeed, Random } from "../property/random.js";
import { fetched, type Fetch } from "../unit/http/fetch.js";
import { Nginx, needsNginx } from "./nginx.js";
import { layRelay } from "./relay.js";

const OPTIONS = { timeout: 120_000 };
const BLOCK = 4_096;
const LENGTH = 4 * 1024 * 1024;
/** Bytes before a reset at most, and how many resets there are. */
const RESET_MOST = 400_000;
const RESETS = 12;

const host = createHost({ directory: "nowhere" });
const { timer } = host;
const release = randomBytes(LENGTH);
const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

async function serve(context: TestContext): Promise<Cloud> {
	const cloud = await createCloud();
	context.after(() => cloud.close());
	await cloud.serve({ firmwarePort: 0 });
	return cloud;
}

function source(cloud: { authority: { certificate: Uint8Array } }, url: string): HTTPSSource {
	return new HTTPSSource(host, url, { anchors: [cloud.authority.certificate] });
}

/** Why it was given up, without a byte of it. */
function reasonOf({ complete, received, failures }: Fetch): unknown {
	assert.deepEqual([complete, received], [false, 0]);
	return (failures.at(-1) as { reason?: string }).reason ?? failures.at(-1)!.code;
}

async function throughRelay(context: TestContext, port: number, open: (port: number) => HTTPSSource): Promise<void> {
	const seed = chosenSeed() ?? 1;
	context.diagnostic(`seed ${seed}`);
	const random = new Random(seed);
	const relay = await layRelay(context, port, random, RESET_MOST, RESETS);
	const hold = (): number | undefined => random.once(20) ? random.below(3) : undefined;
	const fetch = await fetched({ timer, source: open(relay.port), end: LENGTH, delay: 1, hold });
	assert.deepEqual(fetch.failures.filter(({ code }) => !/^(closed|tls|unreachable)$/.test(code)), []);
	assert.ok(fetch.complete && digest(fetch.bytes) === digest(release));
	assert.equal(relay.resets, RESETS);
	assert.equal(relay.connections, RESETS + 1);
	assert.ok(fetch.received < LENGTH + RESETS * BLOCK, "no more comes twice than the blocks that were cut");
}

test("4 MB come from the simulated cloud, whatever resets the connection", OPTIONS, async (context) => {
	const cloud = await serve(context);
	const url = cloud.firmware.put("lamp.mrl", release);
	const { port } = new URL(url);
	await throughRelay(context, Number(port), (relay) => source(cloud, url.replace(port, `${relay}`)));
});

test("the simulated cloud: what it does wrong has its name, before a byte of the file is handed on", OPTIONS, async (context) => {
	const cloud = await serve(context);
	const url = cloud.firmware.put("lamp.mrl", release);
	for (const [fault, times, reason, offset, end] of [
		[{ ignoreRange: true }, 1, "range-ignored", BLOCK, LENGTH], [{ wrongRange: true }, 1, "range-ignored", BLOCK, 2 * BLOCK],
		[{ location: "/firmware/lamp.mrl" }, 6, "redirects", 0, BLOCK], [{ location: url.replace("https", "http") }, 1, "redirects", 0, BLOCK],
		[{ status: 503, retryAfter: 1 }, 1, "rejected", 0, BLOCK], [{ status: 404 }, 1, "not-found", 0, BLOCK],
		[{}, 1, "truncated", 0, LENGTH + BLOCK], [{}, 1, "truncated", LENGTH, LENGTH + BLOCK],
	] as const) {
		cloud.firmware.fail(fault, times);
		assert.equal(reasonOf(await fetched({ timer, source: source(cloud, url), offset, end, failures: 1 })), reason);
	}
	cloud.firmware.fail({ location: "lamp.mrl?again", chunked: true });
	cloud.firmware.fail({ chunked: true });
	const fetch = await fetched({ timer, source: source(cloud, url), offset: BLOCK, end: 9 * BLOCK });
	assert.deepEqual(Buffer.from(fetch.bytes), release.subarray(BLOCK, 9 * BLOCK));
	const stranger = await createAuthority();
	assert.equal(reasonOf(await fetched({ timer, source: source({ authority: stranger }, url), end: BLOCK, failures: 1 })), "tls");
});

test("4 MB come from nginx, whatever resets the connection", { ...OPTIONS, ...needsNginx }, async (context) => {
	const authority = await createAuthority();
	const nginx = await Nginx.start(await authority.issueServer());
	context.after(() => { nginx.stop(); });
	await throughRelay(context, nginx.port, (port) => source({ authority }, nginx.put("lamp.mrl", release, port)));
});

test("nginx: ranges, redirects, and refusals are understood", { ...OPTIONS, ...needsNginx }, async (context) => {
	const authority = await createAuthority();
	const nginx = await Nginx.start(await authority.issueServer(), [
		"location = /old.mrl { return 301 /lamp.mrl; }",
		"location = /round.mrl { return 302 /round.mrl; }",
		"location = /whole.mrl { max_ranges 0; }",
		"location = /mine.mrl { deny all; }",
		"location = /later.mrl { return 503; }",
		"location = /bare.mrl { return 307 http://localhost/lamp.mrl; }",
	]);
	context.after(() => { nginx.stop(); });
	const small = release.subarray(0, 8 * BLOCK);
	const url = nginx.put("lamp.mrl", small);
	nginx.put("whole.mrl", small);
	const at = (name: string): HTTPSSource => source({ authority }, url.replace("lamp", name));
	const some = await fetched({ timer, source: at("lamp"), offset: 2 * BLOCK, end: 5 * BLOCK });
	assert.deepEqual(Buffer.from(some.bytes), small.subarray(2 * BLOCK, 5 * BLOCK));
	// As long as a URL with a signature in it may be.
	const signed = source({ authority }, `${url}?X-Signature=`.padEnd(2_048, "%2F"));
	assert.ok((await fetched({ timer, source: signed, end: BLOCK })).complete);
	const moved = await fetched({ timer, source: at("old"), end: small.byteLength });
	assert.deepEqual(Buffer.from(moved.bytes), small);
	for (const [name, reason, offset, end] of [
		["round", "redirects", 0, BLOCK], ["bare", "redirects", 0, BLOCK], ["nothing", "not-found", 0, BLOCK], ["mine", "forbidden", 0, BLOCK],
		["lamp", "truncated", 8 * BLOCK, 9 * BLOCK], ["lamp", "truncated", 7 * BLOCK, 9 * BLOCK], ["whole", "range-ignored", BLOCK, 2 * BLOCK],
		["later", "rejected", 0, BLOCK],
	] as const) {
		assert.equal(reasonOf(await fetched({ timer, source: at(name), offset, end, failures: 1 })), reason, name);
	}
});
