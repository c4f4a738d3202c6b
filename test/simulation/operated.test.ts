// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReportKind } from "../../src/operations/report.js";
import { FLAW, ID, OperatedScene, PERIOD } from "./operated.js";

type Body = Readonly<Record<string, unknown>> & { records: unknown[][]; messages: unknown[][]; logs: unknown[][]; counters: Record<string, number> };

const bodies = (scene: OperatedScene, kind: ReportKind): Body[] => scene.reports(kind).map(({ report }) => report as unknown as Body);

test("a device is commanded, logs, counts, records, crashes, and tells of it", () => {
	const scene = new OperatedScene(1);
	assert.equal(scene.ask("blink", { times: 3 }).status, "SUCCEEDED");
	assert.deepEqual([...scene.blinked.values()], [1]);
	assert.deepEqual(scene.ask("blink", {}).reason, "BAD_PARAMETERS");
	assert.deepEqual(scene.ask("dance").reason, "UNKNOWN_COMMAND");
	assert.equal(scene.ask("trace", { seconds: 60 }).status, "SUCCEEDED");
	assert.deepEqual(scene.ask("log-level", { level: "debug", seconds: 60 }).result, { levels: { "": "debug" } });
	assert.equal(scene.ask("report").status, "SUCCEEDED");
	scene.reach("told of", () => scene.reports("logs").length > 0 && scene.reports("trace").length > 0);
	const [{ records }] = bodies(scene, "logs") as [Body];
	assert.deepEqual(records.map(([number, , level, module, message, fields]) => [number, level, module, message, { ...fields as object }]), [
		[1, 2, "lamp", "starts", { boot: "power-on" }], [2, 2, "lamp", "blinks", { times: 3 }],
	]);
	const messages = bodies(scene, "trace").flatMap(({ messages }) => messages);
	assert.ok(messages.some(([, , , topic]) => topic === `moorline/${ID}/commands/request`), JSON.stringify(messages));
	assert.equal(bodies(scene, "metrics")[0]!.counters["blinks"], 3);
	scene.world.run(scene.world.clock.now + PERIOD + 60_000);
	scene.reach("a heartbeat", () => scene.reports("metrics").length > 1);

	const crashed = scene.ask("blink", { times: 10 });
	assert.deepEqual([crashed.status, crashed.reason], ["FAILED", "INTERRUPTED"]);
	scene.reach("a crash report", () => scene.reports("crash").length > 0);
	const [{ boot, reason, message, version, count, logs }] = bodies(scene, "crash") as [Body];
	assert.deepEqual({ boot, reason, message, version, count }, { boot: 1, reason: "exception", message: `Error: ${FLAW}`, version: "1.0.0", count: 1 });
	assert.equal(logs.at(-1)![4], "blinks");
	assert.deepEqual(scene.errors, []);
});
