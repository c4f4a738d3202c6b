// SPDX-License-Identifier: Apache-2.0
/**
 * What MQTT 5 has beyond 3.1.1, between our client and mosquitto, with MQTT.js and mosquitto's commands at the other end.
 *
 * Time that has to pass is the broker's: a will with a delay says when it did.
 */
import assert from "node:assert/strict";
import { after, test, type TestContext } from "node:test";
import type { IClientOptions } from "mqtt";
import { PacketType } from "../../src/mqtt/constants.js";
import { Cable } from "./cable.js";
import { Device, type DeviceOptions, type Message } from "./device.js";
import { Mosquitto, needsMosquitto } from "./mosquitto.js";
import { mosquittoHear, mosquittoPublish, Peer } from "./peer.js";

/** What the server grants: so little that it is reached. */
const RECEIVE_MAXIMUM = 4;
const PACKET_MAXIMUM = 3_000;
const KEEP_ALIVE_MAXIMUM = 30;
const OPTIONS = { ...needsMosquitto, timeout: 60_000 };

const mosquitto = needsMosquitto.skip !== false ? undefined : await Mosquitto.start({
	plain: true,
	settings: [`max_inflight_messages ${RECEIVE_MAXIMUM}`, `max_packet_size ${PACKET_MAXIMUM}`, `max_keepalive ${KEEP_ALIVE_MAXIMUM}`],
	access: "topic readwrite #\ntopic deny forbidden/#\n",
});
after(() => mosquitto?.stop());
const port = mosquitto?.plainPort ?? 0;
const url = `mqtt://127.0.0.1:${port}`;

async function join(context: TestContext, id: string, options: DeviceOptions = {}, at = port): Promise<Device> {
	const device = new Device(context, at, id, { protocol: 5, ...options });
	await device.connected.next();
	return device;
}

const peer = (context: TestContext, options: IClientOptions = {}): Promise<Peer> => Peer.join(context, url, { protocolVersion: 5, ...options });

/** Resolves when the broker saw so many seconds pass, and publishes `topic` then. */
async function pass(context: TestContext, seconds: number, topic: string): Promise<void> {
	const watcher = await peer(context);
	await watcher.mqtt.subscribeAsync(topic);
	const gone = await peer(context, {
		properties: { sessionExpiryInterval: 3600 },
		will: { topic, payload: Buffer.from("passed"), qos: 1, retain: false, properties: { willDelayInterval: seconds } },
	});
	gone.mqtt.stream.destroy();
	await watcher.messages.next();
}

test("what the server grants is told", OPTIONS, async (context) => {
	const device = new Device(context, port, "granted", { protocol: 5 });
	const { properties } = await device.connected.next();
	assert.equal(properties?.receiveMaximum, RECEIVE_MAXIMUM);
	assert.equal(properties.maximumPacketSize, PACKET_MAXIMUM);
	assert.equal(properties.serverKeepAliveSeconds, KEEP_ALIVE_MAXIMUM);
	assert.ok((properties.topicAliasMaximum ?? 0) > 0);
});

test("an identifier that the server assigned is good for the session's return", OPTIONS, async (context) => {
	const cable = await Cable.lay(context, port);
	const device = new Device(context, cable.port, "", { protocol: 5 });
	const { properties } = await device.connected.next();
	assert.match(properties?.assignedClientId ?? "", /./);
	await device.subscribe("assigned", 1);
	cable.cut();
	assert.equal((await device.connected.next()).sessionPresent, true);
	await mosquittoPublish(port, "-t", "assigned", "-q", "1", "-m", "found");
	assert.equal((await device.messages.next()).text, "found");
});

