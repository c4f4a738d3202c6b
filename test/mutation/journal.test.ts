// SPDX-License-Identifier: Apache-2.0
/** The power cuts are worth something only if they catch a journal that is wrong: these are, on purpose. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FlashPartition } from "../../src/host.js";
import { FlashQueue } from "../../src/mqtt/flash-queue.js";
import { BlockRing } from "../../src/storage/blocks.js";
import { HEADER_LENGTH } from "../../src/storage/header.js";
import { Journal } from "../../src/storage/journal.js";
import { cutAlways, cutOnce, SCENARIOS } from "../simulation/journal-scenarios.js";
import { wrongly, type Method } from "./tamper.js";

/** The first scenario that fails, or `undefined`. */
function failing(tamper?: (partition: FlashPartition) => FlashPartition): string | undefined {
	return Object.keys(SCENARIOS).find((name) => {
		try {
			cutOnce(SCENARIOS[name]!, 1, tamper);
			cutAlways(SCENARIOS[name]!);
			return false;
		} catch {
			return true;
		}
	});
}

/** The first scenario that fails while `prototype[name]` is wrong, or `undefined`. */
function caught(prototype: object, name: string, method: (right: Method) => Method): string | undefined {
	return wrongly([{ prototype, name, method }], failing);
}

test("a journal that writes a record's header in a second program is caught", () => {
	assert.ok(failing((partition) => ({
		...partition,
		write(source, offset) {
			if (source.byteLength > HEADER_LENGTH) partition.write(source.subarray(HEADER_LENGTH), offset + HEADER_LENGTH);
			partition.write(source.subarray(0, HEADER_LENGTH), offset);
		},
	})));
});

test("a journal that takes a torn record for a whole one is caught", () => {
	assert.ok(caught(Journal.prototype, "verify", () => () => true));
});

test("a journal that appends to cells that a torn write left behind is caught", () => {
	assert.ok(caught(Journal.prototype, "isErased", () => () => true));
});

test("a journal that forgets where a block with a torn write ends is caught", () => {
	assert.ok(caught(BlockRing.prototype, "endOf", () => function (this: BlockRing, block: number) {
		return block + this.blockLength;
	}));
});

test("a journal that erases what is still kept is caught", () => {
	assert.ok(caught(BlockRing.prototype, "open", (open) => function (this: BlockRing, ...values: never[]) {
		return open.call(this, ...[-1, ...values.slice(1)] as never[]);
	}));
});

test("a journal that takes the blocks in the order in which they lie is caught", () => {
	assert.ok(caught(BlockRing.prototype, "findTail", (findTail) => function (this: BlockRing) {
		const found = findTail.call(this);
		while (found && this.load(this.next(this.tail)) && this.next(this.tail) > this.tail) this.tail = this.next(this.tail);
		return found;
	}));
});

test("a queue that flushes nothing is caught", () => {
	assert.ok(caught(FlashQueue.prototype, "flush", () => () => {}));
});

test("a queue that gives a released record's number to another is caught", () => {
	assert.ok(caught(Journal.prototype, "skipTo", () => () => {}));
});

test("a journal that leaves a block behind for each torn write is caught", () => {
	assert.ok(caught(BlockRing.prototype, "open", (open) => function (this: BlockRing, ...values: never[]) {
		return open.call(this, ...[...values.slice(0, 3), false] as never[]);
	}));
});
