// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Datagrams, Remote } from "../../src/host.js";
import { bytes, createScene, SERVER, type Scene } from "./scene.js";

/** Sends `count` numbered datagrams 50 ms apart. @returns the numbers in the order of arrival */
function send({ world, host }: Scene, count: number): number[] {
	const arrived: number[] = [], target = new Uint8Array(4), view = new DataView(target.buffer);
	const server: Datagrams = world.network.bind(SERVER, {
		port: 5683,
		onReadable() {
			while (server.read(target) === 4) arrived.push(view.getUint32(0));
		},
	});
	const client = new host.udp.io({}), source = new DataView(new ArrayBuffer(4));
	for (let index = 0; index < count; index++) {
		source.setUint32(0, index);
		client.write(new Uint8Array(source.buffer), SERVER, 5683);
		world.advance(50);
	}
	world.advance(5000);
	client.close();
	server.close();
	return arrived;
}

test("without faults every datagram arrives once and in order", () => {
	const scene = createScene({ seed: 1 });
	scene.world.network.delay(1, 400);
	assert.deepEqual(send(scene, 500), Array.from({ length: 500 }, (_, index) => index));
});

test("datagrams are lost, doubled and reordered at about the rate asked for", () => {
	const rate = (set: (scene: Scene) => void) => {
		const scene = createScene({ seed: 11 });
		set(scene);
		return send(scene, 2000);
	};
	const lossy = rate(({ world }) => world.network.lose(0.2));
	assert.ok(lossy.length > 1520 && lossy.length < 1680, `${lossy.length} of 2000 with 20 % loss`);
	const doubled = rate(({ world }) => world.network.duplicate(0.3));
	assert.ok(doubled.length > 2520 && doubled.length < 2680, `${doubled.length} of 2000 with 30 % doubled`);
	const mixed = rate(({ world }) => world.network.reorder(0.1));
	assert.equal(mixed.length, 2000);
	const late = mixed.filter((number, index) => index > 0 && number < mixed[index - 1]!).length;
	assert.ok(late > 100 && late < 300, `${late} of 2000 came late with 10 % reordered`);
});

test("a datagram tells its sender, keeps its bounds and can be answered", () => {
	const { world, host, device } = createScene({ seed: 1 }), remote: Remote = { address: "", port: 0 };
	const client = new host.udp.io({ port: 4000 }), server = world.network.bind(SERVER, { port: 5683 });
	const source = bytes(10);
	client.write(source, SERVER, 5683);
	source.fill(0);
	client.write(bytes(3), SERVER, 5683);
	world.advance(100);
	const target = new Uint8Array(8);
	assert.equal(server.read(target, remote), 8, "what does not fit is lost");
	assert.deepEqual([...target], [...bytes(8)]);
	assert.deepEqual(remote, { address: device.address, port: 4000 });
	assert.equal(server.read(target), 3);
	assert.equal(server.read(target), -1);
	server.write(bytes(2), remote.address, remote.port);
	world.advance(100);
	assert.equal(client.read(target), 2);
});

test("ports: chosen, taken, freed by close", () => {
	const { world, host } = createScene({ seed: 1 }), one = new host.udp.io({}), two = new host.udp.io({});
	assert.ok(one.port > 1024 && two.port > 1024 && one.port !== two.port);
	assert.throws(() => new host.udp.io({ port: one.port }), { code: "state" });
	one.close();
	one.close();
	assert.equal(new host.udp.io({ port: one.port }).port, one.port);
	assert.throws(() => one.write(bytes(1), SERVER, 1), { code: "state" });
	assert.throws(() => one.read(new Uint8Array(1)), { code: "state" });
	assert.throws(() => two.write(bytes(1), "name.test", 1), { code: "argument" });
	assert.throws(() => two.write(new Uint8Array(70_000), SERVER, 1), { code: "too-large" });
	two.write(bytes(1), SERVER, 9);
	world.advance(100);
});

test("a queue that is full loses what comes", () => {
	const { world, host } = createScene({ seed: 1 }), client = new host.udp.io({}), server = world.network.bind(SERVER, { port: 1 });
	for (let index = 0; index < 40; index++) client.write(bytes(1), SERVER, 1);
	world.advance(1000);
	let count = 0;
	while (server.read(new Uint8Array(1)) >= 0) count++;
	assert.equal(count, 32);
});

test("names are resolved, also moved ones; literals answer themselves; close drops what is under way", () => {
	const { world, host } = createScene({ seed: 1 }), answers: string[] = [], dns = new host.dns.io();
	const ask = (name: string) => dns.resolve({
		host: name,
		onResolved: (asked, address) => answers.push(`${asked} ${address}`),
		onError: error => answers.push(error.code),
	});
	world.network.name("Broker.test", SERVER);
	ask("broker.test");
	assert.deepEqual(answers, []);
	world.advance(1000);
	world.network.name("broker.test", "10.0.0.2");
	ask("broker.test");
	ask("192.0.2.7");
	ask("nowhere.test");
	world.advance(1000);
	assert.deepEqual(answers.sort(), ["192.0.2.7 192.0.2.7", "broker.test 10.0.0.1", "broker.test 10.0.0.2", "unreachable"].sort());
	world.network.forgetName("broker.test");
	ask("broker.test");
	dns.close();
	dns.close();
	world.advance(60_000);
	assert.equal(answers.length, 4);
	assert.throws(() => ask("broker.test"), { code: "state" });
	assert.throws(() => new host.dns.io().resolve({ host: "", onResolved() {}, onError() {} }), { code: "argument" });
});
