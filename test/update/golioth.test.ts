// SPDX-License-Identifier: Apache-2.0
/** Updates over Golioth: its manifest takes the place of a job, and its artifact that of a file, in a world. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRelease, formatReleaseKey } from "../../hosts/release/index.js";
import { crypto } from "../../hosts/node/digest.js";
import { goliothIdentityValues } from "../../hosts/simulator/clouds/golioth/identity.js";
import { GoliothWorldCloud } from "../../hosts/simulator/clouds/golioth/world.js";
import { createWorld, worldImage, type Program, type World } from "../../hosts/world/index.js";
import { golioth } from "../../src/clouds/golioth/index.js";
import { Device } from "../../src/device.js";
import { verifyPoint } from "../host/node-keys.js";
import { releaseKey } from "./scene.js";

const ID = "lamp";
const MINUTE = 60_000;

class Scene {
	readonly world: World;
	readonly cloud: GoliothWorldCloud;
	readonly boots: string[] = [];
	readonly ends: string[] = [];
	readonly errors: string[] = [];
	readonly device: ReturnType<World["device"]>;

	constructor(seed = 1) {
		const world = this.world = createWorld({ seed, digest: (algorithm) => crypto.digest(algorithm), verify: verifyPoint });
		const cloud = this.cloud = new GoliothWorldCloud(world);
		const program = (version: string): Program => (host) => {
			this.boots.push(version);
			return new Device({
				host, cloud: golioth(), firmware: { product: "lamp", version, keys: [formatReleaseKey(releaseKey)] },
				update: { onEnd: (to, reason) => this.ends.push(`${to} ${reason ?? "done"}`) },
				onError: ({ code, message }) => this.errors.push(`${code} ${message}`),
			});
		};
		this.device = world.device({
			id: ID, slot: 65_536, image: worldImage("1.0.0", crypto),
			programs: {
				"1.0.0": program("1.0.0"), "2.0.0": program("2.0.0"), "3.0.0": program("3.0.0"),
				crash: (host) => {
					this.boots.push("crash");
					host.timer.set(() => { throw new Error("a bug"); }, 100);
				},
			},
			storage: { identity: goliothIdentityValues(cloud.manufacture(ID)) },
		});
	}

	/** Uploads a release and wants the device to run it. */
	deploy(version: string, image = version): number {
		const { file } = createRelease({
			product: "lamp", version, counter: 0, key: releaseKey.privateKey,
			components: [{ name: "main", kind: "image", content: worldImage(image, crypto, { padding: 20_000 }) }],
		});
		this.cloud.releases.upload("main", version, file);
		return this.cloud.releases.deploy(ID, `main@${version}`);
	}

	/** States and reasons that the cloud was told, each change once; with the version that runs. */
	get told(): string[] {
		const lines = this.cloud.releases.reports(ID).map(({ state, reason, version, target }) => `${state}/${reason} ${version}${target === undefined ? "" : ` to ${target}`}`);
		return lines.filter((line, index) => line !== lines[index - 1]);
	}
}

test("a manifest is an update: received block by block, booted, confirmed, and told in Golioth's words", () => {
	const scene = new Scene();
	scene.world.advance(MINUTE);
	assert.deepEqual(scene.told, ["0/0 1.0.0"]);
	scene.deploy("2.0.0");
	scene.world.advance(5 * MINUTE);
	assert.deepEqual(scene.errors, []);
	assert.deepEqual(scene.boots, ["1.0.0", "2.0.0"]);
	assert.deepEqual(scene.ends, ["2.0.0 done"]);
	assert.deepEqual(scene.told, [
		"0/0 1.0.0", "1/0 1.0.0 to 2.0.0", "2/0 1.0.0 to 2.0.0", "3/0 1.0.0 to 2.0.0", "0/1 2.0.0 to 2.0.0",
	]);
	assert.equal(scene.device.host.images?.onTrial, false);
});

test("what is done is not done again: after a reset, by a manifest that says the same, and by the next one", () => {
	const scene = new Scene();
	scene.world.advance(MINUTE);
	scene.deploy("2.0.0");
	scene.world.advance(5 * MINUTE);
	scene.device.cutPower();
	scene.world.advance(MINUTE);
	scene.cloud.releases.deploy(ID, "main@2.0.0");
	scene.world.advance(5 * MINUTE);
	assert.deepEqual(scene.boots, ["1.0.0", "2.0.0", "2.0.0"]);
	const { blocks } = scene.cloud.releases;
	scene.deploy("3.0.0");
	scene.world.advance(5 * MINUTE);
	assert.deepEqual(scene.ends, ["2.0.0 done", "3.0.0 done"]);
	assert.ok(scene.cloud.releases.blocks > blocks);
});

test("an image that crashes is left again, said to have failed, and not tried until another manifest says so", () => {
	const scene = new Scene();
	scene.world.advance(MINUTE);
	scene.deploy("2.0.0", "crash");
	scene.world.advance(15 * MINUTE);
	assert.deepEqual(scene.boots, ["1.0.0", "crash", "1.0.0"]);
	assert.deepEqual(scene.ends, ["2.0.0 crashed"]);
	assert.equal(scene.told.at(-1), "0/8 1.0.0 to 2.0.0");
	scene.device.cutPower();
	scene.world.advance(15 * MINUTE);
	assert.deepEqual(scene.boots, ["1.0.0", "crash", "1.0.0", "1.0.0"]);
	scene.cloud.releases.deploy(ID, "main@2.0.0");
	scene.world.advance(15 * MINUTE);
	assert.deepEqual(scene.boots.slice(4), ["crash", "1.0.0"]);
});

test("through loss, a reset and a restart of the cloud in the middle of it", () => {
	for (let seed = 1; seed <= 20; seed++) {
		const scene = new Scene(seed);
		const { world, cloud, device } = scene;
		world.network.lose(0.1);
		world.network.delay(5, 200);
		world.advance(MINUTE);
		scene.deploy("2.0.0");
		world.run(() => cloud.releases.blocks > 8, { within: 60 * MINUTE });
		if (seed % 2 === 0) device.cutPower();
		else cloud.restart(20_000);
		world.run(() => scene.told.at(-1) === "0/1 2.0.0 to 2.0.0", { within: 60 * MINUTE });
		assert.deepEqual(scene.ends, ["2.0.0 done"], `seed ${seed}`);
	}
});

test("an artifact that is not what it should be, or not there, is told with its reason", () => {
	const scene = new Scene();
	const { world, cloud } = scene;
	world.advance(MINUTE);
	cloud.releases.upload("main", "2.0.0", new Uint8Array(8_192).fill(7));
	cloud.releases.deploy(ID, "main@2.0.0");
	world.advance(5 * MINUTE);
	assert.equal(scene.told.at(-1), "0/5 1.0.0 to 2.0.0");
	assert.deepEqual(scene.boots, ["1.0.0"]);
	cloud.faults.add({ path: ".u/c/main@", method: "GET", code: "4.04" });
	scene.deploy("3.0.0");
	world.advance(5 * MINUTE);
	assert.equal(scene.told.at(-1), "0/7 1.0.0 to 3.0.0");
});
