// SPDX-License-Identifier: Apache-2.0
/**
 * The cloud's side of commands: what an operator asks of a device at once, and what comes of it, below
 * `moorline/<id>/commands/`.
 *
 * | topic                      | direction      | message                                                          |
 * |----------------------------|----------------|------------------------------------------------------------------|
 * | `get`                      | to cloud       | anything: what waits is said again                               |
 * | `request`                  | cloud → device | `{"id","payload","number","timeout"?,"expires"?}`                |
 * | `cancel`                   | cloud → device | `{"id","number"}`                                                |
 * | `response`                 | to cloud       | `{"id","status","reason"?,"description"?,"result"?,"reply"?}`    |
 * | `reply/<command>/<offset>` | to cloud       | the bytes of a reply from there on                               |
 * | `accepted`                 | cloud → device | `{"id","status"}`; of a part `{"id","part","offset"}`            |
 * | `rejected`                 | cloud → device | `{"id","code","message","part"?}`                                |
 *
 * That nobody answered in time is only this cloud's guess: what the device says later counts.
 *
 * Pure.
 */
import { DeviceError } from "../../../src/base/error.js";
import type { Task } from "../broker/agenda.js";
import type { CloudChannel } from "../channel.js";
import { CommandReplies, CommandReply } from "./command-replies.js";
import { encode } from "./formats.js";
import type { JsonObject, JsonValue } from "./json.js";
import { encodeJson, isObject } from "./json.js";
import type { MannersBook } from "./manners.js";
import { isDeviceId } from "./registry.js";
import { Rejection } from "./rejection.js";
import { member, readMessage } from "./request.js";

const STATUSES = Object.freeze(["IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED", "TIMED_OUT", "CANCELED"] as const);
export type CommandStatus = "CREATED" | typeof STATUSES[number];

/** What a reply was, as the device says at its end. */
export interface ReplyDigest {
	/** Bytes. */
	readonly length: number;
	/** SHA-256 in hexadecimal. */
	readonly digest?: string | undefined;
}

/** What a device is sent. */
export interface CommandRequest {
	readonly id: string;
	readonly payload: JsonValue;
	/** Rises from command to command of a device, across this cloud's restarts, too. */
	readonly number: number;
	/** Seconds that it may take. */
	readonly timeout?: number | undefined;
	/** Wall clock, ms since 1970, by which it must have ended. */
	readonly expires?: number | undefined;
}

/** One command, and what the device says of it. */
export interface DeviceCommand extends CommandRequest {
	readonly status: CommandStatus;
	readonly reason?: string | undefined;
	readonly description?: string | undefined;
	readonly result?: JsonObject | undefined;
	/** Its bytes: `reply`. */
	readonly reply?: ReplyDigest | undefined;
	/** The operator wants it to end. */
	readonly canceled: boolean;
	/** Wall clock, ms since 1970. */
	readonly createdAt: number;
}

export interface SendOptions {
	/** 1 to 64 characters of `a-z A-Z 0-9 _ -`. Default: `command-` and its number to the base of 36. */
	id?: string | undefined;
	/** Seconds from when the device has it, up to 12 hours. Default: it takes as long as it takes. */
	timeout?: number | undefined;
	/** Wall clock, ms since 1970. Default: none. */
	expires?: number | undefined;
}

export interface CommandServiceOptions {
	/** The wall clock in ms since 1970. */
	wall: () => number;
	/** How devices want to be spoken to. */
	manners: MannersBook;
}

/** What the cloud gives as a reason when time is up. */
export const NO_RESPONSE = "NO_RESPONSE";
const ID = /^[a-zA-Z0-9_-]{1,64}$/;
const OFFSET = /^\d{1,9}$/;
const MESSAGE_MAXIMUM = 16 * 1024;
const PAYLOAD_MAXIMUM = 4 * 1024;
/** Commands of one device, those that have ended included: of these the oldest makes room. */
export const COMMAND_MAXIMUM = 16;
const DEVICE_MAXIMUM = 100_000;
const TIMEOUT_MAXIMUM = 12 * 3600;
/** ms for which a device that comes is told of a command: what is to be done at once is of no use later. */
const VALIDITY = 60_000;
/** ms that a device is given beyond a command's own time to say how it ended. */
const GRACE = 30_000;

/** A command with what only the service knows of it. */
interface Kept {
	command: DeviceCommand;
	reply: CommandReply | undefined;
	/** Monotonic ms at which nobody is thought to answer any more; `undefined` until the time is known. */
	deadline: number | undefined;
	/** ms until then, when it is known. */
	patience: number;
	/** It was this cloud that ended it. */
	isGuess: boolean;
}

export class CommandService implements Task {
	/** Runs after the device said something new of a command, or did not in time. */
	onChanged: ((device: string, command: DeviceCommand) => void) | undefined;
	/** Told when the deadline has become earlier. */
	onDue: (() => void) | undefined;
	readonly #wall: () => number;
	readonly #manners: MannersBook;
	readonly #channels: CloudChannel[] = [];
	readonly #devices = new Map<string, Map<string, Kept>>();
	readonly #replies = new CommandReplies();
	/** Commands that the clock ends, by device. */
	readonly #waiting = new Map<Kept, string>();
	#number = 0;
	#deadline = Infinity;

