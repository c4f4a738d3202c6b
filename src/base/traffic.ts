// SPDX-License-Identifier: Apache-2.0
/**
 * What a protocol's client counts of itself, where somebody wants to know: plain numbers that are added to in place, as
 * this happens with each packet.
 */

/** Who has messages that wait to be sent or acknowledged. */
export interface Queueing {
	readonly queued: number;
}

export class Traffic {
	/** Connections that the server accepted, and those and attempts that came to an end. */
	connections = 0;
	losses = 0;
	/** Under TLS. */
	bytesIn = 0;
	bytesOut = 0;
	messagesIn = 0;
	messagesOut = 0;
	/** ms from the last ping to its answer; -1 before the first. */
	roundTrip = -1;
	queue: Queueing | undefined;

	/** Counts from zero again. */
	clear(): void {
		this.connections = this.losses = this.bytesIn = this.bytesOut = this.messagesIn = this.messagesOut = 0;
	}
}
