// SPDX-License-Identifier: Apache-2.0
/** StreamSource: each byte once and in order, from any block on, whatever the cloud sends in whatever order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Refusal } from "../../../src/base/service.js";
import type { BlockRange } from "../../../src/ota/blocks.js";
import { Download, GAP_TIMEOUT, type BlockPort, type DownloadCallbacks, type DownloadOptions } from "../../../src/ota/download.js";
import { UpdateError } from "../../../src/ota/failure.js";
import { BLOCK_LENGTH } from "../../../src/ota/source.js";
import { StreamSource, type OpenDownload } from "../../../src/ota/stream-source.js";
import { Random } from "../../property/random.js";
import { codeOf } from "../failure.js";
import { ServiceRig } from "../operations/service-rig.js";

/** Blocks that may be on their way. */
const AHEAD = 8;
const HOUR = 3_600_000;

class Rig extends ServiceRig {
	protected override driven!: Download;
	readonly source: StreamSource;
	closed = 0;
	/** Blocks that the reader has, and whether the last call was the last one. */
	read: number[] = [];
	/** Blocks are kept for a while. */
	holding = false;
	pauses: string[] = [];
	token = "";
	/** What the cloud was asked for and did not send yet. */
	readonly due: number[] = [];
	onRead: (() => void) | undefined;
	readonly port: BlockPort = {
		interval: 0,
		pause: () => { this.pauses.push("pause"); },
		resume: () => { this.pauses.push("resume"); },
		describe: () => assert.fail("the length is known"),
		request: (token, blockLength, { offset, count, bitmap }: BlockRange) => {
			assert.equal(blockLength, BLOCK_LENGTH);
			// Nothing but the next blocks in order, and never too many.
			assert.equal(bitmap, undefined);
			assert.ok(offset + count <= this.next + AHEAD, `${offset}+${count} while ${this.next} is next`);
			this.token = token;
			for (let index = offset; index < offset + count; index++) this.due.push(index);
			return true;
		},
	};
	next = 0;

	constructor() {
		super();
		let opened = 0;
		const download = (name: string, file: number, callbacks: DownloadCallbacks, options: DownloadOptions = {}): OpenDownload => {
			assert.deepEqual([name, file], ["release", 3]);
			this.driven = new Download(callbacks, `t${++opened}-`, options);
			const { driven } = this;
			return { close: () => { this.closed++; }, pause: () => driven.pause(), resume: () => driven.resume() };
		};
		this.source = new StreamSource({ download }, "release", 3);
	}

	open(first: number, end: number): { close(): void } {
		this.next = first;
		const opened = this.source.open(first * BLOCK_LENGTH, end * BLOCK_LENGTH, {
			onBytes: (bytes, start, stop) => {
				assert.ok(this.lines.length === 0, "bytes behind the end");
				assert.equal(stop - start, BLOCK_LENGTH);
				assert.equal(bytes[start], this.next & 0xff);
				this.read.push(this.next++);
				this.onRead?.();
				return !this.holding;
			},
			onEnd: () => this.lines.push("end"),
			onFailed: (error) => this.lines.push(error instanceof UpdateError ? error.reason : error.code),
		});
		assert.deepEqual([this.read, this.lines], [[], []]);
		this.driven.connected(this.port);
		this.turn();
		return opened;
	}

	send(index: number, token = this.token): void {
		this.deliver(index, token);
		this.turn();
	}

	/** The device has no time yet to do anything about it. */
	deliver(index: number, token = this.token): void {
		const bytes = new Uint8Array(BLOCK_LENGTH + 20).fill(index & 0xff);
		this.driven.block(token, index, bytes, 10, 10 + BLOCK_LENGTH, this.now);
	}

	get download(): Download {
		return this.driven;
	}
}

const range = (first: number, end: number): number[] => Array.from({ length: end - first }, (_, index) => first + index);

test("StreamSource reads what it was asked for and nothing else, from any block to any other", () => {
	for (const [first, end] of [[0, 1], [0, 20], [7, 9], [6_143, 6_144]] as const) {
		const rig = new Rig();
		const opened = rig.open(first, end);
		while (rig.due.length > 0) rig.send(rig.due.shift()!);
		assert.deepEqual([rig.read, rig.take()], [range(first, end), ["end"]]);
		opened.close();
		opened.close();
		assert.ok(rig.closed > 0);
	}
});

test("StreamSource refuses what are no blocks of a file", () => {
	const { source } = new Rig();
	const reader = { onBytes: () => true, onEnd() {}, onFailed() {} };
	const wrong: readonly [offset: number, end: number][] = [
		[0, 0], [1, BLOCK_LENGTH], [0, BLOCK_LENGTH + 1], [-BLOCK_LENGTH, BLOCK_LENGTH], [BLOCK_LENGTH, BLOCK_LENGTH], [0, 24 * 1024 * 1024 + BLOCK_LENGTH], [NaN, NaN],
	];
	for (const [offset, end] of wrong) assert.equal(codeOf(() => source.open(offset, end, reader)), "argument", `${offset} ${end}`);
});

