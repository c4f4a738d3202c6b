// SPDX-License-Identifier: Apache-2.0
/** Contexts that both agree on anew, whoever has lost what. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, OptionNumber } from "../../../src/coap/constants.js";
import type { Message } from "../../../src/coap/message.js";
import type { Outgoing } from "../../../src/coap/messenger.js";
import { findOption, type Option } from "../../../src/coap/option.js";
import { NUMBER_BLOCK } from "../../../src/oscore/numbers.js";
import { byteString, joined } from "../../../src/oscore/bytes.js";
import { Renewal, unwrapPart } from "../../../src/oscore/renewal.js";
import { additionalOf, Context } from "../../../src/oscore/context.js";
import { wrap } from "../../../src/oscore/layers.js";
import { decodeValue, encodeNumber, encodeValue } from "../../../src/oscore/option.js";
import { codeOf } from "../failure.js";
import { fromHex, toHex } from "../hex.js";
import { text } from "../text.js";
import { makeHost, makePair, MemoryStorage, outgoing, passed, PATH, said, type Endpoint } from "./rig.js";

const CONTENT = outgoing(Code.CONTENT, [], "aa");
const ROUNDS = 4;

interface Asked { rounds: number; sent: Message[]; answers: Message[] }

/** Asks until the request is served, as `requests.ts` does. */
function ask({ client, server }: { client: Endpoint; server: Endpoint }): Asked {
	const sent: Message[] = [], answers: Message[] = [];
	let options: readonly Option[] = [PATH];
	for (let rounds = 1; rounds <= ROUNDS; rounds++) {
		const { message, binding } = client.oscore.protectRequest(outgoing(Code.GET, options));
		sent.push(passed(message));
		const { message: opened, binding: served, answer } = server.oscore.unprotectRequest(sent.at(-1)!);
		answers.push(passed(answer ?? server.oscore.protectResponse(CONTENT, served!, true)));
		const response = client.oscore.unprotectResponse(answers.at(-1)!, binding);
		if (opened !== undefined) {
			assert.equal(said(response), said(CONTENT));
			return { rounds, sent, answers };
		}
		const echo = findOption(response.options, OptionNumber.ECHO);
		assert.ok(response.code === Code.UNAUTHORIZED && echo !== undefined, said(response));
		options = [PATH, echo];
	}
	return assert.fail(`not served in ${ROUNDS} rounds`);
}

function kidContext({ options }: Pick<Outgoing, "options">): string {
	return toHex(findOption(options, OptionNumber.OSCORE)!.value);
}

test("parts of an ID context are wrapped as CBOR has them", () => {
	for (const length of [8, 16, 23, 24, 46]) {
		const part = new Uint8Array(length).fill(7), wrapped = byteString(part);
		assert.equal(toHex(wrapped), (length < 24 ? (0x40 + length).toString(16) : `58${length.toString(16)}`) + "07".repeat(length));
		assert.deepEqual(unwrapPart(wrapped), part);
	}
	for (const hex of ["", "40", "4700000000000000", "48000000", "470000000000000000", "60", "58080000000000000000", `582f${"00".repeat(47)}`]) {
		assert.equal(unwrapPart(fromHex(hex)), undefined, hex);
	}
});

test("an offer is known again until a run is over, and nobody else's is", () => {
	const renewal = new Renewal(makeHost(new MemoryStorage())), third = new Uint8Array(8);
	assert.equal(renewal.isOffered(new Uint8Array(24)), false, "none was made");
	const [one, other] = [renewal.offer(), renewal.offer()];
	assert.notDeepEqual(one, other);
	for (const offer of [one, other]) assert.ok(renewal.isOffered(joined(offer, third)));
	assert.equal(renewal.isOffered(one), false, "without anything of the client's");
	for (let bit = 0; bit < 128; bit++) {
		const altered = joined(one, third);
		altered[bit >> 3]! ^= 1 << (bit & 7);
		assert.equal(renewal.isOffered(altered), false, `bit ${bit}`);
	}
	renewal.end();
	assert.equal(renewal.isOffered(joined(one, third)), false);
});

