// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../hosts/world/index.js";
import { bytes, connect, createScene, PORT, Recorder, SERVER, type Link, type Scene } from "./scene.js";

/** Sends random pieces whenever there is room, and reads in random pieces; both until `total` bytes were echoed. */
function exchange(scene: Scene, total: number, onConnected = () => {}): Link {
	const { world, host } = scene, random = new Random(`${world.seed} exchange`);
	const { client, server } = connect(scene, false);
	onConnected();
	let sent = 0;
	const pump = host.timer.repeat(() => {
		if (client.available > 0) client.take(random.between(1, client.available));
		if (client.error !== undefined || sent === total) return;
		const count = Math.min(total - sent, random.between(0, client.stream!.write(new Uint8Array(0))));
		client.stream!.write(bytes(count, sent));
		sent += count;
	}, 20);
	const echo = world.timer.repeat(() => {
		const room = server.error === undefined ? server.stream!.write(new Uint8Array(0)) : 0, count = random.between(0, Math.min(server.available, room));
		if (count === 0) return;
		const from = server.received.length;
		server.take(count);
		server.stream!.write(Uint8Array.from(server.received.slice(from)));
	}, 30);
	world.run(() => client.received.length >= total || client.error !== undefined, { within: 7_200_000 });
	host.timer.clear(pump);
	world.timer.clear(echo);
	return { client, server };
}

test("bytes arrive whole and in order under loss, jitter, splits and slow readers, for many seeds", () => {
	for (let seed = 0; seed < 150; seed++) {
		const scene = createScene({ seed, window: seed % 3 === 0 ? 61 : 2048 });
		scene.world.network.delay(1, 80);
		scene.world.network.lose(0.1);
		scene.world.network.split(0.5);
		const { client, server } = exchange(scene, seed % 3 === 0 ? 2000 : 10_000), expected = bytes(client.received.length);
		assert.equal(client.error, undefined, `seed ${seed}`);
		assert.deepEqual(Uint8Array.from(client.received), expected, `seed ${seed}`);
		assert.deepEqual(Uint8Array.from(server.received), expected, `seed ${seed}`);
		assert.deepEqual(scene.device.crashes, []);
	}
});

test("bytes arrive whole and in order over a link that flaps faster than packets travel, for many seeds", () => {
	for (let seed = 0; seed < 60; seed++) {
		const scene = createScene({ seed, window: 100 }), { network } = scene.world;
		network.delay(1, 300);
		network.split(0.3);
		const address = seed % 2 === 0 ? scene.device.address : undefined;
		const { client } = exchange(scene, 1000, () => void network.flap({ address, up: [20, 600], down: [5, 200] }));
		assert.equal(client.error, undefined, `seed ${seed}`);
		assert.deepEqual(Uint8Array.from(client.received), bytes(client.received.length), `seed ${seed}`);
	}
});

test("a write is all or nothing: one byte too many changes nothing", () => {
	const scene = createScene({ seed: 1, window: 100 }), { client, server } = connect(scene);
	assert.equal(client.room, 100);
	assert.throws(() => client.stream!.write(bytes(101)), { code: "full" });
	assert.equal(client.stream!.write(bytes(100)), 0);
	assert.throws(() => client.stream!.write(bytes(1)), { code: "full" });
	scene.world.advance(1000);
	assert.deepEqual(server.received, [...bytes(100)]);
});

test("room comes back as the peer reads, and not before", () => {
	const scene = createScene({ seed: 1, window: 100 }), { client, server } = connect(scene, false);
	client.stream!.write(bytes(100));
	scene.world.advance(60_000);
	assert.deepEqual(client.events, ["writable 100"]);
	server.take(30);
	scene.world.advance(1000);
	assert.equal(client.events.at(-1), "writable 30");
	assert.equal(client.stream!.write(bytes(30)), 0);
});

test("the source may be reused at once", () => {
	const scene = createScene({ seed: 1 }), { client, server } = connect(scene), source = bytes(5);
	client.stream!.write(source);
	source.fill(0xee);
	scene.world.advance(1000);
	assert.deepEqual(server.received, [0, 1, 2, 3, 4]);
});

test("reading is refused for nothing and for more than was announced", () => {
	const scene = createScene({ seed: 1 }), { client, server } = connect(scene, false);
	assert.throws(() => server.stream!.read(new Uint8Array(1)), { code: "argument" });
	client.stream!.write(bytes(10));
	scene.world.advance(1000);
	assert.throws(() => server.stream!.read(new Uint8Array(0)), { code: "argument" });
	assert.throws(() => server.stream!.read(new Uint8Array(11)), { code: "argument" });
	assert.equal(server.stream!.read(new Uint8Array(4)), 4);
	assert.throws(() => server.stream!.read(new Uint8Array(7)), { code: "argument" });
	assert.equal(server.stream!.read(new Uint8Array(6)), 6);
});

