// SPDX-License-Identifier: Apache-2.0
/** The log on flash: what is there after a reset, when it is written, how much, and what happens when flash refuses. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../../src/base/error.js";
import { Secret } from "../../../src/base/secret.js";
import { isAt } from "../../../src/bytes/word.js";
import type { Credentials } from "../../../src/identity/credentials.js";
import { FLASH_BYTES_PER_MINUTE, PAGE_LENGTH } from "../../../src/operations/flash-records.js";
import type { LogFields } from "../../../src/operations/log-record.js";
import { FLUSH_DELAY, type Log, type LogOptions } from "../../../src/operations/log.js";
import { MemoryPartition } from "../storage/memory-partition.js";
import { Random } from "../../property/random.js";
import { decoded, drain, LogHost, offered, open, records, retained, type Batch } from "./log-rig.js";

const flash = { partition: "log" };
const options: LogOptions = { flash, bytesPerMinute: 100_000 };

/** The host after a reset: what it keeps is there, and an hour has passed, so that all may be spent again. */
function reset(host: LogHost): LogHost {
	const next = new LogHost(host.partition);
	Object.assign(next.stored, host.stored);
	return next;
}

/** Says so many things that are for the flash, slowly enough for it. */
function say(host: LogHost, log: Log, count: number, length = 40): void {
	const lamp = log.logger("lamp");
	for (let index = 1; index <= count; index++) {
		lamp.warning(`${index} `.padEnd(length, "."));
		host.advance(12_000);
	}
}

const numbers = (log: Log, host: LogHost): number[] => records(log, host).map(([number]) => number);

test("what matters enough is there after a reset, before what came later, and once", () => {
	let host = new LogHost(), log = open(host, { ...options, level: "debug" }, 1);
	const lamp = log.logger("lamp");
	lamp.debug("a");
	lamp.warning("b");
	lamp.info("c");
	lamp.error("d", { deep: true });
	host.advance(0);
	host = reset(host);
	log = open(host, options, 2);
	log.logger("net").warning("e");
	log.logger("net").info("f");
	log.upload();
	const expected = [
		{ boot: 1, records: [[2, 0, 1, "lamp", "b"], [4, 0, 0, "lamp", "d", { deep: true }]] },
		{ boot: 2, records: [[1, 0, 1, "net", "e"], [2, 0, 2, "net", "f"]] },
	];
	assert.deepEqual(drain(log, host), expected);
	host = reset(host);
	log = open(host, { ...options, flash: { partition: "log", level: "info" } }, 0x12_3456);
	assert.deepEqual(records(log, host), [], "what the cloud has does not come again");
	log.logger("net").info("g");
	log.flush();
	log = open(host = reset(host), options, 0x12_3457);
	log.upload();
	assert.deepEqual(drain(log, host), [{ boot: 0x12_3456, records: [[1, 0, 2, "net", "g"]] }]);
});

test("records are committed by the page, a while after the first, and at once with an error", () => {
	const host = new LogHost(), log = open(host, options), lamp = log.logger("lamp");
	const { partition } = host;
	const operations = (): number => {
		host.advance(0);
		const { operations } = partition;
		partition.operations = 0;
		return operations;
	};
	lamp.warning("first");
	assert.equal(operations(), 2, "a block is begun");
	host.advance(FLUSH_DELAY - 1);
	lamp.warning("second");
	assert.equal(operations(), 0);
	host.advance(1);
	assert.equal(operations(), 1, "both in one");
	host.advance(60_000);
	assert.equal(operations(), 0);
	lamp.error("at once");
	assert.equal(operations(), 1);
	host.advance(60_000);
	assert.equal(operations(), 0);
	for (let index = 0; index * 64 < PAGE_LENGTH - 64; index++) lamp.warning("a quarter of some page or so");
	assert.equal(operations(), 0);
	log.flush();
	assert.equal(operations(), 1);
});

