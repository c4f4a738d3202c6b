// SPDX-License-Identifier: Apache-2.0
/** `moorline devices`: which devices a running cloud knows, and how one of them is. */
import type { Command } from "commander";
import type { DeviceView } from "../control/actions.js";
import { askCloud, asking, askOnce, type AskingOptions } from "./asking.js";
import { Console } from "./console.js";
import { deviceName } from "./options.js";
import { span, table, time } from "./printable.js";

export function addDevices(program: Command): void {
	asking(program, "devices", "Show the devices of a running cloud, or one of them with its crash reports, updates and commands.")
		.argument("[device]", "its name", deviceName)
		.action((device: string | undefined, options: AskingOptions) => device === undefined ? list(options) : detail(device, options));
}

async function list(options: AskingOptions): Promise<void> {
	const output = new Console(options), devices: DeviceView[] = [];
	await askCloud<DeviceView>(options, "devices", {}, device => { devices.push(device); });
	if (output.json) for (const device of devices) output.say("device", device, "");
	else if (devices.length === 0) output.note("devices", {}, "No device has come yet.");
	else output.say("devices", {}, table(["NAME", "STATE", "VERSION", "LAST SEEN", "CRASHES"], devices.map(row)));
}

async function detail(device: string, options: AskingOptions): Promise<void> {
	const view = await askOnce<DeviceView>(options, "devices", { device });
	const { connections = 0, onlineTime = 0, sent, received, shadows = [], crashReports = [], updateList = [], commandList = [] } = view, none = { messages: 0, bytes: 0 };
	const traffic = ({ messages, bytes } = none): string => `${messages} messages, ${bytes} bytes`;
	const sections = [
		table(["NAME", "STATE", "VERSION", "LAST SEEN", "CRASHES"], [row(view)]),
		[
			`connections  ${connections}, ${span(onlineTime)} in all`, `sent         ${traffic(sent)}`, `received     ${traffic(received)}`,
			`shadows      ${shadows.length === 0 ? "none" : shadows.map(name => name === "" ? "its own" : name).join(", ")}`,
		].join("\n"),
	];
	if (updateList.length > 0) sections.push(table(["UPDATE", "TRY", "STATUS", "AT"], updateList.map(({ job, number, status, at }) => [job!, String(number), status!, time(at)])));
	if (commandList.length > 0) {
		sections.push(table(["COMMAND", "ID", "STATUS", "REASON", "AT"], commandList.map(({ payload, command, status, reason = "", at }) => [nameOf(payload), command!, status!, reason, time(at)])));
	}
	for (const { fingerprint, count, boot, reason, message = "", stack = "", product = "", version = "", at } of crashReports) {
		sections.push([`crash ${fingerprint}  ${reason}${message === "" ? "" : `: ${message}`}`, `  ${count} times, last in boot ${boot} of ${product} ${version}, reported ${time(at)}`, ...stack.split("\n").filter(line => line !== "").map(line => `  ${line}`)].join("\n"));
	}
	new Console(options).say("device", view, sections.join("\n\n"));
}

function row({ device, online, version = "", lastSeenAt, crashes = {} }: DeviceView): string[] {
	return [device, online ? "online" : lastSeenAt === undefined ? "never" : "offline", version, time(lastSeenAt), String(Object.values(crashes).reduce((sum, { count }) => sum + count, 0))];
}

/** What a command is called: signed ones and a program's own have no name that shows. */
export function nameOf(payload: unknown): string {
	const { command, signed } = (typeof payload === "object" && payload !== null ? payload : {}) as { command?: unknown; signed?: unknown };
	return typeof command === "string" ? command : signed === undefined ? "" : "(signed)";
}
