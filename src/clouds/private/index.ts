// SPDX-License-Identifier: Apache-2.0
/**
 * The private cloud: any MQTT 3.1.1 broker, or a server of CoAP, with messages that are simple enough to serve by hand.
 * Its name for programs, and what they may set. `docs/private-cloud.md` says what goes over the wire.
 */
import type { Backoff } from "../../base/backoff.js";
import { readCredentials } from "../../identity/credentials.js";
import type { Cloud, Connection, ConnectionOptions } from "../cloud.js";
import type { Format } from "../format.js";
import { PrivateCoAPConnection } from "./coap-connection.js";
import { PrivateConnection } from "./connection.js";
import { endpointOf, isCoAP } from "./endpoint.js";

export interface PrivateCloudOptions {
	/**
	 * `mqtts://name:port` or `mqtt://name:port`; `coap`, `coaps`, `coap+tcp`, `coaps+tcp`, `coap+ws` or `coaps+ws` in
	 * the same way. The factory's, where it assigned one, goes before it.
	 */
	endpoint?: string | undefined;
	/** Of what the device says, and of what the cloud is asked to answer in. Either is read. Default: `json`. */
	format?: Format | undefined;
	/** ms. Default: 60,000. */
	keepAlive?: number | undefined;
	/** Default: decorrelated jitter from 1 s, at most 2 minutes. */
	reconnect?: Backoff | undefined;
	/** Bytes of the largest message that is taken. Default: 16,384. */
	messageMaximum?: number | undefined;
}

/** A cloud of one's own: `moorline simulate`, or any broker with the services beside it. */
export function privateCloud(options: PrivateCloudOptions = {}): Cloud {
	return { connect: (connection) => connect(options, connection) };
}

function connect(options: PrivateCloudOptions, connection: ConnectionOptions): Connection {
	const credentials = readCredentials(connection.host);
	const endpoint = endpointOf(credentials, options.endpoint);
	if (isCoAP(endpoint)) return new PrivateCoAPConnection(options, connection, credentials).open();
	return new PrivateConnection(options, connection, credentials).open();
}