test("in no minute more goes to the flash than it bears, and the rest is told from RAM all the same", () => {
	const host = new LogHost(), log = open(host, { ...options, bytesPerMinute: 1_000_000, upload: "always" });
	const lamp = log.logger("lamp");
	const written: number[] = [];
	const { partition } = host;
	const write = partition.write.bind(partition);
	partition.write = (source, offset) => {
		written.push(source.byteLength);
		write(source, offset);
	};
	let kept = 0;
	for (let minute = 0; minute < 5; minute++) {
		written.length = 0;
		for (let second = 0; second < 60; second++) {
			for (let index = 0; index < 5; index++) lamp.error("again");
			host.advance(1000);
			for (let batch = offered(log, host); batch !== undefined; batch = offered(log, host)) {
				assert.equal(batch.lost, undefined);
				kept += batch.records.length;
				log.accepted(host.clock);
			}
		}
		// Headers of blocks come on top.
		const bytes = written.reduce((sum, length) => sum + length, 0);
		assert.ok(bytes <= FLASH_BYTES_PER_MINUTE + 16 && bytes > FLASH_BYTES_PER_MINUTE / 3, `${bytes} bytes in a minute`);
	}
	assert.ok(kept >= 5 * 60 * 5 - 12, "all but what waits for company");
});

test("a flash that is full gives up its oldest records, and they are counted", () => {
	for (const isReset of [false, true]) {
		let host = new LogHost(new MemoryPartition(512, 4)), log = open(host, options, 1);
		say(host, log, 100);
		if (isReset) log = open(host = reset(host), options, 2);
		if (isReset) say(host, log, 30);
		log.upload();
		const batches = drain(log, host);
		const all = batches.flatMap(({ boot, records }) => records.map(([number]) => (boot - 1) * 100 + number));
		const total = isReset ? 130 : 100;
		assert.deepEqual(all, all.map((_, index) => total - all.length + 1 + index), "the newest, in order");
		assert.equal(isReset ? all.length < 60 : all.length < 70, true);
		const lost = batches.reduce((sum, batch) => sum + (batch.lost ?? 0), 0);
		// What was lost before a reset nobody knows any more.
		if (!isReset) assert.equal(all.length + lost, total);
		else assert.ok(lost > 0);
	}
});

test("what RAM has no room for any more comes from the flash, each record once", () => {
	const host = new LogHost(), log = open(host, { ...options, memory: 1024 }), lamp = log.logger("lamp");
	for (let index = 1; index <= 60; index++) {
		if (index % 2 === 0) lamp.info("in RAM alone");
		else lamp.warning("on flash, too");
		host.advance(4_000);
	}
	log.upload();
	const batches = drain(log, host);
	const all = batches.flatMap((batch) => batch.records);
	assert.deepEqual(all.filter(([number]) => number % 2 === 1).map(([number]) => number), Array.from({ length: 30 }, (_, index) => 2 * index + 1));
	const lost = batches.reduce((sum, batch) => sum + (batch.lost ?? 0), 0);
	assert.ok(lost > 10);
	assert.equal(all.length + lost, 60);
	assert.deepEqual(all.map(([number]) => number), [...new Set(all.map(([number]) => number))].sort((left, right) => left - right));
});

test("a flash that refuses to write breaks nothing, and is told of once", () => {
	const host = new LogHost(), errors: string[] = [];
	const log = open(host, options, 1, { onError: (error) => { errors.push(error.code); log.logger("lamp").error("about itself"); } });
	host.partition.refuses = () => "nothing";
	say(host, log, 10);
	assert.deepEqual(errors, ["storage"]);
	host.partition.refuses = () => undefined;
	say(host, log, 10);
	assert.deepEqual(errors, ["storage"]);
	assert.deepEqual(numbers(log, host), Array.from({ length: 20 }, (_, index) => index + 1));
	const again = reset(host);
	log.close();
	assert.deepEqual(numbers(open(again, options, 2), again), []);
});

test("a flash that cannot be read any more, or never, is left alone", () => {
	let host = new LogHost(), log = open(host, options, 1);
	say(host, log, 5);
	host = reset(host);
	const errors: string[] = [];
	log = open(host, options, 2, { onError: (error) => errors.push(error.code) });
	log.logger("lamp").info("from RAM");
	host.partition.read = () => { throw new DeviceError("storage", "unreadable"); };
	assert.deepEqual(records(log, host).map((record) => record[4]), ["from RAM"]);
	host.advance(0);
	assert.deepEqual(errors, ["storage"]);
	const few = new LogHost(), short = open(few, { flash: { partition: "log", count: 1 } }, 1, { onError: (error) => errors.push(error.code) });
	short.logger("lamp").error("on no flash");
	few.advance(0);
	assert.deepEqual([numbers(short, few), errors], [[1], ["storage", "argument"]]);
	errors.pop();
	const other = new LogHost(host.partition);
	const deaf = open(other, options, 3, { onError: (error) => errors.push(error.code) });
	deaf.logger("lamp").error("still");
	other.advance(0);
	assert.deepEqual([numbers(deaf, other), errors], [[1], ["storage", "storage"]]);
});

