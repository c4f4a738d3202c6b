// SPDX-License-Identifier: Apache-2.0
/**
 * A file on the private cloud: `moorline/<device>/files/<name>/…`.
 *
 * | topic         | direction | message                                                            |
 * |---------------|-----------|--------------------------------------------------------------------|
 * | `describe`    | to cloud  | `{"token","file"?}`                                                |
 * | `description` | to device | `{"token","size","version"}`                                       |
 * | `get`         | to cloud  | `{"token","file"?,"version"?,"length","offset","count","bitmap"?}` |
 * | `data`        | to device | `{"token","index","bytes"}`, one for each block; always in CBOR    |
 * | `rejected`    | to device | `{"token","code","message"}`                                       |
 *
 * All at QoS 0: what does not come is asked for again. Blocks are CBOR whatever was agreed, as JSON has no bytes.
 */
import type { Closer } from "../../base/closer.js";
import { DeviceError } from "../../base/error.js";
import { encodeHex } from "../../bytes/hex.js";
import { isObject, type JSONObject } from "../../bytes/value.js";
import { Vocabulary } from "../../bytes/vocabulary.js";
import { decodeCBOR } from "../../cbor/decode.js";
import type { BlockRange } from "../../ota/blocks.js";
import type { BlockPort, Download } from "../../ota/download.js";
import { answerOf } from "../answer.js";
import type { Translation } from "../mqtt.js";
import type { PrivateConnection } from "./connection.js";
import { decode } from "./formats.js";
import { refusalOf } from "./refusal.js";

const NAMES: readonly string[] = Object.freeze(["token", "size", "version", "index", "bytes", "code", "message"]);
const VOCABULARY = Object.freeze(new Vocabulary(NAMES)) as Vocabulary;
const ANSWERS: readonly string[] = Object.freeze(["description", "data", "rejected"]);
/** The file ends before that block. */
const BEYOND = 416;

interface Data {
	readonly token: string;
	/** -1 for what is none. */
	readonly index: number;
	readonly bytes: Uint8Array;
}

export class PrivateFile implements Translation, BlockPort, Closer {
	readonly filters: readonly string[];
	/** A block that is lost is asked for again; what is kept while we are away would only be in the way. */
	readonly qos = 0;
	readonly interval = 0;
	readonly #connection: PrivateConnection;
	readonly #prefix: string;
	readonly #file: number;
	readonly #download: Download;
	/** Of the file, where it was described: blocks of another are refused then. */
	#version: number | undefined;

	constructor(connection: PrivateConnection, prefix: string, name: string, file: number, download: Download) {
		this.#connection = connection;
		this.#prefix = `${prefix}files/${name}/`;
		this.#file = file;
		this.#download = download;
		this.filters = ANSWERS.map((answer) => this.#prefix + answer);
	}

	connected(): void {
		this.#download.connected(this);
	}

	disconnected(): void {
		this.#download.disconnected();
	}

	close(): void {
		this.#connection.remove(this);
	}

	pause(): void {
		this.#connection.pause();
	}

	resume(): void {
		this.#connection.resume();
	}

	describe(token: string): boolean {
		return this.say("describe", { token });
	}

	request(token: string, blockLength: number, { offset, count, bitmap }: BlockRange): boolean {
		const message: JSONObject = { token, length: blockLength, offset, count };
		if (this.#version !== undefined) message["version"] = this.#version;
		if (bitmap !== undefined) message["bitmap"] = encodeHex(bitmap);
		return this.say("get", message);
	}

	receive(topic: string, bytes: Uint8Array, start: number, end: number): boolean {
		const answer = answerOf(topic, this.#prefix, ANSWERS);
		if (answer === "") return false;
		const { host } = this.#connection;
		if (answer !== "data") {
			this.answer(decode(host.text, bytes, start, end, VOCABULARY), host.time.now());
			return true;
		}
		// From here, with as little of the stack as can be: who takes a block does something with it.
		const data = this.data(bytes, start, end);
		this.#download.block(data.token, data.index, data.bytes, 0, data.bytes.byteLength, host.time.now());
		return true;
	}

	private data(message: Uint8Array, start: number, end: number): Data {
		const data = decodeCBOR(this.#connection.host.text, message, start, end, VOCABULARY);
		if (!isObject(data)) throw new DeviceError("malformed", "message is no object");
		const { token, index, bytes } = data as Record<string, unknown>;
		if (!(bytes instanceof Uint8Array)) throw new DeviceError("malformed", "a block without bytes");
		return { token: String(token), index: typeof index === "number" ? index : -1, bytes };
	}

	private answer({ token, size, version, code, message }: JSONObject, now: number): void {
		const of = String(token);
		if (code === BEYOND) {
			this.#download.beyond(of);
		} else if (code !== undefined) {
			this.#download.rejected(of, refusalOf(Number(code)), String(message), now);
		} else {
			if (typeof version === "number") this.#version = version;
			this.#download.described(of, size);
		}
	}

	private say(operation: string, message: JSONObject): boolean {
		if (this.#file !== 0) message["file"] = this.#file;
		return this.#connection.say(this.#prefix + operation, message);
	}
}
