// SPDX-License-Identifier: Apache-2.0
/**
 * Conversations with another implementation, as they were recorded: our side says the same again, and understands the
 * other as it did. They hold an Echo after a reset on either side, observations, and contexts agreed on anew.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "../../../src/coap/message.js";
import type { Outgoing } from "../../../src/coap/messenger.js";
import type { Binding } from "../../../src/coap/security.js";
import conversations from "../../vectors/oscore-libcoap.json" with { type: "json" };
import { fromHex, toHex } from "../hex.js";
import { decode, encode, Endpoint, reversed, said } from "./rig.js";

/** `plain` is a datagram where we speak, and what it says where we listen. */
interface Step { does: string; plain?: string; sealed?: string; first?: boolean }

const CLIENT = {
	masterSecret: fromHex("0102030405060708090a0b0c0d0e0f10"), masterSalt: fromHex("9e7ca92223786340"),
	senderId: fromHex("636c69656e74"), recipientId: fromHex("736572766572"), idContext: undefined,
};

function asOutgoing({ code, token, options, payload }: Message): Outgoing {
	return { confirmable: true, code, token, options, payload };
}

/** One conversation, step by step. */
class Replay {
	readonly #endpoint: Endpoint;
	/** By token. */
	readonly #bindings = new Map<string, Binding>();
	#answer: Outgoing | undefined;

	constructor(isClient: boolean, renews: boolean, seed: number) {
		const parameters = { ...CLIENT, renews };
		this.#endpoint = new Endpoint(isClient ? parameters : reversed(parameters), seed);
	}

	step({ does, plain = "", sealed = "", first = true }: Step): void {
		if (does === "reset") return this.#endpoint.reboot();
		const { oscore } = this.#endpoint, datagram = decode(fromHex(sealed)), token = toHex(datagram.token);
		if (does === "ask") {
			const { message, binding } = oscore.protectRequest(asOutgoing(decode(fromHex(plain))));
			this.#bindings.set(token, binding);
			this.says(message, datagram);
		} else if (does === "hear") {
			assert.equal(said(oscore.unprotectResponse(datagram, this.#bindings.get(token)!)), plain);
		} else if (does === "serve") {
			const { message, binding, answer } = oscore.unprotectRequest(datagram);
			assert.equal(message === undefined ? "" : said(message), plain);
			if (binding !== undefined) this.#bindings.set(token, binding);
			this.#answer = answer;
		} else if (plain === "") this.says(this.#answer!, datagram);
		else this.says(oscore.protectResponse(asOutgoing(decode(fromHex(plain))), this.#bindings.get(token)!, first), datagram);
	}

	private says({ code, token, options, payload }: Outgoing, expected: Message): void {
		const { type, messageId } = expected;
		assert.equal(toHex(encode({ type, messageId, code, token, options, payload })), toHex(encode(expected)));
	}
}

for (const { name, role, renews, seed, steps } of conversations) {
	test(`${name}: the conversation goes as it went`, () => {
		const replay = new Replay(role === "client", renews, seed);
		for (const step of steps) replay.step(step);
	});
}
