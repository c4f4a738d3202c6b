// SPDX-License-Identifier: Apache-2.0
/** Shadows in files: another cloud in the same directory has them, and what is none is said to be none. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { ShadowService } from "../../hosts/simulator/services/shadow.js";
import { ShadowFiles } from "../../hosts/simulator/shadow-files.js";

function place(context: TestContext): string {
	const path = mkdtempSync(join(tmpdir(), "moorline-shadows-"));
	context.after(() => rmSync(path, { recursive: true }));
	return join(path, "a", "shadows");
}

suite("Shadows in files", () => {
	test("a cloud that starts in the same directory has what the one before had, times and versions included", context => {
		const directory = place(context), long = "X".repeat(128);
		const first = new ShadowService({ store: new ShadowFiles(directory), wall: () => 5_000 });
		first.desire("lamp", { on: true });
		first.desire("Lamp", { on: false });
		first.desire("lamp", { channel: 6 }, "wifi");
		first.desire(long, { a: 1 }, "y".repeat(64));
		first.desire("gone", { a: 1 });
		first.delete("gone");
		assert.equal(readdirSync(directory).length, 5);
		const second = new ShadowService({ store: new ShadowFiles(directory) });
		for (const [id, name] of [["lamp", ""], ["Lamp", ""], ["lamp", "wifi"], [long, "y".repeat(64)], ["gone", ""]] as const) {
			assert.deepEqual(second.get(id, name), first.get(id, name), id);
		}
		assert.deepEqual(second.ids().sort(), first.ids().sort());
		assert.deepEqual([...new ShadowFiles(directory).load()].find(({ id, name }) => id === "lamp" && name === "")?.times, { on: { timestamp: 5 } });
	});

	test("a file that is none of ours is corrupt, one that was not finished is passed over", context => {
		const directory = place(context), files = new ShadowFiles(directory);
		assert.deepEqual(files.load(), []);
		new ShadowService({ store: files }).desire("lamp", {});
		writeFileSync(join(directory, "half.json.new"), "{");
		assert.equal(files.load().length, 1);
		for (const content of ["", "{", "{}", "[]", '{"id":"a","name":"","version":"1"}']) {
			writeFileSync(join(directory, "foreign.json"), content);
			assert.throws(() => files.load(), { code: "corrupt" }, content);
		}
	});
});
