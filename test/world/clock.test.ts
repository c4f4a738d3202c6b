// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { createWorld, Random } from "../../hosts/world/index.js";
import { createScene } from "./scene.js";

test("timers run in the order of time, and of setting where times are equal", () => {
	const { world, host } = createScene({ seed: 1 }), order: string[] = [];
	const note = (name: string) => () => void order.push(`${name} ${host.time.now()}`);
	host.timer.set(note("c"), 20);
	host.timer.set(note("a"), 10);
	host.timer.set(note("b"), 10);
	host.timer.set(note("first"), 0);
	const start = host.time.now();
	world.advance(30);
	assert.deepEqual(order, [`first ${start}`, `a ${start + 10}`, `b ${start + 10}`, `c ${start + 20}`]);
});

test("thousands of timers, many cleared, run sorted and only if not cleared", () => {
	const { world, host } = createScene({ seed: 1 }), random = new Random(7);
	const set: [number, object][] = [], ran: number[] = [];
	for (let index = 0; index < 4000; index++) {
		const delay = random.between(0, 500);
		set.push([delay, host.timer.set(() => ran.push(delay), delay)]);
	}
	const due = set.filter(([, handle]) => {
		const clear = random.chance(0.6);
		if (clear) host.timer.clear(handle);
		return !clear;
	});
	world.advance(1000);
	assert.deepEqual(ran, due.map(([delay]) => delay).sort((one, other) => one - other));
});

test("a timer with a fraction never runs before its time", () => {
	const { world, host } = createScene({ seed: 1 }), start = host.time.now();
	let ran = 0;
	host.timer.set(() => void (ran = host.time.now()), 1.25);
	world.advance(10);
	assert.equal(ran - start, 2);
});

test("repeat repeats until cleared, also from inside its own callback", () => {
	const { world, host } = createScene({ seed: 1 });
	let count = 0;
	const handle = host.timer.repeat(() => {
		if (++count === 3) host.timer.clear(handle);
	}, 10);
	world.advance(1000);
	assert.equal(count, 3);
	host.timer.clear(handle);
	host.timer.clear(undefined);
});

test("timers refuse what they cannot do", () => {
	const { host } = createScene({ seed: 1 }), noop = () => {};
	for (const delay of [-1, NaN, 2 ** 31, Infinity]) assert.throws(() => host.timer.set(noop, delay), { code: "argument" });
	assert.throws(() => host.timer.repeat(noop, 0), { code: "argument" });
	assert.throws(() => host.timer.set(undefined as never, 1), { code: "argument" });
	assert.throws(() => host.timer.clear({}), { code: "argument" });
});

test("the wall clock runs, jumps both ways and can be unset; monotonic time and timers do not notice", () => {
	const { world, host } = createScene({ seed: 1, wall: 1_000_000 });
	const wall = host.time.wall()!, now = host.time.now();
	let ran = false;
	host.timer.set(() => void (ran = true), 100);
	world.advance(50);
	assert.equal(host.time.wall(), wall + 50);
	world.clock.jump(-86_400_000);
	assert.equal(host.time.wall(), wall + 50 - 86_400_000);
	world.clock.jump(2 * 86_400_000);
	assert.equal(host.time.wall(), wall + 50 + 86_400_000);
	assert.equal(host.time.now(), now + 50);
	assert.equal(ran, false);
	world.clock.set(undefined);
	assert.equal(host.time.wall(), undefined);
	assert.throws(() => world.clock.jump(1), { code: "state" });
	world.advance(50);
	assert.equal(ran, true);
});

test("a world may begin without a date", () => {
	const { host } = createScene({ seed: 1, wall: null });
	assert.equal(host.time.wall(), undefined);
});

test("running to a time ends exactly there, with or without anything to do", () => {
	const world = createWorld({ seed: 1 });
	world.run(1234);
	assert.equal(world.clock.now, 1234);
	world.advance(1);
	assert.equal(world.clock.now, 1235);
	assert.equal(world.run(5), 0);
	assert.equal(world.clock.now, 1235);
});

test("random numbers are spread evenly, repeat with the seed, and forks do not disturb each other", () => {
	const one = new Random(42), same = new Random(42), other = new Random(43);
	const draws = Array.from({ length: 8 }, () => one.word());
	assert.deepEqual(draws, Array.from({ length: 8 }, () => same.word()));
	assert.notDeepEqual(draws, Array.from({ length: 8 }, () => other.word()));
	assert.equal(one.fork("a").word(), new Random(42).fork("a").word());
	assert.notEqual(one.fork("a").word(), one.fork("b").word());

	const buckets = new Array<number>(10).fill(0);
	for (let draw = 0; draw < 20_000; draw++) buckets[one.between(0, 9)]!++;
	for (const count of buckets) assert.ok(count > 1800 && count < 2200, `${buckets.join()}`);
});
