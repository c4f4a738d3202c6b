// SPDX-License-Identifier: Apache-2.0
/**
 * What our client does with any broker, on real sockets and with an independent client at the other end of the topics.
 *
 * The same for each of them, so that no broker's habit is taken for the protocol. Whatever must not arrive is waited for
 * by sending something behind it.
 */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { IClientOptions } from "mqtt";
import type { ClientOptions } from "../../src/mqtt/client.js";
import { PacketType, type QoS } from "../../src/mqtt/constants.js";
import { Cable } from "./cable.js";
import { Device } from "./device.js";
import { Peer } from "./peer.js";

export interface Offer {
	/** As the tests are called. */
	name: string;
	/** Of the broker, MQTT over TCP. */
	port: number;
	/** The highest QoS that it grants. */
	qos: 1 | 2;
	/** For every client of ours. */
	device?: Partial<ClientOptions>;
	/** For every client at the other end. */
	peer?: IClientOptions;
}

const OPTIONS = { timeout: 60_000 };
/** What we subscribed to is remembered by the broker for a client that comes again. */
const LONG = 70_000;

class Scene {
	readonly offer: Offer;
	readonly context: TestContext;
	readonly cable: Cable;
	/** Different in each test, since the broker lives on. */
	readonly topic: string;
	readonly id: string;

	static async set(offer: Offer, context: TestContext, id: string): Promise<Scene> {
		return new Scene(offer, context, await Cable.lay(context, offer.port), id);
	}

	private constructor(offer: Offer, context: TestContext, cable: Cable, id: string) {
		this.offer = offer;
		this.context = context;
		this.cable = cable;
		this.id = `${offer.name.replace(/\W/g, "")}-${id}`;
		this.topic = `moorline/${this.id}`;
	}

	/** Our client at the cable, connected. */
	async device(options: Partial<ClientOptions> = {}): Promise<Device> {
		const device = new Device(this.context, this.cable.port, this.id, { ...this.offer.device, ...options });
		await device.connected.next();
		return device;
	}

	/** A client that is not ours, subscribed to what is given. */
	async peer(filter?: string, qos: QoS = this.offer.qos): Promise<Peer> {
		const peer = await Peer.join(this.context, `mqtt://127.0.0.1:${this.offer.port}`, this.offer.peer);
		if (filter !== undefined) await peer.mqtt.subscribeAsync(filter, { qos });
		return peer;
	}
}

function levels(highest: QoS): QoS[] {
	return ([0, 1, 2] as const).filter((qos) => qos <= highest);
}

