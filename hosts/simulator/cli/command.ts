// SPDX-License-Identifier: Apache-2.0
/** `moorline command`: tells a device to do something, and shows how far it is until it is done. */
import { randomBytes } from "node:crypto";
import { type Command, InvalidArgumentError, Option } from "commander";
import { DeviceError } from "../../../src/base/error.js";
import type { JsonObject } from "../services/json.js";
import { askCloud, asking, type AskingOptions, jsonObject, pairs } from "./asking.js";
import { Console, UsageError } from "./console.js";
import { interruptible } from "./interrupt.js";
import { deviceName, duration } from "./options.js";
import { printableLine } from "./printable.js";
import { readText, writeBytes } from "./release-files.js";

interface CommandOptions extends AskingOptions {
	parameters?: string;
	timeout: number;
	wait: boolean;
	cancel?: string;
	sign?: string;
	out?: string;
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
	/** What it was replied to with. */
	readonly text?: string;
	readonly base64?: string;
}

const TIMEOUT = "60s";
/** ms: what clouds take. */
const TIMEOUT_MAXIMUM = 43_200_000;

export function addCommand(program: Command): void {
	asking(program, "command", "Tell a device to do something, and show how far it is until it is done.")
		.argument("<device>", "its name", deviceName)
		.argument("[command]", "what it is to do: one of its program's, or ping, info, restart, report, log-level, trace, rollback, self-test")
		.argument("[parameters...]", "name=value each; values are JSON where they can be, else text")
		.option("--parameters <json>", "all parameters, as a JSON object")
		.addOption(new Option("--timeout <duration>", "how long it may take").argParser(timeout).default(timeout(TIMEOUT), TIMEOUT))
		.option("--sign <file>", "sign it with this private key, PEM, for devices that want it signed")
		.option("--out <file>", "where what it is replied to with goes, if it replies with more than a result; default: here")
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
	const output = new Console(options), id = newId(), given = Object.keys(parameters).length === 0 ? undefined : parameters;
	const payload = options.sign === undefined ? { command: name, parameters: given } : { signed: await signed(options.sign, device, id, options.timeout, name, given) };
	const last = await perform(options, { device, payload, timeout: options.timeout, wait: options.wait, id }, item => {
		output.say("command", item, `${device} ${printableLine(name)} ${item.command}: ${textOf(item)}`);
	}, interrupted);
	if (!options.wait || interrupted.aborted) return;
	judge(name, last);
	const { text, base64 } = last!, reply = text === undefined ? base64 && Buffer.from(base64, "base64") : Buffer.from(text);
	if (reply === undefined) return;
	if (options.out !== undefined) await writeBytes(options.out, reply);
	else if (!output.json) output.say("reply", {}, text ?? `${reply.length} bytes that are no text: --out keeps them`);
}

/** The envelope, good until the command's time is up. */
function timeout(text: string): number {
	const chosen = duration(text);
	if (chosen > TIMEOUT_MAXIMUM) throw new InvalidArgumentError("A command may take 12h at most.");
	return chosen;
}

async function signed(file: string, device: string, id: string, timeout: number, command: string, parameters: JsonObject | undefined): Promise<string> {
	const { readSigner, signCommand } = await import("../../release/index.js");
	const key = readSigner(await readText(file)), expires = Math.ceil((Date.now() + timeout) / 1_000);
	return Buffer.from(signCommand({ key, device, id, expires, command, parameters })).toString("base64url");
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
