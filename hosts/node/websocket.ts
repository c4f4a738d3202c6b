// SPDX-License-Identifier: Apache-2.0
/**
 * WebSockets of a device over the package `ws`, on connections of this host: the same trust, the same refusals.
 *
 * The connection stands before `ws` hears of it, so that a server has had its say about our certificate. Redirects are
 * not followed and nothing is compressed. A message is kept whole until its end came, which is how `ws` works; from
 * then on it is read in segments, as all else.
 */
import { EventEmitter } from "node:events";
import type { ClientRequest, IncomingMessage } from "node:http";
import { connect, type OnReadOpts, type Socket } from "node:net";
import { WebSocket, type ClientOptions } from "ws";
import { DeviceError } from "../../src/base/error.js";
import type { Stream, WebSocketOptions } from "../../src/host.js";
import { APPLICATION_PROTOCOLS } from "../websocket/client.js";
import { checkWebSocket } from "../websocket/handshake.js";
import { HEAD_MAXIMUM } from "../websocket/head.js";
import type { Sessions } from "./sessions.js";
import { SEGMENT, SocketStream, type Carrier, type SocketPlan } from "./stream.js";
import { checkTCP, explainSocket } from "./tcp.js";
import { planTLS } from "./tls.js";

/** Bytes of one message: sixteen times what brokers take at most unless they are told otherwise. */
const MESSAGE_MAXIMUM = 16 * 2 ** 20;
/** RFC 6455 §7.4.1: the connection was lost without a Close. */
const ABNORMAL = 1006;

/** The `host.websocket.io` of one device. */
export function webSocketClass(sessions: Sessions): new (options: WebSocketOptions) => Stream {
	return class extends SocketStream {
		constructor(options: WebSocketOptions) {
			checkWebSocket(options);
			const below = planBelow(options, sessions);
			const address = addressOf(options);
			super(options, {
				open: (onread, connected) => new MessageSocket(options, address, below, onread, connected),
				explain: (error, connected) => explainWebSocket(error) ?? below.explain(error, connected),
			});
		}
	};
}

interface BelowPlan extends Pick<SocketPlan, "explain"> {
	open(onread: undefined, connected: () => void): Socket;
}

function planBelow(options: WebSocketOptions, sessions: Sessions): BelowPlan {
	const { address, port, nodelay = false, host, secure } = options;
	if (secure !== undefined) {
		const { applicationLayerProtocolNegotiation = APPLICATION_PROTOCOLS } = secure;
		return planTLS({ address, port, nodelay, host, secure: { ...secure, applicationLayerProtocolNegotiation } }, sessions);
	}
	checkTCP(options);
	return {
		open: (_, connected) => connect({ host: address, port, noDelay: nodelay }).once("connect", connected),
		explain: (error, connected) => explainSocket(error, connected, address, port),
	};
}

function addressOf({ host, port, secure, path }: WebSocketOptions): URL {
	const name = host.includes(":") ? `[${host}]` : host;
	try {
		return new URL(`${secure === undefined ? "ws" : "wss"}://${name}:${port}${path}`);
	} catch (error) {
		throw new DeviceError("argument", "the host of the WebSocket is no name", { cause: error });
	}
}

/** A socket whose bytes are those of messages. */
class MessageSocket extends EventEmitter implements Carrier {
	readonly #onread: OnReadOpts;
	readonly #socket: Socket;
	#webSocket: WebSocket | undefined;
	/** Received, and not taken yet. */
	readonly #messages: Buffer[] = [];
	#isPaused = false;
	/** Why the stream ends, once everything before it was taken. */
	#end: Error | undefined;
	#isEnding = false;
	#isClosed = false;

