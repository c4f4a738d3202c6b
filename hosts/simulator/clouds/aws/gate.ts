// SPDX-License-Identifier: Apache-2.0
/**
 * AWS's ports: what they speak, and whom they turn away before the broker sees a CONNECT.
 *
 * Pure. A custom authorizer's clients come by ALPN `mqtt` or over WebSocket; a certificate of theirs means nothing.
 */
import type { Gate } from "../../broker/client.js";

/** The names for ALPN on port 443, and what is spoken then. */
export const AWS_PROTOCOLS = Object.freeze({ "x-amzn-mqtt-ca": "mqtt", "mqtt": "mqtt", "x-amzn-http-ca": "http", "http/1.1": "http" } as const);

/** False where HTTP is spoken, as by who names nothing. */
export function speaksMqtt(protocol: string | undefined): boolean {
	return AWS_PROTOCOLS[protocol as keyof typeof AWS_PROTOCOLS] === "mqtt";
}

/** The only path where a WebSocket is. */
export const WEBSOCKET_PATH = "/mqtt";

export interface GateOptions {
	/** "any": some server name must be given (SNI); a list: one of these; false: none need be. Default: "any". */
	serverName?: "any" | readonly string[] | false | undefined;
}

export function awsGate({ serverName: wanted = "any" }: GateOptions): Gate {
	return ({ identity, origin }) => {
		const { serverName, protocol, request } = origin;
		if (wanted !== false && serverName === undefined) return { refused: "no server name (SNI)" };
		if (Array.isArray(wanted) && !wanted.includes(serverName)) return { refused: `another server name: ${serverName}` };
		if (protocol === "mqtt" || request) return { identity: undefined };
		return identity ? { identity } : { refused: "no client certificate that is trusted" };
	};
}
