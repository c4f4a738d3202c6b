// SPDX-License-Identifier: Apache-2.0
/** The CoAP server's message layer: what is confirmed, repeated, remembered and refused. RFC 7252 §4. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Code, OptionNumber, Type } from "../../src/coap/constants.js";
import { encodeDatagram } from "../../hosts/simulator/coap/packet.js";
import type { CoAPReply, CoAPRequest } from "../../hosts/simulator/coap/server.js";
import { Asker, DatagramClient, fromBytes, Scene, seen, uintOf, uintOption, valueOf } from "./coap-scene.js";

const HELLO: CoAPReply = { code: "2.05", payload: Uint8Array.from([104, 105]) };

/** A server whose replies the test gives. */
function waiting(): { scene: Scene; client: DatagramClient; asked: { request: CoAPRequest; reply(reply: CoAPReply): void }[] } {
	const asked: { request: CoAPRequest; reply(reply: CoAPReply): void }[] = [];
	const scene = new Scene({ handler: (request, reply) => { asked.push({ request, reply }); } });
	return { scene, client: new DatagramClient(scene), asked };
}

suite("CoAP server: messages", () => {
	test("a confirmable request is answered in its acknowledgement, another in a message of its own", () => {
		const client = new DatagramClient(new Scene({ handler: (_, reply) => { reply(HELLO); } }));
		const answer = client.exchange({ path: "a", messageId: 7 });
		assert.deepEqual([seen(answer), answer.messageId], ["ACK 2.05 hi", 7]);
		assert.equal(seen(client.exchange({ type: Type.NON })), "NON 2.05 hi");
	});

	test("the handler sees method, path, query and options as they were sent", () => {
		const seenRequests: CoAPRequest[] = [];
		const client = new DatagramClient(new Scene({ handler: (request, reply) => { seenRequests.push(request); reply({ code: "2.04" }); } }), "k", "lamp");
		const etag = Uint8Array.of(1, 2);
		client.exchange({
			code: Code.IPATCH, path: "moorline/é", query: ["a=b", "c"], payload: "{}",
			options: [
				uintOption(OptionNumber.CONTENT_FORMAT, 50), uintOption(OptionNumber.ACCEPT, 60), { number: OptionNumber.IF_MATCH, value: etag },
				{ number: OptionNumber.IF_MATCH, value: new Uint8Array(0) }, { number: OptionNumber.IF_NONE_MATCH, value: new Uint8Array(0) }, uintOption(2_048, 9),
			],
		});
		const { method, path, query, payload, contentFormat, accept, ifMatch, ifNoneMatch, observe, confirmable, secured, peer, options } = seenRequests[0]!;
		assert.deepEqual({ method, path, query, contentFormat, accept, ifNoneMatch, observe, confirmable, secured }, {
			method: "iPATCH", path: ["moorline", "é"], query: ["a=b", "c"], contentFormat: 50, accept: 60, ifNoneMatch: true, observe: undefined,
			confirmable: true, secured: false,
		});
		assert.deepEqual([fromBytes(payload), ifMatch.map(value => [...value]), peer.key, peer.identity], ["{}", [[1, 2], []], "k", "lamp"]);
		assert.equal(uintOf(options, 2_048), 9, "elective options that are not known are there");
	});

	test("a duplicate gets the same answer, and the handler is asked once, until the message ID means another message", () => {
		let asked = 0;
		const scene = new Scene({ handler: (_, reply) => { reply({ code: "2.05", payload: Uint8Array.of(48 + ++asked) }); } });
		const client = new DatagramClient(scene);
		const message = encodeDatagram(new Asker().message({ path: "a" }));
		client.send(message);
		scene.advance(200_000);
		client.send(message);
		assert.deepEqual(client.take().map(seen), ["ACK 2.05 1", "ACK 2.05 1"]);
		scene.advance(48_000);
		client.send(message);
		assert.deepEqual(client.take().map(seen), ["ACK 2.05 2"], "after EXCHANGE_LIFETIME");
		new DatagramClient(scene, "10.0.0.3:5000").send(message);
		assert.equal(asked, 3, "another peer's message IDs are others");
	});

	test("what is not replied at once is acknowledged, and answered separately until that is acknowledged", () => {
		const { scene, client, asked } = waiting();
		assert.equal(seen(client.exchange({ path: "slow", messageId: 9 })), "ACK 0.00");
		client.ask({ path: "slow", messageId: 9 });
		assert.deepEqual(client.take().map(seen), ["ACK 0.00"], "a duplicate of what is being answered");
		assert.equal(asked.length, 1);
		scene.advance(5_000);
		asked[0]!.reply(HELLO);
		asked[0]!.reply({ code: "4.04" });
		assert.equal(scene.server.deadline, 0, "it wants to be looked at");
		scene.advance(0);
		const [first] = client.take();
		assert.equal(seen(first!), "CON 2.05 hi");
		const from = scene.now, times: number[] = [];
		for (let step = 0; step < 1_000; step++) {
			scene.advance(100);
			for (const { messageId } of client.take()) {
				assert.equal(messageId, first!.messageId);
				times.push(scene.now - from);
			}
		}
		assert.equal(times.length, 4, "MAX_RETRANSMIT");
		assert.ok(times[0]! >= 2_000 && times[0]! <= 3_100, `first after ${times[0]}`);
		assert.ok(times[3]! >= 30_000 && times[3]! <= 45_200, `last after ${times[3]}`);
		assert.equal(scene.server.deadline, Infinity);
	});

	test("an acknowledgement ends the repetition, and so does a reset", () => {
		for (const type of [Type.ACK, Type.RST]) {
			const { scene, client, asked } = waiting();
			client.exchange({ path: "slow" });
			asked[0]!.reply(HELLO);
			scene.advance(2_999);
			const sent = client.take();
			client.say(type, sent[0]!.messageId);
			scene.advance(100_000);
			assert.deepEqual(client.take(), []);
		}
	});

	test("a ping is reset; so is what is no request, and what is malformed; the rest is ignored", () => {
		const client = new DatagramClient(new Scene({ handler: (_, reply) => { reply(HELLO); } }));
		client.say(Type.CON, 5);
		assert.deepEqual(client.take().map(({ type, messageId }) => [type, messageId]), [[Type.RST, 5]]);
		assert.equal(seen(client.exchange({ code: Code.CONTENT })), "RST 0.00");
		assert.equal(seen(client.exchange({ code: 0x21 })), "RST 0.00", "a class that is reserved");
		const bad = ["40010001ff", "4001000151", "480100010102", "4001000be0", "49010001010203040506070809", "400000016162"];
		for (const text of bad) {
			client.send(Buffer.from(text, "hex"));
			assert.deepEqual(client.take().map(seen), ["RST 0.00"], text);
		}
		client.say(Type.NON, 6);
		client.say(Type.ACK, 7);
		client.say(Type.RST, 8);
		for (const text of ["", "40", "400100", "80010001", "50010001ff", "60010001ff"]) client.send(Buffer.from(text, "hex"));
		client.ask({ type: Type.NON, code: Code.CONTENT });
		client.ask({ type: Type.ACK, code: Code.CONTENT });
		assert.deepEqual(client.take(), []);
		assert.equal(seen(client.exchange({})), "ACK 2.05 hi");
	});

	test("methods and critical options that are not known are refused, elective ones ignored", () => {
		const client = new DatagramClient(new Scene({ handler: (_, reply) => { reply(HELLO); } }));
		const code = (asked: Parameters<DatagramClient["ask"]>[0]) => seen(client.exchange(asked)).slice(4, 8);
		const empty = new Uint8Array(0);
		assert.equal(code({ code: 0x08 }), "4.05");
		assert.equal(code({ options: [{ number: 2_049, value: empty }] }), "4.02");
		assert.equal(code({ options: [{ number: OptionNumber.OSCORE, value: empty }] }), "4.02");
		assert.equal(code({ options: [{ number: OptionNumber.URI_HOST, value: empty }] }), "4.02", "too short");
		assert.equal(code({ options: [uintOption(OptionNumber.ACCEPT, 1), uintOption(OptionNumber.ACCEPT, 2)] }), "4.02", "one too many");
		assert.equal(code({ options: [{ number: OptionNumber.URI_PATH, value: Uint8Array.of(0xff) }] }), "4.02", "no text");
		assert.equal(code({ options: [{ number: OptionNumber.OBSERVE, value: new Uint8Array(4) }] }), "2.05", "elective, too long");
		assert.equal(code({ options: [{ number: OptionNumber.PROXY_URI, value: Uint8Array.of(65) }] }), "5.05");
		assert.equal(code({ options: [{ number: OptionNumber.HOP_LIMIT, value: Uint8Array.of(0) }] }), "4.00");
		assert.equal(code({ options: [{ number: OptionNumber.HOP_LIMIT, value: Uint8Array.of(16) }] }), "2.05");
		assert.equal(code({ options: [{ number: OptionNumber.BLOCK2, value: Uint8Array.of(7) }] }), "4.00", "a size that datagrams have not");
		assert.equal(seen(client.exchange({ type: Type.NON, options: [{ number: 2_049, value: empty }] })), "RST 0.00");
	});

	test("No-Response: what is not wanted is only acknowledged", () => {
		const client = new DatagramClient(new Scene({ handler: ({ path }, reply) => { reply({ code: path[0]! }); } }));
		const with_ = (path: string, value: number, type: Type = Type.CON) => {
			client.ask({ type, path, options: [uintOption(OptionNumber.NO_RESPONSE, value)] });
			return client.take().map(seen);
		};
		assert.deepEqual(with_("2.04", 2), ["ACK 0.00"]);
		assert.deepEqual(with_("2.04", 2, Type.NON), []);
		assert.deepEqual(with_("4.04", 2), ["ACK 4.04"]);
		assert.deepEqual(with_("4.04", 8), ["ACK 0.00"]);
		assert.deepEqual(with_("5.03", 26, Type.NON), []);
		assert.deepEqual(with_("5.03", 10), ["ACK 5.03"]);
		assert.deepEqual(with_("2.04", 0), ["ACK 2.04"]);
	});

	test("a handler that throws, a code that is none, and too many requests at a time", () => {
		const scene = new Scene({ limits: { pendingMaximum: 2 }, handler: ({ path }, reply) => {
			if (path[0] === "throw") throw new Error("bröken");
			if (path[0] === "code") reply({ code: "9.99" });
		} });
		const client = new DatagramClient(scene);
		assert.equal(seen(client.exchange({ path: "throw" })), "ACK 5.00 br?ken");
		assert.equal(seen(client.exchange({ path: "code" })), "ACK 5.00");
		assert.deepEqual([1, 2, 3].map(() => seen(client.exchange({ path: "wait" }))), ["ACK 0.00", "ACK 0.00", "ACK 5.03 too many requests"]);
		assert.equal(seen(new DatagramClient(scene, "other").exchange({ path: "wait" })), "ACK 0.00");
	});

	test("what a reply says beyond its body", () => {
		const client = new DatagramClient(new Scene({ handler: (_, reply) => {
			reply({
				code: "2.01", maxAge: 7, locationPath: ["a", "b"], locationQuery: ["c=d"], contentFormat: 0, etag: Uint8Array.of(9), options: [uintOption(2_048, 5)],
			});
		} }));
		const { options } = client.exchange({ code: Code.POST });
		assert.deepEqual(options.map(({ number, value }) => [number, [...value]]), [
			[4, [9]], [8, [97]], [8, [98]], [12, []], [14, [7]], [20, [99, 61, 100]], [2_048, [5]],
		]);
	});

	test("a peer that is one too many takes the place of the one that was silent longest", () => {
		let asked = 0;
		const scene = new Scene({ limits: { peerMaximum: 2 }, handler: (_, reply) => { asked++; reply(HELLO); } });
		const [one, two, three] = ["1", "2", "3"].map(key => new DatagramClient(scene, key)) as [DatagramClient, DatagramClient, DatagramClient];
		const again = { messageId: 1, token: Uint8Array.of(1) };
		for (const client of [one, two, one, three, one, two]) client.exchange(again);
		assert.equal(asked, 4, "the second was forgotten, the first not");
	});

	test("a datagram of more than is taken is answered with 4.13", () => {
		const client = new DatagramClient(new Scene({ handler: (_, reply) => { reply(HELLO); } }));
		assert.equal(seen(client.exchange({ code: Code.PUT, payload: new Uint8Array(1_300) })), "ACK 4.13");
	});

	test("discovery lists links and finds them", () => {
		const links = [
			{ path: "/sensors/temp", attributes: { rt: "temperature-c indoor", if: "sensor", obs: true as const } },
			{ path: "/sensors/light", attributes: { rt: "light-lux", ct: "50", title: 'a "b"' } }, { path: "/plain" },
		];
		const client = new DatagramClient(new Scene({ links: () => links, handler: (_, reply) => { reply({ code: "4.04" }); } }));
		const find = (...query: string[]) => fromBytes(client.exchange({ path: ".well-known/core", query }).payload);
		const [temp, light, plain] = ['</sensors/temp>;rt="temperature-c indoor";if="sensor";obs', '</sensors/light>;rt="light-lux";ct=50;title="a \\"b\\""', "</plain>"];
		assert.equal(find(), `${temp},${light},${plain}`);
		assert.equal(find("rt=indoor"), temp);
		assert.equal(find("rt=light*"), light);
		assert.equal(find("href=/sensors*"), `${temp},${light}`);
		assert.equal(find("ct=50"), light);
		assert.equal(find("obs"), temp);
		assert.equal(find("rt=light*", "if=sensor"), "");
		assert.equal(find("rt=lamp"), "");
		assert.equal(uintOf(client.exchange({ path: ".well-known/core" }).options, OptionNumber.CONTENT_FORMAT), 40);
		assert.equal(seen(client.exchange({ code: Code.POST, path: ".well-known/core" })).slice(4, 8), "4.05");
		assert.ok(valueOf(client.exchange({ path: ".well-known/core", options: [uintOption(OptionNumber.BLOCK2, 0)] }).options, OptionNumber.ETAG));
	});
});
