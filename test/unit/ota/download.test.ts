// SPDX-License-Identifier: Apache-2.0
/** Download: a file in blocks, whole in the end whatever is lost, late or twice. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../../src/base/error.js";
import type { BlockRange } from "../../../src/ota/blocks.js";
import { BLOCK_TIMEOUT, Download, GAP_TIMEOUT, type BlockPort, type DownloadOptions } from "../../../src/ota/download.js";
import { UpdateError } from "../../../src/ota/failure.js";
import { ANSWER_TIMEOUT, Refusal, RETRY } from "../../../src/base/service.js";
import { codeOf } from "../failure.js";
import { toHex } from "../hex.js";
import { Random } from "../../property/random.js";
import { ServiceRig } from "../operations/service-rig.js";

const LENGTH = 256;

class Rig extends ServiceRig {
	protected override readonly driven: Download;
	/** Takes blocks in order alone. */
	strict = false;
	#next = 0;
	/** Thrown when a block is handed over. */
	broken: Error | undefined;
	token = "";
	range: BlockRange | undefined;
	readonly port: BlockPort = {
		interval: 0,
		pause: () => undefined,
		resume: () => undefined,
		describe: (token) => this.asked(`describe ${token}`),
		request: (token, blockLength, range) => {
			assert.equal(blockLength, LENGTH);
			this.token = token;
			this.range = range;
			const { offset, count, bitmap } = range;
			return this.asked(`get ${token} ${offset}+${count}${bitmap === undefined ? "" : ` ${toHex(bitmap)}`}`);
		},
	};

	constructor(options: DownloadOptions = { length: 10 * LENGTH - 100 }) {
		super();
		this.driven = new Download({
			onBlock: (index, bytes, start, end) => {
				if (this.broken !== undefined) throw this.broken;
				assert.ok(bytes.subarray(start, end).every((byte) => byte === index % 256));
				if (this.strict && index !== this.#next) return false;
				this.#next++;
				this.lines.push(`block ${index}`);
			},
			onComplete: () => this.lines.push("complete"),
			onFailed: (error) => this.lines.push(`failed ${error instanceof UpdateError ? error.reason : error.code}`),
		}, "t-", { blockLength: LENGTH, window: 4, ...options });
		this.connect();
	}

	get download(): Download {
		return this.driven;
	}

	connect(port = this.port): void {
		this.driven.connected(port);
		this.turn();
	}

	/** A block as it should be, within other bytes. */
	block(index: number, token = this.token): void {
		this.deliver(index, token);
		this.turn();
	}

	/** The same, and the device has no time yet to do anything about it. */
	deliver(index: number, token = this.token): void {
		const length = this.driven.blocks!.lengthOf(index);
		const bytes = new Uint8Array(length + 7).fill(index % 256, 3, length + 3);
		this.driven.block(token, index, bytes, 3, length + 3, this.now);
	}
}

test("Download asks for more when half of the window is here, and is complete with the last block, which is short", () => {
	const rig = new Rig();
	assert.deepEqual(rig.take(), ["get t-1 0+4"]);
	for (const index of [0, 1, 2, 3]) rig.block(index);
	assert.deepEqual(rig.take(), ["block 0", "block 1", "get t-2 4+2", "block 2", "block 3", "get t-3 6+2"]);
	for (const index of [7, 5, 4, 6]) rig.block(index);
	assert.deepEqual(rig.take(), ["block 7", "block 5", "get t-4 8+2", "block 4", "block 6"]);
	for (const index of [9, 8]) rig.block(index);
	assert.deepEqual(rig.take(), ["block 9", "block 8", "complete"]);
	assert.equal(rig.download.deadline, Infinity);
});

test("Download asks for one block after the other where the window has no more", () => {
	const rig = new Rig({ length: 2 * LENGTH, window: 1 });
	for (const index of [0, 1]) rig.block(index);
	assert.deepEqual(rig.take(), ["get t-1 0+1", "block 0", "get t-2 1+1", "block 1", "complete"]);
});

