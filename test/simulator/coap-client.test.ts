// SPDX-License-Identifier: Apache-2.0
/** The CoAP server and a client that others wrote, the package `coap`, on real datagrams. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, suite, test } from "node:test";
import { Agent, request, type IncomingMessage, type ObserveReadStream, type OutgoingMessage } from "coap";
import { serveCoAP, type CoAPServed } from "../../hosts/simulator/coap/serve.js";
import { CoAPServer, type CoAPRequest } from "../../hosts/simulator/coap/server.js";
import { toBytes } from "./coap-scene.js";

type Asked = Parameters<typeof request>[0] & object;

const LARGE = Buffer.from(Uint8Array.from({ length: 5_000 }, (_, index) => index * 17 + (index >> 8) & 0xff));

suite("CoAP server: a client of others", () => {
	const requests: CoAPRequest[] = [];
	let onDeregistered = () => {};
	const deregistered = new Promise<void>(resolve => { onDeregistered = resolve; });
	let server: CoAPServer, served: CoAPServed, agent: Agent, state = 0;

	before(async () => {
		server = new CoAPServer({
			random: target => { crypto.getRandomValues(target); },
			links: () => [{ path: "/state", attributes: { obs: true } }],
			handler: (asked, reply) => {
				requests.push(asked);
				if (asked.observe === 1) onDeregistered();
				switch (asked.path[0]) {
					case "large": return reply({ code: "2.05", payload: LARGE, contentFormat: 42 });
					case "state": return reply({ code: "2.05", payload: toBytes(String(state)), observable: true, contentFormat: 50 });
					case "later": setImmediate(() => { reply({ code: "2.05", payload: toBytes("late") }); }); return;
					case "upload": return reply({ code: "2.04", payload: toBytes(String(asked.payload.byteLength)) });
					default: return reply({ code: "4.04", payload: toBytes("no such thing") });
				}
			},
		});
		served = await serveCoAP(server, { udpPort: 0 });
		agent = new Agent({ type: "udp4" });
	});

	after(async () => {
		agent.close();
		await served.close();
	});

	function begin(asked: Asked): OutgoingMessage {
		return request({ hostname: "127.0.0.1", port: served.udpPort!, agent, ...asked });
	}

	async function ask(asked: Asked, payload?: Buffer): Promise<IncomingMessage> {
		const sent = begin(asked);
		if (payload) sent.write(payload);
		sent.end();
		const [response] = await once(sent, "response") as [IncomingMessage];
		return response;
	}

	test("a body in blocks, and its format", async () => {
		const { code, payload, headers } = await ask({ pathname: "/large" });
		assert.deepEqual([code, headers["Content-Format"]], ["2.05", "application/octet-stream"]);
		assert.ok(payload.equals(LARGE));
	});

	test("a body that is sent in blocks", async () => {
		const sent = begin({ pathname: "/upload", method: "PUT" });
		// Blocks of 512 bytes.
		sent.setOption("Block1", Buffer.of(5));
		sent.end(LARGE);
		const [{ code, payload }] = await once(sent, "response") as [IncomingMessage];
		assert.deepEqual([code, payload.toString()], ["2.04", "5000"]);
		assert.ok(LARGE.equals(requests.at(-1)!.payload));
	});

	test("a separate response, one that is an error, and one to what is not confirmable", async () => {
		assert.equal((await ask({ pathname: "/later" })).payload.toString(), "late");
		const missing = await ask({ pathname: "/missing", query: "a=b&c" });
		assert.deepEqual([missing.code, missing.payload.toString(), requests.at(-1)!.query], ["4.04", "no such thing", ["a=b", "c"]]);
		assert.equal((await ask({ pathname: "/state", confirmable: false })).payload.toString(), "0");
	});

	test("discovery", async () => {
		const { payload, headers } = await ask({ pathname: "/.well-known/core" });
		assert.deepEqual([payload.toString(), headers["Content-Format"]], ["</state>;obs", "application/link-format"]);
	});

	test("an observation, until its end", async () => {
		const response = await ask({ pathname: "/state", observe: true }) as ObserveReadStream, states: string[] = [];
		const isOver = new Promise<void>(resolve => {
			response.on("data", (bytes: Buffer) => {
				states.push(bytes.toString());
				if (states.length === 4) {
					resolve();
					return;
				}
				state++;
				server.notify(({ path }) => path[0] === "state");
			});
		});
		await isOver;
		assert.equal(server.observations, 1);
		// The package closes its socket before it deregisters, unless something else is under way.
		const other = ask({ pathname: "/later" });
		response.close(true);
		await Promise.all([other, deregistered]);
		assert.deepEqual([states, server.observations], [["0", "1", "2", "3"], 0]);
	});
});
