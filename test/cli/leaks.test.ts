// SPDX-License-Identifier: Apache-2.0
/**
 * A device with all of its operation on does its best to give its private key away, by every way but that of writing it
 * out itself: what it says, what it dies of, what is recorded of it and what its cloud keeps is searched for the key.
 *
 * Then the device writes it out, and the same search finds it in the same places.
 */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join, sep } from "node:path";
import { createPrivateKey } from "node:crypto";
import { test } from "node:test";
import { connectAsync, type MqttClient } from "mqtt";
import { ask } from "../../hosts/simulator/control/client.js";
import { readPlace, type ControlPlace } from "../../hosts/simulator/control/place.js";
import { artefactsIn, formsIn, secretsOf } from "../secrets.js";
import { type Command, type Event, moorline, paste, Place } from "./command.js";

const TIMEOUT = 120_000;
/** Where the key belongs: in the device, and in the files that the factory made it from. */
const KEEPS_KEY = /[/\\](identity[/\\]\w+|lamp-1-key\.pem)$/;

/** All that a program can hand to the SDK in place of what it asks for, and what the SDK says of it. */
const PROGRAM = `
import { boolean, command, Device, model, Secret } from "moorline";
import { privateCloud } from "moorline/clouds/private";
import host from "moorline/host";

const key = host.storage.open({ path: "identity" }).read("key"), scalar = key.slice(36, 68);
const hex = Buffer.from(scalar).toString("hex"), secret = new Secret(hex);
const holders = { key, scalar, buffer: scalar.buffer, view: new DataView(scalar.buffer), list: [...scalar], map: new Map([["key", hex]]) };
const texts = {
	secret, error: Object.assign(new Error("of a key", { cause: key }), { key, hex }), nested: { deeper: { hex } }, toJSON: { toJSON: () => hex },
	closure: () => hex, symbol: Symbol(hex), template: \`\${secret}\`, json: JSON.stringify({ secret }),
};

const device = new Device({
	host, cloud: privateCloud(), firmware: { product: "lamp", version: "1.0.0" }, model: model({ on: boolean() }),
	log: { level: "debug", flash: { partition: "state", level: "debug" }, bytesPerMinute: 1_048_576, upload: "demand", echo: "debug" },
	heartbeat: { period: 60_000 }, trace: { content: 512 }, reports: { bytesPerMinute: 1_048_576 },
	commands: {
		attempt: command({ handler: attempt }),
		fail: command({ handler(call) { call.fail(secret, secret); } }),
		throw: () => { throw texts.error; },
		crash: () => { host.timer.set(() => { throw texts.error; }, 1); },
		plant: () => { host.trace(hex); device.log("lamp").error("planted", { hex: hex.slice(0, 60) }); device.report({ on: true }); },
	},
	onConnected() { host.trace("connected"); },
	onError(error) { told(error); },
});
const log = device.log("lamp");
device.report({ on: false });

function told(error) {
	const text = error.name + ": " + error.message;
	host.trace(text);
	log.error(text, { message: text, error });
}

function attempt(call) {
	call.progress(secret, secret);
	log.debug("held", holders);
	log.debug("texts", texts);
	for (const value of [...Object.values(holders), ...Object.values(texts)]) {
		log.error(value);
		log.warning("it", { value });
		log.info("it", value);
		log.debug("it", { a: { value }, b: [value] });
	}
	for (const value of [key, texts.error, texts.symbol, secret]) {
		for (const use of [
			() => device.report(value), () => device.report({ on: value }), () => device.shadow(value), () => device.configure({ model: value }),
			() => device.log(value), () => device.metrics.counter(value), () => device.metrics.gauge("gauge").set(value), () => JSON.parse(value),
			() => host.storage.open({ path: value }), () => host.storage.open({ path: "d" }).write(value, key), () => host.flash.open({ path: value }),
			() => host.keys.sign({ key: value, bytes: key, onSignature() {}, onError: told }),
			() => host.keys.sign({ key: key.slice(0, 100), bytes: key, onSignature() {}, onError: told }),
			() => new host.tls.io({ address: "127.0.0.1", port: 1, host: "h", secure: { certificates: [key], clientCertificates: [key], clientKey: value }, onError: told }),
			() => new Device({ host, cloud: privateCloud(), commands: {}, commandKeys: [value] }).close(),
		]) {
			try { use(); } catch (error) { told(error); }
		}
	}
	call.succeed({ secret });
}
`;

/** Tells the device to do something, and waits for its end. */
async function command(place: ControlPlace, name: string, parameters?: object): Promise<Event> {
	let last: Event | undefined;
	await ask(place, "command", { device: "lamp-1", payload: { command: name, parameters } }, (item: Event) => { last = item; });
	return last!;
}

