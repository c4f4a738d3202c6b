// SPDX-License-Identifier: Apache-2.0
/** One command of the cloud's, as a program sees it: what is asked for, until when, and what is said about it. */
import { DeviceError } from "../base/error.js";
import { inRange } from "../base/range.js";
import type { JSONObject } from "../bytes/value.js";
import type { CBORValue } from "../cbor/value.js";
import type { ReplyDigest, ReplySource } from "./reply.js";

export type CommandStatus =
	| "CREATED" | "IN_PROGRESS" | "SUCCEEDED" | "FAILED" | "REJECTED" | "TIMED_OUT" | "CANCELED";

/** Values that a command gives back, by name. Clouds that have texts and truth values alone are given texts. */
export type CommandResult = Readonly<JSONObject>;

/** What a cloud says of a command beside what is asked for. */
export interface CommandTerms {
	/** Greater than that of any command before it for this device; absent where the cloud does not number them. */
	readonly number?: number | undefined;
	/** Seconds within which it must have ended. */
	readonly timeout?: number | undefined;
	/** Wall clock, ms since 1970, by which it must have ended. */
	readonly expires?: number | undefined;
}

/** Whom a command tells that something was said of it. */
export interface CommandOwner {
	say(command: Command): void;
	/** @throws DeviceError `unsupported`, `storage`, `full` */
	keep(command: Command): void;
}

/** Characters of what `progress` keeps for after a reset. */
export const CHECKPOINT_MAXIMUM = 128;
/** ms, the longest that a program can give a command: a week. */
const LIMIT_MAXIMUM = 604_800_000;
export const NO_TERMS: CommandTerms = Object.freeze({});

export class Command {
	readonly id: string;
	readonly terms: CommandTerms;
	/** What is asked for, in the program's own words; null once it ended. Foreign member names are left out. */
	payload: CBORValue;
	status: CommandStatus = "CREATED";
	/** Why it is so: a word of the program's own in capitals, and more for people. */
	reason: string | undefined;
	description: string | undefined;
	result: CommandResult | undefined;
	/** What the last `progress` that gave one kept: how far it was, for who takes it up after a reset. */
	checkpoint: string | undefined;
	/** Of the reply that the cloud has. */
	replied: ReplyDigest | undefined;

	/** For `Commands`, from here on. The reply that the cloud is being given. */
	source: ReplySource | undefined;
	/** The program was told of it. */
	told = false;
	/** The cloud wants it to end. */
	canceled = false;
	/** There is something that the cloud may not know. */
	unsaid = false;
	/** The cloud may have been told already, before a reset. */
	repeated = false;
	/** Its end is for after a restart to say. */
	held = false;
	/** What is remembered of it, or -1; and there is something to be remembered. */
	slot = -1;
	changed = false;
	/** When it must have ended, monotonic ms; and ms from the next turn on within which it must. */
	deadline = Infinity;
	remaining = Infinity;
	/** When the cloud is told that it was begun, unless there is more to say. */
	beganAt = Infinity;
	/** Times that it was taken up after a reset, since it last got anywhere. */
	resumptions = 0;
	readonly #owner: CommandOwner;

	/** For `Commands`. */
	constructor(owner: CommandOwner, id: string, payload: CBORValue, terms: CommandTerms) {
		this.#owner = owner;
		this.id = id;
		this.payload = payload;
		this.terms = terms;
	}

	get isOver(): boolean {
		return this.status !== "CREATED" && this.status !== "IN_PROGRESS";
	}

	/**
	 * Says that it will take a while: clouds give a command up after seconds.
	 * @param checkpoint for `onCommandResumed`; survives a reset from the end of this turn on
	 * @throws DeviceError `too-large` for a checkpoint of more than CHECKPOINT_MAXIMUM characters
	 */
	progress(reason?: string, description?: string, checkpoint?: string): void {
		if (checkpoint !== undefined && !this.isOver) {
			const { length } = checkpoint;
			if (length > CHECKPOINT_MAXIMUM) throw new DeviceError("too-large", `checkpoint of ${length} characters`);
			// The same again is no step, or what the device dies of at that place would be taken up for ever.
			if (checkpoint !== this.checkpoint) this.resumptions = 0;
			this.changed = this.changed || checkpoint !== this.checkpoint;
			this.checkpoint = checkpoint;
		}
		this.say("IN_PROGRESS", reason, description);
	}

	/** Ends it, as the following do. What is said after the end is passed over. */
	succeed(result?: CommandResult): void {
		this.result = this.isOver ? this.result : result;
		this.say("SUCCEEDED");
	}

	/**
	 * It succeeds by a restart, which the program makes after this call: that is remembered now, and said then.
	 * @throws DeviceError `unsupported` where nothing outlives a reset; `storage`, `full`: it goes on
	 */
	succeedAfterRestart(result?: CommandResult): void {
		if (this.isOver) return;
		const { status, reason, description } = this;
		this.status = "SUCCEEDED";
		this.reason = this.description = undefined;
		this.result = result;
		try {
			this.#owner.keep(this);
		} catch (error) {
			this.status = status;
			this.reason = reason;
			this.description = description;
			this.result = undefined;
			throw error;
		}
		this.held = true;
		this.end();
		this.changed = false;
	}

	fail(reason: string, description?: string): void {
		this.say("FAILED", reason, description);
	}

	/** It was not tried. */
	reject(reason: string, description?: string): void {
		this.say("REJECTED", reason, description);
	}

	/**
	 * Gives the cloud a reply of any size, part by part; once it has all of it, the command has succeeded. Where the
	 * cloud takes none, it fails with REPLY_UNSUPPORTED.
	 * @param source read until then, from any offset, and not after the end
	 */
	reply(source: ReplySource, result?: CommandResult): void {
		if (this.isOver) return;
		this.source = source;
		this.result = result;
		this.status = "IN_PROGRESS";
		this.#owner.say(this);
	}

	/**
	 * It must end within so many ms from now, or it is TIMED_OUT; the cloud's own limit stays, if it is shorter.
	 * @throws DeviceError `argument`
	 */
	limit(duration: number): void {
		this.remaining = Math.min(this.remaining, inRange("limit", duration, 1, LIMIT_MAXIMUM));
		this.#owner.say(this);
	}

	/** For `Commands`, too. */
	say(status: CommandStatus, reason?: string, description?: string): void {
		if (this.isOver) return;
		this.status = status;
		this.reason = reason;
		this.description = description;
		this.unsaid = true;
		if (this.isOver && status !== "SUCCEEDED") this.result = undefined;
		if (this.isOver) this.end();
		this.#owner.say(this);
	}

	private end(): void {
		this.payload = null;
		this.source = undefined;
		this.deadline = this.remaining = this.beganAt = Infinity;
		this.changed = true;
	}
}
