// SPDX-License-Identifier: Apache-2.0
/** The opening handshake: heads as they may come, and both sides against each other and against hostile ones. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ClientHandshake, ServerHandshake } from "../../../hosts/websocket/handshake.js";
import { HEAD_MAXIMUM, HeadCollector, type Head } from "../../../hosts/websocket/head.js";
import { codeOf } from "../failure.js";
import { text } from "../text.js";
import { FakeMeans } from "./means.js";

const OPTIONS = { address: "127.0.0.1", port: 8083, host: "broker.test", path: "/mqtt", protocol: "mqtt" };

function encode(value: string): Uint8Array {
	const bytes = new Uint8Array(text.byteLength(value));
	text.encode(value, bytes, 0);
	return bytes;
}

/** @returns the head, or `undefined` when it is not over */
function collect(bytes: Uint8Array): Head | undefined {
	const collector = new HeadCollector();
	for (const [at, byte] of bytes.entries()) {
		if (!collector.add(byte)) continue;
		assert.equal(at, bytes.length - 1, "over at the empty line");
		return collector.parse(text);
	}
	return undefined;
}

function lines(...all: string[]): Uint8Array {
	return encode([...all, "", ""].join("\r\n"));
}

suite("Heads", () => {
	test("names in any case, values without their blanks, repeated ones as a list", () => {
		const head = collect(lines("HTTP/1.1 101 ", "UPGRADE:  websocket\t", "A: 1", "a:2", "Empty:", "B: c: d"))!;
		assert.equal(head.start, "HTTP/1.1 101 ");
		assert.deepEqual([...head.fields], [["upgrade", "websocket"], ["a", "1, 2"], ["empty", ""], ["b", "c: d"]]);
	});

	test("what is not ASCII is no failure", () => {
		assert.equal(collect(lines("X", "Server: \u00e4\u{1f600}"))!.fields.get("server"), "??????");
	});

	test("a head without its empty line is not over", () => {
		assert.equal(collect(encode("HTTP/1.1 101 X\r\nA: b\r\n")), undefined);
	});

	test("bare line ends, control characters, folded lines and fields without a name are violations", () => {
		for (const head of ["A\nB: c\r\n\r\n", "A\rB", "A\r\n\n", "A\0", "A\x7f", "A\r\r\n", "\n", "A\r\n B: c\r\n\r\n", "A\r\nB c\r\n\r\n", "A\r\n: c\r\n\r\n", "A\r\nB : c\r\n\r\n"]) {
			assert.equal(codeOf(() => collect(encode(head))), "violation", JSON.stringify(head));
		}
	});

	test("a head of the greatest length is taken, and one byte more is too large", () => {
		const start = "HTTP/1.1 101 X\r\nA: ", end = "\r\n\r\n";
		const fill = "x".repeat(HEAD_MAXIMUM - start.length - end.length);
		assert.equal(collect(encode(start + fill + end))!.fields.get("a"), fill);
		assert.equal(codeOf(() => collect(encode(start + fill + "x" + end))), "too-large");
	});
});

/** What a client makes of a server's answer. */
function judge(start: string, change: (fields: Map<string, string>) => void = () => {}): { code: string; detail?: number | undefined } {
	const means = new FakeMeans(), client = new ClientHandshake(OPTIONS, means);
	const answer = collect(new ServerHandshake("mqtt", means).answer(collect(client.request)!).response)!;
	const fields = new Map(answer.fields);
	change(fields);
	try {
		client.answer({ start, fields });
		return { code: "nothing" };
	} catch (error) {
		const { code, detail } = error as { code: string; detail?: number };
		return { code, detail };
	}
}

const SWITCHING = "HTTP/1.1 101 Switching Protocols";

