// SPDX-License-Identifier: Apache-2.0
/**
 * A broker that is always there, and a cloud beside it that is not: in the world, with a device that boots, obeys and
 * reports meanwhile. When the cloud is back, everything is there, nothing was lost, and nothing came twice.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Broker } from "../../hosts/simulator/broker/broker.js";
import type { CloudChannel } from "../../hosts/simulator/channel.js";
import { serveInWorld } from "../../hosts/simulator/in-world.js";
import type { ShadowStore, StoredShadow } from "../../hosts/simulator/services/shadow.js";
import { ShadowService } from "../../hosts/simulator/services/shadow.js";
import { createWorld, type World } from "../../hosts/world/index.js";
import { Alarm } from "../../src/base/alarm.js";
import { privateCloud } from "../../src/clouds/private/index.js";
import { Device, type NamedShadow } from "../../src/device.js";
import type { Host } from "../../src/host.js";
import { model, number } from "../../src/shadow/model.js";

const ID = "lamp";
const ADDRESS = "10.0.0.1";
const SEEDS = 20;
const MINUTE = 60_000;
/** ms: an answer is awaited for ten seconds, documents are gathered for one, and the network takes its time. */
const AT_ONCE = 15_000;

const LAMP = model({ level: number({ merge: "last" }), boots: number() });

/** The cloud's process, that can be killed and started: what it keeps is in the store alone. */
class Process {
	shadows: ShadowService | undefined;
	readonly #store = new Map<string, string>();
	readonly #world: World;
	readonly #broker: Broker;
	#alive = { channel: false };

	constructor(world: World, broker: Broker) {
		this.#world = world;
		this.#broker = broker;
	}

