// SPDX-License-Identifier: Apache-2.0
/**
 * Lifecycle events: who connected, who went and why, who subscribed to what.
 *
 * Pure. Ordinary publications below `$aws/events/`, which no device sees by default; a client's connections are numbered.
 */
import type { Client } from "../../broker/client.js";
import type { EndReason } from "../../broker/owner.js";
import { REASON } from "../../broker/reasons.js";
import { encodeJson } from "../../services/json.js";
import type { AwsPrincipal } from "./policy.js";

/** Client ids whose connections are counted; the one that was quiet for longest is forgotten. */
const CLIENTS_MAXIMUM = 100_000;

/** What the broker itself ends a connection for. */
const KICKS: Readonly<Partial<Record<number, string>>> = Object.freeze({
	[REASON.administrativeAction]: "API_INITIATED_DISCONNECT", [REASON.notAuthorized]: "CUSTOMAUTH_TTL_EXPIRATION", [REASON.topicNameInvalid]: "CLIENT_ERROR",
});

export interface PresenceContext {
	wall(): number;
	publish(topic: string, payload: Uint8Array): void;
}

export class Presence {
	readonly #context: PresenceContext;
	/** How often each client connected. */
	readonly #versions = new Map<string, number>();
	#sessions = 0;
	readonly #sessionIds = new WeakMap<Client, string>();

	constructor(context: PresenceContext) {
		this.#context = context;
	}

	connected(client: Client, principal: AwsPrincipal): void {
		const { clientId, origin } = client;
		const versionNumber = (this.#versions.get(clientId) ?? -1) + 1;
		this.#versions.delete(clientId);
		this.#versions.set(clientId, versionNumber);
		if (this.#versions.size > CLIENTS_MAXIMUM) this.#versions.delete(this.#versions.keys().next().value!);
		this.#sessionIds.set(client, `session-${++this.#sessions}`);
		this.#publish("presence/connected", client, principal, { eventType: "connected", versionNumber, ipAddress: origin.address });
	}

	disconnected(client: Client, principal: AwsPrincipal, reason: EndReason, reasonCode: number | undefined): void {
		this.#publish("presence/disconnected", client, principal, {
			eventType: "disconnected", versionNumber: this.#versions.get(client.clientId) ?? 0,
			clientInitiatedDisconnect: reason === "disconnect", disconnectReason: disconnectReason(reason, reasonCode),
		});
	}

	subscriptionsChanged(client: Client, principal: AwsPrincipal, change: "subscribed" | "unsubscribed", topics: readonly string[]): void {
		this.#publish(`subscriptions/${change}`, client, principal, { eventType: change, topics });
	}

	#publish(kind: string, client: Client, principal: AwsPrincipal, members: object): void {
		const { clientId } = client;
		this.#context.publish(`$aws/events/${kind}/${clientId}`, encodeJson({
			clientId, timestamp: this.#context.wall(), sessionIdentifier: this.#sessionIds.get(client), principalIdentifier: principal.id, ...members,
		}));
	}
}

function disconnectReason(reason: EndReason, reasonCode: number | undefined): string {
	switch (reason) {
		case "disconnect": return "CLIENT_INITIATED_DISCONNECT";
		case "lost": return "CONNECTION_LOST";
		case "keep-alive": return "MQTT_KEEP_ALIVE_TIMEOUT";
		case "taken-over": return "DUPLICATE_CLIENTID";
		case "refused": return "AUTH_ERROR";
		case "restart": return "SERVER_INITIATED_DISCONNECT";
		case "kicked": return KICKS[reasonCode ?? 0] ?? "SERVER_INITIATED_DISCONNECT";
		case "malformed": case "violation": case "too-large":
			return reasonCode === REASON.notAuthorized ? "FORBIDDEN_ACCESS" : reasonCode === REASON.quotaExceeded ? "THROTTLED" : "CLIENT_ERROR";
	}
}