test("properties of a message arrive as they were sent, both ways", OPTIONS, async (context) => {
	const device = await join(context, "properties");
	const other = await peer(context);
	await other.mqtt.subscribeAsync("properties/up", { qos: 2 });
	await device.subscribe("properties/down", 2);
	const correlationData = Uint8Array.of(0, 1, 0xff);
	device.client.publish("properties/up", "é", {
		qos: 2,
		properties: {
			payloadFormatIndicator: 1, messageExpirySeconds: 300, contentType: "text/plain", responseTopic: "properties/answer", correlationData,
			userProperties: [["a", "1"], ["b", "ü"], ["a", "2"]],
		},
	});
	const { properties: heard } = await other.messages.next();
	assert.deepEqual({ ...heard, correlationData: [...heard!.correlationData!], userProperties: { ...heard!.userProperties } }, {
		payloadFormatIndicator: true, messageExpiryInterval: 300, contentType: "text/plain", responseTopic: "properties/answer",
		correlationData: [0, 1, 0xff], userProperties: { a: ["1", "2"], b: "ü" },
	});

	await other.mqtt.publishAsync("properties/down", "é", {
		qos: 2,
		properties: {
			payloadFormatIndicator: true, messageExpiryInterval: 300, contentType: "text/plain", responseTopic: "properties/answer",
			correlationData: Buffer.from(correlationData), userProperties: { a: ["1", "2"], b: "ü" },
		},
	});
	assert.deepEqual((await device.messages.next()).properties, {
		payloadFormatIndicator: 1, messageExpirySeconds: 300, contentType: "text/plain", responseTopic: "properties/answer", correlationData,
		userProperties: [["a", "1"], ["a", "2"], ["b", "ü"]],
	});
});

test("mosquitto's commands hear our properties, and are heard with theirs", OPTIONS, async (context) => {
	const device = await join(context, "commands5");
	await device.subscribe("commands5/down", 1);
	const hearing = mosquittoHear(context, port, 1, "-V", "mqttv5", "-t", "commands5/up", "-q", "2", "-i", "hearer5");
	await mosquitto!.logged(/Sending SUBACK to hearer5/);
	device.client.publish("commands5/up", "x", { qos: 2, properties: { contentType: "c", userProperties: [["n", "v"]] } });
	const [heard] = await hearing;
	assert.deepEqual([heard!["payload"], heard!["qos"]], ["x", 2]);
	assert.match(JSON.stringify(heard), /"content-type":"c"/);
	assert.match(JSON.stringify(heard), /"n":"v"/);
	await mosquittoPublish(port, "-V", "mqttv5", "-t", "commands5/down", "-q", "1", "-m", "y", "-D", "publish", "user-property", "k", "w",
		"-D", "publish", "response-topic", "r");
	assert.deepEqual((await device.messages.next()).properties, { responseTopic: "r", userProperties: [["k", "w"]] });
});

test("a request is answered where it asked to be, with its correlation data", OPTIONS, async (context) => {
	const answering: { device?: Device } = {};
	const requests: Message[] = [];
	const device = await join(context, "answering", {
		onMessage: ({ topic, bytes, start, end, properties }) => {
			const text = Buffer.from(bytes.slice(start, end)).toString();
			requests.push({ topic, text, qos: 1, retain: false, duplicate: false, properties });
			const { correlationData, responseTopic } = properties!;
			answering.device!.client.publish(responseTopic!, `${text} to you`, { qos: 1, properties: { correlationData } });
		},
	});
	answering.device = device;
	await device.subscribe("requests", 1);
	const asking = await peer(context);
	await asking.mqtt.subscribeAsync("answers/+");
	for (const name of ["one", "two"]) {
		await asking.mqtt.publishAsync("requests", "hello", { qos: 1, properties: { responseTopic: `answers/${name}`, correlationData: Buffer.from(name) } });
		const { topic, text, properties } = await asking.messages.next();
		assert.deepEqual([topic, text, properties?.correlationData?.toString()], [`answers/${name}`, "hello to you", name]);
	}
});

