// SPDX-License-Identifier: Apache-2.0
/**
 * AWS IoT Commands: `$aws/commands/things/<thing>/executions/<execution>/…`.
 *
 * | topic                    | direction | message                                                               |
 * |--------------------------|-----------|-----------------------------------------------------------------------|
 * | `request/json`, `…/cbor` | to device | the command, in its own words                                         |
 * | `response/json`          | to cloud  | `{"status","statusReason"?:{"reasonCode","reasonDescription"?},"result"?}` |
 * | `response/accepted/json` | to device | `{"executionId"}`                                                     |
 * | `response/rejected/json` | to device | `{"error","errorMessage","executionId"}`                              |
 *
 * Responses are QoS 1: what is said last is to be the last that arrives. A wildcard stands for the execution alone, as
 * AWS ends connections that ask for more.
 */
import { toDeviceError } from "../../base/error.js";
import { put, type JSONObject } from "../../bytes/value.js";
import { Vocabulary } from "../../bytes/vocabulary.js";
import type { Command, CommandResult } from "../../operations/command.js";
import type { Commands, CommandsPort } from "../../operations/commands.js";
import type { MQTTConnection, Translation } from "../mqtt.js";
import { encodeMessage, type Format } from "../format.js";
import { decodeMessage, refusalOf } from "./messages.js";

const NAMES: readonly string[] = Object.freeze(["error", "errorMessage"]);
const ANSWERS = Object.freeze(new Vocabulary(NAMES)) as Vocabulary;
const FILTERS: readonly string[] = Object.freeze([
	"+/request/json", "+/request/cbor", "+/response/accepted/json", "+/response/rejected/json",
]);

export class AwsCommands implements Translation, CommandsPort {
	readonly filters: readonly string[];
	readonly #connection: MQTTConnection;
	readonly #prefix: string;
	readonly #commands: Commands;
	readonly #vocabulary: Vocabulary;

	constructor(connection: MQTTConnection, thing: string, commands: Commands) {
		this.#connection = connection;
		this.#commands = commands;
		this.#vocabulary = commands.vocabulary;
		const prefix = this.#prefix = `$aws/commands/things/${thing}/executions/`;
		this.filters = FILTERS.map((filter) => prefix + filter);
	}

	connected(): void {
		this.#commands.connected(this);
	}

	disconnected(): void {
		this.#commands.disconnected();
	}

	respond({ id, status, reason, description, result }: Command): boolean {
		const response: JSONObject = { status };
		if (reason !== undefined) {
			response["statusReason"] = description === undefined ? { reasonCode: reason }
				: { reasonCode: reason, reasonDescription: description };
		}
		if (result !== undefined) response["result"] = typed(result);
		const payload = encodeMessage(this.#connection.host.text, "json", response);
		return this.#connection.send(`${this.#prefix}${id}/response/json`, payload, { qos: 1 });
	}

	receive(topic: string, bytes: Uint8Array, start: number, end: number): boolean {
		if (!topic.startsWith(this.#prefix)) return false;
		const [id = "", kind, answer] = topic.slice(this.#prefix.length).split("/");
		if (kind === "request") {
			this.request(id, answer as Format, bytes, start, end);
		} else if (answer === "accepted") {
			this.#commands.accepted(id);
		} else {
			const { host } = this.#connection;
			const { error, errorMessage } = decodeMessage(host.text, "json", bytes, start, end, ANSWERS);
			this.#commands.rejected(id, refusalOf(error), String(errorMessage), host.time.now());
		}
		return true;
	}

	private request(id: string, format: Format, bytes: Uint8Array, start: number, end: number): void {
		const { text } = this.#connection.host;
		try {
			// The program gets it in a turn of its own, when the message is gone.
			const copy = bytes.slice(start, end);
			const payload = decodeMessage(text, format, copy, 0, copy.byteLength, this.#vocabulary);
			this.#commands.request(id, payload);
		} catch (error) {
			if (toDeviceError(error, "internal", "request").code !== "full") this.#commands.refuse(id);
			throw error;
		}
	}
}

/** Values with the names of their types: what is neither text nor truth value is the text that it is in JSON. */
function typed(result: CommandResult): JSONObject {
	const members: JSONObject = {};
	for (const name of Object.keys(result)) {
		const value = result[name]!;
		if (typeof value === "boolean") put(members, name, { b: value });
		else put(members, name, { s: typeof value === "string" ? value : JSON.stringify(value) });
	}
	return members;
}
