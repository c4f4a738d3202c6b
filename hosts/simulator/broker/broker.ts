// SPDX-License-Identifier: Apache-2.0
/**
 * An MQTT broker without a network: sessions, subscriptions, retained messages, and who may do what.
 *
 * Pure: no socket, clock or timer. Whoever serves it opens a connection per socket, hands in bytes with `now`, and calls
 * `expire` at `deadline`. So it runs on real sockets, inside the seeded world and on the XS engine alike.
 * Spec: MQTT 3.1.1 (QoS 0, 1, 2). Refused with the proper code: MQTT 5, MQTT 3.1.
 */
import { DeviceError } from "../../../src/base/error.js";
import type { CloudChannel } from "../channel.js";
import type { QoS } from "./codec.js";
import type { Client, ConnectionOwner, EndReason, Identity, Peer, Refusal } from "./connection.js";
import { Connection } from "./connection.js";
import type { BrokerLimits, Message, Statistics, Subscriber } from "./message.js";
import { DEFAULT_LIMITS } from "./message.js";
import { Retained } from "./retained.js";
import { Session } from "./session.js";
import { isFilter, isTopic, TopicTree } from "./topics.js";

export interface BrokerOptions {
	limits?: Partial<BrokerLimits> | undefined;
	/** Decides about a CONNECT: a reason to refuse it, or `undefined`. Absent: everybody may connect. */
	authorize?: ((client: Client) => Refusal | undefined) | undefined;
	/** Decides about a topic (publish, will) or a filter (subscribe). Absent: everything is permitted. */
	permit?: ((client: Client, action: "publish" | "subscribe", topic: string) => boolean) | undefined;
	onConnected?: ((client: Client, now: number) => void) | undefined;
	/** Called once for each `onConnected`. */
	onDisconnected?: ((client: Client, reason: EndReason, now: number) => void) | undefined;
	/** Every publication that is accepted, before it is delivered. `from` is absent when a service published. */
	onPublish?: ((message: Message, from: Client | undefined) => void) | undefined;
}

/** Publications that may wait while another is delivered; more means that services answer each other for ever. */
const ROUTING_MAXIMUM = 10_000;
const ASSIGNED_PREFIX = "anonymous-";

