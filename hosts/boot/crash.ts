// SPDX-License-Identifier: Apache-2.0
/**
 * How a run crashed, as it is kept for the next one: lines of text, which code that has no heap left can write, too.
 *
 * The reason, the message, then a line for each frame.
 */
import { CRASH_MESSAGE_MAXIMUM, CRASH_STACK_MAXIMUM, type Crash, type CrashReason } from "../../src/host.js";

/** V8's words when its stack is full; XS does not throw then. */
const OVERFLOW = "RangeError: Maximum call stack size exceeded";
const REASONS: readonly CrashReason[] = Object.freeze(["exception", "rejection", "memory", "stack", "native-stack", "watchdog", "engine"]);

/** A crash within the limits: the message in one line, the stack in whole ones. */
export function clipCrash({ reason, message, stack }: Crash): Crash {
	const line = message.replaceAll("\n", " ").slice(0, CRASH_MESSAGE_MAXIMUM);
	// Half of a character is none.
	const whole = /[\ud800-\udbff]$/.test(line) ? line.slice(0, -1) : line;
	const frames = stack.split("\n");
	while (frames.join("\n").length > CRASH_STACK_MAXIMUM) frames.pop();
	return Object.freeze({ reason, message: whole, stack: frames.join("\n") });
}

export function formatCrash(crash: Crash): string {
	const { reason, message, stack } = clipCrash(crash);
	return `${reason}\n${message}\n${stack}`;
}

/** @returns `undefined` for text that is not of a crash */
export function parseCrash(text: string): Crash | undefined {
	const [first, message = "", ...frames] = text.split("\n"), reason = REASONS.find(each => each === first);
	return reason && clipCrash({ reason, message, stack: frames.filter(frame => frame !== "").join("\n") });
}

/** What was thrown, as a crash. */
export function describeThrown(reason: "exception" | "rejection", thrown: unknown): Crash {
	let message = "", stack = "";
	try {
		message = String(thrown);
		if (thrown instanceof Error) stack = framesOf(String(thrown.stack));
	} catch {
		// What cannot be told is left out.
	}
	return clipCrash({ reason: message === OVERFLOW ? "stack" : reason, message, stack });
}

/** The frames in an `Error.stack`, of V8 or XS. */
export function framesOf(stack: string): string {
	return stack.split("\n").map(frame).filter(line => line !== undefined).join("\n");
}

function frame(line: string): string | undefined {
	const [, text] = /^\s+at (?:async )?(.*)$/.exec(line) ?? [];
	if (text === undefined) return undefined;
	const [, called = "", place = text] = /^(.*?) ?\((.*)\)$/.exec(text) ?? [], name = called.replace(/ \[as .*\]$/, "");
	// Where a module lies is the business of the machine that it was built on.
	const position = /[^/\\(),:]+(?::\d+){1,2}$/.exec(place)?.[0].trim();
	if (position === undefined) return name === "" ? undefined : name;
	return name === "" ? `(${position})` : `${name} (${position})`;
}
