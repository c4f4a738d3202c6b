// SPDX-License-Identifier: Apache-2.0
/**
 * How the cloud's services reach a broker: our own in this process, or a foreign one over a bridge.
 */
export interface CloudChannel {
	/** QoS 1 and not retained unless said otherwise. */
	publish(topic: string, payload: Uint8Array, options?: { qos?: 0 | 1 | 2; retain?: boolean }): void;
	/** Retained messages come too, with `retain` true; from our own broker already within this call. */
	subscribe(filter: string, onMessage: (topic: string, payload: Uint8Array, retain: boolean) => void): void;
	/** Tells when the broker was away and is back: what it retained may be gone. Absent: it stays. */
	watch?(onBack: () => void): void;
}
