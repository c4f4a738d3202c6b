// SPDX-License-Identifier: Apache-2.0
/** Every store of the CoAP server and what happens when it is full; its timing, derived as RFC 7252 §4.8 derives it. */

export interface CoAPLimits {
	/** Bytes of a request's body; a larger one is answered with 4.13. */
	bodyMaximum: number;
	/** Bytes of a block that the server sends or asks for: a power of two from 16 to 1,024. */
	blockLength: number;
	/** Bytes of a datagram that the server takes; larger ones are answered with 4.13 where they can be. */
	datagramMaximum: number;
	/** Bytes of a message over streams that the server takes (Max-Message-Size); a larger one ends the connection. */
	messageMaximum: number;
	/** Bodies of one peer that are being put together; one more takes the oldest's place. */
	assemblyMaximum: number;
	/** Milliseconds that the next block of a body is waited for. */
	assemblyTimeout: number;
	/** Peers of datagrams; one more takes the place of the one that was silent longest. */
	peerMaximum: number;
	/** Streams at a time; one more is closed at once. */
	streamMaximum: number;
	/** Message IDs of one peer that are remembered, with what was answered; one more takes the oldest's place. */
	recentMaximum: number;
	/** Messages to one peer that wait for their acknowledgement; a response beyond them is lost, a notification waits. */
	outgoingMaximum: number;
	/** Requests of one peer that the handler has not answered; further ones are answered with 5.03. */
	pendingMaximum: number;
	/** Observations of one peer; further ones are answered as plain requests. */
	observerMaximum: number;
	/** Every so many notifications of an observation one is confirmable: 1 for all, 0 for once a day. */
	confirmEvery: number;
	/** Milliseconds to the first retransmission at least (ACK_TIMEOUT). */
	acknowledgeTimeout: number;
	/** The most that the first wait is longer, as a factor (ACK_RANDOM_FACTOR). */
	acknowledgeRandomFactor: number;
	retransmitMaximum: number;
	/** Milliseconds that a datagram may be under way (MAX_LATENCY). */
	latencyMaximum: number;
}

export const DEFAULT_LIMITS: Readonly<CoAPLimits> = Object.freeze({
	bodyMaximum: 256 * 1024,
	blockLength: 1_024,
	datagramMaximum: 1_280,
	messageMaximum: 64 * 1024,
	assemblyMaximum: 4,
	assemblyTimeout: 247_000,
	peerMaximum: 10_000,
	streamMaximum: 10_000,
	recentMaximum: 64,
	outgoingMaximum: 16,
	pendingMaximum: 64,
	observerMaximum: 64,
	confirmEvery: 1,
	acknowledgeTimeout: 2_000,
	acknowledgeRandomFactor: 1.5,
	retransmitMaximum: 4,
	latencyMaximum: 100_000,
});

/** Milliseconds from a message's first transmission to its last at most. */
export function transmitSpan({ acknowledgeTimeout, acknowledgeRandomFactor, retransmitMaximum }: CoAPLimits): number {
	return acknowledgeTimeout * (2 ** retransmitMaximum - 1) * acknowledgeRandomFactor;
}

/** Milliseconds for which a message ID means the same message. */
export function exchangeLifetime(limits: CoAPLimits): number {
	return transmitSpan(limits) + 2 * limits.latencyMaximum + limits.acknowledgeTimeout;
}
