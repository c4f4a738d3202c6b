// SPDX-License-Identifier: Apache-2.0
/** The private cloud's server of CoAP: the gateway to its services, and who is there. Pure. */
import type { Crypto } from "../../../src/host.js";
import type { Backend } from "../backend.js";
import type { CloudChannel } from "../channel.js";
import { CoAPServer, type CoAPFaults, type CoAPLimits, type CoAPReply, type CoAPRequest } from "../coap/server.js";
import { Contexts } from "./contexts.js";
import { Gateway } from "./gateway.js";

export interface PrivateCoAPOptions {
	/** Monotonic ms. */
	now: () => number;
	/** Fills the target with random bytes. */
	random(target: Uint8Array): void;
	limits?: Partial<CoAPLimits> | undefined;
	/** With AES-CCM, where devices are given OSCORE contexts. */
	crypto: Crypto;
}

export class PrivateCoAP {
	readonly server: CoAPServer;
	/** Of the devices that have one. */
	readonly contexts: Contexts;
	readonly #gateway: Gateway;
	/** Where messages of the devices' own programs go. */
	readonly #channels: CloudChannel[] = [];

	constructor(backend: Backend, options: PrivateCoAPOptions) {
		const { now, limits } = options, random = (target: Uint8Array) => { options.random(target); };
		const { registry, jobs, files, commands, reports, broker } = backend;
		const gateway = this.#gateway = new Gateway({
			registry, now,
			head: device => jobs.head(device),
			pending: device => commands.pending(device),
			canceled: device => commands.canceled(device),
			file: (device, name, file) => files.read(device, name, file),
			report: (device, kind, body) => { reports.take(device, kind, body); },
			onMessage: (device, sent, path, payload) => { backend.onMessage?.(device, sent, path, payload); },
			forward: (topic, payload, options) => { for (const channel of this.#channels) channel.publish(topic, payload, options); },
			notify: match => { this.server.notify(match); },
		});
		const contexts = this.contexts = new Contexts(options);
		this.server = new CoAPServer({
			handler: (request, reply) => { this.handle(request, reply); }, random, limits,
			links: () => [],
			contexts: kid => contexts.find(kid),
			onLost: peer => { gateway.sessions.lost(peer); },
		});
		backend.attach(gateway);
		this.forwardTo(broker.attach());
		broker.add(gateway.sessions);
		gateway.sessions.onDue = () => { broker.due(); };
	}

	/** What this server does to devices: refuse, lose, delay, forget. */
	get faults(): CoAPFaults { return this.server.faults; }

	/** A request, as the server has it. */
	handle(request: CoAPRequest, reply: (reply: CoAPReply) => void): void { this.#gateway.handle(request, reply); }

	/** Messages of the devices' own programs go to this broker, too. */
	forwardTo(channel: CloudChannel): void { this.#channels.push(channel); }

	/** The server starts again, and remembers no peer. */
	restart(): void {
		this.#gateway.sessions.clear();
		this.server.faults.forget();
	}
}
