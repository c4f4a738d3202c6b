// SPDX-License-Identifier: Apache-2.0
/** Whatever a peer asks, nothing is thrown, every confirmable request is answered, and nothing is kept for ever. */
import assert from "node:assert/strict";
import { Code, OptionNumber, Type } from "../../../src/coap/constants.js";
import type { Option } from "../../../src/coap/option.js";
import { property, type Random } from "../../property/random.js";
import { Probe, ResourcesRig } from "./resources-rig.js";

const NUMBERS: readonly number[] = [...Object.values(OptionNumber), 65_000, 65_001];
const QUESTIONS = 40;

function bytes(random: Random, maximum: number): Uint8Array {
	return Uint8Array.from(random.list(maximum, () => random.below(256)));
}

/** Numbers that often come, and others that never do. */
function option(random: Random): Option {
	const number = random.once(2) ? random.pick([OptionNumber.BLOCK1, OptionNumber.BLOCK2, OptionNumber.OBSERVE, OptionNumber.ETAG]) : random.pick(NUMBERS);
	const small = random.once(2) ? Uint8Array.of(random.below(64)) : random.once(3) ? Uint8Array.of() : Uint8Array.of(random.below(4), random.below(256));
	return { number, value: random.once(8) ? bytes(random, 12) : small };
}

property("random requests", 100, (random) => {
	const rig = new ResourcesRig({ bodyMaximum: 200, blockLength: 64 });
	const probe = new Probe([Code.GET, Code.PUT, Code.POST, Code.FETCH], { observable: true }).says("x".repeat(random.below(300)));
	// It answers with bytes: what comes need not be text.
	probe.onRequest = (_, reply) => {
		if (random.once(20)) throw new Error("a fault of the program's");
		if (!random.once(10)) reply.send(probe.response!);
	};
	rig.resources.add("r", probe);
	for (let count = 0; count < QUESTIONS; count++) {
		const type = random.once(4) ? Type.NON : Type.CON;
		const question = { type, code: 1 + random.below(8), token: [count], options: random.list(4, () => option(random)), payload: bytes(random, 80) };
		const out = [...rig.ask(random.once(8) ? "none" : "r", question), ...rig.after(random.below(5_000))];
		if (out.length > 0 && random.once(3)) rig.reply(random.once(2) ? Type.ACK : Type.RST);
		if (random.once(5)) rig.resources.notify("r");
		if (type === Type.CON) assert.ok(out.length > 0 || rig.after(2_000).length > 0, "nothing came back");
	}
	rig.after(1_000_000);
	assert.equal(rig.exchanges.records, 0);
	assert.equal(rig.exchanges.deadline, Infinity);
	assert.equal(rig.answerer.deadline, Infinity);
});
