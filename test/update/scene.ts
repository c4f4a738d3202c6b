// SPDX-License-Identifier: Apache-2.0
/**
 * A lamp whose firmware is updated, in a world: two slots, a cloud with jobs and files, releases that are really signed.
 * That is why these simulations run on Node alone, unlike the others.
 *
 * The images name programs: "1.0.0", "2.0.0", … "40.0.0" behave; "crash", "hang", "mute", "reject" and "label" do not. A mod does
 * as its first line says: "good", "needs 2.0.0", which is the end of every other program, or "crash", "late" and "reject",
 * which are the end of any. It is loaded first thing at each boot, as programs do it.
 */
import { createRelease, formatReleaseKey, generateReleaseKey, type ReleaseOptions } from "../../hosts/release/index.js";
import type { ExecutionStatus } from "../../hosts/simulator/clouds/aws/executions.js";
import { AwsWorldCloud } from "../../hosts/simulator/clouds/aws/world.js";
import { identityValues } from "../../hosts/simulator/identity.js";
import { crypto } from "../../hosts/node/digest.js";
import { createWorld, worldImage, type Program, type World } from "../../hosts/world/index.js";
import { aws } from "../../src/clouds/aws/index.js";
import { Device } from "../../src/device.js";
import type { Digest, DigestAlgorithm, Host } from "../../src/host.js";
import type { Transaction, UpdateRecord } from "../../src/ota/record.js";
import type { UpdateHandlers } from "../../src/updates.js";
import { verifyPoint } from "../host/node-keys.js";

export const ID = "lamp";
const STREAM = "release";
const HOUR = 3_600_000;
/** The component that the program loads. */
const MOD = "ui";
const LINE_LIMIT = 32;
/** Of programs that behave. */
export const VERSIONS: readonly string[] = Object.freeze(Array.from({ length: 40 }, (_, index) => `${index + 1}.0.0`));

/** One for all scenes: to make a key takes its time. */
export const releaseKey = generateReleaseKey();

export interface SceneOptions {
	seed?: number;
	/** As the world's. */
	wall?: number | null;
	/** Bytes of each slot. */
	slot?: number;
	/** The factory's image. */
	image?: Uint8Array;
	partitions?: Record<string, number>;
	handlers?: UpdateHandlers<Device>;
	provides?: readonly string[];
	hardware?: string;
	/** Of every firmware. */
	counter?: number;
	/** Texts of the keys that every firmware takes. Default: that of `releaseKey`. */
	keys?: readonly string[];
	/** The device has the commands that all have. */
	commands?: boolean;
	/** Block indices as they would be sent, to what is sent. */
	disturb?: (blocks: number[]) => number[];
}

/** What the device's program said, across its boots. */
export class Scene {
	readonly world: World;
	readonly cloud: AwsWorldCloud;
	readonly device: ReturnType<World["device"]>;
	/** Versions that booted. */
	readonly boots: string[] = [];
	/** First lines of the mods that were loaded, "" for none, by boot. */
	readonly mods: string[] = [];
	/** Whether it was on trial, by boot. */
	readonly trials: boolean[] = [];
	readonly ends: string[] = [];
	readonly errors: string[] = [];
	readonly offers: string[] = [];
	/** What the cloud was told of jobs: each change once. */
	readonly told: string[] = [];
	/** Blocks that the cloud sent. */
	blocks = 0;
	program: Device | undefined;
	/** Runs at each boot, before the program. */
	onBoot: (() => void) | undefined;
	#jobs = 0;
	/** Of the execution that was noted last. */
	#version = 0;

