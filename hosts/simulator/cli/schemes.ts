// SPDX-License-Identifier: Apache-2.0
/** The protocols by which a device reaches a private cloud, as its endpoint names them. */
import type { Server } from "../serve.js";
import type { PrivateServeOptions, PrivateServer } from "../cloud.js";

export const SCHEMES = Object.freeze(["mqtts", "mqtt", "coap", "coaps", "coap+tcp", "coaps+tcp", "coap+ws", "coaps+ws"] as const);

interface Way {
	/** Serves it on a port that the system chooses. */
	readonly options: PrivateServeOptions;
	portOf(server: PrivateServer): number | undefined;
	/** What is said is in the clear, unless OSCORE protects it. */
	readonly isPlain: boolean;
}

/** Those that a cloud in this process offers. */
const WAYS = Object.freeze({
	mqtts: { options: { tlsPort: 0 }, portOf: ({ tlsPort }: Server) => tlsPort, isPlain: false },
	coap: { options: { coapPort: 0 }, portOf: ({ coap }: PrivateServer) => coap?.udpPort, isPlain: true },
	"coap+tcp": { options: { coapTcpPort: 0 }, portOf: ({ coap }: PrivateServer) => coap?.tcpPort, isPlain: true },
	"coaps+tcp": { options: { coapsTcpPort: 0 }, portOf: ({ coap }: PrivateServer) => coap?.tlsPort, isPlain: false },
	"coap+ws": { options: { coapWebSocketPort: 0 }, portOf: ({ coap }: PrivateServer) => coap?.webSocketPort, isPlain: true },
	"coaps+ws": { options: { coapsWebSocketPort: 0 }, portOf: ({ coap }: PrivateServer) => coap?.secureWebSocketPort, isPlain: false },
} satisfies Readonly<Record<string, Way>>);

export type Protocol = keyof typeof WAYS;

export const PROTOCOLS = Object.freeze(Object.keys(WAYS)) as readonly Protocol[];

export function wayOf(protocol: Protocol): Way {
	return WAYS[protocol];
}
