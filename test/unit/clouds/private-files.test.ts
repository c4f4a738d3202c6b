// SPDX-License-Identifier: Apache-2.0
/** Files on the private cloud: topics and messages as documented, in order and in any, and what is no block is an error. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CBORObject } from "../../../src/cbor/value.js";
import type { PrivateCloudOptions } from "../../../src/clouds/private/index.js";
import { ANSWER_TIMEOUT } from "../../../src/base/service.js";
import type { DownloadOptions } from "../../../src/ota/download.js";
import { UpdateError } from "../../../src/ota/failure.js";
import type { OpenDownload } from "../../../src/ota/stream-source.js";
import { DeviceRig, PREFIX } from "../device-rig.js";
import { codeOf } from "../failure.js";
import { connack, suback, utf8 } from "../wire.js";
import { cbor } from "./aws-rig.js";

const LENGTH = 256;
const KEY = `${PREFIX}1-`;

class Rig {
	readonly device: DeviceRig;
	readonly opened: OpenDownload;

	constructor(options: DownloadOptions = {}, file = 0, cloud: PrivateCloudOptions = {}) {
		const rig = this.device = DeviceRig.synced({ cloud });
		this.opened = rig.device.download("image-1", file, {
			onBlock: (index, bytes, start, end) => { rig.lines.push(`block ${index} ${end - start} of ${bytes[start]}`); },
			onComplete: () => { rig.lines.push("complete"); },
			onFailed: (error) => { rig.lines.push(`failed ${error instanceof UpdateError ? error.reason : error.code}`); },
		}, { blockLength: LENGTH, window: 4, ...options });
		rig.host.advance(0);
		const subscribe = rig.stream.take();
		for (const topic of ["description", "data", "rejected"]) {
			// Each is asked for at QoS 0.
			assert.ok(subscribe.includes(`${utf8(`moorline/lamp-1/files/image-1/${topic}`)}00`), topic);
		}
		rig.stream.deliver(suback(Number.parseInt(subscribe.slice(4, 8), 16), 0, 0, 0));
	}

	block(index: number, length = LENGTH, more: CBORObject = {}): void {
		const message = { token: `${KEY}1`, index, bytes: new Uint8Array(length).fill(index), ...more };
		this.device.raw("files/image-1/data", cbor(message));
	}

	answer(kind: string, message: object): void {
		this.device.raw(`files/image-1/${kind}`, utf8(JSON.stringify(message).replace(`"token":"`, `"token":"${KEY}`)));
	}

	/** Requests since the last time; acknowledgements left out. */
	said(): string[] {
		return this.device.said().filter((line) => line.startsWith("files/")).map((line) => line.replace(`"1-`, `"`));
	}

	take(): string[] {
		return this.device.take();
	}
}

test("PrivateFile fetches a file from its description to its last block, which is short", () => {
	const rig = new Rig({}, 3);
	assert.deepEqual(rig.said(), [`files/image-1/describe {"token":"1","file":3}`]);
	rig.answer("description", { token: "1", size: 5 * LENGTH + 1, version: 7 });
	assert.deepEqual(rig.said(), [`files/image-1/get {"token":"2","length":256,"offset":0,"count":4,"version":7,"file":3}`]);
	for (const index of [3, 0, 0]) rig.block(index);
	assert.deepEqual(rig.take(), ["block 3 256 of 3", "block 0 256 of 0"]);
	assert.deepEqual(rig.said(), [`files/image-1/get {"token":"3","length":256,"offset":4,"count":2,"version":7,"file":3}`]);
	rig.device.host.advance(ANSWER_TIMEOUT);
	assert.deepEqual(rig.said(), [`files/image-1/get {"token":"4","length":256,"offset":1,"count":5,"version":7,"bitmap":"1b","file":3}`]);
	for (const index of [1, 2, 4]) rig.block(index);
	rig.block(5, 1);
	assert.deepEqual(rig.take(), ["block 1 256 of 1", "block 2 256 of 2", "block 4 256 of 4", "block 5 1 of 5", "complete"]);
	rig.opened.close();
	rig.opened.close();
	rig.block(5, 1);
	assert.deepEqual([rig.take(), rig.said()], [[], []]);
});