test("each message says by which subscriptions it came", OPTIONS, async (context) => {
	const device = await join(context, "identified");
	await device.subscribe("identified/#", { qos: 1, subscriptionIdentifier: 7 });
	await device.subscribe("identified/a", { qos: 1, subscriptionIdentifier: 268_435_455 });
	await device.subscribe("plain", 1);
	const other = await peer(context);
	const cameBy = async (topic: string): Promise<readonly number[]> => {
		await other.mqtt.publishAsync(topic, "x", { qos: 1 });
		return (await device.messages.next()).properties?.subscriptionIdentifiers ?? [];
	};
	assert.deepEqual(await cameBy("plain"), []);
	assert.deepEqual(await cameBy("identified/b"), [7]);
	// mosquitto sends one message for each subscription, or one for both.
	const identifiers = [...await cameBy("identified/a")];
	if (identifiers.length === 1) identifiers.push(...(await device.messages.next()).properties?.subscriptionIdentifiers ?? []);
	assert.deepEqual(identifiers.sort((left, right) => left - right), [7, 268_435_455]);
});

test("a shared subscription shares: each message goes to one of its members", OPTIONS, async (context) => {
	const heard: string[] = [];
	const members = new Set<string>();
	const take = (member: string, text: string): void => {
		members.add(member);
		heard.push(text);
		if (heard.length === 20) done();
	};
	let done!: () => void;
	const all = new Promise<void>((resolve) => { done = resolve; });
	const device = await join(context, "shared", { onMessage: ({ bytes, start, end }) => { take("device", Buffer.from(bytes.slice(start, end)).toString()); } });
	await device.subscribe("$share/group/shared/+", 1);
	const other = await peer(context);
	other.mqtt.on("message", (_, payload) => { take("peer", payload.toString()); });
	await other.mqtt.subscribeAsync("$share/group/shared/+", { qos: 1 });
	const texts = Array.from({ length: 20 }, (_, index) => `${index}`);
	for (const text of texts) await other.mqtt.publishAsync("shared/a", text, { qos: 1 });
	await all;
	assert.deepEqual(heard.sort(), texts.sort());
	assert.deepEqual([...members].sort(), ["device", "peer"]);
});

test("topics that are said again go out as aliases", OPTIONS, async (context) => {
	const cable = await Cable.lay(context, port);
	const device = await join(context, "aliases", { topicAliases: 2 }, cable.port);
	const other = await peer(context);
	await other.mqtt.subscribeAsync("alias/#", { qos: 2 });
	const said = ["alias/first", "alias/second", "alias/third", "alias/first", "alias/second", "alias/third", "alias/first"];
	const say = async (): Promise<Record<string, number>> => {
		cable.take();
		said.forEach((topic, index) => { device.client.publish(topic, `${index}`, { qos: index % 3 as 0 | 1 | 2 }); });
		const heard = (await other.messages.take(said.length)).map(({ topic, text }) => `${topic} ${text}`);
		assert.deepEqual(heard.sort(), said.map((topic, index) => `${topic} ${index}`).sort());
		const sent = Buffer.from(cable.take(), "hex").toString("latin1");
		return Object.fromEntries(["first", "second", "third"].map((name) => [name, sent.split(`alias/${name}`).length - 1]));
	};
	// The first topics to be said have the aliases, and messages at QoS 0 wait for no others.
	const counts = Object.values(await say()).sort();
	assert.deepEqual(counts.slice(0, 2), [1, 1]);
	assert.ok(counts[2]! >= 2);
	await device.acknowledged.take(4);
	cable.cut();
	await device.connected.next();
	assert.deepEqual(Object.values(await say()).sort().slice(0, 2), [1, 1], "a new connection says them once more");
});

