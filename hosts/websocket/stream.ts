// SPDX-License-Identifier: Apache-2.0
/**
 * A WebSocket on a stream, as a stream: either side, over whatever carries bytes.
 *
 * Each write is one message in one frame; what binary messages carry is read as it comes, whole or not. A small buffer
 * is filled ahead of the program, so that a ping behind unread bytes is answered, and the end behind them is seen.
 * Beyond it the stream below is left alone, and its window closes.
 *
 * Memory: READ_AHEAD bytes from the handshake on, HEAD_MAXIMUM during it, and the frame of one write while it is made.
 */
import { DeviceError, toDeviceError } from "../../src/base/error.js";
import type { Stream, StreamCallbacks, TimerHandle } from "../../src/host.js";
import { CONTROL_MAXIMUM, encodeFrame, FRAME_OVERHEAD, FrameDecoder, HEADER_LENGTH, isControl, MASK_LENGTH, Opcode, PAYLOAD_MAXIMUM } from "./frame.js";
import type { Handshake, Means, ServerMeans } from "./handshake.js";
import { HeadCollector } from "./head.js";

/** Bytes that may wait for the program to read them. */
const READ_AHEAD = 2048;
/**
 * Room that the program is not told of: for one pong, one close, and what TLS adds to each. So neither ever takes from
 * what was promised, and neither waits for a program that does not write.
 */
const RESERVE = 256;
/** Before each frame of data, for a program that wants to know where messages end: its length, and whether more follow. */
const MARK_LENGTH = 4;
const MARK_LIMIT = 2 ** 31;

/** §7.4.1. */
const Status = Object.freeze({ NORMAL: 1000, PROTOCOL_ERROR: 1002, NONE: 1005 });

export class WebSocketStream implements Stream {
	readonly #means: ServerMeans;
	/** Masks; only clients have them (§5.1). */
	readonly #random: Means["random"] | undefined;
	readonly #handshake: Handshake;
	readonly #onReadable: StreamCallbacks["onReadable"];
	readonly #onWritable: StreamCallbacks["onWritable"];
	readonly #onError: StreamCallbacks["onError"];
	/** The stream below. */
	protected readonly carrier: Stream;
	readonly #decoder: FrameDecoder;
	readonly #hasMarks: boolean;
	/** The header of a frame is complete, and its mark waits for room. */
	#isUnmarked = false;
	/** A byte of the head, the header of a frame, or what a control frame carries. */
	readonly #scratch = new Uint8Array(Math.max(HEADER_LENGTH, CONTROL_MAXIMUM));
	#scratchLength = 0;
	#state: "handshake" | "open" | "over" | "closed" = "handshake";
	/** During the handshake. */
	#head: HeadCollector | undefined = new HeadCollector();
	/** Of our side of the handshake, what the carrier has not taken. */
	#outgoing: Uint8Array | undefined;
	/** What the carrier has for us, and may be given. */
	#carrierReadable = 0;
	#carrierRoom = 0;
	/** Read ahead: from `start` to `end`. Absent until the connection stands. */
	#buffer: Uint8Array | undefined;
	#start = 0;
	#end = 0;
	/** The room last reported; -1 before the first time. */
	#room = -1;
	/** The answer to the last ping, where it found no room (§5.5.3 lets it replace earlier ones). */
	#pong: Uint8Array | undefined;
	/** Why the stream ends, once all before it was announced. */
	#failure: DeviceError | undefined;
	#isReceiving = false;
	#resumption: TimerHandle | undefined;

	/**
	 * @param random makes this the client's side
	 * @param open makes the stream below; what it throws, the constructor throws
	 * @param messages whether what is read says where messages end
	 */
	constructor(
		means: ServerMeans, random: Means["random"] | undefined, handshake: Handshake, callbacks: StreamCallbacks,
		open: (callbacks: StreamCallbacks) => Stream, messages = false,
	) {
		const { onReadable, onWritable, onError } = callbacks;
		for (const callback of [onReadable, onWritable, onError]) {
			if (callback !== undefined && typeof callback !== "function") throw new DeviceError("argument", "a callback is no function");
		}
		this.#means = means;
		this.#handshake = handshake;
		this.#random = random;
		this.#onReadable = onReadable;
		this.#onWritable = onWritable;
		this.#onError = onError;
		this.#decoder = new FrameDecoder(random === undefined);
		this.#hasMarks = messages;
		this.#outgoing = handshake.request;
		this.carrier = open({
			onReadable: count => {
				this.#carrierReadable = count;
				this.receive();
			},
			onWritable: room => {
				this.#carrierRoom = room;
				this.transmit();
			},
			onError: error => {
				this.#failure ??= error;
				this.receive();
			},
		});
	}

