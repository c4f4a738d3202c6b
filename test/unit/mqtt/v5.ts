// SPDX-License-Identifier: Apache-2.0
/** What the tests of MQTT 5 share: benches whose server has accepted, and what a link must do with what is wrong. */
import assert from "node:assert/strict";
import { EventType } from "../../../src/mqtt/event.js";
import type { Properties } from "../../../src/mqtt/properties.js";
import type { SessionOptions } from "../../../src/mqtt/session.js";
import { fromHex } from "../hex.js";
import { connack5, disconnect5 } from "../wire5.js";
import { Bench } from "./bench.js";

/** A bench whose server has accepted and granted this, with nothing left to send. */
export function open5(options: Partial<SessionOptions> = {}, ...granted: string[]): Bench {
	const bench = new Bench({ protocol: 5, ...options });
	accept5(bench, false, ...granted);
	return bench;
}

/** The server accepts; what CONNECT was is of no interest. */
export function accept5(bench: Bench, sessionPresent = false, ...granted: string[]): void {
	bench.send();
	assert.equal(bench.receive(connack5(sessionPresent, 0, ...granted))[0], `connected ${sessionPresent}`);
}

/** The stream is lost, and a new link made. */
export function reconnect5(bench: Bench, sessionPresent = true, ...granted: string[]): void {
	bench.lose();
	bench.relink();
	accept5(bench, sessionPresent, ...granted);
}

/**
 * What this delivery ends the link with: DISCONNECT with the reason goes out, then it is over, and the session is not.
 * With reason 0 nothing goes out: a server that did not accept us is left without a word.
 */
export function assertEnds(bench: Bench, hex: string, code: string, reason: number, name = hex): void {
	const lines = bench.receive(hex).filter((line) => !line.startsWith("message"));
	const sent = bench.send();
	lines.push(...bench.events());
	assert.equal(lines.length, 1, `${name}: one event, and not ${lines.join()}`);
	assert.ok(lines[0]!.startsWith(`closed ${code}`), `${name}: ${lines[0]}`);
	assert.equal(sent, reason === 0 ? "" : disconnect5(reason), name);
	assert.equal(bench.send(), "", name);
	assert.ok(bench.closed && !bench.link.open, name);
}

export interface Delivered { topic: string; properties: Properties | undefined }

/** Delivers packets, and answers with the properties of each message that comes of it. */
export function deliver(bench: Bench, hex: string): Delivered[] {
	const bytes = fromHex(hex);
	bench.link.receive(bytes, 0, bytes.length, bench.now);
	const delivered: Delivered[] = [];
	for (let event = bench.link.next(); event !== undefined; event = bench.link.next()) {
		if (event.type === EventType.MESSAGE) delivered.push({ topic: event.topic, properties: event.properties });
	}
	return delivered;
}