	constructor(options: WebSocketOptions, address: URL, below: BelowPlan, onread: OnReadOpts, connected: () => void) {
		super();
		this.#onread = onread;
		this.#socket = below.open(undefined, () => {
			// Not from inside the event: what is written while OpenSSL tells of a session is never sent.
			setImmediate(() => {
				this.#socket.off("end", closedEarly);
				if (!this.#socket.destroyed) this.#open(options, address, connected);
			});
		});
		const closedEarly = () => this.emit("end");
		// A socket that is not read does not notice its end.
		this.#socket.on("end", closedEarly).resume();
		this.#socket.on("error", error => this.#fail(error));
		this.#socket.on("close", () => {
			if (this.#webSocket === undefined) this.emit("close");
		});
	}

	write(bytes: Uint8Array, done: () => void): void {
		this.#webSocket!.send(bytes, { binary: true, compress: false }, done);
	}

	pause(): void {
		this.#isPaused = true;
	}

	resume(): void {
		this.#isPaused = false;
		this.#pump();
	}

	destroySoon(): void {
		this.#isEnding = true;
		this.#messages.length = 0;
		this.#webSocket!.resume();
		this.#webSocket!.close(1000);
	}

	destroy(): void {
		this.#isEnding = true;
		this.#webSocket?.terminate();
		this.#socket.destroy();
	}

	#open(options: WebSocketOptions, address: URL, connected: () => void): void {
		const { path, protocol, messages = false } = options;
		const plan: ClientOptions & { maxHeaderSize: number } = {
			createConnection: () => this.#socket,
			// As it was given: a URL would be put into a normal form.
			finishRequest: (request: ClientRequest) => {
				request.path = path;
				request.end();
			},
			followRedirects: false, perMessageDeflate: false, maxPayload: MESSAGE_MAXIMUM, maxHeaderSize: HEAD_MAXIMUM,
		};
		const webSocket = new WebSocket(address, protocol, plan);
		this.#webSocket = webSocket;
		webSocket.once("open", connected);
		webSocket.on("unexpected-response", (_: ClientRequest, { statusCode }: IncomingMessage) => {
			this.#fail(new DeviceError("rejected", `the server answered the opening handshake with status ${statusCode}`, { detail: statusCode }));
			this.destroy();
		});
		webSocket.on("message", (data, isBinary) => {
			if (this.#isEnding) return;
			if (!isBinary) {
				this.#fail(new DeviceError("violation", "the WebSocket peer broke the rules: a message is text"));
				webSocket.close(1003);
				return;
			}
			const bytes = data as Buffer;
			if (messages) this.#messages.push(markOf(bytes));
			if (bytes.byteLength > 0) this.#messages.push(bytes);
			this.#pump();
		});
		webSocket.on("error", error => this.#fail(error));
		webSocket.on("close", status => {
			this.#fail(status === ABNORMAL
				? new DeviceError("closed", "the connection of the WebSocket was lost")
				: new DeviceError("closed", `the peer closed the WebSocket with status ${status}`, { detail: status }));
			this.#isClosed = true;
			this.#pump();
		});
	}

	/** Hands on what was received, as far as it is wanted; then the end. */
	#pump(): void {
		while (!this.#isPaused && this.#messages.length > 0) {
			const first = this.#messages[0]!;
			const count = Math.min(first.byteLength, SEGMENT);
			if (count === first.byteLength) this.#messages.shift();
			else this.#messages[0] = first.subarray(count);
			this.#onread.callback(count, first);
		}
		if (this.#messages.length > 0) this.#webSocket?.pause();
		else if (this.#end !== undefined) {
			this.emit("error", this.#end);
			if (this.#isClosed) this.emit("close");
		} else if (!this.#isPaused) this.#webSocket?.resume();
	}

	#fail(error: Error): void {
		this.#end ??= error;
		this.#pump();
	}
}

/** Messages come whole, so that each is one piece. */
function markOf({ byteLength }: Buffer): Buffer {
	const mark = Buffer.alloc(4);
	mark.writeUInt32BE(byteLength);
	return mark;
}

/** `undefined` where the failure is one of the connection underneath. */
function explainWebSocket(error: NodeJS.ErrnoException): DeviceError | undefined {
	if (error instanceof DeviceError) return error;
	const { code, message } = error;
	if (code === "HPE_HEADER_OVERFLOW" || code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH" || code === "WS_ERR_TOO_MANY_BUFFERED_PARTS") {
		return new DeviceError("too-large", `the WebSocket peer sent more than is taken: ${message}`, { cause: error });
	}
	// What `ws` finds wrong with the handshake has no code.
	if (code === undefined || code.startsWith("HPE_") || code.startsWith("WS_ERR_")) {
		return new DeviceError("violation", `the WebSocket peer broke the rules: ${message}`, { cause: error });
	}
	return undefined;
}
