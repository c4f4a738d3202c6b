// SPDX-License-Identifier: Apache-2.0
/**
 * The cases of the CoAP plug tests that ask something of a client, against the server of `npm-coap.ts`: what the client
 * sent, as another codec reads it, and what the program was told. Those that need more than this server has are in
 * `coap-libcoap.test.ts` and `dtls-libcoap.test.ts`; `coap-plugtest.ts` has the list.
 */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { generate, type ParsedPacket } from "coap-packet";
import type { CoAPClientOptions } from "../../src/coap/client.js";
import { ContentFormat } from "../../src/coap/constants.js";
import { CoAPDevice, numberOf, optionOf, OptionNumber, textsOf } from "./coap-device.js";
import { LARGE, optionsOf, PlugtestServer, type Seen } from "./npm-coap.js";

const limited = { timeout: 60_000 };
const GET = "0.01", POST = "0.02", PUT = "0.03", DELETE = "0.04", EMPTY = "0.00";

async function scene(context: TestContext, options: Partial<CoAPClientOptions> = {}): Promise<{ device: CoAPDevice; server: PlugtestServer }> {
	const server = await PlugtestServer.start(context);
	const device = await CoAPDevice.connect(context, { transport: "udp", name: "127.0.0.1", port: server.relay.port }, options);
	server.forget();
	return { device, server };
}

const sent = ({ transcript }: PlugtestServer, code: string): ParsedPacket[] =>
	transcript.filter(({ direction, packet }) => direction === "up" && packet.code === code).map(({ packet }) => packet);
const isUp = (code: string) => ({ direction, packet }: Seen) => direction === "up" && packet.code === code;
const observe = (packet: ParsedPacket) => optionsOf(packet, "Observe").map(value => value.byteLength === 0 ? 0 : value.readUIntBE(0, value.byteLength))[0];

for (const [mode, confirmable, ids] of [["confirmable", true, "01, 02, 03, 04"], ["not confirmable", false, "05, 06, 07, 08"]] as const) {
	test(`plugtest: CORE ${ids}: GET, DELETE, PUT, POST, ${mode}`, limited, async context => {
		const { device, server } = await scene(context);
		assert.equal((await device.get("test", { confirmable })).text, "a test");
		assert.equal((await device.delete("test", { confirmable })).code, "2.02");
		assert.equal((await device.put("test", "new", { confirmable, contentFormat: ContentFormat.TEXT })).code, "2.01");
		assert.equal((await device.put("test", "newer", { confirmable })).code, "2.04");
		assert.equal((await device.post("test", "more", { confirmable, contentFormat: ContentFormat.TEXT })).code, "2.01");
		assert.equal((await device.get("test", { confirmable })).text, "newer");
		const requests = server.transcript.filter(({ direction, packet }) => direction === "up" && packet.code !== EMPTY).map(({ packet }) => packet);
		assert.deepEqual(requests.map(({ code }) => code), [GET, DELETE, PUT, PUT, POST, GET]);
		for (const packet of requests) assert.equal(packet.confirmable, confirmable);
		assert.equal(new Set(requests.map(({ messageId }) => messageId)).size, requests.length);
		assert.deepEqual(requests.map(packet => optionsOf(packet, "Content-Format").length), [0, 0, 1, 0, 1, 0]);
	});
}

test("plugtest: CORE 09, 11: a separate response is acknowledged, and is found by its token", limited, async context => {
	const { device, server } = await scene(context);
	assert.equal((await device.get("separate")).text, "separate");
	const [request] = sent(server, GET);
	assert(request!.token.byteLength > 0);
	const answer = (await server.sees(({ direction, packet }) => direction === "down" && packet.code === "2.05")).packet;
	assert.equal(answer.confirmable, true);
	assert.deepEqual(answer.token, request!.token);
	const ack = (await server.sees(({ direction, packet }) => direction === "up" && packet.ack)).packet;
	assert.equal(ack.messageId, answer.messageId);
	assert.equal(ack.code, EMPTY);
});

test("plugtest: CORE 10: each request has a token of its own", limited, async context => {
	const { device, server } = await scene(context);
	await Promise.all([device.get("test"), device.get("query", { query: ["a"] }), device.get("test")]);
	const tokens = sent(server, GET).map(({ token }) => token.toString("hex"));
	assert.equal(new Set(tokens).size, 3);
	for (const token of tokens) assert.match(token, /^([0-9a-f]{2}){1,8}$/);
});

test("plugtest: CORE 13, 14: several segments, and several queries", limited, async context => {
	const { device, server } = await scene(context);
	assert.equal((await device.get("seg1/seg2/seg3")).text, "three segments");
	assert.equal((await device.get("query", { query: ["first=1", "second=2", "third=3"] })).text, "first=1&second=2&third=3");
	const [segments, query] = sent(server, GET);
	assert.deepEqual(optionsOf(segments!, "Uri-Path").map(String), ["seg1", "seg2", "seg3"]);
	assert.deepEqual(optionsOf(query!, "Uri-Query").map(String), ["first=1", "second=2", "third=3"]);
});

