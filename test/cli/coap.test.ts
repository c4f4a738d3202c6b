// SPDX-License-Identifier: Apache-2.0
/** CoAP in place of MQTT, as a user asks for it: the same program on each host, and a cloud that serves both. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { obstacle } from "../../hosts/xs/node/build.js";
import { type Event, LAMP, moorline, Place } from "./command.js";

const TIMEOUT = 120_000;
/** The engine may have to be built first. */
const XS_TIMEOUT = 300_000;

const noXS = await obstacle(64);
const needsXS = noXS !== undefined && process.env["CI"] !== "true" ? `SKIPPED: ${noXS}` : false;
if (needsXS !== false) console.warn(needsXS);

const inSync = ({ line }: Event): boolean => /^lamp(-\d)?: in sync at version \d+$/.test(String(line));

for (const protocol of ["coap", "coap+tcp", "coaps+tcp", "coap+ws", "coaps+ws"]) {
	test(`the lamp over ${protocol}, with a cloud of its own`, { timeout: TIMEOUT }, async context => {
		const place = await Place.make(context);
		const command = moorline(context, place, "run", LAMP, "--protocol", protocol, "--json");
		await command.event("trace", inSync);
		assert.ok(String((await command.event("cloud")).endpoint).startsWith(`${protocol}://localhost:`));
		assert.deepEqual((await command.event("shadow")).reported, { on: false, brightness: 100 });
		command.kill("SIGINT");
		assert.deepEqual(await command.ended, { code: 0, signal: null });
		assert.deepEqual(await place.left(), []);
	});
}

test("the lamp over coap on the XS engine", { timeout: XS_TIMEOUT, skip: needsXS }, async context => {
	const place = await Place.make(context);
	const command = moorline(context, place, "run", LAMP, "--host", "xs", "--protocol", "coap", "--json");
	await command.event("trace", inSync);
	command.kill("SIGINT");
	assert.deepEqual(await command.ended, { code: 0, signal: null }, [...command.stdout, ...command.stderr].join("\n"));
});

test("the lamp over coap in the world: the same seed, the same fingerprint", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const fingerprint = async (...words: string[]): Promise<unknown> => {
		const command = moorline(context, place, "run", LAMP, "--host", "world", "--json", "--seed", "7", ...words);
		assert.deepEqual(await command.ended, { code: 0, signal: null }, command.stdout.join("\n"));
		await command.event("trace", inSync);
		return (await command.event("fingerprint")).fingerprint;
	};
	const first = await fingerprint("--protocol", "coap");
	assert.equal(await fingerprint("--protocol", "coap"), first);
	assert.notEqual(await fingerprint("--protocol", "coap+tcp"), first);
});

test("moorline simulate serves CoAP where it is asked to, and moorline run connects to it", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const cloud = moorline(context, place, "simulate", "--json", "--port", "0", "--tls-port", "0", "--coap-port", "0", "--coaps-port", "0", "--device", "lamp-1");
	const { udpPort, tcpPort, tlsPort } = await cloud.event("coap");
	const { ca, cert, key } = await cloud.event("device");
	await cloud.event("ready");
	const ways = [
		["lamp-2", `coap://127.0.0.1:${udpPort}`], ["lamp-3", `coap+tcp://127.0.0.1:${tcpPort}`],
		["lamp-1", `coaps+tcp://localhost:${tlsPort}`, "--ca", String(ca), "--cert", String(cert), "--key", String(key)],
	] as const;
	for (const [id, url, ...files] of ways) {
		const device = moorline(context, place, "run", LAMP, "--id", id, "--broker", url, "--json", ...files);
		await device.event("trace", inSync);
		assert.deepEqual((await cloud.event("shadow", event => event.device === id)).reported, { on: false, brightness: 100 });
		device.kill("SIGINT");
		assert.deepEqual(await device.ended, { code: 0, signal: null });
	}
	cloud.kill("SIGINT");
	assert.deepEqual(await cloud.ended, { code: 0, signal: null });
	assert.deepEqual(cloud.stderr, []);
});
