// SPDX-License-Identifier: Apache-2.0
/** Signed commands: each is done once, by the device that it is for, in time; all else is refused, and says why. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CBORValue } from "../../src/cbor/value.js";
import { command } from "../../src/operations/declared.js";
import type { HandlersOptions } from "../../src/operations/handlers.js";
import { USED_MAXIMUM, VALIDITY_MAXIMUM } from "../../src/operations/used.js";
import { model, number } from "../../src/shadow/model.js";
import { base64url, EDDSA_KEY, envelope, KEY, NOW, Scene, type EnvelopeOptions } from "./handlers.js";

/** What the lock did. */
interface Diary { opened: string[] }

function lock(diary: Diary): HandlersOptions {
	return {
		commandKeys: [KEY],
		commands: {
			unlock: command({
				signed: true,
				parameters: model({ seconds: number() }),
				handler(call) {
					diary.opened.push(`${call.id} ${call.parameters.seconds}`);
					call.succeed();
				},
			}),
			lock: () => void diary.opened.push("locked"),
		},
	};
}

const unlock = (id: string, more: Record<string, CBORValue> = {}, options?: EnvelopeOptions): { signed: Uint8Array } =>
	({ signed: envelope({ id, command: "unlock", parameters: { seconds: 5 }, ...more }, options) });

test("a signed command is done, as bytes and as text; one that need not be signed may be", () => {
	const diary: Diary = { opened: [] };
	const scene = new Scene(lock(diary));
	assert.equal(scene.told("a", unlock("a")), "SUCCEEDED");
	assert.equal(scene.told("b", { signed: base64url(unlock("b", { parameters: { seconds: 7 }, iat: NOW, more: [1] }).signed) }), "SUCCEEDED");
	assert.equal(scene.told("c", { signed: envelope({ id: "c", command: "lock" }) }), "SUCCEEDED");
	assert.equal(scene.told("d", { command: "lock" }), "SUCCEEDED");
	assert.equal(scene.told("e", { signed: envelope({ id: "e", command: "ping" }) }), "SUCCEEDED");
	// As Golioth has it.
	assert.equal(scene.told("f", { method: "signed", params: [unlock("f").signed] }), "SUCCEEDED");
	assert.equal(scene.told("g", { method: "unlock", params: [{ seconds: 5 }] }), "REJECTED NOT_SIGNED");
	assert.equal(scene.told("h", { method: "lock", params: [] }), "SUCCEEDED");
	assert.equal(scene.told("i", { method: "lock", params: [{}, {}] }), "REJECTED BAD_PARAMETERS");
	assert.deepEqual(diary.opened, ["a 5", "b 7", "locked", "locked", "f 5", "locked"]);
});

test("whatever is wrong with an envelope, it is refused for that, and nothing is done", () => {
	const diary: Diary = { opened: [] };
	const scene = new Scene(lock(diary));
	const good = unlock("x").signed;
	const text = base64url(good);
	const cases: [string, CBORValue, string][] = [
		["unsigned", { command: "unlock", parameters: { seconds: 5 } }, "NOT_SIGNED"],
		["another key", unlock("another key", {}, { kid: "ffffffffffffffff" }), "UNKNOWN_KEY"],
		["parameters altered", unlock("parameters altered", {}, { altered: { parameters: { seconds: 500 } } }), "BAD_SIGNATURE"],
		["audience altered", unlock("audience altered", { aud: "lock-8" }, { altered: { aud: "lock-7" } }), "BAD_SIGNATURE"],
		["another algorithm", unlock("another algorithm", {}, { algorithm: -8 }), "BAD_SIGNATURE"],
		["expired", unlock("expired", { exp: NOW }), "EXPIRED"],
		["long ago", unlock("long ago", { exp: -5 }), "EXPIRED"],
		["too long valid", unlock("too long valid", { exp: NOW + VALIDITY_MAXIMUM + 3_600 }), "TOO_LONG_VALID"],
		["for ever", unlock("for ever", { exp: Number.MAX_SAFE_INTEGER }), "TOO_LONG_VALID"],
		["another device", unlock("another device", { aud: "lock-8" }), "WRONG_DEVICE"],
		["another request", unlock("x"), "REPLAYED"],
		["no such command", { signed: envelope({ id: "no such command", command: "dance" }) }, "UNKNOWN_COMMAND"],
		["bad parameters", unlock("bad parameters", { parameters: { seconds: "5" } }), "BAD_PARAMETERS"],
		["cut", { signed: good.subarray(0, 60) }, "MALFORMED"],
		["trailing", { signed: base64url(good) + "AAAA" }, "MALFORMED"],
		["no base 64", { signed: `${text.slice(0, -1)}=` }, "MALFORMED"],
		["no text", { signed: 7 }, "MALFORMED"],
		["nothing", { signed: null }, "MALFORMED"],
		["no map", unlock("no map", {}, { payload: [1] }), "MALFORMED"],
		["bytes", unlock("bytes", {}, { payload: new Uint8Array(3) }), "MALFORMED"],
		["no exp", unlock("no exp", { exp: "tomorrow" }), "MALFORMED"],
		["no id", unlock("", { id: 7 }), "MALFORMED"],
		["no nonce", { signed: envelope({ nonce: 7, command: "unlock" }) }, "MALFORMED"],
		["neither", { signed: envelope({ command: "unlock" }) }, "MALFORMED"],
		["both", unlock("both", { nonce: "once" }), "MALFORMED"],
	];
	for (const [id, payload, reason] of cases) assert.equal(scene.told(id, payload), `REJECTED ${reason}`, id);
	assert.deepEqual([diary.opened, scene.errors], [[], []]);
	assert.equal(scene.told("y", unlock("y")), "SUCCEEDED");
});

