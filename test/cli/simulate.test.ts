// SPDX-License-Identifier: Apache-2.0
/** `moorline simulate` as a user starts it: what it prints can be pasted, and what it makes can be used. */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { Aedes } from "aedes";
import { connectAsync, type IClientOptions } from "mqtt";
import { type Command, type Event, LAMP, MOORLINE, moorline, paste, Place } from "./command.js";

const TIMEOUT = 120_000;
const EPHEMERAL = ["--port", "0", "--tls-port", "0"] as const;

const noTool = spawnSync("mosquitto_sub", ["--help"]).error !== undefined;
const needsTool = noTool && process.env["CI"] !== "true" ? "SKIPPED: mosquitto_sub is not installed" : false;
if (needsTool !== false) console.warn(needsTool);

async function start(context: TestContext, place: Place, ...words: readonly string[]): Promise<Command> {
	const command = moorline(context, place, "simulate", "--json", ...words);
	await command.event("ready");
	return command;
}

async function stop(command: Command): Promise<void> {
	command.kill("SIGINT");
	assert.deepEqual(await command.ended, { code: 0, signal: null });
	await command.event("stopped");
	assert.deepEqual(command.stderr, []);
}

const of = (device: string) => (event: Event): boolean => event.device === device;

test("the line for a device can be pasted; the cloud tells its coming, its report and its going", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const cloud = await start(context, place, ...EPHEMERAL, "--device", "lamp-1", "--device", "lamp-2");
	for (const id of ["lamp-1", "lamp-2"]) {
		const device = paste(context, place, (await cloud.event("device", of(id))).run);
		await cloud.event("online", of(id));
		assert.deepEqual((await cloud.event("shadow", of(id))).reported, { on: false, brightness: 100 });
		await device.line(line => line === `${id}: in sync at version 1`);
		device.kill("SIGINT");
		assert.deepEqual(await device.ended, { code: 0, signal: null });
		await cloud.event("offline", of(id));
	}
	await stop(cloud);
	assert.deepEqual(await place.left(), []);
});

test("the line to watch can be pasted", { timeout: TIMEOUT, skip: needsTool }, async context => {
	const place = await Place.make(context);
	const cloud = await start(context, place, ...EPHEMERAL, "--device", "lamp-1");
	const watch = paste(context, place, (await cloud.event("broker")).watch);
	await cloud.event("online", of("moorline-operator"));
	paste(context, place, (await cloud.event("device")).run);
	await watch.line(line => line.startsWith("moorline/lamp-1/status {\"online\":true"));
	await watch.line(line => line.startsWith("moorline/lamp-1/shadow/report {"));
	await stop(cloud);
});

test("another start in the same directory has the same authority and the same devices", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const files: string[][] = [];
	for (let times = 0; times < 2; times++) {
		const cloud = await start(context, place, ...EPHEMERAL, "--directory", "kept", "--device", "lamp-1");
		const { ca, cert, key } = await cloud.event("device");
		files.push(await Promise.all([ca, cert, key].map(file => readFile(join(place.path, String(file)), "utf8"))));
		await stop(cloud);
	}
	assert.deepEqual(files[0], files[1]);
});

test("--key-type RSA-2048 makes the keys that Moddable's TLS can sign with", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const cloud = await start(context, place, ...EPHEMERAL, "--device", "lamp-1", "--key-type", "RSA-2048");
	const { cert } = await cloud.event("device");
	assert.equal(new X509Certificate(await readFile(join(place.path, String(cert)))).publicKey.asymmetricKeyType, "rsa");
	await stop(cloud);
});

test("a port that is taken is said so, with 1", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const cloud = await start(context, place, ...EPHEMERAL);
	const second = moorline(context, place, "simulate", "--directory", "other", "--port", String((await cloud.event("broker")).port), "--tls-port", "0");
	assert.deepEqual(await second.ended, { code: 1, signal: null });
	assert.match(second.stderr.join("\n"), /^moorline: unreachable: cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/);
	await stop(cloud);
});

test("WebSockets are served where they are asked for, for a device with its certificate and, without TLS, for anybody", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const plain = await start(context, place, ...EPHEMERAL);
	assert.equal((await plain.event("broker")).webSocketPort, undefined);
	await stop(plain);
	const cloud = await start(context, place, ...EPHEMERAL, "--ws-port", "0", "--wss-port", "0", "--device", "lamp-1");
	const { webSocketPort, secureWebSocketPort, ca } = await cloud.event("broker"), { cert, key } = await cloud.event("device", of("lamp-1"));
	const read = (file: unknown): Promise<Buffer> => readFile(join(place.path, String(file)));
	const credentials = { ca: await read(ca), cert: await read(cert), key: await read(key) };
	for (const [url, options] of [[`wss://localhost:${secureWebSocketPort}/`, credentials], [`ws://127.0.0.1:${webSocketPort}/`, {}]] as const) {
		const device = await connectAsync(url, { ...options, clientId: "lamp-1", reconnectPeriod: 0 });
		await device.publishAsync("moorline/lamp-1/status", JSON.stringify({ online: true }), { qos: 1 });
		await device.endAsync();
	}
	await stop(cloud);
});

