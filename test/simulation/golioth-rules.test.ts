// SPDX-License-Identifier: Apache-2.0
/**
 * Fields with rules on a cloud without versions: device and operator change the same ones, through losses, restarts and
 * power cuts. In the end both sides say the same.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { goliothIdentityValues } from "../../hosts/simulator/clouds/golioth/identity.js";
import { GoliothWorldCloud } from "../../hosts/simulator/clouds/golioth/world.js";
import { createWorld } from "../../hosts/world/index.js";
import { golioth } from "../../src/clouds/golioth/index.js";
import { Device } from "../../src/device.js";
import { difference, equal, isEmpty, type JSONObject } from "../../src/shadow/document.js";
import { model, number } from "../../src/shadow/model.js";

const ID = "lamp";
const SEEDS = 60;
const TROUBLE = 600_000;
const RECOVERY = 900_000;
const MEMBERS = ["device", "last", "maximum", "cloud", "plain"] as const;
const SHAPE = model({
	device: number({ merge: "device" }), last: number({ merge: "last" }), maximum: number({ merge: "maximum" }),
	cloud: number({ merge: "cloud" }), plain: number(),
});

function lives(seed: number): void {
	const world = createWorld({ seed });
	const cloud = new GoliothWorldCloud(world);
	const { random, network, timer } = world;
	const errors: string[] = [];
	let program: Device<typeof SHAPE> | undefined;
	const device = world.device({
		id: ID, storage: { identity: goliothIdentityValues(cloud.manufacture(ID)) },
		program: (host) => {
			program = new Device({
				host, model: SHAPE, cloud: golioth({ keepAlive: 30_000, format: seed % 2 === 0 ? "json" : "cbor" }),
				onDelta(delta) {
					this.report(delta);
				},
				onError: ({ message }) => { errors.push(message); },
			});
		},
	});
	network.delay(1, random.between(5, 300));
	network.lose(random.between(0, 25) / 100);
	network.duplicate(0.1);
	network.reorder(0.1);
	const at = (probability: number, action: () => void) => {
		if (random.chance(probability)) timer.set(action, random.between(1, TROUBLE - 1));
	};
	const member = () => MEMBERS[random.between(0, MEMBERS.length - 1)]!;
	for (let index = 0; index < 10; index++) {
		at(1, () => cloud.state.set(ID, `desired/${member()}`, random.between(0, 99)));
		at(1, () => { if (device.running) program?.report({ [member()]: random.between(0, 99) }); });
	}
	at(0.5, () => cloud.restart(random.between(100, 60_000)));
	at(0.5, () => device.cutPower());
	world.run(TROUBLE);
	network.calm();
	cloud.start();
	const section = (name: string) => (cloud.state.get(ID, name) ?? {}) as JSONObject;
	world.run(() => {
		return program!.inSync && isEmpty(difference(section("desired"), section("reported"))) && equal(section("reported"), program!.reported as JSONObject);
	}, { within: RECOVERY });
	assert.deepEqual(errors, [], `seed ${seed}`);
	assert.deepEqual(device.crashes, [], `seed ${seed}`);
}

test("device and operator agree on every field, whoever changed it", () => {
	for (let seed = 1; seed <= SEEDS; seed++) lives(seed);
});