test("Download begins with the first block that is wanted", () => {
	const rig = new Rig({ length: 10 * LENGTH, first: 7 });
	rig.block(3);
	for (const index of [7, 8, 9]) rig.block(index);
	assert.deepEqual(rig.take(), ["get t-1 7+3", "block 7", "block 8", "block 9", "complete"]);
	const short = new Rig({ first: 4 });
	short.download.described("t-1", 4 * LENGTH);
	short.turn();
	assert.deepEqual(short.take(), ["describe t-1", "failed truncated"]);
	assert.equal(codeOf(() => new Rig({ first: -1 })), "argument");
});

test("Download: who wants blocks in order gets them so, and those that came too early again", () => {
	const rig = new Rig();
	rig.strict = true;
	for (const index of [0, 3, 1]) rig.block(index);
	// The cloud has something to send, but not what is needed first.
	assert.deepEqual(rig.take(), ["get t-1 0+4", "block 0", "block 1"]);
	rig.block(2);
	// All that was asked for came: nothing to wait for.
	assert.deepEqual(rig.take(), ["block 2", "get t-2 3+4"]);
	// The first is lost: all that comes behind it is of no use.
	for (const index of [4, 5]) rig.block(index);
	rig.wait(GAP_TIMEOUT - 1);
	assert.deepEqual(rig.take(), []);
	rig.wait(1);
	assert.deepEqual(rig.take(), ["get t-3 3+4"]);
	for (const index of [3, 4, 5, 6, 7, 8, 9]) rig.block(index);
	assert.deepEqual(rig.take(), [
		"block 3", "block 4", "get t-4 7+2", "block 5", "block 6", "get t-5 9+1", "block 7", "block 8", "block 9", "complete",
	]);
});

test("Download asks for the length where it is not known", () => {
	const rig = new Rig({});
	assert.deepEqual(rig.take(), ["describe t-1"]);
	assert.equal(codeOf(() => rig.download.described("t-1", "long")), "malformed");
	rig.download.described("t-0", 100);
	rig.wait(ANSWER_TIMEOUT);
	assert.deepEqual(rig.take(), ["describe t-2"]);
	rig.download.described("t-2", 2 * LENGTH);
	rig.turn();
	assert.deepEqual(rig.take(), ["get t-3 0+2"]);
	const wrong = new Rig({});
	wrong.download.described("t-1", 2 ** 40);
	wrong.turn();
	assert.deepEqual(wrong.take(), ["describe t-1", "failed too-large"]);
	assert.equal(wrong.download.deadline, Infinity);
});

test("Download asks again for what is missing, soon after the last block that came", () => {
	const rig = new Rig();
	rig.block(0);
	rig.block(2);
	assert.deepEqual(rig.take(), ["get t-1 0+4", "block 0", "block 2", "get t-2 4+2"]);
	rig.wait(ANSWER_TIMEOUT - 1);
	assert.deepEqual(rig.take(), []);
	rig.wait(1);
	assert.deepEqual(rig.take(), ["get t-3 1+5 1d"]);
	// The first of them late, by the request that was given up; and twice.
	rig.block(1, "t-1");
	rig.block(1, "t-3");
	rig.block(3);
	assert.deepEqual(rig.take(), ["block 1", "block 3", "get t-4 6+2"]);
	rig.block(4);
	rig.block(5);
	assert.deepEqual(rig.take(), ["block 4", "block 5", "get t-5 8+2"]);
	rig.wait(ANSWER_TIMEOUT);
	rig.wait(2 * ANSWER_TIMEOUT);
	assert.deepEqual(rig.take(), ["get t-6 6+4", "get t-7 6+4"]);
});

test("Download goes on where it was after a lost connection, and after a reset where the program says so", () => {
	const rig = new Rig();
	rig.block(0);
	rig.block(1);
	rig.download.disconnected();
	rig.wait(100_000);
	rig.take();
	rig.connect();
	assert.deepEqual(rig.take(), ["get t-3 2+4"]);

	const resumed = new Rig();
	resumed.download.disconnected();
	for (const index of [0, 1, 2, 3, 4, 5, 8]) resumed.download.blocks!.add(index);
	resumed.take();
	resumed.connect();
	assert.deepEqual(resumed.take(), ["get t-2 6+4 0b"]);
});

