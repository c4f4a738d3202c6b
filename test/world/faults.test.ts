// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, connect, createScene, PORT, Recorder, SERVER } from "./scene.js";

test("latency lies between its bounds", () => {
	const scene = createScene({ seed: 1 }), { world } = scene, { client, server } = connect(scene);
	world.network.delay(100, 200);
	for (let round = 0; round < 50; round++) {
		const sent = world.clock.now, before = server.received.length;
		client.stream!.write(bytes(1));
		world.run(() => server.received.length > before);
		const took = world.clock.now - sent;
		assert.ok(took >= 100 && took <= 200, `${took}`);
	}
});

test("loss delays a stream and, when total, ends it with a time-out", () => {
	const scene = createScene({ seed: 1 }), { world } = scene, { client, server } = connect(scene);
	world.network.lose(0.5);
	const began = world.clock.now;
	for (let round = 0; round < 20; round++) {
		client.stream!.write(bytes(1));
		world.run(() => server.received.length > round);
	}
	assert.ok(world.clock.now - began > 20 * 40, "slower than without loss");
	world.network.lose(1);
	client.stream!.write(bytes(1));
	world.advance(3_600_000);
	assert.equal(client.error?.code, "timeout");
	assert.equal(server.error, undefined, "the server never hears of it");
});

test("a link that is down holds streams up and lets them go on", () => {
	const scene = createScene({ seed: 1 }), { world, device } = scene, { client, server } = connect(scene);
	client.stream!.write(bytes(10));
	world.network.down(device.address);
	server.stream!.write(bytes(20));
	world.advance(600_000);
	assert.equal(client.received.length + server.received.length, 0);
	world.network.up(device.address);
	world.advance(5000);
	assert.deepEqual(server.received, [...bytes(10)]);
	assert.deepEqual(client.received, [...bytes(20)]);
	assert.equal(client.stream!.write(new Uint8Array(0)), 5744, "acknowledgements came through as well");
});

test("without a link there is no route and no name", () => {
	const { world, host } = createScene({ seed: 1 }), client = new Recorder(), answers: string[] = [];
	world.network.name("broker.test", SERVER);
	world.network.down();
	new host.tcp.io({ address: SERVER, port: PORT, ...client.callbacks });
	new host.dns.io().resolve({ host: "broker.test", onResolved: () => answers.push("resolved"), onError: error => answers.push(error.code) });
	world.advance(60_000);
	assert.deepEqual(client.events, ["error unreachable"]);
	assert.deepEqual(answers, ["unreachable"]);
});

test("a link that kills ends the local streams; the peer learns of it when it sends", () => {
	const scene = createScene({ seed: 1 }), { world, device } = scene, { client, server } = connect(scene);
	world.network.down(device.address, { kill: true });
	assert.equal(client.events.length, 1, "not from inside the call");
	world.advance(1000);
	assert.equal(client.error?.code, "closed");
	client.stream!.close();
	world.network.up(device.address);
	world.advance(60_000);
	assert.equal(server.events.length, 1);
	server.stream!.write(bytes(1));
	world.advance(1000);
	assert.equal(server.error?.code, "closed");
});

test("half-open: writes go nowhere until the window is full, and nobody is told, not even of a close", () => {
	const scene = createScene({ seed: 1, window: 100 }), { world } = scene, { client, server } = connect(scene);
	world.network.halfOpen(server.stream);
	client.stream!.write(bytes(60));
	world.advance(3_600_000);
	assert.equal(client.stream!.write(bytes(40)), 0);
	client.stream!.close();
	world.advance(3_600_000);
	assert.deepEqual(server.events, ["writable 100"]);
	assert.equal(client.error, undefined);
});

test("half-open and reset reach only their target", () => {
	const scene = createScene({ seed: 1 }), { world } = scene;
	const one = connect(scene, true, 1), two = connect(scene, true, 2), three = connect(scene, true, 3);
	world.network.halfOpen(one.client.stream);
	world.network.reset(two.server.stream);
	for (const { client } of [one, three]) client.stream!.write(bytes(3));
	world.advance(10_000);
	assert.equal(one.server.received.length, 0);
	assert.deepEqual([two.client.error?.code, two.server.error?.code], ["closed", "closed"]);
	assert.equal(three.server.received.length, 3);
	world.network.reset(SERVER);
	world.advance(1000);
	assert.equal(three.client.error?.code, "closed");
});

test("flaps go on until stopped, within their bounds", () => {
	const { world, device } = createScene({ seed: 3 }), changes: [string, number][] = [];
	world.log.onEvent = ({ kind, time }) => {
		if (kind.startsWith("link.")) changes.push([kind, time]);
	};
	const stop = world.network.flap({ address: device.address, up: [1000, 2000], down: [10, 20] });
	const began = world.clock.now;
	world.advance(60_000);
	stop();
	const count = changes.length;
	assert.ok(count > 50);
	let before = began;
	for (const [kind, time] of changes.slice(0, -1)) {
		const [least, most] = kind === "link.down" ? [1000, 2000] : [10, 20];
		assert.ok(time - before >= least! && time - before <= most!, `${kind} ${time - before}`);
		before = time;
	}
	world.advance(60_000);
	assert.equal(changes.length, count);
	assert.equal(world.network.isDown(device.address), false);
});

test("calm ends all faults", () => {
	const scene = createScene({ seed: 1 }), { network } = scene.world;
	network.lose(1);
	network.split(1);
	network.blackHole(SERVER);
	network.down();
	network.down(SERVER);
	network.calm();
	const { client, server } = connect(scene);
	client.stream!.write(bytes(100));
	scene.world.advance(100);
	assert.deepEqual(server.events.slice(1), ["readable 100"]);
});

test("a probability outside 0 to 1 is refused", () => {
	const { network } = createScene({ seed: 1 }).world;
	for (const wrong of [-0.1, 1.1, NaN]) {
		assert.throws(() => network.lose(wrong), { code: "argument" });
		assert.throws(() => network.split(wrong), { code: "argument" });
	}
	assert.throws(() => network.delay(5, 1), { code: "argument" });
});
