// SPDX-License-Identifier: Apache-2.0
/**
 * Finds who does a command: what the program declares, or what every device has; looks at what it is given first, and
 * at who signed it.
 */
import { DeviceError, toDeviceError } from "../base/error.js";
import { FOREIGN_MAXIMUM } from "../base/service.js";
import { isObject, own, type JSONObject, type JSONValue } from "../bytes/value.js";
import { Vocabulary } from "../bytes/vocabulary.js";
import type { CBORValue } from "../cbor/value.js";
import { trustedKey } from "../ota/key.js";
import type { Ed25519, ReleaseKey } from "../ota/manifest.js";
import type { SignatureCallbacks } from "../ota/cose.js";
import { memberNames, flawOf, type Model } from "../shadow/model.js";
import {
	BUILT_INS, refuse, type BuiltIn, type BuiltInName, type BuiltInOwner, type BuiltInPolicy,
} from "./builtin.js";
import type { Command } from "./command.js";
import { CommandReason } from "./commands.js";
import {
	brief, Call, messageOf, Reason, type CallOwner, type CommandTable, type Declaration, type Entry,
} from "./declared.js";
import { CLAIM_NAMES, openEnvelope, readClaims, refusalOf } from "./envelope.js";
import { Grant, type Evaluator } from "./grant.js";
import { admit } from "./used.js";

export interface HandlersOptions<Parameters = any> {
	/** What the program does. */
	commands?: CommandTable<Parameters> | undefined;
	/** Who may sign commands, as `moorline keygen` prints it. */
	commandKeys?: readonly string[] | undefined;
	/** From `moorline/ed25519`, where a key needs it. */
	ed25519?: Ed25519 | undefined;
	/** What is made of the commands that every device has: all are there, signed or not, unless it says otherwise. */
	builtIn?: Readonly<Partial<Record<BuiltInName, BuiltInPolicy>>> | undefined;
	/** From `moorline/development`: code is evaluated for who signed it, while a signed `grant` lasts. */
	development?: Evaluator | undefined;
}

export interface HandlersOwner extends BuiltInOwner {
	/** The device's name. */
	readonly id: string;
}

/** Members of a request, and of what is signed. Golioth says "method" and "params". */
const NAMES: readonly string[] = Object.freeze([...CLAIM_NAMES, "signed", "method", "params"]);
const NO_COMMANDS: CommandTable = Object.freeze({});
const NO_POLICY: NonNullable<HandlersOptions["builtIn"]> = Object.freeze({});
const BUILT_IN_NAMES: readonly string[] = Object.freeze(Object.keys(BUILT_INS));

export class Handlers {
	/** Names of members that requests have. `Commands` is to learn others, or none would be found to be foreign. */
	readonly names: readonly string[];
	readonly #owner: HandlersOwner;
	readonly #commands: CommandTable;
	readonly #policy: NonNullable<HandlersOptions["builtIn"]>;
	readonly #keys: readonly ReleaseKey[];
	readonly #grant: Grant | undefined;
	/** There from the first envelope on. */
	#vocabulary: Vocabulary | undefined;
	/** Those that want to be told when they are canceled. As many at most as `Commands` has under way. */
	#running: Running[] = [];
	#closed = false;

	/** @throws DeviceError `argument` for keys that are none, and where nobody could sign what has to be signed */
	constructor(owner: HandlersOwner, options: HandlersOptions) {
		const { commands = NO_COMMANDS, commandKeys = [], builtIn = NO_POLICY, development } = options;
		this.#owner = owner;
		this.#commands = commands;
		this.#policy = builtIn;
		this.#keys = commandKeys.map((text) => trustedKey(text, options.ed25519));
		this.#grant = development && new Grant(owner.host.time, development);
		const names = new Set(NAMES);
		let isSigned = development !== undefined || Object.values(builtIn).includes("signed");
		for (const declared of [...Object.values(commands), ...Object.values(BUILT_INS)]) {
			const { parameters, signed } = declared as Partial<Declaration<Model>>;
			isSigned ||= signed === true;
			if (parameters !== undefined) for (const name of memberNames(parameters)) names.add(name);
		}
		if (isSigned && commandKeys.length === 0) throw new DeviceError("argument", "signed commands need commandKeys");
		this.names = [...names];
	}

