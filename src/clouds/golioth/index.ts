// SPDX-License-Identifier: Apache-2.0
/**
 * Golioth: CoAP over DTLS, a tree of values in place of a shadow, remote procedure calls, and updates over the air. Its
 * name for programs, and what they may set. `docs/golioth.md` says what becomes of the SDK's services.
 */
import type { Backoff } from "../../base/backoff.js";
import type { Cloud } from "../cloud.js";
import type { Format } from "../format.js";
import { GoliothConnection } from "./connection.js";

export interface GoliothOptions {
	/**
	 * `coaps://name:port`, or `coap://name:port` without any protection; the factory's, where it assigned one, goes
	 * before it. Default: `coaps://coap.golioth.io`.
	 */
	endpoint?: string | undefined;
	/** Of LightDB state. Either is read. Default: `cbor`. */
	format?: Format | undefined;
	/** Paths in LightDB state of what is desired and what is reported. Default: those words. */
	desired?: string | undefined;
	reported?: string | undefined;
	/** Of the artifacts that are this device's firmware. Default: `main`. */
	package?: string | undefined;
	/** ms of silence after which the cloud is asked whether it is there. */
	keepAlive?: number | undefined;
	/** Default: decorrelated jitter from 1 s, at most 2 minutes. */
	reconnect?: Backoff | undefined;
	/** Bytes of the largest representation that is taken. Default: 16,384. */
	bodyMaximum?: number | undefined;
}

export function golioth(options: GoliothOptions = {}): Cloud {
	return { connect: (connection) => new GoliothConnection(options, connection).open() };
}