test("StreamSource hands each block on once and in order, after any losses, repetitions, orders and connections", () => {
	for (let seed = 1; seed <= 100; seed++) {
		const random = new Random(seed);
		const rig = new Rig();
		const first = random.below(30);
		const end = first + 1 + random.below(200);
		const disorder = random.below(3);
		rig.open(first, end);
		const late: [token: string, index: number][] = [];
		for (let turns = 0; rig.lines.length === 0; turns++) {
			assert.ok(turns < 5_000, `seed ${seed}`);
			const { token } = rig;
			const sent: [string, number][] = rig.due.splice(0).map((index) => [token, index]);
			if (disorder > 0) sent.push(...late.splice(0));
			if (disorder > 1) sent.sort(() => random.below(3) - 1);
			for (const [of, index] of sent) {
				const fate = random.below(20);
				if (fate === 0) continue;
				if (fate === 1) late.push([of, index]);
				else rig.send(index, of);
				if (fate > 17) rig.send(index, of);
			}
			if (random.below(30) === 0) {
				rig.download.disconnected();
				rig.due.length = 0;
				rig.wait(random.below(100_000));
				rig.download.connected(rig.port);
				rig.turn();
			} else if (rig.due.length === 0 && rig.lines.length === 0) {
				assert.ok(rig.download.deadline < Infinity, `seed ${seed}: nothing is waited for`);
				rig.wait(rig.download.deadline - rig.now);
			}
		}
		assert.deepEqual([rig.read, rig.take()], [range(first, end), ["end"]], `seed ${seed}`);
	}
});

test("StreamSource goes on at once behind a gap, and asks for no more than it could take", () => {
	const rig = new Rig();
	rig.open(0, 100);
	const [, ...rest] = rig.due.splice(0);
	for (const index of rest) rig.send(index);
	assert.deepEqual([rig.read, rig.due], [[], []]);
	rig.wait(GAP_TIMEOUT);
	assert.deepEqual(rig.due, range(0, AHEAD));
});

test("StreamSource keeps the pipe full: the line does not wait for requests", () => {
	const rig = new Rig();
	const count = 200, halfTrip = 50, blockTime = 25;
	rig.open(0, count);
	/** When what comes out of the line is here. */
	const line: [at: number, index: number][] = [];
	let freeAt = 0;
	const { now: begun } = rig;
	while (rig.lines.length === 0) {
		for (const index of rig.due.splice(0)) {
			freeAt = Math.max(freeAt, rig.now + halfTrip) + blockTime;
			line.push([freeAt + halfTrip, index]);
		}
		const [at, index] = line.shift()!;
		rig.wait(at - rig.now);
		rig.send(index);
	}
	// One way there and one back, and nothing between the blocks: half of the window takes as long as both ways.
	assert.equal(rig.now - begun, 2 * halfTrip + count * blockTime);
});

test("StreamSource keeps as much on its way as it may, where what was asked for comes all at once", () => {
	const rig = new Rig();
	rig.open(0, 10 * AHEAD);
	let trips = 0;
	for (; rig.lines.length === 0; trips++) {
		for (const [count, index] of rig.due.splice(0).entries()) {
			rig.deliver(index);
			// A turn comes when it can.
			if (count % 3 === 1) rig.turn();
		}
		rig.turn();
	}
	assert.equal(trips, 10);
});

test("StreamSource says by an UpdateError what it is no use to ask for again, and by another what it is", () => {
	const ends: readonly [end: (download: Download, token: string, now: number) => void, reason: string][] = [
		[(download, token, now) => download.rejected(token, Refusal.GONE, "no", now), "not-found"],
		[(download, token, now) => download.rejected(token, Refusal.STALE, "no", now), "changed"],
		[(download, token, now) => download.rejected(token, Refusal.REFUSED, "no", now), "rejected"],
		[(download, token) => download.beyond(token), "truncated"],
		[(download, token, now) => download.block(token, 0, new Uint8Array(100), 0, 100, now), "truncated"],
	];
	for (const [end, reason] of ends) {
		const rig = new Rig();
		rig.open(0, 10);
		end(rig.download, rig.token, rig.now);
		rig.turn();
		assert.deepEqual(rig.take(), [reason]);
		rig.send(0);
		rig.wait(HOUR);
		assert.deepEqual([rig.take(), rig.read], [[], []]);
	}
	const silent = new Rig();
	silent.open(0, 10);
	silent.wait(HOUR);
	assert.deepEqual(silent.take(), ["timeout"]);
});

test("StreamSource says nothing any more once it is closed, from inside of a block, too", () => {
	const rig = new Rig();
	const opened = rig.open(0, 3);
	rig.onRead = () => opened.close();
	for (const index of range(0, 3)) rig.send(index);
	rig.wait(HOUR);
	assert.deepEqual([rig.read, rig.take()], [[0], []]);
});

test("StreamSource fails with what its reader throws", () => {
	const rig = new Rig();
	rig.open(0, 3);
	rig.onRead = () => { throw new UpdateError("storage", "flash is worn out"); };
	for (const index of range(0, 3)) rig.send(index);
	assert.deepEqual([rig.read, rig.take()], [[0], ["storage"]]);
});
