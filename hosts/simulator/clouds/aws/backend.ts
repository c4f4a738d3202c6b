// SPDX-License-Identifier: Apache-2.0
/**
 * The simulated AWS IoT Core without a network: the broker with AWS's rules, the services, and who is known.
 *
 * Pure, so that the same cloud is served on sockets (`cloud.ts`) and inside the world (`world.ts`).
 */
import { Broker } from "../../broker/broker.js";
import type { Client } from "../../broker/client.js";
import type { BrokerLimits } from "../../broker/limits.js";
import type { Message } from "../../broker/message.js";
import { REASON } from "../../broker/reasons.js";
import type { Refusal } from "../../broker/reasons.js";
import { Registry } from "../../services/registry.js";
import { ReportService } from "../../services/reports.js";
import { OtaUpdates } from "../../services/updates.js";
import type { AwsAuthorizer } from "./authorizer.js";
import { authorizeBy } from "./authorizer.js";
import { Lifetimes } from "./lifetimes.js";
import type { AwsLimits, AwsShadowLimits } from "./limits.js";
import { DEFAULT_AWS_LIMITS } from "./limits.js";
import type { AwsPermit, AwsPrincipal } from "./policy.js";
import { devicePolicy } from "./policy.js";
import { Presence } from "./presence.js";
import { brokerLimits, Profile } from "./profile.js";
import type { CertificateIssuer, ProvisioningOptions } from "./provisioning.js";
import type { AwsContext, AwsService } from "./service.js";
import type { AwsServicesOptions } from "./services.js";
import { AwsServices } from "./services.js";
import { AwsShadows } from "./shadow.js";

export interface AwsOptions extends Omit<AwsServicesOptions, "provisioning"> {
	/** Of the account. */
	limits?: Partial<AwsLimits> | undefined;
	/** Of the broker, where AWS's are not wanted. */
	brokerLimits?: Partial<BrokerLimits> | undefined;
	shadowLimits?: Partial<AwsShadowLimits> | undefined;
	/** What clients may do. Default: `devicePolicy`. */
	permit?: AwsPermit | undefined;
	/** Who comes without a certificate is judged by this; absent: refused, but believed where there is no TLS. */
	authorizer?: AwsAuthorizer | undefined;
	/** Whether a subscription that is not permitted ends the connection, too. Default: no. */
	deniedSubscribeEnds?: boolean | undefined;
	/** For fleet provisioning. */
	provisioning?: Partial<Pick<ProvisioningOptions, "templates" | "reusableTokens" | "tokenCountMaximum">> | undefined;
	/** More services, asked before the others. */
	services?: readonly ((context: AwsContext) => AwsService)[] | undefined;
}

export interface AwsBackendOptions extends AwsOptions {
	/** The wall clock in ms since 1970. */
	wall: () => number;
	/** The monotonic clock by which the broker is served, in ms. */
	now: () => number;
	/** Makes certificates for fleet provisioning. */
	issuer: CertificateIssuer;
	/** What nobody can guess. */
	newToken: () => string;
}

export class AwsBackend {
	/** Runs at each message of a client, sent by it or to it. */
	onMessage: ((clientId: string, sent: boolean, topic: string, payload: Uint8Array) => void) | undefined;
	readonly broker: Broker;
	/** Things, and the certificates that they are known by. */
	readonly registry: Registry;
	readonly shadows: AwsShadows;
	/** Everything else that devices use. */
	readonly services: AwsServices;
	/** What things tell of themselves below `moorline/{thing}/reports/`: for AWS that is any topic, and a rule may do what this does. */
	readonly reports: ReportService;
	/** New firmware, and the way back: jobs and streams together. */
	readonly updates: OtaUpdates;
	/** For services. */
	readonly context: AwsContext;
	readonly #asked: readonly AwsService[];
	readonly #authorizer: AwsAuthorizer | undefined;
	readonly #lifetimes: Lifetimes;
	#authorized = 0;
	/** Fingerprints of claim certificates. */
	readonly #claims = new Set<string>();

