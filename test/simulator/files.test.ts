// SPDX-License-Identifier: Apache-2.0
/** Files of the private cloud, as a device asks for them and as an operator puts them. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { FileService } from "../../hosts/simulator/services/files.js";
import { MannersBook } from "../../hosts/simulator/services/manners.js";
import type { StreamsOptions } from "../../hosts/simulator/clouds/aws/streams.js";
import { DeviceError } from "../../src/base/error.js";
import { Wire } from "./wire.js";

const WALL = 1_700_000_000_000;

function bytes(length: number): Uint8Array {
	return Uint8Array.from({ length }, (_, index) => index * 7 ^ index >> 8);
}

function setup(options: StreamsOptions = {}) {
	const wire = new Wire(), manners = new MannersBook(() => {});
	const files = new FileService({ wall: () => WALL, manners, ...options });
	manners.watch(wire);
	files.attach(wire);
	files.put("lamp", "image", { 0: bytes(1_000), 3: bytes(256) });
	return { wire, files };
}

/** The indices of the blocks in `lines`; what is in each was checked. */
function blocks(lines: readonly string[], file: Uint8Array, length = 256): number[] {
	return lines.map(line => {
		const [, text = ""] = /^lamp\/files\/image\/data qos 0 \(cbor\) (.*)$/.exec(line) ?? [];
		const message = JSON.parse(text) as { token: string; index: number; bytes: Record<string, number> };
		assert.deepEqual(Object.keys(message), ["token", "index", "bytes"]);
		assert.equal(message.token, "a");
		assert.deepEqual(Uint8Array.from(Object.values(message.bytes)), file.slice(message.index * length, (message.index + 1) * length));
		return message.index;
	});
}

const codeOf = (action: () => void): string => {
	try {
		action();
	} catch (error) {
		if (error instanceof DeviceError) return error.code;
	}
	return "";
};

const GET = { token: "a", length: 256, offset: 0, count: 4 };

suite("Private cloud: files", () => {
	test("a file is described, and comes in blocks by range and by bitmap", () => {
		const { wire } = setup();
		assert.deepEqual(wire.send("lamp/files/image/describe", { token: "a" }), [`lamp/files/image/description qos 0 {"token":"a","size":1000,"version":${WALL}}`]);
		assert.deepEqual(wire.send("lamp/files/image/describe", { token: "a", file: 3 }), [`lamp/files/image/description qos 0 {"token":"a","size":256,"version":${WALL}}`]);
		const get = (more: object, file = bytes(1_000)) => blocks(wire.send("lamp/files/image/get", { ...GET, ...more }), file);
		assert.deepEqual(get({}), [0, 1, 2, 3]);
		assert.deepEqual(get({ offset: 1, count: 2 }), [1, 2]);
		assert.deepEqual(get({ offset: 3, count: 9 }), [3]);
		assert.deepEqual(get({ file: 3 }, bytes(256)), [0]);
		assert.deepEqual(get({ offset: 1, bitmap: "05" }), [1, 3]);
		assert.deepEqual(get({ version: WALL }), [0, 1, 2, 3]);
		// Asked in CBOR, answered as always.
		assert.deepEqual(blocks(wire.send("lamp/files/image/get", GET, { format: "cbor" }), bytes(1_000)), [0, 1, 2, 3]);
	});

	test("one request is answered with 128 KB at most", () => {
		const { wire, files } = setup();
		files.put("lamp", "image", bytes(200_000));
		assert.equal(wire.send("lamp/files/image/get", { ...GET, length: 4_096, count: 100 }).length, 32);
	});

	test("refusals have a number, in the format that the device wants", () => {
		const { wire, files } = setup();
		files.put("lamp", "old", bytes(256), { isReplaced: true });
		files.put("other", "theirs", bytes(256));
		const refused: readonly [topic: string, message: object | string, code: number][] = [
			["image/get", "{", 400], ["image/get", "[]", 400], ["image/get", { ...GET, token: 1 }, 400], ["image/get", {}, 400],
			["image/get", { ...GET, length: 255 }, 400], ["image/get", { ...GET, length: 131_073 }, 400], ["image/get", { ...GET, length: "256" }, 400],
			["image/get", { ...GET, count: -1 }, 400], ["image/get", { ...GET, count: 1e9 }, 400], ["image/get", { ...GET, offset: "0" }, 400],
			["image/get", { ...GET, bitmap: "0" }, 400], ["image/get", { ...GET, bitmap: 1 }, 400], ["image/get", { ...GET, bitmap: "ff".repeat(12_288) }, 400],
			["image/get", { ...GET, version: "1" }, 400], ["image/get", { ...GET, file: 256 }, 400], ["image/get", { ...GET, file: "0" }, 400],
			["image/get", { ...GET, file: 1 }, 404], ["none/get", GET, 404], ["theirs/get", GET, 404], ["image/describe", { file: 1 }, 404], ["none/describe", {}, 404],
			["image/get", { ...GET, version: WALL + 1 }, 409], ["old/get", GET, 409], ["image/get", "x".repeat(40_000), 413],
			["image/get", { ...GET, offset: 4 }, 416], ["image/get", { ...GET, offset: 98_305 }, 416],
		];
		for (const [topic, message, code] of refused) {
			const [line = "", ...more] = wire.send(`lamp/files/${topic}`, message);
			assert.match(line, new RegExp(`^lamp/files/\\w+/rejected qos 0 \\{("token":"a",)?"code":${code},"message":"[^"]+"\\}$`), `${topic} ${JSON.stringify(message).slice(0, 80)}`);
			assert.deepEqual(more, []);
		}
		files.failing = true;
		assert.match(wire.send("lamp/files/image/get", GET)[0]!, /"code":500/);
		wire.send("lamp/status", { online: true, format: "cbor" });
		assert.match(wire.send("lamp/files/image/get", GET)[0]!, /rejected qos 0 \(cbor\) \{"token":"a","code":500/);
		files.failing = false;
		assert.equal(wire.send("lamp/files/image/get", GET).length, 4);
	});

	test("what is retained, of no device or of no name is passed over", () => {
		const { wire } = setup();
		assert.deepEqual(wire.send("lamp/files/image/get", GET, { retain: true }), []);
		assert.deepEqual(wire.send("$x/files/image/get", GET), []);
		assert.deepEqual(wire.send("lamp/files/im.age/get", GET), []);
	});

	test("an operator replaces and removes files, and is told what cannot be", () => {
		const { wire, files } = setup({ byteMaximum: 2_000, streamCountMaximum: 2 });
		files.put("lamp", "image", bytes(256));
		assert.match(wire.send("lamp/files/image/describe", { token: "a" })[0]!, new RegExp(`"size":256,"version":${WALL + 1}`));
		files.remove("lamp", "image");
		files.remove("lamp", "image");
		assert.match(wire.send("lamp/files/image/describe", { token: "a" })[0]!, /"code":404/);
		assert.equal(codeOf(() => files.put("$x", "image", bytes(1))), "argument");
		assert.equal(codeOf(() => files.put("lamp", "im.age", bytes(1))), "argument");
		assert.equal(codeOf(() => files.put("lamp", "image", {})), "argument");
		assert.equal(codeOf(() => files.put("lamp", "image", { 256: bytes(1) })), "argument");
		assert.equal(codeOf(() => files.put("lamp", "image", new Uint8Array(24 * 1024 * 1024 + 1))), "too-large");
		assert.equal(codeOf(() => files.put("lamp", "image", bytes(2_001))), "full");
	});
});