test("Download takes no block that is not as long as it should be, or another life asked for", () => {
	const rig = new Rig();
	rig.take();
	const bytes = new Uint8Array(512);
	const wrong: [index: number, length: number][] = [[0, 257], [0, 0], [9, 256], [10, 256], [10, 0], [-1, 256], [0.5, 256], [NaN, 256]];
	for (const [index, length] of wrong) {
		assert.equal(codeOf(() => rig.download.block("t-1", index, bytes, 0, length, rig.now)), "malformed", `${index} ${length}`);
	}
	rig.download.block("u-1", 0, bytes, 0, 256, rig.now);
	rig.turn();
	assert.deepEqual(rig.take(), []);
	assert.equal(rig.download.blocks!.missing, 10);
	rig.download.block("t-1", 0, bytes, 0, 255, rig.now);
	rig.turn();
	assert.deepEqual(rig.take(), ["failed truncated"]);
});

test("Download ends with what the program throws, or the cloud refuses for good", () => {
	const rig = new Rig();
	rig.broken = new DeviceError("storage", "flash is full");
	rig.block(0);
	rig.broken = undefined;
	rig.block(1);
	assert.deepEqual(rig.take(), ["get t-1 0+4", "failed storage"]);
	rig.wait(1_000_000);
	assert.deepEqual(rig.take(), []);

	const refused = new Rig();
	refused.download.rejected("t-0", Refusal.REFUSED, "no", refused.now);
	refused.download.rejected("t-1", Refusal.BUSY, "no", refused.now);
	refused.wait(ANSWER_TIMEOUT);
	refused.download.rejected("t-2", Refusal.GONE, "no", refused.now);
	refused.turn();
	assert.deepEqual(refused.take(), ["get t-1 0+4", "get t-2 0+4", "failed not-found"]);
	refused.wait(1_000_000);
	assert.deepEqual(refused.take(), []);

	const ends: readonly [end: (download: Download, token: string, now: number) => void, line: string][] = [
		[(download, token, now) => download.rejected(token, Refusal.STALE, "no", now), "failed changed"],
		[(download, token, now) => download.rejected(token, Refusal.REFUSED, "no", now), "failed rejected"],
		[(download, token) => download.beyond(token), "failed truncated"],
	];
	for (const [end, line] of ends) {
		const other = new Rig();
		end(other.download, "t-0", other.now);
		other.turn();
		assert.deepEqual(other.take(), ["get t-1 0+4"]);
		end(other.download, "t-1", other.now);
		other.turn();
		assert.deepEqual(other.take(), [line]);
		assert.equal(other.download.deadline, Infinity);
	}
});

test("Download tries again soon where there was no room, and ends when a request cannot be made", () => {
	const rig = new Rig();
	rig.block(0);
	rig.room = false;
	rig.block(1);
	rig.room = true;
	assert.deepEqual(rig.take(), ["get t-1 0+4", "block 0", "block 1", "no room: get t-2 4+2"]);
	rig.block(2);
	rig.wait(RETRY);
	assert.deepEqual(rig.take(), ["block 2", "get t-2 3+4"]);
	rig.failure = new DeviceError("argument", "no topic");
	for (const index of [3, 4]) rig.block(index);
	assert.deepEqual(rig.take(), ["block 3", "block 4", "failed argument"]);
});

test("Download asks for what did not come, and not for what is beyond it", () => {
	const silent = new Rig();
	silent.block(0);
	silent.wait(BLOCK_TIMEOUT);
	assert.deepEqual(silent.take(), ["get t-1 0+4", "block 0", "get t-2 1+4"]);

	const busy = new Rig();
	for (const index of [0, 1, 2]) busy.block(index);
	busy.download.rejected("t-2", Refusal.BUSY, "later", busy.now);
	busy.wait(ANSWER_TIMEOUT);
	assert.deepEqual(busy.take().slice(3), ["get t-2 4+2", "block 2", "get t-3 3+4"]);

	const cut = new Rig();
	for (const index of [0, 1]) cut.deliver(index);
	cut.download.disconnected();
	cut.connect();
	assert.deepEqual(cut.take(), ["get t-1 0+4", "block 0", "block 1", "get t-2 2+4"]);
});

