// SPDX-License-Identifier: Apache-2.0
/**
 * What a factory puts into a device, and how it is stored: in the domain `identity` of the device's own storage.
 */
import type { StorageDomain } from "../../src/host.js";

export interface DeviceIdentity {
	/** Device id, MQTT client id and common name of the certificate. */
	id: string;
	/** X.509, DER. */
	certificate: Uint8Array;
	/** PKCS#8, DER. */
	key: Uint8Array;
	/** The authority that the device trusts, X.509, DER. */
	anchor: Uint8Array;
	/** `mqtts://name:port` or `mqtt://name:port`; of CoAP `coap`, `coap+tcp` and so on. */
	endpoint: string;
	/** What it shares with the cloud for OSCORE, encoded. */
	oscore?: Uint8Array | undefined;
}

/** Path of the storage domain. */
export const IDENTITY_DOMAIN = "identity";

/** The keys with their values; the id comes last, so that a device with an id has all of it. */
export function identityValues(identity: DeviceIdentity): Record<string, Uint8Array> {
	const encoder = new TextEncoder();
	return {
		endpoint: encoder.encode(identity.endpoint), anchor: identity.anchor, certificate: identity.certificate, key: identity.key,
		...(identity.oscore === undefined ? {} : { oscore: identity.oscore }), id: encoder.encode(identity.id),
	};
}

export function writeIdentity(domain: StorageDomain, identity: DeviceIdentity): void {
	for (const [key, value] of Object.entries(identityValues(identity))) domain.write(key, value);
}
