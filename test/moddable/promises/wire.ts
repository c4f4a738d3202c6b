// SPDX-License-Identifier: Apache-2.0
/**
 * How the promises in the simulator work the other side of every wire, which Node has: one line of JSON for each
 * request and for each answer. Bytes travel as hexadecimal text.
 */
import type { TLSServerOptions } from "../../host/platform.js";

export type Hex = string;

export interface WireIdentity { chain: Hex[]; key: Hex }

export type WireOptions = Omit<TLSServerOptions, "clientAnchor"> & { clientAnchor?: Hex };

export type Request =
	| { op: "listen" }
	| { op: "listenWebSocket"; identity?: WireIdentity; options: WireOptions }
	| { op: "listenTLS"; identity: WireIdentity; options: WireOptions }
	| { op: "accept" | "unlisten"; listener: number }
	| { op: "send"; peer: number; bytes: Hex }
	| { op: "receive"; peer: number; count: number }
	| { op: "pause" | "resume" | "end" | "reset" | "ended"; peer: number }
	| { op: "closedPort" | "echo" | "certificates" }
	| { op: "unecho"; echo: number }
	| { op: "verify"; publicKey: Hex; bytes: Hex; signature: Hex }
	| { op: "publicKey"; key: Hex }
	| { op: "makeSignature" | "openRequest"; bytes: Hex }
	| { op: "result"; shape: string; name: string; error?: string };

export interface Question { id: number; request: Request }
export interface Answer { id: number; value?: unknown; error?: string }
