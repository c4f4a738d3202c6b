// SPDX-License-Identifier: Apache-2.0
/**
 * A program that crashes in its first run, and what every host tells of that in the next ones.
 *
 * The program is text, so that each platform can run it in its own way; `host` is in its scope. Run it three times: it
 * crashes, restarts itself, and ends. What it prints is for `checkCrash`.
 */
import assert from "node:assert/strict";
import { CRASH_MESSAGE_MAXIMUM, CRASH_STACK_MAXIMUM, type Crash, type ResetReason } from "../../src/host.js";

export interface CrashCase {
	readonly name: string;
	/** Ends in a crash. */
	readonly body: string;
	readonly crash: {
		readonly reason: Crash["reason"];
		readonly message: string | RegExp;
		/** Whole, or how it begins. */
		readonly stack: string | RegExp;
	};
}

const NAME = "aFunctionWhoseNameIsAsLongAsAnyoneWouldWriteItInEarnest";

/** What every platform can do. */
export const CRASHES: readonly CrashCase[] = [{
	name: "an exception that leaves a callback",
	body: `
		function thrower() { throw new RangeError("too far"); }
		host.timer.set(function callback() { thrower(); }, 1);
	`,
	crash: { reason: "exception", message: "RangeError: too far", stack: /^thrower.*\n.*callback/ },
}, {
	name: "an exception of the engine",
	body: `
		function asker(thing) { return thing.member; }
		host.timer.set(() => asker(undefined), 1);
	`,
	crash: { reason: "exception", message: /^TypeError: ./, stack: /^asker/ },
}, {
	name: "where it was made, not where it was let go",
	body: `
		function maker() { return new Error("made"); }
		const error = maker();
		host.timer.set(function callback() { throw error; }, 1);
	`,
	crash: { reason: "exception", message: "Error: made", stack: /^maker/ },
}, {
	name: "what is no Error",
	body: 'host.timer.set(() => { throw "text"; }, 1);',
	crash: { reason: "exception", message: "text", stack: "" },
}, {
	name: "more words and frames than are kept",
	body: `
		function ${NAME}(depth) {
			if (depth === 0) throw new Error("x\\n".repeat(${CRASH_MESSAGE_MAXIMUM}));
			${NAME}(depth - 1);
			return 1;
		}
		host.timer.set(() => ${NAME}(16), 1);
	`,
	crash: { reason: "exception", message: `Error: ${"x ".repeat(CRASH_MESSAGE_MAXIMUM)}`.slice(0, CRASH_MESSAGE_MAXIMUM), stack: new RegExp(`^${NAME}.*\n${NAME}`) },
}];

export const BODY: CrashCase = {
	name: "an exception that leaves the program itself",
	body: 'throw new Error("at once");',
	crash: { reason: "exception", message: "Error: at once", stack: /^/ },
};

/** What platforms notice that have an end of their own. */
export const REJECTION: CrashCase = {
	name: "a rejection that nobody handles",
	body: `
		async function refuser() { throw new Error("never handled"); }
		host.timer.set(() => void refuser(), 1);
	`,
	crash: { reason: "rejection", message: "Error: never handled", stack: /^refuser/ },
};

export const OVERFLOW: CrashCase = {
	name: "a stack that is full",
	body: `
		function deeper(depth) { return 1 + deeper(depth + 1); }
		host.timer.set(() => deeper(0), 1);
	`,
	crash: { reason: "stack", message: /./, stack: /^deeper.*\ndeeper/ },
};

export const EXHAUSTION: CrashCase = {
	name: "a heap that is full",
	body: `
		const list = [];
		function hoard() { for (;;) list.push({ list: [1, 2, 3, 4] }); }
		host.timer.set(() => hoard(), 1);
	`,
	crash: { reason: "memory", message: /./, stack: /^$|^(?:push\n)?hoard/ },
};

export function programOf({ body }: CrashCase): string {
	return `
		const domain = host.storage.open({ path: "crashes" });
		const boots = (domain.read("boots")?.[0] ?? 0) + 1;
		domain.write("boots", new Uint8Array([boots]));
		const { crash, retained, resetReason } = host.system;
		if (boots === 1) for (let index = 0; index < retained.byteLength; index++) retained[index] = index * 7 >> 2;
		const kept = retained.every((byte, index) => byte === (index * 7 >> 2 & 0xff));
		host.trace(JSON.stringify({ crash: crash ?? null, length: retained.byteLength, kept, resetReason }));
		if (boots === 2) host.system.restart();
		if (boots === 1) {${body}}
	`;
}

interface Told { crash: Crash | null; length: number; kept: boolean; resetReason: ResetReason }

/** `name (module:line:column)`, or as much of it as the engine knows. */
const FRAME = /^(?:[^()\n]+|(?:[^()\n]+ )?\([^/\\():\s]+(?::\d+){1,2}\))$/;

/** @param lines of the three runs @returns the crash, for what only this platform promises */
export function checkCrash({ crash }: CrashCase, lines: readonly string[], keeps = true): Crash {
	const [first, second, third] = lines.map(line => JSON.parse(line) as Told);
	assert.deepEqual([lines.length, first!.crash, first!.length, first!.kept], [3, null, 4_096, true], lines.join("\n"));
	const told = second!.crash;
	assert.ok(told !== null, "nothing is told of the crash");
	assert.equal(told.reason, crash.reason);
	check(crash.message, told.message);
	check(crash.stack, told.stack);
	assert.ok(told.message.length <= CRASH_MESSAGE_MAXIMUM && told.stack.length <= CRASH_STACK_MAXIMUM);
	assert.doesNotMatch(told.message, /\n/);
	for (const frame of told.stack === "" ? [] : told.stack.split("\n")) assert.match(frame, FRAME);
	assert.equal(second!.kept, keeps, "after the crash");
	assert.deepEqual([third!.crash, third!.kept, third!.resetReason], [null, keeps, "software"], "after the restart");
	return told;
}

function check(expected: string | RegExp, actual: string): void {
	if (typeof expected === "string") assert.equal(actual, expected);
	else assert.match(actual, expected);
}
