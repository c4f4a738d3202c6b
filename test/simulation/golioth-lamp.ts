// SPDX-License-Identifier: Apache-2.0
/**
 * The lamp of `lamp.ts` on Golioth: the same program but for its import, and the same trouble over datagrams. Out of one
 * seed: loss, doubled and overtaking datagrams, a flapping link, restarts of the cloud, power cuts.
 *
 * Uses nothing of Node: runs on XS as well.
 */
import { goliothIdentityValues } from "../../hosts/simulator/clouds/golioth/identity.js";
import { GoliothWorldCloud } from "../../hosts/simulator/clouds/golioth/world.js";
import { createWorld, type World } from "../../hosts/world/index.js";
import { golioth } from "../../src/clouds/golioth/index.js";
import { Device } from "../../src/device.js";
import type { Host } from "../../src/host.js";
import { isObject, type JSONObject } from "../../src/shadow/document.js";

/** Virtual ms of trouble, and those within which all must be well after it: backoffs, timeouts and a registration. */
const TROUBLE = 900_000;
const RECOVERY = 900_000;
const ID = "lamp";
const MEMBERS = Object.freeze(["on", "brightness", "scene"]);

export interface GoliothOutcome {
	readonly fingerprint: string;
	readonly connections: number;
	readonly boots: number;
	/** Calls that were made, those that were carried out, and those of which the cloud heard the end. */
	readonly calls: number;
	readonly executions: number;
	readonly answers: number;
	/** Virtual ms from the end of the trouble to agreement. */
	readonly recovery: number;
}

/** What the program has seen, across its boots. */
interface Diary {
	connections: number;
	lamp: JSONObject;
	device: Device | undefined;
	/** Numbers of the calls, by boot: none may come twice within one. */
	readonly executed: number[];
}

function program(diary: Diary): (host: Host) => void {
	return (host) => {
		const executed = new Set<number>();
		diary.device = new Device({
			host,
			cloud: golioth({ keepAlive: 30_000 }),
			firmware: { product: "lamp", version: "1.0.0" },
			onConnected() {
				diary.connections++;
				this.report({ connections: diary.connections });
			},
			onDelta(delta) {
				Object.assign(diary.lamp, delta);
				this.report(delta);
			},
			onCommand(command) {
				const { method, params } = command.payload as { method: string; params: number[] };
				const [number] = params;
				if (method !== "count" || executed.has(number!)) throw new Error(`${method} ${number} came again`);
				executed.add(number!);
				diary.executed.push(number!);
				command.succeed({ ok: true });
			},
			onError(error) {
				// A link that is gone is no surprise here.
				if (error.code !== "rejected" && error.code !== "timeout") throw error;
			},
		});
	};
}

/** @throws Error that names the seed, when anything is not as it should be */
export function goliothLampLives(seed: number): GoliothOutcome {
	const world = createWorld({ seed });
	const cloud = new GoliothWorldCloud(world, { indefinite: world.random.chance(0.5) });
	const diary: Diary = { connections: 0, lamp: {}, device: undefined, executed: [] };
	const device = world.device({
		id: ID, program: program(diary), storage: { identity: goliothIdentityValues(cloud.manufacture(ID)) },
	});
	const counts = { calls: 0, answers: 0 };
	const end = makeTrouble(world, cloud, counts);
	world.run(TROUBLE);
	end();
	const calmed = world.clock.now;
	world.run(() => agreed(cloud, diary), { within: RECOVERY });
	const desired = sectionOf(cloud, "desired"), reported = sectionOf(cloud, "reported");
	for (const member of MEMBERS) {
		if (diary.lamp[member] !== desired[member] || reported[member] !== desired[member]) {
			throw new Error(`seed ${seed}: ${member} is ${diary.lamp[member]}, reported ${reported[member]}, desired ${desired[member]}`);
		}
	}
	if (device.crashes.length > 0) throw new Error(`seed ${seed}: crashed: ${String(device.crashes[0]!.error)}`);
	return {
		fingerprint: world.fingerprint, connections: diary.connections, boots: device.boots, ...counts, executions: diary.executed.length,
		recovery: world.clock.now - calmed,
	};
}

function sectionOf(cloud: GoliothWorldCloud, name: string): JSONObject {
	const section = cloud.state.get(ID, name);
	return isObject(section) ? section as JSONObject : {};
}

function agreed(cloud: GoliothWorldCloud, diary: Diary): boolean {
	const desired = sectionOf(cloud, "desired"), reported = sectionOf(cloud, "reported");
	return (diary.device?.inSync ?? false) && MEMBERS.every((member) => desired[member] === reported[member])
		&& reported["connections"] === diary.connections;
}

/** Sets the network's faults and plans what happens to everybody. Returns what ends it all. */
function makeTrouble(world: World, cloud: GoliothWorldCloud, counts: { calls: number; answers: number }): () => void {
	const { random, network, timer, devices } = world;
	network.delay(1, random.between(5, 400));
	network.lose(random.chance(0.5) ? random.between(0, 30) / 100 : 0);
	network.duplicate(random.chance(0.5) ? random.between(0, 30) / 100 : 0);
	network.reorder(random.chance(0.5) ? random.between(0, 30) / 100 : 0);
	const calmLink = random.chance(0.6)
		? network.flap({ up: [2_000, random.between(10_000, 120_000)], down: [100, random.between(1_000, 60_000)], kill: 0.5 })
		: () => {};
	const at = (probability: number, action: () => void) => {
		if (random.chance(probability)) timer.set(action, random.between(0, TROUBLE - 1));
	};
	for (let index = 0; index < 6; index++) {
		at(1, () => cloud.state.set(ID, `desired/${MEMBERS[index % MEMBERS.length]!}`, random.between(0, 9)));
		at(1, () => {
			cloud.rpc.call(ID, "count", [counts.calls++], {
				timeout: 60_000, onDone: ({ statusCode }) => { if (statusCode === 0) counts.answers++; },
			});
		});
		at(0.3, () => cloud.restart(random.between(100, 60_000)));
		at(0.2, () => devices[0]!.cutPower());
	}
	return () => {
		calmLink();
		network.calm();
		cloud.start();
	};
}
