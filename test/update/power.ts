// SPDX-License-Identifier: Apache-2.0
/**
 * A firmware update in which the power fails: at the operations of flash, storage and boot loader that are asked for.
 *
 * At every boot, and at the end, the device is looked at from outside: what boots is whole, what the record claims is in
 * the flash, and what was confirmed once is not lost.
 */
import { encodeHex } from "../../src/bytes/hex.js";
import { crypto } from "../../hosts/node/digest.js";
import { createRelease, type ReleaseComponent } from "../../hosts/release/index.js";
import type { Tear } from "../../hosts/world/index.js";
import { BLOCK, contentOf, imageOf, regrouped, successorOf } from "./releases.js";
import { releaseKey, Scene } from "./scene.js";

export const TEARS: readonly Tear[] = Object.freeze(["none", "prefix", "words", "bits", "whole"]);

export interface Cut { at: number; tear: Tear }

/** What is installed first, undisturbed; what is installed then; and the flash that it takes. */
interface Scenario {
	readonly before?: readonly ReleaseComponent[] | undefined;
	readonly components: readonly ReleaseComponent[];
	readonly partitions: Record<string, number>;
}

const IMAGE_LENGTH = 18_000;
const GROUP = 2 * BLOCK;
const COUNTER = 3;
const BEFORE = "2.0.0";
const AFTER = "3.0.0";
const HOUR = 3_600_000;
/** Blocks that are on their way when the power fails: those of a window. */
const WINDOW = 8;

const factory = imageOf("1.0.0", 16_000);
const image = imageOf(AFTER, IMAGE_LENGTH);
const patched = successorOf(factory, AFTER, IMAGE_LENGTH);
const formerMod = contentOf("good", 9_000, "former");
const mod = successorOf2(formerMod);
const assets = contentOf("assets", 2 * BLOCK);
const ui = { name: "ui", kind: "mod" } as const;
const main = { name: "main", kind: "image" } as const;
const uiSlots = { ui_0: 16_384, ui_1: 16_384 };

/** The mod, with half of it new. */
function successorOf2(base: Uint8Array): Uint8Array {
	const content = contentOf("good", 11_000, "latter");
	content.set(base.subarray(100, 5_000), 4_000);
	return content;
}

export const scenarios = Object.freeze({
	image: { components: [{ ...main, content: image }], partitions: {} },
	patch: { components: [{ ...main, content: patched, bases: [factory], full: false }], partitions: {} },
	/** With an image before that was installed, so that the boot loader has two entries. */
	second: {
		before: [{ ...main, content: imageOf(BEFORE, IMAGE_LENGTH) }],
		components: [{ ...main, content: image }], partitions: {},
	},
	mod: {
		before: [{ ...ui, content: formerMod }], components: [{ ...ui, content: mod }], partitions: uiSlots,
	},
	all: {
		before: [{ ...ui, content: formerMod }],
		components: [
			{ ...ui, content: mod, bases: [formerMod], full: false },
			{ ...main, content: patched, bases: [factory], full: false },
			{ name: "assets", kind: "data", content: assets },
		],
		partitions: { ...uiSlots, assets_0: 8_192, assets_1: 8_192 },
	},
} satisfies Record<string, Scenario>);

export type ScenarioName = keyof typeof scenarios;

export interface PowerOutcome {
	/** First operation of the update, and the last one. */
	first: number;
	operations: number;
	/** Blocks of the release that the cloud sent. */
	blocks: number;
	/** Erasures of blocks that are no boot loader's. */
	erasures: number;
	boots: number;
}

const files = new Map<ScenarioName, { before: Uint8Array | undefined; file: Uint8Array }>();

function filesOf(name: ScenarioName): { before: Uint8Array | undefined; file: Uint8Array } {
	const found = files.get(name);
	if (found !== undefined) return found;
	const { before, components }: Scenario = scenarios[name];
	const make = (version: string, each: readonly ReleaseComponent[]): Uint8Array => {
		const { file } = createRelease({
			product: "lamp", version, counter: COUNTER, key: releaseKey.privateKey, components: each,
		});
		return regrouped(file, GROUP, each.map(({ content }) => content));
	};
	const made = { before: before && make(BEFORE, before), file: make(AFTER, components) };
	files.set(name, made);
	return made;
}