test("without commandKeys nobody's signature is good", () => {
	const scene = new Scene({});
	assert.equal(scene.told("a", { signed: envelope({ id: "a", command: "ping" }) }), "REJECTED UNKNOWN_KEY");
});

test("a device that does not know the time does nothing that is signed", () => {
	const scene = new Scene(lock({ opened: [] }), { wall: null });
	assert.equal(scene.told("a", unlock("a")), "REJECTED NO_CLOCK");
});

test("a platform that cannot verify does nothing that is signed, and says so", () => {
	const scene = new Scene(lock({ opened: [] }), { verify: undefined });
	assert.equal(scene.told("a", unlock("a")), "REJECTED NOT_VERIFIED");
	const broken = new Scene(lock({ opened: [] }), { verify: () => { throw new Error("no point"); } });
	assert.equal(broken.told("a", unlock("a")), "REJECTED UNKNOWN_KEY");
	assert.deepEqual(scene.errors, ["unsupported"]);
});

test("Ed25519 is verified in a turn of its own, by what the program brings", () => {
	const diary: Diary = { opened: [] };
	const seen: number[] = [];
	const scene = new Scene({
		...lock(diary), commandKeys: [EDDSA_KEY],
		ed25519: {
			verify(signature, bytes, key) {
				seen.push(signature.byteLength, key.byteLength);
				return bytes.byteLength > 50;
			},
		},
	});
	assert.equal(scene.told("a", unlock("a", {}, { algorithm: -8 })), "SUCCEEDED");
	assert.deepEqual([seen, diary.opened], [[64, 32], ["a 5"]]);
});

test("what was done is not done again: not after a reset, nor once it has expired, nor when the clock is set back", () => {
	const diary: Diary = { opened: [] };
	// What was done is in nobody else's memory any more.
	const scene = new Scene(lock(diary), {}, false);
	const first = unlock("a", { exp: NOW + 300 });
	assert.equal(scene.told("a", first), "SUCCEEDED");
	const again = (): string => {
		scene.device.restart();
		scene.settle();
		return scene.told("a", first);
	};
	assert.equal(again(), "REJECTED REPLAYED");
	scene.world.clock.set((NOW + 400) * 1_000);
	assert.equal(again(), "REJECTED REPLAYED");
	// Others come, until the first has to make room.
	for (let index = 0; index < USED_MAXIMUM; index++) {
		assert.equal(scene.told(`b${index}`, unlock(`b${index}`, { exp: NOW + 4_000 })), "SUCCEEDED");
	}
	assert.equal(scene.told("c", unlock("c", { exp: NOW + 4_000 })), "REJECTED FULL");
	scene.world.clock.set(NOW * 1_000);
	assert.equal(again(), "REJECTED EXPIRED");
	assert.equal(scene.told("d", unlock("d", { exp: NOW + 301 })), "REJECTED FULL");
	assert.equal(diary.opened.length, 1 + USED_MAXIMUM);
	// Where all have expired, all but the latest time of them is forgotten.
	scene.world.clock.set((NOW + 5_000) * 1_000);
	assert.equal(scene.told("e", unlock("e", { exp: NOW + 6_000 })), "SUCCEEDED");
	scene.world.clock.set(NOW * 1_000);
	assert.equal(scene.told("f", unlock("f", { exp: NOW + 4_000 })), "REJECTED EXPIRED");
	assert.equal(scene.told("g", unlock("g", { exp: NOW + 4_001 })), "SUCCEEDED");
});

