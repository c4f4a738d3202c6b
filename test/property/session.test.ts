// SPDX-License-Identifier: Apache-2.0
/**
 * A session against a model of a server, through links that are lost at random: every message at QoS 1 arrives at least
 * once and in order, none is lost, no identifier is used twice at a time, and every subscription is known in the end.
 */
import assert from "node:assert/strict";
import { Bench } from "../unit/mqtt/bench.js";
import { text } from "../unit/text.js";
import { fromHex, toHex } from "../unit/hex.js";
import { connack, DISCONNECT, PINGRESP, puback, suback, unsuback } from "../unit/wire.js";
import { property, type Random } from "./random.js";

/** As much of a server as answers a client: it takes whole packets and gives its answers when asked. */
class Server {
	readonly messages: string[] = [];
	readonly filters = new Set<string>();
	answers = "";
	/** Whether there is a session. */
	#known = false;
	#bytes = "";
	/** Identifiers of messages that the server has not acknowledged yet, on this connection. */
	#open = new Set<number>();

	/** A new connection, perhaps after the server lost all that it knew. */
	connect(forgetful: boolean): void {
		this.#bytes = this.answers = "";
		this.#open = new Set();
		if (!forgetful) return;
		this.#known = false;
		this.filters.clear();
	}

	take(hex: string): void {
		this.#bytes += hex;
		for (let packet = this.#next(); packet !== undefined; packet = this.#next()) this.#packet(packet.header, packet.body);
	}

	/** Answers as many bytes as are given, from the front. */
	answer(bytes: number): string {
		const answer = this.answers.slice(0, 2 * bytes);
		this.answers = this.answers.slice(2 * bytes);
		for (const [, id = ""] of answer.matchAll(/4002(....)/g)) this.#open.delete(Number.parseInt(id, 16));
		return answer;
	}

	#next(): { header: number; body: Uint8Array } | undefined {
		const bytes = fromHex(this.#bytes);
		let length = 0;
		for (let at = 1, factor = 1; at < bytes.length; at++, factor *= 128) {
			length += (bytes[at]! & 0x7f) * factor;
			if (bytes[at]! >= 0x80) continue;
			if (bytes.length < at + 1 + length) return undefined;
			this.#bytes = this.#bytes.slice(2 * (at + 1 + length));
			return { header: bytes[0]!, body: bytes.slice(at + 1, at + 1 + length) };
		}
		return undefined;
	}

	#packet(header: number, body: Uint8Array): void {
		const uint16 = (at: number): number => (body[at]! << 8) | body[at + 1]!;
		switch (header >> 4) {
			case 1:
				this.answers += connack(this.#known);
				this.#known = true;
				break;
			case 3: {
				const topicEnd = 2 + uint16(0);
				const qos = (header >> 1) & 3;
				const payload = text.decode(body, topicEnd + (qos > 0 ? 2 : 0), body.length);
				this.messages.push(payload);
				if (qos === 0) break;
				const id = uint16(topicEnd);
				assert.ok(!this.#open.has(id), `identifier ${id} is in use`);
				this.#open.add(id);
				this.answers += puback(id);
				break;
			}
			case 8: {
				const codes: number[] = [];
				for (let at = 2; at < body.length; at += 3 + uint16(at)) {
					this.filters.add(text.decode(body, at + 2, at + 2 + uint16(at)));
					codes.push(body[at + 2 + uint16(at)]!);
				}
				this.answers += suback(uint16(0), ...codes);
				break;
			}
			case 10:
				for (let at = 2; at < body.length; at += 2 + uint16(at)) this.filters.delete(text.decode(body, at + 2, at + 2 + uint16(at)));
				this.answers += unsuback(uint16(0));
				break;
			case 12: this.answers += PINGRESP; break;
			default: assert.equal(toHex(Uint8Array.of(header)) + toHex(body), DISCONNECT.slice(0, 2));
		}
	}
}

/** What the program asked for. */
class Wishes {
	readonly messages: string[] = [];
	readonly filters = new Set<string>();
}

/** One step of anything: true when the link was lost by it. */
function step(random: Random, bench: Bench, server: Server, wishes: Wishes): boolean {
	const filter = `f${random.below(12)}`;
	switch (random.below(9)) {
		case 0:
		case 1: {
			const payload = `m${wishes.messages.length}`;
			const id = bench.session.publish("t", payload + "x".repeat(random.below(30)), { qos: 1 });
			if (id !== "full") wishes.messages.push(payload);
			return false;
		}
		case 2:
			bench.session.subscribe(filter, 1);
			wishes.filters.add(filter);
			return false;
		case 3:
			bench.session.unsubscribe(filter);
			wishes.filters.delete(filter);
			return false;
		case 4: bench.wait(random.below(3_000)); return false;
		case 5: bench.lose(); return true;
		case 6:
		case 7: {
			const target = new Uint8Array(1 + random.below(40));
			bench.link.expire(bench.now);
			server.take(toHex(target, 0, bench.link.transmit(target, target.length)));
			return false;
		}
		default:
			assert.ok(bench.receive(server.answer(1 + random.below(12))).every((line) => !line.startsWith("closed")));
			return false;
	}
}

property("a session loses nothing through links that are lost and a server that forgets", 60, (random) => {
	const bench = new Bench({ inflightLength: 300, receiveMaximum: 1 + random.below(4), keepAlive: 10_000 });
	const server = new Server();
	const wishes = new Wishes();
	for (let count = 0; count < 250; count++) {
		if (!step(random, bench, server, wishes)) continue;
		bench.relink();
		server.connect(random.once(3));
	}
	for (let count = 0; count < 100; count++) {
		server.take(bench.send());
		bench.receive(server.answer(1000));
	}
	assert.ok(bench.session.outbox.empty, "everything was acknowledged");
	const arrived = server.messages.map((message) => message.replace(/x*$/, ""));
	const first = arrived.filter((message, index) => arrived.indexOf(message) === index);
	assert.deepEqual(first, wishes.messages, "each at least once, the first time in order");
	assert.deepEqual([...server.filters].sort(), [...wishes.filters].sort(), "the server knows what is wanted");
});