test("the server's receive maximum is kept, and everything arrives", OPTIONS, async (context) => {
	const cable = await Cable.lay(context, port);
	const device = await join(context, "sending", {}, cable.port);
	const other = await peer(context);
	await other.mqtt.subscribeAsync("sending", { qos: 2 });
	for (const qos of [1, 2] as const) {
		let open = 0;
		let most = 0;
		const acknowledgement = qos === 1 ? PacketType.PUBACK : PacketType.PUBCOMP;
		cable.seeUp = (type) => { if (type === PacketType.PUBLISH) most = Math.max(most, ++open); };
		cable.seeDown = (type) => { if (type === acknowledgement) open--; };
		const texts = Array.from({ length: 30 }, (_, index) => `${qos}: ${index}`);
		for (const text of texts) device.client.publish("sending", text, { qos });
		assert.deepEqual((await other.messages.take(30)).map(({ text }) => text), texts);
		assert.deepEqual([...new Set((await device.acknowledged.take(30)).map(({ reasonCode }) => reasonCode))], [0]);
		assert.equal(most, RECEIVE_MAXIMUM, "it is used, and not exceeded");
	}
});

test("a server that does not keep to our receive maximum is told, and we come through with every message", OPTIONS, async (context) => {
	for (const qos of [1, 2] as const) {
		const topic = `receiving/${qos}`;
		const device = await join(context, `receiving${qos}`, { receiveMaximum: 2 });
		await device.subscribe(topic, 2);
		const other = await peer(context);
		const texts = Array.from({ length: 20 }, (_, index) => `${index}`);
		for (const text of texts) await other.mqtt.publishAsync(topic, text, { qos });
		await other.mqtt.publishAsync(topic, "end", { qos });
		const heard: string[] = [];
		while (heard.at(-1) !== "end") heard.push((await device.messages.next()).text);
		const distinct = heard.filter((text, index) => heard.indexOf(text) === index);
		assert.deepEqual(distinct, [...texts, "end"]);
		if (qos === 2) assert.deepEqual(heard, distinct);
		const lost = device.lost.rest().map(({ code, detail }) => [code, detail]);
		assert.ok(lost.length <= 1, "once is enough");
		if (lost.length > 0) assert.deepEqual(lost, [["violation", 0x93]]);
	}
});

test("a message beyond the server's maximum is refused here, and the next one goes", OPTIONS, async (context) => {
	const device = await join(context, "large", { inflightLength: 10_000 });
	const other = await peer(context);
	await other.mqtt.subscribeAsync("large");
	const id = device.client.publish("large", "x".repeat(PACKET_MAXIMUM), { qos: 1 });
	device.client.publish("large", "small", { qos: 1 });
	assert.deepEqual(await device.acknowledged.next(), { packetId: id, reasonCode: 0x95 });
	assert.equal((await other.messages.next()).text, "small");
});

test("a message beyond our maximum is kept back by the server", OPTIONS, async (context) => {
	const device = await join(context, "narrow", { maximumPacketSize: 200 });
	await device.subscribe("narrow", 1);
	const other = await peer(context);
	await other.mqtt.publishAsync("narrow", "x".repeat(200), { qos: 1 });
	await other.mqtt.publishAsync("narrow", "small", { qos: 1 });
	assert.equal((await device.messages.next()).text, "small");
	assert.deepEqual(device.lost.rest(), []);
});

test("reasons: nobody listens, not authorised, nothing to unsubscribe from", OPTIONS, async (context) => {
	const device = await join(context, "reasons");
	device.client.publish("nobody/listens", "x", { qos: 1 });
	assert.equal((await device.acknowledged.next()).reasonCode, 0x10);
	device.client.publish("forbidden/up", "x", { qos: 1 });
	assert.equal((await device.acknowledged.next()).reasonCode, 0x87);
	device.client.publish("forbidden/up", "x", { qos: 2 });
	assert.equal((await device.acknowledged.next()).reasonCode, 0x87);
	assert.equal(await device.subscribe("fine", 2), 2);
	device.client.unsubscribe("fine");
	assert.deepEqual(await device.unsubscribed.next(), { filter: "fine", reasonCode: 0 });
	assert.deepEqual(device.lost.rest(), []);
});

