// SPDX-License-Identifier: Apache-2.0
/** The Node host keeps the promises. */
import { rmSync } from "node:fs";
import { after } from "node:test";
import { makeNodePlatform } from "./node-platform.js";
import { holdToPromises } from "./promises.js";

const platform = await makeNodePlatform();
after(() => rmSync(platform.directory, { recursive: true }));
holdToPromises(platform);