test("plugtest: CORE 15: a lost request and a lost answer", limited, async context => {
	await Promise.all(["up", "down"].map(async direction => {
		const { device, server } = await scene(context);
		let isLost = false;
		server.isLost = seen => seen.direction === direction && !isLost && (isLost = true);
		assert.equal((await device.get("test")).text, "a test");
		const [first, second, ...rest] = sent(server, GET);
		assert.deepEqual(second, first);
		assert.deepEqual(rest, []);
	}));
});

test("plugtest: CORE 16: of a delayed answer each of the four messages lost", limited, async context => {
	const first: ((seen: Seen) => boolean)[] = [
		isUp(GET),
		({ direction, packet }) => direction === "down" && packet.ack,
		({ direction, packet }) => direction === "down" && packet.code === "2.05",
		({ direction, packet }) => direction === "up" && packet.ack,
	];
	await Promise.all(first.map(async isIt => {
		const { device, server } = await scene(context);
		let lost: Seen | undefined;
		server.isLost = seen => lost === undefined && isIt(seen) && (lost = seen) !== undefined;
		assert.equal((await device.get("separate")).text, "separate");
		// The sender of the last one learns of its loss when the peer repeats itself.
		if (isIt === first[3]) await server.sees(seen => lost !== undefined && isIt(seen) && seen !== lost);
		assert(lost !== undefined);
	}));
});

test("plugtest: CORE 17: a separate response to a request that is not confirmable", limited, async context => {
	const { device, server } = await scene(context);
	assert.equal((await device.get("separate", { confirmable: false })).text, "separate");
	assert.equal(sent(server, GET)[0]!.confirmable, false);
});

test("plugtest: CORE 18, 19: where the new resource is: several segments, and several queries", limited, async context => {
	const { device } = await scene(context);
	const path = await device.post("test", "more");
	assert.equal(path.code, "2.01");
	assert.deepEqual(textsOf(path, OptionNumber.LOCATION_PATH), ["test", "created", "1"]);
	const query = await device.post("location-query", "more");
	assert.deepEqual(textsOf(query, OptionNumber.LOCATION_QUERY), ["first=1", "second=2"]);
});

test("plugtest: CORE 20: the format that is wanted", limited, async context => {
	const { device } = await scene(context);
	for (const [accept, text] of [[ContentFormat.TEXT, "text"], [ContentFormat.XML, "<text/>"]] as const) {
		const answer = await device.get("multi-format", { accept });
		assert.equal(answer.text, text);
		assert.equal(numberOf(answer, OptionNumber.CONTENT_FORMAT), accept);
	}
	assert.equal((await device.get("multi-format", { accept: ContentFormat.OSCORE })).code, "4.06");
});

test("plugtest: CORE 21, 22: what has not changed is not sent again, and what has is not overwritten", limited, async context => {
	const { device } = await scene(context);
	const first = await device.get("validate");
	const tag = { number: OptionNumber.ETAG, value: optionOf(first, OptionNumber.ETAG)! };
	const valid = await device.get("validate", { options: [tag] });
	assert.equal(valid.code, "2.03");
	assert.equal(valid.text, "");
	assert.deepEqual(optionOf(valid, OptionNumber.ETAG), Buffer.from(tag.value));
	const match = { number: OptionNumber.IF_MATCH, value: tag.value };
	assert.equal((await device.put("validate", "second value", { options: [match] })).code, "2.04");
	assert.equal((await device.put("validate", "third", { options: [match] })).code, "4.12");
	const second = await device.get("validate", { options: [tag] });
	assert.equal(second.code, "2.05");
	assert.equal(second.text, "second value");
});

test("plugtest: CORE 23: what is there is not created again", limited, async context => {
	const { device, server } = await scene(context);
	const options = [{ number: OptionNumber.IF_NONE_MATCH, value: new Uint8Array(0) }];
	assert.equal((await device.put("create1", "first", { options })).code, "2.01");
	assert.equal((await device.put("create1", "second", { options })).code, "4.12");
	for (const packet of sent(server, PUT)) assert.deepEqual(optionsOf(packet, "If-None-Match"), [Buffer.alloc(0)]);
});

test("plugtest: CORE 31: a ping is an empty message, and is answered by a reset", limited, async context => {
	const { server } = await scene(context, { keepAlive: 20 });
	const { packet } = await server.sees(isUp(EMPTY));
	assert.equal(packet.confirmable, true);
	assert.equal(packet.token.byteLength, 0);
	assert.deepEqual(packet.options, []);
});

