// SPDX-License-Identifier: Apache-2.0
/** The messenger of streams against a scripted peer, rule by rule (RFC 8323 §3.3, §3.4, §4, §5). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, MESSAGE_MAXIMUM } from "../../../src/coap/constants.js";
import { CUSTODY_MAXIMUM } from "../../../src/coap/custody.js";
import { QUEUE_LENGTH, QUEUE_MAXIMUM, SIGNAL_MAXIMUM } from "../../../src/coap/departures.js";
import type { Form } from "../../../src/coap/frame.js";
import { MessengerEvent, type Outgoing } from "../../../src/coap/messenger.js";
import { Reliable, RELEASE_TIME, SIGNAL_TIMEOUT, type ReliableOptions } from "../../../src/coap/reliable.js";
import { codeOf } from "../failure.js";
import { fromHex, toHex } from "../hex.js";
import { text } from "../text.js";
import { framed, marked, message, shown, unframed, type Shown } from "./encoding.js";

const NAMES = Object.fromEntries(Object.entries(MessengerEvent).map(([name, value]) => [value, name]));
const { CSM, PING, PONG, RELEASE, ABORT, GET, CONTENT } = Code;
/** As text in hexadecimal. */
function hex(value: string): string {
	return toHex(Uint8Array.from(value, character => character.charCodeAt(0)));
}

function outgoing(parts: Partial<Shown>): Outgoing {
	return { ...message(parts), confirmable: true };
}

class Peer {
	readonly messenger: Reliable;
	readonly form: Form;
	now = 1_000;
	readonly #target = new Uint8Array(100_000);

	constructor(options: Partial<ReliableOptions> = {}, met = true) {
		this.form = options.form ?? "stream";
		this.messenger = new Reliable(text, { form: this.form, ...options }, this.now);
		if (!met) return;
		this.taken();
		assert.deepEqual(this.says({ code: CSM }), ["READY"]);
	}

