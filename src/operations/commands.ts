// SPDX-License-Identifier: Apache-2.0
/**
 * Commands: the cloud asks for something to be done at once, and is told what came of it.
 *
 * 1. What is taken is remembered before the program is told of it, or it is refused. So a request that comes twice,
 *    five times or after a reset is done once: the others are answered as the first was.
 * 2. How it ended is remembered before the cloud is told, and told until the cloud has answered, across resets.
 * 3. What a reset interrupts is never begun again by itself: the program may take it up, or it failed.
 * 4. A command that is canceled, or whose time is up, ends at once: whatever the program says later is passed over.
 *
 * Pure: knows no topics and no clock but the one it is told, and the wall's where it is given a host; a cloud
 * translates between `CommandsPort` and its messages.
 */
import { DeviceError, toDeviceError } from "../base/error.js";
import { FOREIGN_MAXIMUM, Refusal, Service } from "../base/service.js";
import { Vocabulary } from "../bytes/vocabulary.js";
import type { CBORValue } from "../cbor/value.js";
import { CommandMemory, REMEMBERED, type MemoryHost } from "./command-memory.js";
import { Command, NO_TERMS, type CommandOwner, type CommandStatus, type CommandTerms } from "./command.js";
import { Reply } from "./reply.js";

/** What commands ask of a cloud. False: there is no room now, ask again later; what throws cannot be said. */
export interface CommandsPort {
	/** Says what `status`, `reason`, `description`, `result` and `replied` of the command are. */
	respond(command: Command): boolean;
	/** Gives a part of a reply, borrowed. Absent where the cloud takes none. */
	part?(command: Command, offset: number, bytes: Uint8Array): boolean;
}

/** All but `onTurn` are run from `expire`. */
export interface CommandsCallbacks {
	/** From inside of what the program says of a command: `deadline` moved. */
	onTurn?: (() => void) | undefined;
	/** Something to do. It ends by `succeed`, `fail`, `reject` or `reply`, in this call or later. */
	onCommand(command: Command): void;
	/**
	 * A command that was begun before a reset and has not ended, with its payload and its last checkpoint. A payload of
	 * more than PAYLOAD_MAXIMUM bytes was not kept, and is null.
	 * @returns true to take it up; otherwise it failed, with INTERRUPTED
	 */
	onCommandResumed?: ((command: Command) => boolean) | undefined;
	/** The command is over, and not by the program: `status` says how. */
	onCommandCanceled?: ((command: Command) => void) | undefined;
	onError?: ((error: DeviceError) => void) | undefined;
}

export interface CommandsOptions {
	/**
	 * Names of the members that payloads have: others are left out, as each name stays in the device's memory until it
	 * restarts. Default: any, of which it learns `FOREIGN_MAXIMUM`.
	 */
	members?: readonly string[] | undefined;
	/** Other names that it learns beside `members`. Default: none. */
	spare?: number | undefined;
	/** Where commands are remembered, and the wall clock. Absent: they are remembered until a reset. */
	host?: MemoryHost | undefined;
}

/** Commands under way, and those with something to say. */
export const COMMAND_MAXIMUM = 16;
/** ms after which the cloud is told that a command was begun, if there is nothing more to say. */
export const BEGUN_DELAY = 1_000;
/** ms after which what is remembered is read again where that failed. */
const LOAD_RETRY = 10_000;
/** Times that a command is taken up after a reset without getting anywhere: it may be what the device dies of. */
export const RESUMPTION_MAXIMUM = 3;

/** Why a command ended that the program did not end. */
export const CommandReason = Object.freeze({
	/** Its payload could not be read. */
	MALFORMED: "MALFORMED",
	/** It could not be remembered: the storage is full, or fails. */
	NOT_REMEMBERED: "NOT_REMEMBERED",
	/** Later ones were done and forgotten since: perhaps it was, too. */
	STALE: "STALE",
	/** A reset came while it was under way. */
	INTERRUPTED: "INTERRUPTED",
	/** This cloud takes no replies in parts. */
	REPLY_UNSUPPORTED: "REPLY_UNSUPPORTED",
	/** The cloud did not want the reply. */
	REPLY_REFUSED: "REPLY_REFUSED",
	/** The reply could not be read. */
	REPLY_FAILED: "REPLY_FAILED",
	/** It gave a result that could not be said: it is too large, as a rule. */
	RESULT_UNSAID: "RESULT_UNSAID",
});

