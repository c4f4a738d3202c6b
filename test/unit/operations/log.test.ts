// SPDX-License-Identifier: Apache-2.0
/** Log: what becomes a record and what does not, levels, limits, and batches for the cloud. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../../src/base/error.js";
import { Secret } from "../../../src/base/secret.js";
import { BATCH_DELAY, BATCH_RECORDS, MODULES_MAXIMUM, REFUSAL_DELAY } from "../../../src/operations/log.js";
import { FIELDS_LENGTH, FIELDS_MAXIMUM, MESSAGE_MAXIMUM, RECORD_LENGTH, type LogFields } from "../../../src/operations/log-record.js";
import { codeOf } from "../failure.js";
import { decoded, drain, LogHost, offered, open, records, retained } from "./log-rig.js";
import { text } from "../text.js";

test("Log keeps what its modules say, in order, with numbers and times of the boot", () => {
	const host = new LogHost(), log = open(host, { level: "debug" }, 7);
	const lamp = log.logger("lamp"), net = log.logger("net");
	lamp.info("on", { on: true, brightness: 30, color: "red", scene: null, warmth: -0.5 });
	host.advance(1500);
	net.error("gone");
	net.warning("back", {});
	lamp.debug("off");
	log.upload();
	assert.deepEqual(drain(log, host), [{
		boot: 7,
		records: [
			[1, 0, 2, "lamp", "on", { on: true, brightness: 30, color: "red", scene: null, warmth: -0.5 }],
			[2, 1500, 0, "net", "gone"],
			[3, 1500, 1, "net", "back", {}],
			[4, 1500, 3, "lamp", "off"],
		],
	}]);
	assert.equal(log.logger("lamp"), lamp);
});

test("Log writes what is no value as what its type is called, and looks into nothing", () => {
	const host = new LogHost(), log = open(host, { echo: "debug" }), lamp = log.logger("lamp");
	const key = new Uint8Array([1, 2, 3]);
	const strange = {
		key, secret: new Secret("pin"), a: [1], b: { pin: 1 }, c: undefined, d: () => 1, e: 5n,
	};
	lamp.info("strange", strange as unknown as LogFields);
	lamp.info("infinite", { a: NaN, b: Infinity, c: -0 });
	for (const fields of [key, [1, 2], new Secret("pin"), new Error("pin"), "pin", 5, null]) lamp.info("no fields", fields as unknown as LogFields);
	for (const message of [key, new Secret("pin"), undefined, { pin: 1 }]) lamp.info(message as unknown as string);
	const kept = records(log, host);
	assert.deepEqual(kept[0]![5], {
		key: "[object]", secret: "[secret]", a: "[object]", b: "[object]", c: "[undefined]", d: "[function]", e: "[bigint]",
	});
	assert.deepEqual(kept[1]![5], { a: "NaN", b: "Infinity", c: -0 });
	assert.deepEqual(kept.slice(2, 9).map((record) => record[5]), [
		{ fields: "[object]" }, { fields: "[object]" }, { fields: "[secret]" }, { fields: "[object]" }, { fields: "pin" }, { fields: 5 }, { fields: null },
	]);
	assert.deepEqual(kept.slice(9).map((record) => record[4]), ["[object]", "[secret]", "[undefined]", "[object]"]);
	assert.equal(host.lines[0], "0.000 info lamp: strange key=[object] secret=[secret] a=[object] b=[object] c=[undefined] d=[function] e=[bigint]");
	assert.deepEqual(host.lines.filter((line) => line.includes("pin")), ["0.000 info lamp: no fields fields=pin"], "the text that was given");
});

test("Log takes a secret for no field when it is compiled", () => {
	// @ts-expect-error Its type is none of a field's.
	const fields: LogFields = { pin: new Secret("1234") };
	// @ts-expect-error Nor are bytes.
	const more: LogFields = { key: new Uint8Array(1) };
	assert.ok(fields && more);
});

test("Log cuts what is too long behind a whole character", () => {
	const host = new LogHost(), log = open(host), lamp = log.logger("a-module.of_24:letters/x");
	const messages = ["x".repeat(500), "€".repeat(41), "😀".repeat(31), "a" + "😀".repeat(31), "ä".repeat(60), "ab" + "ä".repeat(60)];
	for (const message of messages) lamp.info(message);
	lamp.info("broken \ud83d", { broken: "\udc00" });
	const kept = records(log, host).map((record) => record[4]);
	assert.deepEqual(kept, [
		"x".repeat(MESSAGE_MAXIMUM), "€".repeat(40), "😀".repeat(30), "a" + "😀".repeat(29), "ä".repeat(60), "ab" + "ä".repeat(59), "[text]",
	]);
});

test("Log keeps as many fields as fit, and no record is longer than the longest", () => {
	const host = new LogHost(new LogHost().partition, retained()), log = open(host, { bytesPerMinute: 100_000 });
	const lamp = log.logger("a-module.of_24:letters/x");
	const many = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`f${index}`, index]));
	lamp.info("many", many);
	const long = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`${index}`.padEnd(40, "n"), "v".repeat(90)]));
	lamp.info("m".repeat(300), long);
	const numbers = Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`${index}`.padEnd(24, "n"), 0.1 + index]));
	lamp.info("m".repeat(300), numbers);
	const [first, second, third] = records(log, host);
	assert.deepEqual(Object.keys(first![5]!).length, FIELDS_MAXIMUM);
	assert.deepEqual(Object.keys(second![5]!), [`${"0".padEnd(22, "n")}~0`, `${"1".padEnd(22, "n")}~1`]);
	assert.deepEqual(Object.values(second![5]!), ["v".repeat(64), "v".repeat(8)]);
	assert.ok(Object.keys(third![5]!).length < 8 && Object.values(third![5]!).every((value, index) => value === 0.1 + index));
	lamp.info("alike", { ["ä".repeat(13)]: 1, ["ä".repeat(14)]: 2, ["ä".repeat(12)]: 3 });
	assert.deepEqual(records(log, host)[0]![5], { [`${"ä".repeat(11)}~0`]: 1, [`${"ä".repeat(11)}~1`]: 2, ["ä".repeat(12)]: 3 });
	const { byteLength } = text;
	assert.ok(byteLength(JSON.stringify(second)) < RECORD_LENGTH + 40 && FIELDS_LENGTH < RECORD_LENGTH);
});

test("Log goes on when a field throws, and hears nothing of what is logged meanwhile", () => {
	const host = new LogHost(), log = open(host, { echo: "info" }), lamp = log.logger("lamp");
	lamp.info("throws", { get broken(): number { throw new Error("no"); } });
	lamp.info("recursive", { get deep(): number { lamp.error("inside"); return 5; } });
	assert.deepEqual(records(log, host).map(([number, , , , message, fields]) => [number, message, fields]), [
		[1, "throws", undefined], [2, "recursive", { deep: 5 }],
	]);
	assert.deepEqual(host.lines, ["0.000 info lamp: throws", "0.000 info lamp: recursive deep=5"]);
});

test("Log formats nothing, and looks at nothing, where a level is off", () => {
	const host = new LogHost(), log = open(host), lamp = log.logger("lamp");
	lamp.debug("off", new Proxy({}, { get: () => assert.fail(), ownKeys: () => assert.fail(), getPrototypeOf: () => assert.fail() }));
	assert.deepEqual(records(log, host), []);
	assert.equal(log.deadline, Infinity);
});

test("levels are a module's own or that of all, and what is set for a time ends", () => {
	const host = new LogHost(), log = open(host, { level: "warning", modules: { net: "debug" } });
	const lamp = log.logger("lamp"), net = log.logger("net");
	log.logger("toString");
	const heard = (): string => {
		lamp.debug("lamp debug");
		lamp.info("lamp info");
		net.debug("net debug");
		return records(log, host).map((record) => record[4]).join(", ");
	};
	assert.equal(heard(), "net debug");
	log.setLevel("lamp", "debug", 60_000);
	assert.equal(heard(), "lamp debug, lamp info, net debug");
	host.advance(59_999);
	assert.equal(heard(), "lamp debug, lamp info, net debug");
	host.advance(1);
	assert.equal(heard(), "net debug");
	log.setLevel(undefined, "info", 5_000);
	log.setLevel("net", "error", 10_000);
	assert.equal(heard(), "lamp info");
	host.advance(5_000);
	assert.equal(heard(), "");
	host.advance(5_000);
	assert.equal(heard(), "net debug");
	log.setLevel("lamp", "info");
	host.advance(2 ** 31);
	assert.equal(heard(), "lamp info, net debug");
	log.setLevel("lamp", undefined);
	assert.equal(heard(), "net debug");
	for (const [module, level, time] of [["door", "info", 1], ["lamp", "loud", 1], ["lamp", "info", 0], ["lamp", "info", 2 ** 31], ["lamp", "info", 0.5]]) {
		assert.equal(codeOf(() => log.setLevel(module as string, level as "info", time as number)), "argument");
	}
	assert.equal(host.timers, 0);
});

test("Log refuses what cannot be meant", () => {
	const host = new LogHost();
	const log = open(host);
	for (const name of ["", "with space", "x".repeat(25), "ä"]) assert.equal(codeOf(() => log.logger(name)), "argument");
	for (let index = 0; index < MODULES_MAXIMUM; index++) log.logger(`m${index}`);
	assert.equal(codeOf(() => log.logger("one-more")), "full");
	for (const options of [{ level: "loud" as "info" }, { bytesPerMinute: 2047 }, { memory: 1000 }, { modules: { lamp: "x" as "info" } }]) {
		assert.equal(codeOf(() => open(host, options).logger("lamp")), "argument", JSON.stringify(options));
	}
});

test("Log lets no more bytes through in any minute than were set, and half of them of one module", () => {
	const host = new LogHost(new LogHost().partition, retained());
	const log = open(host, { bytesPerMinute: 4096, upload: "always" });
	const loud = log.logger("loud"), quiet = log.logger("quiet");
	const sent: { at: number; bytes: number }[] = [];
	let quietly = 0, lost = 0, kept = 0;
	const take = (): void => {
		if (host.clock < log.deadline) return;
		const report = log.next(host.clock);
		if (report === undefined) return;
		sent.push({ at: host.clock, bytes: report.byteLength });
		const batch = decoded(report) as { lost?: number; records: unknown[][] };
		quietly += batch.records.filter((record) => record[3] === "quiet").length;
		kept += batch.records.length;
		lost += batch.lost ?? 0;
		log.accepted(host.clock);
	};
	const seconds = 240;
	for (let second = 0; second < seconds; second++) {
		for (let index = 0; index < 10; index++) loud.info("the same, over and over", { second, index });
		if (second % 10 === 0) quiet.info("heard");
		host.advance(1000);
		take();
	}
	for (const { at } of sent) {
		const bytes = sent.filter((other) => other.at >= at && other.at < at + 60_000).reduce((sum, other) => sum + other.bytes, 0);
		assert.ok(bytes <= 4096, `${bytes} bytes in the minute from ${at} on`);
	}
	assert.ok(sent.reduce((sum, { bytes }) => sum + bytes, 0) > 4096, "they are used, too");
	log.upload();
	host.advance(60_000);
	take();
	host.advance(60_000);
	take();
	assert.equal(quietly, seconds / 10, "whoever says little is heard");
	assert.equal(kept + lost, seconds * 10 + seconds / 10, "each was sent, or counted");
});

test("on demand Log offers what is there when it is asked, and nothing else", () => {
	const host = new LogHost(), log = open(host), lamp = log.logger("lamp");
	lamp.info("before");
	assert.equal(log.deadline, Infinity);
	assert.equal(offered(log, host), undefined);
	let calls = 0;
	const counted = open(host, {}, 1, { onReport: () => calls++ });
	counted.upload();
	host.advance(0);
	assert.equal(calls, 0, "there is nothing");
	counted.logger("lamp").info("something");
	counted.upload();
	assert.equal(calls, 0, "not from inside the call");
	host.advance(0);
	assert.equal(calls, 1);
	log.upload();
	lamp.info("after");
	assert.deepEqual(offered(log, host)!.records.map((record) => record[4]), ["before"]);
	assert.deepEqual(log.next(host.clock), log.next(host.clock + 5), "the same until it is answered");
	log.accepted(host.clock);
	assert.equal(offered(log, host), undefined);
	assert.equal(log.deadline, Infinity);
	assert.deepEqual(records(log, host).map((record) => record[4]), ["after"]);
	log.accepted(host.clock);
	assert.deepEqual(records(log, host), []);
});

test("always means a while after the first record, or when there are enough of them", () => {
	const host = new LogHost();
	const times: number[] = [];
	const log = open(host, { upload: "always" }, 1, { onReport: () => times.push(host.clock) });
	const lamp = log.logger("lamp");
	const start = host.clock;
	lamp.info("one");
	host.advance(1000);
	lamp.info("two");
	assert.equal(log.deadline, start + BATCH_DELAY);
	host.advance(BATCH_DELAY);
	assert.deepEqual(times, [start + BATCH_DELAY]);
	assert.equal(offered(log, host)!.records.length, 2);
	for (let index = 0; index < BATCH_RECORDS; index++) lamp.info("more");
	log.accepted(host.clock);
	host.advance(0);
	assert.equal(times.length, 2);
	assert.equal(offered(log, host)!.records.length, BATCH_RECORDS);
});

test("what is refused is lost, and said to be", () => {
	const host = new LogHost(), log = open(host), lamp = log.logger("lamp");
	lamp.info("one");
	lamp.info("two");
	log.upload();
	assert.equal(offered(log, host)!.records.length, 2);
	log.refused(new DeviceError("rejected", "no"), host.clock);
	lamp.info("three");
	log.upload();
	assert.deepEqual(drain(log, host), [{ boot: 1, lost: 2, records: [[3, 0, 2, "lamp", "three"]] }]);
	lamp.info("four");
	log.upload();
	assert.equal(offered(log, host)!.lost, undefined);
	const always = open(host, { upload: "always" }), door = always.logger("door");
	door.info("five");
	host.advance(BATCH_DELAY);
	assert.equal(offered(always, host)!.records.length, 1);
	always.refused(new DeviceError("rejected", "no"), host.clock);
	door.info("as a program does that is told of it");
	assert.equal(always.deadline, host.clock + REFUSAL_DELAY);
	host.advance(REFUSAL_DELAY - 1);
	assert.equal(offered(always, host), undefined);
	host.advance(1);
	assert.equal(offered(always, host)!.lost, 1);
});

test("a batch under way is lost to no newer record, and lost records are counted once", () => {
	const host = new LogHost(), log = open(host, { memory: 1024, bytesPerMinute: 1_000_000 }), lamp = log.logger("lamp");
	for (let index = 0; index < 20; index++) lamp.info(`old ${index}`);
	log.upload();
	const batch = offered(log, host)!;
	for (let index = 0; index < 200; index++) lamp.info(`new ${index}`);
	assert.deepEqual(offered(log, host), batch);
	log.accepted(host.clock);
	log.upload();
	const rest = drain(log, host);
	const sent = [batch, ...rest].flatMap(({ records }) => records);
	assert.equal(sent.length + rest[0]!.lost! + (batch.lost ?? 0), 220);
	assert.equal(sent.at(-1)![4], "new 199");
	assert.deepEqual(sent.map(([number]) => number), sent.map(([number]) => number).sort((left, right) => left - right));
});

test("nothing follows a close", () => {
	const host = new LogHost();
	const log = open(host, { upload: "always", flash: { partition: "log" } }, 1, { onReport: () => assert.fail() });
	const lamp = log.logger("lamp");
	lamp.warning("last");
	log.close();
	lamp.warning("later");
	host.advance(100_000);
	assert.equal(host.timers, 0);
	assert.deepEqual(records(open(host, { flash: { partition: "log" } }, 2), host).map((record) => record[4]), ["last"]);
});
