// SPDX-License-Identifier: Apache-2.0
/** The Node host's DTLS without a server that speaks it: options, silence, refusal, alerts, and what is nobody's business. */
import assert from "node:assert/strict";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import type { DeviceError } from "../../src/base/error.js";
import { PSK_IDENTITY_MAXIMUM, PSK_MAXIMUM, type Datagrams, type DTLSOptions } from "../../src/host.js";
import { createHost } from "../../hosts/node/index.js";
import { refuses } from "./bench.js";

const dtls = createHost({ directory: "nowhere" }).dtls!;
const KEY = "0123456789abcdef";
const psk = { identity: "device", key: Buffer.from(KEY) };

const CLIENT_HELLO = 1, HELLO_VERIFY_REQUEST = 3;
/** A fatal alert in the clear: level and reason. */
const alert = (reason: number) => record(21, 0, [2, reason]);

function record(type: number, epoch: number, content: readonly number[], sequence = 0): Buffer {
	return Buffer.from([type, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, sequence, content.length >> 8, content.length & 0xff, ...content]);
}

/** A handshake message in one piece. */
function handshake(type: number, sequence: number, body: readonly number[], recordSequence = sequence): Buffer {
	const length = [0, body.length >> 8, body.length & 0xff];
	return record(22, 0, [type, ...length, 0, sequence, 0, 0, 0, ...length, ...body], recordSequence);
}

/** Sequence number of the record, type and sequence number of the handshake message in it. */
function glance(bytes: Buffer): { record: number; type: number; message: number; bytes: Buffer } {
	return { record: bytes.readUIntBE(5, 6), type: bytes[13]!, message: bytes.readUInt16BE(17), bytes };
}

async function bind(context: TestContext): Promise<{ peer: Socket; port: number }> {
	const peer = createSocket("udp4");
	context.after(() => { peer.close(); });
	await new Promise<void>(resolve => { peer.bind(0, "127.0.0.1", resolve); });
	return { peer, port: (peer.address() as AddressInfo).port };
}

function open(context: TestContext, port: number, options: Partial<DTLSOptions> = {}): { io: Datagrams; ended: Promise<DeviceError> } {
	let end!: (error: DeviceError) => void;
	const ended = new Promise<DeviceError>(resolve => { end = resolve; });
	const io = new dtls.io({ address: "127.0.0.1", port, psk, onError: end, ...options });
	context.after(() => { io.close(); });
	return { io, ended };
}

test("dtls: options are validated before anything else, and no message has the key", () => {
	const good: DTLSOptions = { address: "127.0.0.1", port: 5684, psk };
	const bad: Record<string, Partial<Record<keyof DTLSOptions, unknown>>> = {
		"a name": { address: "localhost" },
		"port 0": { port: 0 },
		"no key": { psk: undefined },
		"an empty identity": { psk: { ...psk, identity: "" } },
		"a long identity": { psk: { ...psk, identity: "é".repeat(PSK_IDENTITY_MAXIMUM / 2 + 1) } },
		"an empty key": { psk: { ...psk, key: new Uint8Array(0) } },
		"a long key": { psk: { ...psk, key: new Uint8Array(PSK_MAXIMUM + 1) } },
		"a key of text": { psk: { ...psk, key: KEY } },
		"onWritable of text": { onWritable: "no" },
		"onError of text": { onError: "no" },
	};
	for (const [what, options] of Object.entries(bad)) {
		assert.throws(() => new dtls.io({ ...good, ...options } as DTLSOptions), (error: DeviceError) => {
			assert.equal(error.code, "argument", what);
			assert(!error.message.includes(KEY), what);
			return true;
		});
	}
});

test("dtls: before the handshake is over nothing is written, and never to somebody else", async context => {
	const { port } = await bind(context);
	const { io } = open(context, port);
	refuses("state", () => io.write(new Uint8Array(1), "127.0.0.1", port));
	refuses("argument", () => io.write(new Uint8Array(1), "127.0.0.1", port + 1));
	refuses("argument", () => io.write(new Uint8Array(1), "127.0.0.2", port));
	assert.equal(io.read(new Uint8Array(1)), -1);
	assert(io.port > 0);
	io.close();
	io.close();
	refuses("state", () => io.write(new Uint8Array(1), "127.0.0.1", port));
	refuses("state", () => io.read(new Uint8Array(1)));
});

test("dtls: to a silent peer the first flight is sent four times, as four records, and then it is over", async context => {
	context.mock.timers.enable({ apis: ["setTimeout"] });
	const { peer, port } = await bind(context);
	const { ended } = open(context, port);
	const hellos: ReturnType<typeof glance>[] = [];
	for (const delay of [1_000, 2_000, 4_000, 8_000]) {
		const [bytes] = await once(peer, "message") as [Buffer];
		hellos.push(glance(bytes));
		context.mock.timers.tick(delay);
	}
	assert.deepEqual(hellos.map(({ record, type, message }) => ({ record, type, message })),
		[0, 1, 2, 3].map(record => ({ record, type: CLIENT_HELLO, message: 0 })));
	// Offered is the one suite, and what is sent again is what was sent.
	assert(hellos[0]!.bytes.includes(Buffer.from([0, 2, 0xc0, 0xa8])));
	for (const { bytes } of hellos) assert.deepEqual(bytes.subarray(13), hellos[0]!.bytes.subarray(13));
	assert.equal((await ended).code, "timeout");
});