	/** A command of the cloud's. @returns false when it is none of these: for the program, or else for nobody */
	onCommand(command: Command): boolean {
		return this.take(command, false);
	}

	/** One that a reset interrupted: it is taken up, or has failed. @returns false when it is none of these */
	onCommandResumed(command: Command): boolean {
		return this.take(command, true);
	}

	/** One that is over, and not by the program. @returns false when it is none of these */
	onCommandCanceled(command: Command): boolean {
		const running = this.#running.find((candidate) => candidate.command === command);
		if (running === undefined) return false;
		running.cancel(this.#owner);
		return true;
	}

	/** Nothing is begun any more. */
	close(): void {
		this.#closed = true;
	}

	private take(command: Command, isResumed: boolean): boolean {
		const { payload } = command;
		if (!isObject(payload)) return false;
		const request = payload as JSONObject;
		const name = own(request, "command") ?? own(request, "method");
		const given = givenIn(request);
		const signed = name === "signed" ? given : own(request, "signed");
		if (signed !== undefined) {
			this.open(command, signed, isResumed);
			return true;
		}
		const entry = typeof name === "string" ? this.find(name) : undefined;
		if (entry === undefined) return false;
		if (isResumed && !resumes(entry)) {
			// Not for the program to take up, which knows nothing of it.
			command.fail(CommandReason.INTERRUPTED);
		} else if (this.isToBeSigned(name as string, entry)) {
			command.reject(Reason.NOT_SIGNED);
		} else if (this.isGiven(command, entry, given)) {
			this.run(command, name as string, entry, given, isResumed);
		}
		return true;
	}

	/** For an envelope whose signature is good: `bytes[start, end)` is what was signed. */
	onVerified(command: Command, bytes: Uint8Array, start: number, end: number, isResumed: boolean): void {
		if (this.#closed || command.isOver) return;
		const owner = this.#owner;
		const { host } = owner;
		try {
			this.#vocabulary ??= new Vocabulary(this.names, FOREIGN_MAXIMUM);
			const claims = readClaims(host.text, bytes, start, end, this.#vocabulary);
			const { device, id, isNonce, name, parameters } = claims;
			if (device !== owner.id) return command.reject(Reason.WRONG_DEVICE);
			if (!isNonce && id !== command.id) return command.reject(Reason.REPLAYED);
			const entry = this.find(name);
			if (entry === undefined) return command.reject(Reason.UNKNOWN_COMMAND);
			if (!this.isGiven(command, entry, parameters)) return;
			// A checkpoint says that this very request was admitted, and not another one with the same envelope.
			if (isResumed && command.checkpoint !== undefined) {
				if (resumes(entry)) this.run(command, name, entry, parameters, true);
				else command.fail(CommandReason.INTERRUPTED);
				return;
			}
			const refusal = admit(host, isNonce ? ` ${id}` : id, claims.expires);
			if (refusal === "") {
				if (resumes(entry)) command.progress(undefined, undefined, "");
				this.run(command, name, entry, parameters, false);
			} else if (isResumed && refusal === Reason.REPLAYED) {
				command.fail(CommandReason.INTERRUPTED);
			} else {
				command.reject(refusal);
			}
		} catch (error) {
			this.refuse(command, error);
		}
	}

	/** For an envelope that is not as it has to be, or could not be written down. */
	refuse(command: Command, error: unknown): void {
		if (this.#closed) return;
		const reason = refusalOf(error);
		command.reject(reason, brief(messageOf(error)));
		if (reason === Reason.NOT_VERIFIED) this.#owner.onError(toDeviceError(error, "internal", "signed command"));
	}

	private open(command: Command, signed: CBORValue, isResumed: boolean): void {
		try {
			openEnvelope(this.#owner.host, signed, this.#keys, new Opening(this, command, isResumed));
		} catch (error) {
			this.refuse(command, error);
		}
	}

	/** Foreign names are compared, and never looked up: XS would keep each for good. */
	private find(name: string): Found | undefined {
		const commands = this.#commands;
		if (Object.keys(commands).includes(name)) return commands[name];
		const grant = this.#grant?.commands;
		if (grant !== undefined && Object.keys(grant).includes(name)) return grant[name];
		if (!BUILT_IN_NAMES.includes(name)) return undefined;
		return this.#policy[name as BuiltInName] === false ? undefined : BUILT_INS[name as BuiltInName];
	}

	private isToBeSigned(name: string, entry: Found): boolean {
		return "act" in entry ? this.#policy[name as BuiltInName] === "signed" : (entry as Declaration).signed === true;
	}

	/** False when what it is given is not what it takes: then it is refused. */
	private isGiven(command: Command, entry: Found, given: JSONValue = {}): boolean {
		const { parameters } = entry as Partial<Declaration<Model>>;
		const isMap = isObject(given) && !((given as unknown) instanceof Uint8Array);
		const flaw = !isMap ? "they are no object" : parameters === undefined ? "" : flawOf(parameters, given);
		if (flaw !== "") command.reject(Reason.BAD_PARAMETERS, flaw);
		return flaw === "";
	}

	private run(command: Command, name: string, entry: Found, given: JSONValue | undefined, isResumed: boolean): void {
		const { result } = entry as Partial<Declaration<Model, Model>>;
		const call = new Call<any, any>(this.#owner, name, command, (given ?? {}) as JSONObject, result, isResumed);
		try {
			if (typeof entry === "function") return call.end(entry(call.parameters));
			if ("act" in entry) return entry.act(this.#owner, call);
			if (entry.onCanceled !== undefined) {
				this.#running = this.#running.filter((other) => !other.command.isOver);
				this.#running.push(new Running(command, entry, call));
			}
			if (entry.timeout !== undefined) command.limit(entry.timeout);
			entry.handler(call);
		} catch (error) {
			if (!("act" in entry && refuse(call, error))) call.throw(error);
		}
	}
}

type Found = Entry | BuiltIn;

function resumes(entry: Found): boolean {
	return (entry as Partial<Declaration>).resumes === true;
}

/** Golioth has a list of parameters, of which ours is the only one. */
function givenIn(request: JSONObject): JSONValue | undefined {
	const list = own(request, "params");
	if (Array.isArray(list) && list.length <= 1) return list[0];
	return own(request, "parameters") ?? list;
}

/** A command under way whose end the program is to know of. */
class Running {
	readonly command: Command;
	readonly #declaration: Declaration<any, any>;
	readonly #call: Call<any, any>;

	constructor(command: Command, declaration: Declaration<any, any>, call: Call<any, any>) {
		this.command = command;
		this.#declaration = declaration;
		this.#call = call;
	}

	cancel(owner: CallOwner): void {
		try {
			this.#declaration.onCanceled!(this.#call);
		} catch (error) {
			owner.onError(toDeviceError(error, "internal", `command ${this.#call.command} was canceled`));
		}
	}
}

/** An envelope whose signature is being verified. */
class Opening implements SignatureCallbacks {
	readonly #handlers: Handlers;
	readonly #command: Command;
	readonly #isResumed: boolean;

	constructor(handlers: Handlers, command: Command, isResumed: boolean) {
		this.#handlers = handlers;
		this.#command = command;
		this.#isResumed = isResumed;
	}

	onVerified(bytes: Uint8Array, start: number, end: number): void {
		this.#handlers.onVerified(this.#command, bytes, start, end, this.#isResumed);
	}

	onRefused(error: DeviceError): void {
		this.#handlers.refuse(this.#command, error);
	}
}
