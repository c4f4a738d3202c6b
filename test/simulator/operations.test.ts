// SPDX-License-Identifier: Apache-2.0
/** What a cloud in a program keeps, counts and tells of its devices, while the program listens to the same callbacks. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { connectAsync, type MqttClient } from "mqtt";
import { createAwsCloud, createCloud, type Cloud, type Notification, type OperationsOptions } from "../../hosts/simulator/index.js";
import { encode } from "../../hosts/simulator/services/formats.js";

async function serve(context: TestContext, operations: OperationsOptions): Promise<{ cloud: Cloud; connect: (id: string) => Promise<MqttClient> }> {
	const cloud = await createCloud({ operations });
	context.after(() => cloud.close());
	const { port } = await cloud.serve({ port: 0 });
	return { cloud, connect: id => connectAsync(`mqtt://127.0.0.1:${port}`, { clientId: id, reconnectPeriod: 0 }) };
}

/** Resolves when the cloud has it: what follows on the same connection came later. */
async function say(client: MqttClient, topic: string, message: object | Uint8Array): Promise<void> {
	await client.publishAsync(topic, Buffer.from(message instanceof Uint8Array ? message : JSON.stringify(message)), { qos: 1 });
}

suite("Operations of a cloud", () => {
	test("a program's own callbacks are called as before, whenever it sets them", async context => {
		const { cloud, connect } = await serve(context, {}), seen: string[] = [];
		cloud.registry.onChanged = ({ id, online }) => { seen.push(`${id} ${online}`); };
		cloud.shadows.onChanged = (id, { version }) => { seen.push(`${id} shadow ${version}`); };
		cloud.reports.onReport = (device, kind) => { seen.push(`${device} ${kind}`); };
		const lamp = await connect("lamp");
		await say(lamp, "moorline/lamp/shadow/report", { token: "t", reported: { on: true } });
		await say(lamp, "moorline/lamp/reports/logs/t-1", encode("cbor", { boot: 1, records: [[0, 1, 1, "main", "hello"]] }));
		assert.deepEqual(seen, ["lamp true", "lamp shadow 1", "lamp logs"]);
		const { statistics, stores } = cloud.operations!;
		assert.deepEqual([statistics.get("lamp")!.online, statistics.get("lamp")!.sent.messages], [true, 2]);
		assert.deepEqual(stores.list("logs").map(({ message }) => message), ["hello"]);
		cloud.registry.onChanged = undefined;
		const gone = new Promise<void>(resolve => { cloud.registry.onChanged = () => { resolve(); }; });
		await lamp.endAsync();
		await gone;
		assert.equal(statistics.get("lamp")!.online, false);
		assert.deepEqual(stores.list("events").map(({ kind }) => kind), ["online", "offline"]);
	});

	test("the configuration's history, firmware and jobs are kept", async context => {
		const { cloud, connect } = await serve(context, { rules: [{ name: "bad", when: "update-failed" }] }), told: Notification[] = [];
		cloud.onNotification = notification => { told.push(notification); };
		const lamp = await connect("lamp");
		await say(lamp, "moorline/lamp/status", { online: true, product: "lamp", version: "3" });
		cloud.shadows.desire("lamp", { level: 1 }, "configuration");
		cloud.shadows.desire("lamp", { level: 2 }, "configuration");
		cloud.shadows.desire("lamp", { other: 2 });
		cloud.jobs.create({ id: "u-1", document: {}, devices: ["lamp"] });
		await say(lamp, "moorline/lamp/jobs/next", { token: "a" });
		await say(lamp, "moorline/lamp/jobs/update", { token: "b", id: "u-1", status: "FAILED", details: { reason: "DIGEST" } });
		const { stores, statistics } = cloud.operations!;
		assert.deepEqual(stores.list("configurations").map(({ desired }) => desired), [{ level: 1 }, { level: 2 }]);
		assert.deepEqual(stores.list("updates").map(({ job, number, status }) => [job, number, status]), [["u-1", 1, "FAILED"]]);
		assert.deepEqual(stores.list("events", { where: { kind: "job" } }).map(({ details }) => (details as { status: string }).status), ["QUEUED", "IN_PROGRESS", "FAILED"]);
		assert.deepEqual([statistics.get("lamp")!.version, statistics.get("lamp")!.updates], ["3", { FAILED: 1 }]);
		assert.deepEqual(told.map(({ rule, device, subject, text }) => [rule, device, subject, text]), [["bad", "lamp", "u-1", "lamp u-1 FAILED, DIGEST"]]);
		await lamp.endAsync();
	});

	test("numbers and what lasts go on in the next cloud", async context => {
		const directory = mkdtempSync(join(tmpdir(), "moorline-operations-")), file = join(directory, "operations.sqlite");
		context.after(() => { rmSync(directory, { recursive: true, force: true }); });
		const rules = [{ name: "hot", when: "metric", metric: "t", above: 1 } as const, { name: "crash", when: "crash" } as const], told: string[] = [];
		for (const t of [2, 3, 0]) {
			const { cloud, connect } = await serve(context, { file, rules });
			cloud.onNotification = ({ clearedAt, text }) => { told.push(`${clearedAt === undefined} ${text}`); };
			const lamp = await connect("lamp");
			await say(lamp, `moorline/lamp/reports/metrics/t-${t}`, encode("cbor", { boot: 1, number: 3 - t, at: 5 + t, period: 5, counters: {}, gauges: { t }, timers: {} }));
			await say(lamp, "moorline/lamp/reports/crash/c", encode("cbor", { boot: 1, fingerprint: "0badcafe", count: 1, reason: "exception", vitals: {}, logs: [] }));
			await lamp.endAsync();
			cloud.operations!.command("lamp", { id: `c-${t}`, status: t === 0 ? "CREATED" : "IN_PROGRESS", payload: { command: "blink" } });
			await cloud.close();
		}
		assert.deepEqual(told, ["true lamp t is 2, above 1", "false lamp crashed: exception (0badcafe)", "false lamp t is 0"]);
		const { cloud } = await serve(context, { file, rules });
		const { statistics, stores } = cloud.operations!;
		assert.equal(statistics.get("lamp")!.crashes["0badcafe"]!.count, 1);
		assert.deepEqual(stores.list("commands").map(({ status, reason }) => `${status} ${reason}`), Array(3).fill("TIMED_OUT CLOUD_ENDED"));
		assert.deepEqual([statistics.get("lamp")!.connections, statistics.get("lamp")!.heartbeat!.gauges, stores.list("metrics").length], [3, { t: 0 }, 3]);
	});

	test("over CoAP, too; an operator is no device", async context => {
		const { cloud, connect } = await serve(context, {});
		const operator = await connect("moorline-operator");
		await say(operator, "moorline/lamp/shadow/report", { desired: { on: true } });
		const payload = Buffer.from('{"reported":{"on":true}}');
		const reply = await new Promise<{ code: string }>(resolve => {
			const peer = { identity: undefined } as never;
			cloud.coap.handle({ method: "iPATCH", path: ["moorline", "lamp", "shadow"], payload, contentFormat: 50, peer } as never, resolve);
		});
		assert.equal(reply.code, "2.04");
		const { statistics, stores } = cloud.operations!;
		assert.deepEqual(stores.list("messages").map(({ device, sent, topic }) => [device, sent, topic]), [["lamp", 1, "moorline/lamp/shadow"], ["lamp", 0, "moorline/lamp/shadow"]]);
		assert.deepEqual(statistics.list().map(({ device }) => device), ["lamp"]);
		await operator.endAsync();
	});

	test("of what AWS sends a new thing, keys are not kept", async context => {
		const cloud = await createAwsCloud({ operations: {} });
		context.after(() => cloud.close());
		const { port } = await cloud.serve({ port: 0 });
		cloud.registry.register("lamp");
		const lamp = await connectAsync(`mqtt://127.0.0.1:${port}`, { clientId: "lamp", reconnectPeriod: 0 });
		await lamp.subscribeAsync("$aws/things/lamp/shadow/get/+", { qos: 1 });
		await say(lamp, "$aws/things/lamp/shadow/get", {});
		cloud.operations!.message("lamp", { sent: false, topic: "$aws/certificates/create/json/accepted", payload: Buffer.from("-----BEGIN PRIVATE KEY-----") });
		const messages = cloud.operations!.stores.list("messages");
		assert.deepEqual(messages.map(({ topic, content }) => [topic, content === undefined]), [
			["$aws/things/lamp/shadow/get", false], ["$aws/things/lamp/shadow/get/rejected", false], ["$aws/certificates/create/json/accepted", true],
		]);
		assert.equal(messages[2]!.size, 27);
		await lamp.endAsync();
	});
});
