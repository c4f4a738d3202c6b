// SPDX-License-Identifier: Apache-2.0
/** The pure cloud in one script, run in a context that has nothing of Node: what the XS engine will be given. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import { aliases } from "../../hosts/simulator/portable/aliases.js";

/** A device's conversation with the cloud, in the words of the wire. */
const SCENARIO = `
	const cloud = new bundle.Backend({ wall: () => 5 });
	const sent = [];
	let isClosed = false;
	const connection = cloud.broker.open({ send(bytes) { sent.push(...bytes); return true; }, close() { isClosed = true; } }, { now: 0 });
	const bytesOf = text => [...new TextEncoder().encode(text)];
	const field = text => [text.length >> 8, text.length & 255, ...bytesOf(text)];
	const packet = (header, ...body) => { connection.receive(Uint8Array.of(header, body.length, ...body), 0); };
	packet(0x10, ...field("MQTT"), 4, 2, 0, 10, ...field("lamp"));
	packet(0x82, 0, 1, ...field("moorline/lamp/shadow/+"), 1);
	packet(0x32, ...field("moorline/lamp/shadow/report"), 0, 2, ...bytesOf('{"token":"t","reported":{"é":1}}'));
	const document = cloud.shadows.get("lamp");
	cloud.broker.expire(15_000);
	({ sent: new TextDecoder().decode(Uint8Array.from(sent)), document: JSON.stringify(document), isClosed, online: cloud.registry.get("lamp").online });
`;

suite("Bundle of the pure cloud", () => {
	test("runs where there is no Node: no process, no Buffer, no timers", async () => {
		const { outputFiles, warnings } = await build({
			stdin: { contents: `export { Backend } from "./backend.js";`, resolveDir: fileURLToPath(new URL("../../hosts/simulator/", import.meta.url)) },
			bundle: true, write: false, format: "iife", globalName: "bundle", platform: "neutral", target: "es2022", mainFields: ["main"],
			alias: aliases, logLevel: "silent",
		});
		assert.deepEqual(warnings, []);
		const context = createContext({ TextEncoder, TextDecoder });
		runInContext(outputFiles[0]!.text, context);
		const { sent, document, isClosed, online } = runInContext(SCENARIO, context) as { sent: string; document: string; isClosed: boolean; online: boolean };
		assert.equal(document, '{"version":1,"desired":{},"reported":{"é":1}}');
		assert.ok(sent.includes('moorline/lamp/shadow/accepted') && sent.includes('{"token":"t","version":1}'));
		assert.deepEqual([isClosed, online], [true, false]);
	});
});
