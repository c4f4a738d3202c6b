// SPDX-License-Identifier: Apache-2.0
/** The server of the benchmark, in a process of its own: the simulator's, with a short representation and a long one. */
import { randomFillSync } from "node:crypto";
import { serveCoAP } from "../../hosts/simulator/coap/serve.js";
import { CoAPServer } from "../../hosts/simulator/coap/server.js";

export const SHORT = "short", LONG = "long";
/** Bytes of payload. */
export const LENGTHS: Readonly<Record<string, number>> = Object.freeze({ [SHORT]: 200, [LONG]: 16_384 });

if (process.send !== undefined) {
	const payloads = new Map(Object.entries(LENGTHS).map(([path, length]) => [path, new Uint8Array(length).fill(0x41)]));
	const server = new CoAPServer({
		handler: ({ path }, reply) => reply({ code: "2.05", payload: payloads.get(path[0]!)! }),
		random: (target) => { randomFillSync(target); },
	});
	const { udpPort } = await serveCoAP(server, { udpPort: 0 });
	process.send(udpPort);
	process.once("disconnect", () => process.exit());
}
