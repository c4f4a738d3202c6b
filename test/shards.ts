#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/**
 * Runs a program with a share of the work on each processor: `node dist/test/shards.js PROGRAM COUNT [SEED]` starts it with
 * a part of the count and a first seed of its own. Exits with 1 when one of them fails.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";

const [program = "", total = "", first = "1"] = process.argv.slice(2);
const shards = availableParallelism();
const share = Math.ceil(Number(total) / shards);
const begin = performance.now();
const codes = await Promise.all(Array.from({ length: shards }, async (_, index) => {
	const seed = Number(first) + index * share;
	const [code] = await once(spawn(process.execPath, [program, String(share), String(seed)], { stdio: "inherit" }), "exit") as [number | null];
	return code;
}));
console.log(`${shards} processes, ${Math.round((performance.now() - begin) / 1000)} s`);
process.exitCode = codes.every((code) => code === 0) ? 0 : 1;
