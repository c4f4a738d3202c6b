// SPDX-License-Identifier: Apache-2.0
/** Two endpoints that understand one another, and nobody else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../../src/base/error.js";
import { Code, OptionNumber } from "../../../src/coap/constants.js";
import type { Message } from "../../../src/coap/message.js";
import type { Outgoing } from "../../../src/coap/messenger.js";
import { findOption, uintOption, type Option } from "../../../src/coap/option.js";
import type { Binding } from "../../../src/coap/security.js";
import { additionalOf, Context } from "../../../src/oscore/context.js";
import { encodeInside, wrap } from "../../../src/oscore/layers.js";
import { encodeNumber, encodeValue } from "../../../src/oscore/option.js";
import { codeOf } from "../failure.js";
import { fromHex, toHex } from "../hex.js";
import { text } from "../text.js";
import { Endpoint, GET, makeHost, makePair, outgoing, passed, PATH, said } from "./rig.js";

const OBSERVE = uintOption(OptionNumber.OBSERVE, 0);
const CONTENT = outgoing(Code.CONTENT, [], "aa");
const NOTIFICATION = outgoing(Code.CONTENT, [uintOption(OptionNumber.OBSERVE, 12)], "bb");

function option(number: number, value = ""): Option {
	return { number, value: fromHex(value) };
}

/** As it arrives, with another value of the OSCORE option. */
function withValue(message: Message, hex: string): Message {
	return { ...message, options: message.options.map((one) => one.number === OptionNumber.OSCORE ? option(one.number, hex) : one) };
}

/** What the peer seals that is no message, or none of that kind: it has the keys, and is wrong. */
function sealedBy({ parameters, storage }: Endpoint, bytes: string, asked: { kid: Uint8Array; partialIV: Uint8Array }): Message {
	const context = new Context(makeHost(storage), parameters, parameters.idContext), partialIV = encodeNumber(1_000);
	const sealed = context.seal(context.nonce(context.senderId, partialIV), additionalOf(asked.kid, asked.partialIV), fromHex(bytes));
	return passed(wrap(CONTENT, encodeValue({ partialIV, kidContext: undefined, kid: context.senderId }), sealed));
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
	const altered = bytes.slice();
	altered[bit >> 3]! ^= 1 << (bit & 7);
	return altered;
}

/** A request, as the server has it. */
function asked({ client, server }: ReturnType<typeof makePair>, request = GET): { binding: Binding; served: Binding } {
	const { message, binding } = client.oscore.protectRequest(request);
	const { binding: served } = server.oscore.unprotectRequest(passed(message));
	return { binding, served: served! };
}

