// SPDX-License-Identifier: Apache-2.0
/** What timers and clocks promise. */
import assert from "node:assert/strict";
import { refuses, type Bench, type HostPromise } from "../bench.js";

/** Delays are in whole ms and clocks are rounded, so a timer may seem this much early. */
const ROUNDING = 1;

function fail(): void {
	assert.fail("a timer that was cleared has fired");
}

export const timerPromises: readonly HostPromise[] = [{
	name: "set runs its callback once, after the delay and never from inside the call",
	async run(bench) {
		const { timer, time } = bench.host;
		let count = 0;
		const startedAt = time.now();
		timer.set(() => { count++; }, 20);
		assert.equal(count, 0);
		await bench.sleep(20);
		assert(time.now() - startedAt >= 20 - ROUNDING);
		await bench.quiet();
		assert.equal(count, 1);
	},
}, {
	name: "a delay of 0 is allowed and still not from inside the call",
	async run(bench) {
		let count = 0;
		bench.host.timer.set(() => { count++; }, 0);
		assert.equal(count, 0);
		await bench.quiet();
		assert.equal(count, 1);
	},
}, {
	name: "timers fire in the order of their deadlines",
	async run(bench) {
		const order: number[] = [];
		for (const delay of [25, 5, 15]) bench.host.timer.set(() => order.push(delay), delay);
		await bench.sleep(40);
		assert.deepEqual(order, [5, 15, 25]);
	},
}, {
	name: "repeat runs its callback again and again until it is cleared",
	async run(bench) {
		const { timer } = bench.host;
		let count = 0;
		await bench.wait(new Promise<void>(resolve => {
			const handle = timer.repeat(() => {
				if (++count < 4) return;
				timer.clear(handle);
				resolve();
			}, 3);
		}));
		await bench.quiet();
		assert.equal(count, 4);
	},
}, {
	name: "a cleared timer does not fire, also when another timer clears it in the same turn",
	async run(bench) {
		const { timer } = bench.host;
		timer.clear(timer.set(fail, 5));
		timer.clear(timer.repeat(fail, 5));
		let doomed: object | undefined;
		timer.set(() => timer.clear(doomed), 5);
		doomed = timer.set(fail, 5);
		await bench.quiet();
	},
}, {
	name: "clear accepts undefined and handles that fired or were cleared before",
	async run(bench) {
		const { timer } = bench.host;
		timer.clear(undefined);
		const fired = timer.set(() => {}, 0);
		await bench.quiet();
		timer.clear(fired);
		timer.clear(fired);
	},
}, {
	name: "a callback may set the next timer",
	async run(bench) {
		const { timer } = bench.host;
		await bench.wait(new Promise<void>(resolve => { timer.set(() => timer.set(() => timer.set(resolve, 1), 0), 1); }));
	},
}, {
	name: "the longest delay is allowed and does not overflow into an early one",
	async run(bench) {
		const { timer } = bench.host;
		const handle = timer.set(fail, 2 ** 31 - 1);
		bench.defer(() => timer.clear(handle));
		await bench.quiet();
	},
}, {
	name: "delays out of range and what is no function are refused with argument",
	run({ host: { timer } }) {
		for (const delay of [-1, NaN, Infinity, 2 ** 31, undefined]) refuses("argument", () => timer.set(() => {}, delay as number), String(delay));
		for (const interval of [0, -1, NaN, 2 ** 31]) refuses("argument", () => timer.repeat(() => {}, interval), String(interval));
		refuses("argument", () => timer.set(undefined as never, 1));
		refuses("argument", () => timer.repeat(1 as never, 1));
	},
}];

export const clockPromises: readonly HostPromise[] = [{
	name: "now is whole ms and never goes back",
	async run(bench: Bench) {
		let before = bench.host.time.now();
		assert(Number.isInteger(before) && before >= 0);
		for (let round = 0; round < 5; round++) {
			await bench.sleep(2);
			const now = bench.host.time.now();
			assert(Number.isInteger(now) && now >= before);
			before = now;
		}
	},
}, {
	name: "now advances as timers run",
	async run(bench: Bench) {
		const startedAt = bench.host.time.now();
		await bench.sleep(50);
		assert(bench.host.time.now() - startedAt >= 50 - ROUNDING);
	},
}, {
	name: "wall is ms since 1970, or undefined while the clock was never set",
	run({ host: { time } }) {
		const wall = time.wall();
		assert(wall === undefined || wall >= 0 && Number.isFinite(wall));
	},
}];
