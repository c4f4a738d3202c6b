// SPDX-License-Identifier: Apache-2.0
/**
 * One peer over a stream: TCP, TLS, or the messages of a WebSocket.
 *
 * Spec: RFC 8323: frames (§3.2, §4.2), settings, pings, and how a connection ends (§5).
 */
import { Code, Signal, Type } from "../../../src/coap/constants.js";
import { NOTHING, type Message } from "../../../src/coap/message.js";
import type { Option } from "../../../src/coap/option.js";
import { BERT, exponentOf, type BlockRange } from "./block.js";
import { wrong } from "./datagram-peer.js";
import type { CoAPParting, CoAPTraffic } from "./faults.js";
import type { Observer } from "./observer.js";
import { joined, uint, uintOption, valueOf } from "./options.js";
import { decodeFrame, encodeFrame, frameHeader } from "./packet.js";
import { Peer, type CoAPWay, type Content, type Exchange, type Surroundings } from "./peer.js";
import { toBytes } from "../../world/text.js";

/** Bytes of a message until the peer says what it takes (§5.3.1). */
const MESSAGE_DEFAULT = 1_152;
/** Bytes of a message that are not its body, at most: what a block leaves room for. */
const OVERHEAD = 128;
/** Milliseconds that a peer's settings are waited for. */
const SETTINGS_TIMEOUT = 30_000;
/** Length 0 and a token of 15 bytes: no frame. */
const GARBAGE = Uint8Array.of(0x0f, 0x45, 0xff, 0xff);

export class StreamPeer extends Peer {
	readonly reliable = true;
	readonly #form: "tcp" | "ws";
	#collected: Uint8Array = NOTHING;
	/** What the peer takes. */
	#messageMaximum = MESSAGE_DEFAULT;
	#isBlockwise = false;
	#settingsDue: number;
	/** The peer has asked for the end: it comes when nothing is pending. */
	#isReleased = false;

	constructor(form: "tcp" | "ws", key: string, identity: string | undefined, way: CoAPWay, surroundings: Surroundings, now: number) {
		super(key, identity, way, surroundings);
		this.#form = form;
		this.#settingsDue = now + SETTINGS_TIMEOUT;
	}

	get requestExponent(): number {
		const { blockLength, messageMaximum } = this.surroundings.limits;
		return blockLength < 1_024 || messageMaximum <= MESSAGE_DEFAULT ? exponentOf(blockLength) : BERT;
	}

