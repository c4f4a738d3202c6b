// SPDX-License-Identifier: Apache-2.0
/** Power cuts and troubled exchanges are worth something only if they catch a session that is wrong: these are, on purpose. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "../../src/mqtt/client.js";
import { FlashQueue } from "../../src/mqtt/flash-queue.js";
import { Outbox } from "../../src/mqtt/outbox.js";
import { Received } from "../../src/mqtt/received.js";
import { Session } from "../../src/mqtt/session.js";
import { Store } from "../../src/mqtt/store.js";
import { play, SCENARIOS } from "../simulation/durable.js";
import { exchange } from "../simulation/exchange.js";
import { crypto } from "../unit/storage/digest.js";
import { wrongly, type Method, type Tampering } from "./tamper.js";

/** Nothing of it happens, or all of it: where a write is torn is the journal's concern, which has its own wrong builds. */
const TEARS = ["none", "whole"] as const;
const SEEDS = 40;
const digest = () => crypto.digest("SHA-256");

/** What the scenario says when the power is cut, or `undefined`. */
function cut(name: string): string | undefined {
	const scenario = SCENARIOS.find((one) => one.name === name)!;
	try {
		const { operations } = play(1, 5, scenario, [], digest);
		for (let at = 1; at <= operations; at++) for (const tear of TEARS) play(1, 5, scenario, [{ at, tear }], digest);
	} catch (error) {
		return String(error);
	}
	return undefined;
}

/** What the first exchange says that fails, or `undefined`. */
function trouble(): string | undefined {
	for (let seed = 1; seed <= SEEDS; seed++) {
		for (const protocol of [4, 5] as const) {
			try {
				exchange(seed, protocol, digest);
			} catch (error) {
				return String(error);
			}
		}
	}
	return undefined;
}

interface Wrong {
	name: string;
	tamperings: readonly Tampering[];
	/** Name of the scenario that catches it; absent: the exchanges do. */
	scenario?: string;
	says: RegExp;
}

const nothing = (): Method => () => {};
const { commit } = Session.prototype;
/** Sessions that should have committed, and did not yet. */
const owing = new Set<Session>();