	constructor({
		seed = 1, wall, slot = 65_536, image, partitions = {}, handlers = {}, provides, hardware, counter,
		keys = [formatReleaseKey(releaseKey)], commands = false, disturb = (blocks) => blocks,
	}: SceneOptions = {}) {
		// Signatures are real in this world, and so are the digests.
		const digest = (algorithm: DigestAlgorithm): Digest => crypto.digest(algorithm);
		const world = this.world = createWorld({ seed, wall, digest, verify: verifyPoint });
		const streams = {
			disturb: (blocks: number[]) => {
				const sent = disturb(blocks);
				this.blocks += sent.length;
				return sent;
			},
		};
		const cloud = this.cloud = new AwsWorldCloud(world, { streams });
		const make = (host: Host, version: string): Device => {
			const options: UpdateHandlers<Device> = {
				...handlers, onEnd: (to, reason) => this.ends.push(`${to} ${reason ?? "done"}`),
				onOffer: (release) => { this.offers.push(`${release.version} ${release.size}`); },
			};
			return this.program = new Device({
				host, cloud: aws(), update: options, firmware: { product: "lamp", version, hardware, counter, provides, keys },
				commands: commands ? {} : undefined,
				onError: (error) => this.errors.push(`${error.code} ${error.message}`),
			});
		};
		const booted = (name: string): void => {
			this.boots.push(name);
			this.onBoot?.();
		};
		const program = (version: string): Program => (host: Host) => {
			booted(version);
			const device = make(host, version);
			this.trials.push(device.update.onTrial);
			this.#load(host, device, version);
			return { close: () => device.close() };
		};
		this.device = world.device({
			id: ID, slot, image: image ?? worldImage("1.0.0", crypto), partitions,
			programs: {
				...Object.fromEntries(VERSIONS.map((version) => [version, program(version)])),
				crash: (host) => {
					booted("crash");
					host.timer.set(() => { throw new Error("a bug"); }, 100);
				},
				hang: () => { booted("hang"); },
				mute: (host) => {
					booted("mute");
					this.program = new Device({
						// Nobody listens where an authorizer would.
						host, cloud: aws({ customAuthorizer: { name: "nobody" } }), update: handlers,
						firmware: { product: "lamp", version: "2.0.0", keys },
					});
				},
				reject: (host) => {
					booted("reject");
					make(host, "2.0.0").update.reject();
				},
				label: (host) => {
					booted("label");
					make(host, "2.0.1");
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

	offerFile(file: Uint8Array, more: Record<string, number> = {}): string {
		const stream = `${STREAM}-${this.#jobs + 1}`;
		this.cloud.services.streams.put(ID, stream, { version: this.#jobs, description: "", files: { 0: file } });
		return this.offerDocument({ update: { stream, file: 0, ...more } });
	}

	offerDocument(document: { update: Record<string, string | number | boolean> }): string {
		const id = `job-${++this.#jobs}`;
		this.cloud.services.jobs.create({ jobId: id, document, things: [ID] });
		return id;
	}

	/** The device goes back to the image before. */
	offerRollback(): string {
		return this.offerDocument({ update: { rollback: true } });
	}

	/** Has the device do something. @returns what came of it */
	command(name: string): string {
		const { commands } = this.cloud.services;
		this.world.run(() => this.device.running && this.program?.connected === true, { within: HOUR });
		const payload = new TextEncoder().encode(JSON.stringify({ command: name }));
		const id = commands.send({ thing: ID }, { payload, contentType: "application/json", timeout: 3_600 });
		this.world.run(() => !["CREATED", "IN_PROGRESS"].includes(commands.execution(id)!.status), { within: HOUR });
		const { status, statusReason } = commands.execution(id)!;
		return statusReason === undefined ? status : `${status} ${statusReason.reasonCode}: ${statusReason.reasonDescription}`;
	}

	status(job: string): ExecutionStatus | undefined {
		return this.cloud.services.jobs.execution(ID, job)?.status;
	}

	isOver(job: string): boolean {
		const status = this.status(job);
		return status !== "QUEUED" && status !== "IN_PROGRESS";
	}

	/** Until the cloud knows how the job ended, and the device that the cloud does. */
	settle(job: string, within = HOUR): void {
		this.world.run(() => this.note(job) && this.device.running, { within });
		this.world.advance(20_000);
	}

	/** Notes what the cloud was told. @returns whether the job is over */
	note(job: string): boolean {
		const execution = this.cloud.services.jobs.execution(ID, job);
		if (execution?.statusDetails !== undefined && execution.versionNumber !== this.#version) {
			this.#version = execution.versionNumber;
			this.told.push(JSON.stringify(execution.statusDetails));
		}
		return execution?.status !== "QUEUED" && execution?.status !== "IN_PROGRESS";
	}

	/** What the cloud was told of a job at last. */
	outcome(job: string): string {
		const execution = this.cloud.services.jobs.execution(ID, job);
		return `${execution?.status} ${JSON.stringify(execution?.statusDetails)}`;
	}

	/** Why it failed, as the cloud knows. */
	reason(job: string): string {
		const execution = this.cloud.services.jobs.execution(ID, job);
		return execution?.status === "FAILED" ? execution.statusDetails?.["reason"] ?? "none" : `${execution?.status}`;
	}

	/** What the device knows of its updates; `undefined` before the first. */
	get record(): UpdateRecord | undefined {
		const bytes = this.device.storage.read("update", "record");
		return bytes && JSON.parse(Buffer.from(bytes).toString()) as UpdateRecord;
	}

	get transaction(): Transaction | undefined {
		return this.record?.transaction;
	}

	/** What the device has noted of how far the download is. */
	get progress(): { tag: number; component: number; blocks: number; spent: number } | undefined {
		const bytes = this.device.storage.read("update", "progress");
		if (bytes === undefined) return undefined;
		const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		const [tag = 0, component = 0, blocks = 0, , , spent = 0] = [0, 1, 2, 3, 4, 5].map((index) => words.getUint32(index * 4));
		return { tag, component, blocks, spent };
	}

	/** A partition's cells. */
	bytes(partition: string): Uint8Array {
		return this.device.flash.partition(partition).bytes;
	}

	#load(host: Host, device: Device, version: string): void {
		const mod = device.update.component(MOD);
		if (mod === undefined) return void this.mods.push("");
		const partition = host.flash.open({ path: mod.path });
		const line = new Uint8Array(LINE_LIMIT);
		partition.read(line, 0);
		const [name = ""] = Buffer.from(line).toString("latin1").split("\n");
		this.mods.push(`${name} ${mod.version}`);
		if (name === "crash" || name.startsWith("needs") && name !== `needs ${version}`) throw new Error("a bug of the mod");
		if (name === "late") host.timer.set(() => { throw new Error("a late bug of the mod"); }, 100);
		if (name === "reject") device.update.reject();
	}
}
