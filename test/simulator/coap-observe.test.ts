// SPDX-License-Identifier: Apache-2.0
/** The CoAP server's observations: who is told, when, and how newer states overtake older ones. RFC 7641 §4. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Code, OptionNumber, Type } from "../../src/coap/constants.js";
import type { Message } from "../../src/coap/message.js";
import type { CoAPLimits, CoAPReply } from "../../hosts/simulator/coap/server.js";
import { blockOption, blocksOf, DatagramClient, fromBytes, Scene, seen, StreamClient, toBytes, uintOf, uintOption, valueOf } from "./coap-scene.js";

const REGISTER = [uintOption(OptionNumber.OBSERVE, 0)], DEREGISTER = [uintOption(OptionNumber.OBSERVE, 1)];
const TOKEN = Uint8Array.of(0x4a);

/** A server with one resource, which the test changes. */
class Resource {
	readonly scene: Scene;
	state = "0";
	reply: Partial<CoAPReply> = {};
	asked = 0;

	constructor(limits: Partial<CoAPLimits> = {}) {
		this.scene = new Scene({ limits, handler: (_, reply) => {
			this.asked++;
			reply({ code: "2.05", payload: toBytes(this.state), observable: true, maxAge: 15, ...this.reply });
		} });
	}

	change(state: string, milliseconds = 0): void {
		this.state = state;
		this.scene.server.notify(({ path }) => path[0] === "temperature");
		this.scene.advance(milliseconds);
	}
}

function register(client: DatagramClient | StreamClient, more: Parameters<DatagramClient["ask"]>[0] = {}): Message {
	return client.exchange({ path: "temperature", token: TOKEN, options: REGISTER, ...more });
}

function sequence({ options }: Message): number | undefined {
	return uintOf(options, OptionNumber.OBSERVE);
}

