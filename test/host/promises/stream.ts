// SPDX-License-Identifier: Apache-2.0
/** What a stream promises, whatever carries it: the same list is held against TCP and TLS. */
import assert from "node:assert/strict";
import { pattern, refuses, sameBytes, type Bench, type HostPromise, type Link } from "../bench.js";
import type { Peer } from "../platform.js";
import type { Probe } from "../probe.js";

/** Every platform buffers less than this for a program that does not read or a peer that does not. */
const BUFFER_BOUND = 32 * 2 ** 20;
/** What may be announced at once: the program must be able to take it in one read. */
const ANNOUNCEMENT_BOUND = 65_536;
/** Bytes that a write may take of the room besides its source: the header of a record or frame. */
const OVERHEAD = 64;

export function streamPromises(link: Link): HostPromise[] {
	return [...connecting(link), ...writing(link), ...reading(link), ...ending(link), ...closing(link)];
}

function connecting(link: Link): HostPromise[] {
	return [{
		name: "the first callback is onWritable with room, and it comes after the constructor returned",
		async run(bench) {
			const { probe } = await bench.connect(link);
			assert.equal(probe.events[0], "writable");
			assert(probe.room > 0);
		},
	}, {
		name: "callbacks are read once: changing the options later changes nothing",
		async run(bench) {
			const listener = await bench.listen(link);
			let kept: { onWritable?: unknown } = {};
			const probe = bench.probe(callbacks => {
				const stream = link.open(bench, listener, callbacks);
				kept = callbacks;
				return stream;
			});
			kept.onWritable = () => assert.fail("a callback that was set later has run");
			await bench.wait(probe.connected());
		},
	}, {
		name: "a stream needs no callbacks",
		async run(bench) {
			const listener = await bench.listen(link);
			const stream = link.open(bench, listener, {});
			bench.defer(() => stream.close());
			const peer = await bench.wait(listener.accept());
			peer.send(pattern(10));
			peer.end();
			await bench.quiet();
		},
	}, {
		name: "two streams do not mix",
		async run(bench) {
			const listener = await bench.listen(link);
			const first = bench.open(link, listener);
			const firstPeer = await bench.wait(Promise.all([listener.accept(), first.connected()]));
			const second = bench.open(link, listener);
			const secondPeer = await bench.wait(Promise.all([listener.accept(), second.connected()]));
			first.write(pattern(50, 1));
			second.write(pattern(50, 2));
			sameBytes(await bench.wait(secondPeer[0].receive(50)), pattern(50, 2));
			sameBytes(await bench.wait(firstPeer[0].receive(50)), pattern(50, 1));
		},
	}];
}

function writing(link: Link): HostPromise[] {
	return [{
		name: "write before the first onWritable is refused with state",
		async run(bench) {
			const listener = await bench.listen(link);
			const probe = bench.open(link, listener);
			refuses("state", () => probe.write(pattern(1)));
			await bench.wait(probe.connected());
		},
	}, {
		name: "write returns the room that is left",
		async run(bench) {
			const { probe } = await bench.connect(link);
			const room = probe.room;
			const left = probe.write(pattern(100));
			// What carries the bytes may need some of the room itself.
			assert(left <= room - 100 && left >= room - 100 - OVERHEAD, `${left} of ${room}`);
			assert.equal(probe.write(pattern(left)), 0);
		},
	}, {
		name: "write takes all of its source or nothing: beyond the room it is refused with full and sends no byte",
		async run(bench) {
			const { probe, peer } = await bench.connect(link);
			const room = probe.room;
			refuses("full", () => probe.write(pattern(room + 1)));
			probe.write(pattern(room, 2));
			refuses("full", () => probe.write(pattern(1)));
			sameBytes(await bench.wait(peer.receive(room)), pattern(room, 2));
		},
	}, {
		name: "onWritable comes again when a full window has drained",
		async run(bench) {
			const { probe } = await bench.connect(link);
			const before = probe.events.length;
			probe.write(pattern(probe.room));
			await bench.wait(probe.until(() => probe.events.slice(before).includes("writable") && probe.room > 0));
		},
	}, {
		name: "write copies: the source may be changed at once",
		async run(bench) {
			const { probe, peer } = await bench.connect(link);
			const source = pattern(200);
			probe.write(source);
			source.fill(0);
			sameBytes(await bench.wait(peer.receive(200)), pattern(200));
		},
	}, {
		name: "write sends the bytes of a view and not those around it",
		async run(bench) {
			const { probe, peer } = await bench.connect(link);
			probe.write(pattern(100).subarray(20, 40));
			probe.write(new Uint8Array([1, 2]));
			sameBytes(await bench.wait(peer.receive(22)), new Uint8Array([...pattern(100).subarray(20, 40), 1, 2]));
		},
	}, {
		name: "a peer that does not read closes the window: room ends, nothing is lost, and it opens again",
		async run(bench) {
			const { probe, peer } = await bench.connect(link);
			const pieces = await stall(bench, probe, peer);
			refuses("full", () => probe.write(pattern(1)));
			peer.resume();
			await receiveAll(bench, peer, pieces);
			await bench.wait(probe.until(() => probe.room > 0));
		},
	}, {
		name: "a long message arrives whole and in order",
		async run(bench) {
			const { probe, peer } = await bench.connect(link);
			const message = pattern(200_000);
			const [received] = await bench.wait(Promise.all([peer.receive(message.byteLength), probe.send(message)]));
			sameBytes(received, message);
		},
	}];
}

