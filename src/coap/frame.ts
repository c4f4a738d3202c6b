// SPDX-License-Identifier: Apache-2.0
/**
 * A message in a stream: where it ends, and its bytes.
 *
 * Over TCP and TLS its length stands in its first bytes. Over WebSockets each message of theirs is one of ours; the
 * host says their lengths in the stream (see `WebSocketOptions.messages`). What lies whole in what the network
 * delivered is handed out where it lies; what is spread over deliveries is collected in a buffer made for it alone.
 * Read first: RFC 8323 §3.2, §4.2.
 */
import { DeviceError } from "../base/error.js";
import type { Reader } from "../bytes/reader.js";
import type { Writer } from "../bytes/writer.js";
import { bodyLength, decodeOptions, decodePayload, encodeBody } from "./body.js";
import { Type } from "./constants.js";
import { decodeToken, tokenLength, type Content } from "./datagram.js";
import { NOTHING, type Message } from "./message.js";

/** How messages are told apart: by themselves, or by the WebSocket that carries them. */
export type Form = "stream" | "websocket";

/** Of the length's nibble: it follows in one, two and four bytes, and these are what it begins to count at. */
const ONE_BYTE = 13, TWO_BYTES = 14, FOUR_BYTES = 15;
const ONE_BYTE_BASE = 13, TWO_BYTES_BASE = 269, FOUR_BYTES_BASE = 65_805;
const TOKEN_LENGTH = 0x0f;
/** Bytes in which the host says how long a frame of a WebSocket is, and the bit that says that its message goes on. */
const MARK_LENGTH = 4;
const GOES_ON = 0x8000_0000;
/** What may come beside options and payload: code and token. */
const ADDITION_MAXIMUM = 1 + 15;

export class Framer {
	/** The message found, from its code on. Valid until the next call. */
	bytes: Uint8Array = NOTHING;
	start = 0;
	end = 0;
	/** As it stands in the message, where more than 8 is not allowed. */
	tokenLength = 0;

	readonly #reader: Reader;
	readonly #form: Form;
	readonly #maximum: number;
	#input: Uint8Array = NOTHING;
	#position = 0;
	#end = 0;
	/** Of a header that came in part: its bytes that are missing, the number so far, and what it counts from. */
	#missing = 0;
	#partial = 0;
	#base = 0;
	/** Bytes of the message, or of the WebSocket's frame, that did not come yet; -1 until that is known. */
	#left = -1;
	/** The message goes on in the next frame. */
	#goesOn = false;
	/** What came of a message that is not complete. */
	#buffer = NOTHING;
	#held = 0;

	/** @param maximum bytes of options and payload that are not refused */
	constructor(reader: Reader, form: Form, maximum: number) {
		this.#reader = reader;
		this.#form = form;
		this.#maximum = maximum;
	}

	/** Takes `bytes[start, end)`, borrowed until `next` says `false`; only then may more be pushed. */
	push(bytes: Uint8Array, start: number, end: number): void {
		this.#input = bytes;
		this.#position = start;
		this.#end = end;
	}

	/** Lets go of everything: nothing more comes. */
	clear(): void {
		this.push(NOTHING, 0, 0);
		this.bytes = this.#buffer = NOTHING;
	}

