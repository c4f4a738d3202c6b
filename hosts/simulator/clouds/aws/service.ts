// SPDX-License-Identifier: Apache-2.0
/**
 * What the services of the simulated AWS IoT share: how a message reaches one, and how it answers.
 *
 * Pure: the cloud around them knows brokers, sockets and clocks.
 */

/** A message that a device published to a topic below `$aws/`. */
export interface AwsMessage {
	readonly topic: string;
	/** The topic's levels. */
	readonly levels: readonly string[];
	readonly payload: Uint8Array;
	/** Who published it. */
	readonly clientId: string;
	/** Monotonic ms. */
	readonly now: number;
}

/** What MQTT 5 says beside a message; clients of 3.1.1 do without. */
export interface AwsProperties {
	contentType?: string | undefined;
	/** Seconds. */
	messageExpiry?: number | undefined;
}

/** What the cloud does for its services. */
export interface AwsContext {
	/** Wall clock, ms since 1970. */
	wall(): number;
	/** An ordinary publication at QoS 1, for whoever subscribed; not for the broker's other services. */
	publish(topic: string, payload: Uint8Array, properties?: AwsProperties): void;
	/** Straight to one client's connection, subscribed or not, and to nobody else; dropped when it is not connected. */
	deliver(clientId: string, topic: string, payload: Uint8Array): void;
	/** True when the thing was registered. */
	hasThing(name: string): boolean;
}

/** One service: takes the messages that are its own. */
export interface AwsService {
	/** @returns false when the topic is not this service's: another is asked, and where none is, the client is cut off */
	receive(message: AwsMessage): boolean;
	/** Monotonic ms at which `expire` has something to do, or `Infinity`. */
	readonly deadline: number;
	/** Does what is due: timeouts, mostly. */
	expire(now: number): void;
}
