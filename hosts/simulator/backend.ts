// SPDX-License-Identifier: Apache-2.0
/**
 * The private cloud without a network: broker, services and registry, and the rules of who may do what.
 *
 * Pure, so that the same cloud is served on sockets (`cloud.ts`), inside the world (`world.ts`) and on the XS engine.
 */
import { Broker } from "./broker/broker.js";
import type { Client } from "./broker/client.js";
import type { BrokerLimits } from "./broker/limits.js";
import type { Refusal } from "./broker/reasons.js";
import type { CloudChannel } from "./channel.js";
import type { StreamsOptions } from "./clouds/aws/streams.js";
import { CommandService } from "./services/commands.js";
import { FileService } from "./services/files.js";
import { JobService } from "./services/jobs.js";
import { isDeviceId, Registry } from "./services/registry.js";
import { ReportService } from "./services/reports.js";
import type { ShadowLimits, ShadowStore } from "./services/shadow.js";
import { ShadowService } from "./services/shadow.js";
import { Updates } from "./services/updates.js";

export interface BackendOptions {
	/** The wall clock in ms since 1970. */
	wall: () => number;
	brokerLimits?: Partial<BrokerLimits> | undefined;
	shadowLimits?: Partial<ShadowLimits> | undefined;
	/** Where documents outlive this cloud. */
	shadowStore?: ShadowStore | undefined;
	files?: StreamsOptions | undefined;
}

export class Backend {
	/** Runs at each message of a device, sent by it or to it; for CoAP, at each request with a body and each answer with one. */
	onMessage: ((device: string, sent: boolean, topic: string, payload: Uint8Array) => void) | undefined;
	/** Runs at each status that devices leave, or others in their name: unread. */
	onStatus: ((device: string, payload: Uint8Array) => void) | undefined;
	readonly broker: Broker;
	readonly shadows: ShadowService;
	readonly jobs: JobService;
	readonly files: FileService;
	readonly commands: CommandService;
	/** What devices tell of themselves. */
	readonly reports: ReportService;
	/** New firmware, and the way back: jobs and files together. */
	readonly updates: Updates;
	readonly registry: Registry;

	constructor(options: BackendOptions) {
		this.registry = new Registry(options);
		this.shadows = new ShadowService({ wall: options.wall, limits: options.shadowLimits, store: options.shadowStore });
		this.jobs = new JobService({ wall: options.wall, manners: this.shadows.manners });
		this.files = new FileService({ wall: options.wall, manners: this.shadows.manners, ...options.files });
		this.commands = new CommandService({ wall: options.wall, manners: this.shadows.manners });
		this.reports = new ReportService({ wall: options.wall, manners: this.shadows.manners });
		this.updates = new Updates({
			put: (device, name, release) => { this.files.put(device, name, release); },
			queue: (id, document, devices) => { this.jobs.create({ id, document, devices }); },
		});
		this.broker = new Broker({
			limits: options.brokerLimits,
			authorize: client => authorize(this.registry, client),
			permit: (client, _action, topic) => isPermitted(client.clientId, topic),
			onConnected: client => {
				this.registry.register(client.clientId, client.identity?.fingerprint);
				this.registry.setOnline(client.clientId, true);
			},
			onDisconnected: client => { this.registry.setOnline(client.clientId, false); },
			onPublish: ({ topic, payload }, from) => {
				if (!from) return;
				this.registry.countMessage(from.clientId);
				this.onMessage?.(from.clientId, true, topic, payload);
			},
			onDelivered: ({ topic, payload }, { clientId }) => { this.onMessage?.(clientId, false, topic, payload); },
		});
		for (const service of [this.shadows, this.jobs, this.commands]) {
			service.attach(this.broker.attach());
			service.onDue = () => { this.broker.due(); };
			this.broker.add(service);
		}
		for (const service of [this.files, this.reports]) service.attach(this.broker.attach());
		this.#listen(this.broker.attach());
	}

	/** Serves other devices than our broker's, too: services and online state go over `channel`. */
	attach(channel: CloudChannel): void {
		this.shadows.attach(channel);
		this.jobs.attach(channel);
		this.files.attach(channel);
		this.commands.attach(channel);
		this.reports.attach(channel);
		this.registry.watch(channel);
		this.#listen(channel);
	}

	#listen(channel: CloudChannel): void {
		channel.subscribe("moorline/+/status", (topic, payload) => { this.onStatus?.(topic.split("/")[1]!, payload); });
	}
}

/** A certificate speaks for the device it names and for no other. Where TLS asked for none, the client id is believed. */
export function authorize(registry: Registry, { clientId, identity }: Client): Refusal | undefined {
	if (!isDeviceId(clientId)) return "identifier";
	if (identity) {
		if (identity.name !== clientId) return "identifier";
		if ((registry.ownerOf(identity.fingerprint) ?? clientId) !== clientId) return "unauthorized";
	}
	return registry.hasRoomFor(clientId) ? undefined : "unavailable";
}

/** Who connects by this name (over TLS: with a certificate of this name) is a person with a tool, and may touch every topic. */
export const OPERATOR_ID = "moorline-operator";

/** A device touches `moorline/<its id>/#` and nothing else. A device id holds no wildcard, so a prefix decides. */
export function isPermitted(clientId: string, topic: string): boolean {
	return clientId === OPERATOR_ID || topic.startsWith(`moorline/${clientId}/`);
}
