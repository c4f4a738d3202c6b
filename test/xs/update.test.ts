// SPDX-License-Identifier: Apache-2.0
/**
 * Whole updates on the engine of the device, with the memory of a stock ESP32 and its stack: whole images and patches,
 * over the connection that is open and over HTTPS, with the power cut in the middle. See `programs/update.ts`.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { after, before, suite, test } from "node:test";
import { BLOCK_LENGTH } from "../../src/ota/source.js";
import { availableBits, temporaryDirectory } from "./runner.js";
import { FACTORY, imageOf, Lamp, UpdateCloud } from "./update.js";

const TIMEOUT = 120_000;
const SIZE = 200_000;
const TRIAL = ["boot 2.0.0 on trial, software", "end of 2.0.0: done"];
const DONE = { status: "SUCCEEDED", details: { update: "done", version: "2.0.0" } };
/** Blocks that were on their way when the power failed, and the first one, which has the manifest. */
const WINDOW = 8;
const wordSizes = await availableBits();

suite("updates", { timeout: wordSizes.length * TIMEOUT }, () => {
	let cloud: UpdateCloud;
	const directory = temporaryDirectory();

	before(async () => { cloud = await UpdateCloud.make(); });
	after(async () => {
		await cloud.cloud.close();
		rmSync(directory, { recursive: true });
	});

	for (const bits of wordSizes) {
		for (const way of ["MQTT", "HTTPS"] as const) {
			test(`XS ${bits}: a whole image over ${way}, across a power cut, is tried and confirmed`, async () => {
				const id = `lamp-${way.toLowerCase()}-${bits}`;
				const lamp = await Lamp.make(cloud, bits, id, directory);
				const content = imageOf("2.0.0", randomBytes(SIZE));
				const release = cloud.release("2.0.0", { content });
				const by = way === "HTTPS" ? cloud.cloud.firmware.put(`${id}.mrl`, release) : undefined;
				const sent = cloud.blocks, asked = cloud.cloud.firmware.requests.length;
				const job = cloud.cloud.updates.offer({ id, release, devices: [id], by });

				assert.deepEqual(await lamp.update(job, SIZE / 2), DONE);
				assert.deepEqual(lamp.story, [`boot ${FACTORY}, power-on`, `boot ${FACTORY}, power-on`, ...TRIAL]);
				const { progress } = lamp;
				assert.equal(progress.at(-1), content.byteLength);
				const cut = progress.findIndex((received) => received >= SIZE / 2);
				assert.ok(progress[cut + 1]! >= progress[cut]!, `resumed at ${progress[cut + 1]} after ${progress[cut]}`);
				if (way === "MQTT") {
					assert.ok(cloud.blocks - sent <= release.byteLength / BLOCK_LENGTH + WINDOW, `${cloud.blocks - sent} blocks were sent`);
				} else {
					assert.equal(cloud.blocks, sent);
					assert.ok(cloud.cloud.firmware.requests.length - asked <= 3, "the manifest, and each half of the image");
				}
			});
		}

		test(`XS ${bits}: what is never healthy is left within the time for that`, async () => {
			const id = `lamp-sick-${bits}`;
			const lamp = await Lamp.make(cloud, bits, id, directory);
			const release = cloud.release("9.0.0", { content: imageOf("9.0.0", randomBytes(5_000)) });
			const job = cloud.cloud.updates.offer({ id, release, devices: [id] });
			assert.deepEqual(await lamp.update(job), { status: "FAILED", details: { update: "failed", version: FACTORY, reason: "unhealthy" } });
			assert.deepEqual(lamp.story, [
				`boot ${FACTORY}, power-on`, "boot 9.0.0 on trial, software", `boot ${FACTORY}, software`, "end of 9.0.0: unhealthy",
			]);
		});

		test(`XS ${bits}: a patch over MQTT, across a power cut, is tried and confirmed`, async () => {
			const id = `lamp-patch-${bits}`;
			const rest = randomBytes(SIZE);
			const lamp = await Lamp.make(cloud, bits, id, directory, rest);
			const changed = Buffer.concat([rest.subarray(0, 50_000), randomBytes(3_000), rest.subarray(50_000, 120_000), randomBytes(20_000), rest.subarray(150_000)]);
			const content = imageOf("2.0.0", changed);
			const release = cloud.release("2.0.0", { content, bases: [imageOf(FACTORY, rest)], full: false });
			assert.ok(release.byteLength < SIZE / 4);
			const sent = cloud.blocks;
			const job = cloud.cloud.updates.offer({ id, release, devices: [id] });

			assert.deepEqual(await lamp.update(job, content.byteLength / 2), DONE);
			assert.deepEqual(lamp.story, [`boot ${FACTORY}, power-on`, `boot ${FACTORY}, power-on`, ...TRIAL]);
			assert.equal(lamp.progress.at(-1), content.byteLength);
			assert.ok(cloud.blocks - sent <= release.byteLength / BLOCK_LENGTH + WINDOW, `${cloud.blocks - sent} blocks were sent`);
		});
	}
});
