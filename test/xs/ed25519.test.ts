// SPDX-License-Identifier: Apache-2.0
/** Ed25519 on the engine of the device, with the memory of a stock ESP32 and its stack: see `programs/ed25519.ts`. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../../hosts/xs/node/build.js";
import { runXS, sdkImports, sdkModules } from "../../hosts/xs/node/run.js";
import vectors from "../vectors/ed25519-rfc8032.json" with { type: "json" };
import { availableBits, temporaryDirectory } from "./runner.js";

const TIMEOUT = 120_000;
const PROGRAM = join(packageRoot, "dist/test/xs/programs/ed25519.js");
const ARITHMETIC = fileURLToPath(import.meta.resolve("@noble/ed25519"));

for (const bits of await availableBits()) {
	test(`XS ${bits}: the signatures of RFC 8032 are valid, and altered ones are wrong`, { timeout: TIMEOUT }, async (t) => {
		const words: string[] = [], expected: string[] = [];
		for (const { publicKey, message, signature } of vectors.cases) {
			// Another bit of S, and another message.
			const altered = signature.slice(0, 64) + (signature.startsWith("0", 64) ? "1" : "0") + signature.slice(65);
			words.push(`${publicKey}:${message}:${signature}`, `${publicKey}:${message}:${altered}`, `${publicKey}:${message}00:${signature}`);
			expected.push("valid", "wrong", "wrong");
		}
		const directory = temporaryDirectory();
		try {
			const lines: string[] = [];
			const { code, report, errors } = await runXS({
				bits, directory, program: PROGRAM, arguments: words,
				preload: [...sdkModules(), ARITHMETIC], imports: { ...sdkImports(), "@noble/ed25519": ARITHMETIC },
				onLine: (line) => { lines.push(line); },
			});
			assert.equal(code, 0, errors.join("\n"));
			assert.equal(lines.pop(), "done");
			assert.deepEqual(lines.map((line) => line.split(" ")[0]), expected);
			const took = lines.map((line) => Number(line.split(" ")[1]));
			const { slotsPeak, slotBytes, chunksPeak, stackPeak } = report!;
			t.diagnostic(`${Math.min(...took)} to ${Math.max(...took)} ms; at most ${slotsPeak * slotBytes} bytes of slots, `
				+ `${chunksPeak} of chunks and ${stackPeak} slots of the stack, the program's own included`);
		} finally {
			rmSync(directory, { recursive: true });
		}
	});
}