test("the first request makes a context of randomness of both, which then stays", () => {
	const pair = makePair({ renews: true });
	assert.equal(ask(pair).rounds, 2);
	assert.equal(ask(pair).rounds, 1);
	assert.deepEqual(pair.client.storage.values.get("oscore/numbers")!.slice(7), pair.server.storage.values.get("oscore/numbers")!.slice(7));
	for (let index = 0; index < 2 * NUMBER_BLOCK; index++) ask(pair);
	pair.client.reboot();
	assert.equal(ask(pair).rounds, 1, "the client has kept it");
	pair.server.reboot();
	assert.equal(ask(pair).rounds, 2, "the server has kept it, but does not know what came before");
	assert.equal(ask(pair).rounds, 1);
});

test("whoever has lost all that was kept gets a new one, and the old one is over", () => {
	for (const loser of ["client", "server"] as const) {
		const pair = makePair({ renews: true });
		const { sent } = ask(pair);
		pair[loser].storage.values.clear();
		pair[loser].reboot();
		assert.equal(ask(pair).rounds, 2, loser);
		const { message, answer } = pair.server.oscore.unprotectRequest(sent[1]!);
		assert.equal(message, undefined);
		assert.equal(answer!.code, Code.CHANGED, "an offer, which means nothing to anybody");
		assert.equal(ask(pair).rounds, 1, loser);
	}
});

test("requests under way when the context is lost are all asked again, under one new context", () => {
	const { client, server } = makePair({ renews: true });
	const requests = [1, 2, 3].map(() => client.oscore.protectRequest(outgoing(Code.GET)));
	const answers = requests.map(({ message }) => server.oscore.unprotectRequest(passed(message)).answer!);
	assert.equal(new Set(answers.map(kidContext)).size, 3, "offers are never the same");
	const late = client.oscore.protectRequest(outgoing(Code.GET)), lateAnswer = server.oscore.unprotectRequest(passed(late.message)).answer!;
	const again = requests.map(({ binding }, index) => client.oscore.unprotectResponse(passed(answers[index]!), binding));
	assert.deepEqual(again.map(said), Array(3).fill("4.01 [252:] "));
	for (let index = 0; index < 3; index++) {
		if (index === 2) client.oscore.unprotectResponse(passed(lateAnswer), late.binding);
		const { message } = client.oscore.protectRequest(outgoing(Code.GET, [PATH, ...again[0]!.options]));
		assert.equal(said(server.oscore.unprotectRequest(passed(message)).message!), said(outgoing(Code.GET)));
	}
});

test("the client that loses its power in a run goes on with what it kept", () => {
	const pair = makePair({ renews: true }), { client, server } = pair;
	const { message, binding } = client.oscore.protectRequest(outgoing(Code.GET));
	client.oscore.unprotectResponse(passed(server.oscore.unprotectRequest(passed(message)).answer!), binding);
	client.reboot();
	assert.equal(ask(pair).rounds, 1, "the offer still counts");
	client.storage.values.clear();
	client.reboot();
	client.oscore.protectRequest(outgoing(Code.GET));
	client.reboot();
	assert.equal(ask(pair).rounds, 2);
});

test("a request of a run that came before is not served again", () => {
	const pair = makePair({ renews: true }), { client, server } = pair;
	const { sent, answers } = ask(pair);
	assert.equal(server.oscore.unprotectRequest(sent[1]!).answer!.code, Code.UNAUTHORIZED, "replay");
	server.reboot();
	assert.equal(server.oscore.unprotectRequest(sent[1]!).message, undefined, "replay after a reset");
	const { binding } = client.oscore.protectRequest(outgoing(Code.GET));
	for (const answer of answers) assert.notEqual(codeOf(() => client.oscore.unprotectResponse(answer, binding)), "nothing");
});

