// SPDX-License-Identifier: Apache-2.0
/**
 * What a shadow costs on the wire at AWS, the simulated one: our device and the vendor's own SDK do the same work.
 *
 * The broker's answers are late by some time, so that round trips can be told from what is sent without waiting.
 */
import { setTimeout as wait } from "node:timers/promises";
import { makeCloud, type RefereeCloud } from "../referee/cloud.js";
import type { Tapped } from "../referee/tap.js";
import { costOf, ID, LEAF_COUNT, leaves, ours, theirs, type Cost } from "../referee/wire.js";

interface Row {
	work: string;
	cost: Cost;
}

export interface ShadowRow {
	work: string;
	ours: Cost;
	theirs: Cost;
}

/** ms; far longer than a client takes to send a second thing that waits for nothing. */
const LATENCY = 200;
/** ms without a packet after which nothing more is expected: several times as long as any answer takes. */
const QUIET = 800;

export async function measureShadow(): Promise<ShadowRow[]> {
	const [left, right] = [await measure(ours), await measure(theirs)];
	return left.map(({ work, cost }, index) => ({ work, ours: cost, theirs: right[index]!.cost }));
}

async function measure(make: typeof ours): Promise<Row[]> {
	const cleanups: (() => unknown)[] = [];
	const context = { after(action: () => unknown): void { cleanups.unshift(action); } };
	const rows: Row[] = [];
	try {
		const cloud = await makeCloud(context);
		const { aws: { broker, shadows }, tap } = cloud;
		const party = await make(context, cloud);
		context.after(() => party.end());
		tap.latency = LATENCY;
		const row = async (work: string, action: () => Promise<void>): Promise<void> => {
			tap.take();
			await action();
			rows.push({ work, cost: costOf(await quiet(cloud)) });
		};
		const reconnect = (): Promise<void> => {
			broker.kick(ID, performance.now());
			return party.again();
		};
		shadows.update(ID, { desired: { on: true }, reported: { on: true } });

		await row("connect after a reset, and sync 1 member that nobody changed", () => party.begin());
		await row("connect after the network was lost, and sync it", reconnect);
		await party.follow(() => { shadows.desire(ID, { on: false }); });
		await quiet(cloud);
		await row("1 member is desired, done and reported", () => party.follow(() => { shadows.desire(ID, { on: true }); }));
		await row(`${LEAF_COUNT} members are reported`, () => party.report(leaves()));
		await row("connect after the network was lost, and sync them", reconnect);
		return rows;
	} finally {
		for (const cleanup of cleanups) await cleanup();
	}
}

/** What went over the wire until nothing more comes. */
async function quiet({ tap }: RefereeCloud): Promise<Tapped[]> {
	const seen: Tapped[] = [];
	for (let count = -1; count !== seen.length;) {
		count = seen.length;
		await wait(QUIET);
		seen.push(...tap.take());
	}
	return seen;
}