	constructor(options: AwsBackendOptions) {
		this.registry = new Registry(options);
		this.reports = new ReportService(options);
		this.#authorizer = options.authorizer;
		this.#lifetimes = new Lifetimes((clientId, now) => { this.broker.kick(clientId, now, REASON.notAuthorized); });
		const profile = new Profile({
			limits: { ...DEFAULT_AWS_LIMITS, ...options.limits }, permit: options.permit ?? devicePolicy,
			deniedSubscribeEnds: options.deniedSubscribeEnds ?? false, identify: client => this.#identify(client),
		});
		const presence = new Presence({ wall: options.wall, publish: (topic, payload) => { this.context.publish(topic, payload); } });
		this.broker = new Broker({
			limits: brokerLimits(options.brokerLimits), ...profile.hooks(),
			onConnected: (client, now) => {
				const principal = profile.principalOf(client);
				this.#setOnline(client, true);
				this.#lifetimes.set(client.clientId, now + (principal.lifetime ?? Infinity));
				presence.connected(client, principal);
			},
			onDisconnected: (client, reason, _now, reasonCode) => {
				this.#setOnline(client, false);
				this.#lifetimes.set(client.clientId, Infinity);
				presence.disconnected(client, profile.principalOf(client), reason, reasonCode);
			},
			onSubscriptions: (client, change, filters) => { presence.subscriptionsChanged(client, profile.principalOf(client), change, filters); },
			onPublish: (message, from, now) => { if (from) this.#receive(message, from, now); },
			onDelivered: ({ topic, payload }, { clientId }) => { this.onMessage?.(clientId, false, topic, payload); },
		});
		this.context = this.#contextFor(options);
		this.shadows = new AwsShadows(this.context, { limits: options.shadowLimits });
		this.services = new AwsServices(this.context, { ...options, provisioning: {
			templates: {}, issuer: options.issuer, newToken: options.newToken,
			onRegistered: (thingName, certificateId) => { this.registry.register(thingName, certificateId); }, ...options.provisioning,
		} });
		const { jobs, streams } = this.services;
		let version = 0;
		this.updates = new OtaUpdates({
			put: (device, name, release) => { streams.put(device, name, { version: ++version, description: "", files: { 0: release } }); },
			queue: (jobId, document, things) => { jobs.create({ jobId, document, things }); },
		});
		this.#asked = [...(options.services ?? []).map(create => create(this.context)), this.shadows, this.services];
		for (const task of [...this.#asked, this.#lifetimes]) this.broker.add(task);
	}

	/** Makes a certificate good for provisioning, and for nothing else. */
	registerClaim(fingerprint: string): void { this.#claims.add(fingerprint); }

	#contextFor({ wall, now }: AwsBackendOptions): AwsContext {
		return {
			wall,
			publish: (topic, payload, { contentType, messageExpiry } = {}) => {
				const expiresAt = messageExpiry === undefined ? undefined : now() + messageExpiry * 1000;
				this.broker.publish({ topic, payload, qos: 1, retain: false, properties: contentType === undefined ? undefined : { contentType }, expiresAt }, now());
				this.broker.due();
			},
			deliver: (clientId, topic, payload) => {
				const session = this.broker.session(clientId);
				if (session?.connected) session.deliver({ message: { topic, payload, qos: 1, retain: false }, qos: 1, retain: false, identifiers: [] });
				this.broker.due();
			},
			hasThing: name => this.registry.get(name) !== undefined,
		};
	}

	#identify(client: Client): AwsPrincipal | Refusal {
		const { clientId, identity, origin } = client;
		if (!identity && this.#authorizer) return authorizeBy(this.#authorizer, client, ++this.#authorized) ?? "unauthorized";
		if (!identity && origin.secure) return "unauthorized";
		if (!identity) return { kind: "unproved", id: clientId, thing: clientId, clientId };
		const { fingerprint } = identity;
		if (this.#claims.has(fingerprint)) return { kind: "claim", id: fingerprint, thing: undefined, clientId };
		const thing = this.registry.ownerOf(fingerprint);
		return thing === undefined ? "unauthorized" : { kind: "thing", id: fingerprint, thing, clientId };
	}

	/** Clients that are no things, such as applications, are not in the registry. */
	#setOnline({ clientId }: Client, online: boolean): void {
		if (this.registry.get(clientId)) this.registry.setOnline(clientId, online);
	}

	/** Who published it has had its answer, so that nothing is refused here. */
	#listen(topic: string, payload: Uint8Array, clientId: string): void {
		const [root, thing, service, kind, ...more] = topic.split("/");
		if (root !== "moorline" || thing !== clientId || service !== "reports" || kind === undefined || more.length > 0) return;
		this.reports.offer(clientId, kind, payload);
	}

	/** A client that publishes to a reserved topic which is nobody's is cut off. */
	#receive({ topic, payload }: Message, { clientId }: Client, now: number): void {
		this.registry.countMessage(clientId);
		this.onMessage?.(clientId, true, topic, payload);
		if (!topic.startsWith("$aws/")) return this.#listen(topic, payload, clientId);
		const message = { topic, levels: topic.split("/"), payload, clientId, now };
		if (!this.#asked.some(service => service.receive(message))) this.broker.kick(clientId, now, REASON.topicNameInvalid);
	}
}
