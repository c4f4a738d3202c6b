// SPDX-License-Identifier: Apache-2.0
/** The Node host as a process: what a kill leaves behind, how a restart ends it, and that it ends by itself. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { createHost, RESTART_EXIT_CODE } from "../../hosts/node/index.js";
import { pattern, refuses } from "./bench.js";
import { numberOf, PARTITION, recordOf, RECORD_LENGTH, slotOf, STORAGE_KEYS, storageValueOf } from "./programs/records.js";

const KILLS = 12;
const BLOCK_RECORDS = 4_096 / RECORD_LENGTH;
const TIMEOUT = { timeout: 60_000 };

function makeDirectory(context: TestContext): string {
	const directory = mkdtempSync(join(tmpdir(), "moorline-process-"));
	context.after(() => rmSync(directory, { recursive: true }));
	return directory;
}

function start(program: string, args: readonly string[], environment: Record<string, string> = {}) {
	const path = fileURLToPath(new URL(`./programs/${program}.js`, import.meta.url));
	return spawn(process.execPath, [path, ...args], { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, ...environment } });
}

/** Runs the program to its end; `onOutput` sees all of its output so far. */
function run(child: ReturnType<typeof start>, onOutput: (output: string) => void = () => {}): Promise<{ code: number | null; output: string }> {
	let output = "";
	child.stdout.setEncoding("latin1").on("data", (text: string) => {
		output += text;
		onOutput(output);
	});
	return new Promise((resolve, reject) => {
		child.on("error", reject);
		child.on("close", code => resolve({ code, output }));
	});
}

/** Starts the writer at `first` and kills it once it has said `count` numbers. @returns the last number it said */
async function killWriter(directory: string, first: number, count: number): Promise<number> {
	const child = start("writer", [directory, String(first)]);
	const { output } = await run(child, output => {
		if (output.split("\n").length > count) child.kill("SIGKILL");
	});
	const numbers = output.split("\n").slice(0, -1).map(Number);
	assert.deepEqual(numbers, numbers.map((_, index) => first + index));
	return numbers.at(-1)!;
}

function isWhole(record: Uint8Array): boolean {
	return Buffer.from(record).equals(recordOf(numberOf(record)));
}

test("storage and flash: a kill at any point leaves each value old or new, never torn, and loses nothing that was acknowledged", TIMEOUT, async context => {
	const directory = makeDirectory(context);
	const seeds = pattern(KILLS, 7);
	let next = 0;
	for (let kill = 0; kill < KILLS; kill++) {
		const last = await killWriter(directory, next, 1 + seeds[kill]! % 90);
		const host = createHost({ directory, partitions: PARTITION });

		const storage = host.storage.open({ path: "records" });
		const found = storage.keys().map(key => {
			const value = storage.read(key)!;
			const number = numberOf(value);
			assert.deepEqual(value, storageValueOf(number), `kill ${kill}: the value of ${key} is torn`);
			assert.equal(key, STORAGE_KEYS[number % STORAGE_KEYS.length]);
			return number;
		});
		const newest = Math.max(...found);
		assert(newest === last || newest === last + 1, `kill ${kill}: storage holds ${newest}, acknowledged was ${last}`);
		for (const number of [last, last - 1]) assert(number < next || found.includes(number), `kill ${kill}: storage lost ${number}`);

		const flash = host.flash.open({ path: "records" });
		const record = new Uint8Array(RECORD_LENGTH);
		for (let number = last; number >= next && number > last - BLOCK_RECORDS; number--) {
			flash.read(record, slotOf(number) * RECORD_LENGTH);
			assert.deepEqual(record, recordOf(number), `kill ${kill}: flash lost record ${number}`);
		}
		flash.read(record, slotOf(last + 1) * RECORD_LENGTH);
		assert(record.every(byte => byte === 0xff) || isWhole(record), `kill ${kill}: the record after ${last} is torn`);
		flash.close();
		// The writer begins each run with the erasure of a block.
		next = Math.ceil((newest + 1) / BLOCK_RECORDS) * BLOCK_RECORDS;
	}
});

test("storage: what a kill left half written is no key, and the next write goes over it", context => {
	const directory = makeDirectory(context);
	const storage = createHost({ directory }).storage.open({ path: "domain" });
	storage.write("key", new Uint8Array([1]));
	writeFileSync(join(directory, "storage", "domain", "key.new"), "half a val");
	writeFileSync(join(directory, "storage", "domain", "other.new"), "half a val");
	assert.deepEqual(storage.keys(), ["key"]);
	storage.write("key", new Uint8Array([2]));
	assert.deepEqual(storage.read("key"), new Uint8Array([2]));
});

test("storage: where no directory can be made the error is storage", context => {
	const directory = join(makeDirectory(context), "file");
	writeFileSync(directory, "");
	const storage = createHost({ directory }).storage.open({ path: "domain" });
	refuses("storage", () => storage.write("key", new Uint8Array(1)));
});

test("flash: a file of the wrong size is refused with storage", context => {
	const directory = makeDirectory(context);
	const host = createHost({ directory, partitions: { part: 8_192 } });
	host.flash.open({ path: "part" }).close();
	truncateSync(join(directory, "flash", "part"), 4_096);
	refuses("storage", () => host.flash.open({ path: "part" }));
});

test("createHost makes nothing in its directory before something is kept", context => {
	const directory = join(makeDirectory(context), "device");
	const host = createHost({ directory });
	host.storage.open({ path: "domain" }).read("key");
	assert.deepEqual(host.storage.open({ path: "domain" }).keys(), []);
	assert(!existsSync(directory));
	host.storage.open({ path: "domain" }).write("key", new Uint8Array(1));
	assert.deepEqual(readdirSync(directory), ["storage"]);
});

test("createHost refuses partitions that are no whole blocks, and names that no device has", () => {
	for (const partitions of [{ part: 0 }, { part: 4_095 }, { part: -4_096 }, { part: 2 ** 30 }, { "": 4_096 }, { "a name that is too long": 4_096 }]) {
		refuses("argument", () => createHost({ directory: "nowhere", partitions: partitions as unknown as Record<string, number> }), JSON.stringify(partitions));
	}
	refuses("argument", () => createHost({ directory: "" }));
});

test("createHost: trace, onRestart and resetReason are the caller's", () => {
	const said: string[] = [];
	const host = createHost({ directory: "nowhere", trace: line => said.push(line), onRestart: () => said.push("restart"), resetReason: "brownout" });
	host.trace("a line");
	host.system.restart();
	assert.deepEqual([...said, host.system.resetReason], ["a line", "restart", "brownout"]);
});

test("restart ends the process with code 75 at once, and what was written is kept", TIMEOUT, async context => {
	const directory = makeDirectory(context);
	const { code, output } = await run(start("restart", [], { MOORLINE_DIRECTORY: directory, MOORLINE_RESET_REASON: "software" }));
	assert.equal(code, RESTART_EXIT_CODE);
	assert.equal(output, "software\n");
	assert.deepEqual(createHost({ directory }).storage.open({ path: "restart" }).read("before"), new Uint8Array([1]));
});

test("a program whose sockets are closed and whose timers are done ends by itself", TIMEOUT, async context => {
	const server = createServer(socket => socket.on("error", () => {}));
	await new Promise<void>(resolve => { server.listen(0, "127.0.0.1", resolve); });
	context.after(() => server.close());
	const { port } = server.address() as AddressInfo;
	const { code, output } = await run(start("idle", [String(port)], { MOORLINE_DIRECTORY: makeDirectory(context) }));
	assert.equal(code, 0);
	assert.equal(output, "the last timer\n");
});
