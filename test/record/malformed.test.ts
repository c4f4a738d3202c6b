// SPDX-License-Identifier: Apache-2.0
/** What is no recording, or was one before something happened to it: one error with its code, and never another. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../src/base/error.js";
import { encodeFrame, FRAME_MAXIMUM, FrameType, MAGIC } from "../../hosts/record/frame.js";
import { isCall, Kind } from "../../hosts/record/kind.js";
import { Recording, replay } from "../../hosts/record/index.js";
import type { Record } from "../../hosts/record/record.js";
import { Random } from "../../hosts/world/random.js";
import { catching, take, type Taken } from "./take.js";

const SEED = Number(process.env["SEED"] ?? 1);
/** A changed record may have lost the answer that a program waits for, or be one that it does not look at. */
const CODES: readonly string[] = Object.freeze(["malformed", "rejected", "argument", "version"]);

const PROGRAM = `const host = moorlineHost;
	const domain = host.storage.open({ path: "things" }), flash = host.flash.open({ path: "session" }), cells = new Uint8Array(4);
	domain.write("count", Uint8Array.of((domain.read("count")?.[0] ?? 0) + 1));
	flash.write(Uint8Array.of(1, 2, 3, 4), 0);
	flash.read(cells, 0);
	host.random(cells);
	host.trace(cells.join() + " " + host.time.now() + " " + host.time.wall() + " " + host.system.identifier);
	try { host.flash.open({ path: "none" }); } catch (error) { host.trace(error.message); }
	new host.dns.io().resolve({ host: "127.0.0.1", onError() {}, onResolved() { host.trace("resolved"); host.timer.set(() => host.trace("done"), 1); } });`;

async function replayed(bytes: Uint8Array): Promise<string | undefined> {
	try {
		await replay({ recording: new Recording(bytes) });
		return undefined;
	} catch (error) {
		assert.ok(error instanceof DeviceError, String(error));
		return error.code;
	}
}

function recordsOf({ bytes }: Taken): Record[] {
	const recording = new Recording(bytes), records: Record[] = [];
	for (let record = recording.take(); record !== undefined; record = recording.take()) records.push(record);
	return records;
}

/** The same recording with other records: its checks are right. */
function rewrite({ bytes }: Taken, records: readonly (readonly unknown[])[]): Uint8Array {
	const [boot] = recordsOf({ bytes, traces: [] }), program = Buffer.from(new Recording(bytes).program(String(boot![3]))!);
	return Buffer.concat([MAGIC, encodeFrame(FrameType.PROGRAM, [boot![3], program.byteLength, 0, program]), encodeFrame(FrameType.RECORDS, records)]);
}

test("a byte that is altered anywhere is found, and what was cut off is not missed", async () => {
	const taken = await take(PROGRAM), { bytes } = taken, random = new Random(SEED);
	assert.equal(await replayed(bytes), undefined);
	for (let round = 0; round < 100; round++) {
		const altered = new Uint8Array(bytes);
		altered[random.between(0, bytes.byteLength - 1)]! ^= 1 << random.between(0, 7);
		let recording: Recording | undefined;
		try {
			recording = new Recording(altered);
		} catch (error) {
			assert.equal((error as DeviceError).code, "malformed");
		}
		// A length that became longer may look like a frame that was cut off.
		if (recording?.isWhole === true) assert.equal(await replayed(altered), "malformed");
	}
	for (let length = 0; length < bytes.byteLength; length += random.between(1, 60)) {
		const code = await replayed(bytes.subarray(0, length));
		if (length < MAGIC.byteLength) assert.equal(code, "malformed");
		// Without all of its program it cannot run.
		else assert.ok(code === undefined || code === "malformed" || code === "argument", `${length}: ${code}`);
	}
});