test("dtls: a cookie is echoed, and asking for it twice changes nothing", async context => {
	context.mock.timers.enable({ apis: ["setTimeout"] });
	const { peer, port } = await bind(context);
	open(context, port);
	const cookie = [1, 2, 3, 4];
	const verify = handshake(HELLO_VERIFY_REQUEST, 0, [0xfe, 0xff, cookie.length, ...cookie]);
	const [, remote] = await once(peer, "message") as [Buffer, RemoteInfo];
	peer.send(verify, remote.port, remote.address);
	const second = glance((await once(peer, "message") as [Buffer])[0]);
	assert.equal(second.type, CLIENT_HELLO);
	assert.equal(second.message, 1);
	assert(second.bytes.includes(Buffer.from([cookie.length, ...cookie])));
	peer.send(verify, remote.port, remote.address);
	// A new flight has its own time, from the start.
	context.mock.timers.tick(1_000);
	const third = glance((await once(peer, "message") as [Buffer])[0]);
	assert.deepEqual([third.type, third.message], [CLIENT_HELLO, 1]);
	assert.deepEqual(third.bytes.subarray(13), second.bytes.subarray(13));
});

test("dtls: an alert ends the handshake, and its number is the detail", async context => {
	for (const [reason, name] of [[115, "unknown_psk_identity"], [40, "handshake_failure"]] as const) {
		const { peer, port } = await bind(context);
		const { io, ended } = open(context, port);
		const [, remote] = await once(peer, "message") as [Buffer, RemoteInfo];
		peer.send(alert(reason), remote.port, remote.address);
		const error = await ended;
		assert.equal(error.code, "tls");
		assert.equal(error.detail, reason);
		assert(error.message.includes(name), error.message);
		refuses("state", () => io.read(new Uint8Array(1)));
	}
});

test("dtls: where nobody listens it is unreachable", async context => {
	context.mock.timers.enable({ apis: ["setTimeout"] });
	const { peer, port } = await bind(context);
	await new Promise<void>(resolve => { peer.close(resolve); });
	peer.close = () => peer;
	const { ended } = open(context, port);
	context.mock.timers.tick(1_000);
	assert.equal((await ended).code, "unreachable");
});

test("dtls: strangers, and what is no part of a handshake, are not heard", async context => {
	context.mock.timers.enable({ apis: ["setTimeout"] });
	const { peer, port } = await bind(context);
	const { peer: stranger } = await bind(context);
	const heard: string[] = [];
	open(context, port, {
		onReadable: () => heard.push("readable"),
		onWritable: () => heard.push("writable"),
		onError: error => heard.push(error.code),
	});
	const [, remote] = await once(peer, "message") as [Buffer, RemoteInfo];
	stranger.send(alert(40), remote.port, remote.address);
	const nonsense = [
		Buffer.alloc(0), Buffer.from([22]), Buffer.alloc(40, 0xff), alert(40).subarray(0, 14),
		record(23, 0, [1, 2, 3]), record(23, 1, [1, 2, 3]), record(23, 2, [1, 2, 3]), record(20, 0, [1]), record(20, 0, [1], 1),
		record(22, 0, [1]), record(22, 1, new Array(40).fill(0)), record(22, 0, new Array(40).fill(0xff)), record(99, 0, [0]),
		handshake(2, 0, [1]), handshake(2, 9, [1]),
	];
	for (const bytes of nonsense) peer.send(bytes, remote.port, remote.address);
	// The flight that is sent again after the answer to it proves that the rest was handled.
	peer.send(handshake(HELLO_VERIFY_REQUEST, 0, [0xfe, 0xff, 1, 7], 1), remote.port, remote.address);
	const [bytes] = await once(peer, "message") as [Buffer];
	assert.equal(glance(bytes).type, CLIENT_HELLO);
	assert.deepEqual(heard, []);
});

test("dtls: nothing is heard after close", async context => {
	// A flight that is sent again on a slow machine would come before the alert.
	context.mock.timers.enable({ apis: ["setTimeout"] });
	const { peer, port } = await bind(context);
	const { io } = open(context, port, {
		onError: error => { assert.fail(`onError with ${error.code} after close`); },
	});
	const [, remote] = await once(peer, "message") as [Buffer, RemoteInfo];
	io.close();
	peer.send(alert(40), remote.port, remote.address);
	// It takes its leave, which is the last that is seen of it.
	const [bytes] = await once(peer, "message") as [Buffer];
	assert.deepEqual([...bytes.subarray(13)], [1, 0]);
});