test("splits cut writes into pieces; without the fault a write arrives as it was", () => {
	const count = (probability: number) => {
		const scene = createScene({ seed: 5 }), { client, server } = connect(scene);
		scene.world.network.split(probability);
		client.stream!.write(bytes(500));
		scene.world.advance(5000);
		assert.deepEqual(server.received, [...bytes(500)]);
		return server.events.filter(event => event.startsWith("readable")).length;
	};
	assert.equal(count(0), 1);
	assert.ok(count(1) > 1);
});

test("the end comes once, is the last, and leaves what is unread to be read", () => {
	const scene = createScene({ seed: 1 }), { client, server } = connect(scene, false);
	server.stream!.write(bytes(10));
	server.stream!.close();
	scene.world.advance(1000);
	client.take(4);
	client.take();
	scene.world.advance(1000);
	assert.deepEqual(client.received, [...bytes(10)]);
	assert.deepEqual(client.events, ["writable 5744", "readable 10", "error closed"]);
	assert.throws(() => client.stream!.write(bytes(1)), { code: "state" });
	assert.throws(() => client.stream!.read(new Uint8Array(1)), { code: "argument" });
	client.stream!.close();
	client.stream!.close();
	assert.throws(() => client.stream!.read(new Uint8Array(1)), { code: "state" });
	scene.world.advance(60_000);
	assert.equal(client.events.length, 3);
});

test("close is silent on this side, closes the other, and nothing works after it", () => {
	const scene = createScene({ seed: 1 }), { client, server } = connect(scene);
	server.stream!.write(bytes(100));
	client.stream!.close();
	client.stream!.close();
	scene.world.advance(60_000);
	assert.deepEqual(client.events, ["writable 5744"]);
	assert.equal(server.error?.code, "closed");
	assert.throws(() => client.stream!.write(bytes(1)), { code: "state" });
	assert.throws(() => client.stream!.read(new Uint8Array(1)), { code: "state" });
});

test("a close before the connection is made leaves nothing behind", () => {
	const { world, host } = createScene({ seed: 1 }), client = new Recorder(), server = new Recorder();
	world.network.listen({ address: SERVER, port: PORT }, incoming => void (server.stream = incoming.accept(server.callbacks)));
	for (const wait of [0, 1, 10, 30, 50, 70]) {
		const stream = new host.tcp.io({ address: SERVER, port: PORT, ...client.callbacks });
		world.advance(wait);
		const events = client.events.length;
		stream.close();
		world.advance(1000);
		assert.equal(client.events.length, events);
	}
	assert.equal(world.network.connections.size, 0);
});

test("a port where nobody listens refuses, a connection not accepted too", () => {
	const { world, host } = createScene({ seed: 1 }), nobody = new Recorder(), refused = new Recorder();
	new host.tcp.io({ address: SERVER, port: 1, ...nobody.callbacks });
	world.network.listen({ address: SERVER, port: 2 }, () => {});
	new host.tcp.io({ address: SERVER, port: 2, ...refused.callbacks });
	world.advance(1000);
	assert.deepEqual(nobody.events, ["error unreachable"]);
	assert.deepEqual(refused.events, ["error unreachable"]);
});

test("a black hole times out, and connects when it opens in time", () => {
	const scene = createScene({ seed: 1 }), { world, host } = scene, client = new Recorder();
	world.network.blackHole(SERVER);
	new host.tcp.io({ address: SERVER, port: PORT, ...client.callbacks });
	world.advance(29_000);
	assert.deepEqual(client.events, []);
	world.advance(2000);
	assert.deepEqual(client.events, ["error timeout"]);
	const started = world.clock.now;
	world.timer.set(() => world.network.blackHole(SERVER, false), 5000);
	const link = connect(scene);
	assert.ok(link.client.connected && world.clock.now - started > 5000);
});

test("options are checked before anything is taken", () => {
	const { host } = createScene({ seed: 1 }), TCP = host.tcp.io;
	const good = { address: SERVER, port: PORT };
	const bad: object[] = [{ address: "broker.test" }, { address: "1.2.3" }, { address: "1.2.3.256" }, { port: 0 }, { port: 65536 }, { port: 1.5 },
		{ nodelay: 1 }, { onReadable: 1 }, { onError: null }];
	for (const wrong of bad) assert.throws(() => new TCP({ ...good, ...wrong } as never), { code: "argument" }, JSON.stringify(wrong));
	for (let index = 0; index < 16; index++) new TCP({ ...good, address: "2001:db8::1" });
	assert.throws(() => new TCP(good), { code: "full" }, "sockets are limited");
});