export class Commands extends Service<CommandsPort> implements CommandOwner {
	/** Names that are declared; they and `spare` others may become properties. */
	readonly names: readonly string[];
	readonly spare: number;
	/** The same, where a payload is a message by itself. */
	readonly vocabulary: Vocabulary;
	readonly #callbacks: CommandsCallbacks;
	readonly #host: MemoryHost | undefined;
	readonly #memory: CommandMemory | undefined;
	/** Oldest first. */
	readonly #commands: Command[] = [];
	/** When what is remembered is read; and of that, bit n: the command of slot n is yet to be taken up, or fails. */
	#loadAt = 0;
	#begun = 0;
	/** What the cloud is being told of, and what it was told: more may have been said since. */
	#sent: Command | undefined;
	#said: CommandStatus = "CREATED";
	/** What the cloud is being given, and whether it has to answer for a part. */
	#reply: Reply | undefined;
	#parting = false;
	/** When the first command's time is up, or the cloud is to be told of one. */
	#due = Infinity;
	#refusal: DeviceError | undefined;

	constructor(callbacks: CommandsCallbacks, { members, spare = 0, host }: CommandsOptions = {}) {
		super();
		this.#callbacks = callbacks;
		this.names = members ?? [];
		this.spare = members === undefined ? FOREIGN_MAXIMUM : spare;
		this.vocabulary = new Vocabulary(this.names, this.spare);
		this.#host = host;
		if (host === undefined) return;
		this.#memory = new CommandMemory(host);
		this.wake();
	}

