// SPDX-License-Identifier: Apache-2.0
/** What a factory puts into a device for Golioth: a key that it shares with the cloud, in place of a certificate. */

export interface GoliothIdentity {
	readonly id: string;
	/** `coaps://name:port` or `coap://name:port`. */
	readonly endpoint: string;
	/** `<device>@<project>`. */
	readonly pskIdentity: string;
	readonly psk: Uint8Array;
}

/** Values of the storage domain `identity`; the id comes last, so that a device with an id has all of it. */
export function goliothIdentityValues({ id, endpoint, pskIdentity, psk }: GoliothIdentity): Record<string, Uint8Array> {
	const encoder = new TextEncoder();
	return { endpoint: encoder.encode(endpoint), "psk-identity": encoder.encode(pskIdentity), psk, id: encoder.encode(id) };
}