	get blocks(): BlockRange {
		const { blockLength } = this.surroundings.limits, room = this.#messageMaximum - OVERHEAD;
		if (!this.#isBlockwise) return { exponent: 0, length: 0, whole: room };
		if (blockLength < 1_024) return { exponent: exponentOf(blockLength), length: blockLength, whole: blockLength };
		if (this.#messageMaximum > MESSAGE_DEFAULT) return { exponent: BERT, length: Math.max(1, Math.floor(room / 1_024)) * 1_024, whole: room };
		const length = Math.min(blockLength, 2 ** Math.floor(Math.log2(Math.max(16, room))));
		return { exponent: exponentOf(length), length, whole: Math.max(length, room) };
	}

	get deadline(): number { return this.#settingsDue; }

	/** The connection's first message (§5.3). */
	start(now: number): void {
		this.surroundings.timed(this);
		this.#signal(Code.CSM, NOTHING, [
			uintOption(Signal.MAX_MESSAGE_SIZE, this.surroundings.limits.messageMaximum), { number: Signal.BLOCK_WISE_TRANSFER, value: NOTHING },
		], now);
	}

	/** Any part of a TCP stream, or one WebSocket message. */
	receive(bytes: Uint8Array, now: number): void {
		if (this.isGone || this.surroundings.faults.isSilent(this)) return;
		if (this.#form === "ws") return this.#webSocketMessage(bytes, now);
		this.#collected = joined(this.#collected, bytes);
		while (!this.isGone) {
			const header = frameHeader(this.#collected);
			if (!header) return;
			if (header.end > this.surroundings.limits.messageMaximum) return this.#abort("a message of more than Max-Message-Size", now);
			if (this.#collected.byteLength < header.end) return;
			const message = decodeFrame(this.#collected.subarray(0, header.end), header);
			this.#collected = this.#collected.subarray(header.end);
			this.#message(message, now);
		}
	}

	respond(_: Exchange, content: Content | undefined, now: number): void {
		const spoiling = this.surroundings.faults.takeSpoiling(this);
		if (spoiling === "reset") return this.#abort("a test wanted it", now);
		if (spoiling === "garbage") this.emit("response", GARBAGE, now);
		else if (content) this.#send("response", spoiling === "wrong-token" ? { ...content, token: wrong(content.token) } : content, now);
	}

	reject(): void {}

	notify(_: Observer, content: Content, _confirmable: boolean, now: number): boolean {
		this.#send("notification", content, now);
		return true;
	}

	abandon(): void {}

	expire(now: number): void {
		if (now >= this.#settingsDue) this.#abort("no settings", now);
	}

	idle(): void {
		if (this.#isReleased) this.close();
	}

	override end(): void {
		super.end();
		this.#settingsDue = Infinity;
	}

	/** @param holdOff seconds */
	part(how: CoAPParting, holdOff: number | undefined, now: number): void {
		if (how === "break") this.close();
		else if (how === "abort") this.#abort("a test wanted it", now);
		else this.#signal(Code.RELEASE, NOTHING, holdOff === undefined ? [] : [uintOption(Signal.HOLD_OFF, holdOff)], now);
	}

	close(): void {
		if (this.isGone) return;
		this.end();
		this.way.close?.();
	}

	#webSocketMessage(bytes: Uint8Array, now: number): void {
		const header = frameHeader(bytes);
		if (bytes.byteLength > this.surroundings.limits.messageMaximum) this.#abort("a message of more than Max-Message-Size", now);
		// The length is the WebSocket's business (§4.2).
		else this.#message(header && bytes[0]! >> 4 === 0 ? decodeFrame(bytes, header) : undefined, now);
	}

	#message(message: Message | undefined, now: number): void {
		if (!message) return this.#abort("a message that is malformed", now);
		const codeClass = message.code >> 5;
		if (message.code === Code.CSM) return this.#settings(message, now);
		if (this.#settingsDue !== Infinity) return this.#abort("a message before the settings", now);
		if (codeClass === 7) return this.#signaled(message, now);
		// Empty messages are ignored (§3.4), and responses answer what was never asked.
		if (codeClass !== 0 || message.code === Code.EMPTY || this.#isReleased) return;
		if (this.surroundings.faults.takeLoss("request", this)) return;
		this.surroundings.serve(this, message, { token: message.token, confirmable: true }, now);
	}

	/** May come more than once. */
	#settings({ options }: Message, now: number): void {
		this.#settingsDue = Infinity;
		const strange = options.find(({ number }) => number % 2 === 1);
		if (strange) return this.#abort("a setting that is not known", now, [uintOption(Signal.BAD_CSM_OPTION, strange.number)]);
		const size = valueOf(options, Signal.MAX_MESSAGE_SIZE);
		if (size) this.#messageMaximum = uint(size);
		if (valueOf(options, Signal.BLOCK_WISE_TRANSFER)) this.#isBlockwise = true;
	}

	#signaled({ code, token, options }: Message, now: number): void {
		if (code === Code.ABORT) return this.close();
		if (options.some(({ number }) => number % 2 === 1)) return this.#abort("a signal's option that is not known", now);
		if (code === Code.RELEASE) {
			this.#isReleased = true;
			if (this.pending === 0) this.close();
		}
		// All that came before is processed, or has its place (§5.4.1).
		if (code === Code.PING) this.#signal(Code.PONG, token, options.filter(({ number }) => number === Signal.CUSTODY), now);
	}

	#abort(reason: string, now: number, options: readonly Option[] = []): void {
		if (this.isGone) return;
		this.#send("signal", { code: Code.ABORT, token: NOTHING, options, payload: toBytes(reason) }, now);
		this.close();
	}

	#signal(code: number, token: Uint8Array, options: readonly Option[], now: number): void {
		this.#send("signal", { code, token, options, payload: NOTHING }, now);
	}

	#send(traffic: CoAPTraffic, content: Content, now: number): void {
		this.emit(traffic, encodeFrame({ ...content, type: Type.CON, messageId: 0 }, this.#form), now);
	}
}
