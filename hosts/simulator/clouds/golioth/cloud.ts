// SPDX-License-Identifier: Apache-2.0
/** The simulated Golioth on a laptop: plain CoAP on a UDP socket, for the one device that it makes. */
import { createHash, randomBytes, randomFillSync } from "node:crypto";
import { performance } from "node:perf_hooks";
import { DeviceError } from "../../../../src/base/error.js";
import { TaskAlarm } from "../../alarm.js";
import { serveCoAP, type CoAPServed } from "../../coap/serve.js";
import { nodeClock } from "../../node-clock.js";
import { GoliothBackend, type GoliothOptions } from "./backend.js";
import type { GoliothIdentity } from "./identity.js";

export interface GoliothServeOptions {
	/** Address to listen on. Default: 127.0.0.1. */
	host?: string | undefined;
	/** 0 lets the system choose. */
	port: number;
	/** What devices are told to connect to. Default: `host`. */
	name?: string | undefined;
}

const KEY_LENGTH = 16;

export class GoliothCloud extends GoliothBackend {
	readonly #alarm: TaskAlarm;
	readonly #open = new Set<CoAPServed>();
	#endpoint: string | undefined;

	/** Use `createGoliothCloud`. */
	constructor(options: GoliothOptions) {
		super({
			...options, wall: Date.now, now: () => performance.now(), random: target => { randomFillSync(target); },
			digest: bytes => createHash("sha256").update(bytes).digest(),
		});
		this.#alarm = new TaskAlarm(this.rpc, nodeClock);
	}

	/** Where devices made from now on will connect: what was served last. */
	get endpoint(): string | undefined { return this.#endpoint; }

	async serve({ host = "127.0.0.1", port, name = host }: GoliothServeOptions): Promise<CoAPServed> {
		const sockets = await serveCoAP(this.server, { host, udpPort: port });
		this.#open.add(sockets);
		this.#endpoint = `coap://${name.includes(":") ? `[${name}]` : name}:${sockets.udpPort}`;
		return sockets;
	}

	/**
	 * Makes a device.
	 * @throws DeviceError `argument` for what cannot be an id, `state` when there is no endpoint yet
	 */
	manufacture(id: string): GoliothIdentity {
		const endpoint = this.#endpoint;
		if (endpoint === undefined) throw new DeviceError("state", `cannot manufacture ${id}: serve first`);
		this.registry.register(id);
		return { id, endpoint, pskIdentity: `${id}@${this.project}`, psk: randomBytes(KEY_LENGTH) };
	}

	async close(): Promise<void> {
		this.#alarm.stop();
		const open = [...this.#open];
		this.#open.clear();
		await Promise.all(open.map(each => each.close()));
	}
}

export function createGoliothCloud(options: GoliothOptions = {}): GoliothCloud {
	return new GoliothCloud(options);
}
