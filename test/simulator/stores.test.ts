// SPDX-License-Identifier: Apache-2.0
/** What a cloud keeps: bounded, once, in order, and whole after the process was killed. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import type { DeviceError } from "../../src/base/error.js";
import { Stores, type StoresOptions } from "../../hosts/simulator/stores/stores.js";

const log = (number: number, message = "hello", device = "lamp") => ({ device, at: 5, boot: 1, number, uptime: number, level: 1, module: "main", message });

function open(context: TestContext, options?: StoresOptions): Stores {
	const stores = new Stores(options);
	context.after(() => { stores.close(); });
	return stores;
}

function place(context: TestContext): string {
	const directory = mkdtempSync(join(tmpdir(), "moorline-stores-"));
	context.after(() => { rmSync(directory, { recursive: true, force: true }); });
	return join(directory, "operations.sqlite");
}

suite("Stores", () => {
	test("give back what they were given, the oldest first", context => {
		const stores = open(context);
		const crash = { device: "lamp", at: 1_700_000_000_000, boot: 3, fingerprint: "0badcafe", count: 2, reason: "exception", heap: { free: 5 }, vitals: { a: [1, null] }, logs: [] };
		stores.add("crashes", crash);
		stores.add("messages", { device: "lamp", at: 1, sent: 1, topic: "a", size: 3, content: Uint8Array.of(0, 255, 1) });
		stores.add("messages", { device: "lamp", at: 2, sent: 0, topic: "b", size: 0 });
		stores.add("messages", { device: "other", at: 3, sent: 0, topic: "c", size: 0 });
		assert.deepEqual(stores.list("crashes"), [crash]);
		const messages = stores.list("messages", { where: { device: "lamp" } });
		assert.deepEqual(messages, [{ device: "lamp", at: 1, sent: 1, topic: "a", size: 3, content: Uint8Array.of(0, 255, 1) }, { device: "lamp", at: 2, sent: 0, topic: "b", size: 0 }]);
		assert.deepEqual(stores.list("messages", { limit: 1 }).map(({ topic }) => topic), ["c"]);
	});

	test("keep what is said twice once, and a newer state in place of the older", context => {
		const stores = open(context);
		stores.add("logs", log(1));
		stores.add("logs", log(1));
		// The same numbers, as after the storage was erased, are another record.
		stores.add("logs", { ...log(1), uptime: 7 });
		assert.equal(stores.list("logs").length, 2);
		stores.add("commands", { device: "lamp", at: 1, command: "c", payload: { command: "ping" }, status: "CREATED", createdAt: 1 });
		stores.add("commands", { device: "lamp", at: 2, command: "c", status: "SUCCEEDED", result: { ok: true } });
		assert.deepEqual(stores.list("commands"), [{ device: "lamp", at: 2, command: "c", payload: { command: "ping" }, status: "SUCCEEDED", result: { ok: true }, createdAt: 1 }]);
	});

	test("text that a device says is only text", context => {
		const stores = open(context), message = "'); DROP TABLE logs; -- \u001b[2J \u0000 end";
		stores.add("logs", log(1, message));
		assert.equal(stores.list("logs")[0]!.message, "'); DROP TABLE logs; -- \u001b[2J \ufffd end");
	});

	for (const [what, limits, size] of [["rows", { rows: 50 }, 1], ["bytes", { bytes: 10_000 }, 500]] as const) {
		test(`of each device the newest stay, by ${what}`, context => {
			const stores = open(context, { limits: { logs: limits } });
			for (let number = 0; number < 2_000; number++) stores.add("logs", log(number, "x".repeat(size)));
			stores.add("logs", log(0, "of another", "other"));
			const kept = stores.list("logs", { where: { device: "lamp" } }), numbers = kept.map(({ number }) => number!);
			assert.ok(kept.length <= 50 && kept.length >= 12, `${kept.length} rows`);
			assert.deepEqual(numbers, kept.map((_row, index) => 2_000 - kept.length + index));
			assert.equal(stores.list("logs", { where: { device: "other" } }).length, 1);
		});
	}

	test("are in a file when the process is killed, and what was not finished is taken back", async context => {
		const file = place(context);
		const script = `
			import { Stores } from ${JSON.stringify(new URL("../../hosts/simulator/stores/stores.js", import.meta.url).href)};
			const stores = new Stores({ file: ${JSON.stringify(file)}, delay: 1 });
			let number = 0;
			const more = () => {
				for (let count = 0; count < 50; count++, number++) stores.add("logs", { device: "lamp", at: 5, boot: 1, number, uptime: number, level: 1, module: "main", message: "m" });
				stores.flush();
				process.stdout.write(number + "\\n");
				setImmediate(more);
			};
			more();`;
		for (let round = 0; round < 3; round++) {
			const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
			let said = "";
			child.stdout.on("data", (chunk: Buffer) => {
				said += chunk.toString();
				if (said.split("\n").length > 4 + 7 * round) child.kill("SIGKILL");
			});
			await once(child, "close");
			const least = Number(said.split("\n").at(-2)), stores = new Stores({ file });
			const numbers = stores.list("logs").map(({ number }) => number!);
			stores.close();
			assert.ok(numbers.length >= least, `${numbers.length} of ${least}`);
			assert.equal(numbers.length % 50, 0);
			assert.deepEqual(numbers, numbers.map((_number, index) => index));
		}
	});

	test("a file that is none of ours is left alone; a lock without an owner is no hindrance", context => {
		const file = place(context);
		writeFileSync(file, "this is not a database, and it is longer than the head of one would be: ".repeat(20));
		assert.throws(() => new Stores({ file }), (error: DeviceError) => error.code === "corrupt");
		assert.ok(existsSync(file));
		assert.throws(() => new Stores({ file: join(file, "below") }), (error: DeviceError) => error.code === "storage");
	});

	test("what cannot be written is told, and the next rows are taken", context => {
		const failures: string[] = [], stores = open(context, { onFailure: ({ code }) => { failures.push(code); } });
		stores.add("logs", { ...log(1), level: {} as number });
		stores.flush();
		stores.add("logs", log(2));
		assert.deepEqual(stores.list("logs").map(({ number }) => number), [2]);
		assert.deepEqual(failures, ["storage"]);
	});
});
