// SPDX-License-Identifier: Apache-2.0
/** The same script by the vendor's own SDK and by ours: what they say to the cloud and hear from it is the same. */
import assert from "node:assert/strict";
import { suite, test, type TestContext } from "node:test";
import { makeCloud } from "./cloud.js";
import * as ours from "./moorline.js";
import * as theirs from "./script.js";
import { Sdk, sdkObstacle } from "./sdk.js";
import { Transcript, without, type Difference } from "./transcript.js";

const TIMEOUT = 60_000;

const obstacle = await sdkObstacle();
if (obstacle !== undefined) console.warn(`SKIPPED: ${obstacle}`);

interface Scripts {
	theirs(play: theirs.Play): Promise<void>;
	ours(play: ours.OurPlay): Promise<void>;
	differences: readonly Difference[];
	/** It begins with a claim. */
	claim?: boolean;
}

async function compare(context: TestContext, { theirs, ours: script, differences, claim = false }: Scripts): Promise<void> {
	const run = async (of: "sdk" | "moorline") => {
		const cloud = await makeCloud(context);
		const identity = await (claim ? cloud.aws.manufactureClaim("claim") : cloud.aws.manufacture("lamp"));
		const transcript = new Transcript(cloud.tap);
		const common = { cloud, identity, protocol: 5, transcript } as const;
		if (of === "sdk") await theirs({ ...common, sdk: Sdk.start(context) });
		else await script({ ...common, host: await ours.makeHost(context, identity) });
		return without(transcript.phases, differences, of);
	};
	const [sdk, moorline] = await Promise.all([run("sdk"), run("moorline")]);
	assert.deepEqual(moorline, sdk);
}

const SHADOW: readonly Difference[] = [];
const NAMED: readonly Difference[] = [];
const JOBS: readonly Difference[] = [];
const PROVISIONING: readonly Difference[] = [];

suite("transcripts", { skip: obstacle, timeout: TIMEOUT, concurrency: true }, () => {
	test("the classic shadow", context => compare(context, {
		theirs: play => theirs.shadowScript(play, undefined), ours: play => ours.shadowScript(play, undefined), differences: SHADOW,
	}));

	test("a named shadow", context => compare(context, {
		theirs: play => theirs.shadowScript(play, "settings"), ours: play => ours.shadowScript(play, "settings"), differences: NAMED,
	}));

	test("jobs", context => compare(context, { theirs: theirs.jobsScript, ours: ours.jobsScript, differences: JOBS }));

	for (const keys of ["AWS", "CSR"] as const) {
		test(`fleet provisioning with ${keys === "AWS" ? "keys from AWS" : "a request for a certificate"}`, context => compare(context, {
			theirs: play => theirs.provisioningScript(play, keys), ours: play => ours.provisioningScript(play, keys),
			differences: PROVISIONING, claim: true,
		}));
	}
});