	read(target: Uint8Array): number {
		if (this.#state === "closed") throw new DeviceError("state", "the stream is closed");
		if (!(target instanceof Uint8Array)) throw new DeviceError("argument", "the target of a read is no Uint8Array");
		const count = target.byteLength, available = this.#end - this.#start;
		if (count === 0 || count > available) throw new DeviceError("argument", `reading ${count} bytes of ${available} available`);
		target.set(this.#buffer!.subarray(this.#start, this.#start + count));
		this.#start += count;
		// What is told of must come from the event loop, and the carrier has told already.
		if (!this.#isReceiving && this.#state !== "over" && (this.isPending || this.#failure !== undefined)) {
			this.#resumption ??= this.#means.timer.set(() => {
				this.#resumption = undefined;
				this.receive();
			}, 0);
		}
		return count;
	}

	write(source: Uint8Array): number {
		if (this.#state !== "open" || this.#room < 0) throw new DeviceError("state", "writing to a stream that is not connected, or over");
		if (!(source instanceof Uint8Array)) throw new DeviceError("argument", "the source of a write is no Uint8Array");
		const count = source.byteLength;
		if (count > this.#room) throw new DeviceError("full", `writing ${count} bytes into room for ${this.#room}`);
		if (count === 0) return this.#room;
		// The program was not told of the end yet. Nothing may follow a Close.
		if (this.#failure !== undefined) return this.#room -= count;
		this.send(Opcode.BINARY, source);
		return this.#room = this.roomBelow();
	}

	close(): void {
		if (this.#state === "closed") return;
		if (this.#state === "open" && this.#failure === undefined) this.sendClose(Status.NORMAL);
		this.#state = "closed";
		this.#buffer = this.#head = undefined;
		this.#means.timer.clear(this.#resumption);
		this.carrier.close();
	}

	/** The carrier has room: what waits goes first, then the program hears of the rest. */
	private transmit(): void {
		this.flush();
		if (this.#state !== "open") return;
		const pong = this.#pong;
		if (pong !== undefined) {
			this.#pong = undefined;
			this.sendPong(pong);
		}
		this.announceRoom();
		// Bytes that came before the first room was told wait for it.
		if (this.#carrierReadable > 0) this.receive();
	}

	private announceRoom(): void {
		const room = this.roomBelow();
		// A pong may have taken from the room below, though not from what was promised.
		if (room <= Math.max(this.#room, 0)) return;
		this.#room = room;
		this.#onWritable?.(room);
	}

	private roomBelow(): number {
		if (this.#outgoing !== undefined) return 0;
		return Math.max(0, Math.min(this.#carrierRoom - FRAME_OVERHEAD - RESERVE, PAYLOAD_MAXIMUM));
	}

	/** Sends what is left of the handshake. */
	private flush(): void {
		const outgoing = this.#outgoing, count = Math.min(outgoing?.byteLength ?? 0, this.#carrierRoom);
		if (outgoing === undefined || count === 0) return;
		this.#carrierRoom = this.carrier.write(outgoing.subarray(0, count));
		this.#outgoing = count === outgoing.byteLength ? undefined : outgoing.subarray(count);
	}

	/**
	 * Takes from the carrier what can be taken, and tells the program, as long as that makes room; then the end,
	 * when nothing is left before it. Any of the callbacks may close the stream, so each step looks again.
	 */
	private receive(): void {
		if (this.#isReceiving) return;
		this.#isReceiving = true;
		for (;;) {
			if (this.fill()) this.#onReadable?.(this.#end - this.#start);
			else if (this.#state === "open" && this.#room < 0 && this.roomBelow() > 0) this.announceRoom();
			else break;
		}
		this.#isReceiving = false;
		const failure = this.#failure;
		if (failure === undefined || this.#state === "over" || this.#state === "closed") return;
		// Who never heard of a connection need not hear of its bytes.
		if (this.isPending && this.#room >= 0) return;
		this.#state = "over";
		this.carrier.close();
		this.#onError?.(failure);
	}

	/** @returns whether there is more for the program than before */
	private fill(): boolean {
		if (this.#state === "over" || this.#state === "closed") return false;
		const before = this.#end - this.#start;
		try {
			while (this.isPending && this.step()) {}
		} catch (error) {
			this.fail(toDeviceError(error, "internal", "the WebSocket failed"));
		}
		return this.#end - this.#start > before;
	}

	/** There is more than was read ahead. */
	private get isPending(): boolean {
		return this.#carrierReadable > 0 || this.#isUnmarked;
	}

	/** Takes the next piece from the carrier. @returns whether it could */
	private step(): boolean {
		if (this.#state === "handshake") return this.stepHandshake();
		// The program hears of a connection before it hears of bytes.
		if (this.#state !== "open" || this.#room < 0) return false;
		const decoder = this.#decoder, { missing } = decoder;
		if (this.#isUnmarked) {
			if (!this.mark()) return false;
		} else if (missing > 0) {
			decoder.addHeader(this.take(this.#scratch, 0, missing));
			this.#isUnmarked = this.#hasMarks && decoder.missing === 0 && !isControl(decoder.opcode);
		} else if (!isControl(decoder.opcode)) {
			if (decoder.remaining > 0 && !this.takeData()) return false;
		} else if (decoder.remaining > 0) {
			const bytes = this.take(this.#scratch, this.#scratchLength, decoder.remaining);
			decoder.addPayload(bytes);
			this.#scratchLength += bytes.byteLength;
		}
		if (decoder.missing === 0 && decoder.remaining === 0 && !this.#isUnmarked) {
			decoder.next();
			if (isControl(decoder.opcode)) this.control(decoder.opcode, this.#scratch.slice(0, this.#scratchLength));
			this.#scratchLength = 0;
		}
		return true;
	}

	private stepHandshake(): boolean {
		const head = this.#head!;
		if (!head.add(this.take(this.#scratch, 0, 1)[0]!)) return true;
		this.#head = undefined;
		const { response, refusal } = this.#handshake.answer(head.parse(this.#means.text));
		if (response !== undefined) {
			this.#outgoing = response;
			this.flush();
		}
		if (refusal !== undefined) throw refusal;
		this.#buffer = new Uint8Array(READ_AHEAD);
		this.#state = "open";
		return true;
	}

	/** Tells of the frame that begins. @returns false when the buffer is full */
	private mark(): boolean {
		const { remaining, goesOn } = this.#decoder;
		if (remaining >= MARK_LIMIT) throw new DeviceError("too-large", `a frame of ${remaining} bytes`);
		if (this.freeAtEnd(MARK_LENGTH) < MARK_LENGTH) return false;
		const mark = [remaining >> 24 | (goesOn ? 0x80 : 0), remaining >> 16, remaining >> 8, remaining];
		this.#buffer!.set(mark, this.#end);
		this.#end += MARK_LENGTH;
		this.#isUnmarked = false;
		return true;
	}

	/** Reads ahead. @returns false when the buffer is full */
	private takeData(): boolean {
		const free = this.freeAtEnd(1);
		if (free === 0) return false;
		const bytes = this.take(this.#buffer!, this.#end, Math.min(free, this.#decoder.remaining));
		this.#decoder.addPayload(bytes);
		this.#end += bytes.byteLength;
		return true;
	}

	/** Bytes that can be read ahead in one piece; what waits is moved to the front when that is less than `wanted`. */
	private freeAtEnd(wanted: number): number {
		if (this.#start === this.#end) this.#start = this.#end = 0;
		else if (READ_AHEAD - this.#end < wanted) {
			this.#buffer!.copyWithin(0, this.#start, this.#end);
			this.#end -= this.#start;
			this.#start = 0;
		}
		return READ_AHEAD - this.#end;
	}

	/** Reads at most `maximum` bytes of the carrier into `target`. */
	private take(target: Uint8Array, offset: number, maximum: number): Uint8Array {
		const bytes = target.subarray(offset, offset + Math.min(maximum, this.#carrierReadable));
		this.carrier.read(bytes);
		this.#carrierReadable -= bytes.byteLength;
		return bytes;
	}

	private control(opcode: number, payload: Uint8Array): void {
		if (opcode === Opcode.PING) this.sendPong(payload);
		else if (opcode === Opcode.CLOSE) {
			if (payload.byteLength === 1) throw new DeviceError("violation", "the WebSocket peer broke the rules: half a status");
			const status = payload.byteLength === 0 ? Status.NONE : payload[0]! << 8 | payload[1]!;
			this.fail(new DeviceError("closed", `the peer closed the WebSocket with status ${status}`, { detail: status }), Status.NORMAL);
		}
	}

	/** The stream cannot go on: nothing more is taken, and the peer is told as well as that can be. */
	private fail(error: DeviceError, status: number = Status.PROTOCOL_ERROR): void {
		if (this.#state === "open") this.sendClose(status);
		this.#failure = error;
		this.#carrierReadable = 0;
		this.#isUnmarked = false;
	}

	private sendPong(payload: Uint8Array): void {
		// What the program was promised stays its own.
		const kept = this.#room > 0 ? this.#room + FRAME_OVERHEAD : 0;
		if (this.#carrierRoom - payload.byteLength - FRAME_OVERHEAD >= kept) this.send(Opcode.PONG, payload);
		else this.#pong = payload;
	}

	/** Not worth a failure: the end says the same. */
	private sendClose(status: number): void {
		const payload = new Uint8Array([status >> 8, status]);
		if (this.#carrierRoom >= payload.byteLength + FRAME_OVERHEAD) this.send(Opcode.CLOSE, payload);
	}

	private send(opcode: number, payload: Uint8Array): void {
		let mask: Uint8Array | undefined;
		if (this.#random !== undefined) this.#random(mask = new Uint8Array(MASK_LENGTH));
		this.#carrierRoom = this.carrier.write(encodeFrame(opcode, payload, mask));
	}
}
