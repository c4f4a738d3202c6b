// SPDX-License-Identifier: Apache-2.0
/**
 * Commands as a program declares them, and one that is being done.
 *
 * ```ts
 * commands: {
 * 	blink: ({ times }) => lamp.blink(times),
 * 	unlock: command({
 * 		signed: true,
 * 		parameters: model({ seconds: number() }),
 * 		result: model({ opened: boolean() }),
 * 		handler(call) { lock.open(call.parameters.seconds, () => call.succeed({ opened: true })); },
 * 	}),
 * }
 * ```
 *
 * A table of them is a constant: preloaded, it takes no memory.
 */
import { DeviceError } from "../base/error.js";
import { cut } from "../bytes/cut.js";
import { compose, isObject, type JSONObject } from "../shadow/document.js";
import { flawOf, type Model, type Whole } from "../shadow/model.js";
import type { Command } from "./command.js";
import type { ReplySource } from "./reply.js";

/** What a command takes and gives, and who does it. */
export interface Declaration<P = undefined, R = undefined> {
	/** What it takes: anything else is refused before the handler runs. Default: any JSON object. */
	readonly parameters?: P | undefined;
	/** What it gives: a result that is not so fails the command. Default: any JSON object. */
	readonly result?: R | undefined;
	/** True: only in an envelope that one of `commandKeys` signed. */
	readonly signed?: boolean | undefined;
	/** ms within which it must have ended; the cloud's own limit holds, too. Default: that alone. */
	readonly timeout?: number | undefined;
	/**
	 * True: where a reset comes before the end, the handler is called once more, with `call.resumed` and what
	 * `call.progress` kept. Default: it has failed then.
	 */
	readonly resumes?: boolean | undefined;
	/** Does it. It ends by `call.succeed`, `fail` or `reply`, in this call or later; what is thrown ends it, too. */
	handler(call: Call<P, R>): void;
	/** It was canceled, or its time is up: nothing more can be said about it. */
	onCanceled?(call: Call<P, R>): void;
}

/** For what is done at once: what it returns is the result, and what it throws says why there is none. */
export type BareHandler = (parameters: any) => object | void;

/** Either is possible. */
export type Entry<P = any, R = any> = Declaration<P, R> | BareHandler;

/** Commands by their names. `Parameters` is what the compiler finds the models in. */
export type CommandTable<Parameters = any> = {
	readonly [Name in keyof Parameters]: Entry<Parameters[Name]>;
};

/** The declaration as it is: what its models say is known to the compiler in its handler. */
export function command<P extends Model | undefined = undefined, R extends Model | undefined = undefined>(
	declaration: Declaration<P, R>,
): Declaration<P, R> {
	return declaration;
}

/** Reasons that a command is refused, or failed, with: words of ours, which never change. */
export const Reason = Object.freeze({
	/** Nothing of that name is declared. */
	UNKNOWN_COMMAND: "UNKNOWN_COMMAND",
	/** Not what the command is declared to take. */
	BAD_PARAMETERS: "BAD_PARAMETERS",
	/** The handler gave what it is not declared to give. */
	BAD_RESULT: "BAD_RESULT",
	/** The handler threw. */
	EXCEPTION: "EXCEPTION",
	/** The device cannot do it, ever. */
	UNSUPPORTED: "UNSUPPORTED",
	/** Not now: it would do harm. */
	UNSAFE: "UNSAFE",
	/** A part of the device is not as it should be. */
	SELF_TEST: "SELF_TEST",
	/** Nobody granted that code is evaluated, or not any more. */
	NOT_GRANTED: "NOT_GRANTED",
	/** It has to be signed. */
	NOT_SIGNED: "NOT_SIGNED",
	/** Signed with a key that this device does not know. */
	UNKNOWN_KEY: "UNKNOWN_KEY",
	/** The signature is not one of what is in the envelope. */
	BAD_SIGNATURE: "BAD_SIGNATURE",
	/** The platform could not verify it. */
	NOT_VERIFIED: "NOT_VERIFIED",
	WRONG_DEVICE: "WRONG_DEVICE",
	/** Nobody told the device yet what time it is. */
	NO_CLOCK: "NO_CLOCK",
	EXPIRED: "EXPIRED",
	TOO_LONG_VALID: "TOO_LONG_VALID",
	/** The envelope is that of another request, or was used before. */
	REPLAYED: "REPLAYED",
	/** More was signed than can be remembered until it expires. */
	FULL: "FULL",
});