test("options are sealed, but for those that proxies need; Observe is on both sides", () => {
	const { client, server } = makePair();
	const options = [
		option(OptionNumber.IF_MATCH, "01"), option(OptionNumber.URI_HOST, "61"), OBSERVE, option(OptionNumber.URI_PORT, "1633"),
		PATH, option(OptionNumber.MAX_AGE, "05"), option(OptionNumber.HOP_LIMIT, "10"), option(OptionNumber.BLOCK2, "06"),
		option(OptionNumber.BLOCK1, "0e"), option(OptionNumber.PROXY_SCHEME, "636f6170"), option(OptionNumber.SIZE1, "20"),
		option(OptionNumber.ECHO, "abcd"), option(OptionNumber.NO_RESPONSE, "1a"), option(OptionNumber.REQUEST_TAG, "01"), option(2053, "77"),
	];
	const request = outgoing(Code.GET, options, "0102");
	const { message, binding } = client.oscore.protectRequest(request);
	assert.match(said({ ...message, payload: fromHex("") }), /^0\.05 \[3:61 6: 7:1633 9:[0-9a-f]+ 16:10 39:636f6170\] $/);
	const opened = server.oscore.unprotectRequest(passed(message));
	assert.equal(said(opened.message!), said(request));
	const notice = server.oscore.protectResponse(outgoing(Code.CONTENT, [option(OptionNumber.ETAG, "01"), uintOption(OptionNumber.OBSERVE, 12), option(OptionNumber.MAX_AGE, "09")], "03"), opened.binding!, true);
	assert.match(said({ ...notice, payload: fromHex("") }), /^2\.05 \[6:0c 9:\] $/);
	assert.equal(toHex(encodeInside(text, NOTIFICATION)), "4560ffbb", "inside it has no number");
	assert.equal(said(client.oscore.unprotectResponse(passed(notice), binding)), "2.05 [4:01 6:01 14:09] 03");
	const plain = client.oscore.protectRequest(GET);
	assert.match(said(plain.message), /^0\.02 \[9:/);
	const answer = server.oscore.protectResponse(CONTENT, server.oscore.unprotectRequest(passed(plain.message)).binding!, true);
	assert.match(said(answer), /^2\.04 \[9:\]/);
});

test("no message is longer than it was by more than the overhead", () => {
	for (const parameters of [{}, { senderId: fromHex("01020304050607"), idContext: fromHex("00".repeat(32)) }, { renews: true }]) {
		const { client } = makePair(parameters), { overhead } = client.oscore;
		const length = ({ options, payload }: Outgoing): number => options.reduce((sum, { value }) => sum + 3 + value.length, 1 + payload.length);
		for (const request of [GET, outgoing(Code.FETCH, [uintOption(OptionNumber.OBSERVE, 1), PATH], "00".repeat(100))]) {
			assert.ok(length(client.oscore.protectRequest(request).message) <= length(request) + overhead);
		}
	}
});

test("what is protected already, and a Proxy-Uri, are refused", () => {
	const { client } = makePair();
	assert.equal(codeOf(() => client.oscore.protectRequest(outgoing(Code.GET, [option(OptionNumber.OSCORE)]))), "argument");
	assert.equal(codeOf(() => client.oscore.protectRequest(outgoing(Code.GET, [option(OptionNumber.PROXY_URI, "61")]))), "unsupported");
	assert.equal(client.seals.count, 0);
});

test("requests that cannot be understood are answered unprotected, and not to be kept", () => {
	const { client, server } = makePair({ idContext: fromHex("aabb") });
	const arrived = passed(client.oscore.protectRequest(GET).message), value = toHex(findOption(arrived.options, OptionNumber.OSCORE)!.value);
	assert.equal(value, "190002aabb");
	const refusals: [string, Message, string][] = [
		["nothing protected", passed(GET), "4.01 OSCORE only"],
		["an outer block", { ...arrived, options: [...arrived.options, option(OptionNumber.BLOCK1, "08")] }, "4.02 no outer blocks"],
		...["", "e9", "390002aabb", "0e000000000000", "0f00000000000000", "090", "1900", "190002aa", "0100ff"].map((hex): [string, Message, string] => {
			return [`option ${hex}`, withValue(arrived, hex.padEnd(hex.length + hex.length % 2, "0")), "4.02 Failed to decode COSE"];
		}),
		["no number", withValue(arrived, "1802aabb"), "4.02 Failed to decode COSE"],
		["no ID", withValue(arrived, "110002aabb"), "4.02 Failed to decode COSE"],
		["another ID", withValue(arrived, "190002aabb07"), "4.01 Security context not found"],
		["another ID context", withValue(arrived, "190002aabc"), "4.01 Security context not found"],
		["another number", withValue(arrived, "190102aabb"), "4.00 Decryption failed"],
		["no payload", { ...arrived, payload: fromHex("") }, "4.00 Decryption failed"],
	];
	for (const [what, message, expected] of refusals.filter(([what]) => what !== "option 090")) {
		const { message: opened, binding, answer } = server.oscore.unprotectRequest(message);
		assert.equal(opened ?? binding, undefined, what);
		const { code, options, payload, token } = answer!;
		assert.equal(`${code >> 5}.0${code & 31} ${String.fromCharCode(...payload)}`, expected, what);
		assert.deepEqual(options, [option(OptionNumber.MAX_AGE)], what);
		assert.equal(toHex(token), "01", what);
	}
	assert.ok(server.oscore.unprotectRequest(arrived).message !== undefined, "after all that it is still good");
	assert.equal(server.seals.count, 1, "nothing was sealed for it");
});

test("a request or response that was altered in any bit is refused", () => {
	const pair = makePair(), { client, server } = pair;
	const { message, binding } = client.oscore.protectRequest(GET), arrived = passed(message);
	const value = findOption(arrived.options, OptionNumber.OSCORE)!.value;
	for (let bit = 0; bit < 8 * arrived.payload.length; bit++) {
		const { message: opened, answer } = server.oscore.unprotectRequest({ ...arrived, payload: flipped(arrived.payload, bit) });
		assert.equal(opened, undefined, `payload, bit ${bit}`);
		assert.equal(answer!.code, Code.BAD_REQUEST, `payload, bit ${bit}`);
	}
	for (let bit = 0; bit < 8 * value.length; bit++) {
		assert.equal(server.oscore.unprotectRequest(withValue(arrived, toHex(flipped(value, bit)))).message, undefined, `option, bit ${bit}`);
	}
	const { binding: served } = server.oscore.unprotectRequest(arrived);
	for (const first of [true, false]) {
		const response = passed(server.oscore.protectResponse(CONTENT, served!, first));
		for (let bit = 0; bit < 8 * response.payload.length; bit++) {
			assert.equal(codeOf(() => client.oscore.unprotectResponse({ ...response, payload: flipped(response.payload, bit) }, binding)), "signature");
		}
	}
	const numbered = passed(server.oscore.protectResponse(CONTENT, served!, false));
	for (const hex of ["", "0102", "010000", "0200ff", "07", "0100ff"]) {
		assert.notEqual(codeOf(() => client.oscore.unprotectResponse(withValue(numbered, hex), binding)), "nothing", hex);
	}
	assert.equal(said(client.oscore.unprotectResponse(numbered, binding)), said(CONTENT));
});

test("a response is taken for its own request alone, and once", () => {
	const pair = makePair(), { client, server } = pair;
	const one = asked(pair), other = asked(pair);
	for (const first of [true, false]) {
		const response = passed(server.oscore.protectResponse(CONTENT, one.served, first));
		assert.equal(codeOf(() => client.oscore.unprotectResponse(response, other.binding)), "signature");
	}
	const response = passed(server.oscore.protectResponse(CONTENT, other.served, true));
	client.oscore.unprotectResponse(response, other.binding);
	assert.equal(codeOf(() => client.oscore.unprotectResponse(response, other.binding)), "violation");
	const second = server.oscore.protectResponse(CONTENT, other.served, true);
	assert.match(said(second), /^2\.04 \[9:01/, "a second first one has a number of its own");
	assert.equal(codeOf(() => client.oscore.unprotectResponse(passed(second), other.binding)), "violation");
});

test("a request that came before is refused, as is one that is too old to be known", () => {
	const { client, server } = makePair();
	const sent = Array.from({ length: 70 }, () => passed(client.oscore.protectRequest(GET).message));
	const isTaken = (index: number): boolean => {
		const { message, answer } = server.oscore.unprotectRequest(sent[index]!);
		if (message === undefined) assert.equal(answer!.code, Code.UNAUTHORIZED);
		return message !== undefined;
	};
	const steps: [number, boolean][] = [
		[0, true], [0, false], [2, true], [1, true], [1, false], [2, false], [33, true], [2, false], [1, false], [3, true], [3, false],
		[32, true], [34, true], [35, true], [3, false], [4, true], [4, false], [69, true], [37, false], [38, true], [38, false], [36, false], [68, true], [67, true], [66, true],
	];
	for (const [step, [index, expected]] of steps.entries()) assert.equal(isTaken(index), expected, `step ${step}: number ${index}`);
});

test("an altered request does not use up the number of the true one", () => {
	const { client, server } = makePair();
	const arrived = passed(client.oscore.protectRequest(GET).message);
	server.oscore.unprotectRequest({ ...arrived, payload: flipped(arrived.payload, 0) });
	assert.ok(server.oscore.unprotectRequest(arrived).message !== undefined);
});

test("notifications come with rising numbers: none is taken after a newer one, or twice", () => {
	const pair = makePair(), { client, server } = pair;
	const { binding, served } = asked(pair, outgoing(Code.GET, [OBSERVE, PATH]));
	const notify = (first: boolean): Message => passed(server.oscore.protectResponse(NOTIFICATION, served, first));
	const take = (message: Message): string => codeOf(() => {
		const { options } = client.oscore.unprotectResponse(message, binding);
		seen.push(findOption(options, OptionNumber.OBSERVE)!.value.at(-1)!);
	});
	const seen: number[] = [];
	const notices = [true, false, false, false, false].map(notify);
	assert.deepEqual([0, 0, 2, 1, 0, 2, 3].map((index) => take(notices[index]!)), ["nothing", "violation", "nothing", "violation", "violation", "violation", "nothing"]);
	assert.deepEqual(seen, [1, 2, 3]);
	const error = passed(server.oscore.protectResponse(outgoing(Code.NOT_FOUND, []), served, false));
	assert.equal(said(client.oscore.unprotectResponse(error, binding)), "4.04 [] ");
	assert.equal(take(notices[4]!), "violation", "older than the end");
});

test("the first notification may come late, but not after others", () => {
	const pair = makePair(), { client, server } = pair;
	const { binding, served } = asked(pair, outgoing(Code.GET, [OBSERVE, PATH]));
	const first = passed(server.oscore.protectResponse(NOTIFICATION, served, true)), second = passed(server.oscore.protectResponse(NOTIFICATION, served, false));
	client.oscore.unprotectResponse(second, binding);
	assert.equal(codeOf(() => client.oscore.unprotectResponse(first, binding)), "violation");
});

test("notifications that nobody asked for are refused", () => {
	for (const request of [GET, outgoing(Code.GET, [uintOption(OptionNumber.OBSERVE, 1), PATH])]) {
		const pair = makePair(), { client, server } = pair;
		const { binding, served } = asked(pair, request);
		assert.equal(codeOf(() => client.oscore.unprotectResponse(passed(server.oscore.protectResponse(NOTIFICATION, served, true)), binding)), "violation");
	}
});

test("what stands outside of a response counts for nothing", () => {
	const pair = makePair(), { client, server } = pair;
	const { binding, served } = asked(pair);
	const response = passed(server.oscore.protectResponse(CONTENT, served, true));
	const options = [option(OptionNumber.ETAG, "ee"), option(OptionNumber.OBSERVE, "05"), ...response.options, option(OptionNumber.MAX_AGE, "99"), option(OptionNumber.ECHO, "01")];
	assert.equal(said(client.oscore.unprotectResponse({ ...response, code: Code.NOT_FOUND, options }, binding)), said(CONTENT));
});

test("what stands outside of a request counts for nothing, but for what belongs there", () => {
	const { client, server } = makePair();
	const arrived = passed(client.oscore.protectRequest(outgoing(Code.DELETE)).message);
	const options = [option(OptionNumber.IF_MATCH, "ee"), option(OptionNumber.URI_HOST, "61"), option(OptionNumber.OBSERVE), ...arrived.options, option(OptionNumber.NO_RESPONSE, "1a")];
	assert.equal(said(server.oscore.unprotectRequest({ ...arrived, code: Code.FETCH, options }).message!), "0.04 [3:61 11:747631] ");
});

test("an unprotected error counts for its code alone, and only before a protected response", () => {
	const pair = makePair(), { client, server } = pair;
	const { binding, served } = asked(pair, outgoing(Code.GET, [OBSERVE, PATH]));
	const error = passed(outgoing(Code.UNAUTHORIZED, [option(OptionNumber.MAX_AGE), option(OptionNumber.ECHO, "0102")], "6e6f"));
	assert.equal(said(client.oscore.unprotectResponse(error, binding)), "4.01 [] ");
	assert.equal(codeOf(() => client.oscore.unprotectResponse(passed(CONTENT), binding)), "signature");
	client.oscore.unprotectResponse(passed(server.oscore.protectResponse(NOTIFICATION, served, true)), binding);
	assert.equal(codeOf(() => client.oscore.unprotectResponse(error, binding)), "signature");
});

test("after a reset the first request is to be made again with what is to be echoed; none from before counts", () => {
	const pair = makePair(), { client, server } = pair;
	const before = Array.from({ length: 3 }, () => passed(client.oscore.protectRequest(GET).message));
	for (const each of before.slice(0, 2)) server.oscore.unprotectRequest(each);
	server.reboot();
	const isChallenged = (message: Message): Outgoing => {
		const { message: opened, binding, answer } = server.oscore.unprotectRequest(message);
		assert.equal(opened ?? binding, undefined);
		return answer!;
	};
	for (const each of before) isChallenged(each);
	const { message, binding } = client.oscore.protectRequest(GET), challenge = isChallenged(passed(message));
	assert.match(said(challenge), /^2\.04 \[9:01/, "sealed, with a number of the server's own");
	const echo = findOption(client.oscore.unprotectResponse(passed(challenge), binding).options, OptionNumber.ECHO)!;
	assert.equal(echo.value.length, 8);
	isChallenged(passed(client.oscore.protectRequest(outgoing(Code.GET, [PATH, { ...echo, value: flipped(echo.value, 3) }])).message));
	const late = passed(client.oscore.protectRequest(GET).message);
	const again = passed(client.oscore.protectRequest(outgoing(Code.GET, [PATH, echo])).message);
	assert.ok(server.oscore.unprotectRequest(again).message !== undefined);
	for (const each of [...before, passed(message), late, again]) assert.equal(server.oscore.unprotectRequest(each).answer!.code, Code.UNAUTHORIZED);
	assert.ok(server.oscore.unprotectRequest(passed(client.oscore.protectRequest(GET).message)).message !== undefined);
	// The next life wants another.
	server.reboot();
	isChallenged(passed(client.oscore.protectRequest(outgoing(Code.GET, [PATH, echo])).message));
});

test("numbers go on after a reset, by the block, and are written before they are used", () => {
	const { client } = makePair(), used: number[] = [];
	const take = (): void => { used.push(Number.parseInt(toHex(findOption(client.oscore.protectRequest(GET).message.options, OptionNumber.OSCORE)!.value).slice(2), 16)); };
	for (let index = 0; index < 65; index++) take();
	assert.equal(client.storage.writes, 2);
	client.reboot();
	take();
	client.reboot();
	client.reboot();
	take();
	assert.deepEqual(used.slice(-3), [64, 128, 192]);
	assert.equal(client.storage.opened, 0, "domains left open");
});

test("two who share a context in one program share no number", () => {
	const { client } = makePair(), first = client.oscore;
	for (let index = 0; index < 10; index++) first.protectRequest(GET);
	client.reboot();
	// The rig fails when a nonce is used again.
	for (let index = 0; index < 200; index++) [first, client.oscore][index % 2]!.protectRequest(GET);
	assert.equal(client.seals.count, 210);
});

test("when numbers cannot be kept nothing is sealed", () => {
	const pair = makePair(), { client, server } = pair;
	const request = passed(client.oscore.protectRequest(GET).message);
	server.storage.fault = client.storage.fault = new DeviceError("storage", "worn out");
	for (let index = 1; index < 64; index++) client.oscore.protectRequest(GET);
	assert.equal(codeOf(() => client.oscore.protectRequest(GET)), "storage");
	assert.equal(server.oscore.unprotectRequest(request).answer!.code, Code.SERVICE_UNAVAILABLE);
	server.storage.fault = client.storage.fault = undefined;
	client.oscore.protectRequest(GET);
	assert.ok(server.oscore.unprotectRequest(request).message !== undefined, "it was not taken");
	assert.equal(client.seals.count, 65);
});

test("used up numbers and damaged records are told", () => {
	const { client } = makePair();
	client.storage.values.set("oscore/numbers", fromHex("0100ffffffffff"));
	client.oscore.protectRequest(GET);
	assert.equal(codeOf(() => client.oscore.protectRequest(GET)), "credential");
	client.reboot();
	assert.equal(codeOf(() => client.oscore.protectRequest(GET)), "credential");
	for (const hex of ["", "01", "010000000000", "00000000000000", "0200000000000000", "0100000000000000", "01010000000001"]) {
		client.storage.values.set("oscore/numbers", fromHex(hex));
		client.reboot();
		assert.equal(codeOf(() => client.oscore.protectRequest(GET)), "corrupt", hex);
	}
});

test("an endpoint with another secret, or with the same role, understands nothing", () => {
	const { client } = makePair(), { message, binding } = client.oscore.protectRequest(GET);
	const stranger = new Endpoint({ ...makePair().server.parameters, masterSecret: new Uint8Array(16) }, 5);
	assert.equal(stranger.oscore.unprotectRequest(passed(message)).answer!.code, Code.BAD_REQUEST);
	assert.equal(client.oscore.unprotectRequest(passed(message)).answer!.code, Code.UNAUTHORIZED);
	assert.equal(codeOf(() => client.oscore.unprotectResponse(passed(message), binding)), "signature");
});

test("what the peer seals by mistake is refused: responses as requests, requests as responses, and what is no message", () => {
	const { client, server } = makePair(), { binding } = client.oscore.protectRequest(GET);
	const request = { kid: server.parameters.recipientId, partialIV: fromHex("00") };
	for (const bytes of ["", "01", "01ff", "45fb", "4590ffaa", "e1", "00"]) {
		assert.equal(codeOf(() => client.oscore.unprotectResponse(sealedBy(server, bytes, request), binding)), "malformed", bytes);
	}
	assert.equal(said(client.oscore.unprotectResponse(sealedBy(server, "84", request), binding)), "4.04 [] ");
	const own = { kid: client.parameters.senderId, partialIV: encodeNumber(1_000) };
	for (const bytes of ["", "45", "01ff", "01fb", "019001", "e2"]) {
		const message = { ...sealedBy(client, bytes, own), code: Code.POST };
		assert.equal(server.oscore.unprotectRequest(message).answer!.code, Code.BAD_REQUEST, bytes);
	}
	assert.equal(said(server.oscore.unprotectRequest({ ...sealedBy(client, "01", own), code: Code.POST }).message!), "0.01 [] ");
});