/** @throws Error that says what is wrong */
export function updateThroughPowerCuts(name: ScenarioName, cuts: readonly Cut[]): PowerOutcome {
	const { before, components, partitions }: Scenario = scenarios[name];
	const { before: beforeFile, file } = filesOf(name);
	const where = `${name}, cut at ${cuts.map(({ at, tear }) => `${at} ${tear}`).join(" and ")}`;
	const fail = (what: string): never => {
		throw new Error(`${where}: ${what}; boots ${scene.boots.join(" ")}; ${JSON.stringify(scene.record)}`);
	};
	const scene = new Scene({ image: factory, partitions });
	const { world, device } = scene;
	let counter = 0;
	scene.onBoot = () => {
		look(scene, components, fail);
		const { record } = scene;
		if (record === undefined) return;
		if (record.counter < counter) fail("the security counter was lowered");
		counter = record.counter;
	};
	world.run(() => scene.program?.inSync ?? false, { within: HOUR });
	if (beforeFile !== undefined) {
		const job = scene.offerFile(beforeFile);
		scene.settle(job);
		if (scene.reason(job) !== "SUCCEEDED") fail(`the update before ${scene.outcome(job)}`);
	}
	const first = device.operations + 1;
	const blocksBefore = scene.blocks;
	const erasuresBefore = erasuresOf(scene, partitions);
	for (const { at, tear } of cuts) device.cutPowerAt(at, tear);
	const job = scene.offerFile(file);
	scene.settle(job);
	if (scene.reason(job) !== "SUCCEEDED") fail(`ended as ${scene.outcome(job)}`);
	const hasImage = components.some(({ kind }) => kind === "image");
	const expected = hasImage ? AFTER : before !== undefined && before.some(({ kind }) => kind === "image") ? BEFORE : "1.0.0";
	if (device.image?.name !== expected) fail(`${device.image?.name} runs, not ${expected}`);
	if (device.host.images!.onTrial) fail("still on trial");
	const { record } = scene;
	// That the cloud knows of its end is all that may be lost.
	if (record!.transaction !== undefined && record!.transaction.phase !== "ended") fail("it is still under way");
	if (record!.counter !== COUNTER) fail("another counter");
	if (hasImage && record!.image?.version !== AFTER) fail("the record does not know the image");
	for (const { name: component, kind, content } of components) {
		if (kind === "image") continue;
		const installed = record!.components.find((each) => each.name === component) ?? fail(`no ${component}`);
		if (installed.version !== AFTER) fail(`${component} ${installed.version}`);
		if (!begins(scene.bytes(`${component}_${installed.slot}`), content)) fail(`another ${component}`);
	}
	if (device.crashes.length > 0) fail(String((device.crashes[0]!.error as Error).stack));
	const outcome = {
		first, operations: device.operations, blocks: scene.blocks - blocksBefore,
		erasures: erasuresOf(scene, partitions) - erasuresBefore, boots: device.boots,
	};
	return outcome;
}

/** What must hold at each boot. */
function look(scene: Scene, components: readonly ReleaseComponent[], fail: (what: string) => never): void {
	const { device, record, progress } = scene;
	const { transaction } = record ?? {};
	if (transaction?.version !== AFTER || transaction.phase === "ended") return;
	const { slot } = device.image!;
	// What is ready is whole; while it is received, as much of it as is claimed.
	const isReceiving = transaction.phase === "receiving";
	if (isReceiving && progress!.tag !== parseInt(transaction.release.slice(0, 8), 16)) fail("progress of something else");
	components.forEach(({ name, kind, content }, index) => {
		const blocks = !isReceiving || index < progress!.component ? Infinity : index === progress!.component ? progress!.blocks : 0;
		const claimed = content.subarray(0, Math.min(content.length, blocks * BLOCK));
		const partition = kind !== "image"
			? `${name}_${transaction.components.find((each) => each.name === name)!.slot}`
			: `ota_${device.image!.name === AFTER ? slot : 1 - slot}`;
		if (!begins(scene.bytes(partition), claimed)) fail(`${partition} has not the ${blocks} blocks that are claimed`);
	});
	if (!isReceiving) return;
	// What is installed stays as it is until then.
	for (const { name, slot: installed, size, digest } of record!.components) {
		const found = crypto.digest("SHA-256");
		found.update(scene.bytes(`${name}_${installed}`).subarray(0, size));
		if (encodeHex(found.digest()) !== digest) fail(`the ${name} that is installed was changed`);
	}
}

