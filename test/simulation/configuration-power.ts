// SPDX-License-Identifier: Apache-2.0
/**
 * A device that is configured from afar, and whose power fails: first well, then with an access point that there is
 * not. Whatever happens it comes back, by what was good, and says what became of the rest. Uses nothing of Node: runs on
 * XS as well.
 */
import { identityValues } from "../../hosts/simulator/identity.js";
import { WorldCloud } from "../../hosts/simulator/world.js";
import { createWorld, type Tear } from "../../hosts/world/index.js";
import { privateCloud } from "../../src/clouds/private/index.js";
import { Device, model, number, string } from "../../src/index.js";
import type { DeviceConfiguration } from "../../src/index.js";
import type { Host } from "../../src/host.js";
import { SETTLE_TIME } from "../../src/operations/configuration.js";

const ID = "remote";
const NAME = "configuration";
const MODEL = model({ interval: number(), access: string() });
const HERE = "here";
const GOOD = 5;
const TIMEOUT = 30_000;
const SETTLE = 3_600_000;

export interface Cut { at: number; tear: Tear }

/** @returns operations of the storage, and boots @throws Error that says what is wrong */
export function comesBack(seed: number, cuts: readonly Cut[]): { operations: number; boots: number } {
	const where = `seed ${seed}, cut at ${cuts.map(({ at, tear }) => `${at} ${tear}`).join(" and ")}`;
	const world = createWorld({ seed });
	const cloud = new WorldCloud(world);
	let current: DeviceConfiguration<typeof MODEL> | undefined;
	const seen: number[] = [];
	const program = (host: Host): void => {
		const device = new Device({
			host, cloud: privateCloud({ keepAlive: 5_000, reconnect: { base: 100, cap: 1_000 } }),
			onError(error) {
				throw error;
			},
		});
		current = device.configure({
			model: MODEL, initial: { interval: 60, access: HERE }, timeout: TIMEOUT,
			onConfigure({ interval, access }) {
				if (seen.at(-1) !== interval) seen.push(interval!);
				if (access === HERE) world.network.up();
				else world.network.down();
			},
		});
	};
	const device = world.device({ id: ID, storage: { identity: identityValues(cloud.manufacture(ID)) }, program });
	for (const { at, tear } of cuts) device.cutPowerAt(at, tear);
	const state = (): unknown => (cloud.shadows.get(ID, NAME)?.reported["status"] as { state?: string } | undefined)?.state;
	const reach = (what: string, condition: () => boolean): void => {
		world.run(condition, { within: SETTLE });
		if (device.crashes.length > 0) throw new Error(`${where}: ${String((device.crashes[0]!.error as Error).stack)}`);
		if (!condition()) throw new Error(`${where}: never ${what}, but ${JSON.stringify(cloud.shadows.get(ID, NAME))}`);
	};
	cloud.shadows.desire(ID, { interval: GOOD }, NAME);
	reach("applied", () => state() === "applied");
	world.run(world.clock.now + SETTLE_TIME);
	cloud.shadows.desire(ID, { interval: 7, access: "nowhere" }, NAME);
	reach("taken back", () => state() === "reverted" && current?.onTrial === false && cloud.registry.get(ID)?.online === true);
	const { reported } = cloud.shadows.get(ID, NAME);
	const { interval, access } = current!.current;
	if (interval !== GOOD || access !== HERE || reported["interval"] !== GOOD || reported["access"] !== HERE) {
		throw new Error(`${where}: ${interval} ${access}, ${JSON.stringify(reported)}`);
	}
	// Once it was good it is never less: what came after it was tried, and what came before is over.
	const after = seen.slice(seen.indexOf(GOOD));
	if (after.some((value) => value !== GOOD && value !== 7)) throw new Error(`${where}: went by ${seen.join()}`);
	return { operations: device.operations, boots: device.boots };
}
