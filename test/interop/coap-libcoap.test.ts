// SPDX-License-Identifier: Apache-2.0
/** Our CoAP client against libcoap's server: over UDP, TCP, and DTLS of two libraries. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { CoAPClientOptions, CoAPServerAddress } from "../../src/coap/client.js";
import { uintOption } from "../../src/coap/option.js";
import { pattern, sameBytes } from "../host/bench.js";
import { BLOCK_SIZES, CoAPDevice, numberOf, OptionNumber } from "./coap-device.js";
import { LibcoapServer, needsLibcoap, type LibcoapBuild, type LibcoapOptions } from "./libcoap.js";

const KEY = "sesame";
const limited = { ...needsLibcoap, timeout: 60_000 };
const psk = { identity: "device", key: Buffer.from(KEY) };

/** A server that is reached in one way. */
interface Way { name: string; options: LibcoapOptions; address(server: LibcoapServer): CoAPServerAddress }

const dtls = (build: LibcoapBuild): Way => ({
	name: `dtls (${build})`,
	options: { build, key: KEY },
	address: ({ address, securePort }) => ({ transport: "dtls", name: address, port: securePort, psk }),
});
const WAYS: readonly Way[] = [
	{ name: "udp", options: {}, address: ({ address, port }) => ({ transport: "udp", name: address, port }) },
	{ name: "tcp", options: {}, address: ({ address, port }) => ({ transport: "tcp", name: address, port }) },
	dtls("openssl"),
	dtls("gnutls"),
];

async function join(context: TestContext, way: Way, options: Partial<CoAPClientOptions> = {}, server: LibcoapOptions = {}): Promise<CoAPDevice> {
	return CoAPDevice.connect(context, way.address(await LibcoapServer.start(context, { ...way.options, ...server })), options);
}

for (const way of WAYS) {
	test(`coap-libcoap: ${way.name}: GET, PUT, POST, also where it is refused, DELETE`, limited, async context => {
		const device = await join(context, way);
		const root = await device.get("");
		assert.equal(root.code, "2.05");
		assert.match(root.text, /libcoap/);
		assert.equal((await device.get("nothing/here")).code, "4.04");
		assert.equal((await device.put("new", "first")).code, "2.01");
		assert.equal((await device.get("new")).text, "first");
		assert.equal((await device.put("new", "second")).code, "2.04");
		assert.equal((await device.get("new")).text, "second");
		assert.equal((await device.post("new", "third")).code, "2.04");
		assert.equal((await device.get("new")).text, "third");
		assert.equal((await device.post("time", "1", { query: ["ticks"] })).code, "4.05");
		assert.equal((await device.delete("new")).code, "2.02");
		assert.equal((await device.get("new")).code, "4.04");
	});

	test(`coap-libcoap: ${way.name}: requests that are not confirmable`, limited, async context => {
		const device = await join(context, way);
		const confirmable = false;
		assert.equal((await device.put("new", "first", { confirmable })).code, "2.01");
		assert.equal((await device.get("new", { confirmable })).text, "first");
		assert.equal((await device.delete("new", { confirmable })).code, "2.02");
	});

	test(`coap-libcoap: ${way.name}: a separate response`, limited, async context => {
		const device = await join(context, way);
		const answer = await device.get("async", { query: ["1"] });
		assert.equal(answer.code, "2.05");
		assert.equal(answer.text, "done");
	});

	test(`coap-libcoap: ${way.name}: discovery`, limited, async context => {
		const device = await join(context, way);
		const answer = await device.get(".well-known/core");
		assert.equal(numberOf(answer, OptionNumber.CONTENT_FORMAT), 40);
		assert.match(answer.text, /<\/time>;/);
		assert.doesNotMatch((await device.get(".well-known/core", { query: ["rt=ticks"] })).text, /<\/async>/);
	});

	test(`coap-libcoap: ${way.name}: a representation comes in blocks of every size, whole or one at a time`, limited, async context => {
		const server = await LibcoapServer.start(context, way.options);
		const bodies: Buffer[] = [];
		for (const blockLength of BLOCK_SIZES) {
			const device = await CoAPDevice.connect(context, way.address(server), { blockLength });
			const answer = await device.get("example_data");
			assert.equal(answer.code, "2.05");
			assert.equal(answer.payload.byteLength, 1_500);
			bodies.push(answer.payload);
			const third = await device.get("example_data", { block: { number: 2, size: Math.min(blockLength, 512) } });
			const { number, size } = third.block!;
			sameBytes(third.payload, answer.payload.subarray(number * size, (number + 1) * size));
			assert.equal(third.block!.more, (number + 1) * size < 1_500);
		}
		for (const body of bodies) sameBytes(body, bodies[0]!);
	});

	test(`coap-libcoap: ${way.name}: a body goes in blocks of every size, and comes back`, limited, async context => {
		const server = await LibcoapServer.start(context, way.options);
		for (const blockLength of BLOCK_SIZES) {
			const device = await CoAPDevice.connect(context, way.address(server), { blockLength });
			const body = pattern(3_000, blockLength);
			assert.match((await device.put("example_data", body)).code, /^2\.0[14]$/);
			sameBytes((await device.get("example_data")).payload, body);
		}
	});

	test(`coap-libcoap: ${way.name}: a body is posted in blocks`, limited, async context => {
		const device = await join(context, way, { blockLength: 64 });
		await device.put("posted", "empty");
		const body = pattern(1_000);
		assert.equal((await device.post("posted", body)).code, "2.04");
		sameBytes((await device.get("posted")).payload, body);
	});

	test(`coap-libcoap: ${way.name}: 100 KB there and back`, limited, async context => {
		const device = await join(context, way, { bodyMaximum: 200_000 });
		const body = pattern(100_000);
		assert.match((await device.put("large", body)).code, /^2\.0[14]$/);
		sameBytes((await device.get("large")).payload, body);
	});

	test(`coap-libcoap: ${way.name}: observing, until it is cancelled`, limited, async context => {
		const device = await join(context, way);
		await device.put("watched", "0");
		const { notifications, cancel } = device.observe("watched");
		assert.equal((await notifications.next()).text, "0");
		for (let value = 1; value <= 5; value++) {
			await device.put("watched", String(value));
			assert.equal((await notifications.next()).text, String(value));
		}
		cancel();
		await device.put("watched", "6");
		assert.equal((await device.get("watched")).text, "6");
		assert.deepEqual(notifications.rest(), []);
	});

	test(`coap-libcoap: ${way.name}: observing ends with the resource`, limited, async context => {
		const device = await join(context, way);
		await device.put("watched", "0");
		const { notifications, ended } = device.observe("watched");
		assert.equal((await notifications.next()).text, "0");
		assert.equal((await device.delete("watched")).code, "2.02");
		const error = await ended;
		assert.equal(error.code, "rejected");
		assert.equal(error.detail, 0x84);
	});

	test(`coap-libcoap: ${way.name}: a body of several blocks is observed whole`, limited, async context => {
		const device = await join(context, way);
		const { notifications } = device.observe("example_data");
		assert.equal((await notifications.next()).payload.byteLength, 1_500);
		const body = pattern(4_000);
		await device.put("example_data", body);
		sameBytes((await notifications.next()).payload, body);
	});

	// Without a connection of the kernel only time tells that nobody is there, 45 seconds of it: the simulations let it pass.
	if (way.name !== "udp") test(`coap-libcoap: ${way.name}: a server that was gone is found again, and observations with it`, limited, async context => {
		const first = await LibcoapServer.start(context, way.options);
		let server = first;
		const device = await CoAPDevice.connect(context, {
			get transport() { return way.address(server).transport; },
			get name() { return server.address; },
			get port() { return way.address(server).port; },
			get psk() { return way.address(server).psk; },
		}, { keepAlive: 100, reconnect: { base: 10, cap: 50 } });
		const { notifications } = device.observe("time");
		await notifications.next();
		server = await LibcoapServer.start(context, way.options);
		await first.stop();
		await device.connected();
		await notifications.next();
		assert.equal((await device.get("time")).code, "2.05");
	});
}

