// SPDX-License-Identifier: Apache-2.0
/**
 * `node:test` for the XS engine: as much of it as the project's tests use.
 *
 * Tests are collected while their modules run and executed one after the other by `run`; each result
 * is one line for the parent. There are no timeouts: the parent has one for the whole process.
 */
import { native } from "../../../hosts/xs/native.js";
import { END_LINE, RESULT_PREFIX, type TestResult } from "./protocol.js";

type Body = (context: Context) => unknown;

interface Options {
	skip?: boolean | string;
	todo?: boolean | string;
}

interface Test {
	name: string;
	skip: boolean;
	body: Body;
	group: Group | undefined;
}

interface Group {
	parent: Group | undefined;
	name: string;
	skip: boolean;
	before: Body[];
	after: Body[];
	beforeEach: Body[];
	afterEach: Body[];
	tests: (Test | Group)[];
}

function newGroup(name: string, parent: Group | undefined, skip = false): Group {
	return { parent, name, skip, before: [], after: [], beforeEach: [], afterEach: [], tests: [] };
}

/** Mutable on purpose: this module is bundled with the tests and never preloaded. */
let current = newGroup("", undefined);
let bodies: Promise<void> = Promise.resolve();

export class Context {
	readonly name: string;
	#path: string[];
	#afters: Body[] = [];
	#skipped = false;

	constructor(path: string[]) {
		this.name = path[path.length - 1]!;
		this.#path = path;
	}

	test = async (name: string, options: Options | Body, body?: Body): Promise<void> => {
		const [given, action] = split(options, body);
		await runBody([...this.#path, name], Boolean(given.skip), action);
	};

	after(action: Body): void {
		this.#afters.push(action);
	}

	skip(): void {
		this.#skipped = true;
	}

	diagnostic(message: string): void {
		native.trace(message);
	}

	/** For `runBody` only. */
	async end(): Promise<boolean> {
		for (const action of this.#afters.reverse()) await action(this);
		return this.#skipped;
	}
}

function split(options: Options | Body | undefined, body: Body | undefined): [Options, Body] {
	if (typeof options === "function") return [{}, options];
	return [options ?? {}, body ?? (() => {})];
}

function describeError(error: unknown): string {
	if (!(error instanceof Error)) return String(error);
	const code = "code" in error && typeof error.code === "string" ? `[${error.code}] ` : "";
	return `${code}${error.stack ?? error.message}${error.cause === undefined ? "" : `\ncaused by ${describeError(error.cause)}`}`;
}

function report(result: TestResult): void {
	native.trace(RESULT_PREFIX + JSON.stringify(result));
}

async function runBody(path: string[], skip: boolean, body: Body): Promise<void> {
	if (skip) {
		report({ path, skipped: true });
		return;
	}
	const context = new Context(path);
	try {
		await body(context);
		const skipped = await context.end();
		report(skipped ? { path, skipped } : { path });
	} catch (error) {
		report({ path, error: describeError(error) });
	}
}

export function test(name: string, options?: Options | Body, body?: Body): Promise<void> {
	const [given, action] = split(options, body);
	current.tests.push({ name, skip: Boolean(given.skip) || Boolean(given.todo), body: action, group: current });
	return Promise.resolve();
}

test.skip = (name: string, _options?: Options | Body, _body?: Body): Promise<void> => test(name, { skip: true }, () => {});
test.todo = test.skip;

export function describe(name: string, options?: Options | Body, body?: Body): Promise<void> {
	const [given, action] = split(options, body);
	const group = newGroup(name, current, Boolean(given.skip));
	current.tests.push(group);
	current = group;
	const result = action(new Context([name]));
	if (result instanceof Promise) bodies = bodies.then(() => result).then(() => {});
	current = group.parent!;
	return Promise.resolve();
}

export { test as it, describe as suite };

export const before = (action: Body): void => { current.before.push(action); };
export const after = (action: Body): void => { current.after.push(action); };
export const beforeEach = (action: Body): void => { current.beforeEach.push(action); };
export const afterEach = (action: Body): void => { current.afterEach.push(action); };

/** Hooks of the enclosing groups, outermost first. */
function hooks(group: Group | undefined, kind: "beforeEach" | "afterEach"): Body[] {
	return group === undefined ? [] : [...hooks(group.parent, kind), ...group[kind]];
}

async function runGroup(group: Group, path: string[], skip: boolean): Promise<void> {
	const context = new Context([...path, ""]);
	for (const action of skip ? [] : group.before) await action(context);
	for (const entry of group.tests) {
		if ("tests" in entry) await runGroup(entry, [...path, entry.name], skip || entry.skip);
		else {
			await runBody([...path, entry.name], skip || entry.skip, async (context) => {
				for (const action of hooks(entry.group, "beforeEach")) await action(context);
				try {
					await entry.body(context);
				} finally {
					for (const action of hooks(entry.group, "afterEach").reverse()) await action(context);
				}
			});
		}
	}
	for (const action of skip ? [] : group.after) await action(context);
}

/** Runs what was collected. The bundle calls it after the test modules. */
export async function run(): Promise<void> {
	await bodies;
	await runGroup(current, [], false);
	native.trace(END_LINE);
}

export default test;
