// SPDX-License-Identifier: Apache-2.0
/**
 * Commands of the private cloud over CoAP: `moorline/<device>/commands`.
 *
 * | resource                | method       | body                                                              |
 * |-------------------------|--------------|-------------------------------------------------------------------|
 * | it                      | GET, Observe | `{"commands":[request],"canceled"?:[{"id","number"?}]}`           |
 * | `…/response`            | POST         | `{"id","status","reason"?,"description"?,"result"?,"reply"?}`     |
 * | `…/reply/<id>/<offset>` | POST         | the bytes of a reply from there on; the answer is `{"offset"}`    |
 *
 * A request is `{"id","payload"?,"number"?,"timeout"?,"expires"?}`. All that wait and not the newest alone, as an
 * observer need not see each state between.
 */
import { DeviceError } from "../../base/error.js";
import { isObject, type JSONObject, type JSONValue } from "../../bytes/value.js";
import type { Vocabulary } from "../../bytes/vocabulary.js";
import { Code } from "../../coap/constants.js";
import type { Response } from "../../coap/request.js";
import type { Command } from "../../operations/command.js";
import type { Commands, CommandsPort } from "../../operations/commands.js";
import type { PrivateCoAPConnection } from "./coap-connection.js";
import { PrivateResource } from "./coap-resource.js";
import { idOf, replyPath, responseOf, termsOf, vocabularyOf } from "./commands.js";
import { decode } from "./formats.js";

export class PrivateCoAPCommands extends PrivateResource implements CommandsPort {
	protected readonly vocabulary: Vocabulary;
	readonly #commands: Commands;
	/** Offset of the part that was asked with last; `undefined`: it was a response. */
	#part: number | undefined;

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
		this.#part = undefined;
		return this.ask(command.id, this.connection.saying(Code.POST, `${this.path}/response`, responseOf(command)));
	}

	part(command: Command, offset: number, bytes: Uint8Array): boolean {
		this.#part = offset;
		return this.ask(command.id, this.connection.giving(`${this.path}/${replyPath(command, offset)}`, bytes));
	}

	onAnswer(id: string, response: Response, now: number): void {
		const commands = this.#commands;
		const part = this.#part;
		const refused = this.refused(response);
		if (refused !== undefined) commands.rejected(id, refused.refusal, refused.message, now, part);
		else if (part === undefined) commands.accepted(id);
		else commands.received(id, part, Number(this.read(response)["offset"]));
	}

	onChange({ payload }: Response): void {
		// The program gets it in a turn of its own, when the message is gone.
		const bytes = payload.slice();
		const { text } = this.connection.host;
		const { commands, canceled = [] } = decode(text, bytes, 0, bytes.byteLength, this.vocabulary, true);
		for (const command of listed(canceled)) this.#commands.cancel(idOf(command), termsOf(command));
		for (const command of listed(commands)) {
			this.#commands.request(idOf(command), command["payload"] ?? null, termsOf(command));
		}
	}
}

function listed(value: JSONValue | undefined): readonly JSONObject[] {
	if (!Array.isArray(value)) throw new DeviceError("malformed", "commands are no array");
	for (const item of value) {
		if (!isObject(item)) throw new DeviceError("malformed", "a command is no object");
	}
	return value as JSONObject[];
}
