// SPDX-License-Identifier: Apache-2.0
/** Files over CoAP: the blocks of CoAP become those of the download, whatever their lengths. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, OptionNumber } from "../../../src/coap/constants.js";
import { uintOption, type Option } from "../../../src/coap/option.js";
import { Download, type DownloadOptions } from "../../../src/ota/download.js";
import { codeOf } from "../failure.js";
import { toHex } from "../hex.js";
import { CoAPRig } from "./coap-rig.js";

const LENGTH = 2_560;
const VERSION = 7;
const CONTENT = Uint8Array.from({ length: LENGTH }, (_, index) => index * 31 + (index >> 8) & 0xff);

class Rig extends CoAPRig {
	readonly download: Download;
	/** What came, by the download's blocks. */
	readonly content = new Uint8Array(LENGTH);
	/** Answers false to blocks from now on. */
	isBusy = false;
	/** Pauses at the next block. */
	pauses = false;
	version = VERSION;

	constructor(options: DownloadOptions = {}) {
		super();
		const blockLength = options.blockLength ?? 4_096;
		this.download = new Download({
			onBlock: (index, bytes, start, end) => {
				if (this.isBusy) return false;
				this.lines.push(`block ${index} of ${end - start}`);
				this.content.set(bytes.subarray(start, end), index * blockLength);
				if (this.pauses) this.download.pause();
				return true;
			},
			onComplete: () => { this.lines.push("complete"); },
			onFailed: (error) => { this.lines.push(`failed ${(error as { reason?: string }).reason ?? error.code}`); },
		}, "t-", options);
		this.connection.addDownload("image", 3, this.download);
		this.ready();
		this.said();
		this.turn();
	}

	turn(): void {
		this.download.expire(this.host.time.now());
	}

	/** Answers what was asked for, with blocks of this length at most, or over a stream several at once. */
	serve(unit = 1_024, several = 1): void {
		const asked = this.find("GET files/image/3");
		const { number, size } = asked.options.block!;
		const start = number * size;
		const length = Math.min(unit, size) * several;
		const end = Math.min(start + length, LENGTH);
		const used = Math.min(unit, size);
		this.answer("GET files/image/3", Code.CONTENT, CONTENT.slice(start, end), {
			options: this.#options(), block: { number: start / used, more: end < LENGTH, size: used },
		});
		this.turn();
	}

	/** Until nothing is asked for. @returns how many requests that took */
	serveAll(unit?: number): number {
		let requests = 0;
		for (; this.open().length > 0; requests++) {
			assert.ok(requests < 100, this.open().join());
			this.serve(unit);
		}
		return requests;
	}

	refuse(code: number): void {
		this.answer("GET files/image/3", code);
		this.turn();
	}

	#options(): readonly Option[] {
		return [uintOption(OptionNumber.ETAG, this.version), uintOption(OptionNumber.SIZE2, LENGTH)];
	}

	check(): void {
		assert.equal(toHex(this.content), toHex(CONTENT));
	}
}

test("how long the file is, is asked with as short a block as there is", () => {
	const rig = new Rig({ blockLength: 1_024 });
	assert.deepEqual(rig.open(), ["GET files/image/3 0/16"]);
	assert.deepEqual(rig.find("GET").options.options?.map(({ number }) => number), [OptionNumber.SIZE2]);
	rig.serve();
	assert.equal(rig.download.blocks?.length, LENGTH);
	assert.deepEqual(rig.open(), ["GET files/image/3 0/1024"]);
});

test("blocks of 2,048 bytes are put together of smaller ones, and of those that the server makes smaller still", () => {
	for (const unit of [1_024, 512, 128]) {
		const rig = new Rig({ blockLength: 2_048, length: LENGTH });
		rig.serveAll(unit);
		assert.deepEqual(rig.said(), ["block 0 of 2048", "block 1 of 512", "complete"]);
		rig.check();
	}
});

test("blocks of 256 bytes are taken out of larger ones, each once", () => {
	const rig = new Rig({ blockLength: 256, length: LENGTH });
	const requests = rig.serveAll();
	assert.equal(rig.said().at(-1), "complete");
	rig.check();
	assert.ok(requests <= 4, `${requests} requests for three blocks, two of them at the end of a window`);
});

test("over a stream several blocks come in one answer", () => {
	const rig = new Rig({ blockLength: 1_024, length: LENGTH });
	rig.serve(1_024, 2);
	assert.deepEqual(rig.said(), ["block 0 of 1024", "block 1 of 1024"]);
	assert.deepEqual(rig.open(), ["GET files/image/3 2/1024"]);
	rig.serve(1_024, 2);
	assert.deepEqual(rig.said(), ["block 2 of 512", "complete"]);
	rig.check();
});

