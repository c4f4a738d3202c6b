// SPDX-License-Identifier: Apache-2.0
/** HTTPSSource: what each answer means to an update, known before a byte of the file is handed on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceError } from "../../../src/base/error.js";
import { HTTPSSource } from "../../../src/ota/https.js";
import { BLOCK_LENGTH, type SourceReader } from "../../../src/ota/source.js";
import { codeOf } from "../failure.js";
import { FakeHost } from "../fake-host.js";
import { fromHex, toHex } from "../hex.js";
import { latin1 } from "./answers.js";

const BLOCK = BLOCK_LENGTH;
const TOTAL = 4 * BLOCK;
const URL = "https://files.test/lamp.mrl";

class Rig implements SourceReader {
	readonly host = new FakeHost();
	readonly source = new HTTPSSource(this.host, URL, { anchors: [new Uint8Array(1)] });
	lines: string[] = [];
	received = 0;
	onReceived: (() => void) | undefined;
	closer: { close(): void } | undefined;

	onBytes(_: Uint8Array, start: number, end: number): boolean {
		this.received += end - start;
		this.onReceived?.();
		return true;
	}

	onEnd(): void { this.lines.push("end"); }
	onFailed(error: DeviceError): void { this.lines.push((error as { reason?: string }).reason ?? `${error.code} ${error.detail ?? ""}`.trim()); }

	/** Asks for a range. @returns the request's own fields */
	open(offset: number, end: number): string {
		this.received = 0;
		this.closer = this.source.open(offset, end, this);
		this.host.advance(0);
		return this.#reach();
	}

	#reach(): string {
		this.host.resolver.answer("10.0.0.1");
		this.host.stream.writable();
		return String.fromCharCode(...fromHex(this.host.stream.take())).split("\r\n").slice(5).join("\n").trim();
	}

	answer(status: number, fields: Readonly<Record<string, string | number>>, body = ""): void {
		const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`).join("");
		this.host.stream.deliver(toHex(latin1(`HTTP/1.1 ${status} \r\n${lines}\r\n${body}`)));
		for (let turns = 0; turns < 4; turns++) this.host.advance(0);
	}

	/** Answers with a range, as a good server does. */
	part(first: number, end: number, fields: Readonly<Record<string, string>> = {}, total: number | string = TOTAL): void {
		this.answer(206, { "Content-Range": `bytes ${first}-${end - 1}/${total}`, "Content-Length": end - first, ...fields }, "x".repeat(end - first));
	}

	/** What was told, and that nothing is left open. */
	take(): string[] {
		const { lines } = this;
		this.lines = [];
		assert.deepEqual([this.host.open, this.host.timers], [0, 0]);
		return lines;
	}
}

/** What a first answer means, which must come before any byte. */
function verdict(offset: number, end: number, status: number, fields: Readonly<Record<string, string | number>>, body = "x"): string {
	const rig = new Rig();
	rig.open(offset, end);
	rig.answer(status, fields, body);
	assert.equal(rig.received, 0);
	return rig.take().join();
}

test("HTTPSSource asks for the range, and hands on what comes of it", () => {
	const rig = new Rig();
	assert.equal(rig.open(BLOCK, 3 * BLOCK), `Range: bytes=${BLOCK}-${3 * BLOCK - 1}`);
	rig.part(BLOCK, 3 * BLOCK);
	assert.deepEqual([rig.received, rig.take()], [2 * BLOCK, ["end"]]);
});

test("HTTPSSource takes everything where everything was asked for", () => {
	const rig = new Rig();
	rig.open(0, BLOCK);
	rig.answer(200, { "Content-Length": BLOCK }, "x".repeat(BLOCK));
	assert.deepEqual([rig.received, rig.take()], [BLOCK, ["end"]]);
});

test("HTTPSSource knows a server that ignores ranges from its head", () => {
	assert.equal(verdict(BLOCK, TOTAL, 200, { "Content-Length": TOTAL }), "range-ignored");
	assert.equal(verdict(0, BLOCK, 200, { "Content-Length": TOTAL }), "range-ignored");
	assert.equal(verdict(0, BLOCK, 200, {}), "range-ignored");
	assert.equal(verdict(0, BLOCK, 200, { "Transfer-Encoding": "chunked" }), "range-ignored");
	assert.equal(verdict(BLOCK, TOTAL, 206, { "Content-Range": `bytes 0-${TOTAL - 1}/${TOTAL}` }), "range-ignored");
	assert.equal(verdict(BLOCK, TOTAL, 206, { "Content-Range": `bytes ${2 * BLOCK}-${TOTAL - 1}/${TOTAL}` }), "range-ignored");
	assert.equal(verdict(0, BLOCK, 206, { "Content-Range": `bytes 0-${BLOCK}/${TOTAL}` }), "range-ignored");
	assert.equal(verdict(0, BLOCK, 206, { "Content-Range": "bytes */8192" }), "range-ignored");
	assert.equal(verdict(0, BLOCK, 206, {}), "range-ignored");
	assert.equal(verdict(0, BLOCK, 206, { "Content-Type": "multipart/byteranges; boundary=a" }), "range-ignored");
});

test("HTTPSSource says what a refusal means", () => {
	for (const [status, expected] of [
		[401, "forbidden"], [403, "forbidden"], [404, "not-found"], [410, "not-found"], [416, "truncated"], [400, "rejected 400"], [408, "rejected 408"],
		[429, "rejected 429"], [500, "rejected 500"], [503, "rejected 503"], [204, "rejected 204"], [304, "rejected 304"], [302, "rejected 302"],
	] as const) assert.equal(verdict(0, BLOCK, status, { "Content-Length": 0 }, ""), expected);
});

test("HTTPSSource calls a redirect that is not followed by its name", () => {
	assert.equal(verdict(0, BLOCK, 301, { Location: "http://files.test/" }, ""), "redirects");
});

test("HTTPSSource knows a file that ends too early", () => {
	assert.equal(verdict(0, TOTAL, 206, { "Content-Range": `bytes 0-${BLOCK - 1}/${BLOCK}` }), "truncated");
	assert.equal(verdict(TOTAL, 2 * TOTAL, 416, { "Content-Range": `bytes */${TOTAL}`, "Content-Length": 0 }, ""), "truncated");
	assert.equal(verdict(0, BLOCK, 206, { "Content-Range": `bytes 0-${BLOCK - 1}/${TOTAL}`, "Content-Length": BLOCK - 1 }), "violation");
});

test("HTTPSSource goes on where an answer is shorter than it could be", () => {
	const rig = new Rig();
	rig.open(0, TOTAL);
	rig.part(0, BLOCK);
	assert.deepEqual([rig.received, rig.take()], [BLOCK, ["closed"]]);
	rig.open(BLOCK, TOTAL);
	rig.part(BLOCK, TOTAL, {}, "*");
	assert.deepEqual([rig.received, rig.take()], [3 * BLOCK, ["end"]]);
});

test("HTTPSSource reads nothing beyond what was asked for", () => {
	const rig = new Rig();
	rig.open(0, BLOCK);
	rig.answer(206, { "Content-Range": `bytes 0-${BLOCK - 1}/${TOTAL}` }, "x".repeat(BLOCK + 100));
	assert.deepEqual([rig.received, rig.take()], [BLOCK, ["end"]]);
});

test("HTTPSSource asks on for the file that it began with, and knows another", () => {
	const rig = new Rig();
	const again = (answer: () => void): string[] => {
		rig.open(BLOCK, TOTAL);
		answer();
		return rig.take();
	};
	rig.open(0, BLOCK);
	rig.part(0, BLOCK, { ETag: '"one"' });
	assert.deepEqual(rig.take(), ["end"]);
	assert.equal(rig.open(BLOCK, TOTAL), `Range: bytes=${BLOCK}-${TOTAL - 1}\nIf-Range: "one"`);
	rig.part(BLOCK, TOTAL, { ETag: '"one"' });
	assert.deepEqual(rig.take(), ["end"]);
	for (const fields of [{ ETag: '"two"' }, { ETag: 'W/"two"' }, {}]) {
		const changed = "ETag" in fields && fields.ETag === '"two"';
		assert.deepEqual(again(() => rig.part(BLOCK, TOTAL, fields)), [changed ? "changed" : "end"]);
	}
	assert.deepEqual(again(() => rig.part(BLOCK, TOTAL, { ETag: '"one"' }, TOTAL + 1)), ["changed"]);
	// What If-Range gets when the file is another: all of it.
	assert.deepEqual(again(() => rig.answer(200, { "Content-Length": TOTAL, ETag: '"two"' }, "x")), ["changed"]);
	assert.deepEqual(again(() => rig.answer(416, { "Content-Range": "bytes */9" })), ["changed"]);
	assert.equal(rig.received, 0);
});

test("HTTPSSource does not ask on by a validator that is weak", () => {
	const rig = new Rig();
	rig.open(0, BLOCK);
	rig.part(0, BLOCK, { ETag: 'W/"one"' });
	assert.deepEqual(rig.take(), ["end"]);
	assert.doesNotMatch(rig.open(BLOCK, TOTAL), /If-Range/);
});

test("HTTPSSource asks again when the server wants it, and within the hour", () => {
	for (const [field, seconds] of [["120", 120], ["999999", 3_600], ["soon", 0], ["-1", 0], ["Fri, 31 Dec 1999 23:59:59 GMT", 0]] as const) {
		const rig = new Rig();
		rig.open(0, BLOCK);
		rig.answer(503, { "Retry-After": field, "Content-Length": 0 });
		assert.deepEqual(rig.take(), ["rejected 503"]);
		const { length } = rig.host.resolvers;
		rig.source.open(0, BLOCK, rig);
		if (seconds > 0) rig.host.advance(1_000 * seconds - 1);
		assert.equal(rig.host.resolvers.length, length, field);
		rig.host.advance(1);
		assert.equal(rig.host.resolvers.length, length + 1, field);
	}
});

test("HTTPSSource is closed from inside of a callback, and says nothing more", () => {
	for (const enough of [1, BLOCK]) {
		const rig = new Rig();
		rig.onReceived = () => {
			if (rig.received >= enough) rig.closer!.close();
		};
		rig.open(0, BLOCK);
		rig.part(0, BLOCK);
		assert.equal(rig.received === BLOCK, enough === BLOCK);
		rig.closer!.close();
		assert.deepEqual(rig.take(), []);
	}
});

test("HTTPSSource refuses what is no range of blocks, and what is no URL", () => {
	const rig = new Rig();
	for (const [offset, end] of [[0, 0], [BLOCK, BLOCK], [2 * BLOCK, BLOCK], [1, BLOCK], [0, BLOCK + 1], [-BLOCK, BLOCK], [NaN, BLOCK], [0, Infinity]] as const) {
		assert.equal(codeOf(() => rig.source.open(offset, end, rig)), "argument");
	}
	for (const url of ["http://files.test/a", "files.test", "", `https://a/${"b".repeat(2_048)}`]) {
		assert.equal(codeOf(() => new HTTPSSource(rig.host, url, { anchors: [] })), "argument");
	}
	assert.deepEqual(rig.take(), []);
});