test("plugtest: BLOCK 01, 02: a large representation, the size of its blocks asked for early and late", limited, async context => {
	const { device, server } = await scene(context);
	assert.equal((await device.get("large")).text, LARGE.toString());
	assert(sent(server, GET).length > 1);
	for (const blockLength of [64, 32]) {
		const { device, server } = await scene(context, { blockLength });
		assert.equal((await device.get("large")).text, LARGE.toString());
		const requests = sent(server, GET);
		assert.equal(requests.length, Math.ceil(LARGE.byteLength / blockLength));
		requests.forEach((packet, index) => {
			const value = optionsOf(packet, "Block2")[0]!;
			const block = value.byteLength === 0 ? 0 : value.readUIntBE(0, value.byteLength);
			assert.deepEqual([block >> 4, block & 8, 2 ** ((block & 7) + 4)], [index, 0, blockLength]);
		});
	}
});

test("plugtest: OBS 01: notifications that are confirmable", limited, async context => {
	const { device, server } = await scene(context);
	const { notifications } = device.observe("obs");
	assert.equal((await notifications.next()).text, "0");
	for (let value = 1; value <= 5; value++) {
		server.notify(String(value));
		assert.equal((await notifications.next()).text, String(value));
	}
	const [request, ...rest] = sent(server, GET);
	assert.equal(observe(request!), 0);
	assert.deepEqual(rest, []);
	const told = server.transcript.filter(({ direction, packet }) => direction === "down" && packet.code === "2.05");
	for (const { packet } of told) assert.deepEqual(packet.token, request!.token);
});

test("plugtest: OBS 04: what was not told of in time is asked for again", limited, async context => {
	const { device, server } = await scene(context);
	server.observed.maxAge = 1;
	const { notifications } = device.observe("obs");
	assert.equal((await notifications.next()).text, "0");
	// The server has forgotten its observers, and says nothing.
	server.observed.value = "1";
	assert.equal((await notifications.next()).text, "1");
	assert.deepEqual(sent(server, GET).map(observe).slice(0, 2), [0, 0]);
});

test("plugtest: OBS 06: a notification that nobody waits for is reset", limited, async context => {
	const { server } = await scene(context);
	server.relay.putIn(generate({
		code: "2.05", confirmable: true, messageId: 4_711, token: Buffer.from("lost"), payload: Buffer.from("1"),
		options: [{ name: "Observe", value: Buffer.from([7]) }],
	}));
	const { packet } = await server.sees(({ direction, packet }) => direction === "up" && packet.reset);
	assert.equal(packet.messageId, 4_711);
	assert.equal(packet.code, EMPTY);
});

test("plugtest: OBS 07, 08: an observation ends with its resource, and with its format", limited, async context => {
	const { device, server } = await scene(context);
	for (const [end, code] of [
		[() => { server.endObservations("4.06"); }, 0x86],
		[() => device.delete("obs"), 0x84],
	] as const) {
		const { notifications, ended } = device.observe("obs");
		await notifications.next();
		await end();
		const error = await ended;
		assert.equal(error.code, "rejected");
		assert.equal(error.detail, code);
	}
});

test("plugtest: OBS 09: what others put is told", limited, async context => {
	const { device, server } = await scene(context);
	const other = await CoAPDevice.connect(context, { transport: "udp", name: "127.0.0.1", port: server.relay.port });
	await other.put("obs", "from elsewhere");
	other.client.close();
	const { notifications } = device.observe("obs");
	assert.equal((await notifications.next()).text, "from elsewhere");
	await device.put("obs", "from here");
	assert.equal((await notifications.next()).text, "from here");
});

test("plugtest: OBS 10: a plain GET does not end the observation", limited, async context => {
	const { device, server } = await scene(context);
	const { notifications } = device.observe("obs");
	await notifications.next();
	assert.equal((await device.get("obs")).text, "0");
	server.notify("1");
	assert.equal((await notifications.next()).text, "1");
	const [observation, plain] = sent(server, GET);
	assert.notDeepEqual(plain!.token, observation!.token);
	assert.equal(observe(plain!), undefined);
});

test("plugtest: OBS 11: a lost notification is told after all, and its lost acknowledgement is no news", limited, async context => {
	await Promise.all(["down", "up"].map(async direction => {
		const { device, server } = await scene(context);
		const { notifications } = device.observe("obs");
		await notifications.next();
		let isLost = false;
		server.isLost = seen => seen.direction === direction && !isLost && (isLost = true);
		server.notify("1");
		assert.equal((await notifications.next()).text, "1");
		server.notify("2");
		assert.equal((await notifications.next()).text, "2");
		assert.deepEqual(notifications.rest(), []);
	}));
});

test("plugtest: OBS 12: cancelling says so, with the token of the observation", limited, async context => {
	const { device, server } = await scene(context);
	const { notifications, cancel } = device.observe("obs");
	await notifications.next();
	cancel();
	const { packet } = await server.sees(({ direction, packet }) => direction === "up" && observe(packet) === 1);
	assert.deepEqual(packet.token, sent(server, GET)[0]!.token);
	assert.deepEqual(optionsOf(packet, "Uri-Path").map(String), ["obs"]);
	await server.sees(({ direction, packet: { code } }) => direction === "down" && code === "2.05");
	server.notify("1");
	assert.equal((await device.get("obs")).text, "1");
	assert.deepEqual(notifications.rest(), []);
});