/** What there is of a device and its cloud, but where the key belongs. */
class Artefacts {
	readonly #place: Place;
	readonly #wire: MqttClient;
	/** All that went through the broker, as it was. */
	readonly #passed: Buffer[] = [];
	readonly #commands: Readonly<Record<string, Command>>;

	constructor(place: Place, wire: MqttClient, commands: Readonly<Record<string, Command>>) {
		this.#place = place;
		this.#commands = commands;
		this.#wire = wire.on("message", (topic, payload) => { this.#passed.push(Buffer.from(topic), payload); });
	}

	/** Resolves with the next message of such a topic. */
	passing(part: string): Promise<void> {
		return new Promise(resolve => {
			const look = (topic: string): void => {
				if (!topic.includes(part)) return;
				this.#wire.off("message", look);
				resolve();
			};
			this.#wire.on("message", look);
		});
	}

	all(): Record<string, Uint8Array> {
		const artefacts = artefactsIn(this.#place.path, path => !KEEPS_KEY.test(path));
		for (const [name, { stdout, stderr }] of Object.entries(this.#commands)) artefacts[name] = Buffer.from([...stdout, ...stderr].join("\n"));
		artefacts["wire"] = Buffer.concat(this.#passed);
		return artefacts;
	}

	/** Those that hold the key. */
	holding(key: Uint8Array): string[] {
		const { path } = this.#place, secrets = [...secretsOf(key).values()];
		return Object.entries(this.all()).filter(([, content]) => secrets.some(secret => formsIn(content, secret).length > 0))
			.map(([name]) => name.replace(path + sep, "").replaceAll(sep, "/")).sort();
	}
}

test("no artefact of a device holds its private key, whatever the device does but write it out", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	await writeFile(join(place.path, "main.ts"), PROGRAM);
	const cloud = moorline(context, place, "simulate", "--json", "--port", "0", "--tls-port", "0", "--device", "lamp-1");
	const made = await cloud.event("device"), { port } = await cloud.event("broker");
	await cloud.event("ready");
	const key = createPrivateKey(await readFile(join(place.path, String(made["key"])))).export({ format: "der", type: "pkcs8" });
	const control = readPlace(join(place.path, ".moorline", "cloud"))!;
	const wire = await connectAsync(`mqtt://127.0.0.1:${String(port)}`, { clientId: "moorline-operator", reconnectPeriod: 0 });
	context.after(() => wire.endAsync(true));
	const run = (recording: string): Command => {
		const words = `main.ts --directory lamp --verbose --record ${recording}`;
		return paste(context, place, String(made["run"]).replace(/ run \S+ /, ` run ${words} `));
	};

	const first = run("first.rec"), commands: Record<string, Command> = { cloud, first }, artefacts = new Artefacts(place, wire, commands);
	await wire.subscribeAsync("#", { qos: 1 });
	await first.line(line => line === "connected");
	await command(control, "trace", { seconds: 60 });
	const ends = [];
	for (const name of ["attempt", "fail", "throw"]) ends.push((await command(control, name)).status);
	assert.deepEqual(ends, ["SUCCEEDED", "FAILED", "FAILED"]);
	const uploaded = Promise.all(["logs", "trace", "metrics"].map(kind => artefacts.passing(`/reports/${kind}/`)));
	await command(control, "report");
	await uploaded;
	await command(control, "crash");
	assert.equal((await first.ended).code, 1);
	assert.deepEqual(artefacts.holding(key), []);
	const all = artefacts.all();
	for (const name of ["first.rec", "lamp/crash", "lamp/retained", "lamp/flash/state", ".moorline/cloud/operations.sqlite"]) {
		assert.ok((all[join(place.path, name)]?.byteLength ?? 0) > 0, `${name} in ${Object.keys(all).join(" ")}`);
	}

	const reported = artefacts.passing("/reports/crash/"), second = commands["second"] = run("second.rec");
	await reported;
	await second.line(line => line === "connected");
	await ask(control, "records", { store: "logs", device: "lamp-1" }, () => undefined);
	assert.deepEqual(artefacts.holding(key), []);

	// The search finds what is there.
	const planted = artefacts.passing("/reports/logs/");
	await command(control, "plant");
	await command(control, "report", { kinds: ["logs"] });
	await planted;
	await ask(control, "records", { store: "logs", device: "lamp-1" }, () => undefined);
	await command(control, "crash");
	await second.ended;
	// The database's journal is there for a moment.
	assert.deepEqual(artefacts.holding(key).filter(name => !name.endsWith("-journal")), [".moorline/cloud/operations.sqlite", "lamp/flash/state", "lamp/retained", "second", "wire"]);
});
