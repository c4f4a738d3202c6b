// SPDX-License-Identifier: Apache-2.0
/**
 * The private cloud over mosquitto, as `docs/private-cloud.md` has it: its access rules, its examples, and a broker that
 * goes on without the cloud.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { createHost } from "../../hosts/node/index.js";
import { createAuthority } from "../../hosts/simulator/authority.js";
import {
	createCloud, IDENTITY_DOMAIN, ShadowFiles, writeIdentity, type Authority, type Cloud, type DeviceIdentity,
} from "../../hosts/simulator/index.js";
import { packageRoot } from "../../hosts/xs/node/build.js";
import { privateCloud, type PrivateCloudOptions } from "../../src/clouds/private/index.js";
import { Device } from "../../src/device.js";
import { Client } from "../simulator/clients.js";
import { Mosquitto, needsMosquitto } from "./mosquitto.js";

const OPTIONS = { ...needsMosquitto, timeout: 60_000 };
const RECONNECT = { base: 50, cap: 50 };
const DOCUMENT = readFileSync(join(packageRoot, "docs/private-cloud.md"), "utf8");

/** The examples of the documentation in one language. */
function examples(language: string): string[] {
	return [...DOCUMENT.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(([, text]) => text!);
}

function directory(context: TestContext): string {
	const path = mkdtempSync(join(tmpdir(), "moorline-private-"));
	context.after(() => rmSync(path, { recursive: true, force: true }));
	return path;
}

/** Resolves what waits when anything has happened. */
class News {
	readonly #waiting = new Set<() => void>();

	tell(): void {
		for (const look of [...this.#waiting]) look();
	}

	until(condition: () => boolean): Promise<void> {
		return new Promise(resolve => {
			const look = (): void => {
				if (!condition()) return;
				this.#waiting.delete(look);
				resolve();
			};
			this.#waiting.add(look);
			look();
		});
	}
}

/** A lamp on Node that does what it is told, in its own directory or in one that it had before. */
class Lamp {
	readonly news = new News();
	readonly told: string[] = [];
	readonly errors: string[] = [];
	readonly device: Device;

	constructor(context: TestContext, path: string, identity: Partial<DeviceIdentity>, options: PrivateCloudOptions = {}) {
		const host = createHost({ directory: path });
		const domain = host.storage.open({ path: IDENTITY_DOMAIN });
		if (domain.read("id") === undefined) {
			if (identity.key === undefined) for (const [key, text] of Object.entries(identity)) domain.write(key, Buffer.from(text as string));
			else writeIdentity(domain, identity as DeviceIdentity);
		}
		domain.close();
		const { news, told, errors } = this;
		this.device = new Device({
			host, cloud: privateCloud({ reconnect: RECONNECT, ...options }),
			onConnected: () => news.tell(),
			onDisconnected: () => news.tell(),
			onDelta(delta) {
				told.push(JSON.stringify(delta));
				this.report(delta);
				news.tell();
			},
			onSync: () => news.tell(),
			onError(error) {
				errors.push(error.message);
				news.tell();
			},
		});
		context.after(() => this.device.close());
	}
}

async function start(context: TestContext, authority: Authority, access: string): Promise<Mosquitto> {
	const server = await authority.issueServer();
	const mosquitto = await Mosquitto.start({ anchor: authority.certificate, server: { chain: [server.certificate], key: server.key }, access });
	context.after(() => mosquitto.stop());
	return mosquitto;
}

async function bridge(context: TestContext, authority: Authority, url: string, path: string): Promise<{ cloud: Cloud; news: News }> {
	const cloud = await createCloud({ authority, shadowStore: new ShadowFiles(join(path, "shadows")) });
	context.after(() => cloud.close());
	const news = new News();
	cloud.shadows.onChanged = () => news.tell();
	await cloud.bridge({ url });
	return { cloud, news };
}

const agree = (cloud: Cloud, id: string): boolean => cloud.shadows.get(id).version > 0 && Object.keys(cloud.shadows.delta(id)).length === 0;

/** Resolves with the first retained or live document of at least that version. */
async function documented(client: Client, topic: string, version: number): Promise<Record<string, unknown>> {
	for (;;) {
		const { topic: on, text } = await client.next();
		if (on !== topic || text === "") continue;
		const document = JSON.parse(text) as Record<string, unknown>;
		if ((document["version"] as number) >= version) return document;
	}
}

for (const format of ["json", "cbor"] as const) {
	test(`mosquitto, ${format}: the device goes on while the cloud is away, and the cloud has everything when it is back`, OPTIONS, async context => {
		const path = directory(context), flash = join(path, "lamp");
		const authority = await createAuthority();
		const [access] = examples("acl");
		const mosquitto = await start(context, authority, access!);
		const url = `mqtts://localhost:${mosquitto.port}`;
		const first = await bridge(context, authority, url, path);
		const identity = await first.cloud.manufacture("lamp-1");
		const before = new Lamp(context, flash, identity, { format });
		first.cloud.shadows.desire("lamp-1", { on: true });
		await first.news.until(() => first.cloud.shadows.get("lamp-1").reported["on"] === true);
		await before.news.until(() => before.device.inSync);
		before.device.close();

		// The operator wants something else while the lamp is off; a second later the broker knows, and the cloud ends.
		const operator = await authority.issueDevice({ id: "moorline-operator" });
		const watch = await Client.connect(url, { clientId: "moorline-operator", ca: authority.certificatePem, cert: operator.certificatePem, key: operator.keyPem });
		context.after(() => watch.end());
		const retained = watch.nextPacket();
		await watch.mqtt.publishAsync("moorline/lamp-1/shadow/report", '{"desired":{"on":false,"scene":"night"}}', { qos: 1 });
		await first.news.until(() => first.cloud.shadows.get("lamp-1").desired["scene"] === "night");
		const { version } = first.cloud.shadows.get("lamp-1");
		await watch.mqtt.subscribeAsync("moorline/lamp-1/shadow/document", { qos: 1 });
		for (let payload = (await retained).payload as Buffer; !payload.includes("night"); payload = (await watch.nextPacket()).payload as Buffer);
		await first.cloud.close();

		const lamp = new Lamp(context, flash, identity, { format });
		await lamp.news.until(() => lamp.told.length > 0);
		assert.deepEqual(JSON.parse(lamp.told[0]!), { on: false, scene: "night" });
		assert.deepEqual([lamp.device.inSync, lamp.device.reported], [false, { on: false, scene: "night" }]);

		const second = await bridge(context, authority, url, path);
		assert.equal(second.cloud.shadows.get("lamp-1").version, version);
		await second.news.until(() => agree(second.cloud, "lamp-1"));
		await lamp.news.until(() => lamp.device.inSync);
		assert.deepEqual(second.cloud.shadows.get("lamp-1"), { version: version + 1, desired: { on: false, scene: "night" }, reported: { on: false, scene: "night" } });
		assert.deepEqual([lamp.told.length, lamp.errors], [1, []]);
	});
}

test("mosquitto: the access rules of the documentation keep devices apart, and from the cloud's topics", OPTIONS, async context => {
	const path = directory(context);
	const authority = await createAuthority();
	const mosquitto = await start(context, authority, examples("acl")[0]!);
	const url = `mqtts://localhost:${mosquitto.port}`;
	const { cloud, news } = await bridge(context, authority, url, path);
	const lamp = new Lamp(context, join(path, "lamp"), await cloud.manufacture("lamp-1"));
	const other = new Lamp(context, join(path, "other"), await cloud.manufacture("other"));
	await lamp.news.until(() => lamp.device.connected);
	await other.news.until(() => other.device.connected);
	const wifi = lamp.device.shadow("wifi");
	for (const topic of ["moorline/other/shadow/report", "moorline/other/shadow/name/wifi/report", "moorline/lamp-1/shadow/delete"]) {
		lamp.device.publish(topic, '{"reported":{"stolen":true}}');
	}
	lamp.device.publish("moorline/other/shadow/document", '{"version":9,"desired":{"stolen":true},"reported":{}}', { retain: true });
	lamp.device.publish("moorline/lamp-1/shadow/delta", '{"version":9,"delta":{"forged":true}}');
	// What was said last is there: so is what was said before, or it never comes.
	lamp.device.report({ here: true });
	wifi.report({ channel: 6 });
	await news.until(() => cloud.shadows.get("lamp-1").reported["here"] === true && cloud.shadows.get("lamp-1", "wifi").reported["channel"] === 6);
	other.device.report({ here: true });
	await news.until(() => cloud.shadows.get("other").reported["here"] === true);
	assert.deepEqual([cloud.shadows.get("other"), cloud.shadows.get("other", "wifi").version], [{ version: 1, desired: {}, reported: { here: true } }, 0]);
	await other.news.until(() => other.device.inSync);
	assert.deepEqual([lamp.told, other.told, lamp.errors, other.errors], [[], [], [], []]);
});

test("mosquitto: a job, and a broker that is started anew and forgot what it retained", OPTIONS, async context => {
	const path = directory(context);
	const mosquitto = await Mosquitto.start({ plain: true });
	context.after(() => mosquitto.stop());
	const url = `mqtt://127.0.0.1:${mosquitto.plainPort}`;
	const { cloud, news } = await bridge(context, await createAuthority(), url, path);
	const host = createHost({ directory: join(path, "lamp") });
	const domain = host.storage.open({ path: IDENTITY_DOMAIN });
	for (const [key, text] of [["id", "lamp-1"], ["endpoint", url]] as const) domain.write(key, Buffer.from(text));
	domain.close();
	const told = new News();
	let finished = "";
	const device = new Device({
		host, cloud: privateCloud({ reconnect: RECONNECT }),
		onJob(job) {
			this.report({ done: job.document["what"]! });
			job.succeed({ how: "well" });
		},
		onJobFinished(job) {
			finished = job.id;
			told.tell();
		},
		onSync: () => told.tell(),
		onDisconnected: () => told.tell(),
	});
	context.after(() => device.close());
	await told.until(() => device.inSync);
	cloud.jobs.create({ id: "job-1", document: { what: "dance" }, devices: ["lamp-1"] });
	await told.until(() => finished === "job-1");
	const { status, details } = cloud.jobs.get("lamp-1", "job-1")!;
	assert.deepEqual([status, details], ["SUCCEEDED", { how: "well" }]);
	await news.until(() => cloud.shadows.get("lamp-1").reported["done"] === "dance");
	await mosquitto.restart();
	const watch = await Client.connect(url, { clientId: "watch" });
	context.after(() => watch.end());
	await watch.mqtt.subscribeAsync("moorline/lamp-1/shadow/document", { qos: 1 });
	assert.deepEqual((await documented(watch, "moorline/lamp-1/shadow/document", 1))["reported"], { done: "dance" });
});

/** Runs a script with mosquitto's tools set to our broker. @returns what it printed */
async function shell(context: TestContext, mosquitto: Mosquitto, script: string): Promise<string> {
	const tools = ["mosquitto_pub", "mosquitto_sub"].map(tool => `${tool}() { command ${tool} -h 127.0.0.1 -p ${mosquitto.plainPort} "$@"; }`);
	const child = spawn("sh", ["-ec", [...tools, script].join("\n")], { stdio: ["ignore", "pipe", "inherit"] });
	context.after(() => child.kill());
	let text = "";
	child.stdout.setEncoding("utf8").on("data", (piece: string) => { text += piece; });
	assert.deepEqual(await once(child, "close"), [0, null], script);
	return text;
}

test("mosquitto: the examples of the documentation, with a cloud", OPTIONS, async context => {
	const path = directory(context);
	const mosquitto = await Mosquitto.start({ plain: true });
	context.after(() => mosquitto.stop());
	const { cloud, news } = await bridge(context, await createAuthority(), `mqtt://127.0.0.1:${mosquitto.plainPort}`, path);
	const [desire, forget] = examples("sh");
	assert.equal(await shell(context, mosquitto, desire!), '{"version":1,"desired":{"on":true},"reported":{}}\n');
	await shell(context, mosquitto, forget!);
	await news.until(() => cloud.shadows.ids().length === 0);
	assert.equal(cloud.shadows.get("lamp-1").version, 2);
});

test("mosquitto: the examples of the documentation, without a cloud", OPTIONS, async context => {
	const path = directory(context);
	const mosquitto = await Mosquitto.start({ plain: true });
	context.after(() => mosquitto.stop());
	const [, , retain, answer] = examples("sh");
	await shell(context, mosquitto, retain!);
	// Listens before there is a lamp to be heard.
	const answered = shell(context, mosquitto, answer!);
	await mosquitto.logged(/Sending SUBACK/);
	const lamp = new Lamp(context, join(path, "lamp"), { id: "lamp-1", endpoint: `mqtt://127.0.0.1:${mosquitto.plainPort}` });
	await lamp.news.until(() => lamp.told.length === 1);
	await answered;
	await lamp.news.until(() => lamp.device.inSync);
	assert.deepEqual([lamp.told, lamp.device.reported, lamp.errors], [['{"on":false}'], { on: false }, []]);
});
