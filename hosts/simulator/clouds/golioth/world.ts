// SPDX-License-Identifier: Apache-2.0
/** The simulated Golioth inside the seeded world: plain CoAP, for the one device that it makes. */
import { TaskAlarm } from "../../alarm.js";
import { serveCoAPInWorld, type CoAPWorldLike } from "../../coap/in-world.js";
import { GoliothBackend, type GoliothOptions } from "./backend.js";
import type { GoliothIdentity } from "./identity.js";

export type GoliothWorldLike = CoAPWorldLike & { readonly random: { between(least: number, most: number): number } };

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

export class GoliothWorldCloud extends GoliothBackend {
	/** `coap://name:port`. */
	readonly endpoint: string;
	readonly #world: GoliothWorldLike;
	readonly #address: string;
	readonly #port: number;
	#served: { close(): void } | undefined;

	/** Begins to serve at once. */
	constructor(world: GoliothWorldLike, options: GoliothWorldOptions = {}) {
		const { address = "10.0.0.1", name = "golioth.test", port = 5683 } = options;
		const random = (target: Uint8Array): void => {
			for (let index = 0; index < target.byteLength; index++) target[index] = world.random.between(0, 255);
		};
		super({ ...options, wall: () => world.clock.wall ?? world.clock.now, now: () => world.clock.now, random });
		this.#world = world;
		this.#address = address;
		this.#port = port;
		this.endpoint = `coap://${name}:${port}`;
		world.network.name(name, address);
		// Whether anybody hears it or not, calls are over in time.
		new TaskAlarm(this.rpc, { timer: world.timer, time: { now: () => world.clock.now } });
		this.start();
	}

	get running(): boolean { return this.#served !== undefined; }

	start(): void {
		this.#served ??= serveCoAPInWorld(this.server, this.#world, { address: this.#address, udpPort: this.#port });
	}

	/** Nobody hears it until `start`; then it knows its devices and their state, but no observation. */
	stop(): void {
		this.#served?.close();
		this.#served = undefined;
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
}
