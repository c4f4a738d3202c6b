// SPDX-License-Identifier: Apache-2.0
/**
 * The vendor's own jobs client watches while our device does updates: it is told of the same job by the same cloud, and
 * what it is told is what the documentation of AWS IoT OTA says of such a job.
 *
 * The device is a process with a boot loader beside it, which really restarts.
 */
import assert from "node:assert/strict";
import { suite, test, type TestContext } from "node:test";
import { createAwsCloud, devicePolicy, type AwsCloud } from "../../hosts/simulator/index.js";
import { BLOCK_LENGTH } from "../../src/ota/source.js";
import type { Inbox } from "../interop/inbox.js";
import { FACTORY, Lamp, Product } from "../interop/update-lamp.js";
import { Refused, Sdk, sdkObstacle } from "./sdk.js";
import { Tap } from "./tap.js";

const TIMEOUT = 120_000;
const THING = "lamp";
const WATCHER = "watcher";
/** ms: what the watcher asks is answered before the device, which waits as long for each answer, says more. */
const LATENCY = 20;
const CONFIRMED = "2.0.0";

const obstacle = await sdkObstacle();
if (obstacle !== undefined) console.warn(`SKIPPED: ${obstacle}`);

interface Seen {
	status: string;
	details: Record<string, string>;
}

interface Site {
	cloud: AwsCloud;
	product: Product;
	/** Switches the device on. */
	start(): Lamp;
	/** What the watcher sees of the job, each state once, until its end. @param onSeen told of each of them */
	watch(job: string, onSeen?: (seen: Seen) => void): Promise<Seen[]>;
	/** By the watcher's own client. */
	ask(method: string, body?: object): Promise<any>;
	notifications: Inbox<any>;
}

async function makeSite(context: TestContext, protocol: 4 | 5): Promise<Site> {
	const cloud = await createAwsCloud({
		limits: { connectsPerSecond: Infinity },
		permit: (principal, action, resource) => principal.clientId === WATCHER || devicePolicy(principal, action, resource),
	});
	context.after(() => cloud.close());
	const tap = new Tap(cloud.broker);
	await cloud.serve({ tlsPort: 0 });
	const identity = await cloud.manufacture(THING), product = await Product.make("aws");
	const sdk = Sdk.start(context);
	await sdk.connect(identity, { protocol, clientId: WATCHER });
	const notifications = await sdk.open("jobs", "createJobExecutionsChangedStream", { thingName: THING });
	tap.latency = LATENCY;
	const ask = (method: string, body: object = {}): Promise<any> => sdk.request("jobs", method, { thingName: THING, ...body });
	const watch = async (jobId: string, onSeen?: (seen: Seen) => void): Promise<Seen[]> => {
		const all: Seen[] = [];
		for (let version = 0; ;) {
			tap.take();
			const changed = tap.until(({ packet, toCloud }) => toCloud && packet.cmd === "publish" && /\/jobs\/(start-next|.*\/update)$/.test(packet.topic));
			const { status, statusDetails: details = {}, versionNumber } = await stateOf(ask, jobId);
			if (versionNumber !== version) {
				all.push({ status, details });
				onSeen?.({ status, details });
			}
			version = versionNumber;
			if (status !== "QUEUED" && status !== "IN_PROGRESS") return all;
			await changed;
		}
	};
	return { cloud, product, watch, ask, notifications, start: () => new Lamp(context, product, identity) };
}

/** What the cloud says of a job, also of one that has ended: that it describes to no thing, but in a refusal it does. */
async function stateOf(ask: Site["ask"], jobId: string): Promise<any> {
	try {
		return (await ask("describeJobExecution", { jobId })).execution;
	} catch (error) {
		if (!(error instanceof Refused) || error.answer.code !== "TerminalStateReached") throw error;
	}
	try {
		await ask("updateJobExecution", { jobId, status: "IN_PROGRESS" });
	} catch (error) {
		if (error instanceof Refused) return error.answer.executionState;
		throw error;
	}
	assert.fail("a job that has ended was taken up again");
}

/** Once it runs on trial, whoever is in charge says that it is healthy. */
const approve = (cloud: AwsCloud) => ({ details }: Seen): void => {
	if (details["update"] === "trial" && details["version"] === CONFIRMED) cloud.shadows.desire(THING, { healthy: CONFIRMED });
};

const pendingOf = ({ inProgressJobs, queuedJobs }: any): string[][] => [inProgressJobs, queuedJobs].map((jobs: any[]) => jobs.map(({ jobId }) => jobId));