	start(): ShadowService {
		const alive = this.#alive = { channel: true };
		const store: ShadowStore = {
			load: () => [...this.#store.values()].map(text => JSON.parse(text) as StoredShadow),
			save: shadow => { this.#store.set(`${shadow.id} ${shadow.name}`, JSON.stringify(shadow)); },
		};
		const shadows = this.shadows = new ShadowService({ wall: () => this.#world.clock.wall!, store });
		const real = this.#broker.attach();
		const channel: CloudChannel = {
			publish: (topic, payload, options) => { if (alive.channel) real.publish(topic, payload, options); },
			subscribe: (filter, onMessage) => { real.subscribe(filter, (...message) => { if (alive.channel) onMessage(...message); }); },
		};
		const expire = (): void => {
			if (!alive.channel) return;
			shadows.expire(this.#world.clock.now);
			alarm.set(shadows.deadline);
		};
		const alarm = new Alarm({ timer: this.#world.timer, time: { now: () => this.#world.clock.now } }, { expire });
		shadows.onDue = () => { alarm.set(shadows.deadline); };
		shadows.attach(channel);
		return shadows;
	}

	kill(): void {
		this.#alive.channel = false;
		this.shadows = undefined;
	}
}

interface Diary {
	device: Device<typeof LAMP> | undefined;
	scene: NamedShadow | undefined;
	/** Of this boot. */
	told: string[];
	boots: number;
}

function program(diary: Diary, format: "json" | "cbor"): (host: Host) => void {
	return host => {
		diary.told = [];
		const device = diary.device = new Device({
			host, model: LAMP, cloud: privateCloud({ endpoint: `mqtt://${ADDRESS}`, format, keepAlive: 30_000 }),
			onDelta(delta) {
				diary.told.push(JSON.stringify(delta));
				this.report(delta);
			},
			onError(error) { throw error; },
		});
		diary.scene = device.shadow("scene", {
			onDelta(delta) {
				diary.told.push(`scene ${JSON.stringify(delta)}`);
				this.report(delta);
			},
		});
		device.report({ boots: ++diary.boots });
	};
}

function live(seed: number, format: "json" | "cbor"): void {
	const world = createWorld({ seed });
	world.network.delay(1, world.random.between(5, 300));
	world.network.split(world.random.chance(0.5) ? 0.5 : 0);
	const broker = new Broker();
	serveInWorld(broker, world, { address: ADDRESS, port: 1883 });
	const cloud = new Process(world, broker);
	const diary: Diary = { device: undefined, scene: undefined, told: [], boots: 0 };
	const identity = { id: new TextEncoder().encode(ID) };
	let shadows = cloud.start();
	const device = world.device({ id: ID, program: program(diary, format), storage: { identity } });
	const inSync = (): boolean => (diary.device?.inSync ?? false) && (diary.scene?.inSync ?? false);
	shadows.desire(ID, { level: 1 });
	world.run(inSync, { within: MINUTE });

	// While the device is off, the cloud wants something else, and goes.
	device.powerOff();
	world.advance(world.random.between(1, 2 * MINUTE));
	shadows.desire(ID, { level: 2 });
	shadows.desire(ID, { colour: "red" }, "scene");
	shadows.desire(ID, { level: 3 });
	world.advance(2_000);
	cloud.kill();
	world.advance(world.random.between(1, 2 * MINUTE));
	device.powerOn();
	world.run(() => diary.told.length === 2, { within: MINUTE });
	assert.deepEqual(diary.told.sort(), ['scene {"colour":"red"}', '{"level":3}'].sort());

	// It lives on, and boots again, without a cloud.
	world.advance(world.random.between(1, 20 * MINUTE));
	if (world.random.chance(0.5)) device.cutPower();
	world.advance(world.random.between(2_000, 20 * MINUTE));
	assert.deepEqual([diary.device!.connected, diary.device!.reported.level], [true, 3]);
	const boots = device.boots;

	shadows = cloud.start();
	world.run(() => inSync() && Object.keys(shadows.delta(ID)).length + Object.keys(shadows.delta(ID, "scene")).length === 0, { within: AT_ONCE });
	assert.deepEqual(shadows.get(ID).reported, { level: 3, boots });
	assert.deepEqual(shadows.get(ID, "scene").reported, { colour: "red" });
	// What it knew already it is not told again, neither now nor by what was under way.
	world.advance(5 * MINUTE);
	const again = diary.told.filter(line => line === '{"level":3}').length;
	assert.ok(again <= 1, `${again} times`);
	assert.deepEqual(device.crashes, []);
	const { version } = shadows.get(ID);
	world.advance(30 * MINUTE);
	assert.equal(shadows.get(ID).version, version, "nothing is said twice");
}

suite("Private cloud: a broker without its cloud", () => {
	for (const format of ["json", "cbor"] as const) {
		test(`${SEEDS} seeds in ${format}: the device obeys what was retained, and the cloud has everything when it is back`, () => {
			for (let seed = 1; seed <= SEEDS; seed++) live(seed, format);
		});
	}

	test("a document that was deleted while the device was away is not obeyed, and its successor is", () => {
		for (let seed = 1; seed <= 5; seed++) {
			const world = createWorld({ seed });
			const broker = new Broker();
			serveInWorld(broker, world, { address: ADDRESS, port: 1883 });
			const cloud = new Process(world, broker), shadows = cloud.start();
			const diary: Diary = { device: undefined, scene: undefined, told: [], boots: 0 };
			const device = world.device({ id: ID, program: program(diary, "json"), storage: { identity: { id: new TextEncoder().encode(ID) } } });
			for (let level = 1; level < 5; level++) shadows.desire(ID, { level });
			world.run(() => diary.device?.inSync ?? false, { within: MINUTE });
			device.powerOff();
			world.advance(MINUTE);
			shadows.delete(ID);
			world.advance(MINUTE);
			shadows.desire(ID, { level: 9 });
			world.advance(2_000);
			cloud.kill();
			device.powerOn();
			world.run(() => diary.device?.reported.level === 9, { within: MINUTE });
			assert.deepEqual(diary.told, ['{"level":9}']);
		}
	});
});
