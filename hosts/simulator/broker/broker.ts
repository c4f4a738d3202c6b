// SPDX-License-Identifier: Apache-2.0
/**
 * An MQTT broker without a network: sessions, subscriptions, retained messages, and who may do what.
 *
 * Pure: no socket, clock or timer. Whoever serves it opens a connection per socket, hands in bytes with `now`, and calls
 * `expire` at `deadline`. So it runs on real sockets, inside the seeded world and on the XS engine alike.
 * Spec: MQTT 3.1.1 and MQTT 5, whole. Refused with the proper code: MQTT 3.1.
 */
import { DeviceError } from "../../../src/base/error.js";
import type { CloudChannel } from "../channel.js";
import type { Task } from "./agenda.js";
import { Agenda } from "./agenda.js";
import type { Client, Identity, Origin, Will } from "./client.js";
import { willMessage } from "./client.js";
import { Connection } from "./connection.js";
import type { RestartOptions } from "./faults.js";
import { Faults } from "./faults.js";
import type { BrokerLimits } from "./limits.js";
import { DEFAULT_LIMITS } from "./limits.js";
import type { Message, Statistics, Subscriber, Subscription } from "./message.js";
import type { BrokerOptions } from "./options.js";
import type { Admission, ConnectionOwner, EndReason, Peer } from "./owner.js";
import type { Refusal, RefusalDetail } from "./reasons.js";
import { REASON, violation } from "./reasons.js";
import type { Request } from "./requests.js";
import { Retained } from "./retained.js";
import type { LastTime } from "./session.js";
import { Session } from "./session.js";
import { replayed, Subscriptions } from "./subscriptions.js";
import { isFilter, isTopic } from "./topics.js";

export type { Task } from "./agenda.js";

/** Publications that may wait while another is delivered; more means that services answer each other for ever. */
const ROUTING_MAXIMUM = 10_000;
const ASSIGNED_PREFIX = "anonymous-";

interface Publication { message: Message; from: Client | undefined; receivers: number | undefined }

export class Broker {
	readonly limits: Readonly<BrokerLimits>;
	readonly statistics: Statistics = { published: 0, delivered: 0, dropped: 0, expired: 0, denied: 0 };
	/** What it shall do to its clients. */
	readonly faults: Faults;
	readonly #options: BrokerOptions;
	readonly #connections = new Set<Connection>();
	readonly #online = new Map<string, Connection>();
	readonly #sessions = new Map<string, Session>();
	/** Sessions without a connection that will end, or whose will is to be published. */
	readonly #away = new Set<Session>();
	readonly #subscriptions: Subscriptions;
	readonly #retained: Retained;
	readonly #routing: Publication[] = [];
	readonly #agenda = new Agenda();
	/** Where nobody hands in the time (a service publishes), the last one that was heard of counts. */
	readonly #time: LastTime = { now: 0 };
	readonly #owner: ConnectionOwner;
	#isRouting = false;
	#assigned = 0;

