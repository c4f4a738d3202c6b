// SPDX-License-Identifier: Apache-2.0
/**
 * A session on flash and a real broker: the device is a process that is killed, and started anew in its directory. What it
 * was told to send is sent, and nothing at QoS 2 comes twice.
 */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { PacketType } from "../../src/mqtt/constants.js";
import { Cable } from "./cable.js";
import { Inbox } from "./inbox.js";
import { Mosquitto, needsMosquitto } from "./mosquitto.js";
import { Peer } from "./peer.js";

const PROGRAM = fileURLToPath(new URL("programs/durable.js", import.meta.url));
const OPTIONS = { ...needsMosquitto, timeout: 60_000 };

const mosquitto = needsMosquitto.skip !== false ? undefined : await Mosquitto.start({ plain: true });
after(() => mosquitto?.stop());
const broker = mosquitto?.plainPort ?? 0;

class Killable {
	readonly cable: Cable;
	readonly topic: string;
	readonly #arguments: readonly string[];
	#child: ChildProcess | undefined;
	#said = new Inbox<unknown[]>();

	static async make(context: TestContext, id: string, protocol: 4 | 5): Promise<Killable> {
		const cable = await Cable.lay(context, broker);
		const directory = await mkdtemp(join(tmpdir(), "moorline-durable-"));
		const device = new Killable(cable, id, [String(cable.port), directory, id, String(protocol)]);
		context.after(async () => {
			await device.kill();
			await rm(directory, { recursive: true, force: true });
		});
		return device;
	}

	private constructor(cable: Cable, id: string, words: readonly string[]) {
		this.cable = cable;
		this.topic = `durable/${id}`;
		this.#arguments = words;
	}

	start(): void {
		const said = this.#said = new Inbox<unknown[]>();
		const child = this.#child = spawn(process.execPath, [PROGRAM, ...this.#arguments], { stdio: ["pipe", "pipe", "inherit"] });
		createInterface({ input: child.stdout! }).on("line", (line) => { said.put(JSON.parse(line) as unknown[]); });
	}

	/** Without a word of warning. */
	async kill(): Promise<void> {
		const child = this.#child;
		if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
		const ended = once(child, "exit");
		child.kill("SIGKILL");
		await ended;
	}

	tell(...words: unknown[]): void {
		this.#child!.stdin!.write(`${JSON.stringify(words)}\n`);
	}

	/** The next thing of this kind that it says: what is behind the word. */
	async hear(kind: string): Promise<unknown[]> {
		for (;;) {
			const [word, ...rest] = await this.#said.next();
			if (word === kind) return rest;
		}
	}

	/** Publishes, and waits until the device has accepted it. */
	async publish(text: string, qos: 1 | 2): Promise<void> {
		this.tell("publish", this.topic, text, qos);
		assert.equal(typeof (await this.hear("published"))[0], "number");
	}
}

async function listen(context: TestContext, filter?: string): Promise<Peer> {
	const peer = await Peer.join(context, `mqtt://127.0.0.1:${broker}`);
	if (filter !== undefined) await peer.mqtt.subscribeAsync(filter, { qos: 2 });
	return peer;
}

for (const protocol of [4, 5] as const) {
	test(`protocol ${protocol}: what was queued offline is sent after a kill, in order and once`, OPTIONS, async (context) => {
		const device = await Killable.make(context, `offline${protocol}`, protocol);
		const peer = await listen(context, device.topic);
		device.cable.unplug();
		device.start();
		const texts = Array.from({ length: 40 }, (_, index) => `${index}`);
		for (const text of texts.slice(0, 25)) await device.publish(text, 2);
		await device.kill();
		device.start();
		for (const text of texts.slice(25)) await device.publish(text, 2);
		await device.kill();
		device.cable.plug();
		device.start();
		await device.hear("connected");
		assert.deepEqual((await peer.messages.take(40)).map(({ text }) => text), texts);
		await device.publish("behind", 2);
		assert.equal((await peer.messages.next()).text, "behind");
	});

	for (const lost of ["PUBREC", "PUBCOMP"] as const) {
		test(`protocol ${protocol}: a message of ours that was under way at the kill arrives once: its ${lost} was lost`, OPTIONS, async (context) => {
			const device = await Killable.make(context, `ours${lost}${protocol}`, protocol);
			const peer = await listen(context, device.topic);
			device.start();
			await device.hear("connected");
			device.cable.loseDown = (type) => type === PacketType[lost];
			await device.publish("once", 2);
			await device.cable.lost.next();
			await device.kill();
			device.cable.repair();
			device.start();
			await device.hear("acknowledged");
			await device.publish("behind", 2);
			assert.deepEqual((await peer.messages.take(2)).map(({ text }) => text), ["once", "behind"]);
		});

		test(`protocol ${protocol}: a message for us that was under way at the kill is delivered once: its ${lost} was lost`, OPTIONS, async (context) => {
			const device = await Killable.make(context, `theirs${lost}${protocol}`, protocol);
			const peer = await listen(context);
			device.start();
			device.tell("subscribe", device.topic, 2);
			assert.deepEqual(await device.hear("subscribed"), [device.topic, 2]);
			device.cable.loseUp = (type) => type === PacketType[lost];
			await peer.mqtt.publishAsync(device.topic, "once", { qos: 2 });
			assert.deepEqual(await device.hear("message"), [device.topic, "once"]);
			await device.cable.lost.next();
			await device.kill();
			device.cable.repair();
			device.start();
			assert.deepEqual(await device.hear("connected"), [true], "the session, and with it the subscription");
			await peer.mqtt.publishAsync(device.topic, "behind", { qos: 2 });
			assert.deepEqual(await device.hear("message"), [device.topic, "behind"]);
		});
	}
}
