// SPDX-License-Identifier: Apache-2.0
/** The opening handshake of RFC 6455 §4, of both sides: what is said, and how the other side's head is judged. */
import { DeviceError } from "../../src/base/error.js";
import type { Host, WebSocketOptions } from "../../src/host.js";
import { hasToken, listOf, type Head } from "./head.js";

/** What is needed of the platform. */
export type Means = Pick<Host, "random" | "text" | "crypto" | "timer">;

/** A server's frames are not masked, and its answer is given by the request: it needs no dice. */
export type ServerMeans = Omit<Means, "random">;

/** How one side opens: it speaks first or not, and answers the other's head. */
export interface Handshake {
	/** The server has none. */
	readonly request: Uint8Array | undefined;
	/** @returns what is to be said, and why the stream then ends where it does. @throws DeviceError */
	answer(head: Head): { response?: Uint8Array; refusal?: DeviceError };
}

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const VERSION = "13";
const KEY_LENGTH = 16;
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const SEPARATORS = "()<>@,;:\\\"/[]?={}";
const SWITCHING_PROTOCOLS = 101;

/** The checks of what goes into a request; address, port and `secure` are checked by the stream that carries it. */
export function checkWebSocket(options: WebSocketOptions): void {
	const { host, path, protocol } = options;
	if (!isVisible(host) || host.includes("/")) throw new DeviceError("argument", "a WebSocket needs the name of its host");
	if (!isVisible(path) || !path.startsWith("/") || path.includes("#")) throw new DeviceError("argument", "the path must begin with a slash and be ASCII without spaces or #");
	if (!isVisible(protocol) || [...protocol].some(character => SEPARATORS.includes(character))) {
		throw new DeviceError("argument", "the subprotocol is no token");
	}
}

export class ClientHandshake implements Handshake {
	readonly request: Uint8Array;
	readonly #accept: string;
	readonly #protocol: string;

	/** @param options checked */
	constructor(options: WebSocketOptions, means: Means) {
		const { host, port, path, protocol, secure } = options;
		const random = new Uint8Array(KEY_LENGTH);
		means.random(random);
		const key = base64(random), name = host.includes(":") ? `[${host}]` : host;
		this.#accept = acceptOf(key, means);
		this.#protocol = protocol;
		this.request = toBytes([
			`GET ${path} HTTP/1.1`,
			`Host: ${port === (secure === undefined ? 80 : 443) ? name : `${name}:${port}`}`,
			"Upgrade: websocket",
			"Connection: Upgrade",
			`Sec-WebSocket-Key: ${key}`,
			`Sec-WebSocket-Version: ${VERSION}`,
			`Sec-WebSocket-Protocol: ${protocol}`,
		], means);
	}

	answer({ start, fields }: Head): { refusal?: DeviceError } {
		const status = start.startsWith("HTTP/1.") && start.slice(8, 9) === " " ? Number(start.slice(9, 12)) : NaN;
		if (!(status >= 100 && status <= 599)) throw violation("the server does not speak HTTP/1.1");
		if (status !== SWITCHING_PROTOCOLS) {
			throw new DeviceError("rejected", `the server answered the opening handshake with status ${status}`, { detail: status });
		}
		if (!hasToken(fields.get("upgrade"), "websocket") || !hasToken(fields.get("connection"), "upgrade")) {
			throw violation("the server switched to another protocol");
		}
		if (fields.get("sec-websocket-accept") !== this.#accept) throw violation("the server did not accept our key");
		if (fields.get("sec-websocket-protocol") !== this.#protocol) throw violation("the server did not select the subprotocol");
		if (fields.has("sec-websocket-extensions")) throw violation("the server selected an extension that was not offered");
		return {};
	}
}

/** Serves one subprotocol, on every path. */
export class ServerHandshake implements Handshake {
	readonly request = undefined;
	readonly #protocol: string;
	readonly #means: ServerMeans;

	constructor(protocol: string, means: ServerMeans) {
		this.#protocol = protocol;
		this.#means = means;
	}

	answer({ start, fields }: Head): { response: Uint8Array; refusal?: DeviceError } {
		const key = fields.get("sec-websocket-key") ?? "", [method, path = "", version] = start.split(" ");
		if (method !== "GET" || !path.startsWith("/") || version !== "HTTP/1.1" || !fields.has("host")
			|| !hasToken(fields.get("upgrade"), "websocket") || !hasToken(fields.get("connection"), "upgrade")
			|| key.length !== 24 || !key.endsWith("==")) return this.refuse("400 Bad Request", "the request is for no WebSocket");
		// §4.4: who speaks another version is told ours.
		if (fields.get("sec-websocket-version") !== VERSION) return this.refuse("426 Upgrade Required", "the client speaks another version", `Sec-WebSocket-Version: ${VERSION}`);
		if (!listOf(fields.get("sec-websocket-protocol")).includes(this.#protocol)) return this.refuse("400 Bad Request", "the client offers another subprotocol");
		return {
			response: toBytes([
				"HTTP/1.1 101 Switching Protocols",
				"Upgrade: websocket",
				"Connection: Upgrade",
				`Sec-WebSocket-Accept: ${acceptOf(key, this.#means)}`,
				`Sec-WebSocket-Protocol: ${this.#protocol}`,
			], this.#means),
		};
	}

	private refuse(status: string, reason: string, ...fields: string[]): { response: Uint8Array; refusal: DeviceError } {
		const response = toBytes([`HTTP/1.1 ${status}`, "Connection: close", "Content-Length: 0", ...fields], this.#means);
		return { response, refusal: violation(reason) };
	}
}

/** §4.2.2: what proves that the server has read the key. */
export function acceptOf(key: string, means: Pick<Means, "crypto" | "text">): string {
	const digest = means.crypto.digest("SHA-1");
	digest.update(encode(key + GUID, means.text));
	return base64(digest.digest());
}

function toBytes(lines: readonly string[], { text }: Pick<Means, "text">): Uint8Array {
	return encode(`${lines.join("\r\n")}\r\n\r\n`, text);
}

function encode(value: string, text: Means["text"]): Uint8Array {
	const bytes = new Uint8Array(text.byteLength(value));
	text.encode(value, bytes, 0);
	return bytes;
}

function base64(bytes: Uint8Array): string {
	let result = "";
	for (let index = 0; index < bytes.byteLength; index += 3) {
		const [first, second = 0, third = 0] = bytes.subarray(index, index + 3), left = bytes.byteLength - index;
		const group = first! << 16 | second << 8 | third;
		result += DIGITS.charAt(group >> 18) + DIGITS.charAt(group >> 12 & 63)
			+ (left > 1 ? DIGITS.charAt(group >> 6 & 63) : "=") + (left > 2 ? DIGITS.charAt(group & 63) : "=");
	}
	return result;
}

/** At least one character, all of them ASCII that can be seen: nothing that could end a line of the request. */
function isVisible(text: unknown): text is string {
	return typeof text === "string" && text !== "" && [...text].every(character => character > " " && character <= "~");
}

function violation(what: string): DeviceError {
	return new DeviceError("violation", `the opening handshake failed: ${what}`);
}
