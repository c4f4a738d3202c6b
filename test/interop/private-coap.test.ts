// SPDX-License-Identifier: Apache-2.0
/** The private cloud over CoAP as `docs/private-cloud.md` has it: its examples, by libcoap's client, and devices beside. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { createHost } from "../../hosts/node/index.js";
import { Broker, createCloud, IDENTITY_DOMAIN, serve, writeIdentity, type Cloud, type PrivateManufactureOptions } from "../../hosts/simulator/index.js";
import { packageRoot } from "../../hosts/xs/node/build.js";
import { privateCloud } from "../../src/clouds/private/index.js";
import { Device, type DeviceOptions } from "../../src/device.js";
import { Client } from "../simulator/clients.js";
import { LAMP, moorline, Place } from "../cli/command.js";
import { LibcoapServer, needsLibcoap } from "./libcoap.js";

const CLIENT = "coap-client-notls";
const { skip } = needsLibcoap;
const OPTIONS = { timeout: 60_000 };

const DOCUMENT = readFileSync(join(packageRoot, "docs/private-cloud.md"), "utf8");
/** Lines of shell that call the client. */
const LINES = [...DOCUMENT.matchAll(/^```shell\n([\s\S]*?)^```$/gm)].flatMap(([, text]) => text!.trimEnd().split("\n"));

const run = promisify(execFile);

async function shell(line: string, port: number): Promise<string> {
	const command = line.replace(/^coap-client /, `${CLIENT} -v 0 -B 5 `).replace("coap://localhost/", `coap://127.0.0.1:${port}/`);
	assert.notEqual(command, line);
	return (await run("sh", ["-c", command.replace("-s 10 ", "-s 1 ")])).stdout;
}

function line(start: string): string {
	const found = LINES.find(each => each.startsWith(`coap-client ${start}`));
	assert.ok(found !== undefined, `the documentation has no line "${start}"`);
	return found;
}

async function open(context: TestContext): Promise<Cloud> {
	const cloud = await createCloud();
	context.after(() => cloud.close());
	return cloud;
}

test("the examples of the documentation, by libcoap's client", { ...OPTIONS, skip }, async context => {
	assert.equal(LINES.length, 6);
	const cloud = await open(context), { coap } = await cloud.serve({ coapPort: 0 }), port = coap!.udpPort!;
	assert.equal(await shell(line("-m ipatch"), port), `{"version":1}\n`);
	assert.deepEqual(cloud.shadows.get("lamp-1").desired, { on: true });
	assert.equal(await shell(line("-m get coap"), port), `{"version":1,"desired":{"on":true},"reported":{}}\n`);
	assert.match(await shell(line("-m get -s"), port), /^\{"version":1,"delta":\{"on":true\}\}/);
	const heard = new Promise<string>(resolve => {
		cloud.broker.attach().subscribe("moorline/lamp-1/temperature", (_, payload) => { resolve(Buffer.from(payload).toString()); });
	});
	await shell(line("-m post"), port);
	assert.equal(await heard, "21.5");
	const content = "a file of some more than sixteen bytes";
	cloud.files.put("lamp-1", "image", Buffer.from(content));
	assert.equal((await shell(line("-m get -b"), port)).trimEnd(), content);
	await shell(line("-m delete"), port);
	assert.deepEqual(cloud.shadows.get("lamp-1"), { version: 2, desired: {}, reported: {} });
});

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

/** A device on Node, in a directory of its own. */
async function lamp(context: TestContext, cloud: Cloud, options: PrivateManufactureOptions, callbacks: Partial<DeviceOptions>): Promise<Device> {
	const directory = mkdtempSync(join(tmpdir(), "moorline-coap-"));
	context.after(() => rmSync(directory, { recursive: true, force: true }));
	const host = createHost({ directory });
	const domain = host.storage.open({ path: IDENTITY_DOMAIN });
	writeIdentity(domain, await cloud.manufacture("lamp-1", options));
	domain.close();
	const device = new Device({ host, cloud: privateCloud({ reconnect: { base: 50, cap: 50 } }), ...callbacks });
	context.after(() => device.close());
	return device;
}

const WAYS = [
	["coap", "udpPort", false], ["coap", "udpPort", true], ["coap+tcp", "tcpPort", false], ["coap+tcp", "tcpPort", true],
	["coaps+tcp", "tlsPort", false], ["coap+ws", "webSocketPort", true], ["coaps+ws", "secureWebSocketPort", false],
] as const;

