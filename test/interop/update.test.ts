// SPDX-License-Identifier: Apache-2.0
/**
 * Whole updates through a broker that is not ours, mosquitto under the access rules of the documentation: the device is a
 * process with a boot loader beside it, which is killed in the middle; and the same release from the web, across resets.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { followJobs } from "../../hosts/simulator/cli/follow.js";
import { createAuthority, createCloud, type Bridge, type Cloud, type DeviceIdentity } from "../../hosts/simulator/index.js";
import { packageRoot } from "../../hosts/xs/node/build.js";
import { BLOCK_LENGTH } from "../../src/ota/source.js";
import { chosenSeed, Random } from "../property/random.js";
import { Mosquitto, needsMosquitto } from "./mosquitto.js";
import { layRelay } from "./relay.js";
import { FACTORY, Lamp, Product, reaches } from "./update-lamp.js";

const OPTIONS = { ...needsMosquitto, timeout: 120_000 };
const ID = "lamp-1";
const [, ACCESS] = /^```acl\n([\s\S]*?)^```$/m.exec(readFileSync(join(packageRoot, "docs/private-cloud.md"), "utf8")) ?? [];
/** Blocks that are asked for ahead, and the one with the manifest. */
const WINDOW = 8;
const RESETS = 4;

interface Site {
	cloud: Cloud;
	bridge: Bridge;
	mosquitto: Mosquitto;
	product: Product;
	identity: DeviceIdentity;
	/** Blocks that were sent over MQTT. */
	sent(): number;
}

async function start(context: TestContext): Promise<Site> {
	assert.ok(ACCESS !== undefined, "the documentation has access rules");
	const authority = await createAuthority();
	const server = await authority.issueServer();
	const mosquitto = await Mosquitto.start({
		anchor: authority.certificate, server: { chain: [server.certificate], key: server.key }, access: ACCESS,
	});
	context.after(() => mosquitto.stop());
	let sent = 0;
	const disturb = (blocks: number[]): number[] => {
		sent += blocks.length;
		return blocks;
	};
	const cloud = await createCloud({ authority, files: { disturb } });
	context.after(() => cloud.close());
	const bridge = await cloud.bridge({ url: `mqtts://localhost:${mosquitto.port}` });
	return { cloud, bridge, mosquitto, product: await Product.make("private"), identity: await cloud.manufacture(ID), sent: () => sent };
}

/** What the cloud hears of the job, until its end. */
function followed({ cloud }: Site, job: string): Promise<string[]> {
	const told: string[] = [];
	return new Promise((resolve) => {
		followJobs(cloud.jobs, (_event, { job: of, status, details }: any) => {
			if (of !== job) return;
			told.push(`${status} ${details.update ?? ""}`);
			if (status !== "IN_PROGRESS") resolve(told);
		});
	});
}

test("mosquitto: a device whose process is killed in the middle of an update ends with the new firmware, confirmed", OPTIONS, async (context) => {
	const site = await start(context);
	const { cloud, product } = site;
	const release = product.release("2.0.0"), size = product.image("2.0.0").byteLength;
	const job = cloud.updates.offer({ release, devices: [ID] });
	const ended = followed(site, job);
	const lamp = new Lamp(context, product, site.identity, reaches(size / 2));
	const told = await ended;
	assert.deepEqual([told.at(-1), told.includes("IN_PROGRESS receiving"), told.includes("IN_PROGRESS trial")], ["SUCCEEDED done", true, true]);
	assert.deepEqual(lamp.story.filter((line) => !line.startsWith("error closed")), [
		`boot ${FACTORY}, power-on`, `boot ${FACTORY}, power-on`, "boot 2.0.0 on trial, software", "end of 2.0.0: done",
	]);
	assert.equal(lamp.progress.at(-1), size);
	const cut = lamp.progress.findIndex((received) => received >= size / 2);
	context.diagnostic(`${size} bytes; killed at ${lamp.progress[cut]}, ${site.sent()} blocks sent of ${release.byteLength / BLOCK_LENGTH}`);
	assert.ok(site.sent() <= release.byteLength / BLOCK_LENGTH + WINDOW + 1, `${site.sent()} blocks`);
});

