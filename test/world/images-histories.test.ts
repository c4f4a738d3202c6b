// SPDX-License-Identifier: Apache-2.0
/** Long lives of a device with two images: installs, trials, reverts and power cuts by dice, held against what was promised. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { crypto } from "../../hosts/node/digest.js";
import { createWorld, worldImage, type Device, type Program, type Random, type Tear, type World } from "../../hosts/world/index.js";
import type { Images } from "../../src/host.js";

/** Lives, each with so many turns. */
const LIVES = (globalThis as { SEEDS?: number }).SEEDS ?? 100, TURNS = 60;
/** Operations within which a cut that is prepared comes. */
const CUT_WITHIN = 8;
const SLOT = 12_288;
const TEARS: readonly Tear[] = ["none", "prefix", "bits", "words", "whole", "any"];

class Life {
	readonly #world: World;
	readonly #device: Device;
	readonly #dice: Random;
	readonly #programs: Record<string, Program> = { v0() {} };
	readonly #images = new Map<string, Uint8Array>([["v0", worldImage("v0", crypto)]]);
	/** Images whose `confirm` was called. */
	readonly #confirmed = new Set(["v0"]);
	/** Images that were activated since the last boot. */
	readonly #due = new Set<string>();
	/** What boots when nothing is on trial; `undefined` when a power cut left that open. */
	#settled: string | undefined = "v0";
	/** What can be reverted to for certain. */
	#previous: string | undefined;
	#boots = 0;

	constructor(seed: number) {
		this.#world = createWorld({ seed, digest: algorithm => crypto.digest(algorithm) });
		this.#dice = this.#world.random;
		this.#device = this.#world.device({ id: "lamp", programs: this.#programs, image: this.#images.get("v0")!, slot: SLOT });
		this.#settle();
	}

	get boots(): number {
		return this.#boots;
	}

	turn(): void {
		const device = this.#device, dice = this.#dice;
		if (dice.between(0, 2) === 0) device.cutPowerAt(device.operations + dice.between(1, CUT_WITHIN), TEARS[dice.between(0, TEARS.length - 1)]!);
		try {
			this.#act(dice.between(0, 9), device.host.images!);
		} catch (error) {
			// The boot that was asked is over, or what was asked cannot be now.
			if (device.running) assert.ok(["state", "corrupt"].includes((error as { code: string }).code), String(error));
		}
		this.#settle();
	}

	#act(action: number, images: Images): void {
		if (action < 4) this.#install(images);
		else if (action < 6) this.#activate(images);
		else if (action === 6) this.#confirm(images);
		else if (action === 7) this.#revert(images);
		else if (action === 8) this.#device.restart();
		else this.#device.cutPower();
	}

	#install({ onTrial }: Images): void {
		const name = `v${this.#images.size}`, image = worldImage(name, crypto, { padding: this.#dice.between(0, 8_000) });
		const next = this.#device.host.flash.open({ path: "nextota" }), isWhole = this.#dice.between(0, 3) > 0;
		this.#programs[name] = () => {};
		this.#images.set(name, image);
		if (!onTrial) this.#previous = undefined;
		next.eraseBlock(0, 3);
		next.write(isWhole ? image : image.subarray(0, -1), 0);
	}

	#activate(images: Images): void {
		const name = this.#inOtherSlot();
		if (!images.onTrial) {
			this.#previous = undefined;
			if (name !== undefined) this.#due.add(name);
		}
		images.activate();
		assert.notEqual(name, undefined, "what was activated is whole");
	}

	#confirm(images: Images): void {
		const { name } = this.#device.image!, before = this.#settled;
		if (!images.onTrial) return images.confirm();
		this.#confirmed.add(name);
		this.#settled = undefined;
		images.confirm();
		this.#settled = name;
		this.#previous = before;
	}

	#revert(images: Images): void {
		if (images.canRevert) {
			if (!images.onTrial) this.#settled = undefined;
			this.#previous = undefined;
		}
		images.revert();
	}

	/** The image that is there, from its first byte to its last. */
	#inOtherSlot(): string | undefined {
		const cells = this.#device.flash.partition(this.#device.image!.slot === 0 ? "ota_1" : "ota_0").bytes;
		for (const [name, image] of this.#images) if (image.every((byte, index) => cells[index] === byte)) return name;
		return undefined;
	}

	/** Lets the device boot, and looks at what does. */
	#settle(): void {
		const device = this.#device;
		this.#world.run(() => device.running, { within: 60_000 });
		this.#checkRevert(device.host.images!);
		if (device.boots === this.#boots) return;
		assert.equal(device.boots, ++this.#boots);
		const { name, onTrial } = device.image!;
		if (onTrial) assert.ok(this.#due.has(name), `${name} is on trial without being activated`);
		else {
			assert.ok(this.#confirmed.has(name), `${name} was never confirmed`);
			assert.equal(name, this.#settled ?? name, "what was confirmed stays");
			this.#settled = name;
		}
		// Whatever was activated had its boot now, or has lost it.
		this.#due.clear();
	}

	#checkRevert({ canRevert }: Images): void {
		const other = this.#inOtherSlot();
		if (canRevert) assert.ok(other !== undefined && this.#confirmed.has(other), `${other} was never confirmed, but can be reverted to`);
		if (this.#previous !== undefined) assert.deepEqual([canRevert, other], [true, this.#previous], "the image before is kept");
	}
}

test("whatever happens to a device with two images, one that may boot does, and what was confirmed stays", () => {
	let boots = 0;
	for (let seed = 1; seed <= LIVES; seed++) {
		const life = new Life(seed);
		try {
			for (let turn = 0; turn < TURNS; turn++) life.turn();
		} catch (error) {
			throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
		}
		boots += life.boots;
	}
	assert.ok(boots > LIVES * 15, `${boots} boots`);
});
