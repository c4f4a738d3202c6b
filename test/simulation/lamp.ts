// SPDX-License-Identifier: Apache-2.0
/**
 * A lamp's troubled quarter of an hour, out of one seed: loss, split reads, flapping and half-open links, broker
 * restarts with and without memory, power cuts. Then the trouble ends, and cloud and lamp must agree.
 *
 * Uses nothing of Node: runs on XS as well.
 */
import { identityValues, type DeviceIdentity } from "../../hosts/simulator/identity.js";
import { CoAPWorldCloud, WorldCloud } from "../../hosts/simulator/world.js";
import { createWorld, type World } from "../../hosts/world/index.js";
import { privateCloud } from "../../src/clouds/private/index.js";
import { Device } from "../../src/device.js";
import type { Crypto, Host } from "../../src/host.js";
import { isEmpty, type JSONObject } from "../../src/shadow/document.js";

/** Virtual ms of trouble, and those within which all must be well after it: a keep alive, backoffs and timeouts. */
const TROUBLE = 900_000;
const RECOVERY = 900_000;
const ID = "lamp";
const MEMBERS = Object.freeze(["on", "brightness", "scene"]);

export interface Outcome {
	fingerprint: string;
	/** Connections that the device made, and boots. */
	connections: number;
	boots: number;
	/** Virtual ms from the end of the trouble to agreement. */
	recovery: number;
}

/** What the program has seen, across its boots. */
interface Diary {
	connections: number;
	/** Version of the newest delta of this boot: none may come twice or late. */
	version: number;
	/** What the lamp is. */
	lamp: JSONObject;
	device: Device | undefined;
}

function program(diary: Diary): (host: Host) => void {
	return (host) => {
		diary.version = -1;
		diary.device = new Device({
			host,
			cloud: privateCloud({ keepAlive: 30_000 }),
			firmware: { product: "lamp", version: "1.0.0" },
			onConnected() {
				diary.connections++;
				// A document fetched anew may repeat what the lamp has not reported yet.
				diary.version = -1;
				this.report({ connections: diary.connections });
			},
			onDelta(delta, version) {
				if (version <= diary.version) throw new Error(`delta ${version} after ${diary.version}`);
				diary.version = version;
				Object.assign(diary.lamp, delta);
				this.report(delta);
			},
			onError(error) {
				throw error;
			},
		});
	};
}

/**
 * @param scheme what the lamp speaks
 * @param crypto where it is given, all is under OSCORE
 * @throws Error that names the seed, when anything is not as it should be
 */
export function lampLives(seed: number, scheme = "mqtts", crypto?: Crypto): Outcome {
	const world = createWorld({ seed, cipher: crypto, digest: crypto && ((algorithm) => crypto.digest(algorithm)) });
	const { cloud, identity } = place(world, scheme, crypto !== undefined);
	const diary: Diary = { connections: 0, version: -1, lamp: {}, device: undefined };
	const device = world.device({
		id: ID,
		program: program(diary),
		storage: { identity: identityValues(identity) },
	});
	// Of datagrams alone; a stream has neither.
	if (scheme === "coap") {
		world.network.duplicate(0.1);
		world.network.reorder(0.1);
	}
	const end = makeTrouble(world, cloud);
	world.run(TROUBLE);
	end();
	const calmed = world.clock.now;
	world.run(() => agreed(cloud, diary), { within: RECOVERY });
	const { desired, reported } = cloud.shadows.get(ID);
	for (const member of MEMBERS) {
		if (diary.lamp[member] !== desired[member] || reported[member] !== desired[member]) {
			throw new Error(`seed ${seed}: ${member} is ${diary.lamp[member]}, reported ${reported[member]}, desired ${desired[member]}`);
		}
	}
	if (device.crashes.length > 0) throw new Error(`seed ${seed}: crashed: ${String(device.crashes[0]!.error)}`);
	return {
		fingerprint: world.fingerprint, connections: diary.connections, boots: device.boots,
		recovery: world.clock.now - calmed,
	};
}

function place(world: World, scheme: string, oscore: boolean): { cloud: WorldCloud; identity: DeviceIdentity } {
	if (!scheme.startsWith("coap")) {
		const cloud = new WorldCloud(world);
		return { cloud, identity: cloud.manufacture(ID) };
	}
	const cloud = new CoAPWorldCloud(world);
	const identity = { ...cloud.manufacture(ID), endpoint: cloud.endpointOf(scheme) };
	return { cloud, identity: oscore ? { ...identity, oscore: cloud.coap.contexts.issue(ID) } : identity };
}

function agreed(cloud: WorldCloud, diary: Diary): boolean {
	return (diary.device?.inSync ?? false)
		&& isEmpty(cloud.shadows.delta(ID) as JSONObject)
		&& cloud.shadows.get(ID).reported["connections"] === diary.connections;
}

/** Sets the network's faults and plans what happens to everybody. Returns what ends it all. */
function makeTrouble(world: World, cloud: WorldCloud): () => void {
	const { random, network, timer, devices } = world;
	network.delay(1, random.between(5, 400));
	network.lose(random.chance(0.5) ? random.between(0, 30) / 100 : 0);
	network.split(random.chance(0.5) ? random.between(0, 100) / 100 : 0);
	const calmLink = random.chance(0.6)
		? network.flap({ up: [2_000, random.between(10_000, 120_000)], down: [100, random.between(1_000, 60_000)], kill: 0.5 })
		: () => {};
	const at = (probability: number, action: () => void) => {
		if (random.chance(probability)) timer.set(action, random.between(0, TROUBLE - 1));
	};
	for (let index = 0; index < 6; index++) {
		at(1, () => cloud.shadows.desire(ID, { [MEMBERS[index % MEMBERS.length]!]: random.between(0, 9) }));
		at(0.3, () => cloud.restart(random.between(100, 60_000), { forget: random.chance(0.5) }));
		at(0.3, () => network.halfOpen());
		at(0.2, () => network.reset());
		at(0.2, () => devices[0]!.cutPower());
	}
	return () => {
		calmLink();
		network.calm();
		cloud.start();
	};
}