suite("The client's handshake", () => {
	test("the server of this folder is accepted", () => {
		assert.equal(judge(SWITCHING).code, "nothing");
		assert.equal(judge("HTTP/1.1 101").code, "nothing");
	});

	test("the request names the port unless it is the usual one, and an IPv6 address in brackets", () => {
		const hostOf = (change: object) => collect(new ClientHandshake({ ...OPTIONS, ...change }, new FakeMeans()).request)!.fields.get("host");
		assert.equal(hostOf({}), "broker.test:8083");
		assert.equal(hostOf({ port: 80 }), "broker.test");
		assert.equal(hostOf({ port: 443 }), "broker.test:443");
		assert.equal(hostOf({ port: 443, secure: {} }), "broker.test");
		assert.equal(hostOf({ port: 80, secure: {} }), "broker.test:80");
		assert.equal(hostOf({ host: "::1" }), "[::1]:8083");
	});

	test("another status is rejected, whatever else is said", () => {
		for (const status of [100, 200, 301, 400, 401, 403, 404, 426, 500, 503]) {
			assert.deepEqual(judge(`HTTP/1.1 ${status} Reason`), { code: "rejected", detail: status });
		}
		assert.deepEqual(judge("HTTP/1.0 404 Not Found"), { code: "rejected", detail: 404 });
	});

	test("what is no status line is a violation", () => {
		for (const start of ["", "HTTP/1.1", "HTTP/1.1 abc", "HTTP/1.1  101", "HTTP/2 101", "HTTP/1.1 099 X", "HTTP/1.1 999 X", "ICY 101 OK", "GET / HTTP/1.1"]) {
			assert.equal(judge(start).code, "violation", start);
		}
	});

	test("each field that RFC 6455 §4.1 asks for is needed, as it asks for it", () => {
		for (const name of ["upgrade", "connection", "sec-websocket-accept", "sec-websocket-protocol"]) {
			assert.equal(judge(SWITCHING, fields => { fields.delete(name); }).code, "violation", `without ${name}`);
			assert.equal(judge(SWITCHING, fields => { fields.set(name, "x"); }).code, "violation", `other ${name}`);
		}
		for (const name of ["sec-websocket-accept", "sec-websocket-protocol"]) {
			const twice = (fields: Map<string, string>) => { fields.set(name, `${fields.get(name)}, ${fields.get(name)}`); };
			assert.equal(judge(SWITCHING, twice).code, "violation", `${name} twice`);
			assert.equal(judge(SWITCHING, fields => { fields.set(name, fields.get(name)!.toUpperCase()); }).code, "violation", `${name} in capitals`);
		}
		assert.equal(judge(SWITCHING, fields => { fields.set("sec-websocket-extensions", ""); }).code, "violation");
		assert.equal(judge(SWITCHING, fields => { fields.set("upgrade", "h2c, WebSocket").set("connection", "x,UPGRADE"); }).code, "nothing");
	});
});

suite("The server's handshake", () => {
	const answer = (start: string, fields: Record<string, string | undefined>) => {
		const all = {
			"Host": "a", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
			"Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": "mqtt", ...fields,
		};
		const head = collect(lines(start, ...Object.entries(all).filter(([, value]) => value !== undefined).map(([name, value]) => `${name}: ${value}`)))!;
		const { response, refusal } = new ServerHandshake("mqtt", new FakeMeans()).answer(head);
		return { status: collect(response)!.start.slice(9, 12), fields: collect(response)!.fields, code: refusal?.code };
	};

	test("one of several subprotocols is selected, on any path", () => {
		const { status, fields, code } = answer("GET /any?x HTTP/1.1", { "Sec-WebSocket-Protocol": "mqttv3.1, mqtt" });
		assert.deepEqual([status, fields.get("sec-websocket-protocol"), code], ["101", "mqtt", undefined]);
	});

	test("what is no request for this WebSocket is answered with 400", () => {
		for (const start of ["POST / HTTP/1.1", "GET / HTTP/1.0", "GET a HTTP/1.1", "GET", "", "GET / x HTTP/1.1"]) {
			assert.deepEqual(answer(start, {}).status, "400", start);
		}
		for (const fields of [
			{ "Host": undefined }, { "Upgrade": "h2c" }, { "Connection": "close" }, { "Sec-WebSocket-Key": undefined }, { "Sec-WebSocket-Key": "AAAA" },
			{ "Sec-WebSocket-Protocol": undefined }, { "Sec-WebSocket-Protocol": "amqp" },
		]) {
			const { status, code } = answer("GET / HTTP/1.1", fields);
			assert.deepEqual([status, code], ["400", "violation"], JSON.stringify(fields));
		}
	});

	test("another version is told ours (§4.4)", () => {
		const { status, fields } = answer("GET / HTTP/1.1", { "Sec-WebSocket-Version": "8" });
		assert.deepEqual([status, fields.get("sec-websocket-version")], ["426", "13"]);
	});
});
