// SPDX-License-Identifier: Apache-2.0
/**
 * The cloud's side of commands: what an operator asks of a device at once, and what comes of it, below
 * `moorline/<id>/commands/`.
 *
 * | topic      | direction      | message                                                |
 * |------------|----------------|--------------------------------------------------------|
 * | `request`  | cloud → device | `{"id","payload"?}`                                    |
 * | `response` | to cloud       | `{"id","status","reason"?,"description"?,"result"?}`   |
 * | `accepted` | cloud → device | `{"id"}`                                               |
 * | `rejected` | cloud → device | `{"id","code","message"}`                              |
 *
 * Pure.
 */
import { DeviceError } from "../../../src/base/error.js";
import type { CloudChannel } from "../channel.js";
import { encode } from "./formats.js";
import type { JsonObject, JsonValue } from "./json.js";
import { encodeJson, isObject } from "./json.js";
import type { MannersBook } from "./manners.js";
import { isDeviceId } from "./registry.js";
import { Rejection } from "./rejection.js";
import { member, readMessage } from "./request.js";

const STATUSES = Object.freeze(["IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED"] as const);
export type CommandStatus = "CREATED" | typeof STATUSES[number];

/** One command, and what the device says of it. */
export interface DeviceCommand {
	readonly id: string;
	readonly payload: JsonValue;
	readonly status: CommandStatus;
	readonly reason?: string | undefined;
	readonly description?: string | undefined;
	readonly result?: JsonObject | undefined;
	/** Wall clock, ms since 1970. */
	readonly createdAt: number;
}

export interface CommandServiceOptions {
	/** The wall clock in ms since 1970. */
	wall: () => number;
	/** How devices want to be spoken to. */
	manners: MannersBook;
}

const ID = /^[a-zA-Z0-9_-]{1,64}$/;
const MESSAGE_MAXIMUM = 16 * 1024;
const PAYLOAD_MAXIMUM = 4 * 1024;
/** Commands of one device, those that have ended included: of these the oldest makes room. */
export const COMMAND_MAXIMUM = 16;
const DEVICE_MAXIMUM = 100_000;
/** ms for which a device that comes is told of a command: what is to be done at once is of no use later. */
const VALIDITY = 60_000;

export class CommandService {
	/** Runs after a device said something new of a command. */
	onChanged: ((device: string, command: DeviceCommand) => void) | undefined;
	readonly #wall: () => number;
	readonly #manners: MannersBook;
	readonly #channels: CloudChannel[] = [];
	readonly #devices = new Map<string, Map<string, DeviceCommand>>();
	#count = 0;

	constructor({ wall, manners }: CommandServiceOptions) {
		this.#wall = wall;
		this.#manners = manners;
	}

	/** Serves the devices of one broker. Requests go to every broker attached. */
	attach(channel: CloudChannel): void {
		this.#channels.push(channel);
		channel.subscribe("moorline/+/commands/response", (topic, payload, retain) => {
			const device = topic.split("/")[1]!;
			if (!retain && isDeviceId(device)) this.#receive(channel, device, payload);
		});
	}

	/**
	 * Asks a device to do something.
	 * @param id 1 to 64 characters of `a-z A-Z 0-9 _ -`. Default: `command-1` and so on
	 * @returns the id
	 * @throws DeviceError `argument`, `too-large`, `full`, `state` when there is such a command
	 */
	send(device: string, payload: JsonValue, id = `command-${++this.#count}`): string {
		if (!isDeviceId(device) || !ID.test(id)) throw new DeviceError("argument", `cannot send command "${id}" to "${device}"`);
		if (encodeJson(payload).byteLength > PAYLOAD_MAXIMUM) throw new DeviceError("too-large", `command larger than ${PAYLOAD_MAXIMUM} bytes`);
		const commands = this.#devices.get(device) ?? new Map<string, DeviceCommand>();
		if (commands.has(id)) throw new DeviceError("state", `there is a command ${id} of ${device}`);
		if (commands.size >= COMMAND_MAXIMUM) {
			const over = [...commands.values()].find(command => isOver(command) || !this.#isValid(command));
			if (over === undefined) throw new DeviceError("full", `${COMMAND_MAXIMUM} commands of ${device} wait`);
			commands.delete(over.id);
		}
		if (!this.#devices.has(device) && this.#devices.size >= DEVICE_MAXIMUM) throw new DeviceError("full", "too many devices");
		this.#devices.set(device, commands.set(id, { id, payload, status: "CREATED", createdAt: this.#wall() }));
		for (const channel of this.#channels) this.#send(channel, device, "request", { id, payload });
		return id;
	}

	get(device: string, id: string): DeviceCommand | undefined { return this.#devices.get(device)?.get(id); }

	/** Those of which the device has said nothing yet, oldest first. Who was told twice, as after a reset, does it twice. */
	pending(device: string): DeviceCommand[] {
		return [...this.#devices.get(device)?.values() ?? []].filter(command => command.status === "CREATED" && this.#isValid(command));
	}

	#isValid({ createdAt }: DeviceCommand): boolean { return this.#wall() < createdAt + VALIDITY; }

	#receive(channel: CloudChannel, device: string, payload: Uint8Array): void {
		let id: unknown;
		try {
			const response = readMessage(payload, MESSAGE_MAXIMUM);
			id = member(response, "id");
			const known = typeof id === "string" ? this.get(device, id) : undefined;
			if (known === undefined) throw new Rejection(404, "there is no such command");
			this.#note(device, known, response);
			this.#send(channel, device, "accepted", { id });
		} catch (error) {
			const rejection = error instanceof Rejection ? error : new Rejection(500, "internal error");
			this.#send(channel, device, "rejected", { id: typeof id === "string" ? id : undefined, code: rejection.code, message: rejection.message });
			if (rejection !== error) throw error;
		}
	}

	/** What is said of one that has ended was said before. @throws Rejection */
	#note(device: string, known: DeviceCommand, response: JsonObject): void {
		const status = STATUSES.find(each => each === member(response, "status"));
		const result = member(response, "result");
		if (status === undefined || result !== undefined && !isObject(result)) throw new Rejection(400, "status or result is of another type");
		if (isOver(known)) return;
		const command = { ...known, status, reason: textOf(response, "reason"), description: textOf(response, "description"), result };
		this.#devices.get(device)!.set(known.id, command);
		this.onChanged?.(device, command);
	}

	#send(channel: CloudChannel, device: string, verb: string, message: object): void {
		channel.publish(`moorline/${device}/commands/${verb}`, encode(this.#manners.of(device).format, message), { qos: 1 });
	}
}

function isOver({ status }: DeviceCommand): boolean {
	return status !== "CREATED" && status !== "IN_PROGRESS";
}

function textOf(message: JsonObject, name: string): string | undefined {
	const text = member(message, name);
	return typeof text === "string" ? text : undefined;
}
