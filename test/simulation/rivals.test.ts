// SPDX-License-Identifier: Apache-2.0
/** Servers that send devices away: what they are told, and that no storm comes of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Broker } from "../../hosts/simulator/broker/broker.js";
import type { BrokerOptions } from "../../hosts/simulator/broker/options.js";
import { serveInWorld } from "../../hosts/simulator/world.js";
import { createWorld, type World } from "../../hosts/world/index.js";
import { Client } from "../../src/mqtt/client.js";
import type { Protocol } from "../../src/mqtt/constants.js";

const ADDRESS = "10.0.0.1";
const PORT = 1883;
const HOUR = 3_600_000;
const SEEDS = 10;

class Scene {
	readonly world: World;
	readonly broker: Broker;
	/** Times of CONNECTs that the broker accepted, and of attempts that ended. */
	readonly accepted: number[] = [];
	readonly ended: { at: number; code: string; detail: number | undefined; delay: number }[] = [];
	readonly clients: Client[] = [];

	constructor(seed: number, protocol: Protocol, clientIds: readonly string[], options: BrokerOptions = {}) {
		this.world = createWorld({ seed });
		this.broker = new Broker({ ...options, onConnected: (_, now) => { this.accepted.push(now); } });
		serveInWorld(this.broker, this.world, { address: ADDRESS, port: PORT });
		clientIds.forEach((clientId, index) => {
			this.world.device({
				id: `device ${index}`, program: (host) => {
					this.clients[index] = new Client({
						host, clientId, protocol, server: { name: ADDRESS, port: PORT },
						onDisconnected: ({ code, detail }, delay) => { this.ended.push({ at: this.world.clock.now, code, detail, delay }); },
					});
				},
			});
		});
	}
}

/** Connections in an hour that two rivals may make: told that they are rivals, and only cut off, as 3.1.1 does it. */
const RIVALS_MAXIMUM = Object.freeze({ 4: 180, 5: 60 });

for (const protocol of [4, 5] as const) {
	test(`two devices with one client id take turns and make no storm, protocol ${protocol}`, () => {
		for (let seed = 1; seed <= SEEDS; seed++) {
			const { world, accepted, ended, clients } = new Scene(seed, protocol, ["lamp", "lamp"]);
			world.run(HOUR);
			assert.ok(accepted.length > 10, `seed ${seed}: they do fight: ${accepted.length}`);
			assert.ok(accepted.length <= RIVALS_MAXIMUM[protocol], `seed ${seed}: ${accepted.length} connections`);
			const told = ended.filter(({ code }) => code === "rejected");
			assert.ok(told.every(({ detail, delay }) => detail === 0x8e && delay >= 30_000));
			assert.equal(told.length >= ended.length - 1, protocol === 5, `seed ${seed}: all but a session that one of them does not know`);
			// One leaves, and the other has its peace.
			world.devices[1]!.powerOff();
			world.advance(600_000);
			assert.ok(clients[0]!.connected, `seed ${seed}`);
			const { length } = accepted;
			world.advance(HOUR);
			assert.equal(accepted.length, length, `seed ${seed}`);
		}
	});

	test(`a device that is not admitted asks seldom, and comes when it is, protocol ${protocol}`, () => {
		for (let seed = 1; seed <= SEEDS; seed++) {
			let admits = false;
			const { world, accepted, ended, clients } = new Scene(seed, protocol, ["lamp"], { authorize: () => admits ? undefined : "unauthorized" });
			world.run(HOUR);
			assert.ok(ended.length >= 6 && ended.length <= 40, `seed ${seed}: ${ended.length} attempts`);
			assert.ok(ended.every(({ code, detail }) => code === "rejected" && detail === (protocol === 5 ? 0x87 : 5)));
			admits = true;
			world.advance(601_000);
			assert.ok(clients[0]!.connected && accepted.length === 1, `seed ${seed}`);
		}
	});
}

test("a device that is admitted and cut off at once, again and again, backs off", () => {
	for (const protocol of [4, 5] as const) {
		const scene = new Scene(1, protocol, ["lamp"]);
		const { world, broker, accepted } = scene;
		const kicker = world.timer.repeat(() => broker.faults.kick("lamp"), 5_000);
		world.run(HOUR);
		world.timer.clear(kicker);
		// Two minutes between two attempts at last, and half of that as the dice have it.
		assert.ok(accepted.length >= 30 && accepted.length <= 90, `${accepted.length} connections`);
	}
});
