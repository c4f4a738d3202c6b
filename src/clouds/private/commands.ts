// SPDX-License-Identifier: Apache-2.0
/**
 * Commands of the private cloud: `moorline/<device>/commands/…`.
 *
 * | topic                 | direction | message                                                                      |
 * |-----------------------|-----------|------------------------------------------------------------------------------|
 * | `get`                 | to cloud  | `{}`: once on each connection, for all that waits                            |
 * | `request`             | to device | `{"id","payload"?,"number"?,"timeout"?,"expires"?}`: what is asked for       |
 * | `cancel`              | to device | `{"id","number"?}`                                                           |
 * | `response`            | to cloud  | `{"id","status","reason"?,"description"?,"result"?,"reply"?}`                |
 * | `reply/<id>/<offset>` | to cloud  | the bytes of a reply from there on, as they are                              |
 * | `accepted`            | to device | `{"id","status"}`, and of a part of a reply `{"id","part","offset"}`         |
 * | `rejected`            | to device | `{"id","code","message","part"?}`                                            |
 */
import { DeviceError } from "../../base/error.js";
import { isName } from "../../base/name.js";
import type { JSONObject } from "../../bytes/value.js";
import { Vocabulary } from "../../bytes/vocabulary.js";
import type { Command, CommandTerms } from "../../operations/command.js";
import type { Commands, CommandsPort } from "../../operations/commands.js";
import { answerOf } from "../answer.js";
import type { Translation } from "../mqtt.js";
import type { PrivateConnection } from "./connection.js";
import { decode } from "./formats.js";
import { refusalOf } from "./refusal.js";

/** Members of the messages themselves, over CoAP, too. */
const NAMES: readonly string[] = Object.freeze([
	"id", "payload", "number", "timeout", "expires", "status", "part", "offset", "commands", "canceled",
	"code", "message",
]);
const ANSWERS: readonly string[] = Object.freeze(["request", "cancel", "accepted", "rejected"]);
const ID_MAXIMUM = 64;

export class PrivateCommands implements Translation, CommandsPort {
	readonly filters: readonly string[];
	readonly #connection: PrivateConnection;
	readonly #prefix: string;
	readonly #commands: Commands;
	readonly #vocabulary: Vocabulary;

	constructor(connection: PrivateConnection, prefix: string, commands: Commands) {
		this.#connection = connection;
		this.#prefix = prefix;
		this.#commands = commands;
		this.#vocabulary = vocabularyOf(commands);
		this.filters = ANSWERS.map((answer) => prefix + answer);
	}

	connected(): void {
		this.#commands.connected(this);
		// What was said while we were not there is lost; nobody answers this, and nothing but time is lost with it.
		this.#connection.say(`${this.#prefix}get`, {});
	}

	disconnected(): void {
		this.#commands.disconnected();
	}

	respond(command: Command): boolean {
		return this.#connection.say(`${this.#prefix}response`, responseOf(command));
	}

	part(command: Command, offset: number, bytes: Uint8Array): boolean {
		return this.#connection.send(`${this.#prefix}${replyPath(command, offset)}`, bytes);
	}

	receive(topic: string, bytes: Uint8Array, start: number, end: number): boolean {
		const answer = answerOf(topic, this.#prefix, ANSWERS);
		if (answer === "") return false;
		const isRequest = answer === "request";
		// The program gets it in a turn of its own, when the message is gone.
		const own = isRequest ? bytes.slice(start, end) : bytes;
		const from = isRequest ? 0 : start;
		const { host } = this.#connection;
		const message = decode(host.text, own, from, from + end - start, this.#vocabulary, isRequest);
		const commands = this.#commands;
		const id = idOf(message);
		const { part } = message;
		if (isRequest) {
			commands.request(id, message["payload"] ?? null, termsOf(message));
		} else if (answer === "cancel") {
			commands.cancel(id, termsOf(message));
		} else if (answer === "rejected") {
			const refusal = refusalOf(Number(message["code"]));
			commands.rejected(id, refusal, String(message["message"]), host.time.now(), numberOf(part));
		} else if (part === undefined) {
			const { status } = message;
			commands.accepted(id, typeof status === "string" ? status : undefined);
		} else {
			commands.received(id, Number(part), Number(message["offset"]));
		}
		return true;
	}
}

export function vocabularyOf({ names, spare }: Commands): Vocabulary {
	return new Vocabulary([...NAMES, ...names], spare);
}

/** @throws DeviceError `malformed` */
export function idOf({ id }: JSONObject): string {
	if (typeof id !== "string" || id === "") throw new DeviceError("malformed", "a command's id is no text");
	return id;
}

/** What is no term is left out: what is remembered by it could not be read again, or would never be due. */
export function termsOf({ number, timeout, expires }: JSONObject): CommandTerms {
	const isNumber = Number.isSafeInteger(number) && Number(number) > 0;
	return { number: isNumber ? Number(number) : undefined, timeout: numberOf(timeout), expires: numberOf(expires) };
}

/** @throws DeviceError `argument` for an id that is no name */
export function replyPath({ id }: Command, offset: number): string {
	if (!isName(id, ID_MAXIMUM, "_-")) throw new DeviceError("argument", "a command's id that is no name");
	return `reply/${id}/${offset}`;
}

export function responseOf({ id, status, reason, description, result, replied }: Command): JSONObject {
	const message: JSONObject = { id, status };
	if (reason !== undefined) message["reason"] = reason;
	if (description !== undefined) message["description"] = description;
	if (result !== undefined) message["result"] = { ...result };
	if (replied !== undefined) {
		const { length, digest } = replied;
		message["reply"] = digest === undefined ? { length } : { length, digest };
	}
	return message;
}

function numberOf(value: unknown): number | undefined {
	return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