test("coap-libcoap: dtls (gnutls): the wrong key is told as such, once the server gives up", limited, async context => {
	const server = await LibcoapServer.start(context, { build: "gnutls", key: "another" });
	const device = new CoAPDevice(context, dtls("gnutls").address(server));
	assert.equal((await device.ends.next()).code, "tls");
});

test("coap-libcoap: udp: through losses of the server everything arrives, and once", limited, async context => {
	const device = await join(context, WAYS[0]!, {}, { losses: "25%" });
	await device.put("counted", "0");
	const whole = await device.get("example_data");
	assert.equal(whole.payload.byteLength, 1_500);
	sameBytes((await device.get("example_data")).payload, whole.payload);
	// In one block: of several, one that comes twice is not for this server to put together.
	const body = pattern(900);
	assert.match((await device.put("example_data", body)).code, /^2\.0[14]$/);
	sameBytes((await device.get("example_data")).payload, body);
});

test("coap-libcoap: udp: the first answer lost, a separate one lost, and a notification lost", limited, async context => {
	const device = await join(context, WAYS[0]!, {}, { losses: "2,5" });
	assert.equal((await device.get("")).code, "2.05");
	assert.equal((await device.get("async", { query: ["1"] })).text, "done");
});

test("coap-libcoap: udp: notifications that are not confirmable", limited, async context => {
	const device = await join(context, WAYS[0]!, {}, { words: ["-N"] });
	await device.put("watched", "0");
	const { notifications } = device.observe("watched", { confirmable: false });
	assert.equal((await notifications.next()).text, "0");
	// Every fifth one is confirmable all the same (RFC 7641 §4.5).
	for (let value = 1; value <= 12; value++) {
		await device.put("watched", String(value));
		assert.equal((await notifications.next()).text, String(value));
	}
});

test("coap-libcoap: udp: a body goes in blocks and an answer of blocks comes back", limited, async context => {
	const device = await join(context, WAYS[0]!, {}, { words: ["-e"] });
	const body = pattern(3_000);
	const answer = await device.put("example_data", body);
	assert.match(answer.code, /^2\.0[14]$/);
	sameBytes(answer.payload, body);
});

test("coap-libcoap: udp: an option that the server must understand, and does not", limited, async context => {
	const device = await join(context, WAYS[0]!);
	assert.equal((await device.get("", { options: [uintOption(2_048, 1)] })).code, "2.05");
	// It answers 4.02 and shows the option, which the client must understand in its turn.
	await assert.rejects(device.get("", { options: [uintOption(2_049, 1)] }), { code: "violation" });
});
