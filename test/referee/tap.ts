// SPDX-License-Identifier: Apache-2.0
/**
 * What goes over a simulated cloud's connections, behind TLS: every packet both ways, and its bytes.
 *
 * With a latency, the broker's answers are held back: so what a client sends without waiting for an answer comes before
 * it, and round trips can be counted.
 */
import mqtt, { type Packet, type Parser } from "mqtt-packet";
import type { Broker } from "../../hosts/simulator/index.js";

export interface Tapped {
	/** Counted from 0. */
	readonly connection: number;
	readonly toCloud: boolean;
	readonly packet: Packet;
	/** With its header. */
	readonly length: number;
}

export class Tap {
	/** ms by which everything that the broker sends is late. */
	latency = 0;
	#tapped: Tapped[] = [];
	#connections = 0;
	readonly #looks = new Set<() => void>();
	/** Numbers of the connections that the broker has. */
	readonly #open = new Set<number>();

	/** From now on, for the connections that begin. */
	constructor(broker: Broker) {
		const open = broker.open.bind(broker);
		broker.open = (peer, caller) => {
			const number = this.#connections++;
			this.#open.add(number);
			const end = (): void => {
				this.#open.delete(number);
				this.#look();
			};
			const up = new Direction((packet, length) => { this.#note({ connection: number, toCloud: true, packet, length }); });
			const down = new Direction((packet, length) => { this.#note({ connection: number, toCloud: false, packet, length }); });
			const late = (action: () => void): void => {
				if (this.latency === 0) action();
				else setTimeout(action, this.latency);
			};
			const connection = open({
				send: bytes => {
					// The broker may use the bytes again.
					const sent = bytes.slice();
					let wantsMore = true;
					late(() => {
						down.take(sent);
						wantsMore = peer.send(sent);
					});
					return wantsMore;
				},
				close: () => {
					end();
					late(() => { peer.close(); });
				},
			}, caller);
			const lost = connection.lost.bind(connection);
			connection.lost = now => {
				lost(now);
				end();
			};
			const receive = connection.receive.bind(connection);
			connection.receive = (bytes, now) => {
				up.take(bytes);
				down.protocol = up.protocol;
				receive(bytes, now);
			};
			return connection;
		};
	}

	/** What was seen since the last look. */
	take(): Tapped[] {
		const tapped = this.#tapped;
		this.#tapped = [];
		return tapped;
	}

	/** Resolves once `wanted` is true of a packet that was seen since the last look, and resolves with that packet. */
	until(wanted: (tapped: Tapped) => boolean): Promise<Tapped> {
		return new Promise(resolve => {
			const look = (): void => {
				const found = this.#tapped.find(wanted);
				if (found === undefined) return;
				this.#looks.delete(look);
				resolve(found);
			};
			this.#looks.add(look);
			look();
		});
	}

	/** Resolves once the broker has no connection any more. A client may end one without a packet that says so. */
	async ended(): Promise<void> {
		await new Promise<void>(resolve => {
			const look = (): void => {
				if (this.#open.size > 0) return;
				this.#looks.delete(look);
				resolve();
			};
			this.#looks.add(look);
			look();
		});
	}

	#note(tapped: Tapped): void {
		this.#tapped.push(tapped);
		this.#look();
	}

	#look(): void {
		for (const look of this.#looks) look();
	}
}

/** One way of one connection, taken apart into packets. */
class Direction {
	/** 4, or 5 once a CONNECT has said so. */
	protocol: number | undefined;
	#parser: Parser | undefined;
	readonly #onPacket: (packet: Packet, length: number) => void;

	constructor(onPacket: (packet: Packet, length: number) => void) {
		this.#onPacket = onPacket;
	}

	take(bytes: Uint8Array): void {
		this.#parser ??= mqtt.parser(this.protocol === undefined ? {} : { protocolVersion: this.protocol }).on("packet", packet => {
			if (packet.cmd === "connect") this.protocol = packet.protocolVersion;
			this.#onPacket(packet, wholeLength(packet.length!));
		});
		this.#parser.parse(Buffer.from(bytes));
	}
}

/** A byte of type and flags, and the remaining length in digits of seven bits, stand before what they tell of. */
function wholeLength(remaining: number): number {
	let digits = 1;
	for (let rest = remaining; rest >= 128; rest >>= 7) digits++;
	return 1 + digits + remaining;
}
