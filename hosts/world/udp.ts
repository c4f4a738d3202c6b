// SPDX-License-Identifier: Apache-2.0
/** Datagrams of the world: lost, doubled and out of order, as the network's faults say. */
import { DeviceError } from "../../src/base/error.js";
import type { Datagrams, Remote, UDPOptions } from "../../src/host.js";
import { checkAddress, checkBytes, checkCallback, checkPort } from "./address.js";
import type { Network } from "./network.js";
import type { Party, Resource } from "./party.js";

/** Datagrams waiting at a socket; one more is lost, as on any small stack. */
const WAITING_MAXIMUM = 32;
/** Largest payload of UDP over IPv4. */
const PAYLOAD_MAXIMUM = 65_507;
/** A datagram that is overtaken comes at most this much later (ms), beyond the latency. */
const OVERTAKEN = 1000;
/** Ports tried before the platform says that none is free. */
const PORT_ATTEMPTS = 1024;

interface Datagram { bytes: Uint8Array; address: string; port: number }

export class UDPSocket implements Datagrams, Resource {
	readonly port: number;
	readonly #network: Network;
	readonly #party: Party;
	readonly #onReadable: ((count: number) => void) | undefined;
	readonly #waiting: Datagram[] = [];
	/** As others see it: another one than `port` behind a NAT that forgot the mapping once. */
	#external: number;
	#closed = false;
	/** When the last datagram sent in order arrives: jitter alone overtakes nothing. */
	#latest = 0;

	constructor(network: Network, party: Party, options: UDPOptions) {
		const { port = 0, onReadable, onError } = options;
		party.check();
		checkPort(port, 0);
		checkCallback("onReadable", onReadable);
		checkCallback("onError", onError);
		this.#network = network;
		this.#party = party;
		this.#onReadable = onReadable;
		this.port = this.#external = port === 0 ? this.#freePort() : port;
		if (network.sockets.has(this.#key)) throw new DeviceError("state", `UDP port ${port} is in use`);
		party.own(this);
		network.sockets.set(this.#key, this);
	}

	read(target: Uint8Array, remote?: Remote): number {
		this.#check();
		checkBytes("target", target);
		const datagram = this.#waiting.shift();
		if (datagram === undefined) return -1;
		const { bytes, address, port } = datagram, count = Math.min(bytes.byteLength, target.byteLength);
		target.set(count === bytes.byteLength ? bytes : bytes.subarray(0, count));
		if (remote !== undefined) {
			remote.address = address;
			remote.port = port;
		}
		return count;
	}

	write(source: Uint8Array, address: string, port: number): void {
		this.#check();
		checkBytes("source", source);
		checkAddress(address);
		checkPort(port, 1);
		if (source.byteLength > PAYLOAD_MAXIMUM) {
			throw new DeviceError("too-large", `a datagram holds at most ${PAYLOAD_MAXIMUM} bytes, not ${source.byteLength}`);
		}
		const { random, faults } = this.#network;
		const datagram = { bytes: source.slice(), address: this.#party.address, port: this.#external };
		this.#send(datagram, address, port);
		if (random.chance(faults.duplicate)) this.#send(datagram, address, port);
	}

	close(): void {
		if (this.#closed) return;
		this.abandon();
		this.#party.disown(this);
	}

	abandon(): void {
		this.#closed = true;
		this.#waiting.length = 0;
		this.#network.sockets.delete(this.#key);
	}

	get address(): string {
		return this.#party.address;
	}

	/** Others see it at another port from here on; what they send to the one before is lost. */
	rebind(): void {
		this.#network.sockets.delete(this.#key);
		this.#external = this.#freePort();
		this.#network.sockets.set(this.#key, this);
	}

	get #key(): string {
		return `${this.#party.address} ${this.#external}`;
	}

	#freePort(): number {
		for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
			const port = this.#network.takePort();
			if (!this.#network.sockets.has(`${this.#party.address} ${port}`)) return port;
		}
		throw new DeviceError("full", "no UDP port is free");
	}

	#send(datagram: Datagram, address: string, port: number): void {
		const network = this.#network, { random, faults } = network;
		const lost = random.chance(faults.loss) || network.isDown(datagram.address);
		network.log.add(lost ? "udp.lose" : "udp.send", this.#party.id, datagram.bytes.byteLength);
		if (lost) return;
		let at = network.clock.now + network.latency();
		if (random.chance(faults.reorder)) at += random.between(1, OVERTAKEN);
		else at = this.#latest = Math.max(at, this.#latest);
		network.clock.after(at - network.clock.now, () => {
			const socket = network.sockets.get(`${address} ${port}`);
			if (socket !== undefined && !network.swallows(address)) socket.#deliver(datagram);
		});
	}

	#deliver(datagram: Datagram): void {
		const waiting = this.#waiting;
		const fits = waiting.length < WAITING_MAXIMUM;
		this.#network.log.add(fits ? "udp.deliver" : "udp.overflow", this.#party.id, datagram.bytes.byteLength);
		if (!fits) return;
		waiting.push(datagram);
		if (this.#onReadable !== undefined) this.#party.enter(this.#onReadable, waiting.length);
	}

	#check(): void {
		this.#party.check();
		if (this.#closed) throw new DeviceError("state", "the socket is closed");
	}
}

/** The `host.udp.io` of one party. */
export function udpClass(network: Network, party: Party): new (options: UDPOptions) => Datagrams {
	return class UDP extends UDPSocket {
		constructor(options: UDPOptions) {
			super(network, party, options);
		}
	};
}
