// SPDX-License-Identifier: Apache-2.0
/** The sockets and resolvers of a recorded host. In a replay nothing is inside of them. */
import type {
	Datagrams, DTLSOptions, Host, Remote, ResolveOptions, Resolver, SecureOptions, Stream, StreamCallbacks, TCPOptions, TLSOptions, UDPOptions, WebSocketOptions,
} from "../../src/host.js";
import { Kind } from "./kind.js";
import { bytesOf, countOf, malformed, textOf, type Value } from "./record.js";
import type { Output, Tape } from "./tape.js";

type Open<Options, Socket> = new (options: Options) => Socket;

export function tcpClass(tape: Tape, host: Host): Open<TCPOptions, Stream> {
	return class extends RecordedStream {
		constructor(options: TCPOptions) {
			const { address, port, nodelay } = options;
			super(tape, Kind.TCP_OPEN, [address, port, nodelay], options, callbacks => new host.tcp.io({ address, port, nodelay, ...callbacks }));
		}
	};
}

export function tlsClass(tape: Tape, host: Host): Open<TLSOptions, Stream> {
	return class extends RecordedStream {
		constructor(options: TLSOptions) {
			const { address, port, nodelay, host: name, secure } = options;
			tape.learn(secure?.clientKey);
			super(tape, Kind.TLS_OPEN, [address, port, nodelay, name, ...describe(secure)], options, callbacks => {
				return new host.tls.io({ address, port, nodelay, host: name, secure, ...callbacks });
			});
		}
	};
}

export function webSocketClass(tape: Tape, host: Host): Open<WebSocketOptions, Stream> {
	return class extends RecordedStream {
		constructor(options: WebSocketOptions) {
			const { address, port, nodelay, host: name, path, protocol, secure, messages } = options;
			tape.learn(secure?.clientKey);
			super(tape, Kind.WEBSOCKET_OPEN, [address, port, nodelay, name, path, protocol, messages, ...describe(secure)], options, callbacks => {
				return new host.websocket.io({ address, port, nodelay, host: name, path, protocol, secure, messages, ...callbacks });
			});
		}
	};
}

/** All but the key. */
function describe(secure: SecureOptions | undefined): Output[] {
	if (secure === undefined) return [];
	const { certificates, clientCertificates = [], applicationLayerProtocolNegotiation = [] } = secure;
	return [certificates, clientCertificates, applicationLayerProtocolNegotiation].flatMap(list => Array.isArray(list) ? [list.length, ...list as Output[]] : [0]);
}

class RecordedStream implements Stream {
	readonly #tape: Tape;
	readonly #id: number;
	#inner: Stream | undefined;

	constructor(tape: Tape, kind: Kind, output: readonly Output[], { onReadable, onWritable, onError }: StreamCallbacks, open: (callbacks: StreamCallbacks) => Stream) {
		const id = tape.name(), callbacks = {
			onReadable: tape.listen(id, Kind.ON_READABLE, onReadable), onWritable: tape.listen(id, Kind.ON_WRITABLE, onWritable),
			onError: tape.listen(id, Kind.ON_ERROR, onError),
		};
		this.#tape = tape;
		this.#id = id;
		tape.ask(kind, [id, ...output], () => { this.#inner = open(callbacks); });
	}

	read(target: Uint8Array): number {
		const bytes = this.#tape.ask(Kind.STREAM_READ, [this.#id, target?.byteLength], () => {
			this.#inner!.read(target);
			return target;
		});
		fill(target, bytes);
		return target.byteLength;
	}