/** Stands for a result that is none. */
const WRONG = false;
/** Characters of a description: of what a program throws, the beginning tells enough. */
const DESCRIPTION_MAXIMUM = 128;

/** Who hears of what the program did wrong. */
export interface CallOwner {
	onError(error: DeviceError): void;
}

/** One command that is being done, for its handler. What is said after the end is passed over. */
export class Call<P = undefined, R = undefined> {
	/** Its name. */
	readonly command: string;
	readonly parameters: Whole<P>;
	/** A reset came in between: it is taken up. */
	readonly resumed: boolean;
	readonly #request: Command;
	readonly #result: Model | undefined;
	readonly #owner: CallOwner;

	/** For `Handlers`. */
	constructor(
		owner: CallOwner, command: string, request: Command, parameters: JSONObject, result: Model | undefined,
		resumed: boolean,
	) {
		this.command = command;
		this.parameters = parameters as Whole<P>;
		this.resumed = resumed;
		this.#request = request;
		this.#result = result;
		this.#owner = owner;
	}

	/** Of the request. */
	get id(): string {
		return this.#request.id;
	}

	get isOver(): boolean {
		return this.#request.isOver;
	}

	/** What the last `progress` that gave one kept. */
	get checkpoint(): string | undefined {
		// An empty one is of a signed command, and says that it was admitted.
		return this.#request.checkpoint || undefined;
	}

	/** As `Command.progress`. @throws DeviceError `too-large` */
	progress(reason?: string, description?: string, checkpoint?: string): void {
		this.#request.progress(reason, description, checkpoint);
	}

	/** Ends it. A result that is not as declared fails it, and is told by `onError`. */
	succeed(...result: R extends Model ? [result: Whole<R>] : [result?: object]): void {
		this.end(result[0]);
	}

	/** As `Command.succeedAfterRestart`, without a result. @throws DeviceError `unsupported`, `storage`, `full` */
	succeedAfterRestart(): void {
		this.#request.succeedAfterRestart();
	}

	/** As `Command.reply`. A result that is not as declared fails it at once. */
	reply(source: ReplySource, ...result: R extends Model ? [result: Whole<R>] : [result?: object]): void {
		const checked = this.check(result[0]);
		if (checked !== WRONG) this.#request.reply(source, checked);
	}

	/** @param reason a word of the program's own, in capitals @param description more, for people */
	fail(reason: string, description?: string): void {
		this.#request.fail(reason, description);
	}

	/** It is not done, and was not tried. */
	reject(reason: string, description?: string): void {
		this.#request.reject(reason, description);
	}

	/** As `succeed`, of what may be anything. */
	end(result: unknown): void {
		const checked = this.check(result);
		if (checked !== WRONG) this.#request.succeed(checked);
	}

	/** Ends it by what its handler threw. */
	throw(error: unknown): void {
		const message = messageOf(error);
		this.#request.fail(Reason.EXCEPTION, brief(message));
		this.#owner.onError(new DeviceError("internal", `command ${this.command}: ${message}`, { cause: error }));
	}

	/** A copy of a result; `WRONG` for what is none, or after the end. */
	private check(result: unknown): JSONObject | undefined | typeof WRONG {
		const request = this.#request;
		if (request.isOver) return WRONG;
		try {
			return resultOf(this.#result, result);
		} catch (error) {
			const { message } = error as Error;
			request.fail(Reason.BAD_RESULT, brief(message));
			this.#owner.onError(new DeviceError("argument", `result of the command ${this.command}: ${message}`));
			return WRONG;
		}
	}
}

export function messageOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}

export function brief(message: string): string {
	return cut(message, DESCRIPTION_MAXIMUM);
}

/** A copy of a result. @throws DeviceError `argument` for what is none, or not what was declared */
function resultOf(model: Model | undefined, result: unknown): JSONObject | undefined {
	if (result === undefined && model === undefined) return undefined;
	const given = result ?? {};
	// A promise is an object without members: it would be a success before anything was done.
	if (!isObject(given) || typeof (given as { then?: unknown }).then === "function") {
		throw new DeviceError("argument", "it is no plain object");
	}
	const flaw = model === undefined ? "" : flawOf(model, given);
	if (flaw !== "") throw new DeviceError("argument", flaw);
	return compose({}, given);
}
