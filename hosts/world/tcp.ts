// SPDX-License-Identifier: Apache-2.0
/**
 * A TCP stream of the world, at either side of a connection, and the way a client gets one.
 *
 * The end is reported as soon as it comes, after all that came before was announced; what is unread
 * can be read until `close`, so a program that reads slowly loses nothing.
 */
import { DeviceError } from "../../src/base/error.js";
import type { Stream, StreamCallbacks, TCPOptions } from "../../src/host.js";
import { checkAddress, checkBytes, checkCallback, checkPort } from "./address.js";
import type { Connection } from "./connection.js";
import type { Network } from "./network.js";
import type { Party, Resource } from "./party.js";
import type { Pipe } from "./pipe.js";
import { Task } from "./queue.js";

/** A connection attempt sends its first packet again after this time (ms), doubled each time, and gives up at last. */
const SYN_RETRANSMISSION = 1000, CONNECT_TIMEOUT = 30_000;

type State = "connecting" | "open" | "ended" | "closed";

export class TCPStream implements Stream, Resource {
	readonly party: Party;
	readonly #network: Network;
	readonly #onReadable: ((count: number) => void) | undefined;
	readonly #onWritable: ((count: number) => void) | undefined;
	readonly #onError: ((error: DeviceError) => void) | undefined;
	#state: State = "connecting";
	#connection: Connection | undefined;
	#incoming: Pipe | undefined;
	#outgoing: Pipe | undefined;

	constructor(network: Network, party: Party, callbacks: StreamCallbacks) {
		this.party = party;
		this.#network = network;
		this.#onReadable = callbacks.onReadable;
		this.#onWritable = callbacks.onWritable;
		this.#onError = callbacks.onError;
		party.own(this);
	}

	get connection(): Connection | undefined {
		return this.#connection;
	}

	/** Nothing more will be called back. */
	get over(): boolean {
		return this.#state === "ended" || this.#state === "closed";
	}

	read(target: Uint8Array): number {
		this.party.check();
		checkBytes("target", target);
		if (this.#state === "closed") throw new DeviceError("state", "cannot read: the stream is closed");
		const available = this.#incoming?.available ?? 0, count = target.byteLength;
		if (count === 0 || count > available) throw new DeviceError("argument", `cannot read ${count} bytes: ${available} are available`);
		this.#incoming!.read(target);
		return count;
	}

	write(source: Uint8Array): number {
		this.party.check();
		checkBytes("source", source);
		if (this.#state !== "open") throw new DeviceError("state", `cannot write: the stream is ${this.#state}`);
		const outgoing = this.#outgoing!, count = source.byteLength;
		if (count > outgoing.room) throw new DeviceError("full", `cannot write ${count} bytes: there is room for ${outgoing.room}`);
		if (count > 0) outgoing.write(source);
		return outgoing.room;
	}

	close(): void {
		// Once the connection is lost or ended by the peer there is nobody to tell.
		if (!this.over) this.#outgoing?.send("end");
		this.#leave();
		this.party.disown(this);
	}

	abandon(): void {
		this.#leave();
		this.#outgoing?.truncate();
	}

	/** The local stack dropped the connection: this side hears of it, the peer does not. */
	abort(reason: string): void {
		this.#network.clock.after(0, () => this.ended(new DeviceError("closed", reason)));
	}

	join(connection: Connection, incoming: Pipe, outgoing: Pipe): void {
		this.#connection = connection;
		this.#incoming = incoming;
		this.#outgoing = outgoing;
	}

	opened(): void {
		if (this.#state !== "connecting") return;
		this.#state = "open";
		if (this.#onWritable !== undefined) this.party.enter(this.#onWritable, this.#outgoing!.room);
	}

	arrived(): void {
		if (this.#onReadable !== undefined) this.party.enter(this.#onReadable, this.#incoming!.available);
	}

	drained(): void {
		if (this.#state === "open" && this.#onWritable !== undefined) this.party.enter(this.#onWritable, this.#outgoing!.room);
	}

	ended(error: DeviceError): void {
		if (this.over) return;
		this.#state = "ended";
		this.#connection?.left();
		this.#network.log.add("tcp.error", this.party.id, 0, error.code);
		if (this.#onError !== undefined) this.party.enter(this.#onError, error);
	}

	#leave(): void {
		this.#state = "closed";
		this.#connection?.left();
	}
}

export function checkStreamOptions(options: TCPOptions): void {
	checkAddress(options.address);
	checkPort(options.port, 1);
	if (options.nodelay !== undefined && typeof options.nodelay !== "boolean") throw new DeviceError("argument", "nodelay must be a boolean");
	checkCallback("onReadable", options.onReadable);
	checkCallback("onWritable", options.onWritable);
	checkCallback("onError", options.onError);
}

/** Opens a connection for `stream`, which hears of the outcome through its callbacks. */
export function dial(network: Network, stream: TCPStream, address: string, port: number): void {
	const { clock } = network, { party } = stream, began = clock.now, localPort = network.takePort();
	let wait = SYN_RETRANSMISSION;
	network.log.add("tcp.dial", party.id, port, address);
	const attempt = new Task(() => {
		if (stream.over) return;
		if (network.isDown(party.address)) return stream.ended(new DeviceError("unreachable", "the link is down"));
		const left = began + CONNECT_TIMEOUT - clock.now;
		if (left <= 0) return stream.ended(new DeviceError("timeout", `no answer from ${address}:${port}`));
		if (network.swallows(address) || network.random.chance(network.faults.loss)) {
			clock.schedule(attempt, Math.min(wait, left));
			wait *= 2;
			return;
		}
		if (network.listener(address, port)?.offer(stream, localPort)) return;
		clock.after(network.latency(), () => stream.ended(new DeviceError("unreachable", `${address}:${port} refused the connection`)));
	});
	clock.schedule(attempt, network.latency());
}

/** The `host.tcp.io` of one party. */
export function tcpClass(network: Network, party: Party): new (options: TCPOptions) => Stream {
	return class TCP extends TCPStream {
		constructor(options: TCPOptions) {
			party.check();
			checkStreamOptions(options);
			super(network, party, options);
			dial(network, this, options.address, options.port);
		}
	};
}
