// SPDX-License-Identifier: Apache-2.0
/**
 * Packets that a server may send, of both protocols and in any order: their identifiers are few, so that what belongs
 * together meets, and a recorded packet of somebody else's comes between.
 */
import vectors from "../vectors/mqtt-packets.json" with { type: "json" };
import { SUBSCRIBE_ID, type Protocol } from "../../src/mqtt/constants.js";
import type { Random } from "../property/random.js";
import { topic, word } from "../property/values.js";
import { connack, PINGRESP, puback, pubcomp, publish, pubrec, pubrel, suback, unsuback, utf8 } from "../unit/wire.js";
import * as wire5 from "../unit/wire5.js";

const recorded = (protocol: Protocol): string[] => vectors.valid.filter(({ version }) => version === protocol).map(({ hex }) => hex);
const RECORDED: Readonly<Record<Protocol, readonly string[]>> = { 4: recorded(4), 5: recorded(5) };
const REASONS = [0, 0, 0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x92, 0x97, 0x99, 0x9d];
const NUMBERS = [0, 1, 2, 3, 16, 0xff, 0xffff];
/** Properties by the packets that may have them. Spec: MQTT 5 §2.2.2.2. */
const OF_PUBLISH = [1, 2, 3, 8, 9, 11, 35, 35, 35, 38];
const OF_CONNACK = [17, 18, 19, 21, 22, 26, 28, 31, 33, 34, 36, 37, 38, 39, 40, 41, 42];
const OF_ACK = [31, 38];
const OF_AUTH = [21, 22, 31, 38];

/** A property of the right shape; `known` are those that belong where it stands. */
function property(random: Random, known: readonly number[]): string {
	const id = random.once(25) ? 1 + random.below(43) : random.pick(known);
	switch (id) {
		case 1: case 23: case 25: case 36: case 37: case 40: case 41: case 42: return wire5.byte5(id, random.below(3) % 2);
		case 19: case 33: case 34: case 35: return wire5.short5(id, random.pick(NUMBERS));
		case 2: case 17: case 24: case 39: return wire5.long5(id, random.pick(NUMBERS));
		case 9: case 22: return wire5.binary5(id, "ab".repeat(random.below(8)));
		case 11: return wire5.identifier5(1 + random.below(300));
		case 38: return wire5.user5(word(random), word(random));
		case 21: return wire5.text5(id, "m");
		default: return wire5.text5(id, word(random));
	}
}

const said = (random: Random, known: readonly number[]): string => random.list(3, () => property(random, known)).join("");

/** CONNACK, mostly one that accepts. */
export function anyConnack(random: Random, protocol: Protocol, present: boolean): string {
	const code = random.once(12) ? random.pick(protocol === 4 ? [1, 2, 3, 4, 5, 6] : REASONS) : 0;
	return protocol === 4 ? connack(present, code) : wire5.connack5(present, code, said(random, OF_CONNACK));
}

/** An identifier of a message, rarely of SUBSCRIBE or of nothing. */
function anyId(random: Random): number {
	if (random.once(12)) return random.pick([0, SUBSCRIBE_ID, 0x100]);
	return 1 + random.below(6);
}

/** Of a message of the client's, of which `last` is the newest and some may follow. */
const ownId = (random: Random, last: number): number => random.once(8) ? anyId(random) : Math.max(1, last + 3 - random.below(6));

function anyPublish(random: Random, protocol: Protocol): string {
	const qos = random.below(3);
	const message = {
		topic: topic(random), qos, id: qos === 0 ? 0 : anyId(random), retain: random.once(3), duplicate: qos > 0 && random.once(4),
		payload: random.once(4) ? "ab".repeat(random.below(400)) : utf8(word(random, 20)),
	};
	if (protocol === 4) return publish(message);
	return wire5.publish5({ ...message, topic: random.once(4) ? "" : message.topic, said: said(random, OF_PUBLISH) });
}

function anyAck(random: Random, protocol: Protocol, last: number): string {
	const which = random.below(4);
	// PUBREL is for what the server sent.
	const id = which === 2 ? anyId(random) : ownId(random, last);
	if (protocol === 4 || random.once(2)) return [puback, pubrec, pubrel, pubcomp][which]!(id);
	const code = random.once(2) ? 0 : random.pick(REASONS);
	const properties = random.once(2) ? undefined : said(random, OF_ACK);
	return [wire5.puback5, wire5.pubrec5, wire5.pubrel5, wire5.pubcomp5][which]!(id, code, properties);
}

/** Any packet of a server's, in its place or not; `last` is the identifier of the client's newest message. */
export function anyPacket(random: Random, protocol: Protocol, last: number): string {
	switch (random.below(14)) {
		case 0: return random.pick(RECORDED[protocol]);
		case 1: return PINGRESP;
		case 2: return anyConnack(random, protocol, random.once(2));
		case 3: {
			const codes = [...random.list(3, () => random.pick([0, 1, 2, 0x80])), 0];
			return (protocol === 4 ? suback : wire5.suback5)(random.once(6) ? anyId(random) : SUBSCRIBE_ID, ...codes);
		}
		case 4: return protocol === 4 ? unsuback(SUBSCRIBE_ID) : wire5.unsuback5(SUBSCRIBE_ID, random.pick([0, 0x11, 0x80]));
		case 5: {
			if (protocol === 4 || random.once(2)) return anyAck(random, protocol, last);
			if (random.once(4)) return wire5.disconnect5(random.pick(REASONS), said(random, OF_ACK));
			return wire5.auth5(random.pick([0, 0x18, 0x19]), said(random, OF_AUTH));
		}
		case 6: case 7: case 8: case 9: return anyAck(random, protocol, last);
		default: return anyPublish(random, protocol);
	}
}
