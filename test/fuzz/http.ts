// SPDX-License-Identifier: Apache-2.0
/**
 * Mutated answers of web servers against our parser and Node's.
 *
 * What must hold for every input, however it is cut: one end or one coded error of a peer's fault; and what ends well is
 * the same answer, with the same body, to Node's parser, or else two programs on one connection would not agree.
 */
import assert from "node:assert/strict";
import { request, type IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import { Part, Response } from "../../src/http/response.js";
import { text } from "../../hosts/node/text.js";
import { Random } from "../property/random.js";
import type { FuzzOptions } from "./fuzz.js";

/** What became of the inputs: "end", "head" or "nothing" where more would have to come, or a code. */
export type HTTPCounts = Record<string, number>;

const INTERESTING = [..."\r\n:; ,0159afx\t\"/"].map((character) => character.charCodeAt(0)).concat([0, 0x7f, 0x80, 0xff]);
const MUTATIONS: readonly ((random: Random, bytes: number[], at: number) => void)[] = [
	(random, bytes, at) => { bytes[at]! ^= 1 << random.below(8); },
	(random, bytes, at) => { bytes[at] = random.pick(INTERESTING); },
	(random, bytes, at) => bytes.splice(at, 1 + random.below(4)),
	(random, bytes, at) => bytes.splice(at, 0, random.pick(INTERESTING)),
	(random, bytes, at) => bytes.splice(at, 0, ...bytes.slice(at, at + 1 + random.below(30))),
	(_, bytes, at) => bytes.splice(at),
];

const FIELDS = [
	'ETag: "abc"', "Location: /x", "Server: nginx", "Content-Range: bytes 0-9/100", "Retry-After: 7", "Date: Mon, 01 Jan 2024 00:00:00 GMT", "X-A:\t b ",
	"Connection: close",
];

function anyAnswer(random: Random): string {
	const length = random.below(40), body = "0123456789abcdef\r\n".repeat(3).slice(0, length);
	const fields = random.list(4, () => random.pick(FIELDS));
	let framed = body;
	switch (random.below(4)) {
	case 0: break;
	case 1: {
		fields.push(`Transfer-Encoding: ${random.pick(["chunked", "Chunked", "gzip, chunked"])}`);
		const cut = random.below(length + 1), chunks = [body.slice(0, cut), body.slice(cut)].filter((chunk) => chunk !== "");
		const extension = (): string => random.once(4) ? ";a=b" : "";
		framed = chunks.map((chunk) => `${chunk.length.toString(16)}${extension()}\r\n${chunk}\r\n`).join("") + `0${extension()}\r\n${random.once(4) ? "X-B: c\r\n" : ""}\r\n`;
		break;
	}
	default: fields.push(`Content-Length: ${random.once(8) ? random.below(60) : length}`);
	}
	if (random.once(10)) fields.push("Content-Length: 3");
	const interim = random.once(8) ? "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" : "";
	const status = random.pick([200, 200, 206, 206, 302, 404, 204, 304, 503]);
	return `${interim}HTTP/1.${random.once(10) ? 0 : 1} ${status}${random.pick([" OK", " ", ""])}\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n${framed}`;
}

function mutated(random: Random): Uint8Array {
	const bytes = [...Buffer.from(anyAnswer(random), "latin1")];
	for (let count = random.below(3); count > 0 && bytes.length > 0; count--) random.pick(MUTATIONS)(random, bytes, random.below(bytes.length));
	return Uint8Array.from(bytes);
}

/** Node reads extensions, which we only skip. */
const QUIRK = /Invalid character in chunk extensions/;
/** A tab behind a value is no part of it (RFC 9110 §5.5), but Node takes it for one where a space is none. */
const TAB_BEHIND = "\t\r\n";

interface Outcome {
	result: string;
	status: number;
	body: string;
	/** Bytes that were looked at. */
	taken: number;
}

/** @param isClosed the stream ends behind the last byte */
function ours(bytes: Uint8Array, step: () => number, isClosed: boolean): Outcome {
	const response = new Response(text);
	const outcome: Outcome = { result: "nothing", status: 0, body: "", taken: 0 };
	try {
		while (outcome.taken < bytes.byteLength) {
			const end = Math.min(bytes.byteLength, outcome.taken + step());
			response.push(bytes, outcome.taken, end);
			outcome.taken = end;
			for (let part = response.next(); part !== Part.NONE; part = response.next()) {
				if (part === Part.END) return { ...outcome, result: "end" };
				if (part === Part.BODY) {
					assert.ok(response.start < response.end && response.end <= end && response.start >= 0);
					outcome.body += Buffer.from(bytes.subarray(response.start, response.end)).toString("latin1");
				} else {
					assert.equal(outcome.result, "nothing", "one head");
					outcome.result = "head";
					outcome.status = response.status;
				}
			}
		}
		return isClosed && response.endsWithStream ? { ...outcome, result: "end" } : outcome;
	} catch (error) {
		const { name, code } = error as { name: string; code: string };
		assert.ok(name === "DeviceError" && /^(malformed|violation|too-large)$/.test(code), String(error));
		return { ...outcome, result: code };
	}
}

/** What Node's client makes of the same bytes. */
function theirs(bytes: Uint8Array): Promise<{ status: number; body: string }> {
	return new Promise((resolve, reject) => {
		let isSent = false;
		const wire: Duplex = new Duplex({
			read() {},
			write(_chunk, _encoding, done) {
				done();
				if (isSent) return;
				isSent = true;
				wire.push(bytes);
				wire.push(null);
			},
		});
		const asking = request({ createConnection: () => wire, path: "/", headers: { Host: "a" } }, (response: IncomingMessage) => {
			const pieces: Buffer[] = [];
			response.on("data", (piece: Buffer) => { pieces.push(piece); });
			response.on("error", reject);
			response.on("end", () => {
				if (response.complete) resolve({ status: response.statusCode!, body: Buffer.concat(pieces).toString("latin1") });
				else reject(new Error("not complete"));
			});
		});
		asking.on("error", reject);
		asking.end();
	});
}

/** @throws when something does not hold; the message holds the seed and the input */
export async function fuzzHTTP({ seed, inputs }: FuzzOptions): Promise<HTTPCounts> {
	const counts: HTTPCounts = {};
	const random = new Random(seed);
	for (let input = 0; input < inputs; input++) {
		const bytes = mutated(random);
		try {
			const whole = ours(bytes, () => 1, true);
			const cut = ours(bytes, () => 1 + random.below(20), true);
			// Where the rest is not asked for, the cut decides how much of it was taken.
			assert.deepEqual({ ...cut, taken: 0, body: "" }, { ...whole, taken: 0, body: "" });
			if (whole.result === "end") assert.equal(cut.body, whole.body);
			counts[whole.result] = (counts[whole.result] ?? 0) + 1;
			if (whole.result !== "end" || Buffer.from(bytes).includes(TAB_BEHIND)) continue;
			// Node has its own opinion on what comes behind the end.
			const { status, body } = await theirs(bytes.subarray(0, whole.taken));
			assert.deepEqual([whole.status, whole.body], [status, body]);
		} catch (error) {
			if (error instanceof Error && QUIRK.test(error.message)) continue;
			const message = error instanceof Error ? error.message : String(error);
			throw new Error(`seed ${seed}, input ${input}, ${JSON.stringify(Buffer.from(bytes).toString("latin1"))}: ${message}`, { cause: error });
		}
	}
	return counts;
}
