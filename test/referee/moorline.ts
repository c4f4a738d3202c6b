// SPDX-License-Identifier: Apache-2.0
/** The referee's script as a program on this SDK has it: it says what it is and what it does, the rest is the device's. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { createHost } from "../../hosts/node/index.js";
import { writeIdentity, type DeviceIdentity } from "../../hosts/simulator/index.js";
import { aws } from "../../src/clouds/aws/index.js";
import { Device, type DeviceOptions } from "../../src/device.js";
import type { Host } from "../../src/host.js";
import type { Job } from "../../src/operations/jobs.js";
import { Inbox } from "../interop/inbox.js";
import { TEMPLATE, type RefereeCloud } from "./cloud.js";
import type { Transcript } from "./transcript.js";

export interface OurPlay {
	cloud: RefereeCloud;
	host: Host;
	identity: DeviceIdentity;
	protocol: 4 | 5;
	transcript: Transcript;
}

/** A host with that identity in its storage, which is removed after the test. */
export async function makeHost(context: Pick<TestContext, "after">, identity: DeviceIdentity): Promise<Host> {
	const directory = await mkdtemp(join(tmpdir(), "moorline-referee-"));
	context.after(() => rm(directory, { recursive: true, force: true }));
	const host = createHost({ directory });
	writeIdentity(host.storage.open({ path: "identity" }), identity);
	return host;
}

function makeDevice({ host, protocol }: OurPlay, options: Partial<DeviceOptions> = {}): Device {
	return new Device({
		host, cloud: aws({ protocol, provisioningTemplate: TEMPLATE, format: "json" }), onError: (error) => assert.fail(error), onDisconnected: (error) => assert.fail(error), ...options,
	});
}

/** @param name of the shadow; undefined for the classic one */
export async function shadowScript(play: OurPlay, name: string | undefined): Promise<void> {
	const { cloud: { aws: { shadows }, tap }, identity: { id }, transcript } = play;
	const syncs = new Inbox<number>();
	const synced = async (version: number): Promise<void> => {
		while (await syncs.next() !== version);
	};
	const lamp = { on: false, brightness: 100 };
	const boot = (): Device => {
		const handlers = {
			onDelta(this: { report(patch: object): void }, delta: object) {
				Object.assign(lamp, delta);
				this.report(delta);
			},
			onSync: (version: number) => { syncs.put(version); },
		};
		const device = makeDevice(play, name === undefined ? handlers : {});
		const shadow = name === undefined ? device : device.shadow(name, handlers);
		shadow.report(lamp);
		return device;
	};

	let device = boot();
	await synced(1);
	assert.deepEqual(shadows.get(id, name)?.state, { reported: { on: false, brightness: 100 } });
	transcript.cut("first report");

	shadows.desire(id, { on: true }, { name });
	await synced(3);
	assert.deepEqual(shadows.get(id, name)?.state, { desired: { on: true }, reported: { on: true, brightness: 100 } });
	transcript.cut("desired");

	shadows.desire(id, { on: false }, { name });
	shadows.desire(id, { brightness: 50 }, { name });
	await synced(6);
	transcript.cut("two in a row");
	transcript.cut("stale");

	device.close();
	await tap.ended();
	shadows.desire(id, { brightness: 10 }, { name });
	device = boot();
	await synced(8);
	assert.deepEqual(shadows.get(id, name)?.state, { desired: { on: false, brightness: 10 }, reported: { on: false, brightness: 10 } });
	transcript.cut("away");

	device.close();
	transcript.cut("deleted");
}

export async function jobsScript(play: OurPlay): Promise<void> {
	const { cloud: { jobs, tap }, identity: { id }, transcript } = play;
	const begun = new Inbox<Job>();
	const canceled = new Inbox<Job>();
	const device = makeDevice(play, {
		jobMembers: ["times"], onJob: (job) => { begun.put(job); }, onJobCanceled: (job) => { canceled.put(job); },
	});
	const answered = (suffix: string): Promise<unknown> => {
		return tap.until(({ packet, toCloud }) => !toCloud && packet.cmd === "publish" && packet.topic.endsWith(suffix));
	};

	await Promise.all([answered("/start-next/accepted"), answered("/shadow/get/rejected")]);
	transcript.cut("nothing to do");

	jobs.create({ jobId: "blink", things: [id], document: { times: 3 } });
	const blink = await begun.next();
	assert.deepEqual([blink.id, blink.document], ["blink", { times: 3 }]);
	transcript.cut("a job");

	blink.progress({ done: "1" });
	await answered("/update/accepted");
	transcript.cut("progress");

	jobs.create({ jobId: "beep", things: [id], document: {} });
	blink.succeed({ done: "3" });
	assert.equal((await begun.next()).id, "beep");
	assert.equal(jobs.execution(id, "blink")?.status, "SUCCEEDED");
	transcript.cut("the next job");

	jobs.cancel("beep", { force: true });
	assert.equal((await canceled.next()).id, "beep");
	device.close();
	transcript.cut("canceled");
}

/** From a claim to a thing, with a key of the cloud's making or with one of the device's. */
export async function provisioningScript(play: OurPlay, keys: "AWS" | "CSR"): Promise<void> {
	const { cloud: { aws: { registry, shadows } }, transcript } = play;
	const serial = keys === "AWS" ? "1" : "2";
	const names = new Inbox<string>();
	const syncs = new Inbox<number>();
	const configurations: unknown[] = [];
	const device = makeDevice(play, {
		provisioning: { parameters: { SerialNumber: serial }, keyType: keys === "CSR" ? "P-256" : undefined },
		onProvisioned: (id) => { names.put(id); },
		onConfiguration: (configuration) => { configurations.push(configuration); },
		onSync: (version) => { syncs.put(version); },
	});
	device.report({ on: false });
	assert.equal(await names.next(), `lamp-${serial}`);
	assert.deepEqual(configurations, [{ colour: "warm" }]);
	transcript.cut("provisioned");

	assert.equal(await syncs.next(), 1);
	assert.equal(registry.get(`lamp-${serial}`)?.online, true);
	assert.deepEqual(shadows.get(`lamp-${serial}`)?.state, { reported: { on: false } });
	device.close();
	transcript.cut("as a thing");
}
