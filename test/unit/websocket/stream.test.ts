// SPDX-License-Identifier: Apache-2.0
/** A WebSocket over a carrier that the test plays: room, order, what is promised to a slow program, and every end. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { DeviceError } from "../../../src/base/error.js";
import type { StreamCallbacks } from "../../../src/host.js";
import { encodeFrame, Opcode } from "../../../hosts/websocket/frame.js";
import { acceptOf, ClientHandshake } from "../../../hosts/websocket/handshake.js";
import { WebSocketStream } from "../../../hosts/websocket/stream.js";
import { codeOf } from "../failure.js";
import { FakeStream } from "../fake-host.js";
import { fromHex, toHex } from "../hex.js";
import { text } from "../text.js";
import { FakeMeans } from "./means.js";

/** What a frame of ours adds, and what is kept for a pong and a Close. */
const OVERHEAD = 8, RESERVE = 256;
const READ_AHEAD = 2048;

class Rig {
	readonly means = new FakeMeans();
	readonly said: string[] = [];
	readonly carrier: FakeStream;
	readonly stream: WebSocketStream;
	available = 0;
	room = 0;
	error: DeviceError | undefined;
	#accept = "";

	constructor(hooks: StreamCallbacks = {}, messages = false) {
		let carrier: FakeStream | undefined;
		const options = { address: "127.0.0.1", port: 80, host: "a.test", path: "/", protocol: "mqtt" };
		const handshake = new ClientHandshake(options, {
			...this.means, text, crypto: this.means.crypto,
			random: target => { target.fill(7); },
		});
		this.#accept = acceptOf("BwcHBwcHBwcHBwcHBwcHBw==", this.means);
		this.stream = new WebSocketStream(this.means, target => this.means.random(target), handshake, {
			onReadable: count => {
				this.said.push(`readable ${count}`);
				this.available = count;
				hooks.onReadable?.(count);
			},
			onWritable: room => {
				this.said.push(`writable ${room}`);
				this.room = room;
				hooks.onWritable?.(room);
			},
			onError: error => {
				this.said.push(`error ${error.code} ${error.detail}`);
				this.error = error;
				hooks.onError?.(error);
			},
		}, callbacks => carrier = new FakeStream({ ...options, ...callbacks }), messages);
		this.carrier = carrier!;
	}

	/** What the server answers. */
	get answer(): string {
		return toHex(bytesOf(`HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${this.#accept}\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n`));
	}

	/** Connects with `room` for what the program sends. */
	open(room = 1000): this {
		this.carrier.writable(10_000);
		this.carrier.take();
		this.carrier.writable(room + OVERHEAD + RESERVE);
		this.carrier.deliver(this.answer);
		assert.deepEqual(this.said, [`writable ${room}`]);
		this.said.length = 0;
		return this;
	}

	read(count: number): string {
		const target = new Uint8Array(count);
		this.stream.read(target);
		return toHex(target);
	}

	/** What was sent since the last time, as opcode and payload of each frame. */
	sent(): string[] {
		const bytes = fromHex(this.carrier.take()), frames: string[] = [];
		for (let at = 0; at < bytes.length;) {
			const long = (bytes[at + 1]! & 0x7f) === 126, mask = at + (long ? 4 : 2);
			assert.equal(bytes[at + 1]! & 0x80, 0x80);
			const length = long ? bytes[at + 2]! << 8 | bytes[at + 3]! : bytes[at + 1]! & 0x7f, start = mask + 4;
			frames.push(`${bytes[at]!.toString(16)} ${toHex(bytes.slice(start, start + length).map((byte, index) => byte ^ bytes[mask + (index & 3)]!))}`);
			at = start + length;
		}
		return frames;
	}
}

function bytesOf(value: string): Uint8Array {
	const bytes = new Uint8Array(text.byteLength(value));
	text.encode(value, bytes, 0);
	return bytes;
}

function frame(opcode: number, hex: string): string {
	return toHex(encodeFrame(opcode, fromHex(hex), undefined));
}

