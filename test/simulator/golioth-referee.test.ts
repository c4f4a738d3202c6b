// SPDX-License-Identifier: Apache-2.0
/** Somebody else's CoAP client (npm `coap`) at the simulated Golioth on a socket: observations, blocks, and what is in them. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test, type TestContext } from "node:test";
import { Agent, request, type IncomingMessage, type ObserveReadStream, type OutgoingMessage } from "coap";
import { createGoliothCloud, type GoliothCloud } from "../../hosts/simulator/clouds/golioth/cloud.js";
import { decodeCbor, encodeCbor } from "../../hosts/simulator/clouds/golioth/codec.js";

const TIMEOUT = 20_000;
const ID = "lamp";
const BLOCK_LENGTH = 1_024, BLOCK_EXPONENT = 6;

class Client {
	readonly cloud: GoliothCloud;
	readonly #port: number;
	readonly #agent = new Agent({ type: "udp4" });

	constructor(context: TestContext, cloud: GoliothCloud, port: number) {
		this.cloud = cloud;
		this.#port = port;
		context.after(async () => {
			this.#agent.close();
			await cloud.close();
		});
	}

	static async make(context: TestContext): Promise<Client> {
		const cloud = createGoliothCloud({ indefinite: true });
		const { udpPort } = await cloud.serve({ port: 0 });
		cloud.manufacture(ID);
		return new Client(context, cloud, udpPort!);
	}

	async ask(method: "GET" | "POST" | "DELETE", pathname: string, payload?: Uint8Array, format = "application/cbor"): Promise<IncomingMessage> {
		const outgoing = this.#request({ method, pathname });
		outgoing.setOption(payload === undefined ? "Accept" : "Content-Format", format);
		// That client makes blocks where it is told to.
		if ((payload?.byteLength ?? 0) > BLOCK_LENGTH) outgoing.setOption("Block1", Buffer.of(BLOCK_EXPONENT));
		outgoing.end(payload === undefined ? undefined : Buffer.from(payload));
		const [incoming] = await once(outgoing, "response") as [IncomingMessage];
		return incoming;
	}

	async observe(pathname: string): Promise<AsyncIterator<Buffer>> {
		const outgoing = this.#request({ method: "GET", pathname, observe: true });
		outgoing.setOption("Accept", "application/cbor");
		outgoing.end();
		const [stream] = await once(outgoing, "response") as [ObserveReadStream];
		return stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
	}

	#request(options: { method: "GET" | "POST" | "DELETE"; pathname: string; observe?: boolean }): OutgoingMessage {
		return request({ ...options, hostname: "127.0.0.1", port: this.#port, agent: this.#agent });
	}
}

test("Golioth's state, by another client", { timeout: TIMEOUT }, async context => {
	const client = await Client.make(context);
	const { cloud } = client;
	const changes = await client.observe("/.d/desired");
	assert.deepEqual((await changes.next()).value, Buffer.from([0xf6]));
	cloud.state.set(ID, "desired/on", true);
	assert.deepEqual(decodeCbor((await changes.next()).value as Buffer), new Map([["on", true]]));
	assert.equal((await client.ask("POST", "/.d/reported/on", Buffer.from("true"), "application/json")).code, "2.01");
	assert.equal((await client.ask("GET", "/.d/reported", undefined, "application/json")).payload.toString(), `{"on":true}`);
	assert.equal((await client.ask("DELETE", "/.d/reported/on")).code, "2.02");
	// A body of several blocks, there and back.
	const long = { text: "x".repeat(3_000) };
	assert.equal((await client.ask("POST", "/.d/long", encodeCbor(long))).code, "2.01");
	assert.deepEqual(decodeCbor((await client.ask("GET", "/.d/long")).payload), new Map(Object.entries(long)));
	assert.deepEqual({ ...cloud.state.get(ID, "long") as object }, long);
});

test("Golioth's calls, by another client", { timeout: TIMEOUT }, async context => {
	const client = await Client.make(context);
	const calls = await client.observe("/.rpc");
	assert.equal(decodeCbor((await calls.next()).value as Buffer), "OK");
	const done = new Promise(resolve => { client.cloud.rpc.call(ID, "add", [1.5, 2], { onDone: resolve }); });
	const request = decodeCbor((await calls.next()).value as Buffer) as Map<string, unknown>;
	assert.deepEqual([request.get("method"), request.get("params")], ["add", [1.5, 2]]);
	const answer = encodeCbor({ id: request.get("id"), detail: { sum: 3.5 }, statusCode: 0 }, true);
	assert.equal((await client.ask("POST", "/.rpc/status", answer)).code, "2.04");
	const { statusCode, detail } = await done as { statusCode: number; detail: object };
	assert.deepEqual([statusCode, { ...detail }], [0, { sum: 3.5 }]);
});

test("Golioth's manifest and artifact, by another client", { timeout: TIMEOUT }, async context => {
	const client = await Client.make(context);
	const { releases } = client.cloud;
	const artifact = Buffer.alloc(10_000, 0).map((_, index) => index % 251);
	const manifests = await client.observe("/.u/desired");
	await manifests.next();
	releases.upload("main", "1.0.1", artifact);
	releases.deploy(ID, "main@1.0.1");
	const manifest = decodeCbor((await manifests.next()).value as Buffer) as Map<number, Map<number, unknown>[]>;
	const uri = manifest.get(3)![0]!.get(5) as string;
	assert.equal(uri, "/.u/c/main@1.0.1");
	assert.deepEqual((await client.ask("GET", uri, undefined, "application/octet-stream")).payload, artifact);
	assert.ok(releases.blocks >= 10, `${releases.blocks} blocks`);
});
