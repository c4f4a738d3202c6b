// SPDX-License-Identifier: Apache-2.0
/** Updates from a private cloud over CoAP: the job, and the release in blocks, in a world. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRelease, formatReleaseKey } from "../../hosts/release/index.js";
import { crypto } from "../../hosts/node/digest.js";
import { identityValues } from "../../hosts/simulator/identity.js";
import { CoAPWorldCloud } from "../../hosts/simulator/world.js";
import { createWorld, worldImage, type Program, type World } from "../../hosts/world/index.js";
import { privateCloud } from "../../src/clouds/private/index.js";
import { Device } from "../../src/device.js";
import { verifyPoint } from "../host/node-keys.js";
import { releaseKey } from "./scene.js";

const ID = "lamp";
const MINUTE = 60_000;
const SEEDS = 10;

class Scene {
	readonly world: World;
	readonly cloud: CoAPWorldCloud;
	readonly boots: string[] = [];
	readonly ends: string[] = [];
	readonly errors: string[] = [];
	readonly device: ReturnType<World["device"]>;
	/** Bytes of the image that is on its way. */
	received = 0;
	/** Bytes of the release. */
	length = 0;

	/** @param oscore where all is to be under it */
	constructor(scheme: string, { seed = 1, oscore = false }: { seed?: number; oscore?: boolean } = {}) {
		const world = this.world = createWorld({ seed, digest: (algorithm) => crypto.digest(algorithm), cipher: crypto, verify: verifyPoint });
		const cloud = this.cloud = new CoAPWorldCloud(world);
		const program = (version: string): Program => (host) => {
			this.boots.push(version);
			return new Device({
				host, cloud: privateCloud(), firmware: { product: "lamp", version, keys: [formatReleaseKey(releaseKey)] },
				update: {
					onEnd: (to, reason) => this.ends.push(`${to} ${reason ?? "done"}`),
					onProgress: (received) => { this.received = received; },
				},
				onError: ({ code, message }) => this.errors.push(`${code} ${message}`),
			});
		};
		const identity = { ...cloud.manufacture(ID), endpoint: cloud.endpointOf(scheme) };
		this.device = world.device({
			id: ID, slot: 131_072, image: worldImage("1.0.0", crypto),
			programs: { "1.0.0": program("1.0.0"), "2.0.0": program("2.0.0") },
			storage: { identity: identityValues(oscore ? { ...identity, oscore: cloud.coap.contexts.issue(ID) } : identity) },
		});
	}

	/** @param id of the job, and of its file */
	offer(id: string, version = "2.0.0"): void {
		this.cloud.updates.offer({ id, release: this.release(version), devices: [ID] });
	}

	release(version: string): Uint8Array {
		const { file } = createRelease({
			product: "lamp", version, counter: 0, key: releaseKey.privateKey,
			components: [{ name: "main", kind: "image", content: worldImage(version, crypto, { padding: 60_000 }) }],
		});
		this.length = file.byteLength;
		return file;
	}

	status(id: string): string | undefined {
		return this.cloud.jobs.get(ID, id)?.status;
	}
}

for (const [scheme, oscore] of [["coap", false], ["coap", true], ["coap+tcp", false], ["coaps+tcp", false]] as const) {
	test(`over ${scheme}${oscore ? " under OSCORE" : ""} a release comes in blocks, is booted and confirmed`, () => {
		const scene = new Scene(scheme, { oscore });
		const { world, cloud } = scene;
		world.advance(MINUTE);
		let requests = 0;
		const count = cloud.files.read.bind(cloud.files);
		cloud.files.read = (...place) => {
			requests++;
			return count(...place);
		};
		scene.offer("update-a");
		world.run(() => scene.status("update-a") === "SUCCEEDED", { within: 10 * MINUTE });
		assert.deepEqual(scene.boots, ["1.0.0", "2.0.0"]);
		assert.deepEqual(scene.ends, ["2.0.0 done"]);
		assert.deepEqual(scene.errors, []);
		// No block is asked for twice where nothing is lost; the end of the file and its beginning are looked at.
		const blocks = Math.ceil(scene.length / 1_024);
		assert.ok(requests >= blocks && requests < 1.2 * blocks, `${requests} requests for ${blocks} blocks`);
	});
}

test(`through loss, disorder and repetition, with a power cut or a restart of the cloud: ${SEEDS} seeds`, () => {
	for (let seed = 1; seed <= SEEDS; seed++) {
		const scene = new Scene("coap", { seed, oscore: seed % 3 === 0 });
		const { world, cloud, device } = scene;
		world.network.lose(0.05);
		world.network.duplicate(0.05);
		world.network.reorder(0.05);
		world.advance(MINUTE);
		scene.offer("update-a");
		world.run(() => scene.received > 16_384, { within: 60 * MINUTE });
		if (seed % 2 === 0) device.cutPower();
		else cloud.restart(20_000);
		world.run(() => scene.status("update-a") === "SUCCEEDED", { within: 120 * MINUTE });
		assert.deepEqual(scene.ends, ["2.0.0 done"], `seed ${seed}`);
	}
});

test("a file that is replaced on the way is not mixed with the one before it", () => {
	const scene = new Scene("coap");
	const { world, cloud } = scene;
	world.advance(MINUTE);
	scene.offer("update-a");
	world.run(() => scene.received > 16_384, { within: 10 * MINUTE });
	cloud.files.put(ID, "update-a", scene.release("2.0.0").map((byte) => byte ^ 1));
	world.run(() => scene.status("update-a") === "FAILED", { within: 30 * MINUTE });
	assert.deepEqual(scene.boots, ["1.0.0"]);
});