test("records that are wrong under a right check end in a code, too", async () => {
	const taken = await take(PROGRAM), records = recordsOf(taken), random = new Random(SEED);
	assert.equal(await replayed(rewrite(taken, records)), undefined);
	const junk: readonly unknown[] = [null, -1, 1.5, 2 ** 40, "x", new Uint8Array(3), [], {}, true, undefined];
	let refused = 0;
	for (const [index, record] of records.entries()) {
		for (let round = 0; round < 2; round++) {
			const place = random.between(0, record.length - 1), changed = [...record] as unknown[];
			changed[place] = junk[random.between(0, junk.length - 1)];
			const code = await replayed(rewrite(taken, [...records.slice(0, index), changed, ...records.slice(index + 1)]));
			if (code !== undefined) refused++;
			assert.ok(code === undefined || CODES.includes(code), `${index} ${place}: ${code}`);
		}
		const without = [...records.slice(0, index), ...records.slice(index + 1)];
		const code = await replayed(rewrite(taken, without));
		assert.ok(code === undefined || CODES.includes(code), `${index}: ${code}`);
		if (isCall(record[0])) assert.equal(code, "rejected", `without ${index}`);
	}
	assert.ok(refused > records.length / 2);
});

test("frames and programs that are none", async () => {
	const boot = [Kind.BOOT, 1, "node", "", "module", "power-on", false, false, null, null];
	const frames = (...parts: Uint8Array[]): Uint8Array => Buffer.concat([MAGIC, ...parts]);
	const head = Buffer.alloc(8);
	head.writeUInt32BE(FrameType.RECORDS << 24 | FRAME_MAXIMUM + 1);
	const cases: [bytes: Uint8Array, code: string][] = [
		[Buffer.from("MOORREC2"), "malformed"], [frames(head), "malformed"], [frames(Buffer.alloc(8)), "malformed"],
		[frames(encodeFrame(FrameType.RECORDS, [boot])), "argument"],
		[frames(encodeFrame(FrameType.RECORDS, [[Kind.BOOT, 2, ...boot.slice(2)]])), "version"],
		[frames(encodeFrame(FrameType.RECORDS, [[Kind.NOW, null, 1]])), "malformed"],
		[frames(encodeFrame(FrameType.RECORDS, [[999]])), "malformed"],
		[frames(encodeFrame(FrameType.RECORDS, [1])), "malformed"],
		[frames(encodeFrame(FrameType.PROGRAM, ["digest", 2 ** 40, 0, new Uint8Array(1)])), "malformed"],
		[frames(encodeFrame(FrameType.PROGRAM, ["digest", 4, 4, new Uint8Array(1)])), "malformed"],
		[frames(encodeFrame(FrameType.PROGRAM, ["", 1, 0, Buffer.from(";")]), encodeFrame(FrameType.RECORDS, [boot])), "malformed"],
	];
	for (const [index, [bytes, code]] of cases.entries()) assert.equal(await replayed(bytes), code, String(index));
	assert.equal(await replayed(MAGIC), undefined);
});

test("a device whose process was killed in a boot, and that booted again, is replayed through both", async () => {
	const program = PROGRAM.replace('host.trace("done")', '{ if (domain.read("count")[0] < 2) host.system.restart(); host.trace("done"); }');
	const taken = await take(program, { wrap: catching }), records = recordsOf(taken);
	const second = records.findIndex(([kind], index) => index > 0 && kind === Kind.BOOT);
	for (let killed = 1; killed < second; killed++) {
		const { boots, state } = await replay({ recording: new Recording(rewrite(taken, [...records.slice(0, killed), ...records.slice(second)])) });
		assert.equal(boots, 2);
		assert.ok(state !== undefined);
	}
});

test("a program lives on when its recording cannot be written any more", async () => {
	let failures = 0;
	const taken = await take(PROGRAM, { failsAfter: 1, onFailure: () => { failures++; } });
	assert.equal(taken.traces.at(-1), "done");
	assert.equal(failures, 1);
	assert.equal((await replay({ recording: new Recording(taken.bytes) })).state, undefined);
});
