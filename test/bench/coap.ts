// SPDX-License-Identifier: Apache-2.0
/**
 * Requests on Node: our CoAP client and `coap` from npm against the same server on loopback, in turn, many short rounds
 * each. One request is under way at a time, as the protocol has it (RFC 7252 §4.7).
 */
import coap from "coap";
import { fork } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createHost } from "../../hosts/node/host.js";
import { CoAPClient } from "../../src/coap/client.js";
import { Code } from "../../src/coap/constants.js";
import type { Response } from "../../src/coap/request.js";
import { LENGTHS, LONG, SHORT } from "./coap-server.js";

export interface CoAPRow {
	what: string;
	/** Requests a second. */
	ours: number;
	theirs: number;
}

interface Work {
	what: string;
	path: typeof SHORT | typeof LONG;
	confirmable: boolean;
}

const WORKS: readonly Work[] = [
	{ what: "GET of 200 B, confirmable", path: SHORT, confirmable: true },
	{ what: "GET of 200 B, non-confirmable", path: SHORT, confirmable: false },
	{ what: "GET of 16 KB in blocks of 1,024 B", path: LONG, confirmable: true },
];
export const ROUNDS = 15;
/** ms that a round takes at least. */
const ROUND = 60;

interface Peer {
	/** Asks `count` times, one after the other. */
	run(count: number, work: Work): Promise<void>;
	close(): void;
}

async function ours(port: number): Promise<Peer> {
	const client = await new Promise<CoAPClient>((resolve) => {
		const made = new CoAPClient({ host: createHost({ directory: "nowhere" }), server: { transport: "udp", name: "127.0.0.1", port }, onConnected: () => resolve(made) });
	});
	return {
		run: (count, { path, confirmable }) => new Promise((resolve, reject) => {
			let left = count;
			const options = { code: Code.GET, path, confirmable };
			const owner = {
				onResponse({ payload }: Response): void {
					if (payload.byteLength !== LENGTHS[path]) reject(new Error(`${payload.byteLength} bytes`));
					else if (--left === 0) resolve();
					else client.request(options, owner);
				},
				onError: reject,
			};
			client.request(options, owner);
		}),
		close: () => client.close(),
	};
}

function theirs(port: number): Peer {
	// A socket of its own would be closed and opened again between any two requests.
	const socket = createSocket("udp4");
	const agent = new coap.Agent({ type: "udp4", socket });
	return {
		run: (count, { path, confirmable }) => new Promise((resolve, reject) => {
			let left = count;
			const next = (): void => {
				const request = coap.request({ host: "127.0.0.1", port, pathname: `/${path}`, confirmable, agent });
				request.on("response", ({ payload }) => {
					if (payload.byteLength !== LENGTHS[path]) reject(new Error(`${payload.byteLength} bytes`));
					else if (--left === 0) resolve();
					else next();
				});
				request.on("error", reject);
				request.end();
			};
			next();
		}),
		close: () => { socket.close(); },
	};
}

export async function measureCoAP(): Promise<CoAPRow[]> {
	const server = fork(fileURLToPath(new URL("coap-server.js", import.meta.url)));
	const peers: Peer[] = [];
	try {
		const [port] = await once(server, "message") as [number];
		for (const make of [ours, theirs]) peers.push(await make(port));
		const rows: CoAPRow[] = [];
		for (const work of WORKS) rows.push(await compare(peers, work));
		return rows;
	} finally {
		for (const peer of peers) peer.close();
		server.disconnect();
	}
}

async function compare(peers: readonly Peer[], work: Work): Promise<CoAPRow> {
	const counts: number[] = [];
	for (const peer of peers) counts.push(await calibrate(peer, work));
	const rates: number[][] = peers.map(() => []);
	for (let index = 0; index < ROUNDS * peers.length; index++) {
		const which = index % peers.length;
		const begin = performance.now();
		await peers[which]!.run(counts[which]!, work);
		rates[which]!.push(counts[which]! / (performance.now() - begin) * 1000);
	}
	return { what: work.what, ours: median(rates[0]!), theirs: median(rates[1]!) };
}

/** Requests that take about a round. */
async function calibrate(peer: Peer, work: Work): Promise<number> {
	for (let count = 16; ; count *= 2) {
		const begin = performance.now();
		await peer.run(count, work);
		if (performance.now() - begin >= ROUND) return count;
	}
}

function median(values: number[]): number {
	return values.sort((left, right) => left - right)[values.length >> 1]!;
}
