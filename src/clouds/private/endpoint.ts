// SPDX-License-Identifier: Apache-2.0
/** Where a private cloud is, and how it is reached there: the scheme of its endpoint says which protocol it is. */
import { DeviceError } from "../../base/error.js";
import { parseEndpoint, type Endpoint } from "../../base/url.js";
import { PORTS as COAP_PORTS } from "../../coap/uri.js";
import type { SecureOptions } from "../../host.js";
import type { Credentials } from "../../identity/credentials.js";

/** By the schemes there are. */
const PORTS: Readonly<Record<string, number>> = Object.freeze({ mqtt: 1883, mqtts: 8883, ...COAP_PORTS });

/**
 * @param endpoint the program's: the factory's, where it assigned one, goes before it
 * @throws DeviceError `credential` where there is none, `argument`
 */
export function endpointOf(credentials: Credentials, endpoint: string | undefined): Endpoint {
	const url = credentials.endpoint ?? endpoint;
	if (url === undefined) throw new DeviceError("credential", "no endpoint: the factory and the program name none");
	return parseEndpoint(url, PORTS);
}

export function isCoAP({ scheme }: Endpoint): boolean {
	return scheme.startsWith("coap");
}

/** What TLS needs. @throws DeviceError `credential` */
export function secure({ anchor, certificate, key }: Credentials): SecureOptions {
	if (anchor === undefined) throw new DeviceError("credential", "no trust anchor in the device's storage");
	return { certificates: [anchor], clientCertificates: certificate && [certificate], clientKey: key };
}
