// SPDX-License-Identifier: Apache-2.0
/** What wears the flash out is counted, and is what it was without that. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FlashPartition, Host } from "../../../src/host.js";
import { countingHost, Wear } from "../../../src/operations/wear.js";
import { FakeHost } from "../fake-host.js";

test("countingHost counts changes of flash and storage, and passes all through", () => {
	const bare = new FakeHost();
	const lines: string[] = [];
	const partition: FlashPartition = {
		size: 8_192, blockLength: 4_096,
		read: (target, offset) => lines.push(`read ${target.byteLength} at ${offset}`),
		write: (source, offset) => lines.push(`write ${source.byteLength} at ${offset}`),
		eraseBlock: (from, to) => lines.push(`erase ${from} to ${to}`),
		close: () => lines.push("close"),
	};
	const wear = new Wear();
	const host = countingHost(Object.create(bare, { flash: { value: { open: () => partition } } }) as Host, wear);
	const bytes = new Uint8Array(4);
	const flash = host.flash.open({ path: "log" });
	flash.read(bytes, 1);
	flash.write(bytes, 2);
	flash.eraseBlock(1);
	flash.eraseBlock(0, 2);
	flash.close();
	assert.deepEqual([flash.size, flash.blockLength], [8_192, 4_096]);
	assert.deepEqual(lines, ["read 4 at 1", "write 4 at 2", "erase 1 to 2", "erase 0 to 2", "close"]);
	const domain = host.storage.open({ path: "state" });
	domain.write("key", bytes);
	assert.deepEqual([domain.read("key"), domain.keys()], [bytes, ["key"]]);
	domain.delete("key");
	assert.equal(domain.read("key"), undefined);
	domain.close();
	assert.ok(bare.domains[0]!.closed);
	assert.deepEqual([wear.programs, wear.erases, wear.writes], [1, 3, 2]);
	wear.clear();
	assert.deepEqual([wear.programs, wear.erases, wear.writes], [0, 0, 0]);
	assert.equal(host.time.now(), bare.clock, "the rest is the platform's");
});