	constructor({ wall, manners }: CommandServiceOptions) {
		this.#wall = wall;
		this.#manners = manners;
	}

	/** Monotonic ms at which `expire` has something to do; 0: at once, to learn the time. */
	get deadline(): number { return this.#deadline; }

	/** Serves the devices of one broker. Requests go to every broker attached. */
	attach(channel: CloudChannel): void {
		this.#channels.push(channel);
		for (const [filter, answer] of [
			["get", this.#remind], ["response", this.#receive], ["reply/+/+", this.#gather],
		] as const) {
			channel.subscribe(`moorline/+/commands/${filter}`, (topic, payload, retain) => {
				const [, device = "", , ...levels] = topic.split("/");
				if (!retain && isDeviceId(device)) answer.call(this, channel, device, payload, levels);
			});
		}
	}

	/**
	 * Asks a device to do something.
	 * @returns the id
	 * @throws DeviceError `argument`, `too-large`, `full`, `state` when there is such a command
	 */
	send(device: string, payload: JsonValue, { id, timeout, expires }: SendOptions = {}): string {
		const createdAt = this.#wall(), number = this.#number = Math.max(this.#number + 1, Math.floor(createdAt));
		const name = id ?? `command-${number.toString(36)}`;
		if (!isDeviceId(device) || !ID.test(name)) throw new DeviceError("argument", `cannot send command "${name}" to "${device}"`);
		if (timeout !== undefined && !(timeout > 0 && timeout <= TIMEOUT_MAXIMUM)) throw new DeviceError("argument", `a timeout of ${timeout} s`);
		if (encodeJson(payload).byteLength > PAYLOAD_MAXIMUM) throw new DeviceError("too-large", `command larger than ${PAYLOAD_MAXIMUM} bytes`);
		const commands = this.#roomFor(device, name);
		const command: DeviceCommand = { id: name, payload, number, timeout, expires, status: "CREATED", canceled: false, createdAt };
		const kept: Kept = { command, reply: undefined, deadline: undefined, patience: VALIDITY, isGuess: false };
		commands.set(name, kept);
		this.#watch(device, kept, VALIDITY);
		for (const channel of this.#channels) this.#send(channel, device, "request", requestOf(command));
		return name;
	}

	/**
	 * Asks a device to end a command, or never to begin it. What the device says counts: it may have ended before.
	 * @returns false when it is over
	 * @throws DeviceError `argument` when there is no such command
	 */
	cancel(device: string, id: string): boolean {
		const kept = this.#devices.get(device)?.get(id);
		if (kept === undefined) throw new DeviceError("argument", `there is no command ${id} of ${device}`);
		if (isOver(kept.command)) return false;
		kept.command = { ...kept.command, canceled: true };
		for (const channel of this.#channels) this.#send(channel, device, "cancel", cancellationOf(kept.command));
		return true;
	}

	get(device: string, id: string): DeviceCommand | undefined { return this.#devices.get(device)?.get(id)?.command; }

	/** What there is of a reply: all of it, once the command has succeeded. */
	reply(device: string, id: string): Uint8Array | undefined { return this.#devices.get(device)?.get(id)?.reply?.bytes(); }

	/** Those of which the device has said nothing yet, oldest first. */
	pending(device: string): CommandRequest[] {
		return this.#commands(device).filter(command => command.status === "CREATED" && !command.canceled && this.#isValid(command)).map(requestOf);
	}

	/** Those that are to end. */
	canceled(device: string): { readonly id: string; readonly number: number }[] {
		return this.#commands(device).filter(command => command.canceled && !isOver(command)).map(cancellationOf);
	}

	expire(now: number): void {
		if (now < this.#deadline) return;
		this.#deadline = Infinity;
		for (const [kept, device] of this.#waiting) {
			kept.deadline ??= now + kept.patience;
			if (kept.deadline > now) {
				this.#deadline = Math.min(this.#deadline, kept.deadline);
				continue;
			}
			this.#waiting.delete(kept);
			kept.isGuess = true;
			this.#change(device, kept, { ...kept.command, status: "TIMED_OUT", reason: NO_RESPONSE });
		}
	}

	#commands(device: string): DeviceCommand[] {
		return [...this.#devices.get(device)?.values() ?? []].map(({ command }) => command);
	}

	#isValid({ createdAt }: DeviceCommand): boolean { return this.#wall() < createdAt + VALIDITY; }

	/** @throws DeviceError */
	#roomFor(device: string, id: string): Map<string, Kept> {
		const commands = this.#devices.get(device) ?? new Map<string, Kept>();
		if (commands.has(id)) throw new DeviceError("state", `there is a command ${id} of ${device}`);
		if (commands.size >= COMMAND_MAXIMUM) {
			const over = [...commands.values()].find(({ command }) => isOver(command) || command.status === "CREATED" && !this.#isValid(command));
			if (over === undefined) throw new DeviceError("full", `${COMMAND_MAXIMUM} commands of ${device} wait`);
			commands.delete(over.command.id);
			this.#waiting.delete(over);
			over.reply?.drop();
		}
		if (!this.#devices.has(device) && this.#devices.size >= DEVICE_MAXIMUM) throw new DeviceError("full", "too many devices");
		this.#devices.set(device, commands);
		return commands;
	}

	/** The clock ends it in so many ms. */
	#watch(device: string, kept: Kept, patience: number): void {
		kept.patience = patience;
		kept.deadline = undefined;
		this.#waiting.set(kept, device);
		// At once: an operator's call comes without the time, and `expire` is told it.
		this.#deadline = 0;
		this.onDue?.();
	}

	/** A device that comes is told what it may have missed; it knows what it was told twice. */
	#remind(channel: CloudChannel, device: string): void {
		for (const request of this.pending(device)) this.#send(channel, device, "request", request);
		for (const cancellation of this.canceled(device)) this.#send(channel, device, "cancel", cancellation);
	}

	#receive(channel: CloudChannel, device: string, payload: Uint8Array): void {
		let id: unknown;
		this.#answer(channel, device, () => ({ id: typeof id === "string" ? id : undefined }), () => {
			const response = readMessage(payload, MESSAGE_MAXIMUM);
			id = member(response, "id");
			const kept = this.#find(device, id);
			return { status: this.#note(device, kept, response) };
		});
	}

	#gather(channel: CloudChannel, device: string, payload: Uint8Array, [, id = "", at = ""]: string[]): void {
		const part = OFFSET.test(at) ? Number(at) : NaN;
		this.#answer(channel, device, () => ({ id, part }), () => {
			if (Number.isNaN(part)) throw new Rejection(400, "offset is no number");
			const kept = this.#find(device, id);
			if (isOver(kept.command) && !kept.isGuess) throw new Rejection(404, "the command is over");
			const reply = kept.reply ??= new CommandReply(this.#replies);
			reply.take(part, payload);
			return { offset: reply.length };
		});
	}

	/** @throws Rejection */
	#find(device: string, id: unknown): Kept {
		const kept = typeof id === "string" ? this.#devices.get(device)?.get(id) : undefined;
		if (kept === undefined) throw new Rejection(404, "there is no such command");
		return kept;
	}

	#answer(channel: CloudChannel, device: string, about: () => object, action: () => object): void {
		try {
			const answer = action();
			this.#send(channel, device, "accepted", { ...about(), ...answer });
		} catch (error) {
			const rejection = error instanceof Rejection ? error : new Rejection(500, "internal error");
			this.#send(channel, device, "rejected", { ...about(), code: rejection.code, message: rejection.message });
			if (rejection !== error) throw error;
		}
	}