export class Broker {
	readonly limits: Readonly<BrokerLimits>;
	readonly statistics: Statistics = { published: 0, delivered: 0, dropped: 0, denied: 0 };
	readonly #options: BrokerOptions;
	readonly #connections = new Set<Connection>();
	readonly #online = new Map<string, Connection>();
	readonly #sessions = new Map<string, Session>();
	readonly #subscriptions = new TopicTree<Subscriber, QoS>();
	readonly #retained: Retained;
	readonly #routing: { message: Message; from: Client | undefined }[] = [];
	readonly #owner: ConnectionOwner = {
		admit: (connection, client, will, now) => this.#admit(connection, client, will, now),
		permits: (client, action, topic) => this.#permits(client, action, topic),
		publish: (message, from) => { this.#publish(message, from); },
		subscribe: (session, filter, qos) => this.#subscribe(session, filter, qos),
		replay: (session, filter, qos) => { this.#replay(session, filter, qos); },
		unsubscribe: (session, filter) => { this.#unsubscribe(session, filter); },
		ended: (connection, reason, now) => { this.#ended(connection, reason, now); },
	};
	#isRouting = false;
	#assigned = 0;
	#deadline = Infinity;

	constructor(options: BrokerOptions = {}) {
		this.#options = options;
		this.limits = { ...DEFAULT_LIMITS, ...options.limits };
		this.#retained = new Retained(this.limits.retainedMaximum);
	}

	get connectionCount(): number { return this.#connections.size; }
	get sessionCount(): number { return this.#sessions.size; }
	get retainedCount(): number { return this.#retained.size; }

	/** The session of a client, connected or persistent. */
	session(clientId: string): Session | undefined { return this.#sessions.get(clientId); }

	/**
	 * Begins a connection.
	 * @param context.identity what TLS proved about the client
	 */
	open(peer: Peer, context: { identity?: Identity | undefined; now: number }): Connection {
		const connection = new Connection(this.#owner, peer, context.identity, this.limits, context.now);
		if (this.#connections.size >= this.limits.connectionMaximum) {
			connection.close("refused", context.now);
			return connection;
		}
		this.#connections.add(connection);
		this.#deadline = Math.min(this.#deadline, connection.deadline);
		return connection;
	}

	/**
	 * When `expire` should be called, or `Infinity`. May be earlier than the first thing due, never later: a client's
	 * packets only move its own deadline on, and looking at all connections at each packet would cost too much.
	 */
	get deadline(): number { return this.#deadline; }

	expire(now: number): void {
		if (now < this.#deadline) return;
		for (const connection of [...this.#connections]) connection.expire(now);
		this.#deadline = Infinity;
		for (const connection of this.#connections) this.#deadline = Math.min(this.#deadline, connection.deadline);
	}

	/** Ends one client's connection as a broken network would. @returns false when it is not connected */
	kick(clientId: string, now: number): boolean {
		const connection = this.#online.get(clientId);
		connection?.close("lost", now);
		return connection !== undefined;
	}

	/**
	 * Ends all connections as a broker does that is killed: no will is published.
	 * @param options.forget the broker kept nothing on disk: persistent sessions and retained messages are gone, too.
	 * Services in this process stay attached either way.
	 */
	restart(now: number, options: { forget?: boolean } = {}): void {
		for (const connection of [...this.#connections]) connection.close("restart", now);
		if (!options.forget) return;
		for (const session of [...this.#sessions.values()]) this.#discard(session);
		this.#retained.clear();
	}

	/** A service's way in; no access rule applies to it. Its subscriptions last as long as the broker. */
	attach(): CloudChannel {
		return {
			publish: (topic, payload, options = {}) => {
				if (!isTopic(topic)) throw new DeviceError("argument", `cannot publish to "${topic}": not a topic`);
				this.#publish({ topic, payload, qos: options.qos ?? 1, retain: options.retain ?? false }, undefined);
			},
			subscribe: (filter, onMessage) => {
				if (!isFilter(filter)) throw new DeviceError("argument", `cannot subscribe to "${filter}": not a filter`);
				const subscriber: Subscriber = { deliver(message, _qos, retain) { onMessage(message.topic, message.payload, retain); } };
				this.#subscriptions.add(filter, subscriber, 1);
				this.#replay(subscriber, filter, 1);
			},
		};
	}

	#admit(connection: Connection, client: Client, will: Message | undefined, now: number): { session: Session; sessionPresent: boolean } | Refusal {
		if (client.clientId === "") client.clientId = `${ASSIGNED_PREFIX}${++this.#assigned}`;
		const refusal = this.#options.authorize?.(client);
		if (refusal) return refusal;
		if (will && !this.#permits(client, "publish", will.topic)) return "unauthorized";
		const earlier = this.#sessions.get(client.clientId);
		if (!earlier && this.#sessions.size >= this.limits.sessionMaximum) return "unavailable";
		// [MQTT-3.1.4-2]. Its will goes out before the newcomer is told that it is connected.
		this.#online.get(client.clientId)?.close("taken-over", now);
		const kept = client.cleanStart ? undefined : this.#sessions.get(client.clientId);
		if (!kept && earlier) this.#discard(earlier);
		const session = kept ?? new Session(client.clientId, client.cleanStart, this.limits, this.statistics);
		this.#sessions.set(client.clientId, session);
		this.#online.set(client.clientId, connection);
		if (client.keepAlive > 0) this.#deadline = Math.min(this.#deadline, now + client.keepAlive);
		this.#options.onConnected?.(client, now);
		return { session, sessionPresent: kept !== undefined };
	}

	#ended(connection: Connection, reason: EndReason, now: number): void {
		this.#connections.delete(connection);
		const { client, session, will } = connection;
		if (!client || !session) return;
		this.#online.delete(client.clientId);
		session.detach();
		if (session.clean) this.#discard(session);
		if (will) this.#publish(will, client);
		this.#options.onDisconnected?.(client, reason, now);
	}

	#discard(session: Session): void {
		for (const filter of session.subscriptions.keys()) this.#subscriptions.remove(filter, session);
		this.#sessions.delete(session.clientId);
	}

	#permits(client: Client, action: "publish" | "subscribe", topic: string): boolean {
		if (this.#options.permit?.(client, action, topic) ?? true) return true;
		this.statistics.denied++;
		return false;
	}

	#subscribe(session: Session, filter: string, qos: QoS): QoS | undefined {
		if (!session.subscriptions.has(filter) && session.subscriptions.size >= this.limits.subscriptionMaximum) return undefined;
		session.subscriptions.set(filter, qos);
		this.#subscriptions.add(filter, session, qos);
		return qos;
	}

	#unsubscribe(session: Session, filter: string): void {
		session.subscriptions.delete(filter);
		this.#subscriptions.remove(filter, session);
	}

	#replay(subscriber: Subscriber, filter: string, qos: QoS): void {
		for (const message of this.#retained.matching(filter)) subscriber.deliver(message, lower(message.qos, qos), true);
	}

	/** Services publish while a publication is delivered to them; theirs wait, so that everybody sees one order. */
	#publish(message: Message, from: Client | undefined): void {
		if (this.#routing.length >= ROUTING_MAXIMUM) {
			throw new DeviceError("internal", `cannot publish: ${ROUTING_MAXIMUM} publications wait already, services seem to answer each other`);
		}
		this.#routing.push({ message, from });
		if (this.#isRouting) return;
		this.#isRouting = true;
		try {
			for (let next = this.#routing.shift(); next; next = this.#routing.shift()) this.#route(next.message, next.from);
		} finally {
			this.#isRouting = false;
		}
	}

	#route(message: Message, from: Client | undefined): void {
		this.statistics.published++;
		this.#options.onPublish?.(message, from);
		if (message.retain && !this.#retained.keep(message)) this.statistics.dropped++;
		// [MQTT-3.3.5-1]: overlapping subscriptions deliver once, with the highest QoS among them.
		const receivers = new Map<Subscriber, QoS>();
		this.#subscriptions.match(message.topic, (subscriber, qos) => {
			const known = receivers.get(subscriber);
			if (known === undefined || known < qos) receivers.set(subscriber, qos);
		});
		for (const [subscriber, qos] of receivers) subscriber.deliver(message, lower(message.qos, qos), false);
	}
}

function lower(left: QoS, right: QoS): QoS {
	return left < right ? left : right;
}
