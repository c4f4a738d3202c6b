// SPDX-License-Identifier: Apache-2.0
/** What the queue on flash is put through while the power fails. */
import type { FlashPartition } from "../../src/host.js";
import type { Tear } from "../../hosts/world/index.js";
import { ride, type Step } from "./journal-rider.js";

const TEARS: readonly Tear[] = ["none", "prefix", "bits", "words", "whole"];
/** How far behind the first cut a second one comes, at most. */
const SECOND = 8;
/** Operations between cuts at most, where there are many; and how long that lasts, in operations. */
const EVERY = 12;
const TROUBLE = 80;

const repeat = (count: number, ...steps: readonly Step[]): Step[] => Array.from({ length: count }, () => steps).flat();

export interface Scenario { blocks: number; steps: readonly Step[] }

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
	"appended and released in order": {
		blocks: 3,
		steps: [
			(rider) => rider.append(0),
			(rider) => rider.append(1000),
			(rider) => rider.append(17),
			(rider) => rider.release(0),
			(rider) => rider.append(900),
			...repeat(3, (rider) => rider.release(0)),
			(rider) => rider.append(4064),
		],
	},
	"groups, and records that nobody flushed": {
		blocks: 3,
		steps: [
			(rider) => rider.append(100, 1, 300, 16),
			(rider) => void rider.commit(50),
			(rider) => void rider.commit(60),
			(rider) => rider.append(70, 2000),
			(rider) => rider.append(1800, 1900, 40),
			(rider) => rider.release(0, 1, 2),
		],
	},
	"released out of order": {
		blocks: 4,
		steps: [
			(rider) => rider.append(700, 700, 700),
			(rider) => rider.append(700, 700, 700),
			(rider) => rider.release(2),
			(rider) => rider.release(3, 1),
			(rider) => rider.append(700, 700),
			(rider) => rider.letGo(3, 1),
			(rider) => rider.release(0),
			(rider) => rider.append(300),
			(rider) => rider.release(0),
		],
	},
	"released before they were flushed": {
		blocks: 3,
		steps: [
			(rider) => rider.append(500),
			(rider) => {
				while (rider.held().length < 4) rider.commit(100);
				rider.release(2);
			},
			(rider) => rider.release(1),
			(rider) => rider.append(20, 30),
			(rider) => {
				rider.commit(40);
				rider.release(0, 1, 2, 3, 4);
			},
			(rider) => rider.append(50),
		],
	},
	"wrapped around again and again": {
		blocks: 3,
		steps: repeat(9, (rider) => rider.append(1300, 900), (rider) => rider.append(1300), (rider) => rider.release(0, 1, 2)),
	},
	"released, and not kept": {
		blocks: 3,
		steps: [
			...repeat(6, (rider) => rider.append(1300, 1300), (rider) => rider.letGo(0, 1)),
			(rider) => rider.append(10, 20),
			(rider) => rider.release(1),
		],
	},
	"dropped, to make room": {
		blocks: 3,
		steps: [
			...repeat(4, (rider) => rider.append(1800)),
			(rider) => rider.release(2),
			(rider) => void rider.commit(1800),
			(rider) => {
				rider.fill(1800);
				rider.drop(1);
			},
			(rider) => rider.append(1800),
			(rider) => rider.drop(0),
			(rider) => rider.append(1000, 20),
		],
	},
	"two blocks alone": {
		blocks: 2,
		steps: repeat(5, (rider) => rider.append(1500), (rider) => rider.append(1500), (rider) => rider.release(0, 1)),
	},
};

/** Plays the scenario with a cut at each operation, or at every so many, each torn in every way. */
export function cutOnce({ blocks, steps }: Scenario, stride = 1, tamper?: (partition: FlashPartition) => FlashPartition): void {
	const { operations } = ride(1, blocks, steps, [], tamper);
	for (let at = 1; at <= operations; at += stride) {
		for (const tear of TEARS) ride(at, blocks, steps, [{ at, tear }], tamper);
	}
}

/** The same, with a second cut at each of the operations that follow: those of the recovery, and those after it. */
export function cutTwice({ blocks, steps }: Scenario, stride = 1): void {
	const { operations } = ride(1, blocks, steps, []);
	for (let first = 1; first <= operations; first += stride) {
		for (let second = first + 1; second <= first + SECOND; second += stride) {
			for (const tear of TEARS) ride(first * SECOND + second, blocks, steps, [{ at: first, tear }, { at: second, tear: "any" }]);
		}
	}
}

/** The same, with a cut at every so many operations, again and again: a supply that is at its end. */
export function cutAlways({ blocks, steps }: Scenario, stride = 1): void {
	for (let every = 1; every <= EVERY; every += stride) {
		for (const tear of TEARS) {
			const cuts = Array.from({ length: Math.floor(TROUBLE / every) }, (_, index) => ({ at: (index + 1) * every, tear }));
			ride(every, blocks, steps, cuts);
		}
	}
}
