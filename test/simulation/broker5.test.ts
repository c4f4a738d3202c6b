// SPDX-License-Identifier: Apache-2.0
/** The simulated broker's MQTT 5, in the words of the wire: on the engine of the device it must be what it is on Node. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Broker } from "../../hosts/simulator/broker/broker.js";

class Wire {
	readonly #connection;
	#received: number[] = [];
	closed = false;

	constructor(broker: Broker, now: number) {
		this.#connection = broker.open({
			send: bytes => {
				this.#received.push(...bytes);
				return true;
			},
			close: () => { this.closed = true; },
		}, { now });
	}

	/** Sends a packet of less than 128 bytes: its first byte, then its body. */
	send(header: string, body: string, now = 0): this {
		const hex = body.replaceAll(" ", "");
		const text = header + (hex.length / 2).toString(16).padStart(2, "0") + hex;
		this.#connection.receive(Uint8Array.from(text.match(/../g) ?? [], digits => Number.parseInt(digits, 16)), now);
		return this;
	}

	/** What came since the last call. */
	take(): string {
		return this.#received.splice(0).map(byte => byte.toString(16).padStart(2, "0")).join("");
	}
}

const CONNACK = (sessionPresent: string) => `200b${sessionPresent}00082700040000220064`;
/** The session lasts 60 s; the will, with content type `é`, waits 5 s. */
const CONNECT = "0004 4d515454 05 04 0000 05 11 0000003c 0001 61 0a 18 00000005 03 0002 c3a9 0001 77 0001 78";

test("a session, a will, properties in their order, an alias, an expiry, a refusal and a fault", () => {
	const broker = new Broker();
	const a = new Wire(broker, 0).send("10", CONNECT);
	assert.equal(a.take(), CONNACK("00"));
	assert.equal(a.send("82", "0001 02 0b 07 0001 23 01").take(), "900400010001");
	const b = new Wire(broker, 0).send("10", "0004 4d515454 05 02 0000 00 0001 62");
	b.take();
	// User properties b=1, a=2, b=3; an alias; an expiry of 10 s.
	const user = "26 0001 62 0001 31 26 0001 61 0001 32 26 0001 62 0001 33".replaceAll(" ", "");
	assert.equal(b.send("32", `0001 74 0001 1d ${user} 23 0001 02 0000000a 79`.replaceAll(" ", "")).take(), "40020001");
	assert.equal(a.take(), `322300017400011c${user}020000000a0b0779`);
	a.send("40", "0001");
	b.send("30", "0000 03 23 0001 7a");
	assert.equal(a.take(), "3007000174020b077a");

	broker.faults.delay(100);
	a.send("c0", "", 1_000);
	assert.equal(a.take(), "");
	broker.expire(1_100);
	assert.equal(a.take(), "d000");
	broker.faults.clear();
	broker.faults.kick("a", 0x98);
	broker.expire(2_000);
	assert.deepEqual([a.take(), a.closed], ["e0029800", true]);
	const watcher = new Wire(broker, 2_000).send("10", "0004 4d515454 05 02 0000 00 0001 63", 2_000).send("82", "0001 00 0001 77 00", 2_000);
	watcher.take();
	broker.expire(6_999);
	assert.equal(watcher.take(), "");
	broker.expire(7_000);
	assert.equal(watcher.take(), "300a00017705030002c3a978");
	const again = new Wire(broker, 8_000).send("10", CONNECT, 8_000);
	assert.equal(again.take(), CONNACK("01"));
	assert.equal(again.send("30", "0001 ff 00", 8_000).closed, true);
	assert.equal(again.take().startsWith("e0"), true);
	broker.expire(68_000);
	assert.equal(broker.sessionCount, 2);
});