/**
 * Writes until the peer, which does not read, has closed the window. Each piece is overwritten after its write,
 * because only bytes that had to wait show whether they were copied.
 * @returns the length of each piece
 */
async function stall(bench: Bench, probe: Probe, peer: Peer): Promise<number[]> {
	peer.pause();
	const pieces: number[] = [];
	for (let sent = 0; probe.room > 0; sent += pieces.at(-1)!) {
		assert(sent < BUFFER_BOUND, "the platform buffers without limit");
		const piece = pattern(probe.room, pieces.length);
		pieces.push(piece.byteLength);
		probe.write(piece);
		piece.fill(0);
		await bench.wait(Promise.race([probe.until(() => probe.room > 0), bench.quiet()]));
	}
	return pieces;
}

/** The peer gets every piece that `stall` wrote. */
async function receiveAll(bench: Bench, peer: Peer, pieces: readonly number[]): Promise<void> {
	for (const [index, length] of pieces.entries()) sameBytes(await bench.wait(peer.receive(length)), pattern(length, index));
}

function reading(link: Link): HostPromise[] {
	return [{
		name: "read fills its target and leaves the rest",
		async run(bench) {
			const { probe, peer } = await bench.connect(link);
			peer.send(pattern(100));
			await bench.wait(probe.until(() => probe.available === 100));
			const first = new Uint8Array(30);
			const rest = new Uint8Array(70);
			assert.equal(probe.read(first), 30);
			assert.equal(probe.read(rest), 70);
			sameBytes(new Uint8Array([...first, ...rest]), pattern(100));
		},
	}, {
		name: "read into a view fills the view and nothing around it",
		async run(bench) {
			const { probe, peer } = await bench.connect(link);
			peer.send(pattern(10));
			await bench.wait(probe.until(() => probe.available === 10));
			const target = new Uint8Array(30);
			probe.read(target.subarray(10, 20));
			sameBytes(target, new Uint8Array([...new Uint8Array(10), ...pattern(10), ...new Uint8Array(10)]));
		},
	}, {
		name: "read refuses a target that is empty or longer than what is available, and takes nothing",
		async run(bench) {
			const { probe, peer } = await bench.connect(link);
			refuses("argument", () => probe.read(new Uint8Array(1)), "nothing is available");
			peer.send(pattern(10));
			await bench.wait(probe.until(() => probe.available === 10));
			refuses("argument", () => probe.read(new Uint8Array(0)), "an empty target");
			refuses("argument", () => probe.read(new Uint8Array(11)), "a target that is too long");
			sameBytes(await bench.wait(probe.receive(10)), pattern(10));
		},
	}, {
		name: "onReadable counts all that can be read, with what was not read before",
		async run(bench) {
			const { probe, peer } = await bench.connect(link);
			peer.send(pattern(10));
			await bench.wait(probe.until(() => probe.available === 10));
			peer.send(pattern(20, 2));
			await bench.wait(probe.until(() => probe.available === 30));
			sameBytes(await bench.wait(probe.receive(30)), new Uint8Array([...pattern(10), ...pattern(20, 2)]));
		},
	}, {
		name: "read works inside onReadable",
		async run(bench) {
			const received: number[] = [];
			const { probe, peer } = await bench.connect(link, {
				onReadable(probe, count) {
					const target = new Uint8Array(count);
					probe.read(target);
					received.push(...target);
				},
			});
			peer.send(pattern(3_000));
			await bench.wait(probe.until(() => received.length === 3_000));
			sameBytes(new Uint8Array(received), pattern(3_000));
		},
	}, {
		name: "a program that does not read holds the peer back: little is announced, and all of it arrives in the end",
		async run(bench) {
			const { probe, peer } = await bench.connect(link);
			const message = pattern(500_000);
			peer.send(message);
			await bench.wait(probe.until(() => probe.available > 0));
			await bench.quiet();
			assert(probe.available <= ANNOUNCEMENT_BOUND, `${probe.available} bytes were announced`);
			sameBytes(await bench.wait(probe.receive(message.byteLength)), message);
		},
	}];
}

