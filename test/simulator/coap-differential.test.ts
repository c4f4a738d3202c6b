// SPDX-License-Identifier: Apache-2.0
/** The SDK's CoAP client and the CoAP server, which share no codec: each kind of request, and each fault, one at a time. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { serveCoAPInWorld } from "../../hosts/simulator/coap/in-world.js";
import { CoAPServer, type CoAPHandler, type CoAPLimits, type CoAPRequest } from "../../hosts/simulator/coap/server.js";
import { createWorld } from "../../hosts/world/index.js";
import { CoAPClient, type CoAPClientOptions } from "../../src/coap/client.js";
import { Code, codeText, OptionNumber } from "../../src/coap/constants.js";
import type { RequestOptions, Response } from "../../src/coap/request.js";
import { toBytes, uintOf, uintOption } from "./coap-scene.js";

const ADDRESS = "10.0.0.1";
const BODY = Uint8Array.from({ length: 3_000 }, (_, index) => index * 29 + (index >> 8) & 0xff);

interface Setting {
	asked?: RequestOptions;
	handler?: CoAPHandler;
	limits?: Partial<CoAPLimits>;
	client?: Partial<CoAPClientOptions>;
	transport?: "udp" | "tcp";
	/** Once the client is connected. */
	prepare?(faults: CoAPServer["faults"]): void;
}

interface Outcome { code: string; payload: Uint8Array; response: Response | undefined; requests: CoAPRequest[]; took: number }

/** One request, on a network without faults. */
function play({ asked = { code: Code.GET, path: "a" }, handler, limits, client = {}, transport = "udp", prepare }: Setting): Outcome {
	const world = createWorld({ seed: 3 }), requests: CoAPRequest[] = [];
	const server = new CoAPServer({
		random: target => { world.random.fill(target); }, limits,
		handler: (request, reply) => {
			requests.push(request);
			if (handler) handler(request, reply);
			else reply({ code: request.method === "GET" || request.method === "FETCH" ? "2.05" : "2.04", payload: request.payload.byteLength > 0 ? request.payload : BODY });
		},
	});
	serveCoAPInWorld(server, world, { address: ADDRESS, udpPort: 5_683, tcpPort: 5_683 });
	let outcome: Omit<Outcome, "requests" | "took"> | undefined, began = 0;
	world.device({ id: "lamp", program: host => {
		const device: CoAPClient = new CoAPClient({
			host, server: { transport, name: ADDRESS, port: 5_683 }, ...client,
			onConnected: () => {
				if (began > 0) return;
				began = world.clock.now;
				prepare?.(server.faults);
				device.request(asked, {
					onResponse: response => {
						assert.equal(outcome, undefined, "one outcome");
						outcome = { code: codeText(response.code), payload: response.payload.slice(), response };
					},
					onError: ({ code }) => {
						assert.equal(outcome, undefined, "one outcome");
						outcome = { code, payload: new Uint8Array(0), response: undefined };
					},
				});
			},
		});
	} });
	world.run(() => outcome !== undefined, { within: 600_000 });
	const took = world.clock.now - began;
	// What is late makes no second outcome.
	world.advance(120_000);
	return { ...outcome!, requests, took };
}

suite("CoAP client and server: what is asked", () => {
	test("each method, with what it carries", () => {
		for (const [method, code] of [["GET", Code.GET], ["POST", Code.POST], ["PUT", Code.PUT], ["DELETE", Code.DELETE], ["FETCH", Code.FETCH], ["PATCH", Code.PATCH], ["iPATCH", Code.IPATCH]] as const) {
			const payload = method === "GET" || method === "DELETE" ? undefined : toBytes("body");
			const { requests } = play({ asked: {
				code, path: "a/ü/", query: ["x=y", ""], payload, ...payload ? { contentFormat: 60 } : {}, accept: 50,
				options: [{ number: OptionNumber.IF_MATCH, value: Uint8Array.of(1) }, uintOption(OptionNumber.HOP_LIMIT, 9), uintOption(2_048, 70_000)],
			} });
			const [request] = requests as [CoAPRequest];
			assert.deepEqual([request.method, request.path, request.query, request.accept, request.contentFormat], [method, ["a", "ü", ""], ["x=y", ""], 50, payload && 60]);
			assert.deepEqual([request.payload, request.ifMatch.map(value => [...value]), uintOf(request.options, 2_048)], [payload ?? new Uint8Array(0), [[1]], 70_000]);
		}
	});

	test("options and payloads of every length come as they were", () => {
		for (const length of [1, 12, 13, 14, 254, 255]) {
			// Not known and elective: behind Uri-Path they need each form of a difference.
			for (const number of [22, 24, 278, 280, 65_000]) {
				const value = BODY.slice(0, length), { requests } = play({ asked: { code: Code.POST, path: "p".repeat(length), options: [{ number, value }], payload: BODY.slice(0, length) } });
				const [request] = requests as [CoAPRequest];
				assert.deepEqual([request.path, request.options.find(option => option.number === number)?.value, request.payload], [["p".repeat(length)], value, value]);
			}
		}
	});

	test("bodies both ways in blocks of any size of either side, the smaller one wins", () => {
		for (const served of [16, 128, 1_024]) {
			for (const wanted of [16, 64, 1_024]) {
				for (const transport of ["udp", "tcp"] as const) {
					const { code, payload, requests } = play({
						transport, limits: { blockLength: served }, client: { blockLength: wanted }, asked: { code: Code.POST, path: "echo", payload: BODY, timeout: 600_000 },
					});
					assert.deepEqual([code, payload, requests.length], ["2.04", BODY, 1], `${served} and ${wanted} over ${transport}`);
				}
			}
		}
	});

	test("over a stream with room for it, bodies go in several blocks at a time, or whole", () => {
		for (const [messageMaximum, serverMaximum] of [[1_152, 65_536], [4_096, 65_536], [4_096, 1_152], [16_384, 2_500]] as const) {
			const { code, payload, requests } = play({
				transport: "tcp", client: { messageMaximum }, limits: { messageMaximum: serverMaximum }, asked: { code: Code.POST, path: "echo", payload: BODY },
			});
			assert.deepEqual([code, payload, requests.length], ["2.04", BODY, 1], `${messageMaximum} and ${serverMaximum}`);
		}
	});

	test("one block of a body, and one beyond it", () => {
		const { payload, response } = play({ asked: { code: Code.GET, path: "a", block: { number: 5, size: 256 } } });
		const place = ({ block }: Response) => [block!.number, block!.more, block!.size];
		assert.deepEqual([payload, place(response!)], [BODY.slice(1_280, 1_536), [5, true, 256]]);
		const smaller = play({ limits: { blockLength: 64 }, asked: { code: Code.GET, path: "a", block: { number: 5, size: 256 } } });
		assert.deepEqual([smaller.payload, place(smaller.response!)], [BODY.slice(1_280, 1_344), [20, true, 64]]);
		assert.equal(play({ asked: { code: Code.GET, path: "a", block: { number: 50, size: 256 } } }).code, "4.00");
	});

	test("a body that changes on the way is fetched again, and never mixed", () => {
		let count = 0;
		const { code, payload } = play({ limits: { blockLength: 256 }, handler: (_, reply) => { reply({ code: "2.05", payload: BODY.map(byte => byte ^ (++count > 15_000 ? 1 : 0)) }); } });
		assert.equal(code, "2.05");
		assert.ok([0, 1].some(mask => payload.every((byte, index) => byte === (BODY[index]! ^ mask))));
	});

	test("a body that the server does not take", () => {
		const { code, requests } = play({ limits: { bodyMaximum: 2_000 }, asked: { code: Code.PUT, path: "a", payload: BODY } });
		assert.deepEqual([code, requests.length], ["4.13", 0]);
	});
});

