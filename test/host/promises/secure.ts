// SPDX-License-Identifier: Apache-2.0
/** Streams to a server with a certificate, of whichever kind: what TLS and a WebSocket on TLS promise alike. */
import assert from "node:assert/strict";
import type { SecureOptions } from "../../../src/host.js";
import { pattern, sameBytes, type Bench } from "../bench.js";
import type { Identity } from "../certificates.js";
import type { Listener, Peer, TLSServerOptions } from "../platform.js";
import type { Probe } from "../probe.js";

export interface SecureVisit {
	identity: Identity;
	server?: TLSServerOptions;
	/** The name that the device asks for; the server's own by default. */
	host?: string;
	secure?: Partial<SecureOptions>;
}

/** A stream on its way to a server of its own. */
export interface Visited { listener: Listener; probe: Probe }

/** The visit succeeds: bytes go both ways. */
export async function succeeds(bench: Bench, { listener, probe }: Visited): Promise<Peer> {
	const [peer] = await bench.wait(Promise.all([listener.accept(), probe.connected()]));
	peer.send(pattern(10, 1));
	probe.write(pattern(20, 2));
	sameBytes(await bench.wait(probe.receive(10)), pattern(10, 1));
	sameBytes(await bench.wait(peer.receive(20)), pattern(20, 2));
	return peer;
}

/** The device refuses the server: one `tls` error, and the program never saw a connection. */
export async function fails(bench: Bench, { probe }: Visited): Promise<Probe> {
	const error = await bench.wait(probe.failed());
	assert.equal(error.code, "tls", error.message);
	await bench.quiet();
	assert.deepEqual(probe.events, ["error"]);
	return probe;
}
