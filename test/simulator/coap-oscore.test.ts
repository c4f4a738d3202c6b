// SPDX-License-Identifier: Apache-2.0
/** The CoAP server's end of OSCORE: contexts found by their ids, each block and each notification sealed by itself. RFC 8613. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { serveCoAPInWorld } from "../../hosts/simulator/coap/in-world.js";
import { CoAPServer, type CoAPRequest } from "../../hosts/simulator/coap/server.js";
import { createWorld } from "../../hosts/world/index.js";
import { CoAPClient } from "../../src/coap/client.js";
import { Code, OptionNumber } from "../../src/coap/constants.js";
import type { Security } from "../../src/coap/security.js";
import { Oscore } from "../../src/oscore/oscore.js";
import { CLIENT, makeHost, MemoryStorage, outgoing, reversed } from "../unit/oscore/rig.js";
import { DatagramClient, fromBytes, Scene, seen, toBytes, uintOf, valueOf } from "./coap-scene.js";

const ADDRESS = "10.0.0.1", LARGE = Uint8Array.from({ length: 5_000 }, (_, index) => index * 13 & 0xff);

function oscore(parameters = CLIENT, seed = 1): Security {
	return new Oscore({ host: makeHost(new MemoryStorage(), seed), parameters });
}

suite("CoAP server: OSCORE", () => {
	test("the SDK's client, on a bad network: bodies in blocks both ways, and an observation", () => {
		for (let seed = 1; seed <= 5; seed++) {
			const world = createWorld({ seed }), requests: CoAPRequest[] = [], kids: number[][] = [];
			const security = oscore(reversed(CLIENT), 2);
			let state = 0;
			world.network.lose(0.1);
			world.network.duplicate(0.1);
			const server = new CoAPServer({
				random: target => { world.random.fill(target); },
				contexts: kid => {
					kids.push([...kid]);
					return { security, identity: "lamp" };
				},
				handler: (request, reply) => {
					requests.push(request);
					if (request.path[0] === "state") reply({ code: "2.05", payload: toBytes(String(state)), observable: true });
					else reply({ code: request.method === "GET" ? "2.05" : "2.04", payload: LARGE });
				},
			});
			serveCoAPInWorld(server, world, { address: ADDRESS, udpPort: 5_683 });
			const states: string[] = [], bodies: Uint8Array[] = [];
			world.device({ id: "lamp", program: host => {
				const client: CoAPClient = new CoAPClient({
					host, security: oscore(), server: { transport: "udp", name: ADDRESS, port: 5_683 },
					onConnected: () => {
						for (const options of [{ code: Code.GET, path: "large" }, { code: Code.POST, path: "both", payload: LARGE }]) {
							client.request(options, {
								onResponse: ({ payload }) => { bodies.push(payload.slice()); },
								onError: error => { assert.fail(`seed ${seed}: ${error.message}`); },
							});
						}
					},
				});
				client.observe({ code: Code.GET, path: "state" }, {
					onNotification: ({ payload }) => { states.push(fromBytes(payload)); },
					onEnded: error => { assert.fail(`seed ${seed}: ${error.message}`); },
				});
			} });
			world.run(() => bodies.length === 2 && states.length === 1, { within: 600_000 });
			for (; state < 3; world.run(() => states.at(-1) === String(state), { within: 600_000 })) {
				state++;
				server.notify(({ path }) => path[0] === "state");
			}
			assert.deepEqual(bodies, [LARGE, LARGE], `seed ${seed}`);
			assert.deepEqual(requests.find(({ method }) => method === "POST")!.payload, LARGE);
			assert.ok(requests.every(({ secured, peer }) => secured && peer.identity === "lamp"));
			assert.equal(new Set(requests.map(({ peer }) => peer)).size, 1, "one object for one peer");
			assert.ok(kids.every(kid => kid.length === 0));
		}
	});

	test("ids are read as they stand; a context that is not known is said so, and what is not protected is served as such", () => {
		const asked: [kid: number[], kidContext: number[] | undefined][] = [];
		const scene = new Scene({
			contexts: (kid, kidContext) => {
				asked.push([[...kid], kidContext && [...kidContext]]);
				return undefined;
			},
			handler: ({ secured }, reply) => { reply({ code: "2.05", payload: toBytes(String(secured)) }); },
		});
		const client = new DatagramClient(scene), with_ = (...value: number[]) => client.exchange({
			code: Code.POST, payload: "sealed", options: [{ number: OptionNumber.OSCORE, value: Uint8Array.from(value) }],
		});
		const refusal = with_(0x19, 5, 3, 1, 2, 3, 7, 8);
		assert.deepEqual([seen(refusal), uintOf(refusal.options, OptionNumber.MAX_AGE)], ["ACK 4.01 Security context not found", 0]);
		with_(0x09, 5);
		with_(0x0a, 5, 5, 9);
		assert.deepEqual(asked, [[[7, 8], [1, 2, 3]], [[], undefined], [[9], undefined]]);
		for (const value of [[], [0x01, 5], [0x1f], [0x19, 5, 200]]) assert.match(seen(with_(...value)), /^ACK 4.01/);
		assert.equal(seen(client.exchange({ path: "a" })), "ACK 2.05 false");
	});

	test("what cannot be opened is answered with the layer's own words, and a response that cannot be sealed not at all", () => {
		const security = oscore(reversed(CLIENT), 2), broken: Security = {
			overhead: 0, protectRequest: message => security.protectRequest(message), unprotectResponse: (message, binding) => security.unprotectResponse(message, binding),
			unprotectRequest: message => security.unprotectRequest(message), protectResponse: () => { throw new Error("no number is left"); },
		};
		let current = security;
		const scene = new Scene({ contexts: () => ({ security: current }), handler: (_, reply) => { reply({ code: "2.05" }); } });
		const client = new DatagramClient(scene), own = oscore();
		const { message } = own.protectRequest(outgoing(Code.GET)), { code, options, payload } = message;
		const spoiled = payload.map(byte => byte ^ 1);
		assert.equal(seen(client.exchange({ code, options, payload: spoiled })).slice(0, 8), "ACK 4.00");
		const answer = client.exchange({ code, options, payload });
		assert.ok(valueOf(answer.options, OptionNumber.OSCORE), "sealed");
		assert.equal(seen(client.exchange({ code, options, payload })).slice(0, 8), "ACK 4.01", "a replay");
		current = broken;
		const next = own.protectRequest(outgoing(Code.GET)).message;
		assert.equal(seen(client.exchange({ code: next.code, options: next.options, payload: next.payload })), "ACK 0.00");
	});
});