test("options of a subscription: no local, retain as published, retain handling", OPTIONS, async (context) => {
	const device = await join(context, "options");
	const other = await peer(context);
	await other.mqtt.publishAsync("options/kept", "kept", { qos: 1, retain: true });
	await device.subscribe("options/#", { qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 2 });
	device.client.publish("options/own", "own", { qos: 1 });
	await device.acknowledged.next();
	await other.mqtt.publishAsync("options/kept", "again", { qos: 1, retain: true });
	const { text, retain } = await device.messages.next();
	assert.deepEqual([text, retain], ["again", true]);
	device.client.unsubscribe("options/#");
	await device.unsubscribed.next();
	await device.subscribe("options/+", { qos: 1, retainHandling: 1 });
	const kept = await device.messages.next();
	assert.deepEqual([kept.text, kept.retain], ["again", true], "new to it");
	await device.subscribe("options/+", { qos: 1, retainHandling: 1 });
	await other.mqtt.publishAsync("options/kept", "behind", { qos: 1, retain: true });
	const behind = await device.messages.next();
	assert.deepEqual([behind.text, behind.retain], ["behind", false], "not new any more");
	await other.mqtt.publishAsync("options/kept", "", { qos: 1, retain: true });
});

test("a message that expired while we were away is not delivered; the others are, with what is left of their time", OPTIONS, async (context) => {
	const cable = await Cable.lay(context, port);
	const device = await join(context, "expiry", {}, cable.port);
	await device.subscribe("expiry/#", 1);
	const other = await peer(context);
	cable.unplug();
	await device.lost.next();
	await other.mqtt.publishAsync("expiry/short", "expired", { qos: 1, properties: { messageExpiryInterval: 1 } });
	await other.mqtt.publishAsync("expiry/long", "lasting", { qos: 1, properties: { messageExpiryInterval: 300 } });
	await pass(context, 2, "passed/expiry");
	cable.plug();
	assert.equal((await device.connected.next()).sessionPresent, true);
	const { text, properties } = await device.messages.next();
	assert.equal(text, "lasting");
	assert.ok(properties!.messageExpirySeconds! < 300 && properties!.messageExpirySeconds! > 200);
});

test("a session ends with its expiry, and lasts until then", OPTIONS, async (context) => {
	const cable = await Cable.lay(context, port);
	const short = await join(context, "short", { sessionExpiry: 1_000 }, cable.port);
	const long = await join(context, "long", { sessionExpiry: 300_000 }, cable.port);
	await short.subscribe("session", 1);
	await long.subscribe("session", 1);
	cable.unplug();
	await pass(context, 3, "passed/session");
	cable.plug();
	assert.equal((await long.connected.next()).sessionPresent, true);
	assert.equal((await short.connected.next()).sessionPresent, false);
	assert.equal((await short.subscribed.next()).reasonCode, 1, "and is subscribed again");
});

test("a will with a delay waits for it, and is not published when we come back in time", OPTIONS, async (context) => {
	const cable = await Cable.lay(context, port);
	const will = (delay: number): DeviceOptions => ({
		will: { topic: "delayed", payload: `after ${delay}`, qos: 1, properties: { willDelaySeconds: delay, contentType: "will", userProperties: [["a", "b"]] } },
	});
	const other = await peer(context);
	await other.mqtt.subscribeAsync("delayed", { qos: 1 });
	const back = await join(context, "back", will(1), cable.port);
	cable.cut();
	assert.equal((await back.connected.next()).sessionPresent, true);
	const lonely = await Cable.lay(context, port);
	await join(context, "lonely", will(2), lonely.port);
	lonely.unplug();
	await other.mqtt.publishAsync("delayed", "before", { qos: 1 });
	assert.equal((await other.messages.next()).text, "before");
	const { text, properties } = await other.messages.next();
	assert.equal(text, "after 2");
	assert.equal(properties?.contentType, "will");
	assert.deepEqual({ ...properties.userProperties }, { a: "b" });
});
