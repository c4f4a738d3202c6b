// SPDX-License-Identifier: Apache-2.0
/**
 * What a platform must bring to be held to the promises: its host, and the other side of every wire.
 *
 * Whatever returns a promise here may need the platform to be kept going (a world has to be stepped), so the
 * suite awaits all of it through `wait`.
 */
import type { Host, KeyType, Remote } from "../../src/host.js";
import type { Certificates, Identity } from "./certificates.js";

export interface Platform {
	readonly name: string;
	readonly host: Host;
	/** Runs the platform until `promise` is settled, or rejects when it gives up. */
	wait<T>(promise: Promise<T>): Promise<T>;
	/** The same device, started anew by its boot loader: only storage, flash and identifier are what they were. */
	reboot(): Host;
	/** A TCP server. */
	listen(): Promise<Listener>;
	/**
	 * A WebSocket server for the subprotocol `mqtt`, with an identity over TLS: each `send` of its peers is one binary
	 * message, and they receive what binary messages carry.
	 */
	listenWebSocket(identity?: Identity, options?: TLSServerOptions): Promise<Listener>;
	/** Where connections are refused. */
	closedPort(): Promise<Remote>;
	/** A UDP service that sends each datagram back. */
	echo(): Promise<Remote & { close(): void }>;
	readonly names: { readonly known: string; readonly address: string; readonly unknown: string };
	/** Absent where the suite cannot reset the device. */
	readonly images?: {
		/** An image of several blocks that could boot, and run the suite; another one for each seed. */
		make(seed: number): Uint8Array;
	} | undefined;
	/** A flash partition of at least three blocks that the suite may overwrite. */
	readonly partition: string;
	/** Who looks at what the device signs, with other means than its own. */
	readonly keys: {
		/** That the host makes. */
		readonly types: readonly KeyType[];
		verify(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): Promise<boolean>;
		/** A key and a signature as `host.keys.verify` takes them: a point of 65 bytes, r and s. */
		makeSignature(bytes: Uint8Array): Promise<{ key: Uint8Array; signature: Uint8Array }>;
		/** The common name in a request (DER); rejects when the request is malformed or wrongly signed. */
		openRequest(request: Uint8Array): Promise<string>;
	};
	/** Absent where the platform has no TLS to test. */
	readonly tls?: {
		readonly certificates: Certificates;
		readonly versions: readonly TLSVersion[];
		listen(identity: Identity, options?: TLSServerOptions): Promise<Listener>;
	} | undefined;
}

export type TLSVersion = "TLSv1.2" | "TLSv1.3";

export interface TLSServerOptions {
	/** The only version that the server speaks. Absent: all that the platform has. */
	version?: TLSVersion | undefined;
	/** Requires a client certificate signed by this anchor. */
	clientAnchor?: Uint8Array | undefined;
	protocols?: readonly string[] | undefined;
}

export interface Listener extends Remote {
	/** The next connection; for TLS, when its handshake succeeded. */
	accept(): Promise<Peer>;
	close(): void;
}

/** The server's end of one connection. */
export interface Peer {
	send(bytes: Uint8Array): void;
	/** Takes `count` bytes when they have arrived. */
	receive(count: number): Promise<Uint8Array>;
	/** Stops taking bytes, so that the device finds its window closed in the end. */
	pause(): void;
	resume(): void;
	/** Ends the connection after what was sent. */
	end(): void;
	reset(): void;
	/** The device has ended or reset the connection. */
	readonly ended: Promise<void>;
	/** TLS only: what the device asked for and showed. */
	readonly secure?: PeerSecurity | undefined;
}

export interface PeerSecurity {
	/** SNI. */
	readonly serverName: string | undefined;
	/** ALPN. */
	readonly protocol: string | undefined;
	/** Common name of the client certificate. */
	readonly clientName: string | undefined;
}