	/** What is said of one that has ended was said before. @returns the status that was said. @throws Rejection */
	#note(device: string, kept: Kept, response: JsonObject): CommandStatus {
		const status = STATUSES.find(each => each === member(response, "status"));
		const result = member(response, "result"), reply = digestOf(member(response, "reply"));
		if (status === undefined || result !== undefined && !isObject(result)) throw new Rejection(400, "status or result is of another type");
		const known = kept.command;
		if (isOver(known) && !kept.isGuess) return status;
		const isWhole = reply === undefined || reply.length === (kept.reply?.length ?? 0);
		const command = isWhole ? { ...known, status, reason: textOf(response, "reason"), description: textOf(response, "description"), result, reply }
			: { ...known, status: "FAILED" as const, reason: "REPLY_INCOMPLETE" };
		kept.isGuess = false;
		this.#waiting.delete(kept);
		if (!isOver(command) && known.timeout !== undefined) this.#watch(device, kept, 1_000 * known.timeout + GRACE);
		this.#change(device, kept, command);
		return status;
	}

	#change(device: string, kept: Kept, command: DeviceCommand): void {
		kept.command = command;
		this.onChanged?.(device, command);
	}

	#send(channel: CloudChannel, device: string, verb: string, message: object): void {
		channel.publish(`moorline/${device}/commands/${verb}`, encode(this.#manners.of(device).format, message), { qos: 1 });
	}
}

function isOver({ status }: DeviceCommand): boolean {
	return status !== "CREATED" && status !== "IN_PROGRESS";
}

function requestOf({ id, payload, number, timeout, expires }: DeviceCommand): CommandRequest {
	return { id, payload, number, timeout, expires };
}

function cancellationOf({ id, number }: DeviceCommand): { id: string; number: number } {
	return { id, number };
}

/** @throws Rejection */
function digestOf(reply: unknown): ReplyDigest | undefined {
	if (reply === undefined) return undefined;
	const { length, digest } = isObject(reply) ? reply : {};
	if (!Number.isSafeInteger(length) || digest !== undefined && typeof digest !== "string") throw new Rejection(400, "reply is of another type");
	return { length: length as number, digest };
}

function textOf(message: JsonObject, name: string): string | undefined {
	const text = member(message, name);
	return typeof text === "string" ? text : undefined;
}
