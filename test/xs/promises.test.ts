// SPDX-License-Identifier: Apache-2.0
/** The XS host keeps the promises of test/host, with the Node platform as the other side of every wire. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { imagePartitions } from "../../hosts/boot/index.js";
import { packageRoot } from "../../hosts/xs/node/build.js";
import { IMAGE_SLOT, makeNodePlatform } from "../host/node-platform.js";
import { startDesk } from "./remote/parent.js";
import { availableBits, temporaryDirectory, testOnXS } from "./runner.js";

/** Some promises pass messages of megabytes, written as hexadecimal digits, to and from the parent. */
const ARENA = 64 * 2 ** 20;

const platform = await makeNodePlatform();
const desk = await startDesk(platform);
const directory = temporaryDirectory();
const entry = join(directory, "promises.js");
after(() => {
	desk.close();
	rmSync(platform.directory, { recursive: true });
	rmSync(directory, { recursive: true });
});
writeFileSync(entry, `
	import { holdToPromises } from ${JSON.stringify(join(packageRoot, "dist/test/host/promises.js"))};
	import { makePlatform } from ${JSON.stringify(join(packageRoot, "dist/test/xs/remote/device.js"))};
	import { after } from "node:test";
	const platform = await makePlatform();
	holdToPromises(platform);
	after(() => platform.close());
`);
for (const bits of await availableBits()) {
	testOnXS(entry, {
		bits,
		name: "the promises of test/host",
		arena: ARENA,
		arguments: [String(desk.port)],
		flash: { promises: 16_384, ...imagePartitions(IMAGE_SLOT) },
	});
}