test("Download asks no sooner than the cloud takes it, and its blocks", () => {
	const rig = new Rig();
	rig.download.disconnected();
	rig.connect({ ...rig.port, interval: 10 });
	rig.take();
	for (const index of [0, 1]) rig.block(index);
	assert.deepEqual(rig.take(), ["block 0", "block 1"]);
	rig.wait(49);
	rig.block(2);
	assert.deepEqual(rig.take(), ["block 2"]);
	// Four blocks and the request are five messages.
	rig.wait(1);
	assert.deepEqual(rig.take(), ["get t-3 4+2"]);
	rig.wait(30);
	rig.block(3);
	assert.deepEqual(rig.take(), ["block 3", "get t-4 6+2"]);
});

test("Download does not wait for ever where the rest came unasked, but for what was asked for", () => {
	const rig = new Rig({ length: 6 * LENGTH });
	for (const index of [0, 1, 4, 5]) rig.deliver(index);
	rig.turn();
	assert.deepEqual(rig.take(), ["get t-1 0+4", "block 0", "block 1", "block 4", "block 5", "get t-2 2+2"]);
});

test("Download is complete with its last block, whatever was to be waited for", () => {
	const rig = new Rig({ length: 3 * LENGTH });
	rig.block(0);
	rig.download.rejected("t-1", Refusal.BUSY, "later", rig.now);
	rig.turn();
	for (const index of [1, 2]) rig.block(index, "t-1");
	assert.deepEqual(rig.take(), ["get t-1 0+3", "block 0", "block 1", "block 2", "complete"]);
	rig.wait(3_600_000);
	assert.deepEqual(rig.take(), []);
	assert.equal(rig.download.deadline, Infinity);
});

test("Download fails after as many requests in vain as it may make, where connections do not count", () => {
	const rig = new Rig({ length: 10 * LENGTH, attempts: 3 });
	for (let count = 0; count < 5; count++) {
		rig.download.disconnected();
		rig.connect();
	}
	rig.take();
	rig.wait(ANSWER_TIMEOUT);
	rig.download.rejected("t-7", Refusal.BUSY, "later", rig.now);
	rig.wait(2 * ANSWER_TIMEOUT);
	assert.deepEqual(rig.take(), ["get t-7 0+4", "get t-8 0+4"]);
	rig.block(0);
	rig.take();
	rig.wait(BLOCK_TIMEOUT + ANSWER_TIMEOUT);
	assert.equal(rig.take().length, 1);
	rig.wait(3_600_000);
	assert.deepEqual(rig.take(), ["get t-10 1+4", "failed timeout"]);
	assert.equal(rig.download.deadline, Infinity);
});

test("Download is complete after any losses, repetitions and orders, and hands each block over once", () => {
	for (let seed = 1; seed <= 100; seed++) {
		const random = new Random(seed);
		const count = 1 + random.below(120);
		const rig = new Rig({ length: count * LENGTH - random.below(LENGTH), window: 1 + random.below(16) });
		const seen: string[] = [];
		const late: number[] = [];
		for (let turns = 0; rig.download.blocks!.missing > 0; turns++) {
			assert.ok(turns < 10_000, `seed ${seed}`);
			const { offset, count: bits, bitmap } = rig.range!;
			const asked = [...new Array<undefined>(bits).keys()]
				.filter((bit) => bitmap === undefined || (bitmap[bit >> 3]! & 1 << (bit & 7)) !== 0).map((bit) => offset + bit);
			for (const index of [...asked, ...late.splice(0)].sort(() => random.below(3) - 1)) {
				const fate = random.below(10);
				if (fate < 2) continue;
				if (fate < 4) late.push(index);
				else rig.block(index);
				if (fate > 8) rig.block(index);
			}
			if (random.below(20) === 0) {
				rig.download.disconnected();
				rig.connect();
			} else {
				rig.wait(BLOCK_TIMEOUT);
			}
			seen.push(...rig.take().filter((line) => !line.startsWith("get")));
		}
		assert.equal(seen.length, count + 1, `seed ${seed}`);
		assert.equal(seen.at(-1), "complete");
		assert.equal(new Set(seen).size, count + 1);
	}
});