test("--cloud aws is AWS's broker and shadows: a thing on either port, and everything for who watches", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const cloud = await start(context, place, "--cloud", "aws", ...EPHEMERAL, "--alpn-port", "0", "--device", "lamp-1", "--device", "lamp-2");
	const { endpoint, port, alpnPort, ca, watch } = await cloud.event("broker");
	assert.match(String(watch), / -i moorline-operator -t '#' -t '\$aws\/#' /);
	const watcher = await connectAsync(`mqtt://127.0.0.1:${port}`, { clientId: "moorline-operator", reconnectPeriod: 0 });
	await watcher.subscribeAsync(["#", "$aws/#"], { qos: 1 });
	const seen = new Set<string>();
	watcher.on("message", topic => { seen.add(topic); });
	const hears = async (topic: string): Promise<void> => { while (!seen.has(topic)) await new Promise<void>(resolve => { watcher.once("message", () => { resolve(); }); }); };
	const read = (file: unknown): Promise<Buffer> => readFile(join(place.path, String(file)));
	const ways: readonly [id: string, url: string, more: IClientOptions][] = [
		["lamp-1", String(endpoint), {}], ["lamp-2", `mqtts://localhost:${alpnPort}`, { ALPNProtocols: ["x-amzn-mqtt-ca"] }],
	];
	for (const [id, url, more] of ways) {
		const { cert, key, run } = await cloud.event("device", of(id));
		assert.equal(run, undefined);
		const device = await connectAsync(url, { ...more, ca: await read(ca), cert: await read(cert), key: await read(key), clientId: id, reconnectPeriod: 0 });
		await cloud.event("online", of(id));
		await device.publishAsync(`$aws/things/${id}/shadow/name/config/update`, JSON.stringify({ state: { reported: { on: true } } }), { qos: 1 });
		const { name, version, reported } = await cloud.event("shadow", of(id));
		assert.deepEqual([name, version, reported], ["config", 1, { on: true }]);
		await device.publishAsync(`$aws/things/${id}/shadow/name/config/delete`, "", { qos: 1 });
		await cloud.event("shadow", event => event.device === id && event.deleted === true);
		await device.endAsync();
		await cloud.event("offline", of(id));
		await hears(`$aws/things/${id}/shadow/name/config/update/accepted`);
		await hears(`$aws/events/presence/disconnected/${id}`);
	}
	await watcher.endAsync();
	await stop(cloud);
});

test("the files of a device are taken in PEM and DER, and must belong together", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const cloud = await start(context, place, ...EPHEMERAL, "--device", "lamp-1", "--device", "lamp-2");
	const [one, two] = [await cloud.event("device", of("lamp-1")), await cloud.event("device", of("lamp-2"))];
	const { endpoint } = await cloud.event("broker");
	const read = (file: unknown): Promise<Buffer> => readFile(join(place.path, String(file)));
	const der = { ca: "ca.der", cert: "cert.der", key: "key.der" };
	await writeFile(join(place.path, der.ca), new X509Certificate(await read(one.ca)).raw);
	await writeFile(join(place.path, der.cert), new X509Certificate(await read(one.cert)).raw);
	const key = createPrivateKey(await read(one.key));
	const words = ["run", LAMP, "--broker", String(endpoint), "--ca", der.ca, "--cert", der.cert, "--key", der.key];
	for (const type of ["pkcs8", "sec1"] as const) {
		await writeFile(join(place.path, der.key), key.export({ type, format: "der" }));
		const device = moorline(context, place, ...words);
		await device.line(line => line.startsWith("lamp-1: in sync"));
		device.signal("SIGINT");
		assert.equal((await device.ended).code, 0);
	}
	await writeFile(join(place.path, der.key), createPrivateKey(await read(two.key)).export({ type: "pkcs8", format: "der" }));
	const mixed = moorline(context, place, ...words);
	assert.deepEqual(await mixed.ended, { code: 1, signal: null });
	assert.deepEqual(mixed.stderr, ["moorline: credential: the key in key.der is not that of the certificate in cert.der"]);
	await writeFile(join(place.path, der.key), "nothing");
	const nothing = moorline(context, place, ...words);
	assert.equal((await nothing.ended).code, 1);
	assert.deepEqual(nothing.stderr, ["moorline: credential: key.der holds no private key in PEM or DER"]);
	await stop(cloud);
});

test("beside a foreign broker only the services run, and a device is served through it", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const url = await foreignBroker(context);
	const cloud = await start(context, place, "--broker", url);
	const device = moorline(context, place, "run", LAMP, "--broker", url, "--id", "lamp-9");
	await device.line(line => line === "lamp-9: in sync at version 1");
	await cloud.event("online", of("lamp-9"));
	assert.equal((await cloud.event("shadow", of("lamp-9"))).version, 1);
	device.signal("SIGINT");
	assert.equal((await device.ended).code, 0);
	await cloud.event("offline", of("lamp-9"));
	await stop(cloud);
});

test("a foreign broker that is not there is unreachable", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const command = moorline(context, place, "simulate", "--broker", "mqtt://127.0.0.1:1");
	assert.deepEqual(await command.ended, { code: 1, signal: null });
	assert.match(command.stderr.join("\n"), /^moorline: unreachable: cannot reach the broker at mqtt:\/\/127\.0\.0\.1:1: /);
});

test("a reader that goes away ends it, as Ctrl-C does", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const line = "node \"$0\" simulate --port 0 --tls-port 0 --device lamp-1 | head -n 1; echo ${PIPESTATUS[0]}";
	const { stdout } = await promisify(execFile)("bash", ["-c", line, MOORLINE], { cwd: place.path });
	assert.match(stdout, /^Broker .*\n0\n$/);
});

async function foreignBroker(context: TestContext): Promise<string> {
	const aedes = await Aedes.createBroker();
	const sockets = new Set<Socket>();
	const server = createServer(socket => {
		sockets.add(socket);
		aedes.handle(socket);
	}).listen(0, "127.0.0.1");
	await once(server, "listening");
	context.after(() => {
		aedes.close();
		server.close();
		for (const socket of sockets) socket.destroy();
	});
	return `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
