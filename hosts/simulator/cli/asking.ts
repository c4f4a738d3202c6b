// SPDX-License-Identifier: Apache-2.0
/** What the commands have in common that ask a running cloud. */
import { join } from "node:path";
import type { Command } from "commander";
import { DeviceError } from "../../../src/base/error.js";
import type { JsonObject, JsonValue } from "../services/json.js";
import { UsageError } from "./console.js";

export interface AskingOptions {
	directory: string;
	json?: boolean;
	verbose?: boolean;
}

/** A command of that name, with the options that all of them have. */
export function asking(program: Command, name: string, description: string): Command {
	return program.command(name)
		.description(description)
		.option("--directory <directory>", "that of the running `moorline simulate`", join(".moorline", "cloud"))
		.option("--json", "print one JSON object a line")
		.option("--verbose", "show where a failure came from");
}

/** @throws DeviceError `unreachable` when no cloud runs there, and the cloud's own */
export async function askCloud<Item>(
	{ directory }: AskingOptions, action: string, body: object, onItem: (item: Item) => void, stopped?: AbortSignal,
): Promise<void> {
	// Only now: who asks for help need not wait.
	const [{ ask }, { readPlace }] = await Promise.all([import("../control/client.js"), import("../control/place.js")]);
	const place = readPlace(directory);
	if (place === undefined) throw new DeviceError("unreachable", `no cloud runs on ${directory}: moorline simulate starts one`);
	await ask(place, action, body, onItem, stopped);
}

/** The one thing that is answered. */
export async function askOnce<Item>(options: AskingOptions, action: string, body: object): Promise<Item> {
	const items: Item[] = [];
	await askCloud<Item>(options, action, body, item => { items.push(item); });
	return items[0]!;
}

/** `on=true led.red=5 name=hall`: values are JSON where they can be, else text; a dot is a member of a member. */
export function pairs(words: readonly string[]): JsonObject {
	const object: JsonObject = {};
	for (const word of words) {
		const [, path, text] = /^([^=]+)=([^]*)$/.exec(word) ?? [];
		if (path === undefined || text === undefined) throw new UsageError(`expected name=value, but got '${word}'`);
		put(object, path.split("."), valueOf(text));
	}
	return object;
}

/** A JSON object in one word, or pairs. */
export function objectOf(words: readonly string[]): JsonObject {
	const [first = ""] = words;
	if (words.length !== 1 || !first.trimStart().startsWith("{")) return pairs(words);
	return jsonObject(first);
}

export function jsonObject(text: string): JsonObject {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch (error) {
		throw new UsageError(`expected a JSON object: ${(error as Error).message}`);
	}
	if (typeof value !== "object" || value === null || Array.isArray(value)) throw new UsageError("expected a JSON object");
	return value as JsonObject;
}

/** The words behind the device's name: nothing, or `set` and what is to be desired. */
export function patchOf(words: readonly string[]): JsonObject | undefined {
	const [verb, ...rest] = words;
	if (verb === undefined) return undefined;
	const said = verb === "set" ? rest : words;
	if (said.length === 0) throw new UsageError("set needs a JSON object or name=value");
	return objectOf(said);
}

function put(object: JsonObject, [name = "", ...rest]: readonly string[], value: JsonValue): void {
	if (name === "" || name === "__proto__") throw new UsageError("a name is missing, or is none");
	if (rest.length === 0) {
		object[name] = value;
		return;
	}
	const inner = Object.hasOwn(object, name) ? object[name] : undefined;
	const next = typeof inner === "object" && inner !== null && !Array.isArray(inner) ? inner : {};
	object[name] = next;
	put(next, rest, value);
}

function valueOf(text: string): JsonValue {
	try {
		return JSON.parse(text) as JsonValue;
	} catch {
		return text;
	}
}
