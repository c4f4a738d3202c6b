// SPDX-License-Identifier: Apache-2.0
/**
 * A TCP connection: two streams and a pipe each way, known to the network so that faults can find it.
 */
import type { Network } from "./network.js";
import { Pipe } from "./pipe.js";
import type { TCPStream } from "./tcp.js";

export class Connection {
	/** The path is gone and neither side was told: what is sent goes nowhere. */
	severed = false;
	readonly client: TCPStream;
	readonly server: TCPStream;
	readonly #network: Network;
	readonly #up: Pipe;
	readonly #down: Pipe;

	constructor(network: Network, client: TCPStream, server: TCPStream) {
		this.#network = network;
		this.client = client;
		this.server = server;
		this.#up = new Pipe(network, this, client, server);
		this.#down = new Pipe(network, this, server, client);
		client.join(this, this.#down, this.#up);
		server.join(this, this.#up, this.#down);
		network.connections.add(this);
		this.#down.send("open");
	}

	touches(address: string): boolean {
		return this.client.party.address === address || this.server.party.address === address;
	}

	/** What came through `pipe` found nobody: its sender is told. */
	reset(pipe: Pipe): void {
		(pipe === this.#up ? this.#down : this.#up).send("reset");
	}

	resume(): void {
		this.#up.resume();
		this.#down.resume();
	}

	/** One side has finished with its stream. */
	left(): void {
		if (this.client.over && this.server.over) this.#network.connections.delete(this);
	}
}
