// SPDX-License-Identifier: Apache-2.0
/** The place where one promise is tried: takes what it needs from the platform and gives all of it back. */
import assert from "node:assert/strict";
import type { ErrorCode } from "../../src/base/error.js";
import type { Host, Stream, StreamCallbacks } from "../../src/host.js";
import type { Listener, Peer, Platform } from "./platform.js";
import { Probe, type ProbeHooks } from "./probe.js";

/** One promise of a host: the name says what is promised, `run` fails when it is broken. */
export interface HostPromise {
	readonly name: string;
	run(bench: Bench): Promise<void> | void;
}

/** How to open a kind of stream to a listener of its kind. */
export interface Link {
	listen(bench: Bench): Promise<Listener>;
	open(bench: Bench, listener: { address: string; port: number }, callbacks: StreamCallbacks): Stream;
}

export const tcpLink: Link = {
	listen: bench => bench.platform.listen(),
	open: (bench, { address, port }, callbacks) => new bench.host.tcp.io({ address, port, ...callbacks }),
};

export const tlsLink: Link = {
	listen: bench => bench.tls.listen(bench.tls.certificates.server),
	open(bench, { address, port }, callbacks) {
		const { host, anchor } = bench.tls.certificates;
		return new bench.host.tls.io({ address, port, host, secure: { certificates: [anchor] }, ...callbacks });
	},
};

/** The subprotocol of each WebSocket server here. */
export const SUBPROTOCOL = "mqtt";

export const webSocketLink: Link = {
	listen: bench => bench.platform.listenWebSocket(),
	open: (bench, { address, port }, callbacks) => new bench.host.websocket.io({
		address, port, host: "server.test", path: "/mqtt", protocol: SUBPROTOCOL, ...callbacks,
	}),
};

export const secureWebSocketLink: Link = {
	listen: bench => bench.platform.listenWebSocket(bench.tls.certificates.server),
	open(bench, { address, port }, callbacks) {
		const { host, anchor } = bench.tls.certificates;
		return new bench.host.websocket.io({
			address, port, host, path: "/mqtt", protocol: SUBPROTOCOL, secure: { certificates: [anchor] }, ...callbacks,
		});
	},
};

/** Device time that shows that nothing more happens; there is no event to wait for. */
const QUIET = 30;

export class Bench {
	readonly platform: Platform;
	readonly host: Host;
	readonly #probes: Probe[] = [];
	readonly #deferred: (() => void)[] = [];

	constructor(platform: Platform) {
		this.platform = platform;
		this.host = platform.host;
	}

	get tls(): NonNullable<Platform["tls"]> {
		assert(this.platform.tls !== undefined, "the platform has no TLS");
		return this.platform.tls;
	}

	wait<T>(promise: Promise<T>): Promise<T> {
		return this.platform.wait(promise);
	}

	/** `action` runs when the promise was tried, whatever came of it; the last deferred runs first. */
	defer(action: () => void): void {
		this.#deferred.push(action);
	}

	async listen(link: Link): Promise<Listener> {
		const listener = await this.wait(link.listen(this));
		this.defer(() => listener.close());
		return listener;
	}

	open(link: Link, listener: { address: string; port: number }, hooks: ProbeHooks = {}): Probe {
		return this.probe(callbacks => link.open(this, listener, callbacks), hooks);
	}

	probe(open: (callbacks: StreamCallbacks) => Stream, hooks: ProbeHooks = {}): Probe {
		const probe = new Probe(open, hooks);
		this.#probes.push(probe);
		this.defer(() => probe.close());
		return probe;
	}

	/** A connection that stands on both sides. */
	async connect(link: Link, hooks: ProbeHooks = {}): Promise<{ probe: Probe; peer: Peer }> {
		const listener = await this.listen(link);
		const probe = this.open(link, listener, hooks);
		const [peer] = await this.wait(Promise.all([listener.accept(), probe.connected()]));
		return { probe, peer };
	}

	/** Lets the device run on for a while. */
	quiet(): Promise<void> {
		return this.sleep(QUIET);
	}

	sleep(delay: number): Promise<void> {
		return this.wait(new Promise(resolve => { this.host.timer.set(resolve, delay); }));
	}

	end(): void {
		for (const action of this.#deferred.reverse()) action();
		assert.deepEqual(this.#probes.flatMap(probe => probe.violations), [], "a rule for all streams was broken");
	}
}

/** Asserts that `action` throws a `DeviceError` with `code`. */
export function refuses(code: ErrorCode, action: () => unknown, what?: string): void {
	assert.throws(action, { name: "DeviceError", code }, what);
}

/** `count` bytes that differ from place to place, so that lost, doubled and swapped bytes show. */
export function pattern(count: number, seed = 1): Uint8Array {
	const bytes = new Uint8Array(count);
	let state = seed;
	for (let index = 0; index < count; index++) {
		// Numerical Recipes' generator.
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
		bytes[index] = state >>> 24;
	}
	return bytes;
}

/** Compares without printing a megabyte when it fails. */
export function sameBytes(actual: Uint8Array, expected: Uint8Array): void {
	assert.equal(actual.byteLength, expected.byteLength, "the number of bytes");
	assert.equal(actual.findIndex((byte, index) => byte !== expected[index]), -1, "the first index that differs");
}
