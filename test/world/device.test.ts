// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { BLOCK_LENGTH, createWorld, type Device, type World } from "../../hosts/world/index.js";
import type { Host, ResetReason, Stream } from "../../src/host.js";
import { bytes, connect, createScene, PORT, SERVER } from "./scene.js";

const text = (value: string) => Uint8Array.from(value, letter => letter.charCodeAt(0));

/** A world whose device runs `program`; `boots` has the reset reason of each boot. */
function start(
	program: (host: Host, boot: number) => void | { close?(): void }, bootDelay?: number,
): { world: World; device: Device; boots: ResetReason[] } {
	const world = createWorld({ seed: 1 }), boots: ResetReason[] = [];
	const device = world.device({
		id: "lamp", bootDelay, partitions: { data: BLOCK_LENGTH }, storage: { identity: { id: "lamp", key: Uint8Array.of(1, 2) } },
		program: host => program(host, boots.push(host.system.resetReason)),
	});
	return { world, device, boots };
}

test("a device boots after its delay, with what the factory wrote", () => {
	let id: Uint8Array | undefined;
	const { world, device, boots } = start(host => void (id = host.storage.open({ path: "identity" }).read("id")), 1234);
	assert.throws(() => device.host, { code: "state" });
	world.run(1233);
	assert.equal(device.running, false);
	world.run(1234);
	assert.deepEqual(boots, ["power-on"]);
	assert.deepEqual(id, text("lamp"));
	assert.equal(device.operations, 0);
});

test("nothing of a dead boot is ever called again", () => {
	let late = 0;
	const { world, device, boots } = start((host, boot) => {
		if (boot > 1) return;
		const count = () => void late++;
		host.timer.set(count, 1000);
		host.timer.repeat(count, 600);
		new host.tcp.io({ address: SERVER, port: PORT, onWritable: count, onReadable: count, onError: count });
		const udp = new host.udp.io({ port: 5683, onReadable: count });
		udp.write(bytes(1), device.address, 5683);
		new host.dns.io().resolve({ host: "nowhere.test", onResolved: count, onError: count });
		host.timer.set(() => device.cutPower(), 0);
	});
	world.network.listen({ address: SERVER, port: PORT }, incoming => {
		const stream: Stream = incoming.accept({ onWritable: () => void stream.write(bytes(10)) });
	});
	world.advance(60_000);
	assert.deepEqual(boots, ["power-on", "power-on"]);
	assert.equal(late, 0);
	assert.deepEqual(device.crashes, []);
});

test("a program that catches everything is unwound all the same", () => {
	let caught = 0, after = 0;
	const { world, device, boots } = start((host, boot) => {
		if (boot > 1) return;
		const data = host.flash.open({ path: "data" }), domain = host.storage.open({ path: "state" });
		const stream = new host.tcp.io({ address: SERVER, port: 1 });
		const handle = host.timer.set(() => {}, 1), udp = new host.udp.io({}), dns = new host.dns.io();
		const calls: (() => void)[] = [
			() => data.write(bytes(4), 0), () => data.write(bytes(4), 8), () => data.read(bytes(1), 0), () => data.eraseBlock(0),
			() => domain.write("a", bytes(1)), () => domain.read("a"), () => domain.delete("a"), () => domain.keys(),
			() => host.flash.open({ path: "data" }), () => host.storage.open({ path: "state" }),
			() => host.timer.set(() => {}, 1), () => host.timer.clear(handle),
			() => host.time.now(), () => host.time.wall(), () => host.random(bytes(1)), () => host.trace("alive"), () => host.system.restart(),
			() => stream.write(bytes(1)), () => udp.read(bytes(1)),
			() => dns.resolve({ host: "a.test", onResolved() {}, onError() {} }), () => new host.udp.io({}), () => new host.dns.io(),
			() => new host.tcp.io({ address: SERVER, port: 1 }), () => host.crypto.digest("SHA-256"),
		];
		for (const call of calls) {
			try {
				call();
				after++;
			} catch {
				caught++;
			}
		}
		assert.equal(caught, calls.length);
		for (const closable of [data, domain, stream, udp, dns]) closable.close();
		throw new Error("thrown by a dead program");
	});
	device.cutPowerAt(1, "none");
	world.advance(10_000);
	assert.equal(after, 0);
	assert.equal(caught, 24);
	assert.deepEqual(boots, ["power-on", "power-on"]);
	assert.deepEqual(device.crashes, [], "what a dead program throws is no crash");
	assert.ok(device.flash.partition("data").bytes.every(byte => byte === 0xff));
	assert.equal(world.log.tail().some(({ kind }) => kind === "trace"), false);
});

test("restart does not return, keeps flash and storage, and says so to the next boot", () => {
	const marks: (number | undefined)[] = [];
	let returned = false;
	const { world, boots } = start((host, boot) => {
		const domain = host.storage.open({ path: "state" });
		marks.push(domain.read("boot")?.[0]);
		domain.write("boot", Uint8Array.of(boot));
		if (boot > 2) return;
		host.system.restart();
		returned = true;
	});
	world.advance(60_000);
	assert.deepEqual(boots, ["power-on", "software", "software"]);
	assert.deepEqual(marks, [undefined, 1, 2]);
	assert.equal(returned, false);
});

