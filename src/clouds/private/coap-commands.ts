// SPDX-License-Identifier: Apache-2.0
/**
 * Commands of the private cloud over CoAP: `moorline/<device>/commands`.
 *
 * | resource     | method       | body                                                     |
 * |--------------|--------------|----------------------------------------------------------|
 * | it           | GET, Observe | `{"commands":[{"id","payload"?}]}`: those that wait      |
 * | `…/response` | POST         | `{"id","status","reason"?,"description"?,"result"?}`     |
 *
 * All that wait and not the newest alone, as an observer need not see each state between.
 */
import { DeviceError } from "../../base/error.js";
import { isObject } from "../../bytes/value.js";
import type { Vocabulary } from "../../bytes/vocabulary.js";
import { Code } from "../../coap/constants.js";
import type { Response } from "../../coap/request.js";
import type { Command } from "../../operations/command.js";
import type { Commands, CommandsPort } from "../../operations/commands.js";
import type { PrivateCoAPConnection } from "./coap-connection.js";
import { PrivateResource } from "./coap-resource.js";
import { responseOf, vocabularyOf } from "./commands.js";

export class PrivateCoAPCommands extends PrivateResource implements CommandsPort {
	protected readonly vocabulary: Vocabulary;
	readonly #commands: Commands;

	constructor(connection: PrivateCoAPConnection, path: string, commands: Commands) {
		super(connection, path);
		this.#commands = commands;
		this.vocabulary = vocabularyOf(commands);
	}

	connected(): void {
		this.#commands.connected(this);
		this.watch(this.path);
	}

	override disconnected(): void {
		super.disconnected();
		this.#commands.disconnected();
	}

	respond(command: Command): boolean {
		return this.ask(command.id, this.connection.saying(Code.POST, `${this.path}/response`, responseOf(command)));
	}

	onAnswer(id: string, response: Response, now: number): void {
		const refused = this.refused(response);
		if (refused === undefined) this.#commands.accepted(id);
		else this.#commands.rejected(id, refused.refusal, refused.message, now);
	}

	onChange(response: Response): void {
		const { commands } = this.read(response);
		if (!Array.isArray(commands)) throw new DeviceError("malformed", "commands are no array");
		for (const command of commands) {
			if (!isObject(command)) throw new DeviceError("malformed", "a command is no object");
			this.#commands.request(String(command["id"]), command["payload"] ?? null);
		}
	}
}
