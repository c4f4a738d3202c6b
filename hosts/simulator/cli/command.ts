// SPDX-License-Identifier: Apache-2.0
/** `moorline command`: tells a device to do something, and shows how far it is until it is done. */
import { randomBytes } from "node:crypto";
import { type Command, Option } from "commander";
import { DeviceError } from "../../../src/base/error.js";
import type { JsonObject } from "../services/json.js";
import { askCloud, asking, type AskingOptions, jsonObject, pairs } from "./asking.js";
import { Console, UsageError } from "./console.js";
import { interruptible } from "./interrupt.js";
import { deviceName, duration } from "./options.js";
import { printableLine } from "./printable.js";

interface CommandOptions extends AskingOptions {
	parameters?: string;
	timeout: number;
	wait: boolean;
	cancel?: string;
}

/** What is said of a command, on its way and at its end. */
export interface CommandItem {
	readonly device: string;
	/** Its id. */
	readonly command: string;
	readonly status: string;
	/** Of the device, when it was sent. */
	readonly online?: boolean;
	readonly reason?: string;
	readonly description?: string;
	readonly result?: unknown;
}

const TIMEOUT = "60s";

export function addCommand(program: Command): void {
	asking(program, "command", "Tell a device to do something, and show how far it is until it is done.")
		.argument("<device>", "its name", deviceName)
		.argument("[command]", "what it is to do: one of its program's, or ping, info, restart, report, log-level, rollback, self-test")
		.argument("[parameters...]", "name=value each; values are JSON where they can be, else text")
		.option("--parameters <json>", "all parameters, as a JSON object")
		.addOption(new Option("--timeout <duration>", "how long it may take").argParser(duration).default(duration(TIMEOUT), TIMEOUT))
		.option("--no-wait", "do not wait for what becomes of it")
		.option("--cancel <id>", "cancel the command of this id instead")
		.action(async (device: string, name: string | undefined, words: readonly string[], options: CommandOptions) => {
			if (options.cancel !== undefined) {
				if (name !== undefined || options.parameters !== undefined) throw new UsageError("--cancel takes a device and nothing else");
				return cancel(device, options.cancel, options);
			}
			if (name === undefined) throw new UsageError("which command? Or --cancel");
			if (options.parameters !== undefined && words.length > 0) throw new UsageError("--parameters and name=value exclude each other");
			const parameters = options.parameters === undefined ? pairs(words) : jsonObject(options.parameters);
			await interruptible(interrupted => send(device, name, parameters, options, interrupted));
		});
}

async function send(device: string, name: string, parameters: JsonObject, options: CommandOptions, interrupted: AbortSignal): Promise<void> {
	const output = new Console(options), payload = { command: name, ...(Object.keys(parameters).length === 0 ? {} : { parameters }) };
	const last = await perform(options, { device, payload, timeout: options.timeout, wait: options.wait, id: newId() }, item => {
		output.say("command", item, `${device} ${printableLine(name)} ${item.command}: ${textOf(item)}`);
	}, interrupted);
	if (options.wait && !interrupted.aborted) judge(name, last);
}

/** @returns what was said last */
export async function perform(options: AskingOptions, body: object, onItem: (item: CommandItem) => void, interrupted?: AbortSignal): Promise<CommandItem | undefined> {
	let last: CommandItem | undefined;
	await askCloud<CommandItem>(options, "command", body, item => {
		last = item;
		onItem(item);
	}, interrupted);
	return last;
}

/** Nobody has used it before. */
export function newId(): string {
	return `cli-${randomBytes(6).toString("hex")}`;
}

/** @throws DeviceError unless it has succeeded */
export function judge(name: string, last: CommandItem | undefined): void {
	if (last?.status === "SUCCEEDED") return;
	const code = last?.status === "TIMED_OUT" ? "timeout" : "rejected";
	throw new DeviceError(code, printableLine(`${name} of ${last?.device}: ${last === undefined ? "nothing was heard" : textOf(last)}`));
}

async function cancel(device: string, id: string, options: CommandOptions): Promise<void> {
	await askCloud<CommandItem>(options, "cancel", { device, id }, item => {
		new Console(options).say("command", item, `${device} ${item.command}: ${textOf(item)}`);
	});
}

function textOf({ status, online, reason, description, result }: CommandItem): string {
	const away = online === false ? ", the device is offline" : "";
	const why = [reason, description].filter(each => each !== undefined && each !== "").map(each => `, ${each}`).join("");
	return printableLine(`${status}${away}${why}${result === undefined ? "" : ` ${JSON.stringify(result)}`}`);
}
