// SPDX-License-Identifier: Apache-2.0
/**
 * The life of a device by dice: releases that are good and such as are not, whole and as patches, images and mods, jobs
 * that are canceled, ways back; and meanwhile the power, the network and the broker fail as they like.
 *
 * Whatever came, the device lives: it ends each time with what the cloud was told that it has.
 */
import { createHash } from "node:crypto";
import { createRelease, type ReleaseComponent } from "../../hosts/release/index.js";
import type { Random } from "../../hosts/world/index.js";
import { BLOCK, contentOf, imageOf, regrouped, successorOf } from "./releases.js";
import { releaseKey, Scene, VERSIONS } from "./scene.js";

const HOUR = 3_600_000;
const MINUTE = 60_000;
const JOBS = 12;
const BAD_IMAGES = ["crash", "hang", "mute", "reject", "label"] as const;
const BAD_MODS = ["crash", "late", "reject"] as const;
/** Why what is good may fail all the same, where the power and the network do. */
const EXCUSES = ["unhealthy", "interrupted", "hung", "unreachable"];
const partitions = { ui_0: 4 * BLOCK, ui_1: 4 * BLOCK };

export interface LifeOutcome { jobs: Record<string, number>; boots: number; cuts: number; fingerprint: string }

/** @throws Error that names the seed, when anything is not as it should be */
export function liveThroughUpdates(seed: number): LifeOutcome {
	const factory = imageOf("1.0.0", 12_000);
	const scene = new Scene({ seed, image: factory, partitions, slot: 10 * BLOCK });
	const { world, device } = scene;
	const { random } = world;
	const life = new Life(scene, factory, seed);
	let failure: unknown;
	scene.onBoot = () => {
		// What is thrown in there is the device's crash.
		try {
			life.look();
		} catch (error) {
			failure ??= error;
		}
	};
	for (let job = 0; job < JOBS; job++) {
		life.go(job, random);
		if (failure !== undefined) throw failure;
	}
	return { jobs: life.outcomes, boots: device.boots, cuts: life.cuts, fingerprint: world.fingerprint };
}

class Life {
	readonly outcomes: Record<string, number> = {};
	cuts = 0;
	readonly #scene: Scene;
	readonly #seed: number;
	/** What runs, and what of the mod is installed. */
	#image: Uint8Array;
	#version = VERSIONS[0]!;
	#mod: Uint8Array | undefined;
	#counter = 0;
	readonly #story: string[] = [];

	constructor(scene: Scene, image: Uint8Array, seed: number) {
		this.#scene = scene;
		this.#image = image;
		this.#seed = seed;
	}