suite("CoAP server: observations", () => {
	test("a registration is answered with the state and a number; each change is told with a higher one", () => {
		const resource = new Resource({ confirmEvery: 0 }), client = new DatagramClient(resource.scene);
		const first = register(client);
		assert.equal(seen(first), "ACK 2.05 0");
		assert.equal(uintOf(first.options, OptionNumber.MAX_AGE), 15);
		let last = sequence(first)!;
		for (let count = 1; count < 100; count++) {
			resource.change(String(count), 10);
			const [notification, ...others] = client.take();
			assert.equal(others.length, 0);
			assert.equal(seen(notification!), `NON 2.05 ${count}`);
			assert.deepEqual([...notification!.token], [...TOKEN]);
			assert.ok(sequence(notification!)! > last);
			last = sequence(notification!)!;
		}
		assert.equal(resource.scene.server.observations, 1);
	});

	test("a plain request, and one for what cannot be observed, register nothing", () => {
		const resource = new Resource(), client = new DatagramClient(resource.scene);
		assert.equal(sequence(client.exchange({ path: "temperature" })), undefined);
		assert.equal(sequence(client.exchange({ path: "temperature", code: Code.POST, options: REGISTER })), undefined);
		resource.reply = { observable: false };
		assert.equal(sequence(register(client)), undefined);
		resource.reply = { code: "4.04" };
		assert.equal(sequence(register(client)), undefined);
		resource.change("1");
		assert.deepEqual([client.take(), resource.scene.server.observations], [[], 0]);
	});

	test("notify reaches those that match, and changes of one turn are told once", () => {
		const resource = new Resource(), client = new DatagramClient(resource.scene);
		client.exchange({ path: "other", token: Uint8Array.of(1), options: REGISTER });
		register(client);
		resource.asked = 0;
		resource.change("1");
		assert.deepEqual(client.take().map(seen), ["CON 2.05 1"]);
		assert.equal(resource.asked, 1);
	});

	test("an observation ends with a deregistration, a reset, or when nobody acknowledges", () => {
		const resource = new Resource(), client = new DatagramClient(resource.scene);
		register(client);
		const plain = client.exchange({ path: "temperature", token: TOKEN, options: DEREGISTER });
		assert.deepEqual([seen(plain), sequence(plain), resource.scene.server.observations], ["ACK 2.05 0", undefined, 0]);

		register(client);
		resource.change("1");
		client.say(Type.RST, client.take()[0]!.messageId);
		assert.equal(resource.scene.server.observations, 0);

		register(client);
		resource.change("2", 200_000);
		assert.equal(client.take().length, 5, "sent and repeated");
		assert.equal(resource.scene.server.observations, 0);

		resource.reply = { confirmable: false };
		register(client);
		resource.change("3");
		const [notification] = client.take();
		assert.equal(seen(notification!), "NON 2.05 3");
		client.say(Type.RST, notification!.messageId);
		assert.equal(resource.scene.server.observations, 0);
	});

	test("a deregistration ends the repetition of what is under way", () => {
		const resource = new Resource(), client = new DatagramClient(resource.scene);
		register(client);
		resource.change("1");
		client.take();
		client.exchange({ path: "temperature", token: TOKEN, options: DEREGISTER });
		resource.scene.advance(200_000);
		assert.deepEqual(client.take(), []);
	});

	test("an error, or a state that cannot be observed any more, is the last thing told", () => {
		for (const reply of [{ code: "4.04" }, { observable: false }]) {
			const resource = new Resource({ confirmEvery: 0 }), client = new DatagramClient(resource.scene);
			register(client);
			resource.reply = reply;
			resource.change("1");
			const [last] = client.take();
			assert.deepEqual([last!.type, sequence(last!), resource.scene.server.observations], [Type.CON, undefined, 0]);
			resource.change("2");
			assert.deepEqual(client.take(), []);
		}
	});

	test("registering again with the same token takes the place of the former, with another adds one", () => {
		const resource = new Resource(), client = new DatagramClient(resource.scene);
		const one = sequence(register(client))!, two = sequence(register(client, { messageId: 77 }))!;
		assert.ok(two > one);
		assert.equal(resource.scene.server.observations, 1);
		register(client, { token: Uint8Array.of(9) });
		assert.equal(resource.scene.server.observations, 2);
		resource.change("1");
		assert.equal(client.take().length, 2);
	});

	test("while a notification is under way the newest state alone waits, and is sent when that is acknowledged", () => {
		const resource = new Resource(), client = new DatagramClient(resource.scene);
		register(client);
		resource.change("1");
		const [first] = client.take();
		for (const state of ["2", "3", "4"]) resource.change(state);
		assert.deepEqual(client.take(), []);
		client.say(Type.ACK, first!.messageId);
		const [second] = client.take();
		assert.deepEqual([seen(second!), sequence(second!)! > sequence(first!)!], ["CON 2.05 4", true]);
		client.say(Type.ACK, second!.messageId);
		assert.deepEqual(client.take(), []);
	});

	test("a newer state takes the place of one that would be sent again, and inherits its attempts", () => {
		const resource = new Resource(), client = new DatagramClient(resource.scene);
		register(client);
		resource.change("1");
		const [first] = client.take(), times: number[] = [];
		resource.change("2");
		resource.change("3");
		const start = resource.scene.now;
		for (let second = 0; second < 200; second++) {
			resource.scene.advance(1_000);
			for (const message of client.take()) {
				assert.equal(seen(message), "CON 2.05 3");
				assert.notEqual(message.messageId, first!.messageId);
				times.push(resource.scene.now - start);
			}
		}
		assert.equal(times.length, 4);
		assert.ok(times[3]! < 47_000);
		assert.equal(resource.scene.server.observations, 0);
	});

	test("one of so many is confirmed, and one a day in any case", () => {
		const resource = new Resource({ confirmEvery: 3 }), client = new DatagramClient(resource.scene);
		register(client);
		const types: Type[] = [];
		for (let count = 0; count < 6; count++) {
			resource.change(String(count), 100);
			for (const { type, messageId } of client.take()) {
				types.push(type);
				if (type === Type.CON) client.say(Type.ACK, messageId);
			}
		}
		assert.deepEqual(types, [Type.NON, Type.NON, Type.CON, Type.NON, Type.NON, Type.CON]);

		const rare = new Resource({ confirmEvery: 0 }), other = new DatagramClient(rare.scene);
		register(other);
		rare.scene.advance(86_400_000);
		rare.change("1");
		rare.change("2");
		assert.deepEqual(other.take().map(seen), ["CON 2.05 1"], "and the next waits for it");
	});

	test("ETags: who has the state is told that it is valid", () => {
		const resource = new Resource(), client = new DatagramClient(resource.scene);
		const etag = Uint8Array.of(7);
		resource.reply = { etag };
		const options = [...REGISTER, { number: OptionNumber.ETAG, value: etag }];
		const first = register(client, { options });
		assert.deepEqual([seen(first), typeof sequence(first)], ["ACK 2.03", "number"]);
		resource.reply = { etag: Uint8Array.of(8) };
		resource.change("1");
		assert.equal(seen(client.take()[0]!), "CON 2.05 1");
	});

	test("a large state is told by its first block; the others are fetched", () => {
		const resource = new Resource({ blockLength: 32 }), client = new DatagramClient(resource.scene);
		resource.state = "a".repeat(40);
		assert.deepEqual(blocksOf(register(client)), ["2:0/1/32"]);
		resource.change("b".repeat(40));
		const [notification] = client.take(), rest = client.exchange({ path: "temperature", options: [blockOption("2:1/0/32")] });
		assert.deepEqual([blocksOf(notification!), blocksOf(rest), fromBytes(rest.payload)], [["2:0/1/32"], ["2:1/0/32"], "b".repeat(8)]);
		assert.deepEqual(valueOf(rest.options, OptionNumber.ETAG), valueOf(notification!.options, OptionNumber.ETAG));
		assert.equal(resource.scene.server.observations, 1);
		const small = register(client, { options: [...REGISTER, blockOption("2:0/0/16")], messageId: 999 });
		assert.deepEqual(blocksOf(small), ["2:0/1/16"]);
		client.say(Type.ACK, notification!.messageId);
		resource.change("c".repeat(40));
		assert.deepEqual(client.take().map(blocksOf), [["2:0/1/16"]], "in the size of the registration");
	});

	test("FETCH is observed, too, and the rest of a large answer comes without its body", () => {
		const resource = new Resource({ blockLength: 32 }), client = new DatagramClient(resource.scene);
		resource.state = "a".repeat(40);
		const first = register(client, { code: Code.FETCH, payload: "query" });
		assert.ok(sequence(first) !== undefined);
		resource.change("b".repeat(40));
		client.take();
		const rest = client.exchange({ code: Code.FETCH, path: "temperature", options: [blockOption("2:1/0/32")] });
		assert.equal(fromBytes(rest.payload), "b".repeat(8));
	});

	test("more observations than a peer may have are answered as plain requests", () => {
		const resource = new Resource({ observerMaximum: 2 }), client = new DatagramClient(resource.scene);
		const numbers = [1, 2, 3].map(token => sequence(register(client, { token: Uint8Array.of(token) })));
		assert.deepEqual(numbers.map(number => number !== undefined), [true, true, false]);
	});

	test("over a stream each change is told, without numbers, until the stream ends", () => {
		const resource = new Resource(), client = new StreamClient(resource.scene);
		const first = register(client);
		assert.equal(valueOf(first.options, OptionNumber.OBSERVE)?.byteLength, 0);
		for (const state of ["1", "2", "3"]) resource.change(state);
		assert.deepEqual(client.take().map(({ payload, token, options }) => [fromBytes(payload), [...token], valueOf(options, OptionNumber.OBSERVE)?.byteLength]), [
			["1", [0x4a], 0], ["2", [0x4a], 0], ["3", [0x4a], 0],
		]);
		client.connection.lost();
		assert.equal(resource.scene.server.observations, 0);
	});

	test("a resource that its own handler changes does not keep the server busy for ever", () => {
		const scene = new Scene({ handler: (_, reply) => {
			scene.server.notify(() => true);
			reply({ code: "2.05", observable: true });
		} });
		const client = new StreamClient(scene);
		client.ask({ path: "temperature", options: REGISTER });
		assert.ok(client.take().length < 20);
	});
});
