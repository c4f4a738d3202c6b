// SPDX-License-Identifier: Apache-2.0
/** The boot loader's choice, for every pair of entries and slots there can be, and with each of its operations failing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { otherSlot, select, State, withOTAData, type Entry, type Slot } from "../../../hosts/boot/index.js";
import type { Refusal } from "../storage/memory-partition.js";
import { Rig } from "./rig.js";

/** CRC-32 of the sequence numbers 1 to 4, as ESP-IDF's tools write them. */
const CHECKS = [0x4743_989a, 0x55f6_3774, 0xed4a_5011, 0x709d_68a8];
const STATES = Object.values(State);
const REFUSALS: readonly Refusal[] = ["nothing", "half", "all"];

interface Setting {
	/** Sequence and state of the entry in each sector. */
	entries: readonly [readonly [number, number] | undefined, readonly [number, number] | undefined];
	/** Slots with an image that could boot. */
	good: readonly Slot[];
}

function make({ entries, good }: Setting): Rig {
	const rig = new Rig();
	entries.forEach((entry, sector) => {
		if (entry !== undefined) rig.setEntry(sector, entry[0], entry[1], CHECKS[entry[0] - 1]!);
	});
	for (const slot of good) rig.fill(slot);
	return rig;
}

function* settings(): Generator<Setting> {
	const entriesOf = (sequences: readonly number[]) => [undefined, ...sequences.flatMap(sequence => STATES.map(state => [sequence, state] as const))];
	for (const first of entriesOf([1, 3])) {
		for (const second of entriesOf([2])) {
			for (const good of [[], [0], [1], [0, 1]] as Slot[][]) yield { entries: [first, second], good };
		}
	}
}

/** What ESP-IDF's documentation says of the choice, told from the entries as they were before. */
function expected({ entries, good }: Setting): { slot: Slot; onTrial: boolean } | undefined {
	const bootable = entries.filter(entry => entry !== undefined)
		.filter(([, state]) => state === State.NEW || state === State.VALID || state === State.UNDEFINED)
		.sort(([one], [other]) => other - one);
	const wanted: Slot = bootable[0] === undefined || bootable[0][0] % 2 === 1 ? 0 : 1;
	if (good.includes(wanted)) return { slot: wanted, onTrial: bootable[0]?.[1] === State.NEW };
	return good.length === 0 ? undefined : { slot: otherSlot(wanted), onTrial: false };
}

function entriesIn(rig: Rig): Entry[] {
	return withOTAData(rig, otadata => otadata.entries());
}

/** Whatever happens, what was on trial is not again. */
function pendingIn(rig: Rig): number {
	return entriesIn(rig).filter(({ state }) => state === State.PENDING_VERIFY).length;
}

test("entries have ESP-IDF's format", () => {
	for (const [index, check] of CHECKS.entries()) {
		const rig = new Rig();
		rig.setEntry(1, index + 1, State.VALID, check);
		assert.deepEqual(entriesIn(rig), [{ sector: 1, sequence: index + 1, slot: index % 2, state: State.VALID }]);
		rig.setEntry(1, index + 1, State.VALID, check ^ 1);
		assert.deepEqual(entriesIn(rig), []);
	}
	const rig = new Rig();
	withOTAData(rig, otadata => otadata.point(1, State.NEW));
	const bytes = rig.otadata.cells.subarray(0, 33);
	assert.deepEqual([...bytes], [2, 0, 0, 0, ...new Array<number>(20).fill(0xff), 0, 0, 0, 0, 0x74, 0x37, 0xf6, 0x55, 0xff]);
});

test("the choice is ESP-IDF's, whatever the entries and images", () => {
	let count = 0;
	for (const setting of settings()) {
		const rig = make(setting), what = JSON.stringify(setting), selection = select(rig);
		count++;
		assert.deepEqual(selection, expected(setting), what);
		if (selection === undefined) continue;
		const active = withOTAData(rig, otadata => otadata.active());
		assert.deepEqual([active?.slot, active?.state === State.PENDING_VERIFY], [selection.slot, selection.onTrial], `the entries say what runs: ${what}`);
		assert.ok(pendingIn(rig) <= 1);
		const again = select(rig)!;
		if (selection.onTrial) assert.ok(!again.onTrial || again.slot !== selection.slot, `a trial is one boot: ${what}`);
		else assert.deepEqual(again, selection, `what is not on trial stays: ${what}`);
	}
	assert.equal(count, 13 * 7 * 4);
});

test("with any operation failing, or torn, a device with a good image boots one, and none that had its trial", () => {
	for (const setting of settings()) {
		if (setting.good.length === 0) continue;
		for (let operation = 1, went = false; !went; operation++) {
			for (const refusal of REFUSALS) {
				const rig = make(setting), what = `${JSON.stringify(setting)}, operation ${operation}: ${refusal}`;
				rig.otadata.refuses = number => number === operation ? refusal : undefined;
				try {
					select(rig);
					went = true;
				} catch (error) {
					assert.equal((error as { code?: unknown }).code, "storage", what);
				}
				if (went) break;
				const selection = select(rig);
				assert.ok(selection !== undefined && setting.good.includes(selection.slot), what);
				const before = setting.entries.find(entry => entry !== undefined && (entry[0] + 1) % 2 === selection.slot);
				if (selection.onTrial) assert.equal(before?.[1], State.NEW, what);
				if (setting.entries.every(entry => entry?.[1] !== State.NEW)) assert.deepEqual(selection, expected(setting), what);
			}
		}
	}
});
