// SPDX-License-Identifier: Apache-2.0
/**
 * A file of an AWS IoT stream: `$aws/things/<thing>/streams/<stream>/…/<format>`.
 *
 * | topic         | direction | message                                                                    |
 * |---------------|-----------|----------------------------------------------------------------------------|
 * | `describe`    | to cloud  | `{"c":token}`                                                              |
 * | `description` | to device | `{"c","s":version,"r":[{"f":file,"z":length}]}`                            |
 * | `get`         | to cloud  | `{"c","s"?,"f","l":block length,"o":first,"n":blocks}`, or `"b":bitmap`    |
 * | `data`        | to device | `{"c","f","l","i":block,"p":bytes}`, one for each block                    |
 * | `rejected`    | to device | `{"c","o":code,"m":message}`                                               |
 *
 * Bytes are base 64 in JSON, and a bitmap is hexadecimal; in CBOR they are what they are.
 */
import type { Closer } from "../../base/closer.js";
import { DeviceError } from "../../base/error.js";
import { Refusal } from "../../base/service.js";
import { decodeBase64 } from "../../bytes/base64.js";
import { encodeHex } from "../../bytes/hex.js";
import { isObject } from "../../bytes/value.js";
import { Vocabulary } from "../../bytes/vocabulary.js";
import type { CBORObject } from "../../cbor/value.js";
import type { BlockRange } from "../../ota/blocks.js";
import type { BlockPort, Download } from "../../ota/download.js";
import type { MQTTConnection, Translation } from "../mqtt.js";
import { encodeMessage, type Format } from "../format.js";
import { decodeMessage, refusalOf } from "./messages.js";

const NAMES: readonly string[] = Object.freeze([
	"c", "s", "r", "f", "z", "i", "p", "o", "m", "clientToken", "code", "message",
]);
const VOCABULARY = Object.freeze(new Vocabulary(NAMES)) as Vocabulary;
const ANSWERS: readonly string[] = Object.freeze(["description", "data", "rejected"]);
/** ms: of more than 100 messages in a second, both ways, AWS drops what is ours. Other services need room, too. */
const INTERVAL = 12;

export class AwsStream implements Translation, BlockPort, Closer {
	readonly filters: readonly string[];
	/** A block that is lost is asked for again; what is kept while we are away would only be in the way. */
	readonly qos = 0;
	readonly interval = INTERVAL;
	readonly #connection: MQTTConnection;
	readonly #prefix: string;
	readonly #format: Format;
	readonly #file: number;
	readonly #download: Download;
	/** Of the stream, where it was described: blocks of another are refused then. */
	#version: number | undefined;

	constructor(
		connection: MQTTConnection, thing: string, stream: string, file: number, format: Format, download: Download,
	) {
		this.#connection = connection;
		this.#format = format;
		this.#file = file;
		this.#download = download;
		const prefix = this.#prefix = `$aws/things/${thing}/streams/${stream}/`;
		this.filters = ANSWERS.map((answer) => `${prefix}${answer}/${format}`);
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
		return this.say("describe", { c: token });
	}

	request(token: string, blockLength: number, { offset, count, bitmap }: BlockRange): boolean {
		const message: CBORObject = { c: token, f: this.#file, l: blockLength, o: offset };
		if (this.#version !== undefined) message["s"] = this.#version;
		if (bitmap === undefined) message["n"] = count;
		else message["b"] = this.#format === "json" ? encodeHex(bitmap) : bitmap;
		return this.say("get", message);
	}

	receive(topic: string, bytes: Uint8Array, start: number, end: number): boolean {
		if (!topic.startsWith(this.#prefix)) return false;
		const { host } = this.#connection;
		const message = decodeMessage(host.text, this.#format, bytes, start, end, VOCABULARY);
		const token = String(message["c"] ?? message["clientToken"]);
		const now = host.time.now();
		switch (topic.slice(this.#prefix.length, -this.#format.length - 1)) {
			case "data": {
				if (message["f"] !== this.#file) break;
				const block = blockIn(message);
				const index = message["i"];
				// From here, with as little of the stack as can be: who takes a block does something with it.
				this.#download.block(token, typeof index === "number" ? index : -1, block, 0, block.byteLength, now);
				break;
			}
			case "description":
				this.description(token, message, now);
				break;
			default:
				this.rejected(token, message, now);
		}
		return true;
	}

	private description(token: string, { s: version, r: files }: CBORObject, now: number): void {
		if (!Array.isArray(files)) throw new DeviceError("malformed", "a stream without files");
		const file = files.find((candidate) => isObject(candidate) && candidate["f"] === this.#file);
		if (!isObject(file)) return this.#download.rejected(token, refusalOf("ResourceNotFound"), "no such file", now);
		this.#version = typeof version === "number" ? version : undefined;
		this.#download.described(token, file["z"]);
	}

	private rejected(token: string, message: CBORObject, now: number): void {
		const code = message["o"] ?? message["code"];
		const what = `${String(code)} ${String(message["m"] ?? message["message"])}`;
		if (code === "OffsetOutOfBounds") return this.#download.beyond(token);
		// The file is another than the one that the stream was made of.
		const refusal = code === "ETagMismatch" ? Refusal.STALE : refusalOf(code);
		this.#download.rejected(token, refusal, what, now);
	}

	private say(operation: string, message: CBORObject): boolean {
		const payload = encodeMessage(this.#connection.host.text, this.#format, message);
		return this.#connection.send(`${this.#prefix}${operation}/${this.#format}`, payload);
	}
}

function blockIn({ p: payload }: CBORObject): Uint8Array {
	const block = typeof payload === "string" ? decodeBase64(payload) : payload;
	if (!(block instanceof Uint8Array)) throw new DeviceError("malformed", "a block without bytes");
	return block;
}
