// SPDX-License-Identifier: Apache-2.0
/**
 * Commands of the private cloud: `moorline/<device>/commands/…`.
 *
 * | topic      | direction | message                                                                    |
 * |------------|-----------|----------------------------------------------------------------------------|
 * | `request`  | to device | `{"id","payload"?}`: what is asked for, in the program's own words         |
 * | `response` | to cloud  | `{"id","status","reason"?,"description"?,"result"?}`                       |
 * | `accepted` | to device | `{"id"}`                                                                   |
 * | `rejected` | to device | `{"id","code","message"}`                                                  |
 */
import type { JSONObject } from "../../bytes/value.js";
import { Vocabulary } from "../../bytes/vocabulary.js";
import type { Command } from "../../operations/command.js";
import type { Commands, CommandsPort } from "../../operations/commands.js";
import { answerOf } from "../answer.js";
import type { Translation } from "../mqtt.js";
import type { PrivateConnection } from "./connection.js";
import { decode } from "./formats.js";
import { refusalOf } from "./refusal.js";

/** Members of the messages themselves, over CoAP, too. */
const NAMES: readonly string[] = Object.freeze(["id", "payload", "commands", "code", "message"]);
const ANSWERS: readonly string[] = Object.freeze(["request", "accepted", "rejected"]);

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
	}

	disconnected(): void {
		this.#commands.disconnected();
	}

	respond(command: Command): boolean {
		return this.#connection.say(`${this.#prefix}response`, responseOf(command));
	}

	receive(topic: string, bytes: Uint8Array, start: number, end: number): boolean {
		const answer = answerOf(topic, this.#prefix, ANSWERS);
		if (answer === "") return false;
		const { host } = this.#connection;
		const { id, payload = null, code, message } = decode(host.text, bytes, start, end, this.#vocabulary);
		const commands = this.#commands;
		const of = String(id);
		if (answer === "request") commands.request(of, payload);
		else if (answer === "accepted") commands.accepted(of);
		else commands.rejected(of, refusalOf(Number(code)), String(message), host.time.now());
		return true;
	}
}

export function vocabularyOf({ names, spare }: Commands): Vocabulary {
	return new Vocabulary([...NAMES, ...names], spare);
}

export function responseOf({ id, status, reason, description, result }: Command): JSONObject {
	const message: JSONObject = { id, status };
	if (reason !== undefined) message["reason"] = reason;
	if (description !== undefined) message["description"] = description;
	if (result !== undefined) message["result"] = { ...result };
	return message;
}
