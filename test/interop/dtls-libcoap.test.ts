// SPDX-License-Identifier: Apache-2.0
/** DTLS of the Node host against libcoap with OpenSSL and with GnuTLS: right and wrong keys, losses, and forgeries. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { DeviceError } from "../../src/base/error.js";
import type { Datagrams } from "../../src/host.js";
import { createHost } from "../../hosts/node/index.js";
import { DatagramRelay, type Direction } from "./datagram-relay.js";
import { hurry } from "./hurry.js";
import { Inbox } from "./inbox.js";
import { LibcoapServer, needsLibcoap, type LibcoapBuild } from "./libcoap.js";

const dtls = createHost({ directory: "nowhere" }).dtls!;
const KEY = "sesame";
const BUILDS: readonly LibcoapBuild[] = ["openssl", "gnutls"];
const limited = { ...needsLibcoap, timeout: 60_000 };
/** 2.05, in an acknowledgement. */
const ACK = 0x60, CONTENT = 0x45;

interface Session { io: Datagrams; port: number; connected: Promise<void>; ended: Promise<DeviceError>; datagrams: Inbox<Buffer> }

function open(context: TestContext, port: number, key = KEY): Session {
	const datagrams = new Inbox<Buffer>();
	let end!: (error: DeviceError) => void, begin!: () => void, fail!: (error: DeviceError) => void;
	const ended = new Promise<DeviceError>(resolve => { end = resolve; });
	const connected = new Promise<void>((resolve, reject) => { begin = resolve; fail = reject; });
	connected.catch(() => { /* The test looks at what it waits for. */ });
	const io: Datagrams = new dtls.io({
		address: "127.0.0.1", port, psk: { identity: "device", key: Buffer.from(key) },
		onWritable: begin,
		onReadable() {
			const target = Buffer.alloc(2_048), remote = { address: "", port: 0 };
			const count = io.read(target, remote);
			assert.deepEqual(remote, { address: "127.0.0.1", port });
			datagrams.put(target.subarray(0, count));
		},
		onError(error) {
			end(error);
			fail(error);
		},
	});
	context.after(() => { io.close(); });
	return { io, port, connected, ended, datagrams };
}

/** A GET of the root by hand, so that this says nothing about our CoAP. */
async function get({ io, port, datagrams }: Session, id: number): Promise<void> {
	io.write(new Uint8Array([0x40, 0x01, id >> 8, id & 0xff]), "127.0.0.1", port);
	const answer = await datagrams.next();
	assert.deepEqual([...answer.subarray(0, 4)], [ACK, CONTENT, id >> 8, id & 0xff]);
	assert(answer.includes("libcoap"));
}

for (const build of BUILDS) {
	test(`dtls-libcoap: ${build}: the handshake, 200 requests, and the server's goodbye`, limited, async context => {
		const server = await LibcoapServer.start(context, { build, key: KEY });
		const session = open(context, server.securePort);
		await session.connected;
		for (let id = 0; id < 200; id++) await get(session, id);
		await server.stop("SIGINT");
		assert.equal((await session.ended).code, "closed");
	});

	test(`dtls-libcoap: ${build}: with another key there is no session`, limited, async context => {
		const server = await LibcoapServer.start(context, { build, key: KEY });
		await open(context, server.securePort).connected;
		hurry(context);
		const error = await open(context, server.securePort, "another").ended;
		assert.equal(error.code, "tls");
		assert(!error.message.includes("another "), error.message);
	});

	test(`dtls-libcoap: ${build}: whichever datagram of the handshake is lost, it is sent again`, limited, async context => {
		const server = await LibcoapServer.start(context, { build, key: KEY });
		const lose = async (direction: Direction, lost: number) => {
			const relay = await DatagramRelay.lay(context, server.securePort);
			let isConnected = false;
			relay.copies = (towards, index) => isConnected || towards !== direction || index !== lost ? 1 : 0;
			const session = open(context, relay.port);
			await session.connected;
			isConnected = true;
			await get(session, lost);
			session.io.close();
		};
		// Three flights of ours, each in one datagram; the server's are in up to six. GnuTLS does not answer what is sent
		// again too soon, so time is let pass, and for all of them at once.
		await Promise.all([
			...[0, 1, 2].map(lost => lose("up", lost)),
			...[0, 1, 2, 3, 4, 5].map(lost => lose("down", lost)),
		]);
	});

	test(`dtls-libcoap: ${build}: each datagram twice is as good as once`, limited, async context => {
		const server = await LibcoapServer.start(context, { build, key: KEY });
		const relay = await DatagramRelay.lay(context, server.securePort);
		// After a doubled one GnuTLS takes datagrams a turn late, and nothing here asks again: there only its own are doubled.
		relay.copies = direction => build === "gnutls" && direction === "up" ? 1 : 2;
		const session = open(context, relay.port);
		await session.connected;
		for (let id = 0; id < 20; id++) await get(session, id);
		assert.deepEqual(session.datagrams.rest(), []);
	});

	test(`dtls-libcoap: ${build}: nothing that is not protected is heard, before the handshake is over or after`, limited, async context => {
		const server = await LibcoapServer.start(context, { build, key: KEY });
		const relay = await DatagramRelay.lay(context, server.securePort);
		const forge = () => {
			for (const epoch of [0, 1, 2, 3]) {
				for (const type of [23, 21]) {
					// Alerts of epoch 0 are how a handshake is refused: anybody on the way may do that, as they may cut the wire.
					if (type === 21 && epoch === 0 && !isConnected) continue;
					const forged = [2, 40, ...Buffer.from("forged")];
					relay.putIn(Buffer.from([type, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 50, 0, forged.length, ...forged]));
				}
			}
		};
		let isConnected = false;
		relay.onDatagram = forge;
		const session = open(context, relay.port);
		await session.connected;
		isConnected = true;
		for (let id = 0; id < 10; id++) await get(session, id);
		assert.deepEqual(session.datagrams.rest(), []);
	});
}