test("storage that does not keep how far the cloud has the records brings them again after a reset, not before", () => {
	let host = new LogHost(), log = open(host, options, 1);
	say(host, log, 5);
	log = open(host = reset(host), options, 2);
	host.failingStore = "write";
	assert.deepEqual(numbers(log, host), [1, 2, 3, 4, 5]);
	assert.deepEqual(numbers(log, host), []);
	host.failingStore = undefined;
	assert.deepEqual(numbers(open(host = reset(host), options, 3), host), [1, 2, 3, 4, 5]);
});

test("a record that rots on the flash is left out, and those around it come", () => {
	let host = new LogHost(), log = open(host, options, 1);
	say(host, log, 9);
	const { cells } = host.partition;
	const fourth = cells.findIndex((cell, index) => cell === 0x34 && cells[index + 1] === 0x20 && cells[index + 2] === 0x2e);
	cells[fourth] = 0x78;
	log = open(host = reset(host), options, 2);
	assert.deepEqual(numbers(log, host), [1, 2, 3, 5, 6, 7, 8, 9]);
	assert.equal(log.deadline, Infinity);
});

test("after another life of the storage, records of higher boots are still those before", () => {
	let host = new LogHost(), log = open(host, options, 70_000);
	say(host, log, 3);
	host = new LogHost(host.partition);
	log = open(host, options, 1);
	log.logger("lamp").warning("now");
	log.upload();
	assert.deepEqual(drain(log, host).map(({ records }) => records.map(([number]) => number)), [[1, 2, 3], [1]]);
});

test("bytes of a key are nowhere, however a program that evades the types hands them in", () => {
	const random = new Random(3), key = Uint8Array.from({ length: 64 }, () => 128 + random.below(127)), pin = "correct-horse";
	const memory = retained().fill(0), host = new LogHost(new MemoryPartition(4096, 4), memory);
	const credentials: Credentials = { id: "lamp", endpoint: undefined, anchor: key, certificate: key, key, psk: key, oscore: key };
	const log = open(host, { ...options, level: "debug", flash: { partition: "log", level: "debug" }, echo: "debug" }), lamp = log.logger("lamp");
	const reports: Uint8Array[] = [];
	const ways: unknown[] = [
		key, credentials, { ...credentials }, { key: key.buffer }, { keys: [key] }, { view: new DataView(key.buffer) }, [key], new Secret(key),
		{ secret: new Secret(pin), text: new Secret({ key }) }, new Error("failed", { cause: key }), new Map([["key", key]]), () => key,
	];
	for (const way of ways) {
		lamp.error("here it is", way as LogFields);
		lamp.error(way as string);
		host.advance(30_000);
		log.upload();
		host.advance(0);
		for (let report = log.next(host.clock); report !== undefined; report = log.next(host.clock)) {
			reports.push(report.slice());
			log.accepted(host.clock);
			host.advance(0);
		}
	}
	assert.equal(reports.reduce((sum, report) => sum + (decoded(report) as Batch).records.length, 0), 2 * ways.length);
	const secret = Uint8Array.from(pin, (character) => character.charCodeAt(0));
	for (const bytes of [memory, host.partition.cells, ...reports]) {
		assert.ok(bytes.some((byte) => byte !== 0 && byte !== 0xff), "something is written");
		for (let start = 0; start < bytes.byteLength; start++) {
			const byte = bytes[start]!;
			if (byte === secret[0]) assert.ok(!isAt(secret, bytes, start), "the secret");
			if (byte < 128 || byte === 0xff) continue;
			for (let at = key.indexOf(byte); at >= 0; at = key.indexOf(byte, at + 1)) assert.ok(at > 60 || !isAt(key.subarray(at, at + 4), bytes, start), "bytes of the key");
		}
	}
	for (const line of host.lines) assert.ok(!line.includes(pin) && !line.includes(`${key[0]},${key[1]}`), line);
});
