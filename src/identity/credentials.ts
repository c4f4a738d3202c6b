// SPDX-License-Identifier: Apache-2.0
/**
 * Who this device is: what the factory or provisioning put into its storage.
 *
 * | key           | value                                                              |
 * |---------------|--------------------------------------------------------------------|
 * | `id`          | name of the device, UTF-8                                          |
 * | `endpoint`    | URL of the cloud, UTF-8: `mqtts://name:port` or `mqtt://name:port` |
 * | `anchor`      | trust anchor, DER                                                  |
 * | `certificate` | the device's certificate, DER                                      |
 * | `key`         | its private key, PKCS#8 DER                                        |
 */
import { DeviceError } from "../base/error.js";
import type { Host } from "../host.js";

/** Name of the storage domain. */
export const IDENTITY = "identity";

export interface Credentials {
	id: string;
	endpoint: string | undefined;
	anchor: Uint8Array | undefined;
	certificate: Uint8Array | undefined;
	key: Uint8Array | undefined;
}

/** @throws DeviceError `credential` when the device has no name, or a certificate without its key; `storage` */
export function readCredentials(host: Host): Credentials {
	const domain = host.storage.open({ path: IDENTITY });
	try {
		const readText = (key: string): string | undefined => {
			const value = domain.read(key);
			return value && host.text.decode(value, 0, value.byteLength);
		};
		const id = readText("id");
		if (id === undefined) throw new DeviceError("credential", "this device has no identity: no id in its storage");
		const credentials: Credentials = {
			id,
			endpoint: readText("endpoint"),
			anchor: domain.read("anchor"),
			certificate: domain.read("certificate"),
			key: domain.read("key"),
		};
		if ((credentials.certificate === undefined) !== (credentials.key === undefined)) {
			throw new DeviceError("credential", "a certificate and its key belong together: one of them is missing");
		}
		return credentials;
	} finally {
		domain.close();
	}
}
