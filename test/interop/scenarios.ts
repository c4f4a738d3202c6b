// SPDX-License-Identifier: Apache-2.0
/**
 * What our client does with any broker, on real sockets and with an independent client at the other end of the topics.
 *
 * The same for each of them, so that no broker's habit is taken for the protocol. Whatever must not arrive is waited for
 * by sending something behind it.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test, type TestContext } from "node:test";
import type { IClientOptions } from "mqtt";
import { PacketType, type QoS } from "../../src/mqtt/constants.js";
import { Cable } from "./cable.js";
import { Device, type DeviceOptions } from "./device.js";
import { Peer } from "./peer.js";

export interface Offer {
	/** As the tests are called. */
	name: string;
	/** Of the broker, for our client. */
	port: number;
	/** URL of the broker, for the client at the other end. */
	url: string;
	/** The highest QoS that it grants. */
	qos: 1 | 2;
	/** It takes 50 ms for each frame of a WebSocket: nothing long is sent to it. */
	slow?: boolean;
	/** For every client of ours. */
	device?: DeviceOptions;
	/** For every client at the other end. */
	peer?: IClientOptions;
}

const OPTIONS = { timeout: 60_000 };
/** What we subscribed to is remembered by the broker for a client that comes again. */
const LONG = 70_000;
const MEGABYTE = 2 ** 20;

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
	async device(options: DeviceOptions = {}): Promise<Device> {
		const device = new Device(this.context, this.cable.port, this.id, { ...this.offer.device, ...options });
		await device.connected.next();
		return device;
	}

	/** A client that is not ours, subscribed to what is given. */
	async peer(filter?: string, qos: QoS = this.offer.qos): Promise<Peer> {
		const peer = await Peer.join(this.context, this.offer.url, this.offer.peer);
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
	const scene: Scenes = (title, play) => {
		const id = `${count++}`;
		test(`${name}: ${title}`, OPTIONS, async (context) => play(await Scene.set(offer, context, id)));
	};

	scene("messages go both ways at each QoS, and are acknowledged", async (at) => {
		const device = await at.device();
		const peer = await at.peer(`${at.topic}/up`);
		assert.equal(await device.subscribe(`${at.topic}/down/#`, offer.qos), offer.qos);
		for (const qos of levels(offer.qos)) {
			const id = device.client.publish(`${at.topic}/up`, `up ${qos}`, { qos: qos });
			const { text, qos: heard, retain } = await peer.messages.next();
			assert.deepEqual([text, heard, retain], [`up ${qos}`, qos, false]);
			if (qos > 0) assert.equal((await device.acknowledged.next()).packetId, id);
			await peer.mqtt.publishAsync(`${at.topic}/down/é`, `down ${qos}`, { qos });
			const { properties, ...message } = await device.messages.next();
			assert.deepEqual(message, { topic: `${at.topic}/down/é`, text: `down ${qos}`, qos, retain: false, duplicate: false });
			assert.equal(properties, undefined);
		}
		assert.deepEqual([device.acknowledged.rest(), device.messages.rest(), peer.messages.rest()], [[], [], []]);
	});

	scene("fifty messages at each QoS arrive in order, though sixteen may be on their way", async (at) => {
		const device = await at.device();
		const peer = await at.peer(at.topic);
		for (const qos of levels(offer.qos)) {
			const texts = Array.from({ length: 50 }, (_, index) => `${qos}: ${index}`);
			for (const text of texts) assert.notEqual(device.client.publish(at.topic, text, { qos: qos }), "full");
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

	if (offer.slow !== true) scene("a megabyte that nobody holds in memory goes both ways: read from its source, heard in fragments, with pauses", async (at) => {
		let offset = 0;
		let fragments = 0;
		let paused = 0;
		const hash = createHash("sha256");
		const device = await at.device({
			onMessage: (message) => {
				assert.deepEqual([message.offset, message.total], [offset, MEGABYTE]);
				hash.update(message.bytes.subarray(message.start, message.end));
				offset += message.end - message.start;
				if (++fragments % 100 === 0) {
					paused++;
					device.client.pause();
					setImmediate(() => { device.client.resume(); });
				}
				if (!message.more) whole(hash.digest("hex"));
			},
		});
		let whole!: (digest: string) => void;
		const heard = new Promise<string>((resolve) => { whole = resolve; });
		const payload = Buffer.alloc(MEGABYTE, "0123456789abcdefghijklmnopqrstuvwxyz, and so on. ");
		const digest = createHash("sha256").update(payload).digest("hex");
		const peer = await at.peer(`${at.topic}/up`);
		await device.subscribe(`${at.topic}/down`, 1);
		const source = { byteLength: MEGABYTE, read: (target: Uint8Array, from: number) => { target.set(payload.subarray(from, from + target.length)); } };
		device.client.publish(`${at.topic}/up`, source, { qos: 1 });
		assert.equal(createHash("sha256").update((await peer.messages.next()).text).digest("hex"), digest);
		await device.acknowledged.next();
		await peer.mqtt.publishAsync(`${at.topic}/down`, payload, { qos: 1 });
		assert.equal(await heard, digest);
		assert.ok(fragments > 100 && paused > 0);
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
		await at.cable.ended.next();
		const again = new Device(at.context, at.cable.port, at.id, offer.device);
		await again.connected.next();
		// Over a WebSocket it is masked.
		if (offer.device?.websocket === undefined) assert.match(at.cable.take(), /6c617374e000/, "the last message, then DISCONNECT");
		await peer.mqtt.publishAsync(`${at.topic}/will`, "behind", { qos: 1 });
		assert.equal((await peer.messages.next()).text, "behind");
	});

	scene("messages that wait in the session are delivered when the device comes back", async (at) => {
		const device = await at.device();
		const peer = await at.peer();
		assert.equal(await device.subscribe(at.topic, offer.qos), offer.qos);
		at.cable.unplug();
		await device.lost.next();
		const texts = ["one", "two", "three"];
		for (const text of texts) await peer.mqtt.publishAsync(at.topic, text, { qos: offer.qos });
		at.cable.plug();
		assert.equal((await device.connected.next()).sessionPresent, true);
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
		assert.equal((await device.connected.next()).sessionPresent, false);
		await device.subscribed.next();
		await peer.mqtt.publishAsync(at.topic, "heard", { qos: 1 });
		assert.equal((await device.messages.next()).text, "heard");
	});

	// Over a WebSocket a piece of the stream does not begin with a packet.
	if (offer.device?.websocket === undefined) {
		lossyAtOne(scene);
		if (offer.qos === 2) lossyAtTwo(scene);
	}
}

type Scenes = (title: string, play: (scene: Scene) => Promise<void>) => void;

function lossyAtOne(scene: Scenes): void {
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
		assert.equal((await device.connected.next()).sessionPresent, true);
		assert.equal((await device.acknowledged.next()).packetId, id);
		assert.equal((await peer.messages.next()).text, "again");
		assert.match(at.cable.take(), /^10.*3a.*616761696e/, "CONNECT, then PUBLISH at QoS 1 with DUP");
	});
}

/** Of each of the four packets that make a message at QoS 2, one is lost with its connection. */
function lossyAtTwo(scene: Scenes): void {
	for (const name of ["PUBREC", "PUBCOMP"] as const) {
		scene(`a message at QoS 2 of ours whose ${name} was lost arrives once`, async (at) => {
			const device = await at.device();
			const peer = await at.peer(at.topic);
			await device.subscribe(`${at.topic}/else`, 1);
			at.cable.loseDown = (type) => type === PacketType[name];
			const id = device.client.publish(at.topic, "once", { qos: 2 });
			await at.cable.lost.next();
			at.cable.repair();
			at.cable.cut();
			assert.equal((await device.connected.next()).sessionPresent, true);
			assert.equal((await device.acknowledged.next()).packetId, id);
			device.client.publish(at.topic, "behind", { qos: 2 });
			assert.deepEqual((await peer.messages.take(2)).map(({ text }) => text), ["once", "behind"]);
		});
	}

	for (const name of ["PUBREC", "PUBCOMP"] as const) {
		scene(`a message at QoS 2 for us whose ${name} was lost is delivered once`, async (at) => {
			const device = await at.device();
			const peer = await at.peer();
			await device.subscribe(at.topic, 2);
			at.cable.loseUp = (type) => type === PacketType[name];
			await peer.mqtt.publishAsync(at.topic, "once", { qos: 2 });
			await at.cable.lost.next();
			at.cable.repair();
			at.cable.cut();
			assert.equal((await device.connected.next()).sessionPresent, true);
			await peer.mqtt.publishAsync(at.topic, "behind", { qos: 2 });
			assert.deepEqual((await device.messages.take(2)).map(({ text }) => text), ["once", "behind"]);
		});
	}
}
