// SPDX-License-Identifier: Apache-2.0
/** What a WebSocket promises once it stands, against a server that is played byte by byte. */
import assert from "node:assert/strict";
import { encodeFrame, Opcode } from "../../../hosts/websocket/frame.js";
import { acceptOf } from "../../../hosts/websocket/handshake.js";
import { pattern, sameBytes, SUBPROTOCOL, tcpLink, type Bench, type HostPromise } from "../bench.js";
import type { Peer } from "../platform.js";
import type { Probe, ProbeHooks } from "../probe.js";

const HEAD_END = [13, 10, 13, 10];
/** The fields that no request here can be without. */
const REQUEST_MINIMUM = 180;

export function ascii(bench: Bench, value: string): Uint8Array {
	const bytes = new Uint8Array(bench.host.text.byteLength(value));
	bench.host.text.encode(value, bytes, 0);
	return bytes;
}

export interface Visit {
	probe: Probe;
	peer: Peer;
	/** The request, in lines. */
	request: string[];
	/** What the key must be answered with. */
	accept: string;
}

/** A client that has sent its request to a server that has not answered. */
export async function visit(bench: Bench, hooks: ProbeHooks = {}, messages = false): Promise<Visit> {
	const listener = await bench.listen(tcpLink);
	const { address, port } = listener;
	const probe = bench.probe(callbacks => new bench.host.websocket.io({
		address, port, host: "server.test", path: "/a/b?c=d", protocol: SUBPROTOCOL, messages, ...callbacks,
	}), hooks);
	const peer = await bench.wait(listener.accept());
	const bytes: number[] = [];
	for (let missing = REQUEST_MINIMUM; missing > 0; missing = missingOf(bytes)) bytes.push(...await bench.wait(peer.receive(missing)));
	const request = bench.host.text.decode(new Uint8Array(bytes), 0, bytes.length).split("\r\n");
	const key = request.find(line => line.startsWith("Sec-WebSocket-Key: "))!.slice(19);
	return { probe, peer, request, accept: acceptOf(key, bench.host) };
}

/** Bytes that a head needs at least to be over: never more than are sent, and not one by one. */
function missingOf(bytes: readonly number[]): number {
	for (let found = HEAD_END.length; found > 0; found--) {
		if (HEAD_END.slice(0, found).every((byte, index) => bytes.at(index - found) === byte)) return HEAD_END.length - found;
	}
	return HEAD_END.length;
}

/** The answer of a good server, with what is changed or (undefined) missing. */
export function answer(bench: Bench, accept: string, changes: Record<string, string | undefined> = {}, start = "HTTP/1.1 101 Switching Protocols"): Uint8Array {
	const fields = Object.entries({
		"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accept, "Sec-WebSocket-Protocol": SUBPROTOCOL, ...changes,
	});
	return ascii(bench, [start, ...fields.filter(([, value]) => value !== undefined).map(([name, value]) => `${name}: ${value}`), "", ""].join("\r\n"));
}

async function open(bench: Bench, hooks: ProbeHooks = {}, messages = false): Promise<Visit> {
	const opened = await visit(bench, hooks, messages);
	opened.peer.send(answer(bench, opened.accept));
	await bench.wait(opened.probe.connected());
	return opened;
}

/** A frame of a server. */
function frame(opcode: number, payload: Uint8Array): Uint8Array {
	return encodeFrame(opcode, payload, undefined);
}

function join(...pieces: readonly (Uint8Array | readonly number[])[]): Uint8Array {
	const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
	let position = 0;
	for (const piece of pieces) {
		whole.set(piece, position);
		position += piece.length;
	}
	return whole;
}

/** Takes one frame of the client apart. */
async function receiveFrame(bench: Bench, peer: Peer): Promise<{ first: number; payload: Uint8Array; mask: Uint8Array }> {
	const [first, second] = await bench.wait(peer.receive(2));
	assert.equal(second! & 0x80, 0x80, "a client's frame must be masked");
	let length = second! & 0x7f;
	if (length === 126) {
		const [high, low] = await bench.wait(peer.receive(2));
		length = high! << 8 | low!;
		assert(length > 125, "the shortest form of the length");
	}
	assert(length < 127 || length > 125);
	const mask = await bench.wait(peer.receive(4));
	const masked = length === 0 ? new Uint8Array(0) : await bench.wait(peer.receive(length));
	return { first: first!, mask, payload: masked.map((byte, index) => byte ^ mask[index & 3]!) };
}

/** Puts together one message of a stream that says where they end, whatever pieces the host makes of it. */
async function receiveMessage(bench: Bench, probe: Probe): Promise<Uint8Array> {
	const pieces: Uint8Array[] = [];
	for (let goesOn = true; goesOn;) {
		const [first, second, third, fourth] = await bench.wait(probe.receive(4));
		goesOn = first! >= 0x80;
		const length = (first! & 0x7f) << 24 | second! << 16 | third! << 8 | fourth!;
		if (length > 0) pieces.push(await bench.wait(probe.receive(length)));
	}
	return join(...pieces);
}