test("a command that ended while its signature was verified is not begun", () => {
	const diary: Diary = { opened: [] };
	const scene = new Scene(lock(diary));
	scene.send("a", unlock("a"));
	scene.world.run(scene.world.clock.now + 100);
	scene.handlers.close();
	scene.settle();
	assert.deepEqual([diary.opened, scene.answers["a"]!.status], [[], "IN_PROGRESS"]);
	const other = new Scene(lock(diary));
	other.send("a", unlock("a"));
	other.world.run(other.world.clock.now + 100);
	other.cancel("a");
	other.settle();
	assert.deepEqual([diary.opened, other.answers["a"]!.status], [[], "CANCELED"]);
});

test("a signed command goes on after a reset where it is declared to: it was admitted before, whatever time it is", () => {
	const lines: string[] = [];
	const scene = new Scene({
		commandKeys: [KEY],
		commands: {
			walk: { signed: true, resumes: true, handler: (call) => call.resumed ? call.succeed({ from: call.checkpoint }) : call.progress("BEGUN", "", "2") },
			unlock: { signed: true, handler: (call) => void lines.push(call.id) },
		},
	});
	scene.send("a", { signed: envelope({ id: "a", command: "walk" }) });
	scene.send("b", unlock("b"));
	scene.settle();
	scene.device.restart();
	scene.world.clock.set((NOW + 10_000) * 1_000);
	scene.settle();
	assert.deepEqual(scene.answers["a"]!.result, { from: "2" });
	assert.equal(scene.answers["b"]!.reason, "INTERRUPTED");
	// What was not verified yet when the reset came is looked at as if it had just come.
	scene.send("c", unlock("c", { exp: NOW + 20_000 }));
	scene.send("d", unlock("d"));
	scene.world.run(scene.world.clock.now + 100);
	scene.device.restart();
	scene.settle();
	assert.deepEqual(lines, ["b", "c"]);
	assert.equal(scene.answers["d"]!.reason, "EXPIRED");
});

test("where the cloud makes up identifiers a nonce is signed, which is good once, in whatever request", () => {
	const diary: Diary = { opened: [] };
	const scene = new Scene(lock(diary));
	const once = { signed: envelope({ nonce: "once", command: "unlock", parameters: { seconds: 5 } }) };
	assert.equal(scene.told("a", once), "SUCCEEDED");
	assert.equal(scene.told("b", once), "REJECTED REPLAYED");
	assert.equal(scene.told("once", unlock("once")), "SUCCEEDED");
	assert.deepEqual(diary.opened, ["a 5", "once 5"]);
});

test("a reset while an envelope is verified again does not have it done again", () => {
	let runs = 0;
	const scene = new Scene({
		commandKeys: [KEY],
		commands: {
			walk: {
				signed: true, resumes: true,
				handler: (call) => {
					runs++;
					call.succeed();
				},
			},
			stand: { signed: true, handler: (call) => call.progress("BEGUN", "", "half way") },
		},
	});
	const once = { signed: envelope({ nonce: "once", command: "walk" }) };
	assert.equal(scene.told("a", once), "SUCCEEDED");
	scene.send("b", once);
	scene.send("c", { signed: envelope({ id: "c", command: "stand" }) });
	scene.world.run(scene.world.clock.now + 100);
	scene.device.restart();
	scene.settle();
	assert.equal(scene.answers["b"]!.reason, "INTERRUPTED");
	assert.equal(scene.answers["c"]!.reason, "BEGUN");
	scene.device.restart();
	scene.settle();
	assert.equal(scene.answers["c"]!.reason, "INTERRUPTED");
	assert.equal(runs, 1);
});

