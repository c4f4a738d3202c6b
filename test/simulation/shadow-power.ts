// SPDX-License-Identifier: Apache-2.0
/**
 * A whole device that reports while it is offline, and whose power fails: what it reported before, once that turn had
 * ended, must reach the cloud. Uses nothing of Node: runs on XS as well.
 */
import { identityValues } from "../../hosts/simulator/identity.js";
import { WorldCloud } from "../../hosts/simulator/world.js";
import { createWorld, type Tear } from "../../hosts/world/index.js";
import { privateCloud } from "../../src/clouds/private/index.js";
import { Device } from "../../src/device.js";
import type { Host } from "../../src/host.js";

const ID = "meter";
/** ms between two reports, from a report to the note that it was made, and within which all must be well. */
const PACE = 200;
const TURN = 50;
const SETTLE = 600_000;
/** Reports, and members that they go to in turn. */
const REPORTS = 16;
const MEMBERS = 3;

export interface PowerCut { at: number; tear: Tear }

interface Diary {
	/** The next report. */
	step: number;
	/** By member: the newest value whose turn had ended. */
	readonly kept: (number | undefined)[];
	device: Device | undefined;
}

function boot(host: Host, diary: Diary): void {
	const device = diary.device = new Device({
		host, cloud: privateCloud({ keepAlive: 20_000, reconnect: { base: 100, cap: 1_000 } }),
		onDelta(delta) {
			this.report(delta);
		},
		onError(error) {
			throw error;
		},
	});
	const timer = host.timer.repeat(() => {
		const step = diary.step++;
		if (step >= REPORTS) return host.timer.clear(timer);
		// The member of the first report is deleted now and then: that must not come back either.
		device.report({ [`m${step % MEMBERS}`]: step, gone: step % 4 === 3 ? null : step, last: step });
		host.timer.set(() => { diary.kept[step % MEMBERS] = step; }, TURN);
	}, PACE);
}

/**
 * @param online from which report on the network is up
 * @returns operations of the storage and boots
 * @throws Error that says what was lost
 */
export function powerFails(seed: number, online: number, cuts: readonly PowerCut[]): { operations: number; boots: number } {
	const where = `seed ${seed}, online from ${online}, cut at ${cuts.map(({ at, tear }) => `${at} ${tear}`).join(" and ")}`;
	const world = createWorld({ seed });
	const cloud = new WorldCloud(world);
	const diary: Diary = { step: 0, kept: [], device: undefined };
	if (online > 0) world.network.down();
	const device = world.device({
		id: ID, storage: { identity: identityValues(cloud.manufacture(ID)) }, program: (host) => boot(host, diary),
	});
	for (const { at, tear } of cuts) device.cutPowerAt(at, tear);
	world.run(() => diary.step >= online, { within: SETTLE });
	if (online > 0) world.network.up();
	// Something is desired, too, while it reports.
	cloud.shadows.desire(ID, { wish: 1 });
	world.run(() => diary.step > REPORTS && (diary.device?.inSync ?? false) && device.running, { within: SETTLE });
	if (device.crashes.length > 0) throw new Error(`${where}: ${String((device.crashes[0]!.error as Error).stack)}`);
	const { reported } = cloud.shadows.get(ID);
	if (!(diary.device?.inSync ?? false)) throw new Error(`${where}: not in sync: ${JSON.stringify(reported)}`);
	diary.kept.forEach((value, member) => {
		const said = reported[`m${member}`];
		if (typeof said !== "number" || said < value!) throw new Error(`${where}: m${member} was ${value}, and the cloud has ${String(said)}`);
	});
	if (reported["wish"] !== 1) throw new Error(`${where}: the wish is lost`);
	return { operations: device.operations, boots: device.boots };
}