/** What a server must not send, and what it may have sent before. */
const VIOLATIONS: Readonly<Record<string, readonly number[]>> = {
	"a text message": [0x81, 1, 0x61],
	"a text message in fragments": [0x01, 1, 0x61, 0x80, 1, 0x61],
	"a frame with reserved bit 1": [0xc2, 1, 0x61],
	"a frame with reserved bit 2": [0xa2, 1, 0x61],
	"a frame with reserved bit 3": [0x92, 1, 0x61],
	"reserved opcode 3": [0x83, 0],
	"reserved opcode 11": [0x8b, 0],
	"a masked frame": [0x82, 0x81, 0, 0, 0, 0, 0x61],
	"a continuation of nothing": [0x80, 1, 0x61],
	"a message within another": [0x02, 1, 0x61, 0x82, 1, 0x61],
	"a ping in fragments": [0x09, 0],
	"a ping of 126 bytes": [0x89, 126, 0, 126],
	"a Close with half a status": [0x88, 1, 3],
};

export const webSocketPromises: readonly HostPromise[] = [...Object.entries(VIOLATIONS).map(([what, bytes]): HostPromise => ({
	name: `${what} is one onError with violation, after what came before it`,
	async run(bench) {
		const { probe, peer } = await open(bench);
		peer.send(join(frame(Opcode.BINARY, pattern(10)), bytes));
		const error = await bench.wait(probe.failed());
		assert.equal(error.code, "violation", error.message);
		await bench.quiet();
		assert.equal(probe.events.filter(event => event === "error").length, 1);
		assert(probe.available >= 10);
		const target = new Uint8Array(10);
		probe.read(target);
		sameBytes(target, pattern(10));
	},
})), {
	name: "each write is one binary message in one masked frame",
	async run(bench) {
		const { probe, peer } = await open(bench);
		const lengths = [1, 2, 3, 4, 5, 124, 125, 126, 127, 300];
		for (const length of lengths) probe.write(pattern(length, length));
		const masks = new Set<string>();
		for (const length of lengths) {
			const { first, mask, payload } = await receiveFrame(bench, peer);
			assert.equal(first, 0x82);
			sameBytes(payload, pattern(length, length));
			masks.add(mask.join());
		}
		assert.equal(masks.size, lengths.length, "each frame has a mask of its own");
	},
}, {
	name: "an empty write sends nothing",
	async run(bench) {
		const { probe, peer } = await open(bench);
		assert.equal(probe.write(new Uint8Array(0)), probe.room);
		probe.write(pattern(1));
		sameBytes((await receiveFrame(bench, peer)).payload, pattern(1));
	},
}, {
	name: "fragments of a message and several messages are one stream of bytes, with pings answered between them",
	async run(bench) {
		const { probe, peer } = await open(bench);
		peer.send(join(
			[0x02, 10], pattern(10), frame(Opcode.PING, pattern(125, 7)), [0x00, 0], [0x00, 20], pattern(20, 2), frame(Opcode.PONG, pattern(3)),
			[0x80, 30], pattern(30, 3), frame(Opcode.BINARY, new Uint8Array(0)), frame(Opcode.BINARY, pattern(126, 4)), frame(Opcode.PING, new Uint8Array(0)),
		));
		sameBytes(await bench.wait(probe.receive(186)), join(pattern(10), pattern(20, 2), pattern(30, 3), pattern(126, 4)));
		const first = await receiveFrame(bench, peer), second = await receiveFrame(bench, peer);
		assert.deepEqual([first.first, second.first], [0x8a, 0x8a]);
		sameBytes(first.payload, pattern(125, 7));
		sameBytes(second.payload, new Uint8Array(0));
	},
}, {
	name: "what a server sends byte by byte is the same",
	async run(bench) {
		const { probe, peer, accept } = await visit(bench);
		for (const byte of join(answer(bench, accept), frame(Opcode.BINARY, pattern(5)), frame(Opcode.PING, pattern(2)), frame(Opcode.BINARY, pattern(300, 2)))) {
			peer.send(new Uint8Array([byte]));
		}
		sameBytes(await bench.wait(probe.receive(305)), join(pattern(5), pattern(300, 2)));
		sameBytes((await receiveFrame(bench, peer)).payload, pattern(2));
	},
}, {
	name: "what comes in one piece with the answer is not lost",
	async run(bench) {
		const { probe, peer, accept } = await visit(bench);
		peer.send(join(answer(bench, accept), frame(Opcode.BINARY, pattern(10)), frame(Opcode.BINARY, pattern(200, 2))));
		sameBytes(await bench.wait(probe.receive(210)), join(pattern(10), pattern(200, 2)));
	},
}, {
	name: "with messages, what is read says where each ends, also of empty ones and fragments, and writes are as always",
	async run(bench) {
		const { probe, peer } = await open(bench, {}, true);
		const bytes = join(
			frame(Opcode.BINARY, pattern(10)), frame(Opcode.BINARY, new Uint8Array(0)), frame(Opcode.PING, pattern(3)), frame(Opcode.BINARY, pattern(300, 2)),
			[0x02, 10], pattern(10, 3), [0x00, 0], frame(Opcode.PING, pattern(4)), [0x00, 20], pattern(20, 4), [0x80, 30], pattern(30, 5),
			[0x02, 0, 0x80, 0],
		);
		const messages = [pattern(10), new Uint8Array(0), pattern(300, 2), join(pattern(10, 3), pattern(20, 4), pattern(30, 5)), new Uint8Array(0)];
		peer.send(bytes);
		for (const message of messages) sameBytes(await receiveMessage(bench, probe), message);
		for (const byte of bytes) peer.send(new Uint8Array([byte]));
		for (const message of messages) sameBytes(await receiveMessage(bench, probe), message);
		for (const length of [3, 4, 3, 4]) sameBytes((await receiveFrame(bench, peer)).payload, pattern(length));
		probe.write(pattern(5));
		sameBytes((await receiveFrame(bench, peer)).payload, pattern(5));
	},
}, {
	name: "with messages, many and long ones are kept apart, and an empty one before the end is not lost",
	async run(bench) {
		const { probe, peer } = await open(bench, {}, true);
		const long = pattern(100_000);
		peer.send(join([0x82, 127, 0, 0, 0, 0, 0, 1, 0x86, 0xa0], long));
		sameBytes(await receiveMessage(bench, probe), long);
		const lengths = Array.from({ length: 600 }, (_, index) => index * 37 % 41);
		peer.send(join(...lengths.map(length => frame(Opcode.BINARY, pattern(length, length))), frame(Opcode.BINARY, new Uint8Array(0))));
		peer.end();
		for (const length of lengths) sameBytes(await receiveMessage(bench, probe), pattern(length, length));
		assert.equal((await receiveMessage(bench, probe)).byteLength, 0);
		assert.equal((await bench.wait(probe.failed())).code, "closed");
	},
}, {
	name: "a message whose length takes 64 bits arrives whole",
	async run(bench) {
		const { probe, peer } = await open(bench);
		const message = pattern(100_000);
		peer.send(join([0x82, 127, 0, 0, 0, 0, 0, 1, 0x86, 0xa0], message));
		sameBytes(await bench.wait(probe.receive(message.byteLength)), message);
	},
}, {
	name: "the server's Close is answered, and is one onError with closed and its status, after what came before it",
	async run(bench) {
		const { probe, peer } = await open(bench);
		peer.send(join(frame(Opcode.BINARY, pattern(10)), frame(Opcode.CLOSE, join([3, 0xe9], ascii(bench, "going away")))));
		const { first, payload } = await receiveFrame(bench, peer);
		assert.equal(first, 0x88);
		assert.equal(payload.byteLength >= 2 && payload[0]! << 8 | payload[1]!, payload[1] === 0xe9 ? 1001 : 1000);
		peer.end();
		const error = await bench.wait(probe.failed());
		assert.deepEqual([error.code, error.detail], ["closed", 1001]);
		assert.equal(probe.available, 10);
	},
}, {
	name: "a Close without a status is answered, and is closed, too",
	async run(bench) {
		const { probe, peer } = await open(bench);
		peer.send(frame(Opcode.CLOSE, new Uint8Array(0)));
		assert.equal((await receiveFrame(bench, peer)).first, 0x88);
		peer.end();
		assert.equal((await bench.wait(probe.failed())).code, "closed");
	},
}, {
	name: "close sends a Close with status 1000 behind what was written, and ends the connection when the server agrees",
	async run(bench) {
		const { probe, peer } = await open(bench);
		probe.write(pattern(50));
		probe.close();
		sameBytes((await receiveFrame(bench, peer)).payload, pattern(50));
		const { first, payload } = await receiveFrame(bench, peer);
		assert.equal(first, 0x88);
		sameBytes(payload, new Uint8Array([3, 0xe8]));
		peer.send(frame(Opcode.CLOSE, payload));
		await bench.wait(peer.ended);
	},
}, {
	name: "a server that ends without a Close is closed",
	async run(bench) {
		const { probe, peer } = await open(bench);
		peer.end();
		assert.equal((await bench.wait(probe.failed())).code, "closed");
	},
}];