suite("the vendor's jobs client", { skip: obstacle, timeout: 4 * TIMEOUT, concurrency: true }, () => {
	for (const kind of ["AWS IoT OTA", "a job of ours"] as const) {
		test(`sees an update by ${kind} go from QUEUED to SUCCEEDED, and one that takes it back`, { timeout: TIMEOUT }, async (context) => {
			const { cloud, product, watch, ask, notifications, start } = await makeSite(context, kind === "AWS IoT OTA" ? 5 : 4);
			const release = product.release("2.0.0"), image = product.image("2.0.0");
			const order = { release, devices: [THING] };
			const isClassic = kind === "AWS IoT OTA";
			const job = isClassic ? cloud.updates.offerOta(order) : cloud.updates.offer(order);
			assert.equal(job.startsWith("AFR_OTA-"), isClassic);
			assert.deepEqual((await notifications.next()).jobs.QUEUED.map(({ jobId }: any) => jobId), [job]);
			assert.deepEqual(pendingOf(await ask("getPendingJobExecutions")), [[], [job]]);
			const { execution: { jobDocument } } = await ask("describeJobExecution", { jobId: job });
			assert.deepEqual(Object.keys(jobDocument), [isClassic ? "afr_ota" : "update"]);

			const lamp = start();
			const seen = await watch(job, approve(cloud));
			const blocks = Math.ceil(image.byteLength / BLOCK_LENGTH);
			const selfTest = (state: string): object => isClassic ? { self_test: state } : {};
			const before = { version: FACTORY }, now = { version: "2.0.0" };
			assert.deepEqual(seen.filter(({ details }, index) => details["update"] !== "receiving" || seen[index - 1]?.details["update"] !== "receiving"), [
				{ status: "QUEUED", details: {} },
				{ status: "IN_PROGRESS", details: {} },
				{ status: "IN_PROGRESS", details: { update: "receiving", ...before, ...(isClassic ? { receive: `1/${blocks}` } : { received: `${BLOCK_LENGTH}/${image.byteLength}` }) } },
				{ status: "IN_PROGRESS", details: { update: "trial", ...before, ...selfTest("ready") } },
				{ status: "IN_PROGRESS", details: { update: "trial", ...now, ...selfTest("active") } },
				{ status: "SUCCEEDED", details: { update: "done", ...now, ...(isClassic ? { reason: "accepted v2.0.0", updatedBy: `v${FACTORY}` } : {}) } },
			]);
			assert.deepEqual(pendingOf(await ask("getPendingJobExecutions")), [[], []]);
			assert.deepEqual(lamp.story, [`boot ${FACTORY}, power-on`, "boot 2.0.0 on trial, software", "end of 2.0.0: done"]);

			const back = await watch(cloud.updates.rollback([THING]));
			assert.deepEqual(back.slice(-2), [
				{ status: "IN_PROGRESS", details: { update: "trial", ...now } }, { status: "SUCCEEDED", details: { update: "done", ...before } },
			]);
			assert.deepEqual(lamp.story.slice(3), [`boot ${FACTORY}, software`, `end of ${FACTORY}: done`]);
		});
	}

	test("sees an update FAILED with the reason: nobody signed it, it crashes, it calls itself otherwise", { timeout: TIMEOUT }, async (context) => {
		const { cloud, product, watch, ask, start } = await makeSite(context, 5);
		const stranger = await Product.make("aws");
		const lamp = start();
		const cases = [
			[stranger.release("2.0.0"), "key-unknown", []], [product.release("6.6.6"), "crashed", ["ready"]],
			[product.release("2.0.0", {}, "2.0.1"), "mislabelled", ["ready"]],
		] as const;
		for (const [release, reason, tests] of cases) {
			const job = cloud.updates.offerOta({ release, devices: [THING] });
			const seen = await watch(job, approve(cloud));
			assert.deepEqual(seen.at(-1), { status: "FAILED", details: { update: "failed", version: FACTORY, reason } });
			assert.deepEqual(seen.flatMap(({ details }) => details["self_test"] ?? []), tests, reason);
			assert.ok(seen.every(({ status }) => status !== "SUCCEEDED"));
		}
		assert.deepEqual(pendingOf(await ask("getPendingJobExecutions")), [[], []]);
		assert.deepEqual(lamp.story.filter((line) => line.startsWith("boot")), [
			`boot ${FACTORY}, power-on`, "boot 6.6.6 on trial, software", `boot ${FACTORY}, exception`,
			"boot 2.0.0 on trial, software", `boot ${FACTORY}, software`,
		]);
	});
});
