// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { BLOCK_LENGTH, createWorld, type World, type WorldEvent } from "../../hosts/world/index.js";
import type { Stream } from "../../src/host.js";
import { bytes, SERVER } from "./scene.js";

const PORT = 8883;
/** Of `live(1)`. It changes when the model changes; it must not change with the engine. */
const FINGERPRINT = "71522ebc15ee8090";

/** A lively scenario: a device that connects with TLS, writes flash, is cut, flapped and disturbed. */
function live(seed: number, onEvent?: (event: WorldEvent) => void): World {
	const world = createWorld({ seed, onEvent }), { network, authority } = world, credentials = authority.issue({ subject: "broker.test" });
	network.lose(0.1);
	network.split(0.3);
	network.duplicate(0.1);
	network.reorder(0.1);
	network.name("broker.test", SERVER);
	network.flap({ up: [5000, 20_000], down: [500, 3000], kill: 0.5 });
	network.listen({ address: SERVER, port: PORT, tls: credentials }, incoming => {
		const stream: Stream = incoming.accept({
			onReadable(count) {
				stream.read(new Uint8Array(count));
				stream.write(bytes(Math.min(count, 40)));
			},
			onError: () => stream.close(),
		});
	});
	const device = world.device({
		id: "lamp", partitions: { data: 16 * BLOCK_LENGTH },
		program(host) {
			const data = host.flash.open({ path: "data" }), dns = new host.dns.io(), noise = new Uint8Array(40);
			let offset = 0;
			const open = () => dns.resolve({ host: "broker.test", onResolved: (name, address) => dial(name, address), onError: again });
			const again = () => void host.timer.set(open, 1000);
			const dial = (name: string, address: string) => {
				let timer: object | undefined;
				const stream = new host.tls.io({
					address, port: PORT, host: name, secure: { certificates: [authority.certificate] },
					onWritable: () => {
						timer ??= host.timer.repeat(() => {
							host.random(noise);
							if (stream.write(new Uint8Array(0)) >= 40) stream.write(noise);
						}, 700);
					},
					onReadable(count) {
						stream.read(new Uint8Array(count));
						data.write(noise, offset = (offset + 64) % data.size);
						host.trace(`kept ${count}`);
					},
					onError() {
						host.timer.clear(timer);
						stream.close();
						again();
					},
				});
			};
			open();
		},
	});
	for (const operation of [5, 17, 40]) device.cutPowerAt(operation);
	world.run(120_000);
	assert.deepEqual(device.crashes, []);
	assert.ok(device.boots >= 2 && device.operations > 10, `seed ${seed}: ${device.boots} boots, ${device.operations} operations`);
	return world;
}

test("the same seed gives the same run, another seed another", () => {
	const prints = new Set<string>();
	for (let seed = 0; seed < 30; seed++) {
		const one = live(seed), other = live(seed);
		assert.equal(one.fingerprint, other.fingerprint, `seed ${seed}`);
		assert.equal(one.log.total, other.log.total);
		assert.deepEqual(one.log.tail(), other.log.tail());
		prints.add(one.fingerprint);
	}
	assert.equal(prints.size, 30);
});

test("the fingerprint is the same on every engine", () => {
	assert.equal(live(1).fingerprint, FINGERPRINT);
});

test("one event more or less changes the fingerprint, listening to events does not", () => {
	const events: WorldEvent[] = [], world = live(4, event => events.push(event));
	assert.equal(world.fingerprint, live(4).fingerprint);
	assert.equal(events.length, world.log.total);
	assert.deepEqual(events.slice(-20), world.log.tail(20));
	world.log.add("extra", "lamp", 0);
	assert.notEqual(world.fingerprint, live(4).fingerprint);
});

test("the log keeps the last events only", () => {
	const world = createWorld({ seed: 1 });
	for (let index = 0; index < 5000; index++) world.log.add("note", "test", index);
	const tail = world.log.tail();
	assert.equal(tail.length, 512);
	assert.equal(tail[0]!.count, 5000 - 512);
	assert.equal(tail.at(-1)!.count, 4999);
	assert.deepEqual(world.log.tail(2).map(({ count }) => count), [4998, 4999]);
});

test("a livelock fails with the seed and the last events instead of hanging", () => {
	const world = createWorld({ seed: "livelock" });
	world.device({ id: "lamp", program: host => { const spin = () => void host.timer.set(spin, 0); spin(); } });
	assert.throws(() => world.run(1000, { steps: 500 }), /seed livelock.*500 steps[^]*timer lamp/);
	assert.throws(() => world.run(() => false, { steps: 500 }), /500 steps/);
});

test("a condition that cannot come true fails by time, or when nothing is left to happen", () => {
	const world = createWorld({ seed: 1 });
	assert.throws(() => world.run(() => false), /nothing is left/);
	const timer = world.timer.repeat(() => {}, 1000);
	assert.throws(() => world.run(() => false, { within: 10_000 }), /within 10000 ms/);
	assert.equal(world.clock.now, 10_000);
	world.timer.clear(timer);
});

test("a condition is asked before the first and after every step", () => {
	const world = createWorld({ seed: 1 });
	assert.equal(world.run(() => true), 0);
	let count = 0;
	world.timer.repeat(() => void count++, 10);
	assert.equal(world.run(() => count === 5), 5);
	assert.equal(world.clock.now, 50);
});

test("an exception on the world's own side ends the run, and the world can go on", () => {
	const world = createWorld({ seed: 1 });
	let later = false;
	world.timer.set(() => { throw new Error("cloud"); }, 10);
	world.timer.set(() => void (later = true), 20);
	assert.throws(() => world.advance(100), /cloud/);
	world.advance(100);
	assert.ok(later);
});

test("a world does not run inside itself", () => {
	const world = createWorld({ seed: 1 });
	let code: unknown;
	world.timer.set(() => {
		try {
			world.advance(1);
		} catch (error) {
			code = (error as { code: unknown }).code;
		}
	}, 1);
	world.advance(10);
	assert.equal(code, "state");
});
