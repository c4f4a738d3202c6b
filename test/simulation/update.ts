// SPDX-License-Identifier: Apache-2.0
/**
 * A lamp whose firmware is updated, in a world: two slots, a cloud with jobs and files, releases that are really signed.
 *
 * The images name programs: "v1", "v2", … behave; "crash", "hang" and "mute" do not.
 */
import { createPublicKey, verify as verifySignature } from "node:crypto";
import { createRelease, formatReleaseKey, generateReleaseKey, type ReleaseOptions } from "../../hosts/release/index.js";
import { AwsWorldCloud } from "../../hosts/simulator/clouds/aws/world.js";
import { identityValues } from "../../hosts/simulator/identity.js";
import { crypto } from "../../hosts/node/digest.js";
import { createWorld, worldImage, type Program, type World } from "../../hosts/world/index.js";
import { aws } from "../../src/clouds/aws/index.js";
import { Device } from "../../src/device.js";
import type { Host } from "../../src/host.js";
import type { UpdateHandlers } from "../../src/updates.js";

const ID = "lamp";
const STREAM = "release";
const SPKI = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d030107034200", "hex");

/** Signatures are real in this world, and so are the digests. */
export function verify(key: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
	const point = createPublicKey({ key: Buffer.concat([SPKI, key]), format: "der", type: "spki" });
	return verifySignature("sha256", bytes, { key: point, dsaEncoding: "ieee-p1363" }, signature);
}

/** One for all scenes: to make a key takes its time. */
export const releaseKey = generateReleaseKey();

export interface SceneOptions {
	seed?: number;
	/** Bytes of each slot. */
	slot?: number;
	/** The factory's image. */
	image?: Uint8Array;
	partitions?: Record<string, number>;
	handlers?: UpdateHandlers<Device>;
	provides?: readonly string[];
	hardware?: string;
}

/** What the device's program said, across its boots. */
export class Scene {
	readonly world: World;
	readonly cloud: AwsWorldCloud;
	readonly device: ReturnType<World["device"]>;
	/** Versions that booted. */
	readonly boots: string[] = [];
	readonly ends: string[] = [];
	readonly errors: string[] = [];
	program: Device | undefined;
	#jobs = 0;

	constructor({ seed = 1, slot = 65_536, image, partitions = {}, handlers = {}, provides, hardware }: SceneOptions = {}) {
		const world = this.world = createWorld({ seed, digest: (algorithm) => crypto.digest(algorithm), verify });
		const cloud = this.cloud = new AwsWorldCloud(world);
		const program = (version: string): Program => (host: Host) => {
			this.boots.push(version);
			const options: UpdateHandlers<Device> = { ...handlers, onEnd: (to, reason) => this.ends.push(`${to} ${reason ?? "done"}`) };
			this.program = new Device({
				host, cloud: aws(), update: options,
				firmware: { product: "lamp", version, hardware, provides, keys: [formatReleaseKey(releaseKey)] },
				onError: (error) => this.errors.push(`${error.code} ${error.message}`),
			});
			return { close: () => this.program?.close() };
		};
		const crash: Program = (host) => {
			this.boots.push("crash");
			host.timer.set(() => { throw new Error("a bug"); }, 100);
		};
		this.device = world.device({
			id: ID, slot, image: image ?? worldImage("1.0.0", crypto), partitions,
			programs: {
				"1.0.0": program("1.0.0"), "2.0.0": program("2.0.0"), "3.0.0": program("3.0.0"), crash,
				hang: () => { this.boots.push("hang"); },
				mute: (host) => {
					this.boots.push("mute");
					new Device({
						// Nobody listens where an authorizer would.
						host, cloud: aws({ customAuthorizer: { name: "nobody" } }), update: handlers,
						firmware: { product: "lamp", version: "2.0.0", keys: [formatReleaseKey(releaseKey)] },
					});
				},
			},
			storage: { identity: identityValues(cloud.manufacture(ID)) },
		});
	}

	/** Offers a release to the device. @returns the job's id */
	offer(release: Partial<ReleaseOptions> & { image?: string; padding?: number } = {}): string {
		const { image = "2.0.0", padding = 20_000, ...options } = release;
		const { file } = createRelease({
			product: "lamp", version: "2.0.0", counter: 0, key: releaseKey.privateKey,
			components: [{ name: "main", kind: "image", content: worldImage(image, crypto, { padding }) }], ...options,
		});
		return this.offerFile(file);
	}

	offerFile(file: Uint8Array): string {
		const id = `job-${++this.#jobs}`;
		const { services } = this.cloud;
		services.streams.put(ID, STREAM, { version: this.#jobs, description: "", files: { 0: file } });
		services.jobs.create({ jobId: id, document: { update: { stream: STREAM, file: 0 } }, things: [ID] });
		return id;
	}

	/** What the cloud was told of a job. */
	outcome(job: string): string {
		const execution = this.cloud.services.jobs.execution(ID, job);
		return `${execution?.status} ${JSON.stringify(execution?.statusDetails)}`;
	}
}