	/** Sends messages, in one piece. @returns what the messenger tells */
	says(...contents: Partial<Shown>[]): string[] {
		return this.sends(contents.map(content => toHex(this.#bytes(content))).join(""));
	}

	sends(bytes: string): string[] {
		const whole = fromHex(bytes);
		this.messenger.receive(whole, 0, whole.byteLength, this.now);
		const events = this.events();
		whole.fill(0xee);
		return events;
	}

	#bytes(content: Partial<Shown>): Uint8Array {
		const bytes = framed(this.form, message(content));
		return this.form === "stream" ? bytes : marked(bytes);
	}

	events(): string[] {
		const events: string[] = [];
		for (let news = this.messenger.next(); news !== undefined; news = this.messenger.next()) {
			const { type, handle, message: came, exchange, error } = news;
			events.push([NAMES[type], handle || "", came === undefined ? "" : `${came.code} ${toHex(came.token)} ${toHex(came.payload)}`,
				exchange || "", error?.code ?? "", error?.detail ?? ""].filter(part => part !== "").join(" "));
		}
		return events;
	}

	expires(now: number): string[] {
		this.now = now;
		this.messenger.expire(now);
		return this.events();
	}

	/** All that the messenger sent. */
	taken(): Shown[] {
		const { messenger } = this;
		let bytes = "";
		while (messenger.unsent) {
			const count = messenger.transmit(this.#target, this.#target.byteLength);
			assert.ok(count > 0);
			const piece = this.#target.slice(0, count);
			bytes += toHex(this.form === "stream" ? piece : marked(piece));
		}
		assert.equal(messenger.transmit(this.#target, 100), 0);
		return unframed(this.form, fromHex(bytes));
	}

	/** The error that ends the connection, by its message. */
	end(...contents: Partial<Shown>[]): string {
		for (const content of contents) {
			const bytes = this.#bytes(content);
			this.messenger.receive(bytes, 0, bytes.byteLength, this.now);
			for (let news = this.messenger.next(); news !== undefined; news = this.messenger.next()) {
				if (news.type === MessengerEvent.CLOSED) return news.error!.message;
			}
		}
		return "";
	}
}

/** The Abort that was sent: its option, and that it says why. */
function abortOf(messages: Shown[]): string {
	assert.equal(messages.length, 1);
	const { code, options, payload } = messages[0]!, reason = fromHex(payload);
	assert.equal(code, ABORT);
	assert.match(text.decode(reason, 0, reason.length), /\w \w+ \w/);
	return options.map(([number, value]) => `${number}: ${value}`).join();
}

test("the first message is a CSM with what is taken, and that blocks are known (§3.3, §5.3)", () => {
	for (const form of ["stream", "websocket"] as const) {
		const { messenger } = new Peer({ form, messageMaximum: 4_096 }, false), bytes = new Uint8Array(100);
		const count = messenger.transmit(bytes, 100);
		assert.equal(toHex(bytes, 0, count), form === "stream" ? "40e122100020" : "00e122100020");
	}
	assert.deepEqual(new Peer({}, false).taken(), [shown(message({ code: CSM, options: [[2, "0480"], [4, ""]] }))]);
});

test("less than everybody may send is not taken (§5.3.1)", () => {
	assert.equal(codeOf(() => new Peer({ messageMaximum: 1_151 })), "argument");
});

test("READY comes with the peer's CSM, once (§3.3)", () => {
	const peer = new Peer({}, false);
	assert.ok(peer.messenger.reliable);
	assert.deepEqual(peer.says({ code: CSM }, { code: CSM }), ["READY"]);
	assert.equal(peer.messenger.deadline, Infinity);
});

test("requests may go before the peer's CSM has come, within what everybody takes (§3.3)", () => {
	const peer = new Peer({}, false);
	assert.equal(peer.messenger.messageMaximum, MESSAGE_MAXIMUM);
	assert.equal(peer.messenger.send(outgoing({ code: GET, token: "01" })), 1);
	assert.deepEqual(peer.taken().map(({ code }) => code), [CSM, GET]);
});

test("a first message that is no CSM ends the connection with an Abort (§3.3)", () => {
	for (const code of [GET, CONTENT, PING, RELEASE]) {
		const peer = new Peer({}, false);
		peer.taken();
		assert.deepEqual(peer.says({ code }), ["CLOSED violation"]);
		assert.equal(abortOf(peer.taken()), "");
		assert.deepEqual(peer.says({ code: CSM }), []);
	}
});

test("a CSM that does not come in time ends the connection with an Abort (§3.3)", () => {
	const peer = new Peer({}, false);
	peer.taken();
	assert.equal(peer.messenger.deadline, peer.now + SIGNAL_TIMEOUT);
	assert.deepEqual(peer.expires(peer.now + SIGNAL_TIMEOUT - 1), []);
	assert.deepEqual(peer.expires(peer.now + 1), ["CLOSED timeout"]);
	assert.equal(abortOf(peer.taken()), "");
	assert.equal(peer.messenger.deadline, Infinity);
});

test("Empty messages are ignored at any time (§3.4)", () => {
	const peer = new Peer({}, false);
	assert.deepEqual(peer.says({ code: 0 }, { code: CSM }, { code: 0 }, { code: 0, token: "aa", payload: "01" }), ["READY"]);
	assert.equal(peer.messenger.unsent, true, "our own CSM");
});

test("Max-Message-Size and Block-Wise-Transfer add up over CSMs (§5.3, §5.3.1, §5.3.2)", () => {
	const peer = new Peer(), { messenger } = peer;
	const granted = () => [messenger.messageMaximum, messenger.blockwise];
	assert.deepEqual(granted(), [1_152, false]);
	peer.says({ code: CSM, options: [[2, "2000"]] });
	assert.deepEqual(granted(), [8_192, false]);
	peer.says({ code: CSM, options: [[4, ""]] });
	assert.deepEqual(granted(), [8_192, true]);
	peer.says({ code: CSM, options: [[2, "0480"]] });
	assert.deepEqual(granted(), [1_152, false], "no BERT without larger messages");
	peer.says({ code: CSM, options: [[2, "0481"]] }, { code: CSM });
	assert.deepEqual(granted(), [1_153, true]);
	peer.says({ code: CSM, options: [[2, "10"], [2, "20"]] });
	assert.deepEqual(granted(), [16, false], "the first of several (RFC 7252 §5.4.5)");
});

test("what is longer than the peer takes is refused, and so is what there is no room for at once", () => {
	const peer = new Peer(), { messenger } = peer;
	// Len, its extension of two bytes, code, and the marker.
	const fits = outgoing({ code: GET, payload: "aa".repeat(1_152 - 5) });
	assert.equal(messenger.send(fits), 1);
	assert.equal(codeOf(() => messenger.send({ ...fits, token: fromHex("01") })), "too-large");
	assert.equal(codeOf(() => messenger.respond(1, { ...fits, token: fromHex("01") })), "too-large");
	peer.says({ code: CSM, options: [[2, "2000"]] });
	assert.equal(messenger.send({ ...fits, token: fromHex("01") }), 2);
	const narrow = new Peer({ form: "websocket", sendMaximum: 2_000 });
	narrow.says({ code: CSM, options: [[2, "2000"], [4, ""]] });
	assert.deepEqual([narrow.messenger.messageMaximum, narrow.messenger.blockwise], [2_000, true]);
});

test("an option that is critical and not known ends the connection: of a CSM with Bad-CSM-Option (§5.2, §5.6)", () => {
	for (const code of [CSM, PING, PONG, RELEASE, ABORT, 0xe6]) {
		const peer = new Peer();
		assert.deepEqual(peer.says({ code, options: [[2, ""], [0x123, "01"]] }), ["CLOSED violation"]);
		assert.equal(abortOf(peer.taken()), code === CSM ? "2: 0123" : "");
	}
	const peer = new Peer({}, false);
	peer.taken();
	assert.deepEqual(peer.says({ code: CSM, options: [[1, ""]] }), ["CLOSED violation"]);
	assert.equal(abortOf(peer.taken()), "2: 01");
});

test("a Max-Message-Size that is no number of 32 bits ends the connection with Bad-CSM-Option (§5.6)", () => {
	const peer = new Peer();
	assert.deepEqual(peer.says({ code: CSM, options: [[2, "0100000000"]] }), ["CLOSED malformed"]);
	assert.equal(abortOf(peer.taken()), "2: 02");
});

test("elective options and signals that are not known are ignored (§5.2)", () => {
	const peer = new Peer();
	for (const code of [CSM, PONG, 0xe0, 0xe6, 0xff]) assert.deepEqual(peer.says({ code, options: [[6, "aa"], [100, ""]], payload: "01" }), []);
	assert.deepEqual(peer.taken(), []);
});

test("codes of reserved classes are ignored", () => {
	const peer = new Peer();
	assert.deepEqual(peer.says({ code: 0x20 }, { code: 0x3f }, { code: 0xc0 }, { code: 0xdf }), []);
	assert.deepEqual(peer.taken(), []);
});

test("requests and responses are handed on, requests with what answers them", () => {
	const peer = new Peer(), { messenger } = peer;
	assert.deepEqual(peer.says({ code: GET, token: "01" }, { code: CONTENT, token: "02", payload: "03" }, { code: GET, token: "04" }),
		["MESSAGE 1 01  1", "MESSAGE 69 02 03", "MESSAGE 1 04  2"]);
	assert.equal(messenger.respond(2, outgoing({ code: CONTENT, token: "04" })), 0);
	assert.equal(messenger.respond(1, undefined), 0);
	assert.deepEqual(peer.taken(), [shown(message({ code: CONTENT, token: "04" }))]);
});

test("a message that cannot be read ends the connection with an Abort that says why (§5.6)", () => {
	for (const [bytes, code] of [["0901000000000000000000", "malformed"], ["1001ff", "malformed"], ["2001f000", "malformed"], ["f000010000", "too-large"]] as const) {
		const peer = new Peer();
		assert.deepEqual(peer.sends(bytes), [`CLOSED ${code}`]);
		assert.equal(abortOf(peer.taken()), "");
		assert.deepEqual(peer.events(), []);
	}
});

test("a message that came before the bad one is still handed on", () => {
	const peer = new Peer();
	assert.deepEqual(peer.sends("010145 1001ff"), ["MESSAGE 1 45  1", "CLOSED malformed"]);
});

test("Ping is answered with a Pong of its token (§5.4)", () => {
	const peer = new Peer();
	assert.deepEqual(peer.says({ code: PING, token: "42" }, { code: PING }), []);
	assert.deepEqual(peer.taken(), [shown(message({ code: PONG, token: "42" })), shown(message({ code: PONG }))]);
});

test("Pong with Custody comes when all requests before its Ping are answered (§5.4.1)", () => {
	const peer = new Peer(), { messenger } = peer, custody: [number, string][] = [[2, ""]];
	const pong = (token: string) => shown(message({ code: PONG, token, options: custody }));
	peer.says({ code: PING, token: "01", options: custody });
	assert.deepEqual(peer.taken(), [pong("01")], "nothing to wait for");
	assert.deepEqual(peer.says(
		{ code: GET, token: "0a" }, { code: GET, token: "0b" }, { code: PING, token: "02", options: custody },
		{ code: GET, token: "0c" }, { code: PING, token: "03", options: custody }, { code: PING, token: "04" },
	), ["MESSAGE 1 0a  1", "MESSAGE 1 0b  2", "MESSAGE 1 0c  3"]);
	assert.deepEqual(peer.taken(), [shown(message({ code: PONG, token: "04" }))], "without the option at once");
	messenger.respond(3, outgoing({ code: CONTENT, token: "0c" }));
	messenger.respond(2, undefined);
	assert.deepEqual(peer.taken().map(({ token }) => token), ["0c"]);
	messenger.respond(1, outgoing({ code: CONTENT, token: "0a" }));
	const [first, second, answer] = peer.taken();
	assert.deepEqual([first, second, answer!.token], [pong("02"), pong("03"), "0a"]);
	peer.says({ code: GET }, ...Array.from({ length: CUSTODY_MAXIMUM }, () => ({ code: PING, options: custody })));
	assert.deepEqual(peer.taken(), [], "as many may wait again");
});

test("a response that is rejected is no request that is done with", () => {
	const peer = new Peer(), whole = fromHex("0101aa 11e24220 0145bb");
	peer.messenger.receive(whole, 0, whole.byteLength, peer.now);
	assert.equal(peer.messenger.next()?.exchange, 1);
	assert.equal(peer.messenger.next()?.message?.code, CONTENT);
	peer.messenger.reject();
	assert.deepEqual(peer.taken(), []);
	peer.messenger.respond(1, undefined);
	assert.equal(peer.taken().length, 1);
});

test("a request that is rejected is answered with 5.01, and is done with (§3.3)", () => {
	const peer = new Peer(), whole = fromHex("0101aa 11e24220");
	peer.messenger.receive(whole, 0, whole.byteLength, peer.now);
	assert.equal(peer.messenger.next()?.exchange, 1);
	peer.messenger.reject();
	assert.deepEqual(peer.events(), []);
	assert.deepEqual(peer.taken(), [
		shown(message({ code: PONG, token: "42", options: [[2, ""]] })), shown(message({ code: Code.NOT_IMPLEMENTED, token: "aa" })),
	]);
});

test("Pongs that wait are bounded: further ones come at once, without Custody", () => {
	const peer = new Peer();
	peer.says({ code: GET }, ...Array.from({ length: CUSTODY_MAXIMUM + 1 }, (_, at) => ({ code: PING, token: `0${at}`, options: [[2, ""]] as [number, string][] })));
	assert.deepEqual(peer.taken(), [shown(message({ code: PONG, token: `0${CUSTODY_MAXIMUM}` }))]);
});

test("a peer that sends Pings and reads nothing is left", () => {
	const peer = new Peer(), pings = Array.from({ length: SIGNAL_MAXIMUM + 1 }, () => ({ code: PING }));
	assert.deepEqual(peer.says(...pings), ["CLOSED violation"]);
});

test("ping is acknowledged by a Pong without a token, and by no other (§5.4)", () => {
	const peer = new Peer(), { messenger } = peer;
	messenger.send(outgoing({ code: GET }));
	assert.equal(messenger.ping(peer.now), 2);
	assert.equal(messenger.ping(peer.now), "full", "one at a time");
	assert.deepEqual(peer.taken(), [shown(message({ code: PING })), shown(message({ code: GET }))]);
	assert.equal(messenger.deadline, peer.now + SIGNAL_TIMEOUT);
	assert.deepEqual(peer.says({ code: PONG, token: "00" }), []);
	assert.deepEqual(peer.says({ code: PONG, options: [[2, ""]] }), ["ACKNOWLEDGED 2"]);
	assert.deepEqual(peer.says({ code: PONG }), []);
	assert.equal(messenger.deadline, Infinity);
	assert.equal(messenger.ping(peer.now), 3);
});

test("a ping that finds no room is not begun", () => {
	const peer = new Peer();
	for (let count = 0; count < SIGNAL_MAXIMUM; count++) peer.says({ code: PING });
	assert.equal(peer.messenger.ping(peer.now), "full");
	assert.equal(peer.messenger.deadline, Infinity);
	assert.equal(peer.taken().length, SIGNAL_MAXIMUM);
	assert.equal(peer.messenger.ping(peer.now), 1);
});

test("a ping that is not answered fails, and the connection goes on", () => {
	const peer = new Peer(), { messenger } = peer;
	messenger.ping(peer.now);
	assert.deepEqual(peer.expires(peer.now + SIGNAL_TIMEOUT), ["FAILED 1 timeout"]);
	assert.deepEqual(peer.events(), []);
	assert.equal(messenger.ping(peer.now), 2);
	messenger.cancel(2);
	assert.equal(messenger.deadline, Infinity);
});

test("Release lets what is under way be answered, then the connection is over (§5.5)", () => {
	const peer = new Peer(), { messenger } = peer;
	peer.now += 50_000;
	messenger.send(outgoing({ code: GET, token: "01" }));
	assert.deepEqual(peer.says({ code: GET, token: "0a" }, { code: RELEASE }, { code: RELEASE }, { code: CONTENT, token: "01" }),
		["MESSAGE 1 0a  1", "MESSAGE 69 01 "]);
	assert.equal(messenger.send(outgoing({ code: GET })), "full", "nothing new");
	assert.equal(messenger.ping(peer.now), "full");
	assert.equal(messenger.respond(1, outgoing({ code: CONTENT, token: "0a" })), 0);
	assert.deepEqual(peer.taken().map(({ code }) => code), [GET, CONTENT]);
	assert.equal(messenger.deadline, peer.now + RELEASE_TIME);
	assert.deepEqual(peer.expires(peer.now + RELEASE_TIME), ["CLOSED closed"]);
	assert.deepEqual(peer.taken(), []);
	assert.equal(messenger.holdOff, 0);
});

test("Release says for how long, and where to (§5.5)", () => {
	const peer = new Peer();
	peer.says({ code: RELEASE, options: [[2, hex("b.example:5683")], [2, hex("c.example")], [4, "3c"]], payload: hex("moving") });
	assert.equal(peer.messenger.holdOff, 60_000);
	peer.messenger.expire(peer.now + RELEASE_TIME);
	assert.equal(peer.messenger.next()?.error?.message,
		"the peer released the connection for 60 s, in favour of another address (b.example:5683) (moving)");
	const other = new Peer();
	other.says({ code: RELEASE });
	other.messenger.expire(other.now + RELEASE_TIME);
	assert.equal(other.messenger.next()?.error?.message, "the peer released the connection");
});

test("Abort ends the connection at once, with what the peer says about it (§5.6)", () => {
	const peer = new Peer();
	assert.deepEqual(peer.says({ code: GET }, { code: ABORT, options: [[2, "04"]] }, { code: GET }), ["MESSAGE 1   1", "CLOSED closed 4"]);
	assert.deepEqual(peer.taken(), []);
	assert.equal(new Peer().end({ code: ABORT, payload: hex("enough") }), "the peer aborted the connection (enough)");
	for (const payload of ["ff", "61".repeat(129)]) assert.equal(new Peer().end({ code: ABORT, payload }), "the peer aborted the connection");
});

test("after the end nothing is taken, and nothing is sent but the Abort", () => {
	const peer = new Peer(), { messenger } = peer;
	messenger.send(outgoing({ code: GET }));
	messenger.ping(peer.now);
	peer.sends("1001ff");
	assert.equal(messenger.send(outgoing({ code: GET })), "full");
	assert.equal(messenger.respond(1, outgoing({ code: CONTENT })), "full");
	assert.equal(messenger.ping(peer.now), "full");
	assert.equal(abortOf(peer.taken()), "");
	assert.deepEqual(peer.expires(peer.now + 1_000_000), []);
	assert.deepEqual(peer.says({ code: GET }), []);
});

test("an answer after the end makes no Pong behind the Abort", () => {
	const peer = new Peer();
	peer.says({ code: GET }, { code: PING, options: [[2, ""]] });
	peer.sends("1001ff");
	peer.messenger.respond(1, undefined);
	assert.equal(abortOf(peer.taken()), "");
});

test("an Abort waits for the end of a message that is begun", () => {
	const peer = new Peer(), { messenger } = peer, target = new Uint8Array(10);
	messenger.send(outgoing({ code: GET, token: "77", payload: "aa".repeat(30) }));
	messenger.send(outgoing({ code: GET, token: "78" }));
	assert.equal(messenger.transmit(target, 10), 10);
	const begun = toHex(target);
	peer.sends("1001ff");
	const rest = new Uint8Array(200), count = messenger.transmit(rest, 200);
	assert.deepEqual(unframed("stream", fromHex(begun + toHex(rest, 0, count))).map(({ code }) => code), [GET, ABORT]);
});

test("messages go out in order, as much as there is room for", () => {
	const peer = new Peer(), { messenger } = peer, contents = [10, 0, 300, 12, 13].map((length, at) => ({ code: GET, token: `0${at}`, payload: "ab".repeat(length) }));
	for (const content of contents) messenger.send(outgoing(content));
	let bytes = "";
	for (let limit = 1; messenger.unsent; limit = limit % 7 + 1) {
		const target = new Uint8Array(10), count = messenger.transmit(target, limit);
		assert.ok(count > 0 && count <= limit);
		assert.equal(toHex(target, limit), "00".repeat(10 - limit));
		bytes += toHex(target, 0, count);
	}
	assert.deepEqual(unframed("stream", fromHex(bytes)), contents.map(content => shown(message(content))));
});

test("over WebSockets each write is one message, or waits (§4.2)", () => {
	const peer = new Peer({ form: "websocket" }), { messenger } = peer, target = new Uint8Array(100);
	messenger.send(outgoing({ code: GET, token: "01", payload: "aa".repeat(20) }));
	messenger.send(outgoing({ code: GET, token: "02" }));
	assert.equal(messenger.transmit(target, 23), 0);
	assert.ok(messenger.unsent);
	assert.equal(messenger.transmit(target, 24), 24);
	assert.equal(messenger.transmit(target, 100), 3);
	assert.equal(toHex(target, 0, 3), "010102");
	assert.ok(!messenger.unsent);
});

test("what found no room in a WebSocket is dropped before an Abort", () => {
	const peer = new Peer({ form: "websocket" });
	peer.messenger.send(outgoing({ code: GET }));
	assert.equal(peer.messenger.transmit(new Uint8Array(1), 1), 0);
	peer.sends("00000000");
	assert.equal(abortOf(peer.taken()), "");
});

test("a WebSocket's messages are taken from behind their marks", () => {
	const peer = new Peer({ form: "websocket" });
	assert.deepEqual(peer.says({ code: GET, token: "01" }, { code: CONTENT, payload: "aa" }), ["MESSAGE 1 01  1", "MESSAGE 69  aa"]);
	assert.deepEqual(peer.sends("00000000"), ["CLOSED malformed"]);
});

test("what is cancelled and not begun is not sent", () => {
	const peer = new Peer(), { messenger } = peer;
	const handles = ["01", "02", "03"].map(token => messenger.send(outgoing({ code: GET, token })) as number);
	messenger.cancel(handles[1]!);
	messenger.cancel(99);
	assert.deepEqual(peer.taken().map(({ token }) => token), ["01", "03"]);
	messenger.cancel(handles[0]!);
});

test("what is queued is no longer the caller's", () => {
	const peer = new Peer(), sent = outgoing({ code: GET, token: "01", payload: "aabb" });
	peer.messenger.send(sent);
	sent.payload.fill(0);
	assert.equal(peer.taken()[0]!.payload, "aabb");
});

test("the queue is bounded in messages and in bytes, and takes one of any length", () => {
	const peer = new Peer(), { messenger } = peer, small = outgoing({ code: GET });
	for (let count = 0; count < QUEUE_MAXIMUM; count++) assert.equal(messenger.send(small), count + 1);
	assert.equal(messenger.send(small), "full");
	assert.equal(messenger.respond(1, small), "full");
	messenger.cancel(1);
	assert.equal(messenger.send(small), QUEUE_MAXIMUM + 1);
	assert.equal(peer.taken().length, QUEUE_MAXIMUM);
	peer.says({ code: CSM, options: [[2, "100000"]] });
	const large = outgoing({ code: GET, payload: "aa".repeat(QUEUE_LENGTH) });
	assert.notEqual(messenger.send(large), "full");
	assert.equal(messenger.send(small), "full");
	assert.equal(peer.taken().length, 1);
	assert.notEqual(messenger.send(small), "full");
});

test("the bytes of the queue are counted: of what is pushed, cancelled and gone", () => {
	const { messenger } = new Peer(), target = new Uint8Array(2_000);
	// Of 1,024 bytes each.
	const part = outgoing({ code: GET, payload: "aa".repeat(1_019) }), handles: number[] = [];
	const fill = () => {
		for (let handle = messenger.send(part); handle !== "full"; handle = messenger.send(part)) handles.push(handle);
	};
	fill();
	assert.equal(handles.length, QUEUE_LENGTH / 1_024);
	messenger.cancel(handles[3]!);
	messenger.cancel(handles[9]!);
	fill();
	assert.equal(handles.length, QUEUE_LENGTH / 1_024 + 2);
	assert.equal(messenger.transmit(target, 1_024), 1_024);
	fill();
	assert.equal(handles.length, QUEUE_LENGTH / 1_024 + 3);
	assert.equal(messenger.transmit(target, 1), 1);
	fill();
	assert.equal(handles.length, QUEUE_LENGTH / 1_024 + 4, "what is begun is no longer in the queue");
});

test("a stream is read in pieces of any length", () => {
	for (const form of ["stream", "websocket"] as const) {
		const peer = new Peer({ form }), whole = framed(form, message({ code: GET, token: "aa", payload: "bb".repeat(400) }));
		const bytes = form === "stream" ? whole : marked(whole), events: string[] = [];
		for (const byte of bytes) events.push(...peer.sends(toHex(Uint8Array.of(byte))));
		assert.deepEqual(events, [`MESSAGE 1 aa ${"bb".repeat(400)} 1`]);
	}
});
