// SPDX-License-Identifier: Apache-2.0
/** The CoAP server over streams: frames, settings, pings, and ends of connections; and the codec under all of it. RFC 8323. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Code, OptionNumber, Type } from "../../src/coap/constants.js";
import { decodeDatagram, decodeFrame, encodeDatagram, encodeFrame, frameHeader } from "../../hosts/simulator/coap/packet.js";
import vectors from "../vectors/coap-messages.json" with { type: "json" };
import { Asker, fromBytes, Scene, seen, StreamClient, toBytes, uintOf, uintOption } from "./coap-scene.js";

const NOTHING = new Uint8Array(0), TOKEN = Uint8Array.of(0x42);
const echo = () => new Scene({ handler: ({ path, payload }, reply) => { reply({ code: "2.05", payload: payload.byteLength > 0 ? payload : toBytes(path.join("/")) }); } });

interface Fields { type?: keyof typeof Type; code: string; mid?: number; token: string; options?: [string, string][]; payload?: string }

function shown({ type = "CON", code, mid = 0, token, options = [], payload = "" }: Fields): unknown {
	return [type, code, mid, token, options, payload];
}

function fieldsOf(message: NonNullable<ReturnType<typeof decodeDatagram>>): unknown {
	const names = new Map(Object.entries(OptionNumber).map(([name, number]) => [number as number, name]));
	const [type, code] = seen({ ...message, payload: NOTHING }).split(" ");
	const options = message.options.map(({ number, value }) => [names.get(number), Buffer.from(value).toString("hex")]);
	return [type, code, message.messageId, Buffer.from(message.token).toString("hex"), options, Buffer.from(message.payload).toString("hex")];
}

function upperCase(fields: Fields): Fields {
	return { ...fields, options: (fields.options ?? []).map(([name, value]) => [name.toUpperCase().replace("-", "_"), value]) };
}

suite("CoAP server: codec", () => {
	test("every datagram of the RFCs is what it is said to be, and made of it", () => {
		for (const { source, fields, hex } of vectors.messages as unknown as { source: string; fields: Fields; hex: string }[]) {
			const message = decodeDatagram(Buffer.from(hex, "hex"));
			assert.deepEqual(fieldsOf(message!), shown(upperCase(fields)), source);
			assert.equal(Buffer.from(encodeDatagram(message!)).toString("hex"), hex, source);
		}
	});

	test("every frame of RFC 8323 is, too, and lengths change their form where it says", () => {
		for (const row of vectors.reliableTransport as unknown as { source: string; kind: "tcp" | "ws"; hex?: string; fields: Fields; headerHex?: string; bodyLength?: number }[]) {
			if (row.hex !== undefined) {
				const bytes = Buffer.from(row.hex, "hex"), header = frameHeader(bytes)!, message = decodeFrame(bytes, header);
				assert.deepEqual(fieldsOf(message!), shown(upperCase(row.fields)), row.source);
				assert.equal(Buffer.from(encodeFrame(message!, row.kind)).toString("hex"), row.hex, row.source);
				if (row.kind === "tcp") assert.equal(header.end, bytes.byteLength);
				continue;
			}
			const frame = encodeFrame({ type: Type.CON, code: Code.CONTENT, messageId: 0, token: NOTHING, options: [], payload: new Uint8Array(row.bodyLength! - 1) }, "tcp");
			assert.equal(Buffer.from(frame.subarray(0, row.headerHex!.length / 2)).toString("hex"), row.headerHex);
			assert.equal(frameHeader(frame)!.end, frame.byteLength);
			for (let length = 0; length < row.headerHex!.length / 2; length++) assert.equal(frameHeader(frame.subarray(0, length)), undefined);
		}
	});
});

suite("CoAP server: streams", () => {
	test("both begin with their settings, and then requests are answered, however they are cut", () => {
		for (const step of [1, 3, 1_000]) {
			const scene = echo(), client = new StreamClient(scene), asker = new Asker();
			const bytes = Uint8Array.from(["one", "two", "three"].flatMap(path => [...encodeFrame(asker.message({ path, payload: path === "two" ? "x".repeat(400) : "" }), "tcp")]));
			for (let start = 0; start < bytes.byteLength; start += step) client.send(bytes.subarray(start, start + step));
			assert.deepEqual(client.take().map(({ payload }) => fromBytes(payload)), ["one", "x".repeat(400), "three"]);
		}
	});

	test("the settings say how much is taken, and that blocks are known", () => {
		const scene = new Scene({ limits: { messageMaximum: 5_000 }, handler: () => {} });
		let sent: Uint8Array = NOTHING;
		scene.server.connect("tcp", undefined, { send: bytes => { sent = bytes; } }, scene.now);
		const { code, options } = decodeFrame(sent, frameHeader(sent)!)!;
		assert.deepEqual([code, uintOf(options, 2), options.map(({ number }) => number)], [Code.CSM, 5_000, [2, 4]]);
	});

	test("a WebSocket's messages are taken one by one", () => {
		const client = new StreamClient(echo(), "ws");
		assert.equal(fromBytes(client.exchange({ path: "a" }).payload), "a");
		client.send(encodeFrame(new Asker().message({ path: "a" }), "tcp"));
		assert.deepEqual([client.take().map(({ code }) => code), client.isClosed], [[Code.ABORT], true], "a length is no part of it");
	});

	test("pings are answered with their token, and with custody where that is asked; pongs are taken", () => {
		const client = new StreamClient(echo());
		client.say(Code.PING, [{ number: 2, value: NOTHING }], TOKEN);
		client.say(Code.PING, [], Uint8Array.of(1));
		client.say(Code.PONG, [], TOKEN);
		assert.deepEqual(client.take().map(({ code, token, options }) => [code, [...token], options.length]), [[Code.PONG, [0x42], 1], [Code.PONG, [1], 0]]);
	});

	test("empty messages and responses are ignored; methods that are not known are refused", () => {
		const client = new StreamClient(echo());
		client.say(Code.EMPTY);
		client.say(Code.CONTENT, [], TOKEN);
		client.say(0x21);
		assert.deepEqual(client.take(), []);
		assert.equal(seen(client.exchange({ code: 0x1f })).slice(0, 8), "CON 4.05");
		assert.equal(seen(client.exchange({ options: [{ number: 2_049, value: NOTHING }] })).slice(0, 8), "CON 4.02");
		assert.equal(client.isClosed, false);
	});

	test("what breaks the rules is told, and ends the connection", () => {
		const aborted = (settings: ConstructorParameters<typeof StreamClient>[2], act: (client: StreamClient) => void) => {
			const client = new StreamClient(echo(), "tcp", settings);
			act(client);
			const sent = client.take();
			assert.deepEqual(sent.map(({ code }) => code), [Code.ABORT]);
			assert.equal(client.isClosed, true);
			client.ask({ path: "a" });
			assert.deepEqual(client.take(), [], "nothing after the end");
			return sent[0]!;
		};
		const unsettled = (act: (client: StreamClient) => void) => {
			const scene = echo(), received: number[] = [];
			let isClosed = false;
			const connection = scene.server.connect("tcp", undefined, {
				send: bytes => { received.push(decodeFrame(bytes, frameHeader(bytes)!)!.code); }, close: () => { isClosed = true; },
			}, scene.now)!;
			act({ send: (bytes: Uint8Array) => { connection.receive(bytes, scene.now); }, scene } as StreamClient);
			assert.deepEqual([received, isClosed], [[Code.CSM, Code.ABORT], true]);
		};
		unsettled(client => { client.send(encodeFrame(new Asker().message({ path: "early" }), "tcp")); });
		unsettled(client => { client.scene.advance(30_000); });
		assert.match(fromBytes(aborted([], client => { client.send(Uint8Array.of(0x0f, 1, 1)); client.send(new Uint8Array(20)); }).payload), /malformed/);
		assert.match(fromBytes(aborted([], client => { client.send(Uint8Array.of(0xf0, 0xff, 0xff, 0xff, 0xff, 1)); }).payload), /Max-Message-Size/);
		aborted([], client => { client.send(Uint8Array.of(0x20, 1, 0xb5, 0x61)); });
		aborted([], client => { client.say(Code.PING, [{ number: 3, value: NOTHING }]); });
		const bad = aborted([], client => { client.say(Code.CSM, [{ number: 5, value: NOTHING }]); });
		assert.equal(uintOf(bad.options, 2), 5, "Bad-CSM-Option");
	});

	test("Release ends the connection when what is pending is answered; Abort at once", () => {
		const replies: (() => void)[] = [];
		const scene = new Scene({ handler: (_, reply) => { replies.push(() => { reply({ code: "2.04" }); }); } });
		const client = new StreamClient(scene);
		client.ask({ path: "slow" });
		client.say(Code.RELEASE);
		client.ask({ path: "late" });
		assert.deepEqual([client.isClosed, replies.length], [false, 1]);
		replies[0]!();
		scene.advance(0);
		assert.deepEqual([client.take().map(seen), client.isClosed], [["CON 2.04"], true]);
		for (const code of [Code.RELEASE, Code.ABORT]) {
			const other = new StreamClient(scene);
			other.say(code);
			assert.deepEqual([other.isClosed, other.take()], [true, []]);
		}
	});

	test("a reply after the end, and one stream too many", () => {
		let done = () => {};
		const scene = new Scene({ limits: { streamMaximum: 1 }, handler: (_, reply) => { done = () => { reply({ code: "2.04" }); }; } });
		const client = new StreamClient(scene);
		assert.equal(scene.server.connect("tcp", undefined, { send: () => {} }, scene.now), undefined);
		client.ask({ path: "slow" });
		client.connection.lost();
		done();
		scene.advance(0);
		assert.deepEqual(client.take(), []);
		assert.equal(scene.server.deadline, Infinity);
		assert.ok(new StreamClient(scene));
	});

	test("No-Response over a stream says nothing at all", () => {
		const client = new StreamClient(echo());
		client.ask({ path: "a", options: [uintOption(OptionNumber.NO_RESPONSE, 2)] });
		assert.deepEqual(client.take(), []);
	});
});
