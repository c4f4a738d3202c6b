// SPDX-License-Identifier: Apache-2.0
/** The simulated Golioth inside the seeded world: plain CoAP, for the one device that it makes. */
import type { AlarmClock } from "../../../../src/base/alarm.js";
import type { Datagrams, Remote, Timers, UDPOptions } from "../../../../src/host.js";
import { BrokerAlarm } from "../../alarm.js";
import { GoliothBackend, type GoliothOptions } from "./backend.js";
import type { GoliothIdentity } from "./identity.js";

/** Of the world, what is used here. */
export interface GoliothWorldLike {
	readonly clock: { readonly now: number; readonly wall: number | undefined };
	readonly timer: Timers;
	readonly random: { between(least: number, most: number): number };
	readonly network: {
		name(host: string, address: string): void;
		bind(address: string, options: UDPOptions): Datagrams;
	};
}

export interface GoliothWorldOptions extends GoliothOptions {
	/** Default: 10.0.0.1. */
	address?: string | undefined;
	/** Registered in the world's DNS. */
	name?: string | undefined;
	/** Default: 5683. */
	port?: number | undefined;
	digest?: ((bytes: Uint8Array) => Uint8Array) | undefined;
}

const KEY_LENGTH = 16;
/** Bytes. */
const DATAGRAM_MAXIMUM = 65_507;

export class GoliothWorldCloud extends GoliothBackend {
	/** `coap://name:port`. */
	readonly endpoint: string;
	readonly #world: GoliothWorldLike;
	readonly #clock: AlarmClock;
	readonly #address: string;
	readonly #port: number;
	#socket: Datagrams | undefined;
	#alarm: BrokerAlarm | undefined;

	/** Begins to serve at once. */
	constructor(world: GoliothWorldLike, options: GoliothWorldOptions = {}) {
		const { address = "10.0.0.1", name = "golioth.test", port = 5683 } = options;
		const random = (target: Uint8Array): void => {
			for (let index = 0; index < target.byteLength; index++) target[index] = world.random.between(0, 255);
		};
		super({ ...options, wall: () => world.clock.wall ?? world.clock.now, now: () => world.clock.now, random });
		this.#world = world;
		this.#clock = { timer: world.timer, time: { now: () => world.clock.now } };
		this.#address = address;
		this.#port = port;
		this.endpoint = `coap://${name}:${port}`;
		world.network.name(name, address);
		// Whether anybody hears it or not, calls are over in time.
		new BrokerAlarm(this.rpc, this.#clock);
		this.start();
	}

	get running(): boolean { return this.#socket !== undefined; }

	start(): void {
		if (this.running) return;
		const alarm = this.#alarm = new BrokerAlarm(this.server, this.#clock);
		const socket = this.#socket = this.#world.network.bind(this.#address, { port: this.#port, onReadable: () => { this.#read(socket, alarm); } });
	}

	/** Nobody hears it until `start`; then it knows its devices and their state, but no observation. */
	stop(): void {
		this.#alarm?.stop();
		this.#socket?.close();
		this.#socket = undefined;
		this.server.faults.forget();
	}

	/** Stops, and starts again after `downtime` ms. */
	restart(downtime: number): void {
		this.stop();
		this.#world.timer.set(() => { this.start(); }, downtime);
	}

	/** Makes a device. Pass `goliothIdentityValues(…)` of it as the device's storage. */
	manufacture(id: string): GoliothIdentity {
		this.registry.register(id);
		const psk = new Uint8Array(KEY_LENGTH).map(() => this.#world.random.between(0, 255));
		return { id, endpoint: this.endpoint, pskIdentity: `${id}@${this.project}`, psk };
	}

	#read(socket: Datagrams, alarm: BrokerAlarm): void {
		const remote: Remote = { address: "", port: 0 }, buffer = new Uint8Array(DATAGRAM_MAXIMUM);
		for (let count = socket.read(buffer, remote); count >= 0; count = socket.read(buffer, remote)) {
			const { address, port } = remote;
			const way = { send: (bytes: Uint8Array) => { if (this.#socket === socket) socket.write(bytes, address, port); } };
			this.server.receive(buffer.slice(0, count), { key: `${address}:${port}` }, way, this.#world.clock.now);
		}
		alarm.arm();
	}
}