test("the power may fail at any operation, and what is sent again and again is done once at most", () => {
	const done: number[] = [];
	for (const [tear, remembers] of [["none", true], ["whole", true], ["none", false], ["whole", false]] as const) {
		for (let cut = 1; ; cut++) {
			const diary: Diary = { opened: [] };
			const scene = new Scene(lock(diary), {}, remembers);
			const before = scene.device.operations;
			scene.device.cutPowerAt(before + cut, tear);
			const requests = ["a", "b", "c"].map((id) => [id, unlock(id)] as const);
			for (let round = 0; round < 3; round++) {
				for (const [id, request] of requests) scene.send(id, request);
				scene.settle();
				if (round === 1) scene.device.restart();
				scene.settle();
			}
			assert.equal(new Set(diary.opened).size, diary.opened.length, `${tear} ${cut}: ${diary.opened.join()}`);
			for (const [id] of requests) {
				const { status, reason } = scene.answers[id]!;
				if (status === "SUCCEEDED") assert.ok(diary.opened.includes(`${id} 5`), id);
				else assert.ok(reason === "INTERRUPTED" || reason === "REPLAYED", reason);
			}
			done.push(diary.opened.length);
			if (scene.device.operations >= before + cut) continue;
			// Nothing failed any more.
			assert.equal(diary.opened.length, 3);
			break;
		}
	}
	// What was written down and not done is lost: that is the price. What had not been begun is begun later.
	assert.ok(done.length > 20 && Math.min(...done) === 2, done.join());
});

test("code is evaluated for who signed it, while a grant lasts, and not after a reset", () => {
	const evaluated: string[] = [];
	const scene = new Scene({
		commandKeys: [KEY],
		development: {
			evaluate(code) {
				evaluated.push(code);
				if (code === "throw") throw new Error("thrown");
				return code === "long" ? "x".repeat(5_000) : code === "none" ? undefined : { code };
			},
		},
	});
	const ask = (id: string, command: string, parameters: Record<string, CBORValue>): string =>
		scene.told(id, { signed: envelope({ id, command, parameters, exp: NOW + 40_000 }) });
	assert.equal(scene.told("a", { command: "evaluate", parameters: { code: "1" } }), "REJECTED NOT_SIGNED");
	assert.equal(scene.told("b", { command: "grant", parameters: { seconds: 5 } }), "REJECTED NOT_SIGNED");
	assert.equal(ask("c", "evaluate", { code: "1" }), "REJECTED NOT_GRANTED");
	assert.equal(ask("d", "grant", { seconds: 3_601 }), "REJECTED BAD_PARAMETERS");
	assert.equal(ask("e", "grant", { seconds: -1 }), "REJECTED BAD_PARAMETERS");
	assert.equal(ask("f", "evaluate", { code: "1" }), "REJECTED NOT_GRANTED");
	assert.equal(ask("g", "grant", { seconds: 3_600 }), "SUCCEEDED");
	assert.equal(ask("h", "evaluate", { code: "1" }), "SUCCEEDED");
	assert.deepEqual(scene.answers["h"]!.result, { value: "{\"code\":\"1\"}" });
	assert.equal(ask("i", "evaluate", { code: "throw" }), "FAILED EXCEPTION");
	assert.equal(ask("j", "evaluate", { code: "long" }), "SUCCEEDED");
	assert.equal((scene.answers["j"]!.result as { value: string }).value.length, 1_024);
	assert.equal(ask("k", "evaluate", { code: "none" }), "SUCCEEDED");
	assert.deepEqual(scene.answers["k"]!.result, { value: "undefined" });
	assert.equal(scene.told("l", { command: "evaluate", parameters: { code: "1" } }), "REJECTED NOT_SIGNED");
	scene.world.run(scene.world.clock.now + 3_600_000);
	assert.equal(ask("m", "evaluate", { code: "1" }), "REJECTED NOT_GRANTED");
	assert.equal(ask("n", "grant", { seconds: 600 }), "SUCCEEDED");
	scene.device.restart();
	scene.settle();
	assert.equal(ask("o", "evaluate", { code: "1" }), "REJECTED NOT_GRANTED");
	assert.deepEqual(evaluated, ["1", "throw", "long", "none"]);
});