test("mosquitto: the broker is killed in the middle of an update, and comes back", OPTIONS, async (context) => {
	const site = await start(context);
	const { cloud, product, mosquitto } = site;
	const job = cloud.updates.offer({ release: product.release("2.0.0"), devices: [ID] });
	const ended = followed(site, job);
	const lamp = new Lamp(context, product, site.identity);
	await lamp.reached(100_000);
	await mosquitto.restart();
	assert.equal((await ended).at(-1), "SUCCEEDED done");
	assert.deepEqual(lamp.story.filter((line) => line.startsWith("boot")), [`boot ${FACTORY}, power-on`, "boot 2.0.0 on trial, software"]);
});

test("mosquitto: a device whose process is killed in the trial tries once more, and is confirmed", OPTIONS, async (context) => {
	const site = await start(context);
	const { cloud, product } = site;
	const job = cloud.updates.offer({ release: product.release("2.0.0"), devices: [ID] });
	const ended = followed(site, job);
	const lamp = new Lamp(context, product, site.identity, (line) => line.startsWith("boot 2.0.0 on trial"));
	assert.equal((await ended).at(-1), "SUCCEEDED done");
	assert.deepEqual(lamp.story.filter((line) => line.startsWith("boot")), [
		`boot ${FACTORY}, power-on`, "boot 2.0.0 on trial, software", `boot ${FACTORY}, power-on`, "boot 2.0.0 on trial, software",
	]);
	const { progress } = lamp;
	assert.ok(progress.every((received, index) => index === 0 || received > progress[index - 1]!), "nothing is fetched again");
});

test("mosquitto: what crashes is left, and the cloud knows why", OPTIONS, async (context) => {
	const site = await start(context);
	const { cloud, product } = site;
	const job = cloud.updates.offer({ release: product.release("6.6.6"), devices: [ID] });
	const ended = followed(site, job);
	const lamp = new Lamp(context, product, site.identity);
	assert.equal((await ended).at(-1), "FAILED failed");
	assert.deepEqual(cloud.jobs.get(ID, job)?.details, { update: "failed", version: FACTORY, reason: "crashed" });
	assert.deepEqual(lamp.story.filter((line) => line.startsWith("boot")), [
		`boot ${FACTORY}, power-on`, "boot 6.6.6 on trial, software", `boot ${FACTORY}, exception`,
	]);
});

test("the same release over HTTPS, while the connection is reset again and again and the device is killed once", OPTIONS, async (context) => {
	const site = await start(context);
	const { cloud, product } = site;
	await cloud.serve({ firmwarePort: 0 });
	const release = product.release("2.0.0"), size = product.image("2.0.0").byteLength;
	const url = cloud.firmware.put("lamp-2.0.0.mrl", release), { port } = new URL(url);
	const seed = chosenSeed() ?? 1;
	context.diagnostic(`seed ${seed}`);
	const relay = await layRelay(context, Number(port), new Random(seed), size / 2, RESETS);
	const job = cloud.updates.offer({ release, devices: [ID], by: url.replace(port, String(relay.port)) });
	const ended = followed(site, job);
	const lamp = new Lamp(context, product, site.identity, reaches(size / 2));
	assert.equal((await ended).at(-1), "SUCCEEDED done");
	assert.equal(site.sent(), 0);
	assert.equal(relay.resets, RESETS);
	assert.deepEqual(lamp.story.filter((line) => line.startsWith("boot")), [
		`boot ${FACTORY}, power-on`, `boot ${FACTORY}, power-on`, "boot 2.0.0 on trial, software",
	]);
	const starts = cloud.firmware.requests.map(({ range = "" }) => Number(/^bytes=(\d+)-/.exec(range)?.[1]));
	context.diagnostic(`${size} bytes, asked for from ${starts.join(", ")}`);
	assert.deepEqual(starts, [...starts].sort((one, other) => one - other), "nothing that is there is asked for again");
});