function begins(cells: Uint8Array, content: Uint8Array): boolean {
	return Buffer.compare(cells.subarray(0, content.length), content) === 0;
}

function erasuresOf({ device }: Scene, partitions: Record<string, number>): number {
	let sum = 0;
	for (const name of ["ota_0", "ota_1", ...Object.keys(partitions)]) {
		for (const count of device.flash.partition(name).wear) sum += count;
	}
	return sum;
}

/** Blocks that may be sent for `cuts` more than without: the one that was being written, and those on their way. */
export function blocksAllowed(blocks: number, cuts: number): number {
	return blocks + cuts * (1 + WINDOW);
}

const bad = Object.freeze({
	"an image that crashes": { components: [{ ...main, content: imageOf("crash", 9_000) }], sign: "crash" },
	"an image that never connects": { components: [{ ...main, content: imageOf("mute", 9_000) }], sign: "mute" },
	"an image that is another than it says": { components: [{ ...main, content: imageOf("label", 9_000) }], sign: "label" },
	"a mod that crashes": { components: [{ ...ui, content: contentOf("crash", 6_000) }], sign: "crash 2.0.0" },
	"an image with a mod that crashes": {
		components: [{ ...ui, content: contentOf("late", 6_000) }, { ...main, content: imageOf("2.0.0", 9_000) }], sign: "late 2.0.0",
	},
});

export const badReleases = Object.freeze(Object.keys(bad)) as readonly (keyof typeof bad)[];

/**
 * What is no good is left, wherever the power fails meanwhile.
 * @returns the operations of the update, first and last
 * @throws Error that says what is wrong
 */
export function revertThroughPowerCuts(name: keyof typeof bad, cuts: readonly Cut[]): { first: number; operations: number } {
	const { components, sign } = bad[name];
	const where = `${name}, cut at ${cuts.map(({ at, tear }) => `${at} ${tear}`).join(" and ")}`;
	const scene = new Scene({ image: factory, partitions: uiSlots });
	const { device } = scene;
	const fail = (what: string): never => {
		throw new Error(`${where}: ${what}; boots ${scene.boots.join(" ")}; ${JSON.stringify(scene.record)}`);
	};
	scene.world.run(() => scene.program?.inSync ?? false, { within: HOUR });
	const former = scene.offer({ version: "1.0.0", components: [{ ...ui, content: formerMod }] });
	scene.settle(former);
	const first = device.operations + 1;
	for (const { at, tear } of cuts) device.cutPowerAt(at, tear);
	const job = scene.offer({ components });
	scene.settle(job);
	const { operations } = device;
	if (scene.status(job) !== "FAILED") fail(`ended as ${scene.outcome(job)}`);
	if (device.image!.name !== "1.0.0" || device.image!.slot !== 0) fail(`${device.image!.name} runs`);
	if (scene.mods.at(-1) !== "good 1.0.0") fail(`the mod is ${scene.mods.at(-1)}`);
	const tries = [...scene.boots, ...scene.mods].filter((each) => each === sign).length;
	if (tries < 1 || tries > 3) fail(`${tries} boots of it`);
	if (scene.record!.counter !== 0 || scene.record!.image !== undefined) fail("it left something behind");
	const next = scene.offer({ components: [{ ...main, content: image }], version: AFTER });
	scene.settle(next);
	if (scene.reason(next) !== "SUCCEEDED") fail(`the next one ${scene.outcome(next)}`);
	return { first, operations };
}
