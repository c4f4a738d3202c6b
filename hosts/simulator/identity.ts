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
	/** `mqtts://name:port` or `mqtt://name:port`. */
	endpoint: string;
}

/** Path of the storage domain. */
export const IDENTITY_DOMAIN = "identity";

/** Writes the five keys; the id comes last, so that a device with an id has all of it. */
export function writeIdentity(domain: StorageDomain, identity: DeviceIdentity): void {
	const encoder = new TextEncoder();
	domain.write("endpoint", encoder.encode(identity.endpoint));
	domain.write("anchor", identity.anchor);
	domain.write("certificate", identity.certificate);
	domain.write("key", identity.key);
	domain.write("id", encoder.encode(identity.id));
}
