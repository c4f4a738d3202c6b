// SPDX-License-Identifier: Apache-2.0
/** Response: the same answer however the network cuts it, and nothing that could be understood in two ways. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HEAD_MAXIMUM } from "../../../src/http/response.js";
import { parse, type Parsed } from "./answers.js";

/** Parses whole, in twos and byte by byte, which must not make a difference. */
function parsed(answer: string, isClosed = false): Parsed {
	const whole = parse(answer, answer.length, isClosed);
	for (const step of [1, 2, 7]) {
		const { events, body } = parse(answer, step, isClosed);
		// Of an answer that is refused, more or less of the body may have been handed out.
		assert.deepEqual(events, whole.events, `step ${step}`);
		if (events.at(-1) === "end") assert.equal(body, whole.body, `step ${step}`);
	}
	return whole;
}

function summary(answer: string, isClosed = false): string {
	const { events, body } = parsed(answer, isClosed);
	return `${events.join(" ")}: ${body}`;
}

const OK = "HTTP/1.1 200 OK\r\n";

test("Response keeps the fields that are needed, whatever their case and the space around them", () => {
	const { response, events, body } = parsed("HTTP/1.1 206 Partial Content\r\nDate: x\r\nCONTENT-length: \t 3\t \r\nContent-Range:bytes 1-3/9\r\n"
		+ "ETag:  \"a b\" \r\nLocation: /x?y=1:2\r\nretry-AFTER: 7\r\nX-Empty:\r\nX-\xe4: \r\n\r\nabcdef".replace("X-\xe4", "X-Umlaut: \xe4\xff"));
	assert.deepEqual([events, body], [["head", "end"], "abc"]);
	const { status, length, contentRange, etag, location, retryAfter } = response;
	assert.deepEqual({ status, length, contentRange, etag, location, retryAfter }, {
		status: 206, length: 3, contentRange: "bytes 1-3/9", etag: '"a b"', location: "/x?y=1:2", retryAfter: "7",
	});
});

