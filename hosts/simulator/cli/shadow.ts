// SPDX-License-Identifier: Apache-2.0
/** `moorline shadow` and `moorline configuration`: what is desired of a device and what it reported, side by side. */
import type { Command } from "commander";
import type { ShadowView } from "../control/operated.js";
import type { JsonObject, JsonValue } from "../services/json.js";
import type { Row } from "../stores/tables.js";
import { asking, askOnce, type AskingOptions, patchOf } from "./asking.js";
import { Console } from "./console.js";
import { deviceName } from "./options.js";
import { printableLine, table, time } from "./printable.js";

interface ShadowOptions extends AskingOptions {
	name?: string;
}

interface ConfigurationView extends ShadowView {
	readonly history: readonly Row<"configurations">[];
}

const SET = "set, and what is to be desired: a JSON object, or name=value, where a dot makes a member of a member and null takes away";

export function addShadow(program: Command): void {
	asking(program, "shadow", "Show a device's shadow, and change what is desired.")
		.argument("<device>", "its name", deviceName)
		.argument("[set...]", SET)
		.option("--name <shadow>", "that of a named shadow; default: the device's own")
		.action(async (device: string, words: readonly string[], options: ShadowOptions) => {
			const patch = patchOf(words), view = await askOnce<ShadowView>(options, "shadow", { device, name: options.name ?? "", patch });
			new Console(options).say("shadow", view, shadowText(view));
		});
}

export function addConfiguration(program: Command): void {
	asking(program, "configuration", "Show a device's remote configuration and its history, and change it. The device takes a change whole, and takes it back when it loses its connection by it.")
		.argument("<device>", "its name", deviceName)
		.argument("[set...]", SET)
		.action(async (device: string, words: readonly string[], options: AskingOptions) => {
			const patch = patchOf(words), view = await askOnce<ConfigurationView>(options, "configuration", { device, patch });
			const history = view.history.map(({ version, at, desired, reported }) => [String(version), time(at), JSON.stringify(desired), JSON.stringify(reported)]);
			const past = history.length === 0 ? "" : `\n\n${table(["VERSION", "AT", "DESIRED", "REPORTED"], history)}`;
			new Console(options).say("configuration", view, shadowText(view) + past);
		});
}

function shadowText({ device, name, version, desired, reported, delta }: ShadowView): string {
	const title = `${device}${name === "" ? "" : ` ${name}`}`;
	if (version === 0) return printableLine(name === "" ? `${device} has no shadow` : `${device} has no shadow ${name}`);
	const sections = [desired, reported, delta].map(leaves), members = [...new Set(sections.flatMap(section => [...section.keys()]))].sort();
	const rows = members.map(member => [member, ...sections.map(section => section.get(member) ?? "")]);
	return `${printableLine(title)} version ${version}\n${table(["MEMBER", "DESIRED", "REPORTED", "DELTA"], rows)}`;
}

/** Plain values, lists and empty objects by their paths. */
function leaves(object: JsonObject): Map<string, string> {
	const found = new Map<string, string>();
	const visit = (path: string, value: JsonValue): void => {
		const members = typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
		if (members.length === 0) found.set(path, JSON.stringify(value));
		for (const [member, inner] of members) visit(`${path}.${member}`, inner);
	};
	for (const [member, value] of Object.entries(object)) visit(member, value);
	return found;
}
