#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/** A long run: `node dist/test/fuzz/main.js [inputs] [seed]`. Prints the seed and the counts; exits with 1 when something does not hold. */
import { runFuzz } from "./fuzz.js";

const [inputs = "1000000", seed = "1"] = process.argv.slice(2);
console.log(JSON.stringify({ seed: Number(seed), inputs: Number(inputs), ...runFuzz({ seed: Number(seed), inputs: Number(inputs) }) }));
