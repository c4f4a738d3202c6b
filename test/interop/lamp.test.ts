// SPDX-License-Identifier: Apache-2.0
/**
 * The lamp, unchanged, against a broker that is not ours: mosquitto with required client certificates, the cloud's
 * services beside it. On Node and on the engine of the device.
 */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { createCloud, type Cloud } from "../../hosts/simulator/index.js";
import { obstacle } from "../../hosts/xs/node/build.js";
import { moorline, LAMP, Place, type Command, type Event } from "../cli/command.js";
import { makeCertificates, toPEM, type HostileServers, type Identity } from "../host/certificates.js";
import { Mosquitto, needsMosquitto } from "./mosquitto.js";

const TIMEOUT = 120_000;
const ID = "lamp";
const HOSTILE: readonly (keyof HostileServers)[] = ["foreign", "expired", "notYetValid", "wrongHost", "unlinked"];

const noXS = await obstacle(64);
if (noXS !== undefined && process.env["CI"] === "true") throw new Error(noXS);
if (noXS !== undefined) console.warn(`SKIPPED on XS: ${noXS}`);
const hosts = noXS === undefined ? ["node", "xs"] as const : ["node"] as const;

/** The command that runs the lamp with an identity of its own, as the factory would hand it out. */
async function runLamp(
	context: TestContext, host: string, broker: string, anchor: Uint8Array, { chain, key }: Identity,
): Promise<Command> {
	const place = await Place.make(context);
	const files = { ca: toPEM("CERTIFICATE", anchor), cert: chain.map((der) => toPEM("CERTIFICATE", der)).join(""), key: toPEM("PRIVATE KEY", key) };
	const words: string[] = [];
	for (const [name, text] of Object.entries(files)) {
		const file = join(place.path, `${name}.pem`);
		await writeFile(file, text);
		words.push(`--${name}`, file);
	}
	return moorline(context, place, "run", LAMP, "--host", host, "--broker", broker, "--id", ID, "--json", ...words);
}

const syncedAt = (version: number) => ({ line }: Event): boolean => line === `${ID}: in sync at version ${version}`;

/** Resolves when the cloud knows that the device reports what is desired. */
function agreed(cloud: Cloud, version: number): Promise<void> {
	return new Promise((resolve) => {
		const look = (): void => {
			if (cloud.shadows.get(ID).version >= version && Object.keys(cloud.shadows.delta(ID)).length === 0) resolve();
		};
		cloud.shadows.onChanged = look;
		look();
	});
}

for (const host of hosts) {
	test(`${host}: the lamp syncs through mosquitto, and again after it was killed and started anew`, { ...needsMosquitto, timeout: TIMEOUT }, async (context) => {
		const cloud = await createCloud();
		context.after(() => cloud.close());
		const { authority } = cloud;
		const server = await authority.issueServer();
		const mosquitto = await Mosquitto.start({
			anchor: authority.certificate, server: { chain: [server.certificate], key: server.key },
		});
		context.after(() => mosquitto.stop());
		const url = `mqtts://localhost:${mosquitto.port}`;
		await cloud.bridge({ url });
		const { certificate, key } = await cloud.manufacture(ID);
		const lamp = await runLamp(context, host, url, authority.certificate, { chain: [certificate], key });
		await lamp.event("trace", syncedAt(1));
		assert.deepEqual(cloud.shadows.get(ID).reported, { on: false, brightness: 100 });
		cloud.shadows.desire(ID, { on: true, brightness: 30 });
		await lamp.event("trace", syncedAt(3));

		await mosquitto.kill();
		await lamp.event("trace", ({ line }) => /^lamp: (closed|unreachable): /.test(String(line)));
		// Nobody hears of this delta: the lamp must ask when it is back.
		cloud.shadows.desire(ID, { on: false });
		await mosquitto.restart();
		await agreed(cloud, 5);
		await lamp.event("trace", ({ line }) => /in sync at version [5-9]$/.test(String(line)));
		assert.equal(cloud.shadows.get(ID).reported["on"], false);
		lamp.kill("SIGINT");
		assert.equal((await lamp.ended).code, 0);
	});

	for (const hostile of HOSTILE) {
		test(`${host}: a server that is ${hostile} is refused with tls`, { ...needsMosquitto, timeout: TIMEOUT }, async (context) => {
			const certificates = await makeCertificates("P-256");
			const mosquitto = await Mosquitto.start({ anchor: certificates.anchor, server: certificates.hostile[hostile] });
			context.after(() => mosquitto.stop());
			const lamp = await runLamp(context, host, `mqtts://localhost:${mosquitto.port}`, certificates.anchor, certificates.client);
			const { line } = await lamp.event("trace");
			assert.match(String(line), /^lamp: tls: /);
			lamp.kill("SIGINT");
			await lamp.ended;
			assert.doesNotMatch(mosquitto.logs, /connected from .* as lamp/);
		});
	}
}