test("paused, it asks for nothing and hands nothing over; then it goes on", () => {
	const rig = new Rig({ blockLength: 1_024, length: LENGTH });
	rig.pauses = true;
	rig.serve(1_024, 3);
	assert.deepEqual([rig.said(), rig.open()], [["block 0 of 1024"], []]);
	rig.pauses = false;
	rig.download.resume();
	assert.deepEqual(rig.open(), ["GET files/image/3 1/1024"]);
	rig.serve(1_024, 3);
	assert.equal(rig.said().at(-1), "complete");
	rig.check();
});

test("what was asked for anew keeps what has come of its first block, and the request under way", () => {
	const rig = new Rig({ blockLength: 2_048, length: LENGTH });
	rig.serve(512);
	rig.serve(512);
	const [waiting] = rig.open();
	rig.host.advance(30_000);
	rig.turn();
	assert.deepEqual(rig.open(), [waiting]);
	rig.serveAll(512);
	assert.deepEqual(rig.said(), ["block 0 of 2048", "block 1 of 512", "complete"]);
	rig.check();
});

test("a request that nobody answers is made again when the download has waited long enough", () => {
	const rig = new Rig({ blockLength: 1_024, length: LENGTH });
	rig.serve();
	rig.fail("GET files", "timeout");
	assert.deepEqual(rig.open(), []);
	rig.host.advance(30_000);
	rig.turn();
	assert.deepEqual(rig.open(), ["GET files/image/3 1/1024"]);
	rig.serveAll();
	assert.equal(rig.said().at(-1), "complete");
});

test("after a lost connection it goes on where it was", () => {
	const rig = new Rig({ blockLength: 1_024, length: LENGTH });
	rig.serve();
	rig.lose();
	rig.turn();
	assert.deepEqual(rig.open(), []);
	rig.ready();
	rig.said();
	rig.turn();
	rig.serveAll();
	assert.deepEqual(rig.said(), ["block 1 of 1024", "block 2 of 512", "complete"]);
	rig.check();
});

test("another version in its place ends it", () => {
	const rig = new Rig({ blockLength: 1_024, length: LENGTH });
	rig.serve();
	rig.version++;
	rig.serve();
	assert.deepEqual(rig.said(), ["block 0 of 1024", "failed changed"]);
	assert.deepEqual(rig.open(), []);
});

test("refusals by their codes", () => {
	const refusals: readonly [code: number, line: string][] = [
		[Code.NOT_FOUND, "failed not-found"], [Code.CONFLICT, "failed changed"], [Code.FORBIDDEN, "failed rejected"], [Code.BAD_REQUEST, "failed truncated"],
	];
	for (const [code, line] of refusals) {
		const rig = new Rig({ blockLength: 1_024, length: LENGTH });
		rig.serve();
		rig.said();
		rig.refuse(code);
		assert.deepEqual(rig.said(), [line], line);
	}
	const busy = new Rig({ blockLength: 1_024, length: LENGTH });
	busy.refuse(Code.SERVICE_UNAVAILABLE);
	assert.deepEqual([busy.said(), busy.open()], [[], []]);
	busy.host.advance(30_000);
	busy.turn();
	assert.deepEqual(busy.open(), ["GET files/image/3 0/1024"]);
});

test("a file that is shorter than it was said to be is truncated", () => {
	const rig = new Rig({ blockLength: 1_024, length: 2 * LENGTH });
	rig.serveAll();
	assert.equal(rig.said().at(-1), "failed truncated");
});

test("what is no name of files, or no number of one, is refused", () => {
	const { connection } = new CoAPRig();
	assert.equal(codeOf(() => connection.addDownload("a/b", 0, undefined as never)), "argument");
	assert.equal(codeOf(() => connection.addDownload("a", 256, undefined as never)), "argument");
});

test("closed, it asks for nothing", () => {
	const rig = new Rig({ blockLength: 1_024, length: LENGTH });
	const second = rig.connection.addDownload("other", 0, new Download({ onBlock: () => {}, onComplete: () => {}, onFailed: () => {} }, "u-", { length: 9 }));
	second.close();
	second.close();
	assert.deepEqual(rig.open(), ["GET files/image/3 0/1024"]);
	assert.ok(rig.find("GET").options.block !== undefined);
});
