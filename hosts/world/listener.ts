// SPDX-License-Identifier: Apache-2.0
/**
 * The world's own side of TCP: waiting for connections, as a broker does.
 *
 * A connection is offered first and becomes a stream when callbacks are given for it, so that the
 * stream keeps the contract's rule that callbacks are read once, when it is made.
 */
import type { Stream, StreamCallbacks } from "../../src/host.js";
import type { Certificate } from "./certificate.js";
import { Connection } from "./connection.js";
import type { Network } from "./network.js";
import { Bystander, type Party } from "./party.js";
import { TCPStream } from "./tcp.js";

/** Who is calling. */
export interface Peer {
	readonly address: string;
	readonly port: number;
	/** The name that the client asked for with TLS (SNI); absent where it asked for an address. */
	readonly serverName?: string | undefined;
	/** What the client proved to be, where TLS asked for it. */
	readonly certificate?: Certificate | undefined;
	/** The application protocol agreed on (ALPN). */
	readonly protocol?: string | undefined;
}

export interface Incoming {
	/** Whose stream it becomes. */
	readonly party: Party;
	readonly peer: Peer;
	/** Takes the connection. To be called at once, in `onConnection`; without it the connection is refused. */
	accept(callbacks: StreamCallbacks): Stream;
}

export class Listener {
	readonly address: string;
	readonly port: number;
	readonly #network: Network;
	readonly #party: Bystander;
	readonly #onConnection: (incoming: Incoming) => void;

	constructor(network: Network, address: string, port: number, onConnection: (incoming: Incoming) => void) {
		this.#network = network;
		this.address = address;
		this.port = port;
		this.#party = new Bystander(address);
		this.#onConnection = onConnection;
	}

	/** Takes no more connections; those accepted live on. */
	close(): void {
		this.#network.forgetListener(this);
	}

	/** @returns whether the connection was taken */
	offer(client: TCPStream, port: number): boolean {
		const network = this.#network;
		let taken: TCPStream | undefined;
		this.#onConnection({
			party: this.#party,
			peer: { address: client.party.address, port },
			accept: callbacks => {
				taken = new TCPStream(network, this.#party, callbacks);
				const server = taken;
				new Connection(network, client, server);
				network.clock.after(0, () => server.opened());
				return server;
			},
		});
		if (taken === undefined) return false;
		network.log.add("tcp.accept", this.#party.id, this.port, client.party.id);
		return true;
	}
}
