// SPDX-License-Identifier: Apache-2.0
/**
 * Commands: the cloud asks for something to be done at once, and is told what came of it.
 *
 * A request that comes twice is done once: the second is answered as the first was. That holds for as many requests
 * as are remembered, and until a reset.
 *
 * Pure: knows no topics and no clock; a cloud translates between `CommandsPort` and its messages.
 */
import { DeviceError, toDeviceError } from "../base/error.js";
import { Vocabulary } from "../bytes/vocabulary.js";
import type { CBORValue } from "../cbor/value.js";
import { FOREIGN_MAXIMUM, Refusal, Service } from "../base/service.js";

export type CommandStatus = "CREATED" | "IN_PROGRESS" | "SUCCEEDED" | "FAILED" | "REJECTED";

/** Values that a command gives back, by name. */
export type CommandResult = Readonly<Record<string, string | boolean>>;

/** What commands ask of a cloud. False: there is no room now, ask again later; what throws cannot be said. */
export interface CommandsPort {
	/** Says what `status`, `reason`, `description` and `result` of the command are. */
	respond(command: Command): boolean;
}

/** All but `onTurn` are run from `expire`. */
export interface CommandsCallbacks {
	/** From inside of what the program says of a command: `deadline` moved. */
	onTurn?: (() => void) | undefined;
	/** Something to do. It ends by `succeed`, `fail` or `reject`, in this call or later. */
	onCommand(command: Command): void;
	onError?: ((error: DeviceError) => void) | undefined;
}

export interface CommandsOptions {
	/**
	 * Names of the members that payloads have: others are left out, as each name stays in the device's memory until it
	 * restarts. Default: any, of which it learns `FOREIGN_MAXIMUM`.
	 */
	members?: readonly string[] | undefined;
}

/** Commands that are remembered. Of these, any number may be under way. */
export const COMMAND_MAXIMUM = 16;
/** Says of a command that its payload could not be read. */
const MALFORMED = "MALFORMED";

/** One command, and what is said about it. */
export class Command {
	readonly id: string;
	/** What is asked for, in the program's own words; null once it ended. Foreign member names are left out. */
	payload: CBORValue;
	status: CommandStatus = "CREATED";
	/** Why it is so: a word of the program's own in capitals, and more for people. */
	reason: string | undefined;
	description: string | undefined;
	result: CommandResult | undefined;
	/** The program was told of it. */
	told = false;
	/** There is something that the cloud may not know. */
	unsaid = false;
	readonly #commands: Commands;

	/** For `Commands`. */
	constructor(commands: Commands, id: string, payload: CBORValue) {
		this.#commands = commands;
		this.id = id;
		this.payload = payload;
	}

	get isOver(): boolean {
		return this.status !== "CREATED" && this.status !== "IN_PROGRESS";
	}

	/** Says that it will take a while: clouds give a command up after seconds. */
	progress(reason?: string, description?: string): void {
		this.say("IN_PROGRESS", reason, description);
	}

	/** Ends it. What is said after the end is passed over. */
	succeed(result?: CommandResult): void {
		this.result = this.isOver ? this.result : result;
		this.say("SUCCEEDED");
	}

	fail(reason: string, description?: string): void {
		this.say("FAILED", reason, description);
	}

	/** It was not tried. */
	reject(reason: string, description?: string): void {
		this.say("REJECTED", reason, description);
	}

	private say(status: CommandStatus, reason?: string, description?: string): void {
		if (this.isOver) return;
		this.status = status;
		this.reason = reason;
		this.description = description;
		if (this.isOver) this.payload = null;
		this.#commands.say(this);
	}
}

export class Commands extends Service<CommandsPort> {
	/** Names that are declared; they and `spare` others may become properties. */
	readonly names: readonly string[];
	readonly spare: number;
	/** The same, where a payload is a message by itself. */
	readonly vocabulary: Vocabulary;
	readonly #callbacks: CommandsCallbacks;
	/** Oldest first. */
	readonly #commands: Command[] = [];
	/** What the cloud is being told of. */
	#sent: Command | undefined;
	#refusal: DeviceError | undefined;

	constructor(callbacks: CommandsCallbacks, { members }: CommandsOptions = {}) {
		super();
		this.#callbacks = callbacks;
		this.names = members ?? [];
		this.spare = members === undefined ? FOREIGN_MAXIMUM : 0;
		this.vocabulary = new Vocabulary(this.names, this.spare);
	}

	/** The cloud asks for something. @throws DeviceError `full` when too many are under way */
	request(id: string, payload: CBORValue): void {
		if (!this.repeat(id)) this.remember(new Command(this, id, payload));
	}

	/** The cloud asks for something that cannot be read. @throws DeviceError `full` */
	refuse(id: string): void {
		if (this.repeat(id)) return;
		const command = new Command(this, id, null);
		command.told = true;
		this.remember(command);
		command.reject(MALFORMED);
	}

	/** For `Command`. */
	say(command: Command): void {
		command.unsaid = true;
		this.wake();
		this.#callbacks.onTurn?.();
	}

	/** The cloud took what it was told. */
	accepted(id: string): void {
		if (this.#sent?.id !== id) return;
		this.#sent = undefined;
		this.answered();
	}

	/** @param refusal one of `Refusal` */
	rejected(id: string, refusal: number, message: string, now: number): void {
		const sent = this.#sent;
		if (sent?.id !== id) return;
		if (refusal === Refusal.BUSY) {
			this.lost();
			this.postpone(now);
		} else {
			this.#sent = undefined;
			this.#refusal = new DeviceError("rejected", `command refused: ${message}`);
			this.answered();
		}
	}

	protected override tell(): void {
		const refusal = this.#refusal;
		this.#refusal = undefined;
		if (refusal !== undefined) this.#callbacks.onError?.(refusal);
		for (const command of this.#commands) {
			if (command.told) continue;
			command.told = true;
			this.#callbacks.onCommand(command);
		}
	}

	protected override ask(port: CommandsPort): boolean | undefined {
		const command = this.#commands.find(({ unsaid }) => unsaid);
		if (command === undefined) return undefined;
		// What is said from here on is to be said once more.
		command.unsaid = false;
		try {
			command.unsaid = !port.respond(command);
		} catch (error) {
			this.#refusal = toDeviceError(error, "internal", "response failed");
			this.wake();
			return undefined;
		}
		if (command.unsaid) return false;
		this.#sent = command;
		return true;
	}

	protected override lost(): void {
		if (this.#sent !== undefined) this.#sent.unsaid = true;
		this.#sent = undefined;
	}

	/** True when it is known already: what was said of it is said again, as the cloud may not have heard it. */
	private repeat(id: string): boolean {
		const command = this.#commands.find((candidate) => candidate.id === id);
		if (command === undefined) return false;
		if (command.status !== "CREATED" && command !== this.#sent) this.say(command);
		return true;
	}

	private remember(command: Command): void {
		const commands = this.#commands;
		if (commands.length === COMMAND_MAXIMUM) {
			const over = commands.findIndex((candidate) => this.isSettled(candidate));
			if (over < 0) throw new DeviceError("full", `over ${COMMAND_MAXIMUM} commands under way`);
			commands.splice(over, 1);
		}
		commands.push(command);
		this.wake();
	}

	/** Over, and the cloud knows. */
	private isSettled(command: Command): boolean {
		return command.isOver && !command.unsaid && command !== this.#sent;
	}
}
