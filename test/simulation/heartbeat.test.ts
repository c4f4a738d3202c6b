// SPDX-License-Identifier: Apache-2.0
/** A whole device whose heartbeats say what went over the network, by MQTT and by CoAP, and that dies in a handler. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { identityValues } from "../../hosts/simulator/identity.js";
import { CoAPWorldCloud, WorldCloud } from "../../hosts/simulator/world.js";
import { createWorld } from "../../hosts/world/index.js";
import { privateCloud } from "../../src/clouds/private/index.js";
import { Device } from "../../src/device.js";

const PERIOD = 300_000;
const SETTLE = 3_600_000;
const ID = "lamp";

interface Beat { number: number; boot: number; counters: Record<string, number>; gauges: Record<string, number>; timers: Record<string, number[]> }

for (const scheme of ["mqtt", "coap", "coap+tcp"]) {
	test(`heartbeats over ${scheme} tell of the network, the flash, the program and the crash between them`, () => {
		const world = createWorld({ seed: 7 });
		const isCoAP = scheme.startsWith("coap");
		const cloud = isCoAP ? new CoAPWorldCloud(world) : new WorldCloud(world);
		const identity = cloud.manufacture(ID);
		if (isCoAP) identity.endpoint = (cloud as CoAPWorldCloud).endpointOf(scheme);
		let device: Device | undefined;
		const lamp = world.device({
			id: ID, storage: { identity: identityValues(identity) },
			program(host) {
				device = new Device({
					host, cloud: privateCloud({ keepAlive: 30_000 }), firmware: { product: "lamp", version: "1.0.0" },
					heartbeat: { period: PERIOD, battery: () => 80 },
					onDelta(delta) {
						if (delta["dies"] === true) throw new Error("dies");
						device!.metrics.counter("switches").add();
						device!.metrics.timer("pour").record(7);
						this.report(delta);
					},
					onError: (error) => {
						throw error;
					},
				});
			},
		});
		const beats = (): Beat[] => cloud.reports.reports(ID, "metrics").map(({ report }) => report as unknown as Beat);
		world.run(() => device?.connected === true, { within: SETTLE });
		cloud.shadows.desire(ID, { on: true });
		world.run(() => beats().length === 1, { within: SETTLE });
		const [{ counters, gauges, timers, number, boot }] = beats() as [Beat];
		assert.deepEqual([number, boot, counters["connections"], counters["reconnects"], counters["switches"]], [1, 1, 1, 0, 1]);
		for (const name of ["bytesIn", "bytesOut", "messagesIn", "messagesOut", "storageWrites"]) assert.ok(counters[name]! > 0, name);
		assert.ok(counters["bytesIn"]! > counters["messagesIn"]!);
		// Over a network that takes some ms each way.
		assert.ok(gauges["roundTrip"]! > 0 && gauges["roundTrip"]! < 5_000, `round trip ${gauges["roundTrip"]}`);
		assert.deepEqual([gauges["uptime"], gauges["battery"], gauges["crashes"], timers["pour"]], [PERIOD / 1_000, 80, 0, [1, 7, 7]]);
		if (!isCoAP) assert.ok(gauges["queue"]! >= 0);

		cloud.shadows.desire(ID, { dies: true });
		world.run(() => lamp.crashes.length === 1, { within: SETTLE });
		cloud.shadows.desire(ID, { dies: null });
		world.run(() => cloud.reports.reports(ID, "crash").length === 1, { within: SETTLE });
		const { vitals, message, version, boot: crashed } = cloud.reports.reports(ID, "crash")[0]!.report as unknown as Record<string, unknown>;
		assert.deepEqual([message, version, crashed], ["Error: dies", "1.0.0", 1]);
		const { activity, inside, connected, uptime } = vitals as Record<string, unknown>;
		// Something was desired of it the moment before.
		assert.ok(uptime as number >= PERIOD && uptime as number < PERIOD + 60_000, `uptime ${String(uptime)}`);
		assert.deepEqual([activity, inside, connected], ["onDelta", true, true]);

		assert.equal(device!.consecutiveCrashes, 1);
		world.run(() => beats().length === 2, { within: SETTLE });
		world.run(() => device!.consecutiveCrashes === 0, { within: SETTLE });
		const second = beats()[1]!;
		assert.deepEqual([second.number, second.boot, second.gauges["crashes"], second.gauges["crashFreeHours"]], [2, 2, 1, 0]);
		world.network.down();
		world.advance(3.5 * PERIOD);
		world.network.up();
		world.run(() => beats().length >= 6, { within: SETTLE });
		assert.deepEqual(beats().map(({ number }) => number), [1, 2, 3, 4, 5, 6], "kept while there was no network");
		assert.ok(beats().slice(3).some(({ counters }) => counters["reconnects"]! > 0));
	});
}