function data(length: number): string {
	return frame(Opcode.BINARY, "ab".repeat(length));
}

suite("WebSocket streams", () => {
	test("the request goes out as room comes, and nothing is told before the answer is whole", () => {
		const rig = new Rig();
		assert.equal(codeOf(() => rig.stream.write(new Uint8Array(1))), "state");
		for (let byte = 0; byte < 1000; byte++) rig.carrier.writable(1);
		const request = fromHex(rig.carrier.take());
		const whole = text.decode(request, 0, request.length);
		assert(whole.startsWith("GET / HTTP/1.1\r\n") && whole.endsWith("\r\n\r\n"), whole);
		assert.deepEqual(rig.said, []);
		const { answer } = rig;
		for (let at = 0; at < answer.length; at += 2) rig.carrier.deliver(answer.slice(at, at + 2));
		assert.deepEqual(rig.said, []);
		rig.carrier.writable(RESERVE + OVERHEAD + 5);
		assert.deepEqual(rig.said, ["writable 5"]);
	});

	test("bytes that come before the first room is told wait for it", () => {
		const rig = new Rig();
		rig.carrier.writable(1000);
		rig.carrier.writable(10);
		rig.carrier.deliver(rig.answer + data(3));
		assert.deepEqual(rig.said, []);
		rig.carrier.writable(1000);
		assert.deepEqual(rig.said, [`writable ${1000 - RESERVE - OVERHEAD}`, "readable 3"]);
	});

	test("room is what the carrier has, less a frame's own and the reserve", () => {
		const rig = new Rig().open(100);
		assert.equal(codeOf(() => rig.stream.write(new Uint8Array(101))), "full");
		assert.equal(rig.stream.write(fromHex("01")), 100 - 1 - 6);
		assert.equal(rig.stream.write(new Uint8Array(93)), 0);
		assert.deepEqual(rig.sent(), ["82 01", `82 ${"00".repeat(93)}`]);
		assert.equal(codeOf(() => rig.stream.write(new Uint8Array(1))), "full");
		rig.carrier.writable(RESERVE + OVERHEAD);
		assert.deepEqual(rig.said, []);
		rig.carrier.writable(RESERVE + OVERHEAD + 1);
		assert.deepEqual(rig.said, ["writable 1"]);
	});

	test("a frame never needs a length of eight bytes", () => {
		const rig = new Rig().open(65_535);
		rig.said.length = 0;
		rig.carrier.writable(1_000_000);
		assert.deepEqual(rig.said, []);
	});

	test("a pong takes nothing of what the program was promised", () => {
		const rig = new Rig().open(100);
		rig.carrier.deliver(frame(Opcode.PING, "11".repeat(125)));
		assert.deepEqual(rig.sent(), [`8a ${"11".repeat(125)}`]);
		assert.equal(rig.stream.write(new Uint8Array(100)), 0);
	});

	test("of pings that find no room the last is answered, once there is some", () => {
		const rig = new Rig().open(100);
		for (const byte of ["11", "22", "33", "44"]) rig.carrier.deliver(frame(Opcode.PING, byte.repeat(125)));
		assert.deepEqual(rig.sent(), [`8a ${"11".repeat(125)}`]);
		rig.carrier.writable(RESERVE + OVERHEAD + 100);
		assert.deepEqual(rig.sent(), [`8a ${"44".repeat(125)}`]);
		assert.deepEqual(rig.said, [], "the room is less than what was promised");
		rig.carrier.writable(RESERVE + OVERHEAD + 200);
		assert.deepEqual(rig.sent(), []);
		assert.deepEqual(rig.said, ["writable 200"]);
	});

	test("a ping behind unread bytes is answered, and bytes beyond those read ahead stay with the carrier", () => {
		const rig = new Rig().open();
		rig.carrier.deliver(data(2000) + frame(Opcode.PING, "01") + data(100));
		assert.deepEqual(rig.said, [`readable ${READ_AHEAD}`]);
		assert.deepEqual(rig.sent(), ["8a 01"]);
		assert.equal(rig.carrier.unread, 52);
		assert.equal(rig.read(10), "ab".repeat(10));
		assert.deepEqual(rig.said.splice(0), [`readable ${READ_AHEAD}`], "nothing is told from inside a read");
		rig.means.fire();
		assert.deepEqual(rig.said, [`readable ${READ_AHEAD}`]);
		assert.equal(rig.carrier.unread, 42);
		assert.equal(rig.read(READ_AHEAD), "ab".repeat(READ_AHEAD));
		rig.means.fire();
		assert.equal(rig.read(42), "ab".repeat(42));
		assert.equal(rig.means.due.size, 0);
	});

	test("a program that reads at once is told of all that the carrier has, piece by piece", () => {
		let total = 0;
		const rig: Rig = new Rig({
			onReadable: count => {
				total += count;
				rig.read(count);
			},
		});
		rig.open().carrier.deliver(data(1500) + data(5000));
		assert.equal(total, 6500);
		assert.deepEqual([rig.carrier.unread, rig.means.due.size], [0, 0]);
	});

	test("read refuses what is not there, and frees no more than it took", () => {
		const rig = new Rig().open();
		assert.equal(codeOf(() => rig.read(1)), "argument");
		rig.carrier.deliver(frame(Opcode.BINARY, "0102030405"));
		for (const count of [0, 6]) assert.equal(codeOf(() => rig.read(count)), "argument");
		assert.deepEqual([rig.read(2), rig.read(3)], ["0102", "030405"]);
	});

	test("a violation is told to the peer and, after what came before it, to the program, which can still read that", () => {
		const rig = new Rig().open();
		rig.carrier.deliver(data(5) + "8100" + data(5));
		assert.deepEqual(rig.said, ["readable 5", "error violation undefined"]);
		assert.deepEqual(rig.sent(), ["88 03ea"]);
		assert.equal(rig.carrier.closed, true);
		assert.equal(codeOf(() => rig.stream.write(new Uint8Array(1))), "state");
		assert.equal(rig.read(5), "ababababab");
		rig.stream.close();
		assert.equal(codeOf(() => rig.read(1)), "state");
	});

	test("the peer's Close is answered; nothing may be written behind it, even before the program heard of it", () => {
		let room = 0;
		const rig: Rig = new Rig({ onReadable: () => { room = rig.stream.write(new Uint8Array(1)); } });
		rig.open().carrier.deliver(data(1) + frame(Opcode.CLOSE, "03e9") + data(1));
		assert.deepEqual(rig.said, ["readable 1", "error closed 1001"]);
		assert.deepEqual([room, rig.sent()], [999, ["88 03e8"]]);
		assert.equal(codeOf(() => rig.stream.write(new Uint8Array(1))), "state");
	});

	test("a program that closes before it was told of the end sends no Close any more", () => {
		const rig: Rig = new Rig({ onReadable: () => rig.stream.close() });
		rig.open().carrier.deliver(data(1) + frame(Opcode.CLOSE, "03e9"));
		assert.deepEqual([rig.said, rig.sent()], [["readable 1"], ["88 03e8"]]);
		const ended = new Rig().open();
		ended.carrier.deliver(data(READ_AHEAD + 1));
		ended.carrier.fail(new DeviceError("closed", "ended"));
		ended.stream.close();
		assert.deepEqual(ended.sent(), []);
	});

	test("the carrier's end waits until everything before it was announced", () => {
		const rig = new Rig().open();
		rig.carrier.deliver(data(READ_AHEAD) + data(10));
		rig.carrier.fail(new DeviceError("closed", "ended"));
		assert.deepEqual(rig.said, [`readable ${READ_AHEAD}`]);
		rig.read(5);
		rig.means.fire();
		assert.deepEqual(rig.said, [`readable ${READ_AHEAD}`, `readable ${READ_AHEAD}`]);
		rig.read(5);
		rig.means.fire();
		assert.deepEqual(rig.said.slice(2), [`readable ${READ_AHEAD}`, "error closed undefined"]);
		assert.equal(rig.read(READ_AHEAD), "ab".repeat(READ_AHEAD));
	});

	test("the carrier's failure before the connection stands is the stream's", () => {
		for (const code of ["unreachable", "tls", "closed"] as const) {
			const rig = new Rig();
			rig.carrier.fail(new DeviceError(code, "failed", { detail: 40 }));
			assert.deepEqual([rig.said, rig.carrier.closed], [[`error ${code} 40`], true]);
		}
	});

	test("an answer that could not be followed by room ends with the carrier", () => {
		const rig = new Rig();
		rig.carrier.writable(1000);
		rig.carrier.writable(0);
		rig.carrier.deliver(rig.answer + data(3));
		rig.carrier.fail(new DeviceError("closed", "ended"));
		assert.deepEqual(rig.said, ["error closed undefined"]);
	});

	test("close sends a Close and is silent from then on, inside each callback and twice", () => {
		const rig = new Rig().open();
		rig.stream.close();
		rig.stream.close();
		assert.deepEqual([rig.sent(), rig.carrier.closed], [["88 03e8"], true]);
		for (const name of ["onReadable", "onWritable", "onError"] as const) {
			const closing: Rig = new Rig({ [name]: () => closing.stream.close() });
			closing.carrier.writable(1000);
			closing.carrier.deliver(`${closing.answer}${data(1)}8100`);
			assert.equal(closing.said.at(-1)!.split(" ")[0], { onReadable: "readable", onWritable: "writable", onError: "error" }[name]);
			assert.equal(closing.carrier.closed, true);
			assert.equal(closing.means.due.size, 0);
		}
	});

	test("close with a read resumption due leaves no timer", () => {
		const rig = new Rig().open();
		rig.carrier.deliver(data(READ_AHEAD) + data(10));
		rig.read(1);
		assert.equal(rig.means.due.size, 1);
		rig.stream.close();
		assert.equal(rig.means.due.size, 0);
	});

	test("with messages, each frame of data is behind its mark, which is told with the first of its bytes or alone", () => {
		const rig = new Rig({}, true).open();
		rig.carrier.deliver(data(3) + frame(Opcode.PING, "01") + frame(Opcode.BINARY, ""));
		assert.deepEqual(rig.said, ["readable 11"]);
		assert.equal(rig.read(11), "00000003ababab00000000");
		rig.carrier.deliver("020201020003");
		assert.equal(rig.read(10), "80000002010280000003");
		rig.carrier.deliver("aabbcc80");
		rig.carrier.deliver("00");
		assert.equal(rig.read(7), "aabbcc00000000");
		assert.deepEqual(rig.said, ["readable 11", "readable 10", "readable 3", "readable 7"]);
	});

	test("with messages, a mark that finds no room is not cut, waits until the program reads, and comes before the end", () => {
		for (let left = 0; left <= 4; left++) {
			const rig = new Rig({}, true).open();
			rig.carrier.deliver(data(READ_AHEAD - 4 - left) + frame(Opcode.BINARY, ""));
			assert.equal(rig.available, READ_AHEAD - (left < 4 ? left : 0));
			rig.carrier.fail(new DeviceError("closed", "over"));
			assert.equal(rig.error?.code, left < 4 ? undefined : "closed");
			if (left === 4) continue;
			rig.read(4);
			rig.means.fire();
			assert.equal(rig.available, READ_AHEAD - left);
			assert.equal(rig.error?.code, "closed");
			rig.read(READ_AHEAD - 4 - left);
			assert.equal(rig.read(4), "00000000");
		}
	});

	test("with messages, a frame whose length leaves no bit for more is too large", () => {
		const rig = new Rig({}, true).open();
		rig.carrier.deliver(`${data(1)}827f0000000080000000`);
		assert.equal(rig.error?.code, "too-large");
		assert.equal(rig.read(5), "00000001ab");
		const almost = new Rig({}, true).open();
		almost.carrier.deliver("827f000000007fffffff");
		assert.equal(almost.read(4), "7fffffff");
	});
});
