#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/** A long run: `node dist/test/fuzz/main.js [seed] [inputs]`. Prints the counts; exits with 1 when something does not hold. */
import { runFuzz } from "./fuzz.js";

const [seed = "1", inputs = "1000000"] = process.argv.slice(2);
console.log(JSON.stringify(runFuzz({ seed: Number(seed), inputs: Number(inputs) }), undefined, "\t"));
