// SPDX-License-Identifier: Apache-2.0
/** A release over HTTPS on the engine of the device, with the memory of a stock ESP32 and its stack: see `programs/download.ts`. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { createHost } from "../../hosts/node/index.js";
import { createCloud, IDENTITY_DOMAIN, type Cloud } from "../../hosts/simulator/index.js";
import { packageRoot, type Bits } from "../../hosts/xs/node/build.js";
import { runXS, type HeapReport } from "../../hosts/xs/node/run.js";
import { availableBits, temporaryDirectory } from "./runner.js";

const PROGRAM = join(packageRoot, "dist/test/xs/programs/download.js");
const LIMIT_MS = 60_000;
const SHORT = 64 * 1024;
const LONG = 1024 * 1024;
/** Slots and bytes of chunks that a kilobyte of the file may leave to the collector. */
const SLOTS_MAXIMUM = 8;
const CHUNKS_MAXIMUM = 64;
const wordSizes = await availableBits();

suite("a release over HTTPS", { timeout: 2 * LIMIT_MS }, () => {
	let cloud: Cloud;
	const directory = temporaryDirectory();

	before(async () => {
		cloud = await createCloud();
		await cloud.serve({ firmwarePort: 0 });
		const storage = createHost({ directory }).storage.open({ path: IDENTITY_DOMAIN });
		storage.write("anchor", cloud.authority.certificate);
		storage.close();
	});
	after(async () => {
		await cloud.close();
		rmSync(directory, { recursive: true });
	});

	async function fetch(bits: Bits, length: number): Promise<{ line: string; expected: string; report: HeapReport }> {
		const file = randomBytes(length);
		const url = cloud.firmware.put(`${length}.mrl`, file);
		const lines: string[] = [];
		const { code, errors, report } = await runXS({
			bits, program: PROGRAM, arguments: [url, `${length}`], directory, signal: AbortSignal.timeout(LIMIT_MS),
			onLine: (line) => { lines.push(line); },
		});
		assert.deepEqual([code, errors, lines.length], [0, [], 1]);
		return { line: lines[0]!, expected: createHash("sha256").update(file).digest("hex"), report: report! };
	}

	for (const bits of wordSizes) {
		test(`XS ${bits}: comes whole, and a kilobyte of it costs next to nothing`, async (context) => {
			const short = await fetch(bits, SHORT);
			const long = await fetch(bits, LONG);
			assert.deepEqual([short.line, long.line], [short, long].map(({ expected }) => `${expected} after 0 failures`));
			const kilobytes = (LONG - SHORT) / 1024;
			const slots = (long.report.slotsAllocated - short.report.slotsAllocated) / kilobytes;
			const chunks = (long.report.chunksAllocated - short.report.chunksAllocated) / kilobytes;
			context.diagnostic(`for each KB ${slots.toFixed(1)} slots, ${chunks.toFixed(0)} B of chunks; stack of ${long.report.stackPeak} slots`);
			assert.ok(slots < SLOTS_MAXIMUM && chunks < CHUNKS_MAXIMUM, `${slots} slots, ${chunks} B of chunks`);
		});

		test(`XS ${bits}: comes whole from a server that breaks off`, async () => {
			for (const resetAfter of [1, 5_000, 20_000]) cloud.firmware.fail({ resetAfter, chunked: resetAfter === 5_000 });
			const { line, expected } = await fetch(bits, SHORT);
			assert.equal(line, `${expected} after 3 failures`);
		});
	}
});