	/**
	 * @returns whether there is a message; if not, all that was pushed is taken
	 * @throws DeviceError `too-large` before anything of the message is kept, `malformed`
	 */
	next(): boolean {
		this.bytes = NOTHING;
		for (;;) {
			if (this.#left < 0 && !this.readHeader()) return false;
			const available = this.#end - this.#position;
			const left = this.#left;
			if (this.#held === 0 && !this.#goesOn && available >= left) {
				const start = this.#position;
				this.#position = start + left;
				return this.deliver(this.#input, start, start + left);
			}
			if (available === 0 && left > 0) return false;
			this.collect(available < left ? available : left);
			if (this.#left > 0) return false;
			this.#left = -1;
			if (this.#goesOn) continue;
			const buffer = this.#buffer;
			this.#buffer = NOTHING;
			return this.deliver(buffer, 0, this.#held);
		}
	}

	private deliver(bytes: Uint8Array, start: number, end: number): boolean {
		this.bytes = bytes;
		this.start = start;
		this.end = end;
		this.#left = -1;
		this.#held = 0;
		if (this.#form === "websocket") this.readFirst();
		return true;
	}

	/** The length beside the token's must be 0, as theirs counts: else the token's is too long. Spec: RFC 8323 §4.2. */
	private readFirst(): void {
		const reader = this.#reader;
		reader.reset(this.bytes, this.start, this.end);
		this.tokenLength = reader.uint8();
		this.start++;
	}

	private collect(count: number): void {
		// An empty frame.
		if (count === 0) return;
		const held = this.#held;
		const needed = held + this.#left;
		if (this.#buffer.byteLength < needed) {
			// Many small frames are not to be copied again with each.
			const wanted = this.#goesOn ? Math.min(2 * needed, this.#maximum + ADDITION_MAXIMUM) : needed;
			const grown = new Uint8Array(wanted);
			grown.set(this.#buffer.subarray(0, held));
			this.#buffer = grown;
		}
		const position = this.#position;
		this.#buffer.set(this.#input.subarray(position, position + count), held);
		this.#position = position + count;
		this.#held = held + count;
		this.#left -= count;
	}

	/** Reads what says how much follows, as far as it is there; true when it is complete. */
	private readHeader(): boolean {
		const reader = this.#reader;
		reader.reset(this.#input, this.#position, this.#end);
		if (reader.remaining > 0 && this.#missing === 0) this.beginHeader(reader);
		while (reader.remaining > 0 && this.#missing > 0) {
			this.#partial = this.#partial * 0x100 + reader.uint8();
			this.#missing--;
		}
		// At the end of the input nothing was begun, or something is missing.
		const isComplete = reader.position > this.#position && this.#missing === 0;
		this.#position = reader.position;
		if (isComplete) this.begin();
		return isComplete;
	}

	private beginHeader(reader: Reader): void {
		this.#partial = 0;
		if (this.#form === "websocket") {
			this.#missing = MARK_LENGTH;
			return;
		}
		const first = reader.uint8();
		const nibble = first >> 4;
		this.tokenLength = first & TOKEN_LENGTH;
		this.#base = nibble < ONE_BYTE ? nibble
			: nibble === ONE_BYTE ? ONE_BYTE_BASE : nibble === TWO_BYTES ? TWO_BYTES_BASE : FOUR_BYTES_BASE;
		this.#missing = nibble < ONE_BYTE ? 0 : nibble === ONE_BYTE ? 1 : nibble === TWO_BYTES ? 2 : 4;
	}

	private begin(): void {
		let length: number;
		let allowed = this.#maximum;
		if (this.#form === "websocket") {
			this.#goesOn = this.#partial >= GOES_ON;
			this.#left = this.#goesOn ? this.#partial - GOES_ON : this.#partial;
			length = this.#held + this.#left;
			allowed += ADDITION_MAXIMUM;
		} else {
			length = this.#base + this.#partial;
			this.#left = 1 + this.tokenLength + length;
		}
		if (length > allowed) {
			throw new DeviceError("too-large", `a message of ${length} bytes, at most ${allowed} are taken`);
		}
	}
}

/** The message that `framer` found; its bytes are borrowed. @throws DeviceError `malformed` */
export function decodeFrame(reader: Reader, framer: Framer): Message {
	reader.reset(framer.bytes, framer.start, framer.end);
	const code = reader.uint8();
	const token = decodeToken(reader, framer.tokenLength);
	const options = decodeOptions(reader);
	const payload = decodePayload(reader);
	reader.clear();
	return { type: Type.CON, code, messageId: 0, token, options, payload };
}

/** Bytes that `encodeFrame` writes. @throws DeviceError `argument` */
export function frameLength(form: Form, content: Content): number {
	const length = bodyLength(content);
	return 1 + extent(form, length) + 1 + tokenLength(content.token) + length;
}

/** @param content measured with `frameLength` before. @throws DeviceError `too-large` where it does not fit */
export function encodeFrame(writer: Writer, form: Form, content: Content): void {
	const { token, code } = content;
	const length = form === "websocket" ? 0 : bodyLength(content);
	const bytes = extent(form, length);
	const nibble = bytes === 0 ? length : bytes === 1 ? ONE_BYTE : bytes === 2 ? TWO_BYTES : FOUR_BYTES;
	writer.uint8(nibble << 4 | token.byteLength);
	if (bytes === 1) writer.uint8(length - ONE_BYTE_BASE);
	else if (bytes === 2) writer.uint16(length - TWO_BYTES_BASE);
	else if (bytes === 4) writer.uint32(length - FOUR_BYTES_BASE);
	writer.uint8(code);
	writer.copy(token, 0, token.byteLength);
	encodeBody(writer, content);
}

/** Bytes in which a length follows that does not fit its nibble. */
function extent(form: Form, length: number): number {
	if (form === "websocket" || length < ONE_BYTE_BASE) return 0;
	return length < TWO_BYTES_BASE ? 1 : length < FOUR_BYTES_BASE ? 2 : 4;
}
