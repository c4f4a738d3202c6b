// SPDX-License-Identifier: Apache-2.0
/** What an operator offers: the file is where the device can fetch it, and the job says so, on each of the clouds. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { AwsWorldCloud, OtaUpdates, Updates, WorldCloud, type JsonObject } from "../../hosts/simulator/index.js";
import { createWorld } from "../../hosts/world/index.js";
import { readOffer } from "../../src/ota/offer.js";
import { codeOf } from "../unit/failure.js";

const RELEASE = Uint8Array.of(1, 2, 3);
const URL_OF_RELEASE = "https://releases.example/lamp-1.4.3.mrl";

function setup() {
	const files: string[] = [], jobs: [id: string, document: JsonObject, devices: readonly string[]][] = [];
	const updates = new OtaUpdates({
		put: (device, name, release) => { files.push(`${device} ${name} ${release.byteLength}`); },
		queue: (...job) => { jobs.push(job); },
	});
	return { files, jobs, updates };
}

suite("Updates", () => {
	test("by stream: each device has the file before there is a job", () => {
		const { files, jobs, updates } = setup();
		assert.equal(updates.offer({ release: RELEASE, devices: ["a", "b"] }), "update-1");
		assert.equal(updates.offer({ id: "lamp-1_4_3", release: RELEASE, devices: ["a"], by: "stream", percent: 10 }), "lamp-1_4_3");
		assert.deepEqual(files, ["a update-1 3", "b update-1 3", "a lamp-1_4_3 3"]);
		assert.deepEqual(jobs, [
			["update-1", { update: { stream: "update-1", file: 0 } }, ["a", "b"]],
			["lamp-1_4_3", { update: { stream: "lamp-1_4_3", file: 0, percent: 10 } }, ["a"]],
		]);
	});

	test("by URL, which somebody else serves; and the way back", () => {
		const { files, jobs, updates } = setup();
		updates.offer({ release: RELEASE, devices: ["a"], by: URL_OF_RELEASE });
		assert.equal(updates.rollback(["a", "b"]), "rollback-2");
		assert.deepEqual(jobs, [["update-1", { update: { url: URL_OF_RELEASE } }, ["a"]], ["rollback-2", { update: { rollback: true } }, ["a", "b"]]]);
		assert.deepEqual(files, []);
		assert.equal(codeOf(() => updates.offer({ release: RELEASE, devices: ["a"], by: "HTTP" })), "argument");
	});

	test("as AWS's own update jobs are", () => {
		const { files, jobs, updates } = setup();
		assert.equal(updates.offerOta({ id: "7", release: RELEASE, devices: ["a"], signature: Uint8Array.of(255) }), "AFR_OTA-7");
		updates.offerOta({ release: RELEASE, devices: ["a"], by: URL_OF_RELEASE });
		assert.deepEqual(files, ["a AFR_OTA-7 3"]);
		const file = { filepath: "release", filesize: 3, fileid: 0, certfile: "code-signer" };
		assert.deepEqual(jobs, [
			["AFR_OTA-7", { afr_ota: { protocols: ["MQTT"], streamname: "AFR_OTA-7", files: [{ ...file, "sig-sha256-ecdsa": "/w==" }] } }, ["a"]],
			["AFR_OTA-update-1", { afr_ota: { protocols: ["HTTP"], files: [
				{ ...file, update_data_url: URL_OF_RELEASE, auth_scheme: "aws.s3.presigned", "sig-sha256-ecdsa": "c2lnbmVkIGluc2lkZQ==" },
			] } }, ["a"]],
		]);
	});

	test("a device reads in each of these documents where the release is", () => {
		const { jobs, updates } = setup();
		const devices = ["a"], release = RELEASE;
		updates.offer({ release, devices, percent: 10 });
		updates.offer({ release, devices, by: URL_OF_RELEASE });
		updates.rollback(devices);
		updates.offerOta({ id: "7", release, devices });
		updates.offerOta({ release, devices, by: URL_OF_RELEASE });
		const none = { isRollback: false, isClassic: false, url: undefined, stream: undefined, file: 0, percent: 100 };
		assert.deepEqual(jobs.map(([, document]) => readOffer(document)), [
			{ ...none, stream: "update-1", percent: 10 }, { ...none, url: URL_OF_RELEASE }, { ...none, isRollback: true },
			{ ...none, isClassic: true, stream: "AFR_OTA-7" }, { ...none, isClassic: true, url: URL_OF_RELEASE },
		]);
	});

	test("every cloud has them: its jobs are the cloud's own", () => {
		const here = new WorldCloud(createWorld({ seed: 1 }), { tls: false }), there = new AwsWorldCloud(createWorld({ seed: 1 }), { tls: false });
		assert.ok(here.updates instanceof Updates && !(here.updates instanceof OtaUpdates));
		const id = here.updates.offer({ release: RELEASE, devices: ["lamp"] });
		assert.deepEqual(here.jobs.get("lamp", id)?.document, { update: { stream: id, file: 0 } });
		assert.equal(codeOf(() => here.updates.offer({ id, release: RELEASE, devices: ["lamp"] })), "state");
		there.manufacture("lamp");
		const ota = there.updates.offerOta({ release: RELEASE, devices: ["lamp"] });
		assert.equal((there.services.jobs.execution("lamp", ota)?.jobDocument?.["afr_ota"] as JsonObject)["streamname"], ota);
		assert.equal(codeOf(() => there.updates.offer({ release: RELEASE, devices: ["stranger"] })), "argument");
		assert.equal(codeOf(() => here.updates.offer({ release: new Uint8Array(24 * 1024 * 1024 + 1), devices: ["lamp"] })), "too-large");
	});
});
