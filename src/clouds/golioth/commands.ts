// SPDX-License-Identifier: Apache-2.0
/**
 * Remote procedure calls as commands.
 *
 * | path          | method       | message                                                              |
 * |---------------|--------------|----------------------------------------------------------------------|
 * | `.rpc`        | GET, observe | `{"id","method","params"}` in CBOR; the text "OK" where there is none |
 * | `.rpc/status` | POST         | `{"id","detail"?,"statusCode"}`                                      |
 *
 * A command's payload is `{"method","params"}`. The status code is one of gRPC's: a command that fails or is rejected
 * with the name of one as its reason, such as "NOT_FOUND" for a method that nobody knows, is answered with that. What
 * is said between, by `progress`, has no words here.
 */
import { Alarm, type AlarmOwner } from "../../base/alarm.js";
import { DeviceError, toDeviceError } from "../../base/error.js";
import { decodeCBOR } from "../../cbor/decode.js";
import { CBORReader } from "../../cbor/reader.js";
import { Major, type CBORObject, type CBORValue } from "../../cbor/value.js";
import { classOf, Code, codeText, ContentFormat } from "../../coap/constants.js";
import type { Cancelable, Response } from "../../coap/request.js";
import type { Command } from "../../operations/command.js";
import type { Commands, CommandsPort } from "../../operations/commands.js";
import type { Asker, Translation, Watcher } from "../coap.js";
import type { GoliothConnection } from "./connection.js";
import { encodeValue, refusalOf } from "./messages.js";

const PATH = ".rpc";
const STATUS_PATH = ".rpc/status";

/** gRPC's status codes: each has the number of its place. */
const STATUS_CODES: readonly string[] = Object.freeze([
	"OK", "CANCELED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
	"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
	"INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
]);
const OK = 0;
const CANCELED = 1;
const INVALID_ARGUMENT = 3;
const DEADLINE_EXCEEDED = 4;
const FAILED_PRECONDITION = 9;
const INTERNAL = 13;

export class GoliothCommands implements Translation, CommandsPort, Asker, Watcher, AlarmOwner {
	readonly #connection: GoliothConnection;
	readonly #commands: Commands;
	readonly #alarm: Alarm;
	#watch: Cancelable | undefined;
	#asked: Cancelable | undefined;
	/** Of a command about which there was nothing to say. */
	#silent: string | undefined;

	constructor(connection: GoliothConnection, commands: Commands) {
		this.#connection = connection;
		this.#commands = commands;
		this.#alarm = new Alarm(connection.host, this);
	}

	connected(): void {
		this.#commands.connected(this);
		this.#watch = this.#connection.watch({ code: Code.GET, path: PATH, accept: ContentFormat.CBOR }, this);
	}

	disconnected(): void {
		this.#watch?.cancel();
		this.#asked?.cancel();
		this.#watch = this.#asked = undefined;
		this.#alarm.set(Infinity);
		this.#commands.disconnected();
	}

	respond(command: Command): boolean {
		if (!command.isOver) {
			this.#silent = command.id;
			this.#alarm.set(0);
			return true;
		}
		const payload = encodeValue(this.#connection.host.text, "cbor", answerTo(command));
		this.#asked?.cancel();
		this.#asked = this.#connection.ask(command.id, {
			code: Code.POST, path: STATUS_PATH, contentFormat: ContentFormat.CBOR, payload,
		}, this);
		return this.#asked !== undefined;
	}

	onUnanswered(): void {
		this.#asked = undefined;
	}

	onAnswer(id: string, { code }: Response, now: number): void {
		this.#asked = undefined;
		if (classOf(code) === 2) this.#commands.accepted(id);
		else this.#commands.rejected(id, refusalOf(code), codeText(code), now);
	}

	/** A request; the same one again each time that the observation is renewed, which the commands know. */
	onChange({ payload }: Response): void {
		const { text } = this.#connection.host;
		const reader = new CBORReader(text);
		// The program gets it in a turn of its own, when the message is gone.
		const bytes = payload.slice();
		reader.reset(bytes, 0, bytes.byteLength);
		if (!reader.is(Major.MAP)) return;
		let id: string | undefined;
		let method: string | undefined;
		let params = 0;
		let end = 0;
		reader.map();
		while (reader.more()) {
			const name = reader.string();
			if (name === "id") {
				id = reader.string();
			} else if (name === "method") {
				method = reader.string();
			} else {
				const start = reader.position;
				reader.skipItem();
				if (name !== "params") continue;
				params = start;
				end = reader.position;
			}
		}
		if (id === undefined || method === undefined) throw new DeviceError("malformed", "a request lacks a member");
		this.request(id, method, bytes, params, end);
	}

	/** What had no words here is as good as said. */
	expire(): void {
		const id = this.#silent;
		this.#silent = undefined;
		if (id === undefined) return;
		this.#commands.accepted(id);
		this.#connection.onTurn();
	}

	private request(id: string, method: string, bytes: Uint8Array, start: number, end: number): void {
		try {
			const { text } = this.#connection.host;
			const params: CBORValue = start === end ? null
				: decodeCBOR(text, bytes, start, end, this.#commands.vocabulary);
			this.#commands.request(id, { method, params });
		} catch (error) {
			if (toDeviceError(error, "internal", "request").code !== "full") this.#commands.refuse(id);
			throw error;
		}
	}
}

function answerTo({ id, status, reason, description, result }: Command): CBORObject {
	const answer: CBORObject = { id };
	const detail: CBORObject = { ...result };
	if (reason !== undefined && !STATUS_CODES.includes(reason)) detail["reason"] = reason;
	if (description !== undefined) detail["description"] = description;
	// It stands before the code, as the vendor's SDK has it.
	if (status === "SUCCEEDED" || Object.keys(detail).length > 0) answer["detail"] = detail;
	answer["statusCode"] = statusCode(status, reason);
	return answer;
}

function statusCode(status: Command["status"], reason: string | undefined): number {
	if (status === "SUCCEEDED") return OK;
	const code = reason === undefined ? -1 : STATUS_CODES.indexOf(reason);
	if (code > OK) return code;
	if (reason === "MALFORMED") return INVALID_ARGUMENT;
	switch (status) {
		case "CANCELED": return CANCELED;
		case "TIMED_OUT": return DEADLINE_EXCEEDED;
		case "REJECTED": return FAILED_PRECONDITION;
		default: return INTERNAL;
	}
}