const WRONG: readonly Wrong[] = [
	{
		name: "that commits nothing",
		tamperings: [{ prototype: Session.prototype, name: "commit", method: nothing }],
		scenario: "messages on a connection", says: /not marked as a duplicate/,
	},
	{
		name: "that commits after it has sent, and not before",
		tamperings: [
			{ prototype: Session.prototype, name: "commit", method: () => function (this: Session) { owing.add(this); } },
			{
				prototype: Client.prototype, name: "transmit", method: (transmit) => function (this: Client, ...values: never[]) {
					owing.clear();
					const result = transmit.apply(this, values);
					for (const session of owing) commit.call(session);
					return result;
				},
			},
		],
		scenario: "messages on a connection", says: /at QoS 2, and came 2 times/,
	},
	{
		name: "that delivers a message at QoS 2 before it has noted it durably",
		tamperings: [{ prototype: Session.prototype, name: "accept", method: () => function (this: Session, packetId: number) { this.received.add(packetId); } }],
		scenario: "messages to the device", says: /delivered 2 times/,
	},
	{
		name: "that does not save that PUBREC came",
		tamperings: [{
			prototype: Outbox.prototype, name: "received", method: (received) => function (this: Outbox, ...values: never[]) {
				const { dirty } = this;
				const result = received.apply(this, values);
				this.dirty = dirty;
				return result;
			},
		}],
		scenario: "messages on a connection", says: /at QoS 2, and came 2 times/,
	},
	{
		name: "that sends a message again after its PUBREC",
		tamperings: [
			{ prototype: Outbox.prototype, name: "received", method: () => () => true },
			{ prototype: Outbox.prototype, name: "complete", method: () => Outbox.prototype.acknowledge as Method },
		],
		scenario: "messages on a connection", says: /at QoS 2, and came 2 times/,
	},
	{
		name: "that saves nothing of what it received",
		tamperings: [
			{ prototype: Received.prototype, name: "saveLength", get: () => 2 },
			{ prototype: Received.prototype, name: "save", method: () => (writer: { uint16(value: number): void }) => writer.uint16(0) },
		],
		scenario: "messages to the device, several at a time", says: /delivered 2 times/,
	},
	{
		name: "that forgets at a reset what it received",
		tamperings: [{
			prototype: Received.prototype, name: "restore", method: (restore) => function (this: Received, ...values: never[]) {
				restore.apply(this, values);
				this.clear();
			},
		}],
		scenario: "messages to the device, several at a time", says: /delivered 2 times/,
	},
	{
		name: "that forgets to mark what it sends again",
		tamperings: [{
			prototype: Outbox.prototype, name: "take", method: (take) => function (this: Outbox, ...values: never[]) {
				const result = take.apply(this, values);
				this.duplicate = false;
				return result;
			},
		}],
		scenario: "messages on a connection", says: /not marked as a duplicate/,
	},
	{
		name: "that forgets at a reset what it may have sent",
		tamperings: [{ prototype: Outbox.prototype, name: "sentOf", method: () => () => 0 }, { prototype: Outbox.prototype, name: "connected", method: nothing }],
		scenario: "messages on a connection", says: /not marked as a duplicate/,
	},
	{
		name: "that sends a batch before it is durable",
		tamperings: [{
			prototype: Session.prototype, name: "batch", method: () => function (this: Session, publishing: () => void) {
				this.outbox.flush = () => {};
				try {
					publishing();
				} finally {
					delete (this.outbox as Partial<Outbox>).flush;
					this.outbox.flush();
				}
			},
		}],
		scenario: "a batch", says: /accepted at QoS 1, and lost/,
	},
	{
		name: "whose queue flushes nothing",
		tamperings: [{ prototype: FlashQueue.prototype, name: "flush", method: nothing }],
		scenario: "messages on a connection", says: /accepted at QoS 2, and lost/,
	},
	{
		name: "whose queue brings back what was released before its turn",
		tamperings: [{
			prototype: FlashQueue.prototype, name: "restore", method: (restore) => function (this: FlashQueue, headNumber: number) {
				(restore as FlashQueue["restore"]).call(this, headNumber, []);
			},
		}],
		scenario: "a broker that loses acknowledgements", says: /came 3 times/,
	},
	{
		name: "whose store does not say whose messages it keeps",
		tamperings: [{ prototype: Store.prototype, name: "writeSession", method: nothing }],
		scenario: "messages queued offline", says: /accepted at QoS 1, and lost/,
	},
	{
		name: "that gives a message an identifier that is in use",
		tamperings: [{ prototype: Outbox.prototype, name: "nextId", method: () => () => 1 }],
		says: /topic\/2: lost/,
	},
	{
		name: "that takes every message at QoS 2 for a new one",
		tamperings: [{ prototype: Received.prototype, name: "has", method: () => () => false }],
		says: /topic\/2: twice/,
	},
	{
		name: "that sends nothing again",
		tamperings: [{ prototype: Outbox.prototype, name: "rewind", method: nothing }],
		says: /topic\/1: lost/,
	},
	{
		name: "that does not save that the server released a message",
		tamperings: [{
			prototype: Received.prototype, name: "delete", method: (remove) => function (this: Received, ...values: never[]) {
				const { dirty } = this;
				const result = remove.apply(this, values);
				this.dirty = dirty;
				return result;
			},
		}],
		scenario: "messages to the device", says: /brings something back/,
	},
	{
		name: "that never lets go of what the server released",
		tamperings: [{ prototype: Received.prototype, name: "delete", method: () => () => true }],
		scenario: "messages to the device", says: /not settled|did not come true/,
	},
];

for (const { name, tamperings, scenario, says } of WRONG) {
	test(`a session ${name} is caught`, () => {
		const verdict = wrongly(tamperings, () => scenario === undefined ? trouble() : cut(scenario));
		assert.ok(verdict !== undefined);
		assert.match(verdict, says);
	});
}
