// SPDX-License-Identifier: Apache-2.0
/** File streams of the simulated AWS: descriptions, blocks by range and by bitmap, and every refusal. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { disturbance } from "../../hosts/simulator/clouds/aws/selection.js";
import { StreamsService, type StreamsOptions } from "../../hosts/simulator/clouds/aws/streams.js";
import { Random } from "../../hosts/world/index.js";
import { Cloud, type Sent } from "./aws-context.js";

const S = "$aws/things/lamp/streams/image";
const FORMATS = ["json", "cbor"] as const;

function bytes(length: number): Uint8Array {
	return Uint8Array.from({ length }, (_, index) => index * 7 ^ index >> 8);
}

class Lab {
	readonly cloud = new Cloud();
	readonly streams: StreamsService;
	readonly file: Uint8Array;
	readonly format: "json" | "cbor";

	constructor(format: "json" | "cbor" = "cbor", byteLength = 10_000, options?: StreamsOptions) {
		this.format = format;
		this.file = bytes(byteLength);
		this.streams = new StreamsService(this.cloud, options);
		this.cloud.service = this.streams;
		this.streams.put("lamp", "image", { version: 3, description: "firmware", files: { 5: this.file, 9: bytes(1) } });
	}

	/** @returns what came, each with the kind that its topic says */
	ask(operation: string, body: unknown, base = S): (Sent & { kind: string })[] {
		return this.cloud.ask(`${base}/${operation}/${this.format}`, body).map(sent => {
			assert.equal(sent.to, undefined);
			const [kind, format] = sent.topic.slice(base.length + 1).split("/");
			assert.equal(format, this.format);
			return { ...sent, kind: kind! };
		});
	}

	/** @returns the indices of the blocks that came, in their order; what is in each was checked */
	blocks(body: { f?: number; l: number; [member: string]: unknown }): number[] {
		return this.ask("get", { f: 5, ...body }).map(({ kind, body: { c, f, l, i, p } }) => {
			assert.equal(kind, "data");
			assert.deepEqual([c, f], [body["c"], 5]);
			const data = this.format === "json" ? Uint8Array.from(Buffer.from(p, "base64")) : p;
			assert.equal(l, data.byteLength);
			assert.deepEqual(data, this.file.slice(i * body.l, (i + 1) * body.l));
			return i;
		});
	}

	/** @returns the code */
	refusal(operation: string, body: unknown, base?: string): string {
		const [answer, ...rest] = this.ask(operation, body, base);
		assert.deepEqual([answer!.kind, rest], ["rejected", []]);
		assert.equal(typeof answer!.body.m, "string");
		return answer!.body.o;
	}

	bitmap(...values: number[]): unknown {
		return this.format === "json" ? Buffer.from(values).toString("hex") : Uint8Array.from(values);
	}
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