test("an offer that was altered, or answers another request, is refused", () => {
	const { client, server } = makePair({ renews: true });
	const one = client.oscore.protectRequest(outgoing(Code.GET)), other = client.oscore.protectRequest(outgoing(Code.GET));
	const answer = passed(server.oscore.unprotectRequest(passed(one.message)).answer!);
	assert.equal(codeOf(() => client.oscore.unprotectResponse(answer, other.binding)), "signature");
	const place = answer.options.findIndex(({ number }) => number === OptionNumber.OSCORE), { number, value } = answer.options[place]!;
	for (let bit = 0; bit < 8 * value.length; bit++) {
		const altered = value.slice();
		altered[bit >> 3]! ^= 1 << (bit & 7);
		const code = codeOf(() => client.oscore.unprotectResponse({ ...answer, options: [{ number, value: altered }] }, one.binding));
		// An ID of the server's that nobody needs: not part of what is sealed.
		if (bit !== 3) assert.notEqual(code, "nothing", `bit ${bit}`);
	}
});

test("who does not renew takes no offer, and makes none", () => {
	const { client } = makePair({ renews: true }), { server, client: other } = makePair({ idContext: fromHex("0102030405060708") });
	assert.equal(server.oscore.unprotectRequest(passed(client.oscore.protectRequest(outgoing(Code.GET)).message)).answer!.code, Code.UNAUTHORIZED);
	assert.equal(said(server.oscore.unprotectRequest(passed(other.oscore.protectRequest(outgoing(Code.GET)).message)).message!), said(outgoing(Code.GET)));
});

test("once it is agreed on, the ID context may be named as it is, or not at all", () => {
	const pair = makePair({ renews: true }), { client, server } = pair;
	ask(pair);
	for (const isNamed of [true, false]) {
		const { message } = client.oscore.protectRequest(outgoing(Code.GET)), arrived = passed(message);
		const options = arrived.options.map(({ number, value }) => {
			const { partialIV, kidContext, kid } = decodeValue(text, value);
			return { number, value: encodeValue({ partialIV, kidContext: isNamed ? unwrapPart(kidContext!) : undefined, kid }) };
		});
		assert.equal(said(server.oscore.unprotectRequest({ ...arrived, options }).message!), said(outgoing(Code.GET)));
	}
});

test("under the context of an offer nothing but 4.01 is taken", () => {
	const { client, server } = makePair({ renews: true });
	const { message, binding } = client.oscore.protectRequest(outgoing(Code.GET)), offer = new Uint8Array(8).fill(7);
	const { partialIV, kidContext } = decodeValue(text, findOption(message.options, OptionNumber.OSCORE)!.value);
	const { parameters, storage } = server, second = new Context(makeHost(storage), parameters, joined(offer, unwrapPart(kidContext!)!));
	const answerWith = (code: number): Message => {
		const own = encodeNumber(code), value = encodeValue({ partialIV: own, kidContext: byteString(offer), kid: undefined });
		const sealed = second.seal(second.nonce(second.senderId, own), additionalOf(parameters.recipientId, partialIV!), Uint8Array.of(code));
		return passed(wrap(CONTENT, value, sealed));
	};
	assert.equal(codeOf(() => client.oscore.unprotectResponse(answerWith(Code.CONTENT), binding)), "violation");
	assert.equal(said(client.oscore.unprotectResponse(answerWith(Code.UNAUTHORIZED), binding)), "4.01 [252:] ");
});

test("a server that knows nothing of the context any more is asked from the beginning", () => {
	const pair = makePair({ renews: true }), { client } = pair;
	ask(pair);
	const kept = client.storage.values.get("oscore/numbers");
	const requests = [1, 2].map(() => client.oscore.protectRequest(outgoing(Code.GET)));
	const lost = passed(outgoing(Code.UNAUTHORIZED, [], "6c6f7374"));
	const heard = requests.map(({ binding }) => said(client.oscore.unprotectResponse(lost, binding)));
	assert.deepEqual(heard, ["4.01 [] ", "4.01 [] "]);
	const next = [1, 2].map(() => kidContext(client.oscore.protectRequest(outgoing(Code.GET)).message).slice(4));
	assert.equal(next[0], next[1], "one new beginning for all");
	assert.notEqual(next[0], kidContext(requests[0]!.message).slice(4));
	assert.equal(client.storage.values.get("oscore/numbers"), kept, "anybody may have said so");
	assert.equal(ask(pair).rounds, 2);
	const { binding } = client.oscore.protectRequest(outgoing(Code.GET));
	assert.equal(said(client.oscore.unprotectResponse(passed(outgoing(Code.FORBIDDEN, [])), binding)), "4.03 [] ");
});