for (const [scheme, name, oscore] of WAYS) {
	test(`a device over ${scheme}${oscore ? " under OSCORE" : ""}: shadow, command, and a message of its own`, OPTIONS, async context => {
		const cloud = await open(context);
		const { coap } = await cloud.serve({ coapPort: 0, coapTcpPort: 0, coapWebSocketPort: 0, coapsTcpPort: 0, coapsWebSocketPort: 0 });
		const news = new News(), errors: string[] = [];
		cloud.shadows.onChanged = () => news.tell();
		cloud.commands.onChanged = () => news.tell();
		const heard: string[] = [];
		cloud.broker.attach().subscribe("moorline/lamp-1/temperature", (_, payload) => {
			heard.push(Buffer.from(payload).toString());
			news.tell();
		});
		cloud.shadows.desire("lamp-1", { on: true });
		const device = await lamp(context, cloud, { endpoint: `${scheme}://localhost:${coap![name]}`, oscore }, {
			onConnected() { this.publish("moorline/lamp-1/temperature", "21.5", { qos: 1 }); },
			onDelta(delta) { this.report(delta); },
			onCommand: (command) => command.succeed({ done: true }),
			onSync: () => news.tell(),
			onError: ({ message }) => { errors.push(message); },
		});
		await news.until(() => device.inSync && cloud.shadows.get("lamp-1").reported["on"] === true);
		cloud.shadows.desire("lamp-1", { on: false });
		await news.until(() => cloud.shadows.get("lamp-1").reported["on"] === false);
		const id = cloud.commands.send("lamp-1", { blink: 3 });
		await news.until(() => cloud.commands.get("lamp-1", id)?.status === "SUCCEEDED");
		await news.until(() => heard.length > 0);
		assert.deepEqual(heard, ["21.5"]);
		assert.equal(cloud.registry.get("lamp-1")?.online, true);
		assert.deepEqual(errors, []);
	});
}

test("a certificate speaks for its own device alone", OPTIONS, async context => {
	const cloud = await open(context), news = new News();
	const { coap } = await cloud.serve({ coapsTcpPort: 0 });
	const errors: string[] = [];
	const stranger = await cloud.manufacture("stranger");
	const directory = mkdtempSync(join(tmpdir(), "moorline-coap-"));
	context.after(() => rmSync(directory, { recursive: true, force: true }));
	const host = createHost({ directory });
	const domain = host.storage.open({ path: IDENTITY_DOMAIN });
	writeIdentity(domain, { ...stranger, id: "lamp-1", endpoint: `coaps+tcp://localhost:${coap!.tlsPort}` });
	domain.close();
	const device = new Device({ host, cloud: privateCloud(), onError({ message }) {
		errors.push(message);
		news.tell();
	} });
	context.after(() => device.close());
	await news.until(() => errors.length > 0);
	assert.match(errors[0]!, /4\.03/);
	assert.equal(cloud.registry.get("lamp-1"), undefined);
});

test("beside another broker: what a device over CoAP says goes there, and what an operator desires there comes to it", OPTIONS, async context => {
	const foreign = await serve(new Broker(), { port: 0 });
	context.after(() => foreign.close());
	const cloud = await open(context), url = `mqtt://127.0.0.1:${foreign.port}`;
	await cloud.bridge({ url });
	const { coap } = await cloud.serve({ coapPort: 0 });
	const operator = await Client.connect(url, { clientId: "moorline-operator" });
	context.after(() => operator.end());
	await operator.mqtt.subscribeAsync("moorline/lamp-1/temperature");
	const news = new News();
	cloud.shadows.onChanged = () => news.tell();
	await lamp(context, cloud, { endpoint: `coap://127.0.0.1:${coap!.udpPort}`, oscore: true }, {
		onConnected() { this.publish("moorline/lamp-1/temperature", "21.5", { qos: 1 }); },
		onDelta(delta) { this.report(delta); },
	});
	assert.equal((await operator.next()).text, "21.5");
	await operator.mqtt.publishAsync("moorline/lamp-1/shadow/report", JSON.stringify({ desired: { on: true } }), { qos: 1 });
	await news.until(() => cloud.shadows.get("lamp-1").reported["on"] === true);
});

test("moorline run over coaps with the key of a file reaches libcoap's server, which takes what is put there and no more", { ...OPTIONS, skip }, async context => {
	const server = await LibcoapServer.start(context, { build: "openssl", key: "secretPSK" });
	const place = await Place.make(context), file = join(place.path, "key");
	writeFileSync(file, `lamp@home:${Buffer.from("secretPSK").toString("hex")}\n`);
	const device = moorline(context, place, "run", LAMP, "--id", "lamp-1", "--broker", `coaps://${server.address}:${server.securePort}`, "--psk", file);
	await device.line(line => line === "lamp-1: connected");
	await device.line(line => line.endsWith("shadow refused: answered with 4.04"));
	device.kill("SIGINT");
	assert.deepEqual(await device.ended, { code: 0, signal: null });
});