suite("CoAP client and server: faults", () => {
	const GET: RequestOptions = { code: Code.GET, path: "a" }, POST: RequestOptions = { code: Code.POST, path: "a", payload: toBytes("x") };

	test("what is lost or doubled is made good, and done once", () => {
		const faults: Record<string, Setting["prepare"]> = {
			"a request": each => { each.lose("request", { count: 2 }); },
			"a response": each => { each.lose("response", { count: 2 }); },
			"an acknowledgement of a separate response's request": each => { each.separate(); each.lose("acknowledgement", { count: 2 }); },
			"a separate response": each => { each.separate(); each.lose("response", { count: 2 }); },
			"doubled requests and responses": each => { each.duplicate(); },
			"doubled separate responses": each => { each.separate(); each.duplicate(); },
			"no message at all": each => { each.spoil("garbage", { count: 1 }); },
			"late": each => { each.delay(3_500); },
		};
		for (const [name, prepare] of Object.entries(faults)) {
			for (const asked of [GET, POST]) {
				const { code, requests } = play({ asked, prepare: prepare!, limits: { blockLength: 1_024 }, handler: (_, reply) => { reply({ code: "2.05" }); } });
				assert.deepEqual([code, requests.length], ["2.05", 1], name);
			}
		}
	});

	test("bodies in blocks survive each of them", () => {
		for (const prepare of [
			(each: CoAPServer["faults"]) => { each.separate(); each.lose("response", { count: 3 }); }, (each: CoAPServer["faults"]) => { each.duplicate(); each.lose("request", { count: 3 }); },
			(each: CoAPServer["faults"]) => { each.delay(2_500); }, (each: CoAPServer["faults"]) => { each.spoil("garbage", { count: 2 }); },
		]) {
			const { code, payload, requests } = play({ asked: { code: Code.POST, path: "echo", payload: BODY }, prepare });
			assert.deepEqual([code, payload, requests.length], ["2.04", BODY, 1]);
		}
	});

	test("a reset is an end, a token that is another is none", () => {
		assert.equal(play({ prepare: each => { each.spoil("reset", { count: 1 }); } }).code, "rejected");
		assert.equal(play({ prepare: each => { each.spoil("wrong-token", { count: 1 }); }, asked: { ...GET, timeout: 60_000 } }).code, "closed");
	});

	test("an Echo that is demanded is given, for one message and for a body in blocks", () => {
		for (const asked of [POST, { code: Code.PUT, path: "a", payload: BODY }]) {
			const { code, requests } = play({ asked, prepare: each => { each.challenge({ count: 1 }); } });
			assert.deepEqual([code, requests.length], ["2.04", 1]);
		}
	});

	test("a refusal says when to come again", () => {
		const { code, response, requests } = play({ prepare: each => { each.refuse(20, { count: 1 }); } });
		assert.deepEqual([code, uintOf(response!.options, OptionNumber.MAX_AGE), requests.length], ["5.03", 20, 0]);
	});

	test("a server that says nothing, or acknowledges and says no more, is given up in time", () => {
		const silent = play({ asked: { ...GET, timeout: 30_000 }, prepare: each => { each.silence(); } });
		assert.deepEqual([silent.code, silent.took > 60_000 && silent.took <= 93_000], ["closed", true], `MAX_TRANSMIT_WAIT, after ${silent.took} ms`);
		const idle = play({ asked: { ...GET, timeout: 30_000 }, handler: () => {} });
		assert.deepEqual([idle.code, idle.took >= 30_000 && idle.took < 31_000, idle.requests.length], ["timeout", true, 1], `after ${idle.took} ms`);
	});
});
