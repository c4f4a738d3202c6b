// SPDX-License-Identifier: Apache-2.0
/** What UDP promises. */
import assert from "node:assert/strict";
import type { Datagrams, Remote } from "../../../src/host.js";
import { pattern, refuses, sameBytes, type Bench, type HostPromise } from "../bench.js";

/** A UDP socket of the device with a way to wait until so many datagrams are waiting in it. */
function open(bench: Bench): { udp: Datagrams; waiting(count: number): Promise<void> } {
	let announced = 0;
	let inside = true;
	let look = () => {};
	const udp = new bench.host.udp.io({
		onReadable(count) {
			assert(!inside, "onReadable from inside the constructor");
			assert(count > 0);
			announced = count;
			look();
		},
		onError(error) { assert.fail(error); },
	});
	inside = false;
	bench.defer(() => udp.close());
	const waiting = (count: number) => bench.wait(new Promise<void>(resolve => {
		look = () => { if (announced >= count) resolve(); };
		look();
	}));
	return { udp, waiting };
}

async function echo(bench: Bench): Promise<Remote> {
	const service = await bench.wait(bench.platform.echo());
	bench.defer(() => service.close());
	return service;
}

export const udpPromises: readonly HostPromise[] = [{
	name: "the local port is known when the constructor returns, and is another for each socket",
	run(bench) {
		const [first, second] = [open(bench).udp, open(bench).udp];
		assert(Number.isInteger(first.port) && first.port > 0 && first.port < 65_536);
		assert.notEqual(first.port, second.port);
	},
}, {
	name: "a port that was asked for is taken",
	run(bench) {
		const { port } = open(bench).udp;
		bench.end();
		const again = new bench.host.udp.io({ port });
		bench.defer(() => again.close());
		assert.equal(again.port, port);
	},
}, {
	name: "a datagram goes out and its answer comes in, with the address of its sender",
	async run(bench) {
		const service = await echo(bench);
		const { udp, waiting } = open(bench);
		udp.write(pattern(100), service.address, service.port);
		await waiting(1);
		const target = new Uint8Array(200);
		const remote: Remote = { address: "", port: 0 };
		assert.equal(udp.read(target, remote), 100);
		sameBytes(target.subarray(0, 100), pattern(100));
		assert.deepEqual({ ...remote }, { address: service.address, port: service.port });
	},
}, {
	name: "datagrams wait in the order of their coming, each by itself, and are counted",
	async run(bench) {
		const service = await echo(bench);
		const { udp, waiting } = open(bench);
		for (const size of [10, 20, 30]) {
			udp.write(pattern(size), service.address, service.port);
			await waiting(size / 10);
		}
		const target = new Uint8Array(100);
		assert.deepEqual([udp.read(target), udp.read(target), udp.read(target), udp.read(target)], [10, 20, 30, -1]);
	},
}, {
	name: "read returns -1 when no datagram is waiting",
	run(bench) {
		assert.equal(open(bench).udp.read(new Uint8Array(10)), -1);
	},
}, {
	name: "what does not fit the target is lost, and the next datagram is whole",
	async run(bench) {
		const service = await echo(bench);
		const { udp, waiting } = open(bench);
		udp.write(pattern(100), service.address, service.port);
		await waiting(1);
		udp.write(pattern(8, 2), service.address, service.port);
		await waiting(2);
		const target = new Uint8Array(10);
		assert.equal(udp.read(target), 10);
		sameBytes(target, pattern(100).subarray(0, 10));
		assert.equal(udp.read(target), 8);
		sameBytes(target.subarray(0, 8), pattern(8, 2));
	},
}, {
	name: "a datagram may be empty",
	async run(bench) {
		const service = await echo(bench);
		const { udp, waiting } = open(bench);
		udp.write(new Uint8Array(0), service.address, service.port);
		await waiting(1);
		assert.equal(udp.read(new Uint8Array(10)), 0);
	},
}, {
	name: "write copies: the source may be changed at once",
	async run(bench) {
		const service = await echo(bench);
		const { udp, waiting } = open(bench);
		const source = pattern(50);
		udp.write(source, service.address, service.port);
		source.fill(0);
		await waiting(1);
		const target = new Uint8Array(50);
		udp.read(target);
		sameBytes(target, pattern(50));
	},
}, {
	name: "a datagram to where nobody listens is lost and breaks nothing",
	async run(bench) {
		const service = await echo(bench);
		const nobody = await bench.wait(bench.platform.closedPort());
		const { udp, waiting } = open(bench);
		udp.write(pattern(10), nobody.address, nobody.port);
		await bench.quiet();
		udp.write(pattern(20), service.address, service.port);
		await waiting(1);
		assert.equal(udp.read(new Uint8Array(100)), 20);
	},
}, {
	name: "write refuses names and what is no port with argument",
	run(bench) {
		const { udp } = open(bench);
		for (const address of ["localhost", "", undefined]) refuses("argument", () => udp.write(pattern(1), address as string, 5683), String(address));
		for (const port of [0, 65_536, 1.5, undefined]) refuses("argument", () => udp.write(pattern(1), "127.0.0.1", port as number), String(port));
	},
}, {
	name: "the constructor refuses what is no port and no function with argument",
	run({ host }) {
		for (const options of [{ port: -1 }, { port: 65_536 }, { port: 1.5 }, { onReadable: 1 }, { onError: {} }]) {
			refuses("argument", () => new host.udp.io(options as never), JSON.stringify(options));
		}
	},
}, {
	name: "close may be called twice, and no callback follows it",
	async run(bench) {
		const service = await echo(bench);
		const udp = new bench.host.udp.io({ onReadable: () => assert.fail("onReadable after close") });
		udp.write(pattern(10), service.address, service.port);
		udp.close();
		udp.close();
		await bench.quiet();
	},
}, {
	name: "read and write after close are refused with state",
	run(bench) {
		const { udp } = open(bench);
		udp.close();
		refuses("state", () => udp.read(new Uint8Array(1)));
		refuses("state", () => udp.write(new Uint8Array(1), "127.0.0.1", 5683));
	},
}];
