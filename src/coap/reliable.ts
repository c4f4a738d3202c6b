// SPDX-License-Identifier: Apache-2.0
/**
 * The messenger over TCP, TLS and WebSockets: messages in frames, and the signals that two peers agree with.
 *
 * Each side's first message says what it takes (CSM). Requests may go out before the peer's has come, within what
 * everybody takes. Nothing is acknowledged here, so that of events about what was sent there are those about pings
 * alone; bytes given to `send` and `respond` are copied.
 * After `CLOSED` an Abort may wait for `transmit`: the driver writes once more, and closes.
 * Read first: RFC 8323 §3.3, §3.4, §5.
 */
import { DeviceError, toDeviceError } from "../base/error.js";
import { Reader } from "../bytes/reader.js";
import { Writer } from "../bytes/writer.js";
import type { TextCodec } from "../host.js";
import { classOf, Code, codeText, MESSAGE_MAXIMUM, Signal } from "./constants.js";
import { Custody } from "./custody.js";
import type { Content } from "./datagram.js";
import { Departures } from "./departures.js";
import { decodeFrame, encodeFrame, frameLength, Framer, type Form } from "./frame.js";
import { isRequest, isResponse, NO_OPTIONS, NOTHING, uintValue, type Message } from "./message.js";
import { MessengerEvent, type Messenger, type MessengerNews, type Outgoing } from "./messenger.js";
import { findOption, uintOption, type Option } from "./option.js";
import { abortError, criticalOption, holdOffOf, releaseError } from "./signal.js";

/** ms until the peer must have said what it takes, and answered a ping. */
export const SIGNAL_TIMEOUT = 10_000;
/** ms that what is under way has to be answered, once the peer has released the connection. */
export const RELEASE_TIME = 2_000;

const SIGNALING = 7;
const SECOND = 1_000;
const CUSTODY: readonly Option[] = Object.freeze([Object.freeze({ number: Signal.CUSTODY, value: NOTHING })]);

export interface ReliableOptions {
	form: Form;
	/** Bytes of the largest message that is taken, which the peer is told. At least, and by default, 1,152. */
	messageMaximum?: number | undefined;
	/** Bytes of the largest message that is sent, whatever the peer takes: a WebSocket must have room at once. */
	sendMaximum?: number | undefined;
}

