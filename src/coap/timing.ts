// SPDX-License-Identifier: Apache-2.0
/**
 * The times of the message layer: a few numbers that may be chosen, and what follows from them.
 *
 * Both ends must agree on them, because each keeps what it has seen for as long as the other may send it again.
 * Spec: RFC 7252 §4.8. Durations are ms.
 */

export interface Timing {
	/** Until what is not acknowledged is first sent again: at least, and at most that many times as long. */
	readonly ackTimeout: number;
	readonly ackRandomFactor: number;
	/** Times that it is sent again, each after twice as long as the last. */
	readonly maxRetransmit: number;
	/** Interactions under way with one peer. */
	readonly nstart: number;
	/** Within which answers to a multicast are spread. */
	readonly defaultLeisure: number;
	/** Bytes per second to a peer that does not answer. */
	readonly probingRate: number;
	/** From the sending of a datagram to its arrival, at most. Not to be chosen: RFC 7252 §4.8.2. */
	readonly maxLatency: number;
}

/** Spec: RFC 7252 §4.8, table 2. */
export const DEFAULT_TIMING: Timing = Object.freeze({
	ackTimeout: 2_000, ackRandomFactor: 1.5, maxRetransmit: 4, nstart: 1, defaultLeisure: 5_000, probingRate: 1,
	maxLatency: 100_000,
});

/** From the first transmission of a confirmable message to the last. */
export function maxTransmitSpan({ ackTimeout, ackRandomFactor, maxRetransmit }: Timing): number {
	return ackTimeout * (2 ** maxRetransmit - 1) * ackRandomFactor;
}

/** From the first transmission of a confirmable message to when it is given up. */
export function maxTransmitWait({ ackTimeout, ackRandomFactor, maxRetransmit }: Timing): number {
	return ackTimeout * (2 ** (maxRetransmit + 1) - 1) * ackRandomFactor;
}

/** From the arrival of a confirmable message to its acknowledgement, at most. */
export function processingDelay({ ackTimeout }: Timing): number {
	return ackTimeout;
}

/** From sending a message to the arrival of its acknowledgement, at most. */
export function maxRTT(timing: Timing): number {
	return 2 * timing.maxLatency + processingDelay(timing);
}

/** From the first transmission of a confirmable message to when its ID may be used again. */
export function exchangeLifetime(timing: Timing): number {
	return maxTransmitSpan(timing) + maxRTT(timing);
}

/** The same of one that is not confirmable. */
export function nonLifetime(timing: Timing): number {
	return maxTransmitSpan(timing) + timing.maxLatency;
}
