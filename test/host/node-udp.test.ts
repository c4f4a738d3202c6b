// SPDX-License-Identifier: Apache-2.0
/** The Node host's UDP beyond the promises: its queue, and IPv6. */
import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { test, type TestContext } from "node:test";
import type { Datagrams, Remote } from "../../src/host.js";
import { createHost } from "../../hosts/node/index.js";
import { DATAGRAM_QUEUE } from "../../hosts/node/udp.js";
import { refuses } from "./bench.js";

const host = createHost({ directory: "nowhere" });
const hasIPv6 = Object.values(networkInterfaces()).flat().some(address => address?.address === "::1");

/** @param onWaiting is told how many datagrams wait */
function open(context: TestContext, onWaiting: (count: number) => void = () => {}): Datagrams {
	const udp = new host.udp.io({ onReadable: onWaiting });
	context.after(() => udp.close());
	return udp;
}

test("udp: datagrams beyond the queue are lost, and those in it are kept", async context => {
	let full!: () => void;
	const filled = new Promise<void>(resolve => { full = resolve; });
	const receiver = open(context, count => { if (count === DATAGRAM_QUEUE) full(); });
	const sender = open(context);
	for (let number = 0; number < DATAGRAM_QUEUE; number++) sender.write(new Uint8Array([number]), "127.0.0.1", receiver.port);
	await filled;
	// The answer to a later datagram proves that the lost one was handled before it.
	const witness = new Promise<void>(resolve => {
		const other = open(context, () => resolve());
		sender.write(new Uint8Array([0xff]), "127.0.0.1", receiver.port);
		sender.write(new Uint8Array([0xff]), "127.0.0.1", other.port);
	});
	await witness;
	const target = new Uint8Array(1);
	for (let number = 0; number < DATAGRAM_QUEUE; number++) {
		assert.equal(receiver.read(target), 1);
		assert.equal(target[0], number);
	}
	assert.equal(receiver.read(target), -1);
});

test("udp: one socket speaks IPv4 and IPv6", { skip: hasIPv6 ? false : "SKIPPED: this machine has no IPv6" }, async context => {
	for (const address of ["127.0.0.1", "::1"]) {
		let arrived!: () => void;
		const arrival = new Promise<void>(resolve => { arrived = resolve; });
		const receiver = open(context, arrived);
		const sender = open(context);
		sender.write(new Uint8Array([1]), address, receiver.port);
		await arrival;
		const remote: Remote = { address: "", port: 0 };
		receiver.read(new Uint8Array(1), remote);
		assert.deepEqual(remote, { address, port: sender.port });
	}
});

test("udp: a port that is in use is refused with state", context => {
	const { port } = open(context);
	refuses("state", () => new host.udp.io({ port }));
});