function ending(link: Link): HostPromise[] {
	return [{
		name: "the peer's end is one onError with closed",
		async run(bench) {
			const { probe, peer } = await bench.connect(link);
			peer.end();
			assert.equal((await bench.wait(probe.failed())).code, "closed");
			await bench.quiet();
			assert.equal(probe.events.filter(event => event === "error").length, 1);
		},
	}, {
		name: "the peer's reset is one onError with closed",
		async run(bench) {
			const { probe, peer } = await bench.connect(link);
			peer.reset();
			assert.equal((await bench.wait(probe.failed())).code, "closed");
			await bench.quiet();
			assert.equal(probe.events.filter(event => event === "error").length, 1);
		},
	}, {
		name: "what the peer sent before its end is announced before onError and can still be read",
		async run(bench) {
			const { probe, peer } = await bench.connect(link);
			peer.send(pattern(1_000));
			peer.end();
			await bench.wait(probe.failed());
			assert.equal(probe.events.at(-2), "readable");
			assert.equal(probe.available, 1_000);
			const target = new Uint8Array(1_000);
			probe.read(target);
			sameBytes(target, pattern(1_000));
		},
	}, {
		name: "more than a window before the peer's end arrives whole, when it is read as it comes",
		async run(bench) {
			const { probe, peer } = await bench.connect(link);
			peer.send(pattern(100_000));
			peer.end();
			sameBytes(await bench.wait(probe.receive(100_000)), pattern(100_000));
			assert.equal((await bench.wait(probe.failed())).code, "closed");
		},
	}];
}

function closing(link: Link): HostPromise[] {
	const silent: HostPromise[] = (["onWritable", "onReadable", "onError"] as const).map(name => ({
		name: `close is allowed inside ${name}, and no callback follows it`,
		async run(bench) {
			const listener = await bench.listen(link);
			const probe = bench.open(link, listener, { [name]: (probe: { close(): void }) => probe.close() });
			const peer = await bench.wait(listener.accept());
			peer.send(pattern(100));
			if (name === "onError") peer.end();
			const event = { onWritable: "writable", onReadable: "readable", onError: "error" } as const;
			await bench.wait(probe.until(() => probe.events.includes(event[name])));
			peer.send(pattern(100));
			peer.end();
			await bench.quiet();
			assert.equal(probe.events.at(-1), event[name]);
		},
	}));
	return [...silent, {
		name: "close may be called again, before and after everything",
		async run(bench) {
			const { probe, peer } = await bench.connect(link);
			probe.close();
			probe.close();
			await bench.wait(peer.ended);
			probe.close();
		},
	}, {
		name: "close before the connection stands is silent",
		async run(bench) {
			const listener = await bench.listen(link);
			const probe = bench.open(link, listener);
			probe.close();
			await bench.quiet();
			assert.deepEqual(probe.events, []);
		},
	}, {
		name: "read and write after close are refused with state",
		async run(bench) {
			const { probe, peer } = await bench.connect(link);
			peer.send(pattern(10));
			await bench.wait(probe.until(() => probe.available === 10));
			probe.close();
			refuses("state", () => probe.read(new Uint8Array(1)));
			refuses("state", () => probe.write(new Uint8Array(1)));
		},
	}, {
		name: "what was written before close reaches the peer, and then the end",
		async run(bench) {
			const { probe, peer } = await bench.connect(link);
			const count = probe.room;
			probe.write(pattern(count));
			probe.close();
			sameBytes(await bench.wait(peer.receive(count)), pattern(count));
			await bench.wait(peer.ended);
		},
	}, {
		name: "what was written before close reaches a peer that reads it only after the close",
		async run(bench) {
			const { probe, peer } = await bench.connect(link);
			const pieces = await stall(bench, probe, peer);
			probe.close();
			peer.resume();
			await receiveAll(bench, peer, pieces);
			await bench.wait(peer.ended);
		},
	}, {
		name: "close with unread bytes ends the connection too",
		async run(bench) {
			const { probe, peer } = await bench.connect(link);
			peer.send(pattern(2_000));
			await bench.wait(probe.until(() => probe.available > 0));
			probe.close();
			await bench.wait(peer.ended);
		},
	}];
}
