// SPDX-License-Identifier: Apache-2.0
/** Images on the engine: the boot loader runs before each start of the process, and a program can go back to the one before. */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { runXS } from "../../hosts/xs/node/run.js";
import { availableBits, temporaryDirectory } from "./runner.js";

const LIMIT_MS = 60_000;

for (const bits of await availableBits()) {
	test(`XS ${bits}: an image is tried, reverted by a restart, tried again, confirmed, and reverted to`, async () => {
		const directory = temporaryDirectory(), program = join(directory, "program.js"), lines: string[] = [];
		try {
			writeFileSync(program, `
				import host from "moorline/host";
				const { images, flash, storage, system } = host;
				const counts = storage.open({ path: "counts" }), boot = (counts.read("boots")?.[0] ?? 0) + 1;
				counts.write("boots", new Uint8Array([boot]));
				const running = flash.open({ path: "running" }), name = new Uint8Array(3);
				running.read(name, 16);
				host.trace(host.text.decode(name, 0, 3) + (images.onTrial ? "? " : " ") + images.canRevert);
				if (boot === 1) {
					const next = flash.open({ path: "nextota" }), digest = host.crypto.digest("SHA-256"), image = new Uint8Array(51), head = new Uint8Array(19);
					running.read(head, 0);
					image.set(head);
					host.text.encode("two", image, 16);
					digest.update(image.subarray(0, 19));
					image.set(digest.digest(), 19);
					next.eraseBlock(0);
					next.write(image, 0);
				}
				if (boot === 1 || boot === 3) images.activate();
				if (boot === 4) images.confirm();
				if (boot === 5) images.revert();
				if (boot < 6) system.restart();
			`);
			const { code, errors } = await runXS({
				program, directory, bits, signal: AbortSignal.timeout(LIMIT_MS), onLine: line => lines.push(line),
				images: { slot: 65_536, factory: Buffer.from("one") },
			});
			assert.deepEqual([code, errors], [0, []]);
			assert.deepEqual(lines, ["one false", "two? true", "one false", "two? true", "two true", "one false"]);
		} finally {
			rmSync(directory, { recursive: true });
		}
	});

	test(`XS ${bits}: a device without slots has no images`, async () => {
		const directory = temporaryDirectory(), program = join(directory, "program.js"), lines: string[] = [];
		try {
			writeFileSync(program, `
				import host from "moorline/host";
				host.trace(String(host.images));
				try { host.flash.open({ path: "nextota" }); } catch (error) { host.trace(error.code); }
			`);
			await runXS({ program, directory, bits, signal: AbortSignal.timeout(LIMIT_MS), onLine: line => lines.push(line) });
			assert.deepEqual(lines, ["undefined", "argument"]);
		} finally {
			rmSync(directory, { recursive: true });
		}
	});
}
