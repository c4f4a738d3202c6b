// SPDX-License-Identifier: Apache-2.0
/** The firmware of a simulated cloud over HTTPS, asked by Node's own client: ranges, validators, and what goes wrong on demand. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { request } from "node:https";
import { after, before, suite, test } from "node:test";
import type { Cloud } from "../../hosts/simulator/index.js";
import { createCloud } from "../../hosts/simulator/index.js";
import { codeOf } from "../unit/failure.js";

const file = randomBytes(100_000);

interface Answer {
	status: number;
	headers: IncomingHttpHeaders;
	body: Buffer;
	/** It came to its end. */
	complete: boolean;
}

/** Whole or not. */
function closed(response: IncomingMessage): Promise<void> {
	response.on("error", () => { /* "close" follows. */ });
	return new Promise((resolve) => { response.once("close", resolve); });
}

suite("firmware over HTTPS", { timeout: 30_000 }, () => {
	let cloud: Cloud;
	let url: string;

	before(async () => {
		cloud = await createCloud();
		const { firmwarePort } = await cloud.serve({ firmwarePort: 0 });
		url = cloud.firmware.put("lamp-1.2.3.mrl", file);
		assert.equal(url, `https://localhost:${firmwarePort}/firmware/lamp-1.2.3.mrl`);
	});
	after(() => cloud.close());

	async function ask(headers: Readonly<Record<string, string>> = {}, method = "GET", target = url): Promise<Answer> {
		const asking = request(target, { method, headers, ca: cloud.authority.certificatePem, agent: false });
		asking.end();
		const [response] = await once(asking, "response") as [IncomingMessage];
		const pieces: Buffer[] = [];
		response.on("data", (piece: Buffer) => { pieces.push(piece); });
		await closed(response);
		return { status: response.statusCode!, headers: response.headers, body: Buffer.concat(pieces), complete: response.complete };
	}

	test("the whole file, with its length and a strong validator", async () => {
		const { status, headers, body, complete } = await ask();
		assert.deepEqual([status, headers["content-length"], headers["accept-ranges"], complete], [200, "100000", "bytes", true]);
		assert.match(headers.etag!, /^"[^"]+"$/);
		assert.ok(body.equals(file));
	});

	for (const [range, first, end] of [["0-0", 0, 1], ["4096-8191", 4_096, 8_192], ["99999-", 99_999, 100_000], ["99000-200000", 99_000, 100_000], ["-10", 99_990, 100_000]] as const) {
		test(`bytes=${range}`, async () => {
			const { status, headers, body } = await ask({ Range: `bytes=${range}` });
			assert.deepEqual([status, headers["content-range"], headers["content-length"]], [206, `bytes ${first}-${end - 1}/100000`, `${end - first}`]);
			assert.ok(body.equals(file.subarray(first, end)));
		});
	}

	test("a range behind the end", async () => {
		const { status, headers, body } = await ask({ Range: "bytes=100000-" });
		assert.deepEqual([status, headers["content-range"], body.byteLength], [416, "bytes */100000", 0]);
	});

	for (const range of ["bytes=0-1,4-5", "lines=0-1", "bytes=-", "bytes=a-b"]) {
		test(`a range that it does not know is ignored: ${range}`, async () => {
			assert.deepEqual((await ask({ Range: range })).status, 200);
		});
	}

	test("HEAD says the same without a body", async () => {
		const { status, headers, body } = await ask({ Range: "bytes=0-9" }, "HEAD");
		assert.deepEqual([status, headers["content-range"], headers["content-length"], body.byteLength], [206, "bytes 0-9/100000", "10", 0]);
	});

	test("what is not there, and what is not allowed", async () => {
		assert.equal((await ask({}, "GET", url.replace("lamp", "lump"))).status, 404);
		assert.equal((await ask({}, "GET", url.replace("firmware", "other"))).status, 404);
		assert.equal((await ask({}, "PUT")).status, 405);
		assert.equal((await ask({}, "GET", `${url}?signature=a%2Fb`)).status, 200);
	});

	test("another file by the same name has another validator, which If-Range asks for", async () => {
		const { headers: { etag } } = await ask();
		assert.equal((await ask({ Range: "bytes=0-9", "If-Range": etag! })).status, 206);
		cloud.firmware.put("lamp-1.2.3.mrl", file);
		const { status, headers } = await ask({ Range: "bytes=0-9", "If-Range": etag! });
		assert.equal(status, 200);
		assert.notEqual(headers.etag, etag);
		cloud.firmware.delete("lamp-1.2.3.mrl");
		assert.equal((await ask()).status, 404);
		cloud.firmware.put("lamp-1.2.3.mrl", file);
	});

	test("faults come in their order, as often as ordered", async () => {
		const { firmware } = cloud;
		firmware.fail({ status: 503, retryAfter: 7 }, 2);
		firmware.fail({ location: "/elsewhere" });
		firmware.fail({ location: "/elsewhere", status: 308 });
		firmware.fail({ ignoreRange: true });
		firmware.fail({ wrongRange: true });
		const seen: unknown[] = [];
		for (let count = 0; count < 7; count++) {
			const { status, headers } = await ask({ Range: "bytes=0-4095" });
			seen.push([status, headers["retry-after"] ?? headers.location ?? headers["content-range"]]);
		}
		assert.deepEqual(seen, [
			[503, "7"], [503, "7"], [302, "/elsewhere"], [308, "/elsewhere"], [200, undefined], [206, "bytes 4096-8191/100000"], [206, "bytes 0-4095/100000"],
		]);
		firmware.fail({ status: 500 }, Infinity);
		assert.equal((await ask()).status, 500);
		firmware.repair();
		assert.equal((await ask()).status, 200);
	});

	for (const count of [0, 1, 70_000]) {
		test(`a connection that is cut after ${count} bytes of the body`, async () => {
			cloud.firmware.fail({ resetAfter: count });
			const { body, complete, headers } = await ask();
			assert.deepEqual([body.byteLength, complete, headers["content-length"]], [count, false, "100000"]);
		});
	}

	test("chunks, a length that is not true, and a trickle", async () => {
		cloud.firmware.fail({ chunked: true });
		const chunked = await ask();
		assert.deepEqual([chunked.headers["transfer-encoding"], chunked.headers["content-length"], chunked.complete], ["chunked", undefined, true]);
		assert.ok(chunked.body.equals(file));
		cloud.firmware.fail({ missing: 5 });
		const short = await ask();
		assert.deepEqual([short.headers["content-length"], short.body.byteLength, short.complete], ["100005", 100_000, false]);
		cloud.firmware.fail({ trickle: { count: 30_000, interval: 5 } });
		const slow = await ask();
		assert.ok(slow.complete && slow.body.equals(file));
	});

	test("it remembers what was asked", async () => {
		await ask({ Range: "bytes=0-9" });
		assert.deepEqual(cloud.firmware.requests.at(-1), { method: "GET", target: "/firmware/lamp-1.2.3.mrl", range: "bytes=0-9", ifRange: undefined });
	});

	test("what cannot be a name is refused, and so is a file that nobody could fetch", async () => {
		for (const name of ["", "a/b", "../a", "a b", "a?b"]) assert.equal(codeOf(() => cloud.firmware.put(name, file)), "argument");
		const other = await createCloud();
		assert.equal(codeOf(() => other.firmware.put("a", file)), "state");
	});

	test("close ends what is under way", async () => {
		const other = await createCloud();
		await other.serve({ firmwarePort: 0 });
		const target = other.firmware.put("slow", file);
		other.firmware.fail({ trickle: { count: 1, interval: 1_000 } });
		const asking = request(target, { ca: other.authority.certificatePem, agent: false });
		asking.end();
		const [response] = await once(asking, "response") as [IncomingMessage];
		response.resume();
		await Promise.all([other.close(), closed(response)]);
		assert.equal(response.complete, false);
	});
});