suite("StreamsService", () => {
	for (const format of FORMATS) {
		test(`describes a stream and gives its blocks in ${format}`, () => {
			const lab = new Lab(format);
			assert.deepEqual(lab.ask("describe", { c: "token" }).map(({ kind, body }) => [kind, body]), [
				["description", { c: "token", s: 3, d: "firmware", r: [{ f: 5, z: 10_000 }, { f: 9, z: 1 }] }],
			]);
			assert.deepEqual(lab.ask("describe", {})[0]!.body.c, undefined);
			assert.deepEqual(lab.blocks({ c: "token", s: 3, l: 1024, n: 4 }), [0, 1, 2, 3]);
			// The last block is as short as it is.
			assert.deepEqual(lab.blocks({ l: 1024, o: 8, n: 5 }), [8, 9]);
			assert.deepEqual(lab.blocks({ l: 10_000, n: 1 }), [0]);
			assert.deepEqual(lab.blocks({ l: 1024, n: 0 }), []);
		});

		test(`gives the blocks of a bitmap in ${format}`, () => {
			const lab = new Lab(format, 256 * 60);
			// The example of the specification.
			assert.deepEqual(lab.blocks({ l: 256, o: 20, b: lab.bitmap(0x13, 0x00, 0x80) }), [20, 21, 24, 43]);
			assert.deepEqual(lab.blocks({ l: 256, o: 20, b: lab.bitmap(0x13, 0x00, 0x80), n: 3 }), [20, 21, 24]);
			assert.deepEqual(lab.blocks({ l: 256, o: 55, b: lab.bitmap(0xff, 0xff) }), [55, 56, 57, 58, 59]);
			assert.deepEqual(lab.blocks({ l: 256, b: lab.bitmap() }), []);
		});
	}

	test("answers one request with 128 KB at most, and takes that as the number of blocks that were meant", () => {
		const lab = new Lab("cbor", 300_000);
		assert.deepEqual(lab.blocks({ l: 4096 }), range(0, 32));
		assert.deepEqual(lab.blocks({ l: 4096, n: 98_304 }), range(0, 32));
		assert.deepEqual(lab.blocks({ l: 4096, o: 1, b: new Uint8Array(100).fill(0xff) }), range(1, 33));
		assert.deepEqual(lab.blocks({ l: 131_072 }), [0]);
		assert.deepEqual(lab.blocks({ l: 100_000, n: 2 }), [0]);
		// 31 blocks of 4096 bytes and one of 2176, at the end: 73 blocks and the 74th.
		assert.deepEqual(lab.blocks({ l: 4096, o: 42 }), range(42, 74));
	});

	test("an empty file has no blocks, and is no error", () => {
		const lab = new Lab();
		lab.streams.put("lamp", "image", { version: 0, description: "", files: { 5: new Uint8Array(0) } });
		assert.deepEqual(lab.blocks({ s: 0, l: 256 }), []);
		assert.equal(lab.refusal("get", { f: 5, l: 256, o: 1 }), "OffsetOutOfBounds");
	});

	const refusals: [string, string, unknown, string][] = [
		["an operation that there is not", "list", {}, "InvalidTopic"],
		["a topic of the cloud's", "data", {}, "InvalidTopic"],
		["an array", "get", [], "InvalidRequest"],
		["a token that is no text", "describe", { c: 1 }, "InvalidRequest"],
		["a token that is too long", "describe", { c: "x".repeat(65) }, "InvalidRequest"],
		["no file", "get", { l: 256 }, "InvalidRequest"],
		["no block size", "get", { f: 5 }, "InvalidRequest"],
		["a file id that is too large", "get", { f: 256, l: 256 }, "InvalidRequest"],
		["a file id that is negative", "get", { f: -1, l: 256 }, "InvalidRequest"],
		["a block size that is text", "get", { f: 5, l: "256" }, "InvalidRequest"],
		["an offset that is no whole number", "get", { f: 5, l: 256, o: 0.5 }, "InvalidRequest"],
		["a version that is negative", "get", { f: 5, l: 256, s: -1 }, "InvalidRequest"],
		["a bitmap that is a number", "get", { f: 5, l: 256, b: 1 }, "InvalidRequest"],
		["a block that is too small", "get", { f: 5, l: 255 }, "BlockSizeOutOfBounds"],
		["a block that is too large", "get", { f: 5, l: 131_073 }, "BlockSizeOutOfBounds"],
		["an offset that is negative", "get", { f: 5, l: 256, o: -1 }, "OffsetOutOfBounds"],
		["an offset that is too large", "get", { f: 5, l: 256, o: 98_305 }, "OffsetOutOfBounds"],
		["an offset beyond the file", "get", { f: 5, l: 1000, o: 10 }, "OffsetOutOfBounds"],
		["too many blocks", "get", { f: 5, l: 256, n: 98_305 }, "BlockCountLimitExceeded"],
		["less than no blocks", "get", { f: 5, l: 256, n: -1 }, "BlockCountLimitExceeded"],
		["a file that there is not", "get", { f: 6, l: 256 }, "ResourceNotFound"],
		["an older version", "get", { f: 5, l: 256, s: 2 }, "VersionMismatch"],
		["a newer version", "get", { f: 5, l: 256, s: 4 }, "VersionMismatch"],
	];
	for (const format of FORMATS) {
		for (const [what, operation, body, code] of refusals) {
			test(`refuses ${what} with ${code} in ${format}`, () => {
				assert.equal(new Lab(format).refusal(operation, body), code);
			});
		}

		test(`refuses a bitmap that is too long in ${format}`, () => {
			const lab = new Lab(format);
			assert.equal(lab.refusal("get", { f: 5, l: 256, b: lab.bitmap(...new Uint8Array(12_288)) }), "BlockBitmapLimitExceeded");
			assert.deepEqual(lab.blocks({ l: 256, b: lab.bitmap(...new Uint8Array(12_287)) }), []);
		});
	}

	test("refuses what is not of its format", () => {
		for (const payload of [Uint8Array.of(0x7b), Uint8Array.of(0xff), new Uint8Array(0)]) {
			assert.equal(new Lab("json").refusal("get", payload), "InvalidJson");
			assert.equal(new Lab("cbor").refusal("get", payload), "InvalidCbor");
		}
		// A tag, a key that is a number, an undefined value, an array that is said to be larger than memory, a deep one, more than one item.
		for (const hex of ["c100", "a10102", "a16163f7", "9a7fffffff", "81".repeat(40) + "00", "81".repeat(120_000), "a000", "d81b8265576f726c646178"]) {
			assert.equal(new Lab("cbor").refusal("get", Uint8Array.from(Buffer.from(hex, "hex"))), "InvalidCbor", hex.slice(0, 20));
		}
		for (const b of ["123", "xy", new Array(1)]) assert.equal(new Lab("json").refusal("get", { f: 5, l: 256, b }), "InvalidRequest");
	});

	test("a block in JSON must fit into a message", () => {
		const lab = new Lab("json", 200_000);
		assert.equal(lab.refusal("get", { f: 5, l: 98_305 }), "BlockSizeOutOfBounds");
		assert.deepEqual(lab.blocks({ l: 98_304, o: 1, n: 1 }), [1]);
		assert.ok(JSON.stringify(lab.ask("get", { f: 5, l: 90_000 })[0]!.body).length < 131_072);
	});

	test("a topic without format is refused in JSON", () => {
		const lab = new Lab("json");
		assert.deepEqual(lab.cloud.ask(`${S}/get`, {}).map(({ topic, body }) => [topic, body.o]), [[`${S}/rejected/json`, "InvalidTopic"]]);
		assert.deepEqual(lab.cloud.ask(`${S}/get/xml`, {})[0]!.body.o, "InvalidTopic");
	});

	test("refusals echo the token", () => {
		assert.deepEqual(new Lab().ask("get", { c: "token" })[0]!.body.c, "token");
	});

	test("a stream that there is not, and one of another thing's, are told apart", () => {
		const lab = new Lab();
		lab.cloud.things.add("fan");
		assert.equal(lab.refusal("describe", {}, "$aws/things/lamp/streams/other"), "ResourceNotFound");
		assert.equal(lab.refusal("describe", {}, "$aws/things/fan/streams/image"), "Unauthorized");
		lab.streams.remove("lamp", "image");
		assert.equal(lab.refusal("describe", {}), "ResourceNotFound");
	});

	test("a file that was replaced where it is kept cannot be read, and a cloud that fails says so", () => {
		const lab = new Lab();
		lab.streams.put("lamp", "image", { version: 4, description: "", files: { 5: bytes(10) }, isReplaced: true });
		assert.equal(lab.ask("describe", {})[0]!.kind, "description");
		assert.equal(lab.refusal("get", { f: 5, l: 256 }), "ETagMismatch");
		lab.streams.failing = true;
		assert.equal(lab.refusal("describe", {}), "InternalError");
	});

	test("blocks come in another order, twice or not at all, when that is wanted", () => {
		const explicit = new Lab("cbor", 2560, { disturb: blocks => [...blocks].reverse().filter(block => block !== 4).flatMap(block => block === 2 ? [2, 2] : [block]) });
		assert.deepEqual(explicit.blocks({ l: 256 }), [9, 8, 7, 6, 5, 3, 2, 2, 1, 0]);
		const seeded = (seed: number) => new Lab("cbor", 25_600, { disturb: disturbance(new Random(seed), { drop: 0.1, duplicate: 0.1, reorder: 0.2 }) }).blocks({ l: 256 });
		const first = seeded(1), distinct = new Set(first);
		assert.deepEqual(first, seeded(1));
		assert.notDeepEqual(first, seeded(2));
		assert.ok(distinct.size < 100 && distinct.size > 80, "some are lost");
		assert.ok(first.length > distinct.size, "some come twice");
		assert.ok(first.some((block, index) => index > 0 && block < first[index - 1]!), "some come late");
		assert.deepEqual(disturbance(new Random(1), {})([1, 2, 3]), [1, 2, 3]);
		const shuffle = disturbance(new Random(1), { reorder: 1 });
		assert.equal(new Set(Array.from({ length: 100 }, () => shuffle([1, 2, 3]).join())).size, 6, "every order comes");
	});

	test("what cannot be a stream is none", () => {
		const lab = new Lab("json", 10, { streamCountMaximum: 2, byteMaximum: 100 });
		const good = { version: 0, description: "", files: { 0: bytes(1) } };
		for (const [thing, id, changes, code] of [
			["stranger", "image", {}, "argument"], ["lamp", "a/b", {}, "argument"], ["lamp", "image", { version: -1 }, "argument"],
			["lamp", "image", { files: {} }, "argument"], ["lamp", "image", { files: { 256: bytes(1) } }, "argument"], ["lamp", "image", { files: { first: bytes(1) } as never }, "argument"],
			["lamp", "x".repeat(129), {}, "argument"],
			["lamp", "image", { files: { 0: new Uint8Array(24 * 1024 * 1024 + 1) } }, "too-large"], ["lamp", "two", { files: { 0: bytes(90) } }, "full"],
		] as const) {
			assert.throws(() => { lab.streams.put(thing, id, { ...good, ...changes }); }, { code }, `${thing} ${id} ${code}`);
		}
		lab.streams.put("lamp", "two", good);
		assert.throws(() => { lab.streams.put("lamp", "three", good); }, { code: "full" });
		lab.streams.remove("lamp", "two");
		lab.streams.put("lamp", "x".repeat(128), good);
		lab.streams.remove("lamp", "x".repeat(128));
		lab.streams.put("lamp", "x", { ...good, files: { 255: bytes(1) } });
		// Its own place is free.
		lab.streams.put("lamp", "image", { ...good, files: { 0: bytes(99) } });
	});

	test("topics of others are left to them, and it never waits", () => {
		const lab = new Lab();
		for (const topic of ["$aws/things/lamp/jobs/get/json", "$aws/things/lamp/streams/image", "$aws/rules/lamp/streams/image/get/json"]) {
			assert.equal(lab.cloud.receive(topic, {}), false, topic);
		}
		assert.equal(lab.streams.deadline, Infinity);
	});
});