test("an exception that leaves the program or a callback is a crash: noted, and the device boots again", () => {
	const { world, device, boots } = start((host, boot) => {
		if (boot === 1) throw new Error("at the start");
		if (boot === 2) host.timer.set(() => { throw new Error("in a timer"); }, 100);
		if (boot === 3) new host.tcp.io({ address: SERVER, port: 1, onError() { throw new Error("in a socket"); } });
	});
	world.advance(60_000);
	assert.deepEqual(device.crashes.map(({ error }) => (error as Error).message), ["at the start", "in a timer", "in a socket"]);
	assert.deepEqual(boots, ["power-on", "exception", "exception", "exception"]);
	assert.ok(device.crashes[0]!.time < device.crashes[1]!.time);
});

test("a program that always crashes boots for ever, and only its last crashes are kept", () => {
	const { world, device } = start(() => { throw new Error("always"); }, 10);
	world.advance(1000);
	assert.equal(device.boots, 100);
	assert.equal(device.crashes.length, 32);
});

test("power stays off until it comes back", () => {
	let ticks = 0;
	const { world, device, boots } = start(host => void host.timer.repeat(() => void ticks++, 100));
	world.advance(5000);
	device.powerOff();
	device.cutPower();
	device.restart();
	const before = ticks;
	world.advance(60_000);
	assert.equal(ticks, before);
	device.powerOn();
	device.powerOn();
	world.advance(5000);
	assert.ok(ticks > before);
	assert.deepEqual(boots, ["power-on", "power-on"]);
});

test("close ends a program in good order, and then nothing runs", () => {
	let closed = 0, ticks = 0;
	const { world, device } = start(host => {
		const timer = host.timer.repeat(() => void ticks++, 100);
		return {
			close() {
				host.timer.clear(timer);
				closed++;
			},
		};
	});
	world.advance(1000);
	device.close();
	device.close();
	const before = ticks;
	world.advance(10_000);
	assert.equal(closed, 1);
	assert.equal(ticks, before);
	assert.equal(device.running, false);
});

test("monotonic time begins anew at each boot, random numbers do not", () => {
	const times: number[] = [], random: string[] = [];
	const { world } = start((host, boot) => {
		times.push(host.time.now());
		const target = new Uint8Array(16);
		host.random(target);
		random.push(target.join());
		if (boot < 3) host.timer.set(() => host.system.restart(), 1000);
	});
	world.advance(10_000);
	assert.deepEqual(times, [0, 0, 0]);
	assert.equal(new Set(random).size, 3);
});

test("a reset tells no peer; what the peer sends afterwards is answered with a reset", () => {
	const scene = createScene({ seed: 1 }), { world, device } = scene, { server } = connect(scene);
	device.cutPower();
	world.advance(60_000);
	assert.deepEqual(server.events, ["writable 5744"]);
	server.stream!.write(bytes(1));
	world.advance(1000);
	assert.equal(server.error?.code, "closed");
});

test("what a peer sends while the device has no power is answered when it has", () => {
	const scene = createScene({ seed: 1 }), { world, device } = scene, { server } = connect(scene);
	device.powerOff();
	server.stream!.write(bytes(1));
	world.advance(600_000);
	assert.deepEqual(server.events, ["writable 5744"]);
	device.powerOn();
	world.advance(5000);
	assert.equal(server.error?.code, "closed");
});

test("of what a dying device had sent, a beginning arrives: all, some or nothing", () => {
	const counts = new Set<number>();
	for (let seed = 0; seed < 60; seed++) {
		const scene = createScene({ seed }), { world, device } = scene, { client, server } = connect(scene);
		for (let index = 0; index < 4; index++) client.stream!.write(bytes(10, index * 10));
		device.cutPower();
		world.advance(10_000);
		assert.deepEqual(server.received, [...bytes(server.received.length)]);
		counts.add(server.received.length);
	}
	assert.deepEqual([...counts].sort((one, other) => one - other), [0, 10, 20, 30, 40]);
});

test("digests are those that the world was given", () => {
	assert.throws(() => createScene({ seed: 1 }).host.crypto.digest("SHA-256"), { code: "unsupported" });
	const asked: string[] = [], digest = { update() {}, digest: () => bytes(32) };
	const { host } = createScene({ seed: 1, digest: algorithm => (asked.push(algorithm), digest) });
	assert.equal(host.crypto.digest("SHA-256"), digest);
	assert.deepEqual(asked, ["SHA-256"]);
});

test("each device has an identifier and an address of its own", () => {
	const world = createWorld({ seed: 1 }), ids = new Set<string>(), addresses = new Set<string>();
	for (let index = 0; index < 300; index++) {
		addresses.add(world.device({ id: `lamp-${index}`, program: host => void ids.add(host.system.identifier) }).address);
	}
	assert.throws(() => world.device({ id: "lamp-7", program() {} }), { code: "argument" });
	world.advance(1000);
	assert.equal(ids.size, 300);
	assert.equal(addresses.size, 300);
});