export class Reliable implements Messenger {
	readonly reliable = true;
	/** ms in which the peer wants no new connection; it says so when it releases this one. Spec: RFC 8323 §5.5. */
	holdOff = 0;
	readonly #text: TextCodec;
	readonly #form: Form;
	readonly #reader: Reader;
	readonly #writer: Writer;
	readonly #framer: Framer;
	readonly #departures: Departures;
	readonly #sendMaximum: number;
	readonly #news: MessengerNews = {
		type: MessengerEvent.MESSAGE, handle: 0, message: undefined, exchange: 0, error: undefined,
	};
	/** What the peer takes. */
	#peerMaximum = MESSAGE_MAXIMUM;
	#peerBlocks = false;
	/** The peer's CSM came. */
	#isMet = false;
	#metDeadline: number;
	#now: number;
	#handle = 0;
	readonly #custody = new Custody();
	/** Of the ping under way; 0 for none. */
	#ping = 0;
	#pingDeadline = Infinity;
	/** Of the ping that was not answered. */
	#failed = 0;
	/** What ends the connection, at `#releaseDeadline`. */
	#release: DeviceError | undefined;
	#releaseDeadline = Infinity;
	/** What ended it. */
	#error: DeviceError | undefined;
	#isTold = false;

	constructor(text: TextCodec, options: ReliableOptions, now: number) {
		const { form, messageMaximum = MESSAGE_MAXIMUM, sendMaximum = Infinity } = options;
		if (!(messageMaximum >= MESSAGE_MAXIMUM)) {
			throw new DeviceError("argument", `messages of ${messageMaximum} bytes are less than anybody may send`);
		}
		this.#text = text;
		this.#form = form;
		this.#sendMaximum = sendMaximum;
		this.#reader = new Reader(text);
		this.#writer = new Writer(text);
		this.#framer = new Framer(this.#reader, form, messageMaximum);
		this.#departures = new Departures(form);
		this.#now = now;
		this.#metDeadline = now + SIGNAL_TIMEOUT;
		this.signal(Code.CSM, NOTHING, [
			uintOption(Signal.MAX_MESSAGE_SIZE, messageMaximum), { number: Signal.BLOCK_WISE_TRANSFER, value: NOTHING },
		]);
	}

	get messageMaximum(): number {
		return Math.min(this.#peerMaximum, this.#sendMaximum);
	}

	/** Spec: RFC 8323 §5.3.2: both together say so. */
	get blockwise(): boolean {
		return this.#peerBlocks && this.#peerMaximum > MESSAGE_MAXIMUM;
	}

	get deadline(): number {
		return this.#error !== undefined ? Infinity
			: Math.min(this.#metDeadline, this.#pingDeadline, this.#releaseDeadline);
	}

	get unsent(): boolean {
		return !this.#departures.isEmpty;
	}

	send(message: Outgoing): number | "full" {
		// Nothing new once the peer has released the connection.
		const length = this.lengthOf(message);
		if (this.#release !== undefined || !this.push(this.#handle + 1, message, length)) return "full";
		return ++this.#handle;
	}

	respond(exchange: number, message: Outgoing | undefined): number | "full" {
		if (message !== undefined && !this.push(0, message, this.lengthOf(message))) return "full";
		this.settle(exchange);
		return 0;
	}

	/** Who asks must be told that nobody is here; a response to nothing needs no answer. Spec: RFC 8323 §3.3. */
	reject(): void {
		const { exchange, message } = this.#news;
		if (exchange === 0) return;
		const { token } = message!;
		const content: Content = { code: Code.NOT_IMPLEMENTED, token, options: NO_OPTIONS, payload: NOTHING };
		// Without room it goes without: as many answers wait as a peer that reads could ever need.
		this.push(0, content, frameLength(this.#form, content));
		this.settle(exchange);
	}

	cancel(handle: number): void {
		if (handle === this.#ping) this.endPing();
		this.#departures.cancel(handle);
	}

	/** One at a time, and without a token: there are servers that do not return it. */
	ping(now: number): number | "full" {
		const isOver = this.#release !== undefined || this.#error !== undefined;
		if (isOver || this.#ping !== 0 || this.#failed !== 0) return "full";
		if (!this.signal(Code.PING, NOTHING, NO_OPTIONS)) return "full";
		this.#pingDeadline = now + SIGNAL_TIMEOUT;
		return this.#ping = ++this.#handle;
	}

	/** What came before must be taken: `next` has returned `undefined`. The bytes are borrowed until it does again. */
	receive(bytes: Uint8Array, start: number, end: number, now: number): void {
		this.#now = now;
		if (this.#error === undefined) this.#framer.push(bytes, start, end);
	}

	transmit(target: Uint8Array, limit: number): number {
		return this.#departures.write(target, limit);
	}

	expire(now: number): void {
		this.#now = now;
		if (this.#error !== undefined) return;
		if (now >= this.#metDeadline) this.abort(new DeviceError("timeout", "the peer has not said what it takes"));
		if (now >= this.#releaseDeadline) this.end(this.#release!);
		if (now >= this.#pingDeadline) {
			this.#failed = this.#ping;
			this.endPing();
		}
	}

	next(): MessengerNews | undefined {
		const news = this.#news;
		news.handle = news.exchange = 0;
		news.message = news.error = undefined;
		while (this.#error === undefined) {
			if (this.#failed !== 0) {
				news.type = MessengerEvent.FAILED;
				news.handle = this.#failed;
				news.error = new DeviceError("timeout", "a ping was not answered");
				this.#failed = 0;
				return news;
			}
			try {
				if (!this.#framer.next()) return undefined;
				if (this.take(decodeFrame(this.#reader, this.#framer))) return news;
			} catch (error) {
				this.abort(toDeviceError(error, "internal", "a message was not read"));
			}
		}
		if (this.#isTold) return undefined;
		this.#isTold = true;
		news.type = MessengerEvent.CLOSED;
		news.error = this.#error;
		return news;
	}

	/** @returns whether it makes an event */
	private take(message: Message): boolean {
		const { code } = message;
		// What keeps a connection open. Spec: RFC 8323 §3.4.
		if (code === Code.EMPTY) return false;
		if (!this.#isMet && code !== Code.CSM) {
			throw new DeviceError("violation", `the peer's first message is ${codeText(code)} and no CSM`); // §3.3
		}
		if (classOf(code) === SIGNALING) return this.takeSignal(message);
		// Codes of reserved classes mean nothing to us. Spec: RFC 7252 §4.2, where they are rejected.
		if (!isRequest(code) && !isResponse(code)) return false;
		const news = this.#news;
		news.type = MessengerEvent.MESSAGE;
		news.message = message;
		if (isRequest(code)) news.exchange = this.#custody.open();
		return true;
	}

	private takeSignal(signal: Message): boolean {
		const { code, token, options } = signal;
		const critical = criticalOption(options);
		if (critical !== undefined) {
			const what = `${codeText(code)} has option ${critical.number}, which is critical`;
			this.abort(new DeviceError("violation", what), code === Code.CSM ? critical.number : undefined);
			return false;
		}
		switch (code) {
		case Code.CSM: return this.takeSettings(options);
		case Code.PING: this.answer(token.slice(), options); return false;
		case Code.PONG: return this.takePong(token);
		case Code.RELEASE: this.takeRelease(signal); return false;
		case Code.ABORT: this.end(abortError(this.#text, signal)); return false;
		// Others are yet to be invented.
		default: return false;
		}
	}

	/** Each replaces what was said before; what is not repeated stays. Spec: RFC 8323 §5.3. */
	private takeSettings(options: readonly Option[]): boolean {
		const size = findOption(options, Signal.MAX_MESSAGE_SIZE);
		if (size !== undefined) {
			const value = uintValue(size.value);
			if (value === undefined) {
				this.abort(new DeviceError("malformed", "a Max-Message-Size of more than four bytes"), size.number);
				return false;
			}
			this.#peerMaximum = value;
		}
		if (findOption(options, Signal.BLOCK_WISE_TRANSFER) !== undefined) this.#peerBlocks = true;
		if (this.#isMet) return false;
		this.#isMet = true;
		this.#metDeadline = Infinity;
		this.#news.type = MessengerEvent.READY;
		return true;
	}

	/** With Custody, once what came before is answered. Spec: RFC 8323 §5.4.1. */
	private answer(token: Uint8Array, options: readonly Option[]): void {
		const isAsked = findOption(options, Signal.CUSTODY) !== undefined;
		const { isComplete } = this.#custody;
		if (!isAsked || isComplete || !this.#custody.wait(token)) this.pong(token, isAsked && isComplete);
	}

	private pong(token: Uint8Array, hasCustody: boolean): void {
		if (this.signal(Code.PONG, token, hasCustody ? CUSTODY : NO_OPTIONS)) return;
		this.end(new DeviceError("violation", "the peer sends pings and takes no answers"));
	}

	/** The request is done with. */
	private settle(exchange: number): void {
		if (this.#error !== undefined) return;
		for (const token of this.#custody.settle(exchange)) this.pong(token, true);
	}

	private takePong(token: Uint8Array): boolean {
		if (this.#ping === 0 || token.byteLength > 0) return false;
		const news = this.#news;
		news.type = MessengerEvent.ACKNOWLEDGED;
		news.handle = this.#ping;
		this.endPing();
		return true;
	}

	private endPing(): void {
		this.#ping = 0;
		this.#pingDeadline = Infinity;
	}

	/** What is under way is still answered, then the connection is over. Spec: RFC 8323 §5.5. */
	private takeRelease(release: Message): void {
		if (this.#release !== undefined) return;
		this.holdOff = holdOffOf(release) * SECOND;
		this.#release = releaseError(this.#text, release);
		this.#releaseDeadline = this.#now + RELEASE_TIME;
	}

	/** The peer is told why. Spec: RFC 8323 §5.6. */
	private abort(error: DeviceError, option?: number): void {
		this.end(error);
		const payload = new Uint8Array(this.#text.byteLength(error.message));
		this.#text.encode(error.message, payload, 0);
		const options = option === undefined ? NO_OPTIONS : [uintOption(Signal.BAD_CSM_OPTION, option)];
		this.signal(Code.ABORT, NOTHING, options, payload);
	}

	private end(error: DeviceError): void {
		this.#error = error;
		this.#departures.drop();
		this.#framer.clear();
	}

	/** @throws DeviceError `too-large`, `argument` */
	private lengthOf(message: Outgoing): number {
		const length = frameLength(this.#form, message);
		if (length > this.messageMaximum) {
			throw new DeviceError("too-large", `a message of ${length} bytes, the peer takes ${this.messageMaximum}`);
		}
		return length;
	}

	/** @returns false when there is no room */
	private push(handle: number, message: Content, length: number): boolean {
		if (this.#error !== undefined || !this.#departures.hasRoomFor(length)) return false;
		this.#departures.push(handle, this.encode(message, length));
		return true;
	}

	private signal(code: number, token: Uint8Array, options: readonly Option[], payload = NOTHING): boolean {
		const content: Content = { code, token, options, payload };
		return this.#departures.signal(this.encode(content, frameLength(this.#form, content)));
	}

	private encode(content: Content, length: number): Uint8Array {
		const bytes = new Uint8Array(length);
		this.#writer.reset(bytes, 0, length);
		encodeFrame(this.#writer, this.#form, content);
		this.#writer.clear();
		return bytes;
	}
}
