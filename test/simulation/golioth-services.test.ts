// SPDX-License-Identifier: Apache-2.0
/** Golioth's services beside the state: calls, settings, the stream, and errors of the cloud's, in a world. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { goliothIdentityValues } from "../../hosts/simulator/clouds/golioth/identity.js";
import { GoliothWorldCloud } from "../../hosts/simulator/clouds/golioth/world.js";
import { createWorld } from "../../hosts/world/index.js";
import { golioth } from "../../src/clouds/golioth/index.js";
import { Device, type DeviceOptions } from "../../src/device.js";
import { model, number } from "../../src/shadow/model.js";

const ID = "lamp";
const MINUTE = 60_000;

function scene(seed: number, options: Partial<DeviceOptions> = {}, onBoot: (device: Device) => void = () => {}) {
	const world = createWorld({ seed });
	const cloud = new GoliothWorldCloud(world, { indefinite: seed % 2 === 0 });
	const errors: string[] = [];
	let device: Device | undefined;
	world.device({
		id: ID, storage: { identity: goliothIdentityValues(cloud.manufacture(ID)) },
		program: (host) => {
			device = new Device({ host, cloud: golioth(), onError: ({ code, message }) => errors.push(`${code} ${message}`), ...options });
			onBoot(device);
		},
	});
	world.run(() => device?.connected === true, { within: MINUTE });
	return { world, cloud, errors, get device(): Device { return device!; } };
}

test("a call is carried out once, whatever the network does to it, and its answer heard", () => {
	for (let seed = 1; seed <= 30; seed++) {
		const done: unknown[] = [];
		const { world, cloud } = scene(seed, {
			onCommand: (command) => {
				const { method, params } = command.payload as { method: string; params: unknown };
				done.push(params);
				if (method === "add") command.succeed({ ok: true });
				else command.reject("NOT_FOUND");
			},
		});
		world.network.lose(0.25);
		world.network.duplicate(0.25);
		world.network.reorder(0.25);
		const calls = Array.from({ length: 8 }, (_, index) => cloud.rpc.call(ID, index === 7 ? "sub" : "add", [index, 1.5], { timeout: 30 * MINUTE }));
		world.run(() => calls.every(({ statusCode }) => statusCode !== undefined), { within: 30 * MINUTE });
		assert.deepEqual(done, calls.map(({ params }) => params), `seed ${seed}`);
		assert.deepEqual(calls.map(({ statusCode }) => statusCode), [0, 0, 0, 0, 0, 0, 0, 5], `seed ${seed}`);
	}
});

test("a call to a device that is not there is over in time", () => {
	const { world, cloud } = scene(1, { onCommand: (command) => command.succeed() });
	world.network.down();
	const call = cloud.rpc.call(ID, "add");
	world.advance(10_000);
	assert.equal(call.statusCode, 4);
});

test("settings are applied and confirmed with their version, through losses and restarts", () => {
	for (let seed = 1; seed <= 20; seed++) {
		const applied: number[] = [];
		const { world, cloud } = scene(seed, {}, (device) => {
			device.shadow("settings", {
				model: model({ LOOP_S: number() }),
				onDelta(delta) {
					applied.push(delta.LOOP_S!);
					this.report(delta);
				},
			});
		});
		world.network.lose(0.2);
		cloud.settings.set(ID, { LOOP_S: 10 });
		world.run(() => cloud.settings.isInSync(ID), { within: 30 * MINUTE });
		if (seed % 2 === 0) cloud.restart(10_000);
		cloud.settings.set(ID, { LOOP_S: 20 });
		world.run(() => cloud.settings.isInSync(ID), { within: 30 * MINUTE });
		cloud.settings.set(ID, { LOOP_S: 20, WHAT: 1 });
		world.run(() => cloud.settings.report(ID)?.errors["WHAT"] === 1, { within: 30 * MINUTE });
		assert.deepEqual(applied, [10, 20], `seed ${seed}`);
	}
});

test("messages of the program's own arrive in the stream", () => {
	const { world, cloud, device } = scene(1);
	device.publish("env/temp", `{"c":21}`, { qos: 1 });
	device.publish("raw", Uint8Array.of(1, 2, 3));
	world.advance(1_000);
	assert.deepEqual(cloud.stream.messages.map(({ path }) => path).sort(), ["env/temp", "raw"]);
	assert.deepEqual({ ...cloud.stream.messages.find(({ path }) => path === "env/temp")!.value as object }, { c: 21 });
});

test("a cloud that refuses for a while, or says that it is too much, is asked again", () => {
	for (const code of ["5.03", "4.29"]) {
		const { world, cloud, errors, device } = scene(1);
		cloud.faults.add({ code, count: 5 });
		device.report({ on: true });
		world.run(() => device.inSync, { within: 60 * MINUTE });
		assert.deepEqual(cloud.state.get(ID, "reported"), { on: true });
		assert.ok(errors.every((error) => error.startsWith("rejected")), errors.join());
	}
});

test("a stranger is told so, and the device tells its program", () => {
	const world = createWorld({ seed: 1 });
	const cloud = new GoliothWorldCloud(world);
	const errors: string[] = [];
	const values = goliothIdentityValues(cloud.manufacture(ID));
	cloud.registry.remove(ID);
	world.device({
		id: ID, storage: { identity: values },
		program: (host) => new Device({ host, cloud: golioth(), onError: ({ message }) => errors.push(message) }),
	});
	world.advance(MINUTE);
	assert.equal(errors[0], "the cloud refused the greeting with 4.01");
});