	override get deadline(): number {
		return Math.min(super.deadline, this.#due);
	}

	/** The cloud asks for something. @throws DeviceError `full` when too many are under way */
	request(id: string, payload: CBORValue, terms: CommandTerms = NO_TERMS): void {
		if (this.repeat(id) === undefined) this.add(new Command(this, id, payload, terms));
	}

	/** The cloud asks for something that cannot be read. @throws DeviceError `full` */
	refuse(id: string): void {
		if (this.repeat(id) !== undefined) return;
		const command = new Command(this, id, null, NO_TERMS);
		command.told = true;
		this.add(command);
		command.reject(CommandReason.MALFORMED);
	}

	/** The cloud wants a command to end, or never to begin if it is still to come. @throws DeviceError `full` */
	cancel(id: string, terms: CommandTerms = NO_TERMS): void {
		let command = this.repeat(id);
		if (command === undefined) this.add(command = new Command(this, id, null, terms));
		command.canceled = true;
		this.wake();
	}

	/** For `Command`. */
	say(_: Command): void {
		this.wake();
		this.#callbacks.onTurn?.();
	}

	/** For `Command`. @throws DeviceError `unsupported`, `storage`, `full` */
	keep(command: Command): void {
		const memory = this.#memory;
		if (memory === undefined) throw new DeviceError("unsupported", "commands are not remembered here");
		memory.save(command);
	}

	/**
	 * The cloud took what it was told.
	 * @param status that it was told, where the cloud says so
	 */
	accepted(id: string, status?: string): void {
		const sent = this.#sent;
		if (sent?.id !== id || status !== undefined && status !== this.#said) return;
		this.#sent = undefined;
		this.settle(sent);
		this.answered();
	}

	/**
	 * The cloud took a part of a reply, or wants another one.
	 * @param part offset of what it was given
	 * @param offset up to which it has the reply
	 */
	received(id: string, part: number, offset: number): void {
		const reply = this.#reply;
		if (!this.#parting || reply === undefined || reply.command.id !== id || reply.offset !== part) return;
		this.#parting = false;
		reply.received(offset);
		this.answered();
	}

	/**
	 * @param refusal one of `Refusal`
	 * @param part offset of the part of a reply that it refused; absent: it refused what it was told
	 */
	rejected(id: string, refusal: number, message: string, now: number, part?: number): void {
		if (part !== undefined) return this.partRejected(id, refusal, message, now, part);
		const sent = this.#sent;
		if (sent?.id !== id) return;
		if (refusal === Refusal.BUSY) {
			this.lost();
			return this.postpone(now);
		}
		this.#sent = undefined;
		// What was said before a reset, too, the cloud may have heard then.
		if (!sent.repeated) this.#refusal = new DeviceError("rejected", `command refused: ${message}`);
		this.settle(sent);
		this.answered();
	}

	protected override tell(now: number): void {
		const refusal = this.#refusal;
		this.#refusal = undefined;
		if (refusal !== undefined) this.#callbacks.onError?.(refusal);
		const memory = this.#memory;
		if (memory !== undefined) this.load(memory, now);
		const commands = this.#commands;
		let due = memory === undefined || memory.loaded ? Infinity : this.#loadAt;
		for (let index = 0; index < commands.length; index++) {
			if (!commands[index]!.told) this.take(index, now);
			const command = commands[index]!;
			this.check(command, now);
			due = Math.min(due, command.deadline, command.beganAt);
		}
		this.#due = due;
	}

	protected override ask(port: CommandsPort): boolean | undefined {
		const command = this.#commands.find(isToBeSaid) ?? this.restored();
		if (command === undefined) return this.askPart(port);
		// What is said from here on is to be said once more.
		command.unsaid = false;
		try {
			command.unsaid = !port.respond(command);
		} catch (error) {
			this.shorten(command);
			this.note(toDeviceError(error, "internal", "response failed"));
			return undefined;
		}
		if (command.unsaid) return false;
		this.#sent = command;
		this.#said = command.status;
		return true;
	}

	/** It cannot be said as it is: how it ended matters more than what it gave. */
	private shorten(command: Command): void {
		const { result, description } = command;
		if (result === undefined && description === undefined) return this.settle(command);
		if (result !== undefined) command.reason = CommandReason.RESULT_UNSAID;
		command.result = command.description = undefined;
		command.unsaid = true;
	}

	protected override lost(): void {
		if (this.#sent !== undefined) this.#sent.unsaid = true;
		this.#sent = undefined;
		this.#parting = false;
	}

	/** What was begun before a reset is taken up or has failed; what had ended is said again, one by one. */
	private load(memory: CommandMemory, now: number): void {
		if (!memory.loaded) {
			if (now < this.#loadAt) return;
			this.#loadAt = now + LOAD_RETRY;
			try {
				this.#begun = memory.load();
			} catch (error) {
				return this.note(toDeviceError(error, "storage", "commands in the storage"));
			}
			if (memory.lost > 0) this.note(new DeviceError("corrupt", `${memory.lost} commands in the storage`));
		}
		for (let slot = 0; this.#begun !== 0 && slot < REMEMBERED; slot++) {
			const bit = 1 << slot;
			if ((this.#begun & bit) === 0) continue;
			// Before the program is told, which may throw: the others are to have their turn.
			this.#begun &= ~bit;
			this.resume(memory, slot, now);
		}
	}

	private resume(memory: CommandMemory, slot: number, now: number): void {
		const command = this.restore(memory, slot);
		if (command === undefined) return;
		command.deadline = this.deadlineOf(command.terms, now);
		if (now >= command.deadline) return command.say("TIMED_OUT");
		command.beganAt = now + BEGUN_DELAY;
		if (!this.isTakenUp(memory, command)) command.fail(CommandReason.INTERRUPTED);
	}

	private isTakenUp(memory: CommandMemory, command: Command): boolean {
		const callbacks = this.#callbacks;
		if (callbacks.onCommandResumed === undefined || command.resumptions >= RESUMPTION_MAXIMUM) return false;
		command.resumptions++;
		try {
			memory.save(command);
		} catch (error) {
			this.note(toDeviceError(error, "storage", "memory"));
			return false;
		}
		return callbacks.onCommandResumed(command);
	}

	/** The command of a slot, in memory again; `undefined` where it cannot be read. */
	private restore(memory: CommandMemory, slot: number): Command | undefined {
		try {
			const command = memory.restore(slot, this, this.vocabulary);
			command.repeated = true;
			this.#commands.push(command);
			return command;
		} catch (error) {
			memory.forget(slot);
			this.note(toDeviceError(error, "storage", "a command in the storage"));
			return undefined;
		}
	}

	/** A request, or a cancellation, is looked at for the first time. */
	private take(index: number, now: number): void {
		const command = this.#commands[index]!;
		command.told = true;
		try {
			if (this.recall(index) || this.isOut(command, now)) return;
			this.#memory?.save(command);
		} catch (error) {
			return command.reject(CommandReason.NOT_REMEMBERED, toDeviceError(error, "storage", "memory").message);
		}
		command.beganAt = now + BEGUN_DELAY;
		this.#callbacks.onCommand(command);
	}

	/** True for one that came before a reset, or before so many others: it is as it was. @throws DeviceError */
	private recall(index: number): boolean {
		const memory = this.#memory;
		if (memory === undefined) return false;
		if (!memory.loaded) throw new DeviceError("storage", "what was done before is not known");
		const slot = memory.find(this.#commands[index]!.id);
		if (slot < 0) return false;
		const known = memory.restore(slot, this, this.vocabulary);
		known.repeated = known.unsaid = true;
		this.#commands[index] = known;
		return true;
	}

	/** True for one that is over before it begins. */
	private isOut(command: Command, now: number): boolean {
		const { number = Infinity } = command.terms;
		command.deadline = this.deadlineOf(command.terms, now);
		if (number <= (this.#memory?.fence ?? 0)) command.reject(CommandReason.STALE);
		else if (command.canceled) command.say("CANCELED");
		else if (now >= command.deadline) command.say("TIMED_OUT");
		return command.isOver;
	}

	private deadlineOf({ timeout = Infinity, expires }: CommandTerms, now: number): number {
		const wall = expires === undefined ? undefined : this.#host?.time.wall();
		return now + Math.min(1_000 * timeout, wall === undefined ? Infinity : expires! - wall);
	}

	private check(command: Command, now: number): void {
		if (!command.isOver) {
			command.deadline = Math.min(command.deadline, now + command.remaining);
			command.remaining = Infinity;
			if (command.canceled) this.end(command, "CANCELED");
			else if (now >= command.deadline) this.end(command, "TIMED_OUT");
			else if (now >= command.beganAt) this.begin(command);
		}
		if (command.changed) this.remember(command);
	}

	private end(command: Command, status: CommandStatus): void {
		command.say(status);
		// Before the program is told: it may restart the device.
		this.remember(command);
		this.#callbacks.onCommandCanceled?.(command);
	}

	/** There was nothing to say of it for so long that the cloud may ask itself whether it was begun. */
	private begin(command: Command): void {
		command.beganAt = Infinity;
		if (command.status === "CREATED") command.say("IN_PROGRESS");
	}

	private remember(command: Command): void {
		command.changed = false;
		const memory = this.#memory;
		// What was refused unseen would be refused again.
		if (memory === undefined || command.slot < 0 && command.status === "REJECTED") return;
		try {
			memory.save(command);
		} catch (error) {
			this.note(toDeviceError(error, "storage", "a command's end"));
		}
	}

	/** An outcome of before a reset that the cloud may not know. */
	private restored(): Command | undefined {
		const memory = this.#memory;
		const slot = memory === undefined || this.#commands.length === COMMAND_MAXIMUM ? -1 : memory.unsaid();
		const command = slot < 0 ? undefined : this.restore(memory!, slot);
		if (command !== undefined) command.unsaid = true;
		return command;
	}

	private askPart(port: CommandsPort): boolean | undefined {
		const reply = this.replyUnderWay();
		if (reply === undefined) return undefined;
		const { command } = reply;
		try {
			if (port.part === undefined) {
				command.fail(CommandReason.REPLY_UNSUPPORTED);
				return undefined;
			}
			const part = reply.part();
			if (part.byteLength > 0) return this.#parting = port.part(command, reply.offset, part);
			command.replied = reply.finish();
			command.succeed(command.result);
		} catch (error) {
			command.fail(CommandReason.REPLY_FAILED, toDeviceError(error, "internal", "reply").message);
		}
		return undefined;
	}

	private replyUnderWay(): Reply | undefined {
		if (this.#reply?.command.source !== undefined) return this.#reply;
		const command = this.#commands.find(isReplying);
		return this.#reply = command && new Reply(command, this.#host?.crypto);
	}

	private partRejected(id: string, refusal: number, message: string, now: number, part: number): void {
		const reply = this.#reply;
		if (!this.#parting || reply === undefined || reply.command.id !== id || reply.offset !== part) return;
		this.#parting = false;
		if (refusal === Refusal.BUSY) return this.postpone(now);
		this.answered();
		reply.command.fail(CommandReason.REPLY_REFUSED, message);
	}

	/** The one in memory of this id: what was said of it is said again, as the cloud may not have heard it. */
	private repeat(id: string): Command | undefined {
		const command = this.#commands.find((candidate) => candidate.id === id);
		if (command === undefined) return undefined;
		if (command.status !== "CREATED" && command !== this.#sent) {
			command.unsaid = true;
			this.say(command);
		}
		return command;
	}

	private add(command: Command): void {
		const commands = this.#commands;
		if (commands.length === COMMAND_MAXIMUM) {
			const over = commands.findIndex((candidate) => this.isSettled(candidate));
			if (over < 0) throw new DeviceError("full", `over ${COMMAND_MAXIMUM} commands under way`);
			commands.splice(over, 1);
		}
		commands.push(command);
		this.wake();
	}

	/** The cloud knows of it what it was told: what is remembered elsewhere need not be here. */
	private settle(command: Command): void {
		if (command.slot < 0 || !this.isSettled(command)) return;
		this.#memory!.settle(command);
		this.#commands.splice(this.#commands.indexOf(command), 1);
	}

	/** Over, and the cloud knows. */
	private isSettled(command: Command): boolean {
		return command.isOver && !command.unsaid && !command.changed && !command.held && command !== this.#sent;
	}

	private note(error: DeviceError): void {
		this.#refusal = error;
		this.wake();
	}
}

function isToBeSaid({ unsaid, changed, held }: Command): boolean {
	return unsaid && !changed && !held;
}

function isReplying({ source }: Command): boolean {
	return source !== undefined;
}
