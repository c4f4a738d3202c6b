// SPDX-License-Identifier: Apache-2.0
/** A host that is recorded keeps all promises of the one that it wraps. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { Recorder, RecordingFile } from "../../hosts/record/index.js";
import type { Host } from "../../src/host.js";
import { makeNodePlatform } from "./node-platform.js";
import { holdToPromises } from "./promises.js";

const platform = await makeNodePlatform();
after(() => rmSync(platform.directory, { recursive: true }));
const file = new RecordingFile(join(platform.directory, "recording"));
const record = (host: Host): Host => new Recorder({ file, host, program: "", form: "function" }).host;
let host = record(platform.host);
/** All streams pass in the same way, and text is not recorded: half the time. */
const LEFT_OUT: readonly string[] = ["tls", "websocket", "secure websocket", "text"];
holdToPromises({
	...platform,
	name: "node, recorded",
	get host() { return host; },
	reboot: () => host = record(platform.reboot()),
}, shape => !LEFT_OUT.includes(shape));
