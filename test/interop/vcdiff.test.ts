// SPDX-License-Identifier: Apache-2.0
/** Patches in both directions between us and xdelta3, which shares none of our code. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { encodePatch } from "../../hosts/release/vcdiff.js";
import { WINDOW_MAXIMUM } from "../../src/ota/vcdiff.js";
import { content, edit } from "../property/vcdiff-content.js";
import { Random } from "../property/random.js";
import { follow } from "../unit/ota/vcdiff-rig.js";

const CASES = 40;
const LENGTH = 60_000;
const TIMEOUT = 120_000;
/** Its smallest window. */
const WINDOW = 16_384;
/** Bytes of a window that says nothing but one COPY. */
const HEAD_MAXIMUM = 18;

function installed(): boolean {
	try {
		execFileSync("xdelta3", ["-V"], { stdio: "ignore" });
		return true;
	} catch {
		return false;
	}
}

const skip = !installed() && process.env["CI"] !== "true" ? "SKIPPED: xdelta3 is not installed (apt-get install xdelta3)" : false;
if (skip !== false) console.warn(skip);

/** Runs xdelta3 on `base` and `input`. @returns what it writes */
function xdelta3(words: readonly string[], base: Uint8Array, input: Uint8Array): Uint8Array {
	const directory = mkdtempSync(join(tmpdir(), "moorline-vcdiff-"));
	try {
		const [from, source, output] = ["input", "base", "output"].map((name) => join(directory, name)) as [string, string, string];
		writeFileSync(from, input);
		writeFileSync(source, base);
		execFileSync("xdelta3", [...words, "-f", "-s", source, from, output], { stdio: ["ignore", "ignore", "pipe"] });
		return new Uint8Array(readFileSync(output));
	} finally {
		rmSync(directory, { recursive: true });
	}
}

test("xdelta3 follows our patches", { skip, timeout: TIMEOUT }, () => {
	for (let seed = 1; seed <= CASES; seed++) {
		const random = new Random(seed);
		const base = content(random, 1 + random.below(LENGTH));
		const target = edit(random, base);
		if (target.length === 0) continue;
		// It says that it has no VCD_TARGET.
		const patch = encodePatch(base, target, { made: false });
		assert.deepEqual(xdelta3(["-d"], base, patch), target, `seed ${seed}`);
	}
});

test("our patches are about as short as xdelta3's, but for what small windows take", { skip, timeout: TIMEOUT }, () => {
	let ours = 0;
	let theirs = 0;
	let windows = 0;
	for (let seed = 1; seed <= CASES; seed++) {
		const random = new Random(seed);
		const base = content(random, 1 + random.below(LENGTH));
		const target = edit(random, base);
		ours += encodePatch(base, target).length;
		theirs += xdelta3(["-e", "-9", "-S", "none", "-n", "-A"], base, target).length;
		windows += Math.ceil(target.length / WINDOW_MAXIMUM);
	}
	assert.ok(ours < theirs * 1.05 + windows * HEAD_MAXIMUM, `${ours} bytes in ${windows} windows, and ${theirs}`);
});

test("we follow xdelta3's patches, in windows as large as it makes them", { skip, timeout: TIMEOUT }, () => {
	for (let seed = 1; seed <= CASES; seed++) {
		const random = new Random(seed);
		const base = content(random, 1 + random.below(LENGTH));
		const target = edit(random, base);
		if (target.length === 0) continue;
		// Without secondary compression, checksums and the names of files.
		const words = ["-e", `-${random.pick([1, 3, 6, 9])}`, "-S", "none", "-n", "-A", "-W", String(WINDOW)];
		const patch = xdelta3(words, base, target);
		const options = { size: target.length, windowMaximum: WINDOW, cut: () => 1 + random.below(4_096) };
		assert.deepEqual(follow(base, patch, options), target, `seed ${seed}`);
	}
});
