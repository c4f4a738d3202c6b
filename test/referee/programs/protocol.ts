// SPDX-License-Identifier: Apache-2.0
/** What a test and the program that runs the vendor's SDK say to each other. */
export type Service = "shadow" | "jobs" | "identity";

export interface ConnectOptions {
	/** 4 is MQTT 3.1.1. */
	protocol: 4 | 5;
	host: string;
	port: number;
	/** PEM. */
	ca: string;
	cert: string;
	key: string;
	clientId: string;
	/** True: the session outlives the connection, and is resumed. */
	resume?: boolean;
}

export type Command =
	| { do: "connect"; options: ConnectOptions }
	| { do: "disconnect" }
	/** Ends when the client has connected again by itself, after the connection was lost once more. MQTT 5 only. */
	| { do: "reconnected" }
	| { do: "request"; service: Service; method: string; body: object }
	/** Ends with the subscription; its messages come as events with the command's number. */
	| { do: "open"; service: Service; method: string; body: object };

export type ToProgram = Command & { number: number };

export type FromProgram =
	| { number: number; result: unknown }
	/** `modeled` is what the cloud answered. */
	| { number: number; error: string; modeled?: unknown }
	| { number: number; event: unknown };
