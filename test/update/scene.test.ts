// SPDX-License-Identifier: Apache-2.0
/** An update from offer to confirmation, and back from those that are no good, in a world. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Scene } from "./scene.js";

const HOUR = 3_600_000;

test("an update is received, verified, booted, confirmed and then reported", () => {
	const scene = new Scene();
	scene.world.advance(60_000);
	const job = scene.offer();
	scene.world.advance(300_000);
	assert.deepEqual(scene.errors, []);
	assert.deepEqual(scene.boots, ["1.0.0", "2.0.0"]);
	assert.deepEqual(scene.ends, ["2.0.0 done"]);
	assert.equal(scene.outcome(job), 'SUCCEEDED {"update":"done","version":"2.0.0"}');
	assert.equal(scene.device.host.images?.onTrial, false);
});

for (const [image, reason] of [["crash", "crashed"], ["hang", "hung"], ["mute", "unhealthy"]] as const) {
	test(`an image that is ${image} is left again, within three boots and 120 s`, () => {
		const scene = new Scene();
		scene.world.advance(60_000);
		const job = scene.offer({ image });
		scene.world.run(() => scene.boots.includes(image), { within: HOUR });
		scene.world.advance(121_000);
		assert.deepEqual(scene.boots, ["1.0.0", image, "1.0.0"]);
		scene.world.advance(60_000);
		assert.deepEqual(scene.ends, [`2.0.0 ${reason}`]);
		assert.equal(scene.outcome(job), `FAILED {"update":"failed","version":"1.0.0","reason":"${reason}"}`);
	});
}