for (const [name, answer, expected] of [
	["a body of a length", `${OK}Content-Length: 5\r\n\r\nhello`, "head end: hello"],
	["no body", `${OK}Content-Length: 0\r\n\r\n`, "head end: "],
	["no body by its status", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello", "head end: "],
	["no body, as none was made", "HTTP/1.1 204 No Content\r\n\r\n", "head end: "],
	["a body with more behind it", `${OK}Content-Length: 2\r\n\r\nhello`, "head end: he"],
	["a status without reason", "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", "head end: x"],
	["a status with an empty reason", "HTTP/1.1 404 \r\nContent-Length: 1\r\n\r\nx", "head end: x"],
	["an answer of HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "head end: x"],
	["interim answers before it", `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\nETag: a\r\n\r\n${OK}ETag: b\r\nContent-Length: 1\r\n\r\nx`, "head end: x"],
	["chunks", `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\n`, "head end: abc0123456789"],
	["chunks with extensions and trailers", `${OK}Transfer-Encoding: Chunked\r\n\r\n1;a=b;c="d"\r\nx\r\n0;e\r\nX-Sum: 1\r\nContent-Length: 9\r\n\r\n`, "head end: x"],
] as const) {
	test(`Response takes ${name}`, () => { assert.equal(summary(answer), expected); });
}

test("Response ends with the stream where its head says no other end, and only there", () => {
	assert.equal(summary(`${OK}\r\nhello`, true), "head end: hello");
	assert.equal(summary(`${OK}\r\n`, true), "head end: ");
	assert.equal(summary(`${OK}Content-Length: 9\r\n\r\nhello`, true), "head closed: hello");
	assert.equal(summary(`${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`, true), "head closed: hello");
	assert.equal(summary(`${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n`, true), "head closed: hello");
	assert.equal(summary(OK, true), "closed: ");
	assert.equal(summary("HTTP/1.1 100 Continue\r\n\r\n", true), "closed: ");
});

for (const [code, name, answer] of [
	["malformed", "what is no HTTP", "SSH-2.0-OpenSSH_9.2\r\n"],
	["malformed", "another major version", "HTTP/2.0 200 OK\r\n"],
	["malformed", "an old manner", "ICY 200 OK\r\n"],
	["malformed", "a status of two digits", "HTTP/1.1 20 OK\r\n"],
	["malformed", "a status of four digits", "HTTP/1.1 2000 OK\r\n"],
	["malformed", "a status beyond 599", "HTTP/1.1 600 OK\r\n"],
	["malformed", "a status with a sign", "HTTP/1.1 +20 OK\r\n"],
	["malformed", "an empty line in front", `\r\n${OK}`],
	["malformed", "a bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n"],
	["malformed", "a bare LF at the end of the head", `${OK}Content-Length: 0\r\n\n`],
	["malformed", "a bare CR", `${OK}A: b\rContent-Length: 0\r\n\r\n`],
	["malformed", "CR before CR LF", `${OK}A: b\r\r\n\r\n`],
	["malformed", "a NUL", `${OK}A: \0\r\n\r\n`],
	["malformed", "a folded line", `${OK}A: b\r\n c\r\n\r\n`],
	["malformed", "a folded line in front", `${OK} A: b\r\n\r\n`],
	["malformed", "a field without colon", `${OK}A\r\n\r\n`],
	["malformed", "a field without name", `${OK}: b\r\n\r\n`],
	["malformed", "a space before the colon", `${OK}Content-Length : 0\r\n\r\n`],
	["malformed", "a name that is no token", `${OK}A(b): c\r\n\r\n`],
	["malformed", "a length that is empty", `${OK}Content-Length:\r\n\r\n`],
	["malformed", "a length with a sign", `${OK}Content-Length: +5\r\n\r\nhello`],
	["malformed", "a negative length", `${OK}Content-Length: -5\r\n\r\nhello`],
	["malformed", "a list of lengths", `${OK}Content-Length: 5, 5\r\n\r\nhello`],
	["malformed", "a length that is no whole number", `${OK}Content-Length: 5.0\r\n\r\nhello`],
	["malformed", "a length in another base", `${OK}Content-Length: 0x5\r\n\r\nhello`],
	["malformed", "a length beyond all numbers", `${OK}Content-Length: 99999999999999999999\r\n\r\n`],
	["malformed", "a length that is infinite", `${OK}Content-Length: Infinity\r\n\r\n`],
	["violation", "two lengths, though they agree", `${OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`],
	["violation", "length and chunks", `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`],
	["violation", "chunks and length", `${OK}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n`],
	["violation", "chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
	["violation", "chunks twice", `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`],
	["violation", "a transfer coding that is unknown", `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n`],
	["violation", "a transfer coding that is empty", `${OK}Transfer-Encoding:\r\n\r\n`],
	["violation", "a transfer coding that only looks like chunks", `${OK}Transfer-Encoding: chunked,\r\n\r\n`],
	["violation", "two validators", `${OK}ETag: "a"\r\nETag: "b"\r\n\r\n`],
	["violation", "two places to go to", "HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /a\r\n\r\n"],
	["violation", "an interim answer of HTTP/1.0", "HTTP/1.0 100 Continue\r\n\r\n"],
	["violation", "another protocol", "HTTP/1.1 101 Switching Protocols\r\n\r\n"],
	["too-large", "a head without end", `${OK}A: ${"b".repeat(HEAD_MAXIMUM)}`],
	["too-large", "interim answers without end", "HTTP/1.1 100 Continue\r\n\r\n".repeat(200)],
] as const) {
	test(`Response refuses ${name}`, () => { assert.deepEqual(parsed(answer).events, [code]); });
}

const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
for (const [code, name, chunks] of [
	["malformed", "no size", "\r\nx\r\n"],
	["malformed", "only an extension", ";a\r\nx\r\n"],
	["malformed", "a size with a prefix", "0x1\r\nx\r\n"],
	["malformed", "a size with a sign", "+1\r\nx\r\n"],
	["malformed", "a size with a space", "1 \r\nx\r\n"],
	["malformed", "a size that is none", "g\r\nx\r\n"],
	["malformed", "a size of nine digits", "000000001\r\nx\r\n"],
	["malformed", "a bare LF behind the size", "1\nx\r\n"],
	["malformed", "a bare LF in an extension", "1;\nx\r\n"],
	["malformed", "a chunk that is longer than it says", "1\r\nxy\r\n0\r\n\r\n"],
	["malformed", "a bare LF behind a chunk", "1\r\nx\n0\r\n\r\n"],
	["malformed", "a trailer without name", "0\r\n: x\r\n\r\n"],
	["too-large", "an extension without end", `1;${"a".repeat(300)}`],
	["too-large", "trailers without end", `0\r\n${"A: b\r\n".repeat(HEAD_MAXIMUM / 6 + 1)}`],
] as const) {
	test(`Response refuses chunks with ${name}`, () => { assert.deepEqual(parsed(CHUNKED + chunks).events, ["head", code]); });
}

test("Response takes a head of the greatest length, and not a byte more", () => {
	const head = (length: number): string => `${OK}A: ${"b".repeat(length - OK.length - 7)}\r\n\r\n`;
	assert.equal(head(HEAD_MAXIMUM).length, HEAD_MAXIMUM);
	assert.deepEqual(parsed(head(HEAD_MAXIMUM)).events, ["head"]);
	assert.deepEqual(parsed(head(HEAD_MAXIMUM + 1)).events, ["too-large"]);
});

test("Response hands the body out where it lies", () => {
	const { body, events } = parse(`${CHUNKED}${"3\r\nabc\r\n".repeat(500)}0\r\n\r\n`);
	assert.deepEqual([body, events], ["abc".repeat(500), ["head", "end"]]);
});