	/** One job, with whatever happens meanwhile. */
	go(number: number, random: Random): void {
		const scene = this.#scene;
		const { world, device } = scene;
		const boots = scene.boots.length;
		const version = VERSIONS[number + 1]!;
		if (random.chance(0.15)) return this.rollBack(random);
		const { components, isGood, image, mod } = this.components(version, random);
		const { file } = createRelease({
			product: "lamp", version, counter: random.chance(0.3) ? number : this.#counter, key: releaseKey.privateKey, components,
		});
		const grouped = regrouped(file, 2 * BLOCK, components.map(({ content }) => content));
		const isSpoilt = random.chance(0.1);
		if (isSpoilt) grouped[random.between(BLOCK, grouped.length - 1)]! ^= 0x10;
		const job = scene.offerFile(grouped);
		this.#story.push(`${job} ${components.map(({ name, bases }) => `${name}${bases ? " by patch" : ""}`).join("+")} ${isGood ? "good" : "bad"}${isSpoilt ? " spoilt" : ""}`);
		this.disturb(job, random);
		const isCanceled = random.chance(0.1);
		if (isCanceled) {
			world.advance(random.between(100, 20_000));
			if (!scene.isOver(job)) scene.cloud.services.jobs.cancel(job, { force: true });
		}
		this.calm();
		scene.settle(job, 24 * HOUR);
		world.run(() => scene.program?.inSync === true && device.running && !device.host.images!.onTrial, { within: HOUR });
		world.advance(MINUTE);
		const reason = scene.reason(job);
		this.outcomes[reason] = (this.outcomes[reason] ?? 0) + 1;
		const hasIt = device.image!.name !== this.#version || this.modOf() !== digest(this.#mod);
		const isDone = reason === "SUCCEEDED" || (reason === "CANCELED" && hasIt);
		if (!isDone && hasIt) this.fail(`${reason}, but something else runs than before`);
		if (isDone && !isGood) this.fail("what is bad was installed");
		if (isGood && !isSpoilt && reason !== "SUCCEEDED" && reason !== "CANCELED" && !EXCUSES.includes(reason)) this.fail(`good, and ${reason}`);
		if (isDone) {
			this.#image = image ?? this.#image;
			this.#version = image === undefined ? this.#version : version;
			this.#mod = mod ?? this.#mod;
		}
		if (device.image!.name !== this.#version) this.fail(`${device.image!.name} runs instead of ${this.#version} after ${reason}`);
		if (this.modOf() !== digest(this.#mod)) this.fail(`another mod after ${reason}`);
		const tries = scene.boots.slice(boots).filter((name) => name === (image === undefined ? "" : nameOf(image)));
		if (!isGood && tries.length > 3) this.fail(`a bad image was booted ${tries.length} times`);
		this.#counter = scene.record?.counter ?? 0;
	}

	/** What must hold at each boot. */
	look(): void {
		const { record, device } = this.#scene;
		if (record === undefined) return;
		if (record.counter < this.#counter) this.fail("the counter was lowered");
		for (const { name, slot, size, digest: expected } of record.components) {
			if (digest(this.#scene.bytes(`${name}_${slot}`).subarray(0, size)) !== expected) this.fail(`the ${name} that is installed was changed`);
		}
		const { image, previous, transaction } = record;
		// While on trial, or between two writes, the record is about the image before.
		if (transaction !== undefined && transaction.phase !== "ended" && transaction.phase !== "receiving") return;
		const { slot } = device.image!;
		if (device.host.images!.onTrial) return;
		if (image !== undefined && digest(this.#scene.bytes(`ota_${slot}`).subarray(0, image.size)) !== image.digest) this.fail("another image runs than the record has");
		if (previous !== undefined && previous.digest !== "" && digest(this.#scene.bytes(`ota_${1 - slot}`).subarray(0, previous.size)) !== previous.digest) {
			this.fail("the image before is another than the record has");
		}
	}

	private components(version: string, random: Random): { components: ReleaseComponent[]; isGood: boolean; image?: Uint8Array; mod?: Uint8Array } {
		const isGood = random.chance(0.7);
		const kind = random.between(0, 2);
		const components: ReleaseComponent[] = [];
		let image: Uint8Array | undefined;
		let mod: Uint8Array | undefined;
		if (kind !== 0) {
			const name = isGood || kind === 2 && random.chance(0.5) ? version : BAD_IMAGES[random.between(0, BAD_IMAGES.length - 1)]!;
			const size = random.between(5_000, 30_000);
			const isPatch = random.chance(0.5);
			image = isPatch ? successorOf(this.#image, name, Math.max(size, 8_000)) : imageOf(name, size, `${this.#seed} ${version}`);
			components.push({ name: "main", kind: "image", content: image, bases: isPatch ? [this.#image] : undefined, full: random.chance(0.5) || !isPatch });
		}
		if (kind !== 1) {
			const isBadImage = image !== undefined && nameOf(image) !== version;
			const line = isGood || isBadImage && random.chance(0.5) ? "good" : BAD_MODS[random.between(0, BAD_MODS.length - 1)]!;
			mod = contentOf(line, random.between(100, 14_000), `${this.#seed} mod ${version}`);
			const isPatch = this.#mod !== undefined && random.chance(0.5) && this.#mod.length > 6_000 && mod.length > 6_000;
			if (isPatch) mod.set(this.#mod!.subarray(50, 5_000), 30);
			components.splice(random.between(0, components.length), 0, { name: "ui", kind: "mod", content: mod, bases: isPatch ? [this.#mod!] : undefined });
		}
		return { components, isGood, ...(image && { image }), ...(mod && { mod }) };
	}

	private rollBack(random: Random): void {
		const scene = this.#scene;
		const previous = scene.record?.previous;
		const job = scene.offerRollback();
		this.#story.push(`${job} back`);
		this.disturb(job, random);
		this.calm();
		scene.settle(job, 24 * HOUR);
		scene.world.advance(MINUTE);
		const reason = scene.reason(job);
		this.outcomes[`back ${reason}`] = (this.outcomes[`back ${reason}`] ?? 0) + 1;
		if (reason === "SUCCEEDED") {
			this.#version = scene.device.image!.name;
			if (this.#version !== previous?.version) this.fail(`back to ${this.#version}`);
			this.#image = scene.bytes(`ota_${scene.device.image!.slot}`).slice(0, previous.size || 12_000);
			const mod = previous.components.find(({ name }) => name === "ui");
			if (mod !== undefined) this.#mod = scene.bytes(`ui_${mod.slot}`).slice(0, mod.size);
			if (this.modOf() !== digest(this.#mod)) this.fail("the mod did not come back");
		} else if (reason !== "no-previous" && reason !== "unsafe") {
			this.fail(`the way back ended as ${reason}`);
		} else if (reason === "no-previous" && previous !== undefined && previous.counter >= this.#counter) {
			this.fail("there was a way back");
		}
		if (scene.device.image!.name !== this.#version) this.fail(`${scene.device.image!.name} runs after the way back: ${reason}`);
	}

	/** Whatever may happen, until the job is over or it is enough. */
	private disturb(job: string, random: Random): void {
		const scene = this.#scene;
		const { world, device, cloud } = scene;
		for (let trouble = random.between(0, 6); trouble > 0 && !scene.isOver(job); trouble--) {
			const dice = random.between(0, 9);
			if (dice < 5) {
				device.cutPowerAt(device.operations + random.between(1, 40), "any");
				this.cuts++;
			} else if (dice === 5) device.restart();
			else if (dice === 6) cloud.restart(random.between(100, 10_000), { forget: random.chance(0.5) });
			else if (dice === 7) world.network.lose(0.1);
			else if (dice === 8) world.network.down(device.address, { kill: random.chance(0.5) });
			else world.network.calm();
			world.advance(random.between(100, 8_000));
		}
	}

	private calm(): void {
		this.#scene.world.network.calm();
		this.#scene.cloud.start();
	}

	/** Digest of the mod that the program has. */
	private modOf(): string {
		const found = this.#scene.program!.update.component("ui");
		return found === undefined ? "" : digest(this.#scene.bytes(found.path).subarray(0, found.size));
	}

	private fail(what: string): never {
		const { boots, record, ends } = this.#scene;
		throw new Error([`seed ${this.#seed}: ${what}`, this.#story.join("; "), boots.join(" "), ends.join("; "), JSON.stringify(record)].join("\n"));
	}
}

function nameOf(image: Uint8Array): string {
	return Buffer.from(image.subarray(16, 48)).toString("latin1").split("\n")[0]!;
}

function digest(bytes: Uint8Array | undefined): string {
	return bytes === undefined ? "" : createHash("sha256").update(bytes).digest("hex");
}
