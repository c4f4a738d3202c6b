#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/** A long run: `node dist/test/fuzz/main.js [inputs] [seed]`. Prints the seed and the counts; exits with 1 when something does not hold. */
import { fuzzCoAP } from "./coap.js";
import { fuzzDocuments } from "./documents.js";
import { fuzzHTTP } from "./http.js";
import { runFuzz } from "./fuzz.js";

const [inputs = "1000000", seed = "1"] = process.argv.slice(2);
const options = { seed: Number(seed), inputs: Number(inputs) };
/** The other parser of HTTP takes its time. */
const http = await fuzzHTTP({ ...options, inputs: Math.ceil(options.inputs / 10) });
console.log(JSON.stringify({ ...options, ...runFuzz(options), documents: fuzzDocuments(options), coap: fuzzCoAP(options), http }));