	constructor(options: BrokerOptions = {}) {
		this.#options = options;
		this.limits = { ...DEFAULT_LIMITS, ...options.limits };
		this.#subscriptions = new Subscriptions(this.limits);
		this.#retained = new Retained(this.limits);
		this.#agenda.add(this.#subscriptions.late);
		this.faults = new Faults(() => { this.#agenda.due(0); });
		this.#owner = {
			limits: this.limits, faults: this.faults, time: this.#time,
			authenticator: (client, method) => this.#options.authenticate?.(client, method),
			admit: (connection, client, will, now) => this.#admit(connection, client, will, now),
			refusal: (client, request) => this.#refusal(client, request),
			publish: (message, from) => this.#publish(message, from),
			subscribe: (session, filter, shared, subscription) => {
				this.#subscriptions.set(session, filter, shared, subscription, this.#time.now, this.faults.subscriptionDelayOf(session.clientId));
				this.#agenda.changed();
			},
			replay: (session, filter, subscription) => { this.#replay(session, filter, subscription); },
			unsubscribe: (session, filter) => this.#subscriptions.remove(session, filter),
			changed: (client, change, filters) => { if (filters.length > 0) this.#options.onSubscriptions?.(client, change, filters); },
			ended: (connection, reason, now, reasonCode) => { this.#ended(connection, reason, now, reasonCode); },
			delivered: (message, client) => { this.#options.onDelivered?.(message, client); },
			due: at => { this.#agenda.due(at); },
		};
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
	open(peer: Peer, { identity, origin = {}, now }: { identity?: Identity | undefined; origin?: Origin | undefined; now: number }): Connection {
		this.#time.now = now;
		const connection = new Connection(this.#owner, peer, { identity, origin }, now);
		if (this.#connections.size >= this.limits.connectionMaximum) {
			connection.close("refused", now);
			return connection;
		}
		this.#connections.add(connection);
		this.#agenda.due(connection.deadline);
		return connection;
	}

	/**
	 * When `expire` should be called, or `Infinity`; 0 is at once. May be earlier than the first thing due, never later: a
	 * client's packets only move its own deadline on, and looking at all connections at each packet would cost too much.
	 */
	get deadline(): number { return this.#agenda.deadline; }

	/** Tells when the deadline has become earlier. @returns call it to be told no more */
	watch(onEarlier: () => void): () => void { return this.#agenda.watch(onEarlier); }

	/** Looks after a task from now on. Where its deadline becomes earlier by itself, `due` must be called. */
	add(task: Task): void { this.#agenda.add(task); }

	/** A task's deadline has become earlier. */
	due(): void { this.#agenda.changed(); }

	expire(now: number): void {
		this.#time.now = now;
		if (!this.#agenda.expire(now)) return;
		this.#doFaults(now);
		for (const connection of [...this.#connections]) connection.expire(now);
		for (const session of [...this.#away]) this.#expireAway(session, now);
		let earliest = Infinity;
		for (const { deadline } of this.#connections) earliest = Math.min(earliest, deadline);
		for (const { endsAt, will } of this.#away) earliest = Math.min(earliest, endsAt, will?.at ?? Infinity);
		this.#agenda.due(earliest);
	}

	/**
	 * Ends one client's connection.
	 * @param reasonCode what an MQTT 5 client is told; absent: it ends as a broken network would end it
	 * @returns false when it is not connected
	 */
	kick(clientId: string, now: number, reasonCode?: number): boolean {
		const connection = this.#online.get(clientId);
		if (reasonCode === undefined) connection?.close("lost", now);
		else connection?.close("kicked", now, { reasonCode });
		return connection !== undefined;
	}

	/**
	 * Ends all connections as a broker does that stops: no will is published, not even one that waits.
	 * Services in this process stay attached.
	 */
	restart(now: number, { forget = false, notice = false }: RestartOptions = {}): void {
		this.#time.now = now;
		for (const connection of [...this.#connections]) {
			connection.close("restart", now, notice ? { reasonCode: REASON.serverShuttingDown } : undefined);
		}
		for (const session of this.#sessions.values()) session.will = undefined;
		if (!forget) return;
		for (const session of [...this.#sessions.values()]) this.#forget(session);
		this.#retained.clear();
	}

	/**
	 * A service's publication; no access rule applies to it.
	 * @throws DeviceError `argument` when its topic is none
	 */
	publish(message: Message, now = this.#time.now): void {
		if (!isTopic(message.topic)) throw new DeviceError("argument", `cannot publish to "${message.topic}": not a topic`);
		this.#time.now = now;
		this.#publish(message, undefined);
	}

	/** A service's way in, where it may be another broker's, too. Its subscriptions last as long as the broker. */
	attach(): CloudChannel {
		return {
			publish: (topic, payload, options = {}) => {
				this.publish({ topic, payload, qos: options.qos ?? 1, retain: options.retain ?? false });
			},
			subscribe: (filter, onMessage) => {
				if (!isFilter(filter)) throw new DeviceError("argument", `cannot subscribe to "${filter}": not a filter`);
				const service: Subscriber = {
					clientId: undefined,
					deliver({ message, retain }) { onMessage(message.topic, message.payload, retain); },
				};
				this.#subscriptions.addService(filter, service);
				this.#replay(service, filter);
			},
		};
	}

	#admit(connection: Connection, client: Client, will: Will | undefined, now: number): Admission | Refusal | RefusalDetail {
		if (client.clientId === "") client.clientId = `${ASSIGNED_PREFIX}${++this.#assigned}`;
		const refusal = this.#options.authorize?.(client, now);
		if (refusal) return refusal;
		const willRefusal = will && this.#refusal(client, {
			action: "publish", topic: will.topic, qos: will.qos, retain: will.retain, size: will.payload.byteLength, share: undefined, isWill: true,
		});
		if (willRefusal !== undefined) return { reasonCode: willRefusal };
		if (!this.#sessions.has(client.clientId) && this.#sessions.size >= this.limits.sessionMaximum) return "unavailable";
		// [MQTT-3.1.4-2] of 3.1.1. Its will goes out before the newcomer is told that it is connected.
		this.#online.get(client.clientId)?.close("taken-over", now);
		const session = this.#resume(client, now);
		const sessionPresent = session !== undefined;
		const admitted = session ?? new Session(client, this.limits, this.statistics, this.#time);
		admitted.expiry = client.sessionExpiry;
		this.#sessions.set(client.clientId, admitted);
		this.#online.set(client.clientId, connection);
		if (client.keepAlive > 0) this.#agenda.due(now + client.keepAlive);
		this.#options.onConnected?.(client, now);
		const responseInformation = client.requestResponseInformation ? this.#options.responseInformation?.(client) : undefined;
		return { session: admitted, sessionPresent, responseInformation };
	}

	/** The session that goes on, if the client wants it and it has not ended. */
	#resume({ clientId, cleanStart, version }: Client, now: number): Session | undefined {
		const session = this.#sessions.get(clientId);
		if (!session) return undefined;
		const isForeign = session.version !== version && !this.limits.sessionsCrossVersions;
		if (cleanStart || isForeign || session.endsAt <= now) {
			this.#end(session, now);
			return undefined;
		}
		// [MQTT-3.1.3-9]: who is back in time leaves no will.
		session.will = undefined;
		session.endsAt = Infinity;
		this.#away.delete(session);
		return session;
	}

	#ended(connection: Connection, reason: EndReason, now: number, reasonCode: number | undefined): void {
		this.#time.now = now;
		this.#connections.delete(connection);
		const { client, session, will } = connection;
		if (!client || !session) return;
		this.#online.delete(client.clientId);
		session.detach();
		session.endsAt = now + session.expiry;
		if (will) session.will = { at: now + will.delay, publish: at => { this.#publish(willMessage(will, at), client); } };
		if (session.expiry === 0) this.#end(session, now);
		else this.#leaveAway(session, now);
		this.#options.onDisconnected?.(client, reason, now, reasonCode);
	}

	#leaveAway(session: Session, now: number): void {
		this.#away.add(session);
		this.#expireAway(session, now);
		if (this.#away.has(session)) this.#agenda.due(Math.min(session.endsAt, session.will?.at ?? Infinity));
	}

	#expireAway(session: Session, now: number): void {
		if (session.endsAt <= now) return this.#end(session, now);
		if (session.will && session.will.at <= now) this.#publishWill(session, now);
		if (!session.will && session.endsAt === Infinity) this.#away.delete(session);
	}

	/** A session ends: a will that waits is published, what a share gave it goes to another member. */
	#end(session: Session, now: number): void {
		this.#forget(session);
		for (const { message, share } of session.takeShared()) share!.offer(message);
		this.#publishWill(session, now);
	}

	#forget(session: Session): void {
		this.#subscriptions.forget(session);
		this.#sessions.delete(session.clientId);
		this.#away.delete(session);
	}

	#publishWill(session: Session, now: number): void {
		const { will } = session;
		session.will = undefined;
		will?.publish(now);
	}

	#refusal(client: Client, request: Request): number | undefined {
		const permitted = this.#options.permit?.(client, request.action, request.topic, request, this.#time.now) ?? true;
		if (permitted === true) return undefined;
		this.statistics.denied++;
		if (typeof permitted === "object") throw violation(`${request.action} is not allowed`, permitted.endsWith);
		return permitted === false ? REASON.notAuthorized : permitted;
	}

	#replay(subscriber: Subscriber, filter: string, subscription?: Subscription): void {
		for (const message of this.#retained.matching(filter, this.#time.now)) subscriber.deliver(replayed(message, subscription));
	}

	/**
	 * Services publish while a publication is delivered to them; theirs wait, so that everybody sees one order.
	 * @returns how many receivers there were; a publication that waits is taken to have some
	 */
	#publish(message: Message, from: Client | undefined): number {
		if (this.#routing.length >= ROUTING_MAXIMUM) {
			throw new DeviceError("internal", `cannot publish: ${ROUTING_MAXIMUM} publications wait already, services seem to answer each other`);
		}
		const publication: Publication = { message, from, receivers: undefined };
		this.#routing.push(publication);
		if (!this.#isRouting) this.#routeAll();
		return publication.receivers ?? 1;
	}

	#routeAll(): void {
		this.#isRouting = true;
		try {
			for (let next = this.#routing.shift(); next; next = this.#routing.shift()) this.#route(next);
		} finally {
			this.#isRouting = false;
		}
	}

	#route(publication: Publication): void {
		const { message, from } = publication;
		this.statistics.published++;
		this.#options.onPublish?.(message, from, this.#time.now);
		if (message.retain && !this.#retained.keep(message, this.#time.now)) this.statistics.dropped++;
		publication.receivers = this.#subscriptions.route(message, from?.clientId);
	}

	#doFaults(now: number): void {
		for (const action of this.faults.takeActions()) {
			switch (action.kind) {
				case "kick": this.kick(action.clientId, now, action.reasonCode); break;
				case "restart": this.restart(now, action.options); break;
				case "wake": for (const connection of [...this.#connections]) connection.wake(now);
			}
		}
	}
}
