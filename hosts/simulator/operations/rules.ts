// SPDX-License-Identifier: Apache-2.0
/** What somebody wants to be told of: rules, as a JSON document says them. Pure. */
import { DeviceError } from "../../../src/base/error.js";
import { isObject, type JsonObject } from "../services/json.js";

interface AnyRule {
	/** What notifications name it by. */
	readonly name: string;
	/** The devices that it is for, `*` standing for any characters. Absent: all. */
	readonly devices?: readonly string[] | undefined;
}

/** A device was away for so long. */
export interface OfflineRule extends AnyRule { readonly when: "offline"; /** ms. */ readonly for: number }
/** A device crashed; an update or a command of it failed. */
export interface EventRule extends AnyRule { readonly when: "crash" | "update-failed" | "command-failed" }
/** A number in a device's heartbeats is out of bounds. */
export interface MetricRule extends AnyRule {
	readonly when: "metric";
	/** Of a counter or a gauge. */
	readonly metric: string;
	/** Told when it is more, or less, than this. */
	readonly above?: number | undefined;
	readonly below?: number | undefined;
}

export type Rule = OfflineRule | EventRule | MetricRule;

export const DEFAULT_RULES: readonly Rule[] = Object.freeze([
	{ name: "offline", when: "offline", for: 600_000 }, { name: "crash", when: "crash" }, { name: "update-failed", when: "update-failed" },
]);

const RULES_MAXIMUM = 100;
const PATTERNS_MAXIMUM = 100;
const NAME = /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/;
const METRIC = /^[^\0-\x1f]{1,128}$/;
const PATTERN = /^[A-Za-z0-9*._:-]{1,128}$/;
const UNITS: Readonly<Record<string, number>> = Object.freeze({ ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 });
const MEMBERS: Readonly<Record<Rule["when"], readonly string[]>> = Object.freeze({
	offline: ["for"], crash: [], "update-failed": [], "command-failed": [], metric: ["metric", "above", "below"],
});

/** @throws DeviceError `argument`, with what is wrong and where */
export function readRules(document: unknown): readonly Rule[] {
	if (!Array.isArray(document) || document.length > RULES_MAXIMUM) throw wrong(`expected a list of at most ${RULES_MAXIMUM} rules`);
	const rules = document.map((rule: unknown, index) => readRule(rule, index));
	const names = rules.map(({ name }) => name), twice = names.find((name, index) => names.indexOf(name) !== index);
	if (twice !== undefined) throw wrong(`two rules are called "${twice}"`);
	return rules;
}

export function isMeant({ devices }: Rule, device: string): boolean {
	return devices === undefined || devices.some(pattern => matches(pattern, device));
}

function readRule(rule: unknown, index: number): Rule {
	if (!isObject(rule)) throw wrong(`rule ${index + 1} is not an object`);
	const members = rule as JsonObject, { when, name = when, devices } = members;
	if (typeof when !== "string" || !Object.hasOwn(MEMBERS, when)) throw wrong(`"when" of rule ${index + 1} is none of ${Object.keys(MEMBERS).join(", ")}`);
	if (typeof name !== "string" || !NAME.test(name)) throw wrong(`"name" of rule ${index + 1} is not 1 to 64 letters, digits, spaces and . _ -`);
	const isList = Array.isArray(devices) && devices.length <= PATTERNS_MAXIMUM && devices.every(each => typeof each === "string" && PATTERN.test(each));
	if (devices !== undefined && !isList) throw wrong(`"devices" of rule "${name}" is not a list of names, in which * may stand for any characters`);
	const unknown = Object.keys(members).find(member => !["when", "name", "devices", ...MEMBERS[when as Rule["when"]]].includes(member));
	if (unknown !== undefined) throw wrong(`rule "${name}" has a member "${unknown}", which ${when} does not know`);
	const any = { name, ...(devices === undefined ? {} : { devices: devices as string[] }) };
	if (when === "offline") return { ...any, when, for: readDuration(members["for"], name) };
	if (when === "metric") return { ...any, when, ...readBounds(members, name) };
	return { ...any, when: when as EventRule["when"] };
}

function readDuration(value: unknown, rule: string): number {
	const [, amount, unit] = typeof value === "string" ? /^(\d{1,9})(ms|s|m|h|d)$/.exec(value) ?? [] : [];
	const milliseconds = typeof value === "number" ? value : Number(amount) * (UNITS[unit ?? ""] ?? NaN);
	if (!(Number.isSafeInteger(milliseconds) && milliseconds > 0)) throw wrong(`"for" of rule "${rule}" is not a duration such as 90s, 10m, 1h or 2d, or ms as a number`);
	return milliseconds;
}

function readBounds({ metric, above, below }: JsonObject, rule: string): Pick<MetricRule, "metric" | "above" | "below"> {
	if (typeof metric !== "string" || !METRIC.test(metric)) throw wrong(`"metric" of rule "${rule}" is not a name`);
	const bounds = [above, below].filter(bound => bound !== undefined);
	if (bounds.length === 0 || !bounds.every(bound => typeof bound === "number" && Number.isFinite(bound))) throw wrong(`rule "${rule}" needs a number "above", "below" or both`);
	return { metric, ...(above === undefined ? {} : { above: above as number }), ...(below === undefined ? {} : { below: below as number }) };
}

/** Linear: patterns come from people, device names from anybody. */
function matches(pattern: string, text: string): boolean {
	const [first = "", ...others] = pattern.split("*"), last = others.pop();
	if (last === undefined) return pattern === text;
	if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false;
	let position = first.length;
	for (const part of others) {
		const found = text.indexOf(part, position);
		if (found < 0 || found + part.length > text.length - last.length) return false;
		position = found + part.length;
	}
	return true;
}

function wrong(what: string): DeviceError {
	return new DeviceError("argument", `cannot take these rules: ${what}`);
}