	write(source: Uint8Array): number {
		return countOf(this.#tape.ask(Kind.STREAM_WRITE, [this.#id, source], () => this.#inner!.write(source)));
	}

	close(): void {
		this.#tape.ask(Kind.STREAM_CLOSE, [this.#id], () => { this.#inner!.close(); });
		this.#tape.forget(this.#id);
	}
}

export function udpClass(tape: Tape, host: Host): Open<UDPOptions, Datagrams> {
	return class extends RecordedDatagrams {
		constructor(options: UDPOptions) {
			const { port, onReadable, onError } = options, id = tape.name();
			const callbacks = { onReadable: tape.listen(id, Kind.ON_READABLE, onReadable), onError: tape.listen(id, Kind.ON_ERROR, onError) };
			super(tape, id, Kind.UDP_OPEN, [port], () => new host.udp.io({ port, ...callbacks }));
		}
	};
}

export function dtlsClass(tape: Tape, host: Host): Open<DTLSOptions, Datagrams> {
	return class extends RecordedDatagrams {
		constructor(options: DTLSOptions) {
			const { address, port, psk, onReadable, onWritable, onError } = options, id = tape.name();
			tape.learn(psk?.key);
			const callbacks = {
				onReadable: tape.listen(id, Kind.ON_READABLE, onReadable), onWritable: tape.listen(id, Kind.ON_WRITABLE, onWritable),
				onError: tape.listen(id, Kind.ON_ERROR, onError),
			};
			super(tape, id, Kind.DTLS_OPEN, [address, port, psk?.identity], () => new host.dtls!.io({ address, port, psk, ...callbacks }));
		}
	};
}

class RecordedDatagrams implements Datagrams {
	readonly port: number;
	readonly #tape: Tape;
	readonly #id: number;
	#inner: Datagrams | undefined;

	constructor(tape: Tape, id: number, kind: Kind, output: readonly Output[], open: () => Datagrams) {
		this.#tape = tape;
		this.#id = id;
		this.port = tape.ask(kind, [id, ...output], () => {
			this.#inner = open();
			return this.#inner.port;
		});
	}

	read(target: Uint8Array, remote?: Remote): number {
		const sender: Remote = { address: "", port: 0 };
		const [count, address, port, bytes] = list(this.#tape.ask<Value>(Kind.DATAGRAMS_READ, [this.#id, target?.byteLength], () => {
			const count = this.#inner!.read(target, sender);
			return [count, sender.address, sender.port, target.subarray(0, Math.max(count, 0))];
		}));
		if (count === -1) return -1;
		fill(target.subarray(0, countOf(count)), bytes);
		if (remote !== undefined) {
			remote.address = textOf(address);
			remote.port = countOf(port);
		}
		return countOf(count);
	}

	write(source: Uint8Array, address: string, port: number): void {
		this.#tape.ask(Kind.DATAGRAMS_WRITE, [this.#id, source, address, port], () => { this.#inner!.write(source, address, port); });
	}

	close(): void {
		this.#tape.ask(Kind.DATAGRAMS_CLOSE, [this.#id], () => { this.#inner!.close(); });
		this.#tape.forget(this.#id);
	}
}

export function dnsClass(tape: Tape, host: Host): new () => Resolver {
	return class implements Resolver {
		readonly #id = tape.name();
		#inner: Resolver | undefined;

		constructor() {
			tape.ask(Kind.DNS_OPEN, [this.#id], () => { this.#inner = new host.dns.io(); });
		}

		resolve(options: ResolveOptions): void {
			const { host: name, onResolved, onError } = options, question = tape.name();
			const answers = { onResolved: tape.listen(question, Kind.ON_RESOLVED, onResolved), onError: tape.listen(question, Kind.ON_ERROR, onError) };
			tape.ask(Kind.DNS_RESOLVE, [this.#id, question, name], () => {
				this.#inner!.resolve({ host: name, ...answers } as ResolveOptions);
			});
		}

		close(): void {
			tape.ask(Kind.DNS_CLOSE, [this.#id], () => { this.#inner!.close(); });
		}
	};
}

/** Puts what was answered into `target`, unless it is there because it was performed. */
function fill(target: Uint8Array, bytes: Value): void {
	const answer = bytesOf(bytes);
	if (answer.buffer === target.buffer && answer.byteOffset === target.byteOffset) return;
	if (answer.byteLength !== target.byteLength) throw malformed("an answer has another length");
	target.set(answer);
}

function list(value: Value): readonly Value[] {
	if (!Array.isArray(value)) throw malformed("an answer is no list");
	return value as readonly Value[];
}
