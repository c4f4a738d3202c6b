// SPDX-License-Identifier: Apache-2.0
/** The contexts and messages of RFC 8613 Appendix C, made and understood. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { OptionNumber, Type } from "../../../src/coap/constants.js";
import type { Message } from "../../../src/coap/message.js";
import type { Outgoing } from "../../../src/coap/messenger.js";
import { additionalOf, Context, derive } from "../../../src/oscore/context.js";
import { decodeNumber, decodeValue, encodeNumber, encodeValue } from "../../../src/oscore/option.js";
import { encodeInside } from "../../../src/oscore/layers.js";
import { Oscore } from "../../../src/oscore/oscore.js";
import { encodeCBOR } from "../../../src/cbor/encode.js";
import { type OSCOREParameters } from "../../../src/oscore/parameters.js";
import vectors from "../../vectors/oscore-rfc8613.json" with { type: "json" };
import { fromHex, toHex } from "../hex.js";
import { text } from "../text.js";
import { decode, encode, makeHost, MemoryStorage, reversed, said } from "./rig.js";

type Derivation = (typeof vectors.keyDerivation)[number];

const NUMBER = 20;
const ALGORITHM = 10;

function parametersOf({ masterSecret, masterSalt = "", senderId, recipientId, idContext }: Derivation): OSCOREParameters {
	return {
		masterSecret: fromHex(masterSecret), masterSalt: fromHex(masterSalt),
		senderId: fromHex(senderId), recipientId: fromHex(recipientId),
		idContext: idContext === undefined ? undefined : fromHex(idContext), renews: false,
	};
}

function contextOf(id: string): OSCOREParameters {
	return parametersOf(vectors.keyDerivation.find((one) => one.id === id)!);
}

/** An endpoint whose next number is this one. */
function endpoint(parameters: OSCOREParameters, number: number): Oscore {
	const storage = new MemoryStorage();
	if (number > 0) storage.open({ path: "oscore" }).write("numbers", Uint8Array.of(1, 0, 0, 0, 0, 0, number));
	return new Oscore({ host: makeHost(storage), parameters });
}

function asOutgoing({ type, code, token, options, payload }: Message): Outgoing {
	return { confirmable: type === Type.CON, code, token, options, payload };
}

function asMessage({ code, token, options, payload }: Outgoing, { type, messageId }: Message): string {
	return toHex(encode({ type, messageId, code, token, options, payload }));
}

test("C.1 to C.3: keys, common IV and nonces of both sides", () => {
	assert.equal(vectors.keyDerivation.length, 6);
	for (const vector of vectors.keyDerivation) {
		const parameters = parametersOf(vector), host = makeHost(new MemoryStorage());
		const { senderId, recipientId, idContext } = parameters, none = new Uint8Array(0), zero = encodeNumber(0);
		const info = (id: Uint8Array, kind: string, length: number): string => toHex(encodeCBOR(text, [id, idContext ?? null, ALGORITHM, kind, length]));
		assert.equal(info(senderId, "Key", 16), vector.infoSenderKey, vector.id);
		assert.equal(info(recipientId, "Key", 16), vector.infoRecipientKey, vector.id);
		assert.equal(info(none, "IV", 13), vector.infoCommonIv, vector.id);
		assert.equal(toHex(derive(host, parameters, senderId, idContext, "Key")), vector.senderKey, vector.id);
		assert.equal(toHex(derive(host, parameters, recipientId, idContext, "Key")), vector.recipientKey, vector.id);
		assert.equal(toHex(derive(host, parameters, none, idContext, "IV")), vector.commonIv, vector.id);
		const context = new Context(host, parameters, idContext);
		assert.equal(toHex(context.nonce(senderId, zero)), vector.senderNoncePiv0, vector.id);
		assert.equal(toHex(context.nonce(recipientId, zero)), vector.recipientNoncePiv0, vector.id);
	}
});

test("C.4 to C.8: what is additional, what is sealed, and the option's value", () => {
	for (const vector of vectors.messages) {
		const request = vectors.messages.find(({ id }) => id === vector.requestVector) ?? vector;
		assert.equal(toHex(additionalOf(fromHex(request.kid!), fromHex(request.partialIv!))), vector.aad, vector.id);
		assert.equal(toHex(encodeInside(text, asOutgoing(decode(fromHex(vector.unprotectedMessage))))), vector.plaintext, vector.id);
		const value = {
			partialIV: vector.partialIv === undefined ? undefined : fromHex(vector.partialIv),
			kidContext: vector.kidContext === undefined ? undefined : fromHex(vector.kidContext),
			kid: vector.kid === undefined ? undefined : fromHex(vector.kid),
		};
		assert.equal(toHex(encodeValue(value)), vector.oscoreOption, vector.id);
		assert.deepEqual(decodeValue(text, fromHex(vector.oscoreOption)), value, vector.id);
		if (vector.partialIv !== undefined) assert.equal(decodeNumber(fromHex(vector.partialIv)), vector.senderSequenceNumber, vector.id);
	}
});

for (const vector of vectors.messages.filter(({ kind }) => kind === "request")) {
	test(`${vector.id}: the request is made, and understood`, () => {
		const parameters = contextOf(vector.context), plain = decode(fromHex(vector.unprotectedMessage));
		const { message } = endpoint(parameters, NUMBER).protectRequest(asOutgoing(plain));
		assert.equal(asMessage(message, plain), vector.protectedMessage);
		const server = endpoint(reversed(parameters), 0);
		const opened = server.unprotectRequest(decode(fromHex(vector.protectedMessage)));
		assert.equal(toHex(encode(opened.message!)), vector.unprotectedMessage);
		assert.equal(opened.answer, undefined);
	});
}

for (const vector of vectors.messages.filter(({ kind }) => kind === "response")) {
	test(`${vector.id}: the response is made, and understood`, () => {
		const parameters = contextOf(vector.context), plain = decode(fromHex(vector.unprotectedMessage));
		const request = vectors.messages.find(({ id }) => id === vector.requestVector)!;
		const server = endpoint(parameters, 0);
		const { binding } = server.unprotectRequest(decode(fromHex(request.protectedMessage)));
		const first = vector.partialIv === undefined;
		assert.equal(asMessage(server.protectResponse(asOutgoing(plain), binding!, first), plain), vector.protectedMessage);
		const client = endpoint(reversed(parameters), NUMBER);
		const asked = client.protectRequest(asOutgoing(decode(fromHex(request.unprotectedMessage))));
		const opened = client.unprotectResponse(decode(fromHex(vector.protectedMessage)), asked.binding);
		assert.equal(toHex(encode(opened)), vector.unprotectedMessage);
		assert.ok(!said(opened).includes(` ${OptionNumber.OSCORE}:`));
	});
}
