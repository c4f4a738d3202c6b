// SPDX-License-Identifier: Apache-2.0
/** AWS IoT streams: files in blocks, in both formats, and subscribed to for as long as one is fetched. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeBase64 } from "../../../src/bytes/base64.js";
import type { CBORObject } from "../../../src/cbor/value.js";
import type { Closer } from "../../../src/base/closer.js";
import type { Format } from "../../../src/clouds/format.js";
import { Download, type DownloadOptions } from "../../../src/ota/download.js";
import { ANSWER_TIMEOUT } from "../../../src/base/service.js";
import { codeOf } from "../failure.js";
import { utf8 } from "../wire.js";
import { AwsRig, cbor, THING } from "./aws-rig.js";

const LENGTH = 256;
const FILE = 3;

class Rig extends AwsRig {
	readonly topic = `$aws/things/${THING}/streams/image-1`;
	readonly download: Download;
	readonly closer: Closer;
	readonly #format: Format;

	constructor(format: Format, options: DownloadOptions) {
		super({ cloud: { format } });
		this.#format = format;
		this.accept();
		assert.deepEqual(this.take(), ["ready"]);
		this.download = new Download({
			onBlock: (index, bytes, start, end) => { this.lines.push(`block ${index} ${end - start} of ${bytes[start]}`); },
			onComplete: () => this.lines.push("complete"),
			onFailed: ({ code, message }) => this.lines.push(`failed ${code}: ${message}`),
		}, "t-", { blockLength: LENGTH, window: 4, ...options });
		this.closer = this.connection.addDownload("image-1", FILE, this.download);
		this.services.push(this.download);
		this.said();
	}

	override take(): string[] {
		return super.take().map((line) => line.replace(this.topic, "S"));
	}

	answer(kind: string, message: CBORObject): void {
		this.message(`${this.topic}/${kind}/${this.#format}`, this.#format === "cbor" ? cbor(message) : message);
	}

	block(index: number, length = LENGTH, more: CBORObject = {}): void {
		const bytes = new Uint8Array(length).fill(index);
		const p = this.#format === "cbor" ? bytes : encodeBase64(bytes);
		this.answer("data", { c: "t-1", f: FILE, l: length, i: index, p, ...more });
	}
}

for (const format of ["json", "cbor"] as const) {
	const said = (message: CBORObject): string => format === "json" ? JSON.stringify(message) : cbor(message);

	test(`AwsStream fetches a file in ${format}, from its description to its last block, which is short`, () => {
		const rig = new Rig(format, {});
		assert.deepEqual(rig.filters, ["description", "data", "rejected"].map((kind) => `${rig.topic}/${kind}/${format}`));
		assert.deepEqual(rig.take(), [`S/describe/${format} ${said({ c: "t-1" })}`]);
		rig.answer("description", { c: "t-1", s: 7, d: "image", r: [{ f: 1, z: 5 }, { f: FILE, z: 5 * LENGTH + 1 }] });
		assert.deepEqual(rig.take(), [`S/get/${format} ${said({ c: "t-2", f: FILE, l: LENGTH, o: 0, s: 7, n: 4 })}`]);
		for (const index of [3, 0, 0]) rig.block(index);
		// Four blocks and the request, at 12 ms each.
		rig.host.advance(60);
		assert.deepEqual(rig.take(), [
			"block 3 256 of 3", "block 0 256 of 0", `S/get/${format} ${said({ c: "t-3", f: FILE, l: LENGTH, o: 4, s: 7, n: 2 })}`,
		]);
		// Of another file of the same stream.
		rig.block(1, LENGTH, { f: 1 });
		rig.host.advance(ANSWER_TIMEOUT);
		const bitmap = Uint8Array.of(0b11011);
		assert.deepEqual(rig.take(), [
			`S/get/${format} ${said({ c: "t-4", f: FILE, l: LENGTH, o: 1, s: 7, b: format === "json" ? "1b" : bitmap })}`,
		]);
		for (const index of [1, 2, 4]) rig.block(index);
		rig.block(5, 1);
		assert.deepEqual(rig.take(), ["block 1 256 of 1", "block 2 256 of 2", "block 4 256 of 4", "block 5 1 of 5", "complete"]);
		rig.closer.close();
		rig.closer.close();
		assert.deepEqual(rig.take(), []);
		assert.deepEqual(rig.filters, []);
		// Late: nobody listens, and nothing is wrong with that.
		rig.block(5, 1);
		assert.deepEqual(rig.take(), []);
	});
}

test("AwsStream: refusals by their codes", () => {
	const rig = new Rig("cbor", { length: 4 * LENGTH });
	rig.take();
	rig.answer("rejected", { c: "t-1", o: "InternalError", m: "no" });
	assert.deepEqual(rig.take(), []);
	rig.host.advance(ANSWER_TIMEOUT);
	assert.equal(rig.take().length, 1);
	rig.answer("rejected", { o: "VersionMismatch", m: "no", c: "t-2" });
	assert.deepEqual(rig.take(), ["failed violation: file refused: VersionMismatch no"]);

	const ends: readonly [code: string, line: string][] = [
		["ETagMismatch", "failed violation: file refused: ETagMismatch no"],
		["Unauthorized", "failed rejected: file refused: Unauthorized no"],
		["OffsetOutOfBounds", "failed malformed: the file ends before its last block"],
	];
	for (const [o, line] of ends) {
		const other = new Rig("json", { length: 4 * LENGTH });
		other.take();
		other.answer("rejected", { o, m: "no", c: "t-1" });
		assert.deepEqual(other.take(), [line]);
	}

	const older = new Rig("cbor", { length: 4 * LENGTH });
	older.take();
	older.answer("rejected", { code: "ResourceNotFound", message: "no", clientToken: "t-1" });
	assert.deepEqual(older.take(), ["failed rejected: file refused: ResourceNotFound no"]);

	const missing = new Rig("cbor", {});
	missing.take();
	missing.answer("description", { c: "t-1", s: 1, d: "", r: [{ f: 0, z: 100 }] });
	assert.deepEqual(missing.take(), ["failed rejected: file refused: no such file"]);
});

test("AwsStream: what is no block is reported and changes nothing", () => {
	const rig = new Rig("json", { length: 4 * LENGTH });
	rig.take();
	for (const more of [{ p: null }, { p: "a" }, { p: 1 }, { i: 4 }, { i: -1 }, { i: "x" }, { i: null }, { p: "" }] as CBORObject[]) {
		rig.block(1, LENGTH, more);
		const lines = rig.take();
		assert.equal(lines.length, 1, JSON.stringify(more));
		assert.match(lines[0]!, /^fault malformed/, JSON.stringify(more));
	}
	rig.message(`${rig.topic}/data/json`, utf8("{"));
	assert.match(rig.take().join(), /^fault malformed/);
	rig.answer("description", { c: "t-1", r: 1 });
	assert.match(rig.take().join(), /^fault malformed/);
	assert.equal(rig.download.blocks!.missing, 4);
	assert.equal(codeOf(() => rig.connection.addDownload("a/b", 0, rig.download)), "argument");
});

test("AwsStream goes on after a lost connection, and lets another service of the same filters keep them", () => {
	const rig = new Rig("cbor", { length: 4 * LENGTH });
	rig.block(0);
	rig.take();
	rig.stream.options.onError!(new Error("reset") as never);
	rig.run();
	rig.accept(true);
	assert.deepEqual(rig.take().slice(-1), [`S/get/cbor ${cbor({ c: "t-2", f: FILE, l: LENGTH, o: 1, n: 3 })}`]);
	const other = rig.connection.addDownload("image-1", 0, new Download({ onBlock() {}, onComplete() {}, onFailed() {} }, "u-", { length: 1 }));
	rig.take();
	other.close();
	rig.take();
	assert.equal(rig.filters.length, 3 + 3);
});