test("PrivateFile asks in CBOR where the device speaks it, and takes answers in either", () => {
	const rig = new Rig({ length: 4 * LENGTH }, 0, { format: "cbor" });
	assert.deepEqual(rig.said(), [`files/image-1/get ${cbor({ token: `${KEY}1`, length: LENGTH, offset: 0, count: 4 })}`]);
	rig.device.raw("files/image-1/rejected", cbor({ token: `${KEY}1`, code: 404, message: "no" }));
	assert.deepEqual(rig.take(), ["failed not-found"]);
});

test("PrivateFile: refusals by their numbers", () => {
	const ends: readonly [code: number, lines: string[]][] = [
		[400, ["failed rejected"]], [404, ["failed not-found"]], [409, ["failed changed"]], [413, ["failed rejected"]],
		[416, ["failed truncated"]], [429, []], [500, []], [503, []],
	];
	for (const [code, lines] of ends) {
		const rig = new Rig({ length: 4 * LENGTH });
		rig.said();
		rig.answer("rejected", { token: "0", code, message: "no" });
		assert.deepEqual(rig.take(), []);
		rig.answer("rejected", { token: "1", code, message: "no" });
		assert.deepEqual(rig.take(), lines, String(code));
		rig.device.host.advance(ANSWER_TIMEOUT);
		assert.equal(rig.said().length, lines.length === 0 ? 1 : 0);
	}
});

test("PrivateFile: what is no block is one error each, and changes nothing", () => {
	const rig = new Rig({ length: 4 * LENGTH });
	rig.said();
	const wrong: CBORObject[] = [{ bytes: "a" }, { bytes: null }, { index: 4 }, { index: -1 }, { index: "0" }, { index: 0.5 }, { bytes: new Uint8Array(0) }];
	for (const more of wrong) {
		rig.block(1, LENGTH, more);
		assert.deepEqual(rig.take(), ["error malformed"], JSON.stringify(more));
	}
	for (const payload of ["", "ff", "80", utf8("{}"), "a0", cbor({ token: 1, index: 1 })]) {
		rig.device.raw("files/image-1/data", payload);
		assert.deepEqual(rig.take(), ["error malformed"], payload);
	}
	for (const payload of ["", utf8("{"), utf8("[]"), cbor({ token: `${KEY}1`, size: new Uint8Array(1) })]) {
		rig.device.raw("files/image-1/description", payload);
		assert.deepEqual(rig.take(), ["error malformed"], payload);
	}
	// Somebody else's: another life's, or another download's.
	rig.block(1, LENGTH, { token: "x-1" });
	assert.deepEqual(rig.take(), []);
	assert.equal(codeOf(() => rig.device.device.download("a/b", 0, { onBlock() {}, onComplete() {}, onFailed() {} })), "argument");
	assert.equal(codeOf(() => rig.device.device.download("a", 256, { onBlock() {}, onComplete() {}, onFailed() {} })), "argument");
	for (const index of [0, 1, 2, 3]) rig.block(index);
	assert.equal(rig.take().at(-1), "complete");
});

test("PrivateFile: who pauses and loses the connection holds up nothing of the next one", () => {
	const rig = new Rig({ length: 4 * LENGTH });
	const { device, opened } = rig;
	opened.pause();
	device.stream.options.onError!(new Error("reset") as never);
	device.host.advance(0);
	opened.resume();
	device.host.advance(5_000);
	device.reach();
	device.stream.deliver(connack());
	const [, id = ""] = /^82[0-9a-f]{4}([0-9a-f]{4})/.exec(device.stream.take()) ?? [];
	device.stream.deliver(suback(Number.parseInt(id, 16), 1, 1, 1, 1, 1, 0, 0, 0));
	assert.equal(device.said().at(-1), `files/image-1/get {"token":"1-1","length":256,"offset":0,"count":4}`);
	device.device.publish("hello", "world");
	assert.deepEqual(device.said(), ["hello world"]);
});