export function playAll(offer: Offer): void {
	const { name } = offer;
	let count = 0;
	const scene = (title: string, play: (scene: Scene) => Promise<void>): void => {
		const id = `${count++}`;
		test(`${name}: ${title}`, OPTIONS, async (context) => play(await Scene.set(offer, context, id)));
	};

	scene("messages go both ways at each QoS, and are acknowledged", async (at) => {
		const device = await at.device();
		const peer = await at.peer(`${at.topic}/up`);
		assert.equal(await device.subscribe(`${at.topic}/down/#`, offer.qos as 1), offer.qos);
		for (const qos of levels(offer.qos)) {
			const id = device.client.publish(`${at.topic}/up`, `up ${qos}`, { qos: qos as 1 });
			const { text, qos: heard, retain } = await peer.messages.next();
			assert.deepEqual([text, heard, retain], [`up ${qos}`, qos, false]);
			if (qos > 0) assert.equal((await device.acknowledged.next()).packetId, id);
			await peer.mqtt.publishAsync(`${at.topic}/down/é`, `down ${qos}`, { qos });
			assert.deepEqual(await device.messages.next(), { topic: `${at.topic}/down/é`, text: `down ${qos}`, qos, retain: false, duplicate: false });
		}
		assert.deepEqual([device.acknowledged.rest(), device.messages.rest(), peer.messages.rest()], [[], [], []]);
	});

	scene("fifty messages at each QoS arrive in order, though sixteen may be on their way", async (at) => {
		const device = await at.device();
		const peer = await at.peer(at.topic);
		for (const qos of levels(offer.qos)) {
			const texts = Array.from({ length: 50 }, (_, index) => `${qos}: ${index}`);
			for (const text of texts) assert.notEqual(device.client.publish(at.topic, text, { qos: qos as 1 }), "full");
			assert.deepEqual((await peer.messages.take(50)).map(({ text }) => text), texts);
			if (qos > 0) await device.acknowledged.take(50);
		}
	});

	scene("a long message goes both ways whole", async (at) => {
		const device = await at.device({ inflightLength: 2 * LONG });
		const peer = await at.peer(`${at.topic}/up`);
		await device.subscribe(`${at.topic}/down`, 1);
		const text = Array.from({ length: LONG / 10 }, (_, index) => `${1_000_000_000 + index}`).join("");
		device.client.publish(`${at.topic}/up`, text, { qos: 1 });
		assert.equal((await peer.messages.next()).text, text);
		await peer.mqtt.publishAsync(`${at.topic}/down`, text, { qos: 1 });
		assert.equal((await device.messages.next()).text, text);
		await device.acknowledged.next();
	});

	scene("a filter that was unsubscribed from brings nothing more", async (at) => {
		const device = await at.device();
		const peer = await at.peer();
		await device.subscribe(`${at.topic}/a`, 1);
		await device.subscribe(`${at.topic}/b`, 1);
		device.client.unsubscribe(`${at.topic}/a`);
		assert.equal((await device.unsubscribed.next()).filter, `${at.topic}/a`);
		await peer.mqtt.publishAsync(`${at.topic}/a`, "no", { qos: 1 });
		await peer.mqtt.publishAsync(`${at.topic}/b`, "yes", { qos: 1 });
		assert.equal((await device.messages.next()).text, "yes");
	});

	scene("retained messages are kept for who comes later, both ways, and taken back", async (at) => {
		const device = await at.device();
		device.client.publish(`${at.topic}/up`, "kept", { qos: 1, retain: true });
		await device.acknowledged.next();
		const peer = await at.peer(`${at.topic}/up`);
		const { text, retain } = await peer.messages.next();
		assert.deepEqual([text, retain], ["kept", true]);

		await peer.mqtt.publishAsync(`${at.topic}/down`, "kept too", { qos: 1, retain: true });
		await device.subscribe(`${at.topic}/down`, 1);
		const heard = await device.messages.next();
		assert.deepEqual([heard.text, heard.retain], ["kept too", true]);

		device.client.publish(`${at.topic}/up`, "", { qos: 1, retain: true });
		assert.equal((await peer.messages.next()).text, "");
		const later = await at.peer(`${at.topic}/up`);
		await later.mqtt.publishAsync(`${at.topic}/up`, "behind", { qos: 1 });
		assert.equal((await later.messages.next()).text, "behind");
	});

	for (const retain of [false, true]) {
		scene(`the will is published when the wire is cut${retain ? ", and kept" : ""}`, async (at) => {
			const peer = await at.peer(`${at.topic}/will`);
			await at.device({ will: { topic: `${at.topic}/will`, payload: "gone", qos: 1, retain } });
			at.cable.unplug();
			const { text, qos } = await peer.messages.next();
			assert.deepEqual([text, qos], ["gone", 1]);
			if (!retain) return;
			const later = await at.peer(`${at.topic}/will`);
			const kept = await later.messages.next();
			assert.deepEqual([kept.text, kept.retain], ["gone", true]);
			await later.mqtt.publishAsync(`${at.topic}/will`, "", { retain: true });
		});
	}

	scene("the will is not published after a goodbye", async (at) => {
		const peer = await at.peer(`${at.topic}/will`);
		const device = await at.device({ will: { topic: `${at.topic}/will`, payload: "gone", qos: 1 } });
		at.cable.take();
		device.client.publish(at.topic, "last", { qos: 1 });
		device.client.close();
		const again = new Device(at.context, at.cable.port, at.id, offer.device);
		await again.connected.next();
		assert.match(at.cable.take(), /6c617374e000/, "the last message, then DISCONNECT");
		await peer.mqtt.publishAsync(`${at.topic}/will`, "behind", { qos: 1 });
		assert.equal((await peer.messages.next()).text, "behind");
	});

	scene("messages that wait in the session are delivered when the device comes back", async (at) => {
		const device = await at.device();
		const peer = await at.peer();
		assert.equal(await device.subscribe(at.topic, offer.qos as 1), offer.qos);
		at.cable.unplug();
		await device.lost.next();
		const texts = ["one", "two", "three"];
		for (const text of texts) await peer.mqtt.publishAsync(at.topic, text, { qos: offer.qos });
		at.cable.plug();
		assert.deepEqual(await device.connected.next(), { sessionPresent: true });
		assert.deepEqual((await device.messages.take(3)).map(({ text }) => text), texts);
		await peer.mqtt.publishAsync(at.topic, "behind", { qos: offer.qos });
		assert.equal((await device.messages.next()).text, "behind");
	});

	scene("a session that was to begin anew has nothing of the last, and is subscribed again", async (at) => {
		const device = await at.device({ cleanStart: true });
		const peer = await at.peer();
		await device.subscribe(at.topic, 1);
		at.cable.unplug();
		await device.lost.next();
		await peer.mqtt.publishAsync(at.topic, "missed", { qos: 1 });
		at.cable.plug();
		assert.deepEqual(await device.connected.next(), { sessionPresent: false });
		await device.subscribed.next();
		await peer.mqtt.publishAsync(at.topic, "heard", { qos: 1 });
		assert.equal((await device.messages.next()).text, "heard");
	});

	scene("a message at QoS 1 whose PUBACK was lost is sent again with DUP, and acknowledged then", async (at) => {
		const device = await at.device();
		const peer = await at.peer(at.topic);
		// Without a subscription some brokers keep no session.
		await device.subscribe(`${at.topic}/else`, 1);
		at.cable.loseDown = (type) => type === PacketType.PUBACK;
		const id = device.client.publish(at.topic, "again", { qos: 1 });
		await at.cable.lost.next();
		assert.equal((await peer.messages.next()).text, "again");
		at.cable.repair();
		at.cable.take();
		at.cable.cut();
		assert.deepEqual(await device.connected.next(), { sessionPresent: true });
		assert.equal((await device.acknowledged.next()).packetId, id);
		assert.equal((await peer.messages.next()).text, "again");
		assert.match(at.cable.take(), /^10.*3a.*616761696e/, "CONNECT, then PUBLISH at QoS 1 with DUP");
	});
}
