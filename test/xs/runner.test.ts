// SPDX-License-Identifier: Apache-2.0
/** The runner tells what failed: a suite on the engine that could not fail would prove nothing. */
import assert from "node:assert/strict";
import { writeFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { packageRoot } from "../../hosts/xs/node/build.js";
import { runXS, sdkModules } from "../../hosts/xs/node/run.js";
import { bundle } from "./bundle.js";
import { availableBits, runTestFile, temporaryDirectory } from "./runner.js";

for (const bits of await availableBits()) {
	test(`XS ${bits}: passed, failed and skipped tests are each told`, async () => {
		const { results, complete, output } = await runTestFile(join(packageRoot, "dist/test/xs/fixtures/mixed.js"), { bits });
		assert.equal(complete, true, output.join("\n"));
		assert.deepEqual(results.map(({ path, skipped, error }) => [path.join(" > "), skipped ?? false, error?.split("\n")[0]]), [
			["passes", false, undefined],
			["fails", false, "[ERR_ASSERTION] AssertionError: 1 is not 2"],
			["is skipped", true, undefined],
			["waits", false, undefined],
			["group > comes after > inner fails", false, "Error: inside"],
			["group > comes after", false, undefined],
		]);
	});

	test(`XS ${bits}: the simulator's codec package runs in a bundle with thawed built-ins`, async () => {
		const directory = temporaryDirectory();
		try {
			const source = join(directory, "source.js");
			const program = join(directory, "program.js");
			writeFileSync(source, `
				import mqtt from ${JSON.stringify(join(packageRoot, "node_modules/mqtt-packet/mqtt.js"))};
				mqtt.writeToStream.cacheNumbers = false;
				const parser = mqtt.parser();
				parser.on("packet", (packet) => console.log(packet.cmd, packet.topic, String(packet.payload)));
				parser.parse(mqtt.generate({ cmd: "publish", topic: "a/b", payload: "hello", qos: 1, messageId: 7 }));
			`);
			await bundle({ entries: [source], outfile: program, preloaded: [] });
			const lines: string[] = [];
			const { code, errors } = await runXS({
				program, directory, bits, preload: [], thaw: true, arena: 16 * 2 ** 20, stack: 4096, onLine: (line) => lines.push(line),
			});
			assert.deepEqual([code, errors, lines], [0, [], ["publish a/b hello"]]);
		} finally {
			rmSync(directory, { recursive: true });
		}
	});
}

test("what is preloaded are the SDK and the host, and nothing of Node", () => {
	const modules = sdkModules();
	assert(modules.some((path) => path.endsWith("dist/src/host.js")));
	assert(!modules.some((path) => path.includes("hosts/xs/node")));
});
