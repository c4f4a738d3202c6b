// SPDX-License-Identifier: Apache-2.0
/** `node:assert/strict` for the XS engine: as much of it as the project's tests use. */

type Action = Promise<unknown> | (() => Promise<unknown>);
type Matcher = RegExp | (new (...values: never[]) => unknown) | ((error: unknown) => boolean) | object;

export class AssertionError extends Error {
	override name = "AssertionError";
	readonly code = "ERR_ASSERTION";
	readonly actual: unknown;
	readonly expected: unknown;

	constructor({ message, actual, expected }: { message: string; actual?: unknown; expected?: unknown }) {
		super(message);
		this.actual = actual;
		this.expected = expected;
	}
}

const TEXT_MAXIMUM = 400;

function show(value: unknown): string {
	let text: string | undefined;
	if (typeof value === "bigint") text = `${value}n`;
	else if (ArrayBuffer.isView(value)) text = `[${String(value)}]`;
	else if (value instanceof Error) text = String(value);
	else if (typeof value === "function" || typeof value === "symbol") text = String(value);
	else {
		try {
			text = JSON.stringify(value, (_key, part: unknown) => typeof part === "bigint" ? `${part}n` : part);
		} catch {
			// A cycle: the text says little then.
		}
	}
	text ??= String(value);
	return text.length > TEXT_MAXIMUM ? `${text.slice(0, TEXT_MAXIMUM)}…` : text;
}

function complain(message: string | Error | undefined, fallback: string, actual?: unknown, expected?: unknown): never {
	if (message instanceof Error) throw message;
	throw new AssertionError({ message: message === undefined ? fallback : `${message}: ${fallback}`, actual, expected });
}

function isObject(value: unknown): value is Record<PropertyKey, unknown> {
	return typeof value === "object" && value !== null;
}

function sameBytes(a: ArrayBufferView, b: ArrayBufferView): boolean {
	if (a.byteLength !== b.byteLength) return false;
	const x = new Uint8Array(a.buffer, a.byteOffset, a.byteLength);
	const y = new Uint8Array(b.buffer, b.byteOffset, b.byteLength);
	return x.every((byte, index) => byte === y[index]);
}

function sameEntries(a: Map<unknown, unknown>, b: Map<unknown, unknown>, seen: [unknown, unknown][]): boolean {
	if (a.size !== b.size) return false;
	const rest = [...b];
	return [...a].every(([key, value]) => {
		const index = rest.findIndex(([other, otherValue]) => same(key, other, seen) && same(value, otherValue, seen));
		if (index >= 0) rest.splice(index, 1);
		return index >= 0;
	});
}

function ownKeys(value: object): PropertyKey[] {
	return Reflect.ownKeys(value).filter((key) => Object.prototype.propertyIsEnumerable.call(value, key));
}

