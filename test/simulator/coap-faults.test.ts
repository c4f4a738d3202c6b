// SPDX-License-Identifier: Apache-2.0
/** What the CoAP server does to its peers when a test asks for it. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Code, OptionNumber, Type } from "../../src/coap/constants.js";
import { DatagramClient, Scene, seen, StreamClient, uintOf, uintOption, valueOf } from "./coap-scene.js";

function scene(): { scene: Scene; client: DatagramClient; faults: Scene["server"]["faults"]; asked: () => number } {
	let count = 0;
	const scene = new Scene({ handler: (_, reply) => { reply({ code: "2.05", payload: Uint8Array.of(48 + ++count % 10), observable: true }); } });
	return { scene, client: new DatagramClient(scene), faults: scene.server.faults, asked: () => count };
}

suite("CoAP server: faults", () => {
	test("messages are lost: requests, responses, acknowledgements, notifications, or all", () => {
		const { scene: { server }, client, faults, asked } = scene();
		faults.lose("request", { count: 1 });
		client.ask({ path: "a", messageId: 1 });
		assert.deepEqual([client.take(), asked()], [[], 0]);
		faults.lose("response", { count: 1 });
		client.ask({ path: "a", messageId: 1 });
		assert.deepEqual([client.take(), asked()], [[], 1]);
		assert.equal(seen(client.exchange({ path: "a", messageId: 1, token: Uint8Array.of(0x70, 2) })), "ACK 2.05 1", "the repeated request is answered from memory");
		client.exchange({ path: "a", options: [uintOption(OptionNumber.OBSERVE, 0)] });
		faults.lose("notification", { count: 1 });
		server.notify(() => true);
		server.expire(1_000);
		assert.deepEqual(client.take(), []);
		faults.lose(undefined, { peer: "another" });
		assert.equal(client.exchange({ path: "a" }).type, Type.ACK);
		faults.lose();
		client.ask({ path: "a" });
		client.say(Type.CON, 9);
		assert.deepEqual(client.take(), []);
		faults.clear();
		assert.equal(client.exchange({ path: "a" }).type, Type.ACK);
	});

	test("the acknowledgement of a separate answer is lost, and the answer comes all the same", () => {
		const { client, faults } = scene();
		faults.separate({ count: 1 });
		faults.lose("acknowledgement", { count: 1 });
		client.ask({ path: "a" });
		assert.deepEqual(client.take().map(seen), ["CON 2.05 1"]);
		faults.separate();
		client.ask({ path: "a" });
		assert.deepEqual(client.take().map(seen), ["ACK 0.00", "CON 2.05 2"]);
	});

	test("what goes out comes twice, and what comes in is handled once", () => {
		const { client, faults, asked } = scene();
		faults.duplicate("response", { count: 1 });
		client.ask({ path: "a" });
		assert.deepEqual(client.take().map(seen), ["ACK 2.05 1", "ACK 2.05 1"]);
		faults.duplicate("request", { count: 1 });
		client.ask({ path: "a" });
		assert.deepEqual([client.take().map(seen), asked()], [["ACK 2.05 2", "ACK 2.05 2"], 2]);
	});

	test("delays keep the order", () => {
		const { scene: { server }, scene: world, client, faults } = scene();
		faults.delay(500);
		client.ask({ path: "a" });
		faults.delay(200);
		client.ask({ path: "b" });
		assert.deepEqual(client.take(), []);
		assert.equal(server.deadline, world.now + 200);
		world.advance(499);
		assert.deepEqual(client.take().map(seen), ["ACK 2.05 2"]);
		world.advance(1);
		assert.deepEqual(client.take().map(seen), ["ACK 2.05 1"]);
		faults.delay(0);
		assert.equal(seen(client.exchange({ path: "c" })), "ACK 2.05 3");
		assert.throws(() => { faults.delay(-1); }, { code: "argument" });
	});

	test("spoiled answers: a token that is another, no message, a reset", () => {
		const { client, faults } = scene();
		faults.spoil("wrong-token", { count: 1 });
		const { token } = client.ask({ path: "a" }), [answer] = client.take();
		assert.deepEqual([answer!.token.byteLength, Buffer.compare(answer!.token, token) === 0], [token.byteLength, false]);
		faults.spoil("garbage", { count: 1 });
		client.ask({ path: "a", messageId: 5 });
		assert.deepEqual([client.take(), client.malformed.length], [[], 1]);
		client.ask({ path: "a", messageId: 5 });
		assert.deepEqual([client.take().map(seen), client.malformed.length], [["ACK 2.05 2"], 1]);
		faults.spoil("reset", { count: 1 });
		client.ask({ path: "a" });
		assert.deepEqual(client.take().map(seen), ["RST 0.00"]);
	});

	test("5.03 comes in the handler's place, with the time to wait", () => {
		const { client, faults, asked } = scene();
		faults.refuse(7, { count: 1 });
		const refusal = client.exchange({ path: "a" });
		assert.deepEqual([seen(refusal), uintOf(refusal.options, OptionNumber.MAX_AGE), asked()], ["ACK 5.03", 7, 0]);
		faults.refuse(undefined, { count: 1 });
		assert.equal(uintOf(client.exchange({ path: "a" }).options, OptionNumber.MAX_AGE), undefined);
		assert.equal(seen(client.exchange({ path: "a" })), "ACK 2.05 1");
	});

	test("a request without Echo is asked for one; the value is good for this peer alone", () => {
		const { scene: world, client, faults, asked } = scene();
		faults.challenge();
		const challenge = client.exchange({ code: Code.PUT, path: "a" }), value = valueOf(challenge.options, OptionNumber.ECHO)!;
		assert.deepEqual([seen(challenge), value.byteLength, asked()], ["ACK 4.01", 8, 0]);
		const options = [{ number: OptionNumber.ECHO, value }];
		assert.equal(seen(client.exchange({ code: Code.PUT, path: "a", options })), "ACK 2.05 1");
		assert.equal(seen(new DatagramClient(world, "other").exchange({ path: "a", options })), "ACK 4.01");
		assert.equal(seen(client.exchange({ path: "a", options: [{ number: OptionNumber.ECHO, value: Uint8Array.of(1) }] })), "ACK 4.01");
	});

	test("a server that is silent neither hears nor speaks", () => {
		const { scene: { server }, client, faults, asked } = scene();
		const named = new DatagramClient(client.scene, "1.1.1.1:1", "lamp");
		faults.silence({ peer: "lamp" });
		named.ask({ path: "a" });
		assert.deepEqual([named.take(), asked()], [[], 0]);
		client.exchange({ path: "a" });
		faults.silence();
		client.ask({ path: "a" });
		assert.deepEqual(client.take(), []);
		faults.speak();
		faults.speak({ peer: "lamp" });
		assert.equal(named.exchange({ path: "a" }).type, Type.ACK);
		assert.equal(server.deadline, Infinity);
	});

	test("a server that starts again has forgotten everything, and ends its streams", () => {
		const { scene: { server }, scene: world, client, faults, asked } = scene();
		const stream = new StreamClient(world), again = { path: "a", messageId: 1, token: Uint8Array.of(1), options: [uintOption(OptionNumber.OBSERVE, 0)] };
		client.exchange(again);
		stream.exchange({ path: "a", options: again.options });
		assert.equal(server.observations, 2);
		let told = 0;
		const unwatch = server.watch(() => { told++; });
		faults.forget();
		assert.deepEqual([told, server.deadline], [1, 0]);
		world.advance(0);
		assert.deepEqual([server.observations, stream.isClosed], [0, true]);
		client.exchange(again);
		assert.equal(asked(), 3, "a duplicate is new to it");
		unwatch();
		faults.forget();
		assert.equal(told, 1);
	});

	test("streams end without a word, with an Abort, or are asked to end", () => {
		const { scene: world, faults } = scene(), lamp = new StreamClient(world, "tcp", [], "lamp"), other = new StreamClient(world);
		lamp.exchange({ path: "a", options: [uintOption(OptionNumber.OBSERVE, 0)] });
		faults.part("release", { peer: "lamp", holdOff: 7 });
		world.advance(0);
		const [release] = lamp.take();
		assert.deepEqual([release!.code, uintOf(release!.options, 4), lamp.isClosed, other.take()], [Code.RELEASE, 7, false, []]);
		faults.part("abort", { peer: "lamp" });
		world.advance(0);
		assert.deepEqual([lamp.take().map(({ code }) => code), lamp.isClosed, other.isClosed, world.server.observations], [[Code.ABORT], true, false, 0]);
		faults.part("break");
		world.advance(0);
		assert.deepEqual([other.take(), other.isClosed], [[], true]);
	});

	test("a peer that is forgotten while the handler is asked is told nothing", () => {
		const replies: (() => void)[] = [];
		const world = new Scene({ limits: { peerMaximum: 1 }, handler: (_, reply) => { replies.push(() => { reply({ code: "2.05", observable: true }); }); } });
		const client = new DatagramClient(world), another = new DatagramClient(world, "another");
		client.ask({ path: "a", options: [uintOption(OptionNumber.OBSERVE, 0)] });
		replies.shift()!();
		world.advance(0);
		client.take();
		world.server.notify(() => true);
		world.advance(0);
		client.ask({ path: "b" });
		another.ask({ path: "a" });
		client.take();
		for (const reply of replies) reply();
		world.advance(200_000);
		assert.deepEqual([client.take(), another.take().length, world.server.deadline], [[], 6, Infinity]);
	});

	test("over a stream answers are lost, repeated, spoiled", () => {
		const { scene: world, faults } = scene(), client = new StreamClient(world);
		faults.lose("response", { count: 1 });
		client.ask({ path: "a" });
		faults.duplicate("response", { count: 1 });
		client.ask({ path: "a" });
		assert.deepEqual(client.take().map(seen), ["CON 2.05 2", "CON 2.05 2"]);
		faults.spoil("wrong-token", { count: 1 });
		const { token } = client.ask({ path: "a" });
		assert.notDeepEqual([...client.take()[0]!.token], [...token]);
		faults.spoil("reset", { count: 1 });
		client.ask({ path: "a" });
		assert.deepEqual([client.take().map(({ code }) => code), client.isClosed], [[Code.ABORT], true]);
	});
});