/** Strict deep equality as Node has it: same prototypes, `Object.is` for primitives. */
function same(a: unknown, b: unknown, seen: [unknown, unknown][] = []): boolean {
	if (Object.is(a, b)) return true;
	if (!isObject(a) || !isObject(b) || Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
	if (seen.some(([x, y]) => x === a && y === b)) return true;
	const next: [unknown, unknown][] = [...seen, [a, b]];
	if (ArrayBuffer.isView(a) && ArrayBuffer.isView(b)) return sameBytes(a, b);
	if (a instanceof ArrayBuffer && b instanceof ArrayBuffer) return sameBytes(new Uint8Array(a), new Uint8Array(b));
	if (a instanceof Date && b instanceof Date && a.getTime() !== b.getTime()) return false;
	if (a instanceof RegExp && b instanceof RegExp && String(a) !== String(b)) return false;
	if (a instanceof Error && b instanceof Error && (a.message !== b.message || a.name !== b.name)) return false;
	if (a instanceof Map && b instanceof Map && !sameEntries(a, b, next)) return false;
	if (a instanceof Set && b instanceof Set && !sameEntries(new Map(a.entries()), new Map(b.entries()), next)) return false;
	if (Array.isArray(a) && a.length !== (b as unknown as unknown[]).length) return false;
	const keys = ownKeys(a);
	const has = (key: PropertyKey): boolean => Object.prototype.hasOwnProperty.call(b, key);
	return keys.length === ownKeys(b).length && keys.every((key) => has(key) && same(a[key], b[key], next));
}

function matches(error: unknown, matcher: Matcher): boolean {
	if (matcher instanceof RegExp) return matcher.test(String(error));
	if (typeof matcher === "function") {
		if (matcher.prototype !== undefined && error instanceof matcher) return true;
		if (Object.prototype.isPrototypeOf.call(Error, matcher)) return false;
		return (matcher as (error: unknown) => boolean)(error) === true;
	}
	return isObject(error) && ownKeys(matcher).every((key) => {
		const expected = (matcher as Record<PropertyKey, unknown>)[key];
		const actual = error[key];
		return expected instanceof RegExp && typeof actual === "string" ? expected.test(actual) : same(actual, expected);
	});
}

function checkThrown(error: unknown, matcher: Matcher | string | undefined, message: string | Error | undefined): void {
	if (matcher === undefined || typeof matcher === "string" || matches(error, matcher)) return;
	complain(message, `what was thrown does not match: ${show(error)}, expected ${show(matcher)}`, error, matcher);
}

function ok(value: unknown, message?: string | Error): asserts value {
	if (!value) complain(message, `${show(value)} is not true`, value, true);
}

function equal(actual: unknown, expected: unknown, message?: string | Error): void {
	if (!Object.is(actual, expected)) complain(message, `${show(actual)} is not ${show(expected)}`, actual, expected);
}

function notEqual(actual: unknown, expected: unknown, message?: string | Error): void {
	if (Object.is(actual, expected)) complain(message, `${show(actual)} was not expected`, actual, expected);
}

function deepEqual(actual: unknown, expected: unknown, message?: string | Error): void {
	if (!same(actual, expected)) complain(message, `${show(actual)} does not equal ${show(expected)}`, actual, expected);
}

function notDeepEqual(actual: unknown, expected: unknown, message?: string | Error): void {
	if (same(actual, expected)) complain(message, `${show(actual)} was not expected`, actual, expected);
}

function throws(action: () => unknown, matcher?: Matcher | string, message?: string | Error): void {
	try {
		action();
	} catch (error) {
		checkThrown(error, matcher, message);
		return;
	}
	complain(message ?? (typeof matcher === "string" ? matcher : undefined), "nothing was thrown");
}

function doesNotThrow(action: () => unknown, message?: string | Error): void {
	try {
		action();
	} catch (error) {
		complain(message, `was thrown: ${show(error)}`, error);
	}
}

async function rejects(action: Action, matcher?: Matcher | string, message?: string | Error): Promise<void> {
	try {
		await (typeof action === "function" ? action() : action);
	} catch (error) {
		checkThrown(error, matcher, message);
		return;
	}
	complain(message, "the promise was not rejected");
}

async function doesNotReject(action: Action, message?: string | Error): Promise<void> {
	try {
		await (typeof action === "function" ? action() : action);
	} catch (error) {
		complain(message, `was rejected: ${show(error)}`, error);
	}
}

function match(text: string, pattern: RegExp, message?: string | Error): void {
	if (typeof text === "string" && pattern.test(text)) return;
	complain(message, `${show(text)} does not match ${String(pattern)}`, text, pattern);
}

function doesNotMatch(text: string, pattern: RegExp, message?: string | Error): void {
	if (typeof text === "string" && !pattern.test(text)) return;
	complain(message, `${show(text)} matches ${String(pattern)}`, text, pattern);
}

function fail(message?: string | Error): never {
	complain(message, "failed");
}

function ifError(value: unknown): void {
	if (value !== null && value !== undefined) complain(undefined, `an error: ${show(value)}`, value);
}

export {
	ok, equal, notEqual, deepEqual, notDeepEqual, throws, doesNotThrow, rejects, doesNotReject, match, doesNotMatch, fail, ifError,
	equal as strictEqual, notEqual as notStrictEqual, deepEqual as deepStrictEqual, notDeepEqual as notDeepStrictEqual,
};

const assert = Object.assign((value: unknown, message?: string | Error): void => ok(value, message), {
	AssertionError,
	ok, equal, notEqual, deepEqual, notDeepEqual, throws, doesNotThrow, rejects, doesNotReject, match, doesNotMatch, fail, ifError,
	strictEqual: equal, notStrictEqual: notEqual, deepStrictEqual: deepEqual, notDeepStrictEqual: notDeepEqual,
});

export default Object.assign(assert, { strict: assert });
export { assert as strict };
